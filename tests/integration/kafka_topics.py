"""Topics by pattern on a real Kafka: three at the start, a fourth while two instances run, one of which is killed. Each record counts once, per
topic and partition, and what Redis shows is what plain Python counts. The pattern matches state topics and dead letters, too, and takes none."""
import json
import os
import random
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import suite  # noqa: E402
import avro  # noqa: E402
import procs  # noqa: E402
from flow import Flow  # noqa: E402

T0 = 1700000040000000
GENEROUS = 120
PATTERN = r"/market\..*\.trades/"
AGGREGATE = {"m": {"stream": "trades", "by": ["product"], "window": {"all": True},
                   "stats": {"n": "count()", "volume": "sum(quantity)", "low": "min(price)", "high": "max(price)"}}}
BAD = b"\x02nonsense"


class Oracle:
    """What was sent, by topic and partition."""

    def __init__(self):
        self.sent, self.bad, self.groups = {}, {}, {}

    def add(self, topic, partition, product, price, quantity):
        place = (topic, partition)
        self.sent[place] = self.sent.get(place, 0) + 1
        if product is None:
            self.bad.setdefault(topic, set()).add((partition, self.sent[place] - 1))
            return BAD
        group = self.groups.setdefault(product, {"n": 0, "volume": 0, "low": price, "high": price})
        group["n"] += 1
        group["volume"] += quantity
        group["low"], group["high"] = min(group["low"], price), max(group["high"], price)
        return avro.trade(product=product, exchange="XA", executed_at=T0, price=price * 10 ** 8, quantity=quantity * 10 ** 6)

    def counts(self):
        bad = {place: sum(p == place[1] for p, _ in self.bad.get(place[0], ())) for place in self.sent}
        return {place: (count, count - bad[place], bad[place]) for place, count in self.sent.items()}


class TopicsByPattern(Flow):
    def start(self, name, **more):
        config = self.configure({"trades": {"topics": PATTERN, "schema": "trade.avsc", "time": "executed_at", **more}}, AGGREGATE,
                                name=f"{name}.yaml", redis={"publish_every": "20ms"}, state={"commit_every": "200ms"},
                                kafka={"session.timeout.ms": 6000})
        daemon = self.start_daemon(log=f"{name}.log")
        daemon.config = config
        return daemon

    def send(self, topic, partitions, count):
        """A bad one at times; products are of one partition of one topic."""
        records = []
        for _ in range(count):
            partition = self.random.randrange(partitions)
            product = None if self.random.random() < 0.01 else f"{topic}-{partition}-{self.random.randrange(5)}"
            value = self.oracle.add(topic, partition, product, self.random.randrange(1, 1000), self.random.randrange(1, 50))
            records.append((partition, T0 // 1000, None, value))
        self.kafka.produce(topic, records)

    @staticmethod
    def owned(*daemons):
        return [p for daemon in daemons for p in daemon.partitions()]

    def settled(self, *daemons):
        """Each partition is some instance's, read to its end and sealed there."""
        def done():
            return sorted((p["topic"], p["partition"], p["committed"]) for p in self.owned(*daemons) if p["phase"] == "running") == \
                sorted((*place, count) for place, count in self.oracle.sent.items())
        procs.until(done, GENEROUS, "all is read and sealed", daemons[0].process)

    def exact(self, *daemons):
        self.settled(*daemons)
        counts = {(p["topic"], p["partition"]): tuple(p["events"][name] for name in ("consumed", "applied", "rejected"))
                  for p in self.owned(*daemons)}
        self.assertEqual(counts, self.oracle.counts())

        def shown():
            keys = {k.decode() for k in self.client.keys("rs:m:*")} - {"rs:m:index"}
            found = {key[5:]: self.client.hash(key) for key in keys}
            return {product: {name: int(fields[name]) for name in ("n", "volume", "low", "high")} for product, fields in found.items()}
        procs.until(lambda: shown() == self.oracle.groups, GENEROUS, "Redis shows what was sent", daemons[0].process)
        for topic, bad in self.oracle.bad.items():
            letters = {(int(r["headers"]["rollstat.partition"]), int(r["headers"]["rollstat.offset"])) for r in self.kafka.dump(f"{topic}.dlq")
                       if r["headers"]["rollstat.topic"] == topic.encode()}
            self.assertEqual(letters, bad, topic)

    def test_topics_come_and_instances_go(self):
        self.random = random.Random(7)
        self.oracle = Oracle()
        self.start_servers()
        sizes = {"market.a.trades": 2, "market.b.trades": 2, "market.c.trades": 1}
        for topic, partitions in {**sizes, "market.a.quotes": 1}.items():
            self.kafka.create(topic, partitions)
        self.kafka.produce("market.a.quotes", [(0, T0 // 1000, None, BAD)])
        for topic, partitions in sizes.items():
            self.send(topic, partitions, 2000)
        first, second = self.start("first"), self.start("second")
        procs.until(lambda: self.owned(first) and self.owned(second), GENEROUS, "both have partitions", first.process)
        self.exact(first, second)
        # A fourth topic, which nobody tells the daemons of.
        self.kafka.create("market.d.trades", 3)
        sizes["market.d.trades"] = 3
        self.send("market.d.trades", 3, 2000)
        self.exact(first, second)
        for topic, partitions in sizes.items():
            self.send(topic, partitions, 1000)
        second.process.kill()
        for topic, partitions in sizes.items():
            self.send(topic, partitions, 1000)
        self.exact(first)
        procs.until(lambda: first.get("/readyz") == (200, "ok\n"), GENEROUS, "it is ready", first.process)
        # The tools find the same topics, and a restart goes on where all was sealed.
        first.process.kill()
        out, _ = procs.check([suite.program("rollstat-state"), "-c", first.config, "--json"])
        logs = [json.loads(line) for line in out.decode().splitlines()]
        self.assertEqual({(log["input"], log["partition"]) for log in logs}, set(self.oracle.sent))
        found, _ = procs.check([suite.program("rollstat-dlq"), "list", "-c", first.config])
        for topic in self.oracle.bad:
            self.assertIn(topic, found.decode())
        third = self.start("third")
        self.exact(third)
        for partition in self.owned(third):
            self.assertGreater(partition["state_log"]["restored_records"], 1, partition)
        self.send("market.b.trades", 2, 500)
        self.exact(third)
        # A topic that is gone is given back, and nothing else is touched.
        self.kafka.delete("market.c.trades")
        self.oracle.sent.pop(("market.c.trades", 0))
        procs.until(lambda: "market.c.trades" not in {p["topic"] for p in self.owned(third)}, GENEROUS, "it is given back", third.process)
        self.send("market.a.trades", 2, 500)
        self.settled(third)
        procs.until(lambda: third.get("/readyz") == (200, "ok\n"), GENEROUS, "it is ready", third.process)


class Start(TopicsByPattern):
    test_topics_come_and_instances_go = None

    def test_a_group_begins_at_a_time(self):
        """By Kafka's time of records; a partition whose records are all older begins at its end, and --rebuild does the same."""
        self.random = random.Random(8)
        self.oracle = Oracle()
        self.start_servers()
        self.kafka.create("market.a.trades", 3)
        for partition, times in ((0, (1, 2, 3, 4)), (1, (1, 2)), (2, (3, 3))):
            self.kafka.produce("market.a.trades", [(partition, T0 // 1000 + t * 1000, None, avro.trade(
                product=f"P{partition}", exchange="XA", executed_at=T0, price=10 ** 8, quantity=10 ** 6)) for t in times])
        daemon = self.start("first", start="2023-11-14T22:14:03Z")  # T0 and 3 s
        procs.until(lambda: sorted((p["partition"], p["next_offset"]) for p in daemon.partitions() if p["phase"] == "running")
                    == [(0, 4), (1, 2), (2, 2)], GENEROUS, "all is read", daemon.process)
        consumed = {p["partition"]: p["events"]["consumed"] for p in daemon.partitions()}
        self.assertEqual(consumed, {0: 2, 1: 0, 2: 2})
        out, _ = procs.check([suite.program("rollstatd"), "-c", daemon.config, "--rebuild"])
        for partition, offset, count in ((0, 2, "2 records"), (1, 2, "0 records"), (2, 0, "2 records")):
            self.assertIn(f"partition {partition}: will be read again from offset {offset}, {count}", out.decode())


if __name__ == "__main__":
    suite.main()
