"""Statistics that need events in their order through --replay: in every window against an oracle that sorts and adds up anew, and in
fifty orders of arrival; ewma beside the published exponential moving averages."""
import csv
import os
import random
import sys
from decimal import Decimal
from fractions import Fraction

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import suite  # noqa: E402
import engine  # noqa: E402
import fold  # noqa: E402
import ordered  # noqa: E402
import procs  # noqa: E402
from exact import decimal_text, double_text, rounded  # noqa: E402
from ordered import Approximate, within_doubles  # noqa: E402

S = engine.SECOND
START = 1700000000 * S
ORDERS = 50
SCHEMA = ('{"type": "record", "name": "T", "fields": [{"name": "at", "type": {"type": "long", "logicalType": "timestamp-micros"}},'
          ' {"name": "name", "type": "string"}, {"name": "d", "type": {"type": "bytes", "logicalType": "decimal", "precision": 12, "scale": 4}},'
          ' {"name": "w", "type": ["null", {"type": "bytes", "logicalType": "decimal", "precision": 34, "scale": 10}]},'
          ' {"name": "l", "type": ["null", "long"]}, {"name": "x", "type": "double"}, {"name": "p", "type": "double"}]}')
FIELDS = ("d", "w", "l", "x", "p")
DOUBLES = ("x", "p")
HALF_LIVES = {"short": 700000, "long": 30 * S, "odd": 7777777}
STATS = {"n": "count()"}
for _f in FIELDS:
    STATS |= {f"lag1_{_f}": f"lag({_f}, 1)", f"lag7_{_f}": f"lag({_f}, n: 7)"}
    STATS |= {f"{kind}_{_f}": f"{kind}({_f})" for kind in ("twa", "drawdown", "pct_drawdown", "realized_variance")}
    STATS |= {f"ewma_{name}_{_f}": f"ewma({_f}, half_life: {us}us)" for name, us in HALF_LIVES.items()}
WINDOWS = {"all": ({"all": True}, engine.Window()), "last": ({"last": 20}, engine.LastEvents(20)),
           "tumbling": ({"tumbling": "1m"}, engine.Window(60 * S)), "sliding": ({"sliding": "5m", "every": "1m"}, engine.Window(300 * S, 60 * S))}


def row(rng, time):
    walk = Fraction(rng.randrange(990000, 1010000), 10 ** 4)
    return {"at": time, "name": rng.choice("abc"), "d": walk if rng.random() < 0.9 else Fraction(rng.randrange(-10 ** 11, 10 ** 11), 10 ** 4),
            "w": rng.choice([None, walk, Fraction(rng.randrange(-10 ** 33, 10 ** 33), 10 ** 10)]),
            "l": rng.choice([None, 0, -2 ** 63, 2 ** 63 - 1, rng.randrange(1, 50)]),
            "x": rng.choice([0.0, 5e-324, -1.5, 1.5, rng.gauss(0, 1), rng.uniform(-1, 1) * 10.0 ** rng.randrange(-250, 250)]),
            "p": rng.choice([100 + rng.random(), 100 + rng.random() / 1e9, float(walk)])}


def line(fields):
    parts = []
    for name, value in fields.items():
        text = "null" if value is None else decimal_text(value) if isinstance(value, Fraction) else f'"{value}"' if isinstance(value, str) else repr(value)
        parts.append(f'"{name}": {text}')
    return "{" + ", ".join(parts) + "}\n"


class Folder:
    def __init__(self):
        self.stats = fold.parse(STATS)

    def render(self, events, _window_us=None, _previous=None):
        out = {"n": str(len(events))}
        for field in FIELDS:
            values = fold.values_of(events, field)
            text = (lambda v, f=field: double_text(rounded(v)) if f in DOUBLES else decimal_text(v))
            fall = ordered.drawdown(values)
            found = {f"lag1_{field}": (ordered.lag(values, 1), text), f"lag7_{field}": (ordered.lag(values, 7), text),
                     f"drawdown_{field}": (within_doubles(fall) if field in DOUBLES else fall, text),
                     f"twa_{field}": (ordered.twa(values), lambda v: double_text(rounded(v))),
                     f"pct_drawdown_{field}": (within_doubles(ordered.pct_drawdown(values)), lambda v: double_text(rounded(v))),
                     f"realized_variance_{field}": (ordered.realized_variance(values), lambda v: Approximate(v, 2 * v))}
            for name, us in HALF_LIVES.items():
                found[f"ewma_{name}_{field}"] = (ordered.ewma(values, us), lambda v: Approximate(*v))
            out |= {name: made(value) for name, (value, made) in found.items() if value is not None}
        return out


class Ordered(suite.Case):
    def configure(self, windows, history=1000):
        self.write("t.avsc", SCHEMA)
        trees = {}
        for name in windows:
            trees[name] = {"stream": "t", "by": ["name"], "window": WINDOWS[name][0], "stats": STATS}
            if history and name in ("tumbling", "sliding"):
                trees[name]["history"] = history
        stream = {"topic": "t", "schema": "t.avsc", "time": "at", "lateness": "10m"}
        return self.write("config.yaml", suite.configuration({"t": stream}, trees, directory=self.directory))

    def expected(self, windows, rows, history=1000):
        aggregates = []
        for name in windows:
            aggregates.append(engine.Aggregate(name, {"n": "count()"}, WINDOWS[name][1], ["name"],
                                               history=history if name in ("tumbling", "sliding") else 0))
            aggregates[-1].folder, aggregates[-1].inputs = Folder(), list(FIELDS)
        oracle = engine.AppendPartition(engine.Append("at", aggregates, lateness=600 * S))
        for offset, fields in enumerate(rows):
            oracle.apply(offset, None, fields)
        return oracle.shown(oracle.now_shown)

    def check_fields(self, key, got, wanted):
        self.assertEqual(set(got), set(wanted), key)
        for name, value in wanted.items():
            if isinstance(value, Approximate):
                self.assertTrue(value.holds(got[name]), f"{key} {name}: {got[name]}, not {value.value}")
            else:
                self.assertEqual(got[name], value, f"{key} {name}")

    def check(self, raw, shown):
        got = {item["key"]: item for item in map(engine.parse_line, raw.splitlines()) if item["key"] != "rs:meta"}
        self.assertEqual(set(got), set(shown))
        for key, item in shown.items():
            if item["type"] == "hash":
                self.check_fields(key, got[key]["value"], item["value"])
            elif key.endswith(":history"):
                self.assertEqual(len(got[key]["value"]), len(item["value"]), key)
                for (_, found), (_, member) in zip(got[key]["value"], item["value"]):
                    self.check_fields(key, found, member)

    def test_random_rows_in_every_window(self):
        for seed in [int(os.environ["RS_SEED"])] if "RS_SEED" in os.environ else range(4):
            rng = random.Random(seed)
            with self.subTest(seed=seed):
                step = rng.choice([S // 10, S, 3 * S])
                times = [START + n * step - rng.choice([0, 0, 0, step * rng.randrange(5), rng.randrange(60 * S)]) for n in range(220)]
                rows = [row(rng, time) for time in times]
                config = self.configure(WINDOWS)
                raw, counts, _ = self.replay(config, "t", [self.write("t.ndjson", "".join(map(line, rows)))], "--time-format", "us")
                self.assertEqual(counts["applied"], len(rows))
                self.check(raw, self.expected(WINDOWS, rows))

    def test_any_order(self):
        rng = random.Random(5)
        rows = [row(rng, time) for time in rng.sample(range(START, START + 500 * S), 300)]
        outputs, expected = set(), self.expected(WINDOWS, rows, 0)
        config = self.configure(WINDOWS, 0)
        for number in range(ORDERS):
            order = random.Random(number).sample(rows, len(rows)) if number else rows
            raw, counts, _ = self.replay(config, "t", [self.write("t.ndjson", "".join(map(line, order)))], "--time-format", "us",
                                         "--partitions", number % 8 + 1)
            self.assertEqual(counts["consumed"], len(rows))
            outputs.add(raw)
        self.check(raw, expected)
        self.assertEqual(len(outputs), 1, "output bytes differ between orders")

    def test_too_many_values_are_told_by_absence(self):
        """One value more than is kept; lag and ewma need no such bound."""
        self.write("t.avsc", SCHEMA)
        stats = {"t": "twa(p)", "d": "drawdown(p)", "v": "realized_variance(p)", "l": "lag(p, 1000)", "e": "ewma(p, 1h)"}
        config = self.write("config.yaml", suite.configuration(
            {"t": {"topic": "t", "schema": "t.avsc", "time": "at"}},
            {"g": {"stream": "t", "by": ["name"], "window": {"all": True}, "stats": stats}}, directory=self.directory))
        for count, wanted in ((ordered.MOST, set(stats)), (ordered.MOST + 1, {"l", "e"})):
            rows = "".join(f'{{"at": {START + n}, "name": "a", "d": 1, "w": null, "l": null, "x": 1, "p": {n + 1}}}\n' for n in range(count))
            raw, _, _ = self.replay(config, "t", [self.write("t.ndjson", rows)], "--time-format", "us")
            view = next(item["value"] for item in map(engine.parse_line, raw.splitlines()) if item["key"] == "rs:g:a")
            self.assertEqual(set(view) & set(stats), wanted)
            self.assertEqual(view["l"], str(count - 1000))

    def test_exponential_moving_average(self):
        """An EMA of 14 periods has alpha = 2 / 15, so that a weight halves in ln(1/2) / ln(13/15) periods. It began with the mean of
        14 values, which counts less and less: with q = 13/15, ema = (1 - q^m) ewma + q^m mean after m values more."""
        with open(suite.need_data("indicator-vectors", "spy_ema.csv"), encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        self.write("t.avsc", SCHEMA)
        period = 10 ** 6 * S
        half_life = round(Decimal(period) * Decimal("0.5").ln() / (Decimal(13) / Decimal(15)).ln())
        config = self.write("config.yaml", suite.configuration(
            {"t": {"topic": "t", "schema": "t.avsc", "time": "at"}},
            {"g": {"stream": "t", "by": ["name"], "window": {"all": True}, "stats": {"e": f"ewma(p, {half_life}us)"}}}, directory=self.directory))
        picked = range(20, len(rows), 7)
        data = "".join(f'{{"at": {n * period}, "name": "{last}", "d": 1, "w": null, "l": null, "x": 1, "p": {rows[n]["close"]}}}\n'
                       for last in picked for n in range(14, last + 1))
        raw, _, _ = self.replay(config, "t", [self.write("t.ndjson", data)], "--time-format", "us")
        views = {item["key"]: item["value"] for item in map(engine.parse_line, raw.splitlines())}
        mean = sum(Fraction(row["close"]) for row in rows[:14]) / 14
        for last in picked:
            faded = Fraction(13, 15) ** (last - 13)
            ema = (1 - faded) * Fraction(views[f"rs:g:{last}"]["e"]) + faded * mean
            self.assertAlmostEqual(float(ema), float(rows[last]["EMA14"]), delta=1e-9)

    def test_refused(self):
        self.write("t.avsc", SCHEMA)
        for stat, words in (("ewma(p)", "half_life"), ("ewma(p, 0s)", "half_life"), ("lag(p, 0)", "n"), ("lag(p, 1001)", "n"),
                            ("twa(name)", "name is string"), ("drawdown()", "drawdown")):
            config = self.write("config.yaml", suite.configuration(
                {"t": {"topic": "t", "schema": "t.avsc", "time": "at"}},
                {"g": {"stream": "t", "by": ["name"], "window": {"all": True}, "stats": {"s": stat}}}, directory=self.directory))
            _, said = procs.check([suite.program("rollstatd"), "-c", config, "--check"], expect=1)
            self.assertIn(words, said.decode(), stat)
            self.assertRegex(said.decode(), r"config\.yaml:\d+:\d+: ")


if __name__ == "__main__":
    suite.main()
