"""Tombstones of an upsert stream through a broker: random events and withdrawals over a crash, against the oracle; and what is
left of those without a key that tells a group."""
import os
import random
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import suite  # noqa: E402
import avro  # noqa: E402
import engine  # noqa: E402
from flow import Flow  # noqa: E402

NOW_MS = 1700000000000
MONTH = 30 * 86400 * engine.SECOND
STATS = {"n": "count()", "newest": "last(value)", "change": "change(value)", "sum": "sum(value)"}
BY = ["indicator", "region"]
REGIONS = ["DE", "a:b", "50%", "", "数据"]


def indicator(period, **fields):
    """Bytes of an event of indicator.avsc."""
    return avro.indicator(period_start=period, **fields)


class Tombstones(Flow):
    def begin(self, upsert, aggregates):
        self.start_servers(suite.mock_kafka(self.path("mock"), "t:1", "t.dlq:1", "tests.state.s:1"))
        stream = {"topic": "t", "schema": "indicator.avsc", "time": "period_start", "upsert": upsert}
        self.configure({"s": stream}, aggregates, state={"commit_every": "50ms"})
        self.start_daemon()

    def shown(self, client, name):
        keys = [f"rs:{name}:{member.decode()}" for member in client.call("ZRANGE", f"rs:{name}:index", 0, -1)]
        return {key: client.hash(key) for key in keys}

    def test_random_withdrawals_over_a_crash(self):
        rng = random.Random(11)
        trees = {"last": {"stream": "s", "by": BY, "window": {"last": 3}, "stats": STATS},
                 "all": {"stream": "s", "by": BY, "window": {"all": True}, "stats": STATS}}
        self.begin({"version": "revision", "value": "value", "key_fields": BY}, trees)
        oracle = engine.UpsertPartition(engine.Upsert("period", "revision", "value", [
            engine.Aggregate("last", {**STATS}, engine.Last(3), BY), engine.Aggregate("all", {**STATS}, engine.Last(), BY)]))
        keys = engine.Aggregate("key", {"n": "count()"}, engine.Last(), BY)
        offset = 0
        for round_of_records in range(2):
            records = []
            for _ in range(400):
                fields = {"indicator": rng.choice(["gdp", "index"]), "region": rng.choice(REGIONS), "period": rng.randrange(5) * MONTH,
                          "value": rng.choice([None, rng.randrange(1, 10 ** 6)]), "revision": rng.randrange(6)}
                key = keys.key(fields)
                if rng.random() < 0.12:
                    records.append((0, NOW_MS, key.encode(), None))
                    oracle.withdraw(offset, key)
                else:
                    records.append((0, NOW_MS, key.encode(), indicator(**fields)))
                    if fields["value"] is not None:
                        fields["value"] = engine.Fraction(fields["value"], 10 ** 10)
                    oracle.apply(offset, None, fields)
                offset += 1
            self.kafka.produce("t", records)
            self.daemon.until_consumed(offset, 60)
            if round_of_records == 0:
                self.daemon.process.kill()
                self.start_daemon()
        self.assertEqual(self.daemon.accounting(), dict(oracle.counts))
        client = self.redis.client()
        expected = {key: item["value"] for key, item in oracle.shown(None).items()}
        suite.procs.until(lambda: {**self.shown(client, "last"), **self.shown(client, "all")} == expected, 30, "the views",
                          self.daemon.process, every=0.3)
        self.assertIn("0", {view["events"] for view in expected.values()})

    def test_a_tombstone_that_tells_no_group(self):
        self.begin({"version": "revision", "key_fields": BY},
                   {"a": {"stream": "s", "by": BY, "window": {"last": 1}, "stats": {"n": "count()"}}})
        event = indicator(indicator="gdp", region="DE", period=0, value=5, revision=1)
        self.kafka.produce("t", [(0, NOW_MS, b"gdp:DE", event), (0, NOW_MS, None, None), (0, NOW_MS, b"gdp", None),
                                 (0, NOW_MS, b"gdp:FR", None), (0, NOW_MS, b"gdp:DE", b"")])
        self.daemon.until_consumed(5, 30)
        counts = self.daemon.accounting()
        self.assertEqual((counts["applied"], counts["filtered"], counts["rejected"]), (1, 1, 3))
        letters = suite.procs.until(lambda: (lambda d: d if len(d) == 3 else None)(self.kafka.dump("t.dlq")), 20, "dead letters",
                                    self.daemon.process, every=0.3)
        self.assertEqual([(r["headers"]["rollstat.reason"], r["key"], r["value"]) for r in letters],
                         [(b"tombstone", None, None), (b"tombstone", b"gdp", None), (b"truncated", b"gdp:DE", b"")])


if __name__ == "__main__":
    suite.main()
