"""A stream that reads several topics: each of its partitions has its own state, fence, counts and dead letters, whatever the order in which
the topics are listed."""
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import suite  # noqa: E402
import avro  # noqa: E402
import load  # noqa: E402
import procs  # noqa: E402
from flow import Flow  # noqa: E402

T0 = 1700000040000000
GENEROUS = 90
MOCK = ("a:2", "a.dlq:1", "b:1", "b.dlq:1", "c:1", "c.dlq:1", "own:1", "own.dlq:1", "tests.state.trades:1",
        "tests.state.trades.a:2", "tests.state.trades.b:1", "tests.state.trades.c:1")


def trade(product, quantity=1):
    return avro.trade(product=product, exchange="XA", executed_at=T0, price=10 ** 8, quantity=quantity * 10 ** 6)


class Topics(Flow):
    def begin(self, **topics):
        self.start_servers(suite.mock_kafka(self.path("mock"), *MOCK))
        return self.go_on("first", **topics)

    def go_on(self, name, **topics):
        stream = load.stream("", "30s")
        del stream["topic"]
        self.configure({"trades": {**stream, **topics}},
                       {"m": {"stream": "trades", "by": ["product"], "window": {"all": True}, "stats": {"n": "count()"}}},
                       name=f"{name}.yaml", redis={"publish_every": "20ms"}, state={"commit_every": "100ms"})
        return self.start_daemon(log=f"{name}.log")

    def send(self, topic, *products, partition=0):
        self.kafka.produce(topic, [(partition, T0 // 1000, None, p if isinstance(p, bytes) else trade(p)) for p in products])

    def shows(self, **counts):
        def shown():
            return {key: self.client.hash(f"rs:m:{key}").get("n") for key in counts} == {k: str(n) for k, n in counts.items()}
        procs.until(shown, GENEROUS, f"{counts} are shown", self.daemon.process)

    def sealed(self):
        def done():
            ends = {(topic, number): end for topic in {p["topic"] for p in self.daemon.partitions()}
                    for number, (_, end) in self.kafka.ends(topic).items()}
            return ends == {(p["topic"], p["partition"]): p["committed"] for p in self.daemon.partitions()}
        procs.until(done, GENEROUS, "all is sealed", self.daemon.process)

    def counts(self):
        """{(topic, partition): (consumed, applied, rejected)}"""
        return {(p["topic"], p["partition"]): tuple(p["events"][name] for name in ("consumed", "applied", "rejected"))
                for p in self.daemon.partitions("trades")}

    def tool(self, name, *options, expect=0):
        out, _ = procs.check([suite.program(name), *options], expect=expect)
        return out.decode()

    def test_partitions_are_told_apart_by_topic_and_number(self):
        self.begin(topics=["a", "b"])
        self.send("a", "A0", "A0")
        self.send("a", "A1", partition=1)
        self.send("b", "B0", "B0", "B0", b"\x02nonsense")
        self.shows(A0=2, A1=1, B0=3)
        self.sealed()
        wanted = {("a", 0): (2, 2, 0), ("a", 1): (1, 1, 0), ("b", 0): (4, 3, 1)}
        self.assertEqual(self.counts(), wanted)
        self.assertEqual(sorted(k.decode() for k in self.client.keys("rs:fence:*")),
                         [f"rs:fence:tests:{topic}:{number}" for topic, number in sorted(wanted)])
        owners = {k: v for k, v in self.client.hash("rs:owners:m").items() if not k.startswith("%")}
        self.assertEqual(owners, {"A0": "a/0", "A1": "a/1", "B0": "b/0"})
        metrics = self.daemon.get("/metrics")[1]
        for (topic, number), (_, applied, _) in wanted.items():
            labels = f'stream="trades",topic="{topic}",partition="{number}",outcome="applied"'
            self.assertIn(f"\nrollstat_state_events{{{labels}}} {applied}\n", metrics)
        (letter,) = self.kafka.dump("b.dlq")
        self.assertEqual((letter["headers"]["rollstat.topic"], letter["headers"]["rollstat.offset"]), (b"b", b"3"))
        self.assertEqual(self.kafka.dump("a.dlq"), [])
        self.daemon.process.kill()
        logs = [json.loads(line) for line in self.tool("rollstat-state", "-c", self.config, "--json").splitlines()]
        self.assertEqual({(log["input"], log["partition"]) for log in logs}, set(wanted))
        self.assertIn("b", self.tool("rollstat-dlq", "list", "-c", self.config, "--stream", "trades"))
        # Another order, and a further topic: what was read stays read.
        self.go_on("second", topics=["c", "b", "a"])
        self.send("c", "C0")
        self.send("b", "B0")
        self.shows(A0=2, A1=1, B0=4, C0=1)
        self.sealed()
        self.assertEqual(self.counts(), {**wanted, ("b", 0): (5, 4, 1), ("c", 0): (1, 1, 0)})
        for partition in self.daemon.partitions():
            self.assertEqual(partition["state_log"]["restored_records"] > 1, partition["topic"] != "c", partition)

    def test_a_group_in_two_topics_is_told_and_not_mixed(self):
        self.begin(topics=["a", "b"])
        self.send("a", "P", "P")
        self.shows(P=2)
        self.send("b", "P", "Q")
        self.shows(P=2, Q=1)
        procs.until(lambda: "group P is in partition 0 of topic b and in another one" in procs.tail(self.daemon.process.log, 10 ** 6),
                    GENEROUS, "it is told", self.daemon.process)

    def test_topics_beside_a_streams_own_one(self):
        """Whoever has read one topic so far and now reads more keeps its state, its fence and its names."""
        self.begin(topic="own")
        self.send("own", "P", "P")
        self.shows(P=2)
        self.sealed()
        fence = self.client.call("GET", "rs:fence:tests:own:0").split(b":")
        self.daemon.process.kill()
        self.go_on("second", topic="own", topics=["b"])
        self.send("own", "P")
        self.send("b", "B")
        self.shows(P=3, B=1)
        self.sealed()
        procs.until(lambda: self.counts() == {("own", 0): (3, 3, 0), ("b", 0): (1, 1, 0)}, GENEROUS, "the counts are right", self.daemon.process)
        self.assertGreater(int(self.client.call("GET", "rs:fence:tests:own:0").split(b":")[0]), int(fence[0]))
        owners = self.client.hash("rs:owners:m")
        self.assertEqual((owners["P"], owners["B"]), ("0", "b/0"))
        self.assertIn('\nrollstat_state_events{stream="trades",partition="0",outcome="applied"} 3\n', self.daemon.get("/metrics")[1])

    def test_a_group_begins_at_the_end(self):
        """Decided once: what comes between that and a restart is read, although nothing was sealed."""
        self.start_servers(suite.mock_kafka(self.path("mock"), *MOCK))
        self.send("a", "OLD", "OLD")
        self.go_on("first", topics=["a"], start="latest")
        procs.until(lambda: [p["phase"] for p in self.daemon.partitions()] == ["running", "running"], GENEROUS, "both run",
                    self.daemon.process)
        self.daemon.process.kill()
        self.send("a", "NEW")
        self.send("a", "ONE", partition=1)
        self.go_on("second", topics=["a"], start="latest")
        self.shows(NEW=1, ONE=1)
        self.sealed()
        self.assertEqual(self.counts(), {("a", 0): (1, 1, 0), ("a", 1): (1, 1, 0)})
        self.assertEqual({p["partition"]: p["next_offset"] for p in self.daemon.partitions()}, {0: 3, 1: 1})
        self.assertEqual(self.client.hash("rs:m:OLD"), {})
        explained, _ = procs.check([suite.program("rollstatd"), "-c", self.config, "--explain"])
        self.assertIn("start: latest", explained.decode())
        logs = self.tool("rollstat-state", "-c", self.config, "--records")
        self.assertIn("start at", logs)
        self.daemon.process.kill()
        self.send("a", "NEW")
        self.go_on("third", topics=["a"])
        self.shows(NEW=2, ONE=1)

    def check(self, streams, *lines):
        base = {"schema": "trade.avsc", "time": "executed_at"}
        config = self.write("bad.yaml", suite.configuration({name: {**base, **more} for name, more in streams.items()}, {}))
        _, err = procs.check([suite.program("rollstatd"), "-c", config, "--check"], expect=1)
        for line in lines:
            self.assertIn(line, err.decode())

    def test_what_check_refuses(self):
        self.check({"s": {"topics": ["a", "b"]}, "t": {"topic": "b"}}, 'streams: "t" and "s" read the same topic "b"')
        self.check({"s": {"topics": ["a", "tests.state.s.b"]}}, 'reads the topic "tests.state.s.b", in which rollstatd keeps its state')
        self.check({"s": {"topics": ["a", "t"]}, "t": {"topics": ["a.dlq", "b"], "dead_letters": {"topic": "a"}}},
                   "dead letters would go round for ever: a -> a.dlq -> a")
        self.check({"s": {"topics": ["t.x"]}, "s.t": {"topics": ["x"]}},
                   'the states of "s" and "s.t" would be in one topic, tests.state.s.t.x')
        self.check({"s": {"topics": ["a", "x" * 245]}}, "Kafka allows 249")


if __name__ == "__main__":
    suite.main()
