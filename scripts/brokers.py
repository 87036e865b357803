"""What trucksensor sees of other brokers; see scripts/brokers.sh."""

import glob
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager

BINARY = os.path.abspath(os.environ["TRUCKSENSOR_EXECUTABLE"])
ROOT = os.getcwd()
WORK = tempfile.mkdtemp(prefix="trucksensor-brokers-")
CERTS = f"{WORK}/certs"
NAMES = ["truckSensor01", "rulesEngine", "mqttTestClient"]
COUNT = int(os.environ.get("COUNT", "5000"))
RULE = {
    "sql": "SELECT cast(n AS Int) AS number FROM 'truck/load'",
    "awsIotSqlVersion": "2016-03-23",
    "actions": [
        {"timestream": {
            "databaseName": "sensorDB", "tableName": "load", "dimensions": [{"name": "device", "value": "x"}],
            "timestamp": {"value": "${cast(n AS Int)}", "unit": "MILLISECONDS"}}},
        {"republish": {"topic": "truck/analyze", "qos": 1}},
    ],
}
processes = []


def shell(command, **options):
    done = subprocess.run(command, shell=True, capture_output=True, text=True, **options)
    if done.returncode != 0:
        raise RuntimeError(f"{command}: {done.stderr}")
    return done.stdout


def make_certificates(addresses=("127.0.0.1",)):
    os.makedirs(CERTS, exist_ok=True)
    shell(f"openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=brokers "
          f"-keyout {CERTS}/ca.key -out {CERTS}/root-CA.crt")
    names = ",".join(f"IP:{a}" for a in addresses) + ",DNS:localhost"
    for name in ["server"] + NAMES:
        usage = f"subjectAltName={names}" if name == "server" else "extendedKeyUsage=clientAuth"
        with open(f"{CERTS}/{name}.ext", "w") as file:
            file.write(f"basicConstraints=CA:false\n{usage}\n")
        shell(f"openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN={name} "
              f"-keyout {CERTS}/{name}.private.key -out {CERTS}/{name}.csr && "
              f"openssl x509 -req -in {CERTS}/{name}.csr -CA {CERTS}/root-CA.crt -CAkey {CERTS}/ca.key -CAcreateserial "
              f"-days 30 -extfile {CERTS}/{name}.ext -out {CERTS}/{name}.cert.pem")
    shell(f"chmod -R a+rX {WORK} && chmod a+r {CERTS}/*")


def is_free(port):
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_port():
    """A port that is free with the next two, below those that the kernel gives to connections."""
    while True:
        port = random.randrange(20_000, 30_000)
        if all(is_free(port + more) for more in range(3)):
            return port


def start(command, **options):
    """A process whose group ends with this script."""
    process = subprocess.Popen(command, start_new_session=True, stdin=subprocess.DEVNULL, **options)
    processes.append(process)
    return process


def end(process, number=signal.SIGTERM, patience=20):
    if process.poll() is None:
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            pass
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def wait_for_port(port, process, address="127.0.0.1", patience=60):
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            probe.settimeout(1)
            if probe.connect_ex((address, port)) == 0:
                return
        if process.poll() is not None:
            break
        time.sleep(0.2)
    raise RuntimeError(f"no broker at {address}:{port}")


# Brokers: each starts in a folder and returns its process.


def mosquitto(folder, port):
    with open(f"{folder}/conf", "w") as file:
        file.write(f"listener {port} 127.0.0.1\ncafile {CERTS}/root-CA.crt\ncertfile {CERTS}/server.cert.pem\n"
                   f"keyfile {CERTS}/server.private.key\nrequire_certificate true\nuse_identity_as_username true\n"
                   f"set_tcp_nodelay true\nmax_queued_messages 0\n" + ("user root\n" if os.getuid() == 0 else ""))
    return start([shutil.which("mosquitto") or "/usr/sbin/mosquitto", "-c", f"{folder}/conf"],
                 stderr=open(f"{folder}/log", "w"))


def rabbit_environment(folder, port, address, node):
    return dict(
        os.environ, HOME=folder, ERL_EPMD_ADDRESS=address, ERL_EPMD_PORT=str(port + 2),
        RABBITMQ_DIST_PORT=str(port + 1), RABBITMQ_NODENAME=node, RABBITMQ_CONFIG_FILE=f"{folder}/rabbitmq.conf",
        RABBITMQ_MNESIA_BASE=f"{folder}/mnesia", RABBITMQ_LOG_BASE=f"{folder}/log",
        RABBITMQ_ENABLED_PLUGINS_FILE=f"{folder}/enabled_plugins")


def rabbit_configuration(folder, port, address, more=""):
    with open(f"{folder}/rabbitmq.conf", "w") as file:
        file.write(f"""listeners.tcp = none
mqtt.listeners.tcp = none
mqtt.listeners.ssl.1 = {address}:{port}
mqtt.allow_anonymous = false
mqtt.ssl_cert_login = true
mqtt.prefetch = 1000
ssl_cert_login_from = common_name
ssl_options.cacertfile = {CERTS}/root-CA.crt
ssl_options.certfile = {CERTS}/server.cert.pem
ssl_options.keyfile = {CERTS}/server.private.key
ssl_options.verify = verify_peer
ssl_options.fail_if_no_peer_cert = true
load_definitions = {folder}/definitions.json
{more}""")
    # Each client that signs in by its certificate is a user without a password, which may use the queues of its sessions.
    everything = {"vhost": "/", "configure": ".*", "write": ".*", "read": ".*"}
    with open(f"{folder}/definitions.json", "w") as file:
        json.dump({"vhosts": [{"name": "/"}], "users": [{"name": name, "password_hash": "", "tags": ""} for name in NAMES],
                   "permissions": [{"user": name, **everything} for name in NAMES]}, file)
    with open(f"{folder}/enabled_plugins", "w") as file:
        file.write("[rabbitmq_mqtt].")


def rabbitmq(folder, port):
    rabbit_configuration(folder, port, "127.0.0.1")
    environment = rabbit_environment(folder, port, "127.0.0.1", f"ts{port}@localhost")
    environment["RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS"] = "-kernel inet_dist_use_interface {127,0,0,1}"
    out = open(f"{folder}/out", "w")
    # Otherwise RabbitMQ starts it as a daemon, which outlives this script.
    epmd = start(["epmd"], env=environment, stdout=out, stderr=out)
    wait_for_port(port + 2, epmd)
    return start(["/usr/lib/rabbitmq/bin/rabbitmq-server"], env=environment, stdout=out, stderr=out)


def ejabberd(folder, port):
    shell(f"cat {CERTS}/server.cert.pem {CERTS}/server.private.key > {folder}/server.pem; chmod 600 {folder}/server.pem; "
          f"mkdir -p {folder}/db")
    with open(f"{folder}/ejabberd.yml", "w") as file:
        file.write(f"""hosts: [localhost]
loglevel: warning
certfiles: ["{folder}/server.pem"]
c2s_cafile: "{CERTS}/root-CA.crt"
auth_method: [internal]
listen:
  - port: {port}
    ip: "127.0.0.1"
    module: mod_mqtt
    tls: true
    tls_verify: true
    backlog: 100
modules:
  mod_mqtt: {{}}
""")
    environment = dict(os.environ, EJABBERD_CONFIG_PATH=f"{folder}/ejabberd.yml", HOME=folder,
                       EJABBERD_LOG_PATH=f"{folder}/ejabberd.log")
    out = open(f"{folder}/out", "w")
    return start(["erl", "-noinput", "-pa", sorted(glob.glob("/usr/lib/*/ejabberd-*/ebin"))[0],
                  "-mnesia", "dir", f'"{folder}/db"', "-s", "ejabberd"], env=environment, stdout=out, stderr=out)


def nats(folder, port):
    with open(f"{folder}/nats.conf", "w") as file:
        file.write(f"""server_name: trucks
listen: "127.0.0.1:{free_port()}"
jetstream {{ store_dir: "{folder}/jetstream" }}
mqtt {{
  listen: "127.0.0.1:{port}"
  tls {{ cert_file: "{CERTS}/server.cert.pem", key_file: "{CERTS}/server.private.key", ca_file: "{CERTS}/root-CA.crt", verify: true }}
}}
""")
    return start(["nats-server", "-c", f"{folder}/nats.conf"], stderr=open(f"{folder}/log", "w"))


BROKERS = {
    "mosquitto": (mosquitto, "mosquitto", "/usr/sbin/mosquitto"),
    "RabbitMQ": (rabbitmq, "rabbitmq-server", "/usr/lib/rabbitmq/bin/rabbitmq-server"),
    "ejabberd": (ejabberd, "ejabberd", "/usr/sbin/ejabberdctl"),
    "NATS": (nats, "nats-server", "/usr/sbin/nats-server"),
}


# What is tried


class Bench:
    """trucksensor in a folder of its own, against one endpoint."""

    def __init__(self, folder, endpoint, connect_timeout="10s"):
        self.folder, self.endpoint, self.connect_timeout = folder, endpoint, connect_timeout
        os.makedirs(f"{folder}/load")
        os.symlink(f"{ROOT}/TruckSensorFiles", f"{folder}/TruckSensorFiles")
        os.symlink(CERTS, f"{folder}/certs")
        with open(f"{folder}/load/load.json", "w") as file:
            json.dump(RULE, file)

    def command(self, command, device, *arguments):
        return [BINARY, *command.split(), "--device", device, "--endpoint", self.endpoint, *arguments]

    def simulate(self, qos=1, count=COUNT, rate=1000, version=None, patience=120, drain="20s", device="truckSensor01"):
        """Its summary, or its last line of standard error."""
        arguments = ["--topic", "truck/load", "--qos", str(qos), "--rate", str(rate), "--count", str(count), "--loop",
                     "--quiet", "--json", "--connect-timeout", self.connect_timeout, "--drain-timeout", drain]
        if version:
            arguments += ["--mqtt", version]
        try:
            done = subprocess.run(self.command("simulate", device, *arguments), cwd=self.folder, capture_output=True,
                                  text=True, timeout=patience)
        except subprocess.TimeoutExpired:
            return None, f"no end within {patience} s"
        lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
        errors = [line for line in done.stderr.strip().splitlines() if not line.startswith(("For the cause", "warning:"))]
        error = (errors or [""])[-1].removeprefix("trucksensor: ").replace(self.endpoint, "the broker")
        return (json.loads(lines[-1]) if lines else None), error if done.returncode else ""

    def sign_in(self):
        """Waits until a truck may publish: RabbitMQ listens before it has read its users."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            summary, error = self.simulate(count=1)
            if summary and summary["acknowledged"] == 1:
                return
            time.sleep(0.2)
        raise RuntimeError(f"the truck can't sign in: {error}")

    def engine(self, name="engine", *arguments, store="data/sensorDB.sqlite"):
        out, err = open(f"{self.folder}/{name}.out", "w"), open(f"{self.folder}/{name}.err", "w")
        process = start(self.command("rules run", "rulesEngine", "--rules", "load", "--client-id", name, "--json",
                                     "--store", store, "--connect-timeout", self.connect_timeout, *arguments),
                        cwd=self.folder, stdout=out, stderr=err)
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and process.poll() is None:
            errors = self.errors(name)
            if "rules: ready" in errors:
                return process
            if "not authorized" in errors:
                break
            time.sleep(0.1)
        end(process)
        return None

    def errors(self, name):
        with open(f"{self.folder}/{name}.err") as file:
            return file.read()

    def reason(self, name):
        """Why an engine isn't ready."""
        lines = [line for line in self.errors(name).splitlines() if "refused" in line] or ["no answer within 20 s"]
        return lines[0].removeprefix("problem: ").removeprefix("trucksensor: ").replace(self.endpoint, "the broker").split(". ")[0]

    def matched(self, name):
        """How many messages an engine that has ended has had."""
        with open(f"{self.folder}/{name}.out") as file:
            return json.loads(file.read())["rules"]["load"]["TopicMatch"]

    def stored(self, store="data/sensorDB.sqlite"):
        done = subprocess.run([BINARY, "store", "query", "SELECT count(*) FROM load_wide", "--store", store,
                               "--format", "csv"], cwd=self.folder, capture_output=True, text=True)
        return int(done.stdout.split()[-1]) if done.returncode == 0 else 0

    def settled(self, expected, store="data/sensorDB.sqlite", patience=30, still=5):
        """What is stored once it is as expected, or hasn't grown for some seconds."""
        last, since, deadline = -1, time.monotonic(), time.monotonic() + patience
        while time.monotonic() < deadline:
            now = self.stored(store)
            if now != last:
                last, since = now, time.monotonic()
            if now >= expected or time.monotonic() - since > still:
                break
            time.sleep(0.3)
        return last


def versions(bench):
    found = []
    for version in ("5", "3.1.1"):
        summary, _ = bench.simulate(count=1, version=version)
        if summary and summary["acknowledged"] == 1:
            found.append(version)
    summary, error = bench.simulate(count=1)
    automatic = "automatic: connects" if summary and summary["acknowledged"] == 1 else f"automatic: {error}"
    return f"{' and '.join(found) or 'none'} ({automatic})"


def subscriber_count(bench, qos):
    out, err = open(f"{bench.folder}/sub.out", "w"), open(f"{bench.folder}/sub.err", "w")
    process = start(bench.command("subscribe", "mqttTestClient", "truck/load", "--qos", str(qos), "--json",
                                 "--client-id", "mqttTestClient"),
                    cwd=bench.folder, stdout=out, stderr=err)
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and process.poll() is None and "subscribed" not in bench.errors("sub"):
        time.sleep(0.1)
    return process


def delivery(bench, qos):
    process = subscriber_count(bench, qos)
    summary, error = bench.simulate(qos=qos, count=COUNT)
    arrived, deadline = 0, time.monotonic() + 10
    while time.monotonic() < deadline and arrived < COUNT:
        time.sleep(0.1)
        with open(f"{bench.folder}/sub.out") as file:
            arrived = sum(1 for _ in file)
    end(process)
    if not summary:
        return error
    if error and not arrived:
        return f"no: {error}"
    return f"{summary['acknowledged']} acknowledged, {arrived} arrived" + (f" ({error})" if error else "")


def rule(bench):
    """How many messages a rule has stored, of how many; and the engine, or why there is none."""
    engine = bench.engine()
    if not engine:
        return 0, 0, None, "no: " + bench.reason("engine")
    summary, error = bench.simulate()
    if not summary:
        end(engine)
        return 0, 0, None, error
    return bench.settled(summary["acknowledged"]), summary["acknowledged"], engine, ""


def rule_only(bench):
    stored, acknowledged, engine, error = rule(bench)
    if not engine:
        return error
    end(engine)
    return f"{stored} of {acknowledged} stored"


def journey(bench):
    stored, acknowledged, engine, error = rule(bench)
    if not engine:
        return error
    # Killed: what is published then waits in its session.
    end(engine, signal.SIGKILL)
    again, error = bench.simulate(count=2 * COUNT, rate=4000)
    if not again:
        return f"{stored} of {acknowledged} stored; away: {error}"
    store = "data/away.sqlite"
    engine = bench.engine(store=store)
    late = bench.settled(again["acknowledged"], store) if engine else 0
    if engine:
        end(engine)
    return f"{stored} of {acknowledged} stored; {late} of {again['acknowledged']} after a SIGKILL"


def shared(bench):
    engines = [bench.engine(name, "--shared", "fleet", store="data/shared.sqlite") for name in ("first", "second")]
    if not all(engines):
        name = "first" if not engines[0] else "second"
        for engine in engines:
            if engine:
                end(engine)
        return "no: " + bench.reason(name)
    summary, error = bench.simulate(rate=1000)
    if not summary:
        return error
    stored = bench.settled(summary["acknowledged"], "data/shared.sqlite")
    for engine in engines:
        end(engine)
    shares = [bench.matched("first"), bench.matched("second")]
    verdict = "yes" if sum(shares) == summary["acknowledged"] == stored and min(shares) > 0 else "NO"
    return f"{verdict}: {shares[0]} + {shares[1]}, {stored} of {summary['acknowledged']} stored"


TRIALS = {
    "MQTT": versions,
    "QoS 0": lambda bench: delivery(bench, 0),
    "QoS 1": lambda bench: delivery(bench, 1),
    "QoS 2": lambda bench: delivery(bench, 2),
    "rule → store, QoS 1": journey,
    "`--shared`": shared,
}
# What the tests run.
QUICK_TRIALS = {"QoS 1": TRIALS["QoS 1"], "rule → store, QoS 1": rule_only}


@contextmanager
def broker(name):
    begin = time.monotonic()
    folder, port = f"{WORK}/{name}", free_port()
    os.makedirs(folder)
    process = BROKERS[name][0](folder, port)
    try:
        wait_for_port(port, process)
        Bench(f"{folder}/first", f"127.0.0.1:{port}").sign_in()
        print(f"{name}: ready after {time.monotonic() - begin:.1f} s", flush=True)
        yield f"127.0.0.1:{port}"
    finally:
        end(process)


def version_of(name):
    package = BROKERS[name][1]
    return shell(f"dpkg-query -W -f '${{Version}}' {package}").split("-")[0].split("+")[0]


def run(names, trials):
    table = {}
    for name in names:
        if not os.path.exists(BROKERS[name][2]):
            print(f"{name}: skipped, the package {BROKERS[name][1]} isn't installed (scripts/brokers.sh --install)")
            continue
        with broker(name) as endpoint:
            rows = table[f"{name} {version_of(name)}"] = {}
            for number, (trial, what) in enumerate(trials.items()):
                bench = Bench(f"{WORK}/{name}/bench-{number}", endpoint)
                try:
                    rows[trial] = what(bench)
                except (RuntimeError, ValueError, OSError) as error:
                    rows[trial] = f"failed: {error}"
                print(f"  {trial}: {rows[trial]}", flush=True)
    if table:
        print("\n| | " + " | ".join(table) + " |\n|" + " --- |" * (len(table) + 1))
        for trial in trials:
            print(f"| {trial} | " + " | ".join(rows[trial] for rows in table.values()) + " |")


def main():
    arguments = sys.argv[1:]
    cluster = "--cluster" in arguments
    names = [argument for argument in arguments if not argument.startswith("--")] or list(BROKERS)
    if names == ["cluster"]:
        names, cluster = [], True
    for name in names:
        if name not in BROKERS:
            sys.exit(f"brokers.sh: unknown broker '{name}'; known are {', '.join(BROKERS)}")
    try:
        make_certificates(["127.0.0.1"] + [f"10.77.0.{n}" for n in range(1, 5)])
        run(names, QUICK_TRIALS if "--quick" in arguments else TRIALS)
        if cluster:
            import brokers_cluster
            brokers_cluster.run(sys.modules[__name__])
    finally:
        for process in reversed(processes):
            end(process, signal.SIGKILL)
        if os.environ.get("KEEP"):
            print(WORK)
        else:
            shutil.rmtree(WORK, ignore_errors=True)


main()
