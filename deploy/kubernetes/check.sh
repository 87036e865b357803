#!/usr/bin/env bash
# Validates the documents against the schemas of Kubernetes, strictly; skipped with a message if the package is missing.
#   deploy/kubernetes/check.sh    KUBERNETES_PYTHON names a Python that has kubernetes-validate and PyYAML
set -euo pipefail
cd -- "$(dirname -- "$0")"
python=${KUBERNETES_PYTHON:-python3}
if ! "$python" -c 'import kubernetes_validate, yaml' 2>/dev/null; then
  echo "skipped: pip install kubernetes-validate pyyaml (KUBERNETES_PYTHON names its Python)"
  exit 0
fi
"$python" - <<'CHECK'
import sys
import kubernetes_validate, yaml

named = yaml.safe_load(open("kustomization.yaml"))["resources"]
version = kubernetes_validate.latest_version()
count = 0
for path in named:
    for document in yaml.safe_load_all(open(path)):
        kubernetes_validate.validate(document, version, strict=True)
        count += 1
print(f"{count} documents in {len(named)} files are valid for Kubernetes {version}")
CHECK
