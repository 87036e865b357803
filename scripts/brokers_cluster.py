"""Three nodes of RabbitMQ, each in a network namespace, and one of them killed during a run; see scripts/brokers.sh --cluster."""

import os
import shutil
import signal
import subprocess
import threading
import time

PORT = 8883
# The kind of the session queues, the node that is killed, and how long a node may be silent before the others count it as gone.
CASES = "classic/3/60 classic/1/60 classic/2/60 classic/2/10 quorum/3/60 quorum/1/60 quorum/2/60"


def run(base):
    if os.getuid() != 0 or not shutil.which("ip"):
        print("cluster: skipped, network namespaces need root and the package iproute2")
        return
    if not os.path.exists(base.BROKERS["RabbitMQ"][2]):
        print("cluster: skipped, the package rabbitmq-server isn't installed")
        return
    rows = []
    for case in os.environ.get("CASES", CASES).split():
        kind, node, tick = case.split("/")
        victim = {"1": "the truck's node", "2": "the engine's node", "3": "another node"}[node]
        try:
            seen = Cluster(base, case.replace("/", "-"), kind, tick).killing(int(node))
        except (RuntimeError, OSError, subprocess.SubprocessError) as error:
            seen = f"failed: {error}"
        rows.append(f"| {kind} | {tick} s | {victim} | {seen} |")
        print(rows[-1], flush=True)
    print("\n| session queues | net_ticktime | killed | seen |\n| --- | --- | --- | --- |\n" + "\n".join(rows))


class Cluster:
    def __init__(self, base, name, kind, tick):
        self.base, self.kind, self.tick = base, kind, tick
        self.folder = f"{base.WORK}/cluster-{name}"
        os.makedirs(self.folder)
        self.nodes = {}
        self.order = {}

    def start(self):
        base = self.base
        base.shell("ip link add tsbr type bridge && ip addr add 10.77.0.4/24 dev tsbr && ip link set tsbr up")
        nodes = "".join(f"cluster_formation.classic_config.nodes.{n} = rabbit@10.77.0.{n}\n" for n in (1, 2, 3))
        more = ("cluster_formation.peer_discovery_backend = classic_config\n" + nodes
                + f"mqtt.durable_queue_type = {self.kind}\ncluster_partition_handling = pause_minority\n"
                + f"net_ticktime = {self.tick}\n")
        for n in (1, 2, 3):
            address, folder = f"10.77.0.{n}", f"{self.folder}/{n}"
            os.makedirs(folder)
            base.shell(f"ip netns add ts{n} && ip link add tsv{n} type veth peer name eth0 netns ts{n} && "
                       f"ip link set tsv{n} master tsbr up && ip -n ts{n} addr add {address}/24 dev eth0 && "
                       f"ip -n ts{n} link set eth0 up && ip -n ts{n} link set lo up")
            base.rabbit_configuration(folder, PORT, address, more)
            cookie = f"{folder}/.erlang.cookie"
            with open(cookie, "w") as file:
                file.write("TRUCKSENSORCLUSTER")
            os.chmod(cookie, 0o400)
            environment = base.rabbit_environment(folder, PORT, address, f"rabbit@{address}")
            del environment["ERL_EPMD_ADDRESS"]
            environment["RABBITMQ_USE_LONGNAME"] = "true"
            out = open(f"{folder}/out", "w")
            process = base.start(["ip", "netns", "exec", f"ts{n}", "/usr/lib/rabbitmq/bin/rabbitmq-server"],
                                 env=environment, stdout=out, stderr=out)
            self.nodes[n] = (process, environment)
            # One after the other: of nodes that start together, some don't join the group that keeps MQTT's client identifiers,
            # which then has no majority without the killed node ("client ID registration timed out").
            base.wait_for_port(PORT, process, address, 120)
        _, environment = self.nodes[1]
        prefix = ("ip", "netns", "exec", "ts1")
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            status = subprocess.run([*prefix, "/usr/lib/rabbitmq/bin/rabbitmqctl", "-q", "cluster_status"], env=environment,
                                    capture_output=True, text=True).stdout
            running = status.split("Running Nodes", 1)[-1].split("Versions", 1)[0]
            if all(f"rabbit@10.77.0.{n}" in running for n in (1, 2, 3)):
                break
            time.sleep(1)
        else:
            raise RuntimeError("the nodes formed no cluster")

    def stop(self):
        for process, _ in self.nodes.values():
            self.base.end(process, signal.SIGKILL)
        for n in (1, 2, 3):
            # epmd is a daemon of its own.
            pids = subprocess.run(["ip", "netns", "pids", f"ts{n}"], capture_output=True, text=True).stdout.split()
            subprocess.run(["kill", "-KILL", *pids], capture_output=True)
            # The kernel removes what is in a namespace some time after the namespace.
            subprocess.run(["ip", "link", "del", f"tsv{n}"], capture_output=True)
            subprocess.run(["ip", "netns", "del", f"ts{n}"], capture_output=True)
        subprocess.run(["ip", "link", "del", "tsbr"], capture_output=True)

    def kill(self, n):
        """All of a node at once, as if its machine were gone."""
        subprocess.run(["kill", "-KILL", *self.base.shell(f"ip netns pids ts{n}").split()], capture_output=True)
        subprocess.run(["ip", "-n", f"ts{n}", "link", "set", "eth0", "down"], check=True)

    def balancer(self, order):
        """A port that passes connections to the first node that answers, as a load balancer does."""
        port = self.base.free_port()
        process = self.base.start(["python3", "-c", BALANCER, str(port), str(PORT), *order])
        self.base.wait_for_port(port, process)
        return process, port

    def killing(self, node):
        base = self.base
        balancers = []
        try:
            self.start()
            # The truck prefers node 1, the engine node 2.
            for order in (["10.77.0.1", "10.77.0.3"], ["10.77.0.2", "10.77.0.3"]):
                balancers.append(self.balancer(order))
            truck = base.Bench(f"{self.folder}/truck", f"127.0.0.1:{balancers[0][1]}", "120s")
            truck.sign_in()
            engines = base.Bench(f"{self.folder}/engine", f"127.0.0.1:{balancers[1][1]}", "120s")
            engine = engines.engine()
            if not engine:
                return "the engine isn't ready: " + engines.reason("engine")
            result = []
            source = threading.Thread(target=lambda: result.append(truck.simulate(count=20_000, rate=1000, patience=240, drain="120s")))
            source.start()
            time.sleep(7)
            self.kill(node)
            source.join()
            summary, error = result[0]
            if not summary:
                return f"the truck: {error}"
            stored = engines.settled(summary["acknowledged"], patience=120, still=90)
            ended = "" if engine.poll() is None else "; the engine ended: " + engines.errors("engine").strip().splitlines()[-1]
            base.end(engine)
            return (f"{summary['acknowledged']} of {summary['sent']} acknowledged, {summary['resent']} sent again, "
                    f"{summary['reconnects']} reconnects; {stored} stored{ended}" + (f" ({error})" if error else ""))
        finally:
            for process, _ in balancers:
                base.end(process, signal.SIGKILL)
            self.stop()


BALANCER = '''
import asyncio, sys
port, target, *hosts = sys.argv[1:]
async def pump(reader, writer):
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()
async def serve(reader, writer):
    for host in hosts:
        try:
            upstream = await asyncio.wait_for(asyncio.open_connection(host, int(target)), 2)
        except (OSError, asyncio.TimeoutError):
            continue
        await asyncio.gather(pump(reader, upstream[1]), pump(upstream[0], writer))
        return
    writer.close()
async def main():
    async with await asyncio.start_server(serve, "127.0.0.1", int(port)) as server:
        await server.serve_forever()
asyncio.run(main())
'''
