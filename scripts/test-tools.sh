#!/usr/bin/env bash
# Installs Python tools that some tests use, into .build/aws-tools: cfn-lint, and moto's emulation of AWS. Where that can't
# be done those tests are skipped, and say so.
set -uo pipefail
cd -- "$(dirname -- "$0")/.."

tools=.build/aws-tools
packages=("cfn-lint>=1.0" "moto[server,iot]>=5.0" boto3)
[ -x "$tools/bin/moto_server" ] && [ -x "$tools/bin/cfn-lint" ] && exit 0
echo "Installing cfn-lint and moto into $tools..." >&2
mkdir -p .build
if ! { python3 -m venv "$tools" && "$tools/bin/pip" install -q --disable-pip-version-check "${packages[@]}"; } \
  >.build/aws-tools.log 2>&1; then
  tail -n 3 .build/aws-tools.log >&2
  echo "They could not be installed: the tests of the AWS template will be skipped." >&2
fi
