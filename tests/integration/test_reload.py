"""A reload applies what is right as a whole and nothing of what is wrong; no event is lost or counted twice by it; its outcome is told."""
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
GENEROUS = 120
ROUNDS = int(os.environ.get("RS_RELOADS", 6))
STATS = {"n": "count()", "s": "sum(quantity)"}


class Reload(Flow):
    def setUp(self):
        super().setUp()
        self.start_servers(suite.mock_kafka(self.path("mock"), "t:2", "t.dlq:1", "u:1", "u.dlq:1", "tests.state.trades:2", "tests.state.others:1"))
        self.more = Daemon.settings()
        self.streams = {"trades": load.stream("t", "30s")}
        self.aggregates = {"m": {"stream": "trades", "by": ["product"], "window": {"all": True}, "stats": dict(STATS)}}
        self.rest = {"redis": {"publish_every": "20ms"}}

    def save(self, name="config.yaml"):
        self.config = self.write(name, suite.configuration(self.streams, self.aggregates, self.kafka.bootstrap, self.redis.url,
                                                           **{**self.more, **self.rest}))
        return self.config

    def reload(self, expect=0):
        out, err = procs.check([suite.program("rollstatd"), "-c", self.config, "--reload"], expect=expect, timeout=GENEROUS * 2)
        return (out + err).decode()

    def produce(self, *trades, topic="t"):
        self.kafka.produce(topic, [(partition, T0 // 1000, None, avro.trade(product=product, exchange="XA", executed_at=T0, price=1, quantity=quantity * 10 ** 6))
                                   for partition, product, quantity in trades])

    def shows(self, key, what):
        procs.until(lambda: self.client.hash(key).items() >= what.items(), GENEROUS, f"{key} has {what}", self.daemon.process)

    def test_what_is_applied(self):
        """New and removed aggregates and streams, where, rules, workers, another level; one process all the time."""
        self.save()
        self.start_daemon()
        pid = self.daemon.status()["pid"]
        self.assertEqual(pid, self.daemon.process.pid)
        self.produce((0, "A", 5), (1, "B", 7))
        self.shows("rs:m:A", {"n": "1"})
        self.shows("rs:m:B", {"n": "1"})
        self.aggregates["m"]["where"] = {"quantity": {"gt": 10}}
        self.aggregates["new"] = {"stream": "trades", "by": ["product"], "window": {"all": True}, "stats": {"n": "count()"}}
        self.streams["trades"]["rules"] = {"quantity": {"lt": 1000}}
        self.streams["others"] = load.stream("u", "30s")
        self.aggregates["o"] = {"stream": "others", "window": {"all": True}, "stats": {"n": "count()"}}
        self.rest = {"redis": {"publish_every": "30ms"}, "workers": 2, "log": {"level": "debug"}}
        self.save()
        self.assertIn("applied", self.reload())
        self.produce((0, "A", 20), (1, "B", 3), (0, "A", 2000))
        self.produce((0, "C", 1), topic="u")
        self.shows("rs:m:A", {"n": "2"})
        self.shows("rs:new:A", {"n": "1"})  # of those that came since; one breaks the rule
        self.shows("rs:new:B", {"n": "1"})
        self.shows("rs:o", {"n": "1"})
        status = self.daemon.status()
        self.assertEqual((status["pid"], len(status["workers"]), status["reloads"]["applied"]), (pid, 2, 1))
        self.assertEqual(self.client.hash("rs:m:B")["n"], "1")
        del self.aggregates["new"], self.aggregates["o"], self.streams["others"], self.aggregates["m"]["where"]
        self.save()
        self.reload()
        self.produce((1, "B", 3))
        self.shows("rs:m:B", {"n": "2"})
        self.assertEqual(self.daemon.stop(), 0)

    def test_what_is_refused(self):
        self.save()
        self.start_daemon()
        self.produce((0, "A", 5))
        self.shows("rs:m:A", {"n": "1"})
        self.assertIn("would reload it", self.against_running())
        taken = suite.redis.Server(self.path("taken"))
        self.addCleanup(taken.stop)
        wrong = [
            (lambda: self.aggregates["m"].update(window={"tumbling": "1m"}), "aggregate m: its state hangs on its window"),
            (lambda: self.aggregates["m"].update(by=["exchange"]), "aggregate m: its state hangs on its by"),
            (lambda: self.aggregates["m"]["stats"].update(more="max(price)"), "aggregate m: its state hangs on its stats"),
            (lambda: self.streams["trades"].update(topic="u"), "stream trades: its state is that of topic t, not of u"),
            (lambda: (self.streams["trades"].pop("topic"), self.streams["trades"].update(topics=["t"])), "topic t: its state is kept under the name trades"),
            (lambda: (self.streams["trades"].pop("topic"), self.streams["trades"].update(topics="/^t$/")), "topic t: its state is kept under the name trades"),
            (lambda: self.rest.update(group="others"), '`group` is "tests" while it runs, not "others"'),
            (lambda: self.rest.update(state={"log": "memory"}), '`log` is "kafka" while it runs, not "memory"'),
        ]
        for number, (change, words) in enumerate(wrong):
            with self.subTest(words):
                self.setUpAnew()
                change()
                self.save()
                self.assertIn(words, self.against_running(1))
                said = self.reload(1)
                self.assertIn(words, said)
                self.assertIn("the instance goes on with what it had", said)
                self.assertEqual(self.daemon.status()["reloads"]["refused"], number + 1)
                self.produce((0, "A", 1))
                self.shows("rs:m:A", {"n": str(number + 2)})
        self.setUpAnew()
        listen, self.more = self.more, {"http": {"listen": f"127.0.0.1:{taken.port}"}}
        self.save()
        self.daemon.process.signal(signal.SIGHUP)
        procs.until(lambda: self.daemon.status()["reloads"]["refused"] == len(wrong) + 1, GENEROUS, "a port that is taken", self.daemon.process)
        self.assertIn("127.0.0.1", str(self.daemon.status()["reloads"]["why"]))
        # What only the parts themselves can find out: the former ones are opened again.
        self.more = listen
        self.setUpAnew()
        self.rest = {"kafka": {"bootstrap.servers": self.kafka.bootstrap, "security.protocol": "ssl", "ssl.ca.location": "/nowhere"}}
        self.save()
        self.assertIn("ssl.ca.location", self.reload(1))
        self.produce((0, "A", 1))
        self.shows("rs:m:A", {"n": str(len(wrong) + 2)})
        self.assertEqual(self.daemon.stop(), 0)

    def against_running(self, expect=0):
        out, err = procs.check([suite.program("rollstatd"), "-c", self.config, "--check", "--against-running"], expect=expect)
        return (out + err).decode()

    def setUpAnew(self):
        self.streams = {"trades": load.stream("t", "30s")}
        self.aggregates = {"m": {"stream": "trades", "by": ["product"], "window": {"all": True}, "stats": dict(STATS)}}
        self.rest = {"redis": {"publish_every": "20ms"}}

    def test_nobody_there(self):
        self.save()
        self.assertIn("does an instance run with this configuration on this host?", self.reload(2))
        self.assertIn("--against-running is for --check", procs.check(
            [suite.program("rollstatd"), "-c", self.config, "--against-running"], expect=1)[1].decode())

    def test_an_end_during_a_reload(self):
        self.save()
        self.start_daemon()
        self.produce((0, "A", 5))
        self.shows("rs:m:A", {"n": "1"})
        self.daemon.process.signal(signal.SIGHUP)
        procs.until(lambda: "stopping: for the new configuration" in procs.tail(self.daemon.process.log, 100000), GENEROUS, "it reloads",
                    self.daemon.process)
        self.daemon.process.signal(signal.SIGTERM)
        self.assertEqual(self.daemon.process.wait(GENEROUS), 0, procs.tail(self.daemon.process.log))

    def test_random_changes_under_load(self):
        seed = int(os.environ.get("RS_SEED", random.randrange(1 << 30)))
        print(f"seed {seed}", flush=True)
        rng = random.Random(seed)
        self.save()
        self.start_daemon()
        wanted = {}
        descriptors = []

        def produce(count):
            trades = []
            for _ in range(count):
                product, quantity = f"P{rng.randrange(40)}", rng.randrange(1, 1000)
                n, s = wanted.get(product, (0, 0))
                wanted[product] = n + 1, s + quantity
                trades.append((len(product) % 2, product, quantity))
            self.produce(*trades)

        def shown():
            found = {product: self.client.hash(f"rs:m:{product}") for product in wanted}
            return {p: (int(v["n"]), int(v["s"])) for p, v in found.items() if v}

        produce(300)
        for number in range(ROUNDS):
            self.setUpAnew()
            self.rest["redis"]["publish_every"] = rng.choice(["5ms", "20ms", "100ms"])
            self.rest["workers"] = rng.choice([1, 2, 3])
            right = number % 3 != 1
            if rng.random() < 0.5:
                self.aggregates["x"] = {"stream": "trades", "window": {"tumbling": "1m"}, "stats": {"n": "count()"}, "history": rng.choice([1, 9])}
            if not right:
                self.aggregates["m"]["window"] = rng.choice([{"tumbling": "1m"}, {"tumbling": "1x"}, {"sliding": "1m"}])
            self.save()
            produce(rng.randrange(400))
            before = self.daemon.status()["reloads"]["refused"]
            if right:
                self.reload()
            else:
                self.daemon.process.signal(signal.SIGHUP)
                procs.until(lambda: self.daemon.status()["reloads"]["refused"] == before + 1, GENEROUS, "it is refused", self.daemon.process)
            produce(rng.randrange(400))
            descriptors.append(len(os.listdir(f"/proc/{self.daemon.process.pid}/fd")))
        procs.until(lambda: shown() == wanted, GENEROUS, "all is right", self.daemon.process)
        reloads = self.daemon.status()["reloads"]
        self.assertEqual((reloads["applied"], reloads["refused"]), (ROUNDS - (ROUNDS + 1) // 3, (ROUNDS + 1) // 3))
        print(f"{reloads['applied']} applied, {reloads['refused']} refused, descriptors {descriptors}", flush=True)
        self.assertLess(max(descriptors[len(descriptors) // 2:]), max(descriptors[:len(descriptors) // 2 + 1]) + 15)
        self.assertEqual(self.daemon.stop(), 0)


if __name__ == "__main__":
    suite.main()
