#!/usr/bin/env bash
# Checks what can be checked of Dockerfile, compose.yaml and deploy/kubernetes without a container engine: the files against their
# schemas, the options they use against the executable's help, the image's packages against scripts/setup.sh and Debian; and the
# commands of compose.yaml, started as processes of one folder, store what the truck sends.
#   scripts/deploy-check.sh    DEPLOY_PYTHON names a Python with kubernetes-validate and check-jsonschema (without them it says
#                              what it leaves out), TRUCKSENSOR_EXECUTABLE another executable
set -euo pipefail
cd -- "$(dirname -- "$0")/.."
. scripts/common.sh
python=${DEPLOY_PYTHON:-python3}
find_executable
if "$python" -c "import kubernetes_validate, check_jsonschema" 2>/dev/null; then
  for version in 1.25 1.31; do
    "$python" -m kubernetes_validate -k "$version" --strict --quiet deploy/kubernetes/*.yaml
  done
  "$python" -m check_jsonschema --quiet --builtin-schema vendor.compose-spec compose.yaml
else
  echo "left out: the schemas (pip install kubernetes-validate check-jsonschema; DEPLOY_PYTHON names another Python)"
fi
if ! "$python" -c "import yaml" 2>/dev/null; then
  echo "left out: options and commands ($python has no PyYAML)"
  exit 0
fi
"$python" - "$binary" <<'CHECK'
import os, re, shutil, subprocess, sys, tempfile, time, yaml
binary = sys.argv[1]
compose = yaml.safe_load(open("compose.yaml"))
commands = {name: service["command"] for name, service in compose["services"].items() if service["image"] == "trucksensor"}
kubernetes = [document for path in os.listdir("deploy/kubernetes") if path.endswith(".yaml")
              for document in yaml.safe_load_all(open(f"deploy/kubernetes/{path}"))]
used = list(commands.values())
for document in kubernetes:
    for container in document.get("spec", {}).get("template", {}).get("spec", {}).get("containers", []):
        used.append(container["args"])
assert len(used) >= 6, used
for arguments in used:
    words = [word for word in arguments if not word.startswith("-")]
    command = words[:2] if words[0] == "rules" else words[:1]
    help = subprocess.run([binary, *command, "--help"], capture_output=True, text=True).stdout
    for argument in arguments:
        if argument.startswith("--"):
            option = argument.split("=")[0]
            assert re.search(rf"{re.escape(option)}\b", help), f"'{' '.join(command)}' has no option {option}"
# Each -dev package that setup.sh installs is in the build image, and each package of both images exists.
docker = open("Dockerfile").read()
packages = set(re.findall(r"^\s+([a-z0-9+.-]+\b(?: [a-z0-9+.-]+)*) \\$", docker, re.M))
packages = {word for line in packages for word in line.split()}
setup = re.search(r"^packages=\((.*?)^\)", open("scripts/setup.sh").read(), re.S | re.M).group(1)
for line in setup.splitlines():
    name = line.split("#")[0].strip()
    assert not name or name in packages, f"scripts/setup.sh installs {name}, and no stage of the Dockerfile does"
if shutil.which("apt-cache"):
    for name in packages:
        assert subprocess.run(["apt-cache", "show", name], capture_output=True).returncode == 0, f"Debian has no package {name}"
print(f"options of {len(used)} commands and {len(packages)} packages: ok")

folder = tempfile.mkdtemp()
for source in ("rules", "TruckSensorFiles"):
    shutil.copytree(source, f"{folder}/{source}")
processes = []
def start(name):
    process = subprocess.Popen([binary, *commands[name]], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    processes.append(process)
def until(what, *arguments, accept=lambda done: done.returncode == 0):
    for _ in range(120):
        done = subprocess.run([binary, *arguments], cwd=folder, capture_output=True, text=True)
        if accept(done):
            return done
        time.sleep(0.25)
    raise SystemExit(f"{what}: {done.stdout}{done.stderr}")
try:
    start("broker")
    until("the broker isn't healthy", *compose["services"]["broker"]["healthcheck"]["test"][1].split(">")[0].split()[1:])
    start("engine")
    start("truck")
    done = until("nothing is stored", "store", "query", "SELECT count(*) FROM truck01_sensors_wide", "--format", "csv",
                 accept=lambda done: done.returncode == 0 and int(done.stdout.split()[-1]) > 2)
    print("the commands of compose.yaml store what the truck sends: ok")
finally:
    for process in reversed(processes):
        process.terminate()
        process.wait()
    shutil.rmtree(folder)
CHECK
