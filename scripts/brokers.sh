#!/usr/bin/env bash
# Runs simulator and rules engine against mosquitto, RabbitMQ, ejabberd and NATS with mutual TLS, and prints a table of what each
# broker does (docs/brokers.md). Brokers run on loopback, in a folder that is removed at the end.
#   scripts/brokers.sh [--install] [--quick] [--cluster] [BROKER...|cluster]
#     --install  installs missing brokers with apt-get; without it, a missing broker is skipped with a message
#     --quick    delivers at QoS 1 and stores by a rule, nothing else
#     --cluster  also runs three nodes of RabbitMQ in network namespaces, and kills one during a run (as root); 'cluster' runs only these,
#                CASES='classic/2/60 quorum/2/60' only some
#   COUNT is how many messages a trial sends, 5000 by default; TRUCKSENSOR_EXECUTABLE names another executable
set -euo pipefail
cd -- "$(dirname -- "$0")/.."
. scripts/common.sh
arguments=()
for argument in "$@"; do
  if [ "$argument" = --install ]; then
    # RUNLEVEL=1 keeps Debian's init scripts from starting the services.
    DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y --no-install-recommends \
      mosquitto rabbitmq-server ejabberd nats-server openssl >/dev/null
  else
    arguments+=("$argument")
  fi
done
find_executable
TRUCKSENSOR_EXECUTABLE=$binary exec python3 scripts/brokers.py "${arguments[@]}"
