#!/usr/bin/env bash
# Compares plans with the plain evaluator on random statements and payloads for an hour, or SECONDS, with ever new ones.
#   scripts/plan-check.sh [SECONDS]
set -euo pipefail
cd -- "$(dirname -- "$0")/.."
TRUCKSENSOR_PLAN_SECONDS=${1:-3600} swift test --filter PlanTests
