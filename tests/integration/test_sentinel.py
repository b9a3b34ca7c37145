"""Redis behind Sentinel: the master is found, a fail-over is followed and repaired from the state, and what is wrong is said."""
import os
import random
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import suite  # noqa: E402
import avro  # noqa: E402
import load  # noqa: E402
import procs  # noqa: E402
from daemon import Daemon  # noqa: E402
from flow import Flow  # noqa: E402

T0 = 1700000040000000
GENEROUS = 900  # sentinels that were not let run for two seconds do nothing for thirty, again and again while a machine is busy
SENTINELS = 3
KILLS = int(os.environ.get("RS_KILLS", 1))


class Sentinel(Flow):
    def start_all(self):
        """Two servers, the second a replica, and three sentinels that watch them."""
        self.servers = [suite.redis.Server(self.path(f"redis{i}")) for i in range(2)]
        self.sentinels = []
        for server in self.servers:
            self.addCleanup(server.stop)
        self.servers[1].client().call("REPLICAOF", "127.0.0.1", self.servers[0].port)
        for i in range(SENTINELS):
            port = procs.free_port()
            directory = self.path(f"sentinel{i}")
            os.makedirs(directory)
            config = self.write(f"sentinel{i}/sentinel.conf", "".join(line + "\n" for line in [
                f"port {port}", "bind 127.0.0.1", f"sentinel monitor market 127.0.0.1 {self.servers[0].port} 2",
                "sentinel down-after-milliseconds market 1500", "sentinel failover-timeout market 3000", "requirepass geheim",
                "sentinel sentinel-pass geheim"]))
            process = procs.Process(["redis-server", config, "--sentinel"], os.path.join(directory, "log"))
            self.addCleanup(process.stop)
            self.sentinels.append((port, process))
        procs.until(lambda: all(self.knows(port) for port, _ in self.sentinels), GENEROUS, "sentinels know each other and the replica")

    def ask(self, port, *words):
        """None: it does not answer yet."""
        try:
            client = suite.redis.Client(port)
            client.call("AUTH", "geheim")
            answer = client.call(*words)
            client.close()
            return answer
        except (OSError, suite.redis.RedisError):
            return None

    def knows(self, port):
        flat = self.ask(port, "SENTINEL", "MASTER", "market") or []
        facts = dict(zip(flat[::2], flat[1::2]))
        return facts.get(b"num-other-sentinels") == str(SENTINELS - 1).encode() and facts.get(b"num-slaves") == b"1"

    def master(self):
        """The server that most sentinels take for it."""
        ports = [int(answer[1]) for port, _ in self.sentinels if (answer := self.ask(port, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", "market"))]
        port = max(set(ports), key=ports.count)
        return next(server for server in self.servers if server.port == port)

    def url(self, service="market", ports=None):
        hosts = ",".join(f"127.0.0.1:{port}" for port in ports or [port for port, _ in self.sentinels])
        return f"sentinel://{hosts}/{service}/0"

    def tree(self, url, password="geheim", kafka="127.0.0.1:9", **more):
        return suite.configuration(
            {"trades": load.stream("t", "30s")},
            {"m": {"stream": "trades", "by": ["product"], "window": {"all": True}, "stats": {"n": "count()", "s": "sum(quantity)"}}},
            kafka, url, redis={"publish_every": "20ms", "timeout": "1s", **({"sentinel": {"password": password}} if password else {}), **more},
            **Daemon.settings())

    def test_settings_that_are_wrong(self):
        for url, more, words in [
                ("sentinel://a,b", {}, "a sentinel:// URL names the master behind the hosts"),
                ("redis://localhost", {"sentinel": {"password": "x"}}, "the URL has to begin with sentinel://"),
                ("sentinel://a/m", {"sentinel": {"username": "x"}}, "a user of sentinels needs a password"),
                ("sentinel://a/m", {"sentinel": {"pasword": "x"}}, "pasword")]:
            config = self.write("wrong.yaml", self.tree(url, None, **more))
            _, said = procs.check([suite.program("rollstatd"), "-c", config, "--check"], expect=1)
            self.assertIn(words, said.decode())

    def test_wrong_answers(self):
        self.start_all()
        self.kafka = suite.mock_kafka(self.path("mock"), "t:1", "t.dlq:1", "tests.state.trades:1")
        self.addCleanup(self.kafka.stop)
        closed = procs.free_port()
        first = self.sentinels[0][0]
        for number, (url, password, words) in enumerate([
                (self.url(service="other"), "geheim", "it knows no master called other"),
                (self.url(), None, "NOAUTH"), (self.url(), "falsch", "WRONGPASS"),
                (self.url(ports=[closed]), "geheim", "cannot connect"),
                (self.url(ports=[self.servers[0].port]), None, "unknown command")]):  # no sentinel at all
            with self.subTest(words):
                daemon = self.start_daemon(self.write(f"w{number}.yaml", self.tree(url, password, self.kafka.bootstrap)), f"w{number}.log")
                procs.until(lambda w=words, d=daemon: w in d.status()["redis"].get("last_error", ""), GENEROUS, words, daemon.process)
                said = daemon.status()["redis"]
                self.assertIn("no sentinel tells where", said["last_error"])
                self.assertNotIn("falsch", str(said))
                self.assertEqual(daemon.get("/livez")[0], 200)
                daemon.stop()
        # One that is away and one that knows are enough, also for rollstat-top.
        config = self.write("right.yaml", self.tree(self.url(ports=[closed, first]), "geheim", self.kafka.bootstrap))
        daemon = self.start_daemon(config, "right.log")
        self.kafka.produce("t", [(0, T0 // 1000, None, avro.trade(product="P", exchange="XA", executed_at=T0, price=1, quantity=7))])
        client = self.servers[0].client()
        procs.until(lambda: client.hash("rs:m:P").get("n") == "1", GENEROUS, "the view is there", daemon.process)
        self.assertIn("sentinel://127.0.0.1:", daemon.status()["redis"]["address"])
        out, _ = procs.check([suite.program("rollstat-top"), "-c", config, "--once", "m"])
        self.assertIn("P", out.decode())

    def test_failover(self):
        """The master dies under load, again and again; each time the other takes over, and in the end every number is right."""
        seed = int(os.environ.get("RS_SEED", random.randrange(1 << 30)))
        print(f"seed {seed}", flush=True)
        rng = random.Random(seed)
        self.start_all()
        self.kafka = suite.mock_kafka(self.path("mock"), "t:1", "t.dlq:1", "tests.state.trades:1")
        self.addCleanup(self.kafka.stop)
        daemon = self.start_daemon(self.write("config.yaml", self.tree(self.url(), kafka=self.kafka.bootstrap)))
        wanted = {}

        def produce(count):
            records = []
            for _ in range(count):
                product, quantity = f"P{rng.randrange(50)}", rng.randrange(1, 1000)
                n, s = wanted.get(product, (0, 0))
                wanted[product] = n + 1, s + quantity
                records.append((0, T0 // 1000, None, avro.trade(product=product, exchange="XA", executed_at=T0, price=1, quantity=quantity)))
            self.kafka.produce("t", records)

        def shown(server):
            try:
                client = server.client()
                found = {product: client.hash(f"rs:m:{product}") for product in wanted}
                client.close()
                return {p: (int(v["n"]), round(float(v["s"]) * 10 ** 6)) for p, v in found.items() if v}
            except (OSError, suite.redis.RedisError):
                return None

        produce(500)
        for kill in range(KILLS):
            master = self.master()
            procs.until(lambda m=master: shown(m) == wanted, GENEROUS, f"all is there before kill {kill}", daemon.process)
            produce(rng.randrange(2000))
            master.process.signal(signal.SIGKILL)
            produce(rng.randrange(2000))
            procs.until(lambda m=master: self.master() is not m, GENEROUS, f"the other is the master after kill {kill}")
            other = self.master()
            procs.until(lambda o=other: shown(o) == wanted, GENEROUS, f"all is there after kill {kill}", daemon.process)
            master.start()
            master.client().call("REPLICAOF", "127.0.0.1", other.port)  # as the sentinels have it, but for how long they take
            procs.until(lambda: all(self.knows(port) for port, _ in self.sentinels), GENEROUS, "sentinels know it")
        self.assertEqual(daemon.stop(), 0)


if __name__ == "__main__":
    suite.main()
