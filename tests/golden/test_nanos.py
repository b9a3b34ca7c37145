"""Times in nanoseconds: what comes first and last within one microsecond, in every window and every order of arrival, against
the oracle, which counts time in fractions of a microsecond. And their texts: no digit is lost on the way in or out."""
import json
import os
import random
import sys
from fractions import Fraction

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import suite  # noqa: E402
import engine  # noqa: E402
import procs  # noqa: E402
from test_semantics import iso  # noqa: E402

S = engine.SECOND
START = 1380000000 * S
SCHEMA = {"type": "record", "name": "Event", "fields": [
    {"name": "at", "type": {"type": "long", "logicalType": "timestamp-nanos"}},
    {"name": "name", "type": "string"},
    {"name": "x", "type": ["null", "long"]},
    {"name": "y", "type": "long"},
    {"name": "seen", "type": ["null", {"type": "long", "logicalType": "local-timestamp-nanos"}]}]}
STATS = {"n": "count()", "fx": "first(x)", "lx": "last(x)", "fy": "first(y)", "ly": "last(y)", "o": "ohlc(y)", "ox": "ohlc(x)"}
CHANGE = {"cx": "change(x)", "cy": "change(y)", "py": "pct_change(y)"}


def text(time):
    """Of a time in µs, a Fraction of thousandths."""
    second, rest = divmod(time * 1000, S * 1000)
    fraction = f".{int(rest):09d}".rstrip("0").rstrip(".")
    return iso(int(second), 0)[:-1] + fraction + "Z"


def line(event):
    return json.dumps({**event, "at": text(event["at"]), "seen": event["seen"] and text(event["seen"])[:-1]}) + "\n"


def make(rng, count):
    """Clusters of events that share a microsecond, no two of one nanosecond."""
    events, used = [], set()
    while len(events) < count:
        at = START + rng.randrange(300 * S) if rng.random() < 0.4 or not events else events[-1]["at"] // 1
        for _ in range(rng.randrange(1, 6)):
            time = at + Fraction(rng.choice([0, 1, 999, rng.randrange(1000)]), 1000)
            if time not in used:
                used.add(time)
                events.append({"at": time, "name": rng.choice("abc"), "x": rng.choice([None, rng.randrange(100)]),
                               "y": rng.randrange(1, 100), "seen": rng.choice([None, time])})
    return events


class Nanos(suite.Case):
    def configuration(self, aggregates, **stream):
        self.write("event.avsc", json.dumps(SCHEMA))
        return self.write("config.yaml", suite.configuration(
            {"events": {"topic": "t", "schema": "event.avsc", "time": "at", "lateness": "600s", **stream}}, aggregates,
            directory=self.directory))

    def shown(self, config, events, *options, expect=0):
        data = self.write("events.ndjson", "".join(map(line, events)))
        raw, counts, _ = self.replay(config, "events", [data], *options, expect=expect)
        return raw, counts

    def test_three_in_one_microsecond(self):
        config = self.configuration({"a": {"stream": "events", "window": {"all": True},
                                           "stats": {"f": "first(y)", "l": "last(y)"}}})
        events = [{"at": START + Fraction(ns, 1000), "name": "a", "x": None, "y": y, "seen": None}
                  for ns, y in ((900, 9), (100, 1), (500, 5))]
        raw, _ = self.shown(config, events)
        values = [engine.parse_line(item) for item in raw.splitlines()]
        view = next(v["value"] for v in values if v["key"] == "rs:a")
        self.assertEqual((view["f"], view["l"]), ("1", "9"))

    def test_random_streams(self):
        windows = [("tumbling", {"tumbling": "10s"}, engine.Window(10 * S), {**STATS, **CHANGE}),
                   ("sliding", {"sliding": "30s", "every": "10s"}, engine.Window(30 * S, 10 * S), STATS),
                   ("all", {"all": True}, engine.Window(), STATS)]
        trees = {name: {"stream": "events", "by": ["name"], "window": tree, "stats": stats,
                        **({"history": 100} if name != "all" else {})} for name, tree, _, stats in windows}
        config = self.configuration(trees)
        for seed in range(20):
            rng = random.Random(seed)
            events = make(rng, rng.randrange(2, 150))
            aggregates = [engine.Aggregate(name, stats, window, ["name"], None, 100 if name != "all" else 0)
                          for name, _, window, stats in windows]
            for order in range(3):
                oracle = engine.AppendPartition(engine.Append("at", aggregates, 600 * S))
                for offset, event in enumerate(events):
                    self.assertEqual(oracle.apply(offset, None, event), "applied")
                raw, counts = self.shown(config, events, "--partitions", 1 + order)
                self.assertEqual(counts["applied"], len(events))
                self.same_keys(raw, oracle.shown(oracle.stream_time // 1))
                rng.shuffle(events)

    def test_rules_and_where_see_every_digit(self):
        stats = {"n": "count()"}
        limit = START + Fraction(500, 1000)
        aggregate = {"stream": "events", "window": {"all": True}, "stats": stats}
        events = [{"at": START + Fraction(ns, 1000), "name": "a", "x": None, "y": 1, "seen": None}
                  for ns in (0, 499, 500, 501, 999, 500)]
        config = self.configuration({
            **{name: {**aggregate, "where": {"at": {name: text(limit)}}} for name in ("lt", "le", "gt", "ge", "eq", "ne")},
            "in": {**aggregate, "where": {"at": {"in": [text(limit), text(START + Fraction(1, 1000))]}}}})
        raw, _ = self.shown(config, events)
        found = {v["key"]: v["value"]["n"] for v in map(engine.parse_line, raw.splitlines()) if v["type"] == "hash" and
                 "n" in v["value"]}
        self.assertEqual(found, {"rs:lt": "2", "rs:le": "4", "rs:gt": "2", "rs:ge": "4", "rs:eq": "2", "rs:ne": "4",
                                 "rs:in": "2"})
        config = self.configuration({"a": aggregate}, rules={"at": {"ge": text(limit)}})
        self.assertEqual(self.shown(config, events, expect=3)[1]["rejected"], 2)

    def test_a_period_is_whole_microseconds(self):
        config = self.configuration({"a": {"stream": "events", "window": {"last": 2}, "stats": {"n": "count()"}}},
                                    upsert={"version": "y"})
        self.write("config.yaml", open(config, encoding="utf-8").read().replace("lateness: 600s", ""))
        events = [{"at": START + Fraction(ns, 1000), "name": "a", "x": 1, "y": 1, "seen": None} for ns in (0, 1, 1000, 999)]
        data = self.write("events.ndjson", "".join(map(line, events)))
        _, counts, err = self.replay(config, "events", [data], expect=3)
        self.assertEqual((counts["applied"], counts["rejected"]), (2, 2))
        self.assertIn("the period of an upsert stream is not a whole number of microseconds", err)

    def test_texts_keep_their_digits(self):
        """Decoded as they were written, without zeros at the end."""
        self.write("event.avsc", json.dumps(SCHEMA))
        for written in ("2026-01-01T00:00:00.000000900Z", "1969-12-31T23:59:59.999999999Z", "2026-01-01T00:00:00.1Z",
                        "2026-01-01T00:00:00Z"):
            seconds, _, fraction = written[:-1].partition(".")
            ns = (int(engine_seconds(seconds)) * 10 ** 9) + int((fraction or "0").ljust(9, "0"))
            raw = zigzag(ns) + zigzag(1) + b"a" + zigzag(0) + zigzag(7) + zigzag(1) + zigzag(ns)
            message = self.write("message.hex", raw.hex() + "\n")
            out, _ = procs.check([suite.program("rollstat-schema"), "decode", "-x", "-s", self.path("event.avsc"), message])
            found = json.loads(out)
            expected = seconds + ("." + fraction.rstrip("0") if fraction.rstrip("0") else "") + "Z"
            self.assertEqual((found["at"], found["seen"]), (expected, expected))


def zigzag(value):
    value = (value << 1) ^ (value >> 63)
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def engine_seconds(iso_text):
    import datetime
    return (datetime.datetime.fromisoformat(iso_text) - datetime.datetime(1970, 1, 1)).total_seconds()


if __name__ == "__main__":
    suite.main()
