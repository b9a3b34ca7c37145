"""Covariance to r2, skewness and kurtosis through --replay: every window, 50 orders of arrival, hostile numbers, times as
inputs, against exact fractions.

RS_SEED=N runs that seed alone.
"""
import json
import os
import random
import sys
from fractions import Fraction

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import suite  # noqa: E402
import engine  # noqa: E402
import fold  # noqa: E402
import procs  # noqa: E402
from exact import decimal_text, double_text, rounded  # noqa: E402

S = engine.SECOND
START = 1380000000 * S
ORDERS = 50

SCHEMA = {"type": "record", "name": "M", "fields": [
    {"name": "at", "type": {"type": "long", "logicalType": "timestamp-micros"}},
    {"name": "seen", "type": ["null", {"type": "long", "logicalType": "timestamp-micros"}]},
    {"name": "g", "type": "string"},
    {"name": "i", "type": "long"},
    {"name": "n", "type": ["null", "long"]},
    {"name": "d", "type": {"type": "bytes", "logicalType": "decimal", "precision": 38, "scale": 20}},
    {"name": "x", "type": "double"},
    {"name": "y", "type": ["null", "double"]},
    {"name": "s", "type": "double"},
    {"name": "v", "type": "int"}]}
FIELDS = ("i", "n", "d", "x", "y", "s")
DOUBLE = ("x", "y")
STREAM = {"topic": "t", "schema": "m.avsc", "time": "at", "scale": {"s": 3}}

STATS = {"n": "count()", **{f"{kind[:4]}{'p' * kind.endswith('_pop')}_{f}": f"{kind}({f})" for kind in fold.MOMENTS for f in "indxs"}}
for number, (a, b) in enumerate((("i", "n"), ("d", "i"), ("x", "d"), ("y", "x"), ("s", "n"), ("i", "$event_time"),
                                 ("x", "$event_time"), ("n", "seen"), ("i * v", "s"), ("i", "i"))):
    STATS |= {f"{kind}_{number}": f"{kind}({a}, {b})" for kind in fold.PAIRS}

WINDOWS = {
    "tumbling": ({"tumbling": "1m"}, engine.Window(60 * S)),
    "sliding": ({"sliding": "2m", "every": "30s"}, engine.Window(120 * S, 30 * S)),
    "since": ({"since": "hour"}, engine.SinceHour()),
    "all": ({"all": True}, engine.Window()),
}


def numbers(rng):
    """A source of rows: ordinary ones, constant ones, or those at the ends of their types."""
    kind = rng.choice(["plain", "plain", "constant", "extreme"])
    fixed = {"i": rng.randrange(-9, 9), "d": Fraction(1, 10 ** 5), "x": 0.1, "y": -0.0, "s": Fraction(1, 8), "n": 5}

    def row():
        if kind == "constant":
            return dict(fixed)
        if kind == "extreme":
            most = 10 ** 38 - 1
            return {"i": rng.choice([2 ** 63 - 1, -2 ** 63, 0, 1]), "n": rng.choice([None, -2 ** 63, 2 ** 63 - 1, 3]),
                    "d": Fraction(rng.choice([most, -most, 1, 0]), 10 ** 20),
                    "x": rng.choice([1e308, -1e308, 5e-324, -5e-324, 1.5, 0.0, -0.0]),
                    "y": rng.choice([None, 1e308, 5e-324, 1e-300, -2.0]), "s": Fraction(rng.randrange(-10 ** 12, 10 ** 12), 1000)}
        return {"i": rng.randrange(-1000, 1000), "n": rng.choice([None, rng.randrange(100), rng.randrange(2 ** 40)]),
                "d": Fraction(rng.randrange(-10 ** 24, 10 ** 24), 10 ** 20), "x": rng.gauss(1e6, 1),
                "y": rng.choice([None, rng.random()]), "s": Fraction(rng.randrange(10 ** 6), 1000)}
    return row


def make_events(rng, count):
    """In the order of time, each group with numbers of its own."""
    groups = {g: numbers(rng) for g in "abc"}
    events = []
    for k, at in enumerate(sorted(rng.sample(range(START, START + 3600 * S), count))):
        g = rng.choice("abc")
        row = {"at": at, "seen": rng.choice([None, at + rng.randrange(10 * S)]), "g": g, **groups[g](), "v": rng.randrange(3)}
        if abs(row["i"] * row["v"]) >= 2 ** 63:
            row["v"] = 1
        events.append(row | {"number": k})
    return events


def line(event):
    def text(value):
        return decimal_text(value) if isinstance(value, Fraction) else json.dumps(value)
    return "{" + ", ".join(f'"{k}": {text(v)}' for k, v in event.items() if k != "number") + "}\n"


def seen_by_oracle(event):
    """Formulas by their text, timestamps in seconds, doubles with a scale as the decimals that they are."""
    seen = None if event["seen"] is None else Fraction(event["seen"], S)
    return event | {"seen": seen, "i * v": event["i"] * event["v"]}


class Moments(suite.Case):
    def config(self, aggregates, **more):
        self.write("m.avsc", json.dumps(SCHEMA))
        return self.write("c.yaml", suite.configuration({"s": {**STREAM, **more}}, aggregates, directory=self.directory))

    def shown(self, config, events, *options):
        raw, counts, _ = self.replay(config, "s", [self.write("r.ndjson", "".join(map(line, events)))], "--time-format", "us",
                                     *options)
        self.assertEqual(counts["applied"], len(events))
        return raw

    def run_seed(self, seed, orders):
        rng = random.Random(seed)
        events = make_events(rng, 90)
        stats = dict(rng.sample(sorted(STATS.items()), 30))
        config = self.config({name: {"stream": "s", "by": ["g"], "window": text, "stats": stats}
                              for name, (text, _) in WINDOWS.items()}, lateness="2h")
        aggregates = [engine.Aggregate(name, stats, window, ["g"], None, 0, DOUBLE) for name, (_, window) in WINDOWS.items()]
        oracle = engine.AppendPartition(engine.Append("at", aggregates, 7200 * S))
        for offset, event in enumerate(events):
            oracle.apply(offset, None, seen_by_oracle(event))
        first = self.shown(config, events)
        self.same_keys(first, oracle.shown(oracle.now_shown))
        for number in range(1, orders):
            again = self.shown(config, rng.sample(events, len(events)), "--partitions", number % 3 + 1)
            self.assertEqual(again, first, f"RS_SEED={seed}, order {number}")

    def test_windows_against_fractions(self):
        seeds = [int(os.environ["RS_SEED"])] if "RS_SEED" in os.environ else range(12)
        for seed in seeds:
            with self.subTest(seed=seed):
                self.run_seed(seed, 2)

    def test_orders_of_arrival(self):
        self.run_seed(1000, ORDERS)

    def test_registers(self):
        """Upserts: the newest periods, each by its highest version, whatever came first; the period is the event's time."""
        rng = random.Random(3)
        stats = {"drift": "slope(i, $event_time)", "at0": "intercept(i, $event_time)", "c": "correlation(x, i)",
                 "k": "kurtosis(d)", "w": "skewness_pop(s)"}
        rows, draw = [], numbers(random.Random(2))
        for k in range(80):
            rows.append({"at": (rng.randrange(12) * 86400 + 1380000000) * S, "seen": None, "g": rng.choice("ab"), **draw(), "v": k})
        config = self.config({"r": {"stream": "s", "by": ["g"], "window": {"last": 5}, "stats": stats}},
                             upsert={"version": "v"})
        raw = self.shown(config, rows)
        oracle = engine.UpsertPartition(engine.Upsert("at", "v", None, [engine.Aggregate("r", stats, engine.Last(5), ["g"], None, 0,
                                                                                         DOUBLE)]))
        for offset, row in enumerate(rows):
            oracle.apply(offset, None, row)
        self.same_keys(raw, oracle.shown(None), ignore=(r"rs:r:index",))
        for _ in range(5):
            self.assertEqual(self.shown(config, rng.sample(rows, len(rows))), raw)

    def test_behind_a_condition(self):
        """Of the events for which it holds, and of those alone; (buys - sells) / (buys + sells) of three statistics."""
        rng = random.Random(5)
        events = make_events(rng, 60)
        texts = {"c": "correlation(i, s)", "t": "slope(x, $event_time)", "k": "kurtosis_pop(d)", "f": "covariance(i * v, n)"}
        config = self.config({"a": {"stream": "s", "window": {"all": True}, "stats": {
            **{name: {"stat": text, "where": {"v": 1}} for name, text in texts.items()}, "whole": "correlation(i, s)",
            "buys": {"stat": "sum(s)", "where": {"v": 1}}, "sells": {"stat": "sum(s)", "where": {"v": 2}},
            "imbalance": "(buys - sells) / (buys + sells)"}}}, lateness="2h")
        raw = self.shown(config, events)
        shown = next(v["value"] for v in map(engine.parse_line, raw.splitlines()) if v["key"] == "rs:a")
        rows = [(e["at"], k, seen_by_oracle(e)) for k, e in enumerate(events)]
        folder = fold.Folder(fold.parse(texts), DOUBLE)
        for name, text in folder.render([r for r in rows if r[2]["v"] == 1]).items():
            self.assertEqual(shown.get(name), text, name)
        self.assertEqual(shown["whole"], fold.Folder(fold.parse({"c": texts["c"]}), DOUBLE).render(rows)["c"])
        buys, sells = (sum(e["s"] for e in events if e["v"] == v) for v in (1, 2))
        self.assertEqual(shown["imbalance"], double_text(rounded((buys - sells) / (buys + sells))))
        self.assertEqual(self.shown(config, rng.sample(events, len(events))), raw)

    def test_explained(self):
        config = self.config({"a": {"stream": "s", "window": {"all": True}, "stats": {"p": "slope(x,$event_time)"}}})
        out, _ = procs.check([suite.program("rollstatd"), "-c", config, "--explain"])
        self.assertIn("slope(x, $event_time)", out.decode())

    def test_refused(self):
        for text, words in (
                ("slope(x)", "slope takes two fields, as in slope(price, $event_time)"),
                ("r2(x, g)", "g is string; statistics are made of"),
                ("mean($event_time)", "$event_time is an input of covariance"),
                ("skewness(seen)", "seen is timestamp; statistics are made of"),
                ("slope(x, $event_tim)", "has no field '$event_tim'"),
                ("kurtosis(i, n)", "kurtosis takes one field")):
            config = self.config({"a": {"stream": "s", "window": {"all": True}, "stats": {"p": text}}})
            _, err = procs.check([suite.program("rollstatd"), "-c", config, "--check"], expect=1)
            self.assertIn(words, err.decode(), text)


if __name__ == "__main__":
    suite.main()
