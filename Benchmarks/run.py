"""Every target beside its peers; see Benchmarks/run.sh."""

import argparse
import datetime
import glob
import html
import json
import os
import platform
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BINARY = os.path.abspath(os.environ["TRUCKSENSOR_EXECUTABLE"])
PEERS = f"{ROOT}/Benchmarks/peers"
WORK = tempfile.mkdtemp(prefix="trucksensor-benchmarks-")
# The truck's message of 110 bytes.
PAYLOAD = '{"uptime":"1","volts":"12.11","temp":"21.90","door":"0","i":"1","n":"1000000","timestamp":1729703643.97973500}'
OURS = "trucksensor"
processes = []


class Panel:
    """One figure of several contenders: the values of all rounds."""

    def __init__(self, title, unit, higher_is_better, target="", bound=None):
        self.title, self.unit, self.higher, self.target = title, unit, higher_is_better, target
        self.values, self.notes = {}, {}

    def add(self, contender, value, note=""):
        self.values.setdefault(contender, []).append(value)
        if note:
            self.notes[contender] = note

    def median(self, contender):
        return statistics.median(self.values[contender])


def output(command, **options):
    options.setdefault("timeout", 900)
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, **options)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, command))} exited with {done.returncode}: {(done.stderr or done.stdout)[-500:]}")
    return done.stdout


def start(command, **options):
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, **options)
    processes.append(process)
    return process


def end(process, number=signal.SIGTERM):
    if process.poll() is None:
        process.send_signal(number)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_for(what, condition, patience=60):
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        found = condition()
        if found:
            return found
        time.sleep(0.02)
    raise RuntimeError(f"waited {patience} s for {what}")


def read(path):
    with open(path) as file:
        return file.read()


def fresh(name):
    folder = tempfile.mkdtemp(prefix=f"{name}-", dir=WORK)
    os.symlink(f"{ROOT}/TruckSensorFiles", f"{folder}/TruckSensorFiles")
    return folder


@contextmanager
def broker():
    """A local broker without a journal, in a folder of its own: folder, port."""
    folder = fresh("broker")
    out = open(f"{folder}/out", "w")
    process = start([BINARY, "broker", "truckSensor01", "--port", str(free_port()), "--journal", "off", "--json"],
                    cwd=folder, stdout=out, stderr=open(f"{folder}/err", "w"))
    try:
        line = wait_for("the broker", lambda: read(f"{folder}/out") or process.poll() is not None and "ended")
        if line == "ended":
            raise RuntimeError(f"the broker ended: {read(folder + '/err')}")
        yield folder, json.loads(line)["port"]
    finally:
        end(process)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def compile_peer(name, *libraries):
    path = f"{WORK}/{name}"
    if not os.path.exists(path):
        output(["cc", "-O2", "-o", path, f"{PEERS}/{name}.c", *libraries])
    return path


def peak(process):
    """The highest resident set of a process so far, in MB."""
    for line in read(f"/proc/{process.pid}/status").splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) * 1024 / 1e6
    return 0.0


def simulate(folder, *arguments):
    return json.loads(output([BINARY, "simulate", "--quiet", "--json", "--loop", *arguments], cwd=folder).splitlines()[-1])


# P1, P2: one publisher


def publishing(options, qos):
    panel = Panel(f"Messages per second that arrive at a subscriber, QoS {qos}, mutual TLS", "/s", True)
    count = 20_000 if options.quick else 300_000 if qos == 0 else 100_000
    counter = compile_peer("count", "-lmosquitto")
    publish = compile_peer("publish", "-lmosquitto")
    raw = compile_peer("raw_writer", "-lssl", "-lcrypto")
    with broker() as (folder, port):
        with open(f"{folder}/lines", "w") as file:
            file.writelines([PAYLOAD + "\n"] * count)
        certificate = ["--cafile", "data/ca/root-CA.crt", "--cert", "certs/truckSensor01.cert.pem", "--key",
                       "certs/truckSensor01.private.key"]
        python = [sys.executable, f"{PEERS}/publish.py"]
        contenders = {
            OURS: (count, [BINARY, "simulate", "--rate", "max", "--qos", str(qos), "--count", str(count), "--loop", "--quiet",
                           "--json"]),
            "C on libmosquitto": (count, [publish, str(port), str(qos), str(count), PAYLOAD]),
            "mqtt.js": (count, ["node", f"{PEERS}/publish.js", str(port), str(qos), str(count), PAYLOAD]),
            "mosquitto_pub -l": (count, ["sh", "-c", 'exec "$@" < lines', "sh", "mosquitto_pub", "-h", "127.0.0.1", "-p", str(port),
                                         "-i", "truckSensor01", "-t", "truck/freezer", "-q", str(qos), "-l", *certificate]),
        }
        if qos == 0:
            contenders["raw writer, 64 packets a record"] = (count, [raw, str(port), str(count), PAYLOAD])
        # The Python clients get fewer messages, because they take ten times as long.
        few = max(count // 5, 5000)
        for library, name in (("awsiotsdk", "awsiotsdk (Python)"), ("AWSIoTPythonSDK", "AWSIoTPythonSDK"), ("paho", "paho-mqtt (Python)")):
            contenders[name] = (few, [*python, library, str(port), str(qos), str(few), PAYLOAD])
        for _ in range(options.rounds):
            for name, (messages, command) in contenders.items():
                err = f"{folder}/count.err"
                # Ours numbers its messages, so that their lengths differ by some bytes.
                length = 0 if name == OURS else len(PAYLOAD)
                subscriber = start([counter, str(port), str(qos), str(messages), str(length)], cwd=folder,
                                   stdout=subprocess.PIPE, stderr=open(err, "w"), text=True)
                wait_for("the subscriber", lambda: "ready" in read(err))
                try:
                    output(command, cwd=folder, env=dict(os.environ, NODE_PATH="/usr/share/nodejs"), timeout=300)
                    failure = ""
                except (RuntimeError, subprocess.TimeoutExpired) as error:
                    failure = str(error)[:200]
                arrived, seconds = subscriber.communicate(timeout=60)[0].split()
                if subscriber.returncode != 0:
                    failure = failure or "payloads of another length arrived"
                note = failure or ("" if int(arrived) == messages else f"{int(arrived)} of {messages} arrived")
                panel.add(name, int(arrived) / max(float(seconds), 1e-9), note)
    return [panel]


def p3(options):
    figures = f"{WORK}/rules.figures"
    lines = 20_000 if options.quick else 1_000_000
    output(["Benchmarks/rules.sh", str(options.rounds), str(lines)], cwd=ROOT,
           env=dict(os.environ, FIGURES=figures, PARTS="P3", BENCH_PYTHON=sys.executable), timeout=1800)
    panel = Panel("truckAnalyze, messages per second on one core", "/s", True)
    jobs = Panel("rules eval --jobs, messages per second", "/s", True)
    names = {"ours": OURS, "c": "C, for this rule only", "duckdb": "DuckDB, 1 thread", "sqlite": "SQLite", "node_": "Node", "jq_": "jq",
             "ours_alone": "--jobs 1", "two_jobs": "--jobs 2"}
    for line in read(figures).splitlines():
        tool, nanoseconds, results = line.split()
        (jobs if tool in ("ours_alone", "two_jobs") else panel).add(
            names[tool], lines * 1e9 / int(nanoseconds), "" if int(results) == lines else f"{results} of {lines} results")
    return [panel, jobs]


def round_trips(options):
    """Figures of round-trip.sh, once for P4 and P5."""
    figures = f"{WORK}/trip.figures"
    if not os.path.exists(figures):
        output(["Benchmarks/round-trip.sh", str(options.rounds), "5000" if options.quick else "50000"], cwd=ROOT,
               env=dict(os.environ, FIGURES=figures), timeout=1800)
    return [line.split() for line in read(figures).splitlines()]


def p4(options):
    half, high = Panel("Publish → rule → truck/analyze at 1 000/s, QoS 1: p50", "ms", False), Panel("p99", "ms", False)
    rate = Panel("Highest rate", "/s", True)
    share = Panel("The broker's core at the highest rate", "%", True)
    names = {"pass-through": "C that only passes on", "republish/off": OURS, "republish/on": "trucksensor, journal",
             "store/off": "trucksensor, also storing", "store/on": "trucksensor, also storing, journal"}
    for subject, p50, p99, fast, broker_time, _, _, elapsed in round_trips(options):
        half.add(names[subject], float(p50) * 1000)
        high.add(names[subject], float(p99) * 1000)
        rate.add(names[subject], float(fast))
        share.add(names[subject], 100 * float(broker_time) / float(elapsed))
    return [half, high, rate, share]


# P5, P6: the store


@contextmanager
def server(kind):
    folder, port = fresh(kind), free_port()
    if kind in ("sqlite", "duckdb"):
        yield f"{folder}/store"
        return
    if kind == "postgresql":
        binaries = sorted(glob.glob("/usr/lib/postgresql/*/bin"))[-1]
        user = []
        if os.getuid() == 0:
            # It doesn't run as root.
            output(["chown", "postgres", folder])
            os.chmod(WORK, 0o755)
            user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
        output([*user, f"{binaries}/initdb", "-D", f"{folder}/data", "-U", "postgres", "-A", "trust"], cwd="/")
        command = [*user, f"{binaries}/postgres", "-D", f"{folder}/data", "-p", str(port), "-c", "listen_addresses=127.0.0.1", "-c",
                   f"unix_socket_directories={folder}"]
        place = f"postgres://postgres@127.0.0.1:{port}/postgres"
    elif kind == "influxdb":
        with open(f"{folder}/conf", "w") as file:
            file.write(f"""reporting-disabled = true
bind-address = "127.0.0.1:{free_port()}"
[meta]
  dir = "{folder}/meta"
[data]
  dir = "{folder}/data"
  wal-dir = "{folder}/wal"
[http]
  bind-address = "127.0.0.1:{port}"
  log-enabled = false
[monitor]
  store-enabled = false
""")
        command, place = ["influxd", "-config", f"{folder}/conf"], f"http://127.0.0.1:{port}"
    else:
        command = ["victoria-metrics", f"-httpListenAddr=127.0.0.1:{port}", f"-storageDataPath={folder}/data", "-retentionPeriod=100y",
                   "-search.latencyOffset=0s", "-selfScrapeInterval=0", "-search.maxPointsPerTimeseries=100000"]
        place = f"http://127.0.0.1:{port}"
    out = open(f"{folder}/server.log", "w")
    process = start(command, cwd="/", stdout=out, stderr=out)

    def answers():
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return False
        return kind != "postgresql" or subprocess.run(["psql", place, "-c", "SELECT 1"], capture_output=True).returncode == 0

    try:
        wait_for(kind, answers)
        yield place
    finally:
        end(process, signal.SIGINT)
        shutil.rmtree(folder, ignore_errors=True)


def bench_store(points):
    """points/s, bytes per point, warm milliseconds of the whole chart."""
    figures = {}
    for line in output([BINARY, "bench", "store", "--points", str(points)], cwd=WORK).splitlines():
        name, rest = line[:23].strip(), line[23:].split()
        if name == "points per second":
            figures["rate"] = float(rest[0])
        elif name == "bytes per point":
            figures["bytes"] = float(rest[0])
        elif name == "chart, all":
            figures["chart"] = float(rest[rest.index("warm") + 1])
    return figures


stores = []


def store_panels(options):
    if not stores:
        write = Panel("Points per second into the store, each batch durable", "/s", True)
        chart = Panel("Chart: 1 000 buckets of minimum, maximum and average, three measures, warm", "ms", False)
        through = Panel("Messages per second through the rule into the store, QoS 1", "/s", True)
        points = 150_000 if options.quick else 10_000_000
        # The peers write text or Python's objects: fewer readings, and the rate doesn't depend on the number.
        rounds = 1 if options.quick else 3
        for turn in range(rounds):
            ours = bench_store(points)
            write.add(OURS, ours["rate"])
            chart.add(OURS, ours["chart"])
            for kind, name in (("sqlite", "SQLite, GROUP BY"), ("duckdb", "DuckDB"), ("postgresql", "PostgreSQL, COPY"),
                               ("influxdb", "InfluxDB 1.6"), ("victoriametrics", "VictoriaMetrics")):
                with server(kind) as place:
                    some = points // 3 if kind in ("sqlite", "duckdb") else points // 3 // (1 if options.quick else 10)
                    answer = json.loads(output([sys.executable, f"{PEERS}/store_peers.py", kind, str(some), place], timeout=1200))
                note = [] if some * 3 == points else [f"{some * 3} points"]
                if not 990 <= answer["buckets"] <= 1001:
                    note.append(f"{answer['buckets']} buckets")
                write.add(name, answer["pointsPerSecond"], ", ".join(note))
                chart.add(name, answer["chart"], ", ".join(note))
        stores.extend([write, chart, through])
    return stores


def p5(options):
    write, _, through = store_panels(options)
    for subject, _, _, fast, *_ in round_trips(options):
        if subject.startswith("store"):
            through.add({"store/off": OURS, "store/on": "trucksensor, journal"}[subject], float(fast))
        elif subject == "pass-through":
            through.add("C that only passes on", float(fast))
    messages, kills = ("20000", "3") if options.quick else ("400000", "20")
    said = output(["scripts/kill-check.sh", messages, kills], cwd=ROOT, timeout=900)
    through.notes[OURS] = "kill -9: " + said.strip().splitlines()[0]
    return [write, through]


def p6(options):
    return [store_panels(options)[1]]


# P7, P8: fleets and pacing


def p7(options):
    trucks = 100 if options.quick else 5000
    seconds = 5 if options.quick else 40
    memory, connects = Panel("Memory per truck", "KiB", False), Panel("Connections per second", "/s", True)
    late, share = Panel("Lateness, p99", "ms", False), Panel("Messages acknowledged, of those sent", "%", True)
    with broker() as (folder, port):
        output([BINARY, "provision", "fleet", "--prefix", "sender-", "--count", str(trucks)], cwd=folder)
        time.sleep(3)
        base = None
        for turn in range(2 if options.quick else 3):
            for number in ([1, trucks] if base is None else [trucks]):
                out = open(f"{folder}/fleet.out", "w")
                begin = time.monotonic()
                process = start([BINARY, "simulate", "--device", "sender", "--devices", str(number), "--rate", "2", "--qos", "1",
                                 "--duration", f"{seconds}s", "--loop", "--quiet", "--json", "--connect-timeout", "5m"],
                                cwd=folder, stdout=out, stderr=open(f"{folder}/fleet.err", "w"))

                def connections():
                    return sum(1 for name in glob.iglob(f"/proc/{process.pid}/fd/*")
                               if os.path.islink(name) and os.readlink(name).startswith("socket:"))

                wait_for("the fleet", lambda: process.poll() is not None or connections() >= number, 300)
                connected = time.monotonic() - begin
                highest = 0
                while process.poll() is None:
                    try:
                        highest = max(highest, peak(process))
                    except OSError:
                        break
                    time.sleep(0.2)
                process.wait()
                if base is None:
                    base = highest
                    continue
                summary = json.loads(read(f"{folder}/fleet.out").splitlines()[-1])
                memory.add(f"{trucks} trucks", (highest - base) * 1e6 / 1024 / (trucks - 1))
                connects.add(f"{trucks} trucks", trucks / connected)
                late.add(f"{trucks} trucks", summary["lateness"]["p99"] * 1000)
                share.add(f"{trucks} trucks", 100 * summary["acknowledged"] / max(summary["sent"], 1),
                          f"{summary['sent']} sent")
    return [memory, connects, late, share]


def p8(options):
    panels = []
    sleeper = compile_peer("sleep")
    with broker() as (folder, port):
        for rate in (2, 1000, 10_000):
            panel = Panel(f"Lateness at {rate}/s, p99", "ms", False)
            drift = Panel(f"Lateness at {rate}/s, p50", "ms", False)
            count = max(8, int(rate * (2 if options.quick else 6)))
            for _ in range(options.rounds):
                summary = simulate(folder, "--rate", str(rate), "--count", str(count))
                panel.add(OURS, summary["lateness"]["p99"] * 1000)
                drift.add(OURS, summary["lateness"]["p50"] * 1000)
                half, high, _ = map(float, output([sleeper, str(rate), str(count)]).split())
                panel.add("sleep(1/rate) in C, without publishing", high * 1000)
                drift.add("sleep(1/rate) in C, without publishing", half * 1000)
            panels += [drift, panel]
    return panels


# P9, P10, P11: start, size, memory, growth


def timed(command, status=0, **options):
    begin = time.monotonic()
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, **options)
    if done.returncode != status:
        raise RuntimeError(f"{command} exited with {done.returncode}: {done.stderr[-300:]}")
    return (time.monotonic() - begin) * 1000


def p9(options):
    begin, first, size = Panel("Start to end", "ms", False), Panel("run, to the first message", "ms", False), Panel("Executable, stripped", "MB", False)
    for _ in range(3 if options.quick else 20):
        begin.add(f"{OURS} --version", timed([BINARY, "--version"]))
        begin.add("mosquitto_pub --version", timed(["mosquitto_pub", "--version"], status=1))
        begin.add("node -e 0", timed(["node", "-e", "0"]))
        begin.add("python3 -c 'import paho'", timed([sys.executable, "-c", "import paho.mqtt.client"]))
    folder = fresh("first")
    for turn in range(options.rounds + 1):
        value = timed([BINARY, "run", "truckSensor01", "--count", "1", "--quiet", "--no-dashboard", "--no-aws"], cwd=folder)
        # The first run makes certificates.
        first.add("with new certificates" if turn == 0 else "with existing certificates", value, "and to its end")
    stripped = f"{WORK}/stripped"
    output(["strip", "-o", stripped, BINARY])
    size.add(OURS, os.path.getsize(stripped) / 1e6)
    return [begin, first, size]


def p10(options):
    panel = Panel("Resident set", "MB", False)
    seconds = "3s" if options.quick else "15s"
    for _ in range(1 if options.quick else 3):
        with broker() as (folder, port):
            process = start([BINARY, "simulate", "--rate", "100", "--duration", seconds, "--loop", "--quiet"], cwd=folder,
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            panel.add("simulate, 100/s", last_peak(process))
        folder = fresh("run")
        shutil.copytree(f"{ROOT}/rules", f"{folder}/rules")
        process = start([BINARY, "run", "truckSensor01", "--rate", "100", "--duration", seconds, "--quiet", "--dashboard-port", "0",
                         "--aws-port", "0"], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        panel.add("run with everything, 100/s", last_peak(process))
    return [panel]


def last_peak(process):
    highest = 0.0
    while process.poll() is None:
        try:
            highest = max(highest, peak(process))
        except OSError:
            break
        time.sleep(0.1)
    process.wait()
    return highest


def p11(options):
    cost = Panel("Processor time per message, simulate at QoS 1", "µs", False)
    with broker() as (folder, port):
        for count in (1000, 10_000) if options.quick else (1000, 10_000, 100_000, 1_000_000):
            for _ in range(1 if count > 100_000 else options.rounds):
                before = os.times()
                simulate(folder, "--rate", "max", "--qos", "1", "--count", str(count))
                after = os.times()
                used = after.children_user - before.children_user + after.children_system - before.children_system
                cost.add(f"{count} messages", used * 1e6 / count)
    panels = [cost]
    for filters, text in (("each", "each with a filter of its own"), ("one", "all with one filter, per message and rule")):
        panel = Panel(f"Evaluating a message, {text}", "ns", False)
        for rules in (1, 10, 100) if options.quick else (1, 10, 100, 1000):
            count = 200_000 if filters == "each" else 200_000 // rules + 1000
            for _ in range(options.rounds):
                line = output([BINARY, "bench", "rules", "--filters", filters, "--rules", str(rules), "--count",
                               str(count // 20 if options.quick else count)])
                nanoseconds = float(line.split(": ")[1].split()[0])
                panel.add(f"{rules} rules", nanoseconds if filters == "each" else nanoseconds / rules)
        panels.append(panel)
    chart = Panel("Chart of the whole store, warm", "ms", False)
    for millions in (0.15, 0.6) if options.quick else (1, 10, 30):
        chart.add(f"{millions} million points", bench_store(int(millions * 1_000_000))["chart"])
    return panels + [chart]


TARGETS = {
    "P1": ("One truck at full rate, QoS 0", lambda options: publishing(options, 0)),
    "P2": ("One truck at full rate, QoS 1", lambda options: publishing(options, 1)),
    "P3": ("A rule over lines", p3),
    "P4": ("Round trip through the rules engine", p4),
    "P5": ("Writing the store", p5),
    "P6": ("Reading a chart", p6),
    "P7": ("A fleet in one process", p7),
    "P8": ("Pacing", p8),
    "P9": ("Start and size", p9),
    "P10": ("Memory", p10),
    "P11": ("Growth", p11),
}


# Results


def figure(value):
    if value >= 1000:
        return f"{value:,.0f}".replace(",", " ")
    return f"{value:.3g}"


def table(panel):
    lines = [f"{panel.title} ({panel.unit}; {'more' if panel.higher else 'less'} is better)", "",
             "| | median | lowest – highest | ratio | rounds | |", "| --- | ---: | ---: | ---: | ---: | --- |"]
    reference = panel.median(OURS) if OURS in panel.values else None
    for name, values in panel.values.items():
        ratio = "" if not reference or name == OURS or not panel.median(name) else f"{reference / panel.median(name):.2f}"
        lines.append(f"| {name} | {figure(panel.median(name))} | {figure(min(values))} – {figure(max(values))} | {ratio} "
                     f"| {len(values)} | {panel.notes.get(name, '')} |")
    return "\n".join(lines)


def chart(path, title, panels):
    """Bars of the medians, with a line from the lowest to the highest value."""
    row, left, width = 22, 290, 380
    parts, y = [], 34
    for panel in panels:
        parts.append(f'<text x="12" y="{y}" font-weight="bold">{html.escape(panel.title)} ({html.escape(panel.unit)})</text>')
        y += 12
        top = max((max(values) for values in panel.values.values()), default=1) or 1
        for name, values in panel.values.items():
            scale = [width * value / top for value in (panel.median(name), min(values), max(values))]
            fill = "#1f6feb" if name.startswith(OURS) or OURS not in panel.values else "#9aa4b2"
            middle = y + row / 2
            parts.append(f'<text x="{left - 8}" y="{middle + 4}" text-anchor="end">{html.escape(name)}</text>'
                         f'<rect x="{left}" y="{y + 3}" width="{max(scale[0], 1):.1f}" height="{row - 6}" fill="{fill}"/>'
                         f'<path d="M{left + scale[1]:.1f} {middle}H{left + scale[2]:.1f}" stroke="#24292f"/>'
                         f'<text x="{left + scale[2] + 6:.1f}" y="{middle + 4}">{figure(panel.median(name))}</text>')
            y += row
        y += 26
    with open(path, "w") as file:
        file.write(f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + width + 90}" height="{y}" font-family="sans-serif" '
                   f'font-size="12"><title>{html.escape(title)}</title><rect width="100%" height="100%" fill="#fff"/>'
                   + "".join(parts) + "</svg>\n")


def versions():
    found = [f"trucksensor {output([BINARY, '--version']).split()[-1]}"]
    commands = {
        "mosquitto": "dpkg-query -W -f '${Version}' mosquitto", "OpenSSL": "openssl version | cut -d' ' -f2", "Node": "node --version",
        "mqtt.js": "sed -n 's/.*\"version\": *\"\\(.*\\)\".*/\\1/p' /usr/share/nodejs/mqtt/package.json",
        "SQLite": "sqlite3 --version | cut -d' ' -f1", "jq": "jq --version", "PostgreSQL": "psql --version | cut -d' ' -f3",
        "InfluxDB": "dpkg-query -W -f '${Version}' influxdb", "VictoriaMetrics": "dpkg-query -W -f '${Version}' victoria-metrics",
    }
    for name, command in commands.items():
        answer = subprocess.run(command, shell=True, capture_output=True, text=True).stdout.strip()
        found.append(f"{name} {answer or '–'}")
    from importlib.metadata import version
    found += [f"{name} {version(name)}" for name in ("paho-mqtt", "AWSIoTPythonSDK", "awsiotsdk", "duckdb")]
    return ", ".join(found)


def machine():
    model = next((line.split(":")[1].strip() for line in read("/proc/cpuinfo").splitlines() if line.startswith("model name")), "?")
    memory = int(read("/proc/meminfo").split()[1]) / 1e6
    return f"{os.cpu_count()} × {model}, {memory:.0f} GB, Linux {platform.release()}"


def write(folder, options, sections, record, minutes, load):
    """What is measured so far: an interrupted run keeps it."""
    quick = "**A quick trial with few messages: the figures mean nothing.**\n\n" if options.quick else ""
    ordered = "\n\n".join(sections[name] for name in TARGETS if name in sections)
    with open(f"{folder}/RESULTS.md", "w") as file:
        file.write(f"""# Results of the benchmarks

{quick}Written by `Benchmarks/run.sh` on {datetime.date.today()} in {minutes:.0f} minutes; the load before was {load:.1f}.
"Ratio" is trucksensor's median divided by the other's. Compare ratios, not absolute figures.

Machine: {machine()}.

Versions: {versions()}.

{ordered}
""")
    with open(f"{folder}/results.json", "w") as file:
        json.dump(record, file, indent=1)


def main():
    parser = argparse.ArgumentParser(prog="Benchmarks/run.sh")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", default="")
    parser.add_argument("--output")
    options = parser.parse_args()
    options.rounds = 1 if options.quick else 5
    wanted = [name for name in options.only.split(",") if name] or list(TARGETS)
    for name in wanted:
        if name not in TARGETS:
            parser.error(f"unknown target '{name}'; known are {', '.join(TARGETS)}")
    folder = options.output or (f"{ROOT}/.build/benchmarks" if options.quick else f"{ROOT}/Benchmarks")
    os.makedirs(f"{folder}/charts", exist_ok=True)
    begin, load = time.monotonic(), os.getloadavg()[0]
    sections, failed, record = {}, [], {}
    try:
        for name in wanted:
            title, measure = TARGETS[name]
            since = time.monotonic()
            try:
                panels = measure(options)
            except (RuntimeError, subprocess.TimeoutExpired, OSError, ValueError, KeyError) as error:
                print(f"{name}: failed: {error}", flush=True)
                sections[name] = f"## {name}: {title}\n\nFailed: `{str(error)[:300]}`"
                failed.append(name)
                continue
            chart(f"{folder}/charts/{name}.svg", title, panels)
            sections[name] = f"## {name}: {title}\n\n" + "\n\n".join(map(table, panels)) + f"\n\n![{title}](charts/{name}.svg)"
            record[name] = [{"title": p.title, "unit": p.unit, "values": p.values, "notes": p.notes} for p in panels]
            print(f"{sections[name]}\n({time.monotonic() - since:.0f} s)\n", flush=True)
            write(folder, options, sections, record, (time.monotonic() - begin) / 60, load)
    finally:
        for process in processes:
            end(process, signal.SIGKILL)
        shutil.rmtree(WORK, ignore_errors=True)
    print(f"{folder}/RESULTS.md")
    sys.exit(1 if failed else 0)


main()
