#!/usr/bin/env bash
# Installs Python tools that some tests use, into .build/aws-tools: cfn-lint, moto's
# emulation of AWS, AWS's command line and device SDKs, DuckDB and sqlglot as a second opinion on SQL, playwright for a browser, axe-core
# for its accessibility, and Grafana's SDK.
# If they can't be installed, those tests are skipped and report it.
set -uo pipefail
cd -- "$(dirname -- "$0")/.."

tools=.build/aws-tools
# The foundation SDK's version has an epoch: without it pip takes that of an old Grafana.
packages=("cfn-lint>=1.0" "moto[server,iot]>=5.0" boto3 "awscli>=1.40,<2" pytest awswrangler AWSIoTPythonSDK awsiotsdk duckdb sqlglot playwright "axe-playwright-python==0.1.8"
  "grafana-foundation-sdk==1769699379!11.6.0")
[ -x "$tools/bin/moto_server" ] && [ -x "$tools/bin/cfn-lint" ] && [ -x "$tools/bin/playwright" ] \
  && [ -d "$tools"/lib/python3*/site-packages/grafana_foundation_sdk ] \
  && [ -d "$tools"/lib/python3*/site-packages/AWSIoTPythonSDK ] \
  && [ -d "$tools"/lib/python3*/site-packages/duckdb ] && [ -d "$tools"/lib/python3*/site-packages/sqlglot ] \
  && [ -d "$tools"/lib/python3*/site-packages/awswrangler ] && [ -x "$tools/bin/aws" ] && [ -x "$tools/bin/pytest" ] \
  && [ -d "$tools"/lib/python3*/site-packages/awsiot ] && [ -d "$tools"/lib/python3*/site-packages/axe_playwright_python ] && exit 0
echo "Installing cfn-lint, moto, AWS's device SDKs, playwright and Grafana's SDK into $tools..." >&2
mkdir -p .build
if ! { python3 -m venv "$tools" && "$tools/bin/python" -m pip install -q --disable-pip-version-check "${packages[@]}"; } \
  >.build/aws-tools.log 2>&1; then
  tail -n 3 .build/aws-tools.log >&2
  echo "They could not be installed: the tests of the AWS template, AWS's SDKs, the page and the Grafana files will be skipped." >&2
fi
