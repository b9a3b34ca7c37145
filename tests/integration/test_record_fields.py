"""What records say of themselves, through a broker: topic, partition, offset, timestamp, key and headers as time, groups, conditions,
rules and inputs, of Avro and of JSON, over a crash; against the oracle, which sees them as fields like others."""
import json
import os
import random
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import suite  # noqa: E402
import avro  # noqa: E402
import engine  # noqa: E402
from flow import Flow  # noqa: E402

S = engine.SECOND
NOW_MS = 1700000000000
PARTITIONS = 2
STATS = {"n": "count()", "headers": "count($header.source)", "last": "max($offset)", "first": "first($offset)", "part": "sum($partition)"}
SOURCES = [b"lse", b"xetra", "数据".encode(), b"", None]
RULES = {"$header.kind": {"in": ["a", "b"]}}


def judge(fields):
    """As the rules above say it: null passes."""
    if fields["key"] == b"\xff" or b"\xff" in (fields["raw"] or b""):
        return "utf8"
    return "rule" if fields["$header.kind"] not in (None, "a", "b") else None


def text(value):
    return None if value is None or b"\xff" in value else value.decode()


def make(rng, number):
    """(partition, ms, key, headers) of a record; the last header of a name counts."""
    source = rng.choice(SOURCES)
    headers = [("source", b"before")] * rng.randrange(2) + ([] if source is None else [("source", source)])
    if source is None:
        headers = []
    headers += rng.choice([[], [("kind", b"a")], [("kind", b"b")], [("kind", b"c")], [("kind", b"c"), ("kind", b"a")]])
    if rng.random() < 0.03:
        headers.append(("source", b"a\xff"))
    key = rng.choice([None, b"k1", b"k2", b"", "ключ".encode()]) if rng.random() > 0.03 else b"\xff"
    return number % PARTITIONS, NOW_MS + number * 150 - rng.choice([0, 0, rng.randrange(60000)]), key, headers


class RecordFields(Flow):
    def begin(self, streams, aggregates):
        self.start_servers(suite.mock_kafka(self.path("mock"), *(f"{s['topic']}:{PARTITIONS}" for s in streams.values()),
                                            *(f"{s['topic']}.dlq:1" for s in streams.values()),
                                            *(f"tests.state.{name}:{PARTITIONS}" for name in streams)))
        self.configure(streams, aggregates, state={"commit_every": "50ms"})
        self.start_daemon()

    def test_everything_over_a_crash(self):
        rng = random.Random(20)
        by = ["$topic", "$partition", "$header.source", "$key"]
        tree = {"by": by, "window": {"tumbling": "10s"}, "history": 1000, "stats": STATS,
                "where": {"$key": {"ne": "k2"}, "$offset": {"ge": 3}}}
        stream = {"schema": "trade.avsc", "time": "$timestamp", "rules": RULES, "id": ["$header.kind", "trade_id"]}
        self.begin({"avro": {**stream, "topic": "a"}, "json": {**stream, "topic": "j", "format": "json"}},
                   {name: {**tree, "stream": name} for name in ("avro", "json")})
        oracles = {}
        for name, topic in (("avro", "a"), ("json", "j")):
            aggregate = engine.Aggregate(name, STATS, engine.Window(10 * S), by,
                                         lambda e: e["$key"] is not None and e["$key"] != "k2" and e["$offset"] >= 3, 1000)
            oracles[topic] = [engine.AppendPartition(engine.Append("$timestamp", [aggregate], 30 * S, identity="id", judge=judge))
                              for _ in range(PARTITIONS)]
        total = 0
        for round_of_records in range(2):
            records = {"a": [], "j": []}
            for _ in range(300):
                partition, ms, key, headers = make(rng, total)
                trade = f"t{rng.randrange(total + 1) if rng.random() < 0.3 else total}"
                total += 1
                values = {"a": avro.trade(trade_id=trade), "j": json.dumps(
                    {"trade_id": trade, "exchange": "XA", "product": "P", "price": 10, "quantity": 2, "currency": "CNY",
                     "executed_at": NOW_MS * 1000}).encode()}
                last = dict(headers)
                kind = text(last.get("kind"))
                for topic, value in values.items():
                    records[topic].append((partition, ms, key, value, headers))
                    oracle = oracles[topic][partition]
                    offset = oracle.counts["consumed"]
                    fields = {"$topic": topic, "$partition": partition, "$offset": offset, "$timestamp": ms * 1000, "$key": text(key),
                              "$header.source": text(last.get("source")), "$header.kind": kind, "key": key, "raw": last.get("source"),
                              "id": None if kind is None else (kind, trade)}
                    oracle.apply(offset, ms * 1000, fields)
            for topic, items in records.items():
                self.kafka.produce(topic, items)
            self.daemon.until_consumed(2 * total, 60)
            if round_of_records == 0:
                self.daemon.process.kill()
                self.start_daemon()
        client = self.redis.client()
        for name, topic in (("avro", "a"), ("json", "j")):
            counts = {c: sum(o.counts[c] for o in oracles[topic]) for c in engine.Counts.NAMES}
            self.assertEqual(self.daemon.accounting(name), counts)
            self.assertTrue(all(counts.values()), counts)
            expected = {}
            for oracle in oracles[topic]:
                for key, group in next(iter(oracle.groups.values())).items():
                    expected[f"rs:{name}:{key}".encode()] = group
            self.assertGreater(len(expected), 15)
            suite.procs.until(lambda wanted=expected, n=name: self.same_views(client, n, wanted), 30, f"the views of {name}",
                              self.daemon.process, every=0.3)
            reasons = {}
            for oracle in oracles[topic]:
                for reason, count in oracle.reasons.items():
                    reasons[reason] = reasons.get(reason, 0) + count
            self.assertEqual(set(reasons), {"utf8", "rule"})
            # The mock cluster shows what a killed daemon's transaction left, too: that letter comes again, the same.
            letters = suite.procs.until(lambda t=topic, n=counts["rejected"]: (lambda d: d if len(d) >= n else None)(
                self.letters(t)), 20, "dead letters", self.daemon.process, every=0.3)
            self.assertEqual(len(letters), counts["rejected"])
            found = {}
            for letter in letters.values():
                reason = letter["headers"]["rollstat.reason"].decode()
                found[reason] = found.get(reason, 0) + 1
                self.assertIn(letter["headers"]["rollstat.field"], {"utf8": (b"$key", b"$header.source"),
                                                                    "rule": (b"$header.kind",)}[reason])
            self.assertEqual(found, reasons)

    def letters(self, topic):
        """By the place of the record that each is of."""
        found = {}
        for record in self.kafka.dump(f"{topic}.dlq"):
            headers = {name: value for name, value in record["headers"].items()
                       if name in ("rollstat.reason", "rollstat.field", "rollstat.partition", "rollstat.offset")}
            letter = {"headers": headers, "key": record["key"], "value": record["value"]}
            place = headers["rollstat.partition"], headers["rollstat.offset"]
            self.assertEqual(found.setdefault(place, letter), letter)
        return found

    def same_views(self, client, name, groups):
        """Of each group: what is counted of its newest window."""
        for key, group in groups.items():
            newest = max(time for time, _, _ in group.events) // (10 * S)
            inside = [(time, offset, inputs) for time, offset, inputs in group.events if time // (10 * S) == newest]
            flat = client.call("HGETALL", key)
            found = dict(zip(flat[::2], flat[1::2]))
            first = min(inside)
            wanted = {b"n": len(inside), b"headers": sum(i["$header.source"] is not None for _, _, i in inside),
                      b"last": max(i["$offset"] for _, _, i in inside), b"first": first[2]["$offset"],
                      b"part": sum(i["$partition"] for _, _, i in inside)}
            if {field: found.get(field) for field in wanted} != {field: b"%d" % number for field, number in wanted.items()}:
                return False
        return len(client.call("ZRANGE", f"rs:{name}:index", 0, -1)) == len(groups)

    def test_the_tool_of_letters_judges_by_the_record(self):
        """Once the rule takes the header, that letter would be replayed, and the other would not."""
        streams = {"s": {"topic": "t", "schema": "trade.avsc", "time": "$timestamp",
                         "rules": {"$header.kind": {"in": ["a"]}, "$partition": {"eq": 1}, "$key": {"ne": "bad"}}}}
        self.begin(streams, {"a": {"stream": "s", "window": {"all": True}, "stats": {"n": "count()"}}})
        self.kafka.produce("t", [(1, NOW_MS, b"k", avro.trade(), [("kind", b"b")]), (1, NOW_MS, b"bad", avro.trade(), [("kind", b"a")]),
                                 (0, NOW_MS, b"k", avro.trade(), [("kind", b"a")]), (1, NOW_MS, b"k", avro.trade(), [("kind", b"a")])])
        self.daemon.until_consumed(4, 30)
        self.assertEqual(self.daemon.accounting()["rejected"], 3)
        suite.procs.until(lambda: len(self.kafka.dump("t.dlq")) == 3, 20, "dead letters", self.daemon.process, every=0.3)
        with open(self.config, encoding="utf-8") as file:
            mended = self.write("mended.yaml", file.read().replace("in: [a]", "in: [a, b]"))
        out, _ = suite.procs.check([suite.program("rollstat-dlq"), "-c", mended, "replay", "--dry-run"], expect=3)
        self.assertIn("1 would be sent", out.decode())
        self.assertIn("2 would be rejected again", out.decode())

    def test_a_stream_of_several_topics(self):
        """Each record has the topic that it is read from, whichever comes first in the configuration."""
        self.start_servers(suite.mock_kafka(self.path("mock"), "a:1", "b:1", "tests.state.s.a:1", "tests.state.s.b:1"))
        self.configure({"s": {"topics": ["a", "b"], "schema": "trade.avsc", "time": "$timestamp", "dead_letters": False}},
                       {"g": {"stream": "s", "by": ["$topic", "product"], "window": {"all": True}, "stats": {"n": "count()"}}})
        self.start_daemon()
        for topic, count in (("a", 2), ("b", 3)):
            self.kafka.produce(topic, [(0, NOW_MS, None, avro.trade(product="P"))] * count)
        client = self.redis.client()
        suite.procs.until(lambda: [client.call("HGET", f"rs:g:{topic}:P", "n") for topic in "ab"] == [b"2", b"3"], 60,
                          "both topics are shown", self.daemon.process, every=0.3)

    def test_replay_and_explain(self):
        stream = {"topic": "t", "schema": "trade.avsc", "time": "executed_at"}
        aggregate = {"stream": "s", "by": ["$topic", "$key"], "window": {"all": True},
                     "stats": {"n": "count()", "last": "max($offset)", "h": "count($header.x)"}}
        config = self.write("config.yaml", suite.configuration({"s": {**stream, "key": ["exchange"]}}, {"a": aggregate}))
        row = {"trade_id": "t", "exchange": "XA", "product": "P", "price": 10, "quantity": 2, "currency": "CNY",
               "executed_at": "2023-11-14T22:13:20Z"}
        rows = self.write("rows.ndjson", (json.dumps(row) + "\n") * 3)
        raw, counts, _ = self.replay(config, "s", [rows])
        view = next(v for v in map(engine.parse_line, raw.splitlines()) if v["key"] == "rs:a:t:XA")
        self.assertEqual((counts["applied"], view["value"]["n"], view["value"]["last"], view["value"]["h"]), (3, "3", "2", "0"))
        out, _ = suite.procs.check([suite.program("rollstatd"), "-c", config, "--explain"])
        self.assertIn("$topic (string)", out.decode())
        config = self.write("config.yaml", suite.configuration({"s": {**stream, "time": "$timestamp"}}, {"a": aggregate}))
        _, err = suite.procs.check([suite.program("rollstatd"), "-c", config, "--replay", rows], expect=1)
        self.assertIn("stream s takes its time from $timestamp, and rows of files have none", err.decode())


if __name__ == "__main__":
    suite.main()
