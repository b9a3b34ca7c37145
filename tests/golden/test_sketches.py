"""Quantiles, distinct counts and profiles of many values through --replay: every quantile is what its definition says to the last digit, and
within 1 % of the true one; distinct values of every type, exact to the limit and estimated beyond it; whatever the order of arrival."""
import datetime
import json
import os
import random
import sys
from fractions import Fraction

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import suite  # noqa: E402
import engine  # noqa: E402
import sketches  # noqa: E402
from exact import decimal_text, double_text  # noqa: E402

ORDERS = 50
EVENTS = 1200
AT = 1700000000
SCHEMA = {"type": "record", "name": "F", "fields": [
    {"name": "t", "type": {"type": "long", "logicalType": "timestamp-micros"}},
    {"name": "v", "type": "long"},
    {"name": "d", "type": {"type": "bytes", "logicalType": "decimal", "precision": 12, "scale": 4}},
    {"name": "w", "type": {"type": "bytes", "logicalType": "decimal", "precision": 34, "scale": 10}},
    {"name": "l", "type": ["null", "long"]},
    {"name": "x", "type": "double"},
    {"name": "s", "type": ["null", "string"]},
    {"name": "e", "type": {"type": "enum", "name": "E", "symbols": ["A", "B", "C"]}},
    {"name": "b", "type": "boolean"},
    {"name": "day", "type": {"type": "int", "logicalType": "date"}},
    {"name": "many", "type": "string"}]}
NUMBERS = {"d": Fraction(1, 10 ** 4), "w": Fraction(1, 10 ** 10), "l": Fraction(1), "x": sketches.DOUBLE}
PLACES = ("0", "0.001", "0.25", "0.5", "0.95", "0.999", "1")
STEPS = ("0.0001", "0.7", "250", "1000000000000000000")
STATS = {"n": "count()"} | {f"q_{f}_{q.replace('.', '_')}": f"quantile({f}, {q})" for f in NUMBERS for q in PLACES} \
    | {f"m_{f}": f"median({f})" for f in NUMBERS} | {f"c_{f}": f"distinct({f})" for f in (*NUMBERS, "s", "e", "b", "day", "many")} \
    | {"c_f": "distinct(d * l)"} | {f"p{n}": f"profile(d, {step}, v)" for n, step in enumerate(STEPS)} | {"p_l": "profile(l, 3, d)"}


def row(rng, number):
    """Both signs, zero, many magnitudes, equal values; one value or few of some."""
    whole = rng.choice([rng.randrange(-100, 100), rng.randrange(-10 ** 11, 10 ** 11), rng.randrange(3350000, 3360000)])
    return {"t": AT + number, "v": number, "d": Fraction(whole, 10 ** 4),
            "w": Fraction(rng.randrange(-10 ** rng.randrange(1, 33), 10 ** 33), 10 ** 10),
            "l": rng.choice([None, rng.randrange(5), -2 ** 63, 2 ** 63 - 1]),
            "x": rng.choice([0.0, 5e-324, -1.5, rng.gauss(0, 1), rng.uniform(-1, 1) * 10.0 ** rng.randrange(-300, 300)]),
            "s": rng.choice([None, "", "数据", "a" * rng.randrange(40)]), "e": rng.choice("AC"), "b": rng.random() < 0.5,
            "day": (datetime.date(2000, 1, 1) + datetime.timedelta(rng.randrange(60))).isoformat(), "many": f"value {rng.randrange(5000)}"}


def line(fields):
    parts = []
    for name, value in fields.items():
        text = str(value * 1000000) if name == "t" else decimal_text(value) if isinstance(value, Fraction) else \
            repr(value) if isinstance(value, float) else json.dumps(value, ensure_ascii=False)
        parts.append(f"{json.dumps(name)}: {text}")
    return "{" + ", ".join(parts) + "}\n"


def values_of(rows, name):
    return [row[name] for row in rows if row[name] is not None]


class Sketches(suite.Case):
    def shown(self, rows, stats, window, **stream):
        self.write("f.avsc", json.dumps(SCHEMA))
        config = self.write("c.yaml", suite.configuration(
            {"s": {"topic": "t", "schema": "f.avsc", "time": "t", **(stream or {"lateness": "1d"})}},
            {"a": {"stream": "s", "window": window, "stats": stats}}, directory=self.directory))
        raw, counts, _ = self.replay(config, "s", [self.write("r.ndjson", "".join(map(line, rows)))], "--time-format", "us")
        self.assertEqual(counts["applied"], len(rows))
        views = [v["value"] for v in map(engine.parse_line, raw.splitlines()) if v["type"] == "hash" and v["key"] == "rs:a"]
        return raw, views[0]

    def check_numbers(self, rows, view):
        for name, unit in NUMBERS.items():
            values = values_of(rows, name)
            text = double_text if name == "x" else decimal_text
            for q in PLACES:
                wanted = sketches.quantile(values, q, unit)
                self.assertEqual(view[f"q_{name}_{q.replace('.', '_')}"], text(float(wanted) if name == "x" else wanted), (name, q))
                exact = Fraction(sorted(values)[sketches.place_of(q, len(values)) - 1])
                self.assertLessEqual(abs(wanted - exact), abs(exact) / 100, (name, q))
            self.assertEqual(view[f"m_{name}"], view[f"q_{name}_0_5"])

    def check_distinct(self, rows, view):
        for name in (*NUMBERS, "s", "e", "b", "day", "many", "f"):
            values = [r["d"] * r["l"] for r in rows if r["l"] is not None] if name == "f" else values_of(rows, name)
            count = len(set(values))
            if count <= sketches.DISTINCT_EXACT:
                self.assertEqual(view[f"c_{name}"], str(count), name)
            else:  # five standard errors
                self.assertLess(abs(int(view[f"c_{name}"]) - count), 5 * 0.01625 * count, name)

    def check_profiles(self, rows, view):
        pairs = {f"p{n}": ([(r["d"], r["v"]) for r in rows], step) for n, step in enumerate(STEPS)}
        pairs["p_l"] = [(r["l"], r["d"]) for r in rows if r["l"] is not None], 3
        for name, (values, step) in pairs.items():
            if not values:
                self.assertEqual((name in view, f"{name}_step" in view), (False, False))
                continue
            step, levels = sketches.profile(values, step)
            self.assertEqual(view[f"{name}_step"], decimal_text(step), name)
            self.assertEqual(view[name], "[" + ",".join(f"[{decimal_text(Fraction(p))},{decimal_text(Fraction(q))}]" for p, q in levels) + "]")
            self.assertEqual(sum(Fraction(str(q)) for _, q in json.loads(view[name], parse_float=str, parse_int=str)), sum(q for _, q in values))

    def test_any_order(self):
        rng = random.Random(int(os.environ.get("RS_SEED", 1)))
        rows = [row(rng, n) for n in range(EVENTS)]
        for window, gone in (({"all": True}, 0), ({"sliding": "10m", "every": "10s"}, EVENTS - 600)):
            outputs = set()
            for number in range(ORDERS // 2):
                raw, view = self.shown(rng.sample(rows, len(rows)) if number else rows, STATS, window)
                outputs.add(raw)
            self.assertEqual(len(outputs), 1, "output bytes differ between orders")
            end = max(r["t"] for r in rows) // 10 * 10 + 10
            within = rows if not gone else [r for r in rows if r["t"] >= end - 600]
            self.assertEqual(view["n"], str(len(within)))
            self.check_numbers(within, view)
            self.check_distinct(within, view)
            self.check_profiles(within, view)

    def test_few_and_none(self):
        rng = random.Random(2)
        for count in (1, 2, 31, 32, 33):
            rows = [row(rng, n) | {"l": n} for n in range(count)]
            _, view = self.shown(rows, STATS, {"all": True})
            self.check_numbers(rows, view)
            self.check_distinct(rows, view)
            self.check_profiles(rows, view)
        _, view = self.shown([row(rng, 1) | {"l": None, "s": None}], {"n": "count()", "m": "median(l)", "c": "distinct(l)", "s": "distinct(s)", "p": "profile(l, 1, d)"},
                             {"all": True})
        self.assertEqual({k: v for k, v in view.items() if k in "nmcsp" or k == "p_step"}, {"n": "1", "c": "0", "s": "0"})

    def test_upserts(self):
        """The newest change of each period counts, also of texts."""
        rng = random.Random(3)
        rows = [row(rng, n) for n in range(300)]
        changed = [r | {"v": r["v"] + 1000, "many": "same", "d": Fraction(7)} for r in rows[::3]]
        latest = {r["t"]: r for r in rows + changed}
        _, view = self.shown(rng.sample(rows + changed, 400), STATS, {"last": 290}, upsert={"version": "v"})
        newest = [latest[t] for t in sorted(latest)[-290:]]
        self.check_numbers(newest, view)
        self.check_distinct(newest, view)
        self.check_profiles(newest, view)


if __name__ == "__main__":
    suite.main()
