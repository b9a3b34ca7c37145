"""Statistics over formulas through --replay against exact fractions, with the digits of every operand as written; and
what a formula may not be.

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
import procs  # noqa: E402
from exact import decimal_text, double_text, root_rounded, rounded  # noqa: E402

FIELDS = {"i": "int", "l": "long", "n": ["null", "long"],
          "d": {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 4},
          "w": {"type": "bytes", "logicalType": "decimal", "precision": 30, "scale": 6}, "x": "double", "y": "float",
          "e": {"type": "enum", "name": "E", "symbols": ["A", "B"]},
          "fee-net": "int"}
SCHEMA = {"type": "record", "name": "F", "fields": [
    {"name": "t", "type": {"type": "long", "logicalType": "timestamp-micros"}}] + [
        {"name": name, "type": kind} for name, kind in FIELDS.items()]}
SCALE = {"x": 3}
AT = 1700000000
LIMIT = 10 ** 38

# text, what it comes to; None among the fields is None
FORMULAS = [
    ("d * l", lambda v: v["d"] * v["l"]),
    ("d*i", lambda v: v["d"] * v["i"]),
    ("i + 1", lambda v: v["i"] + 1),
    ("i - l - 2.5", lambda v: v["i"] - v["l"] - Fraction(5, 2)),
    ("i - (l - 2.50)", lambda v: v["i"] - (v["l"] - Fraction(5, 2))),
    ("(d + w) * 3", lambda v: (v["d"] + v["w"]) * 3),
    ("w * w", lambda v: v["w"] * v["w"]),
    ("n * d", lambda v: None if v["n"] is None else v["n"] * v["d"]),
    ("x * i", lambda v: v["x"] * v["i"]),
    ("fee-net - i", lambda v: v["fee-net"] - v["i"]),
    ("2 * (i + (i - 1) * (l + 0.125))", lambda v: 2 * (v["i"] + (v["i"] - 1) * (v["l"] + Fraction(1, 8)))),
    ("0.00000000000000000001 * l", lambda v: Fraction(1, 10 ** 20) * v["l"]),
]


def random_row(rng, small):
    wide = rng.randrange(-10 ** 12, 10 ** 12) if small else rng.randrange(-10 ** 30 + 1, 10 ** 30) // 10 ** rng.randrange(24)
    long = rng.choice([rng.randrange(-2 ** 63, 2 ** 63), rng.randrange(-1000, 1000), 2 ** 63 - 1, -2 ** 63])
    return {"i": rng.choice([rng.randrange(-2 ** 31, 2 ** 31), -2 ** 31, 2 ** 31 - 1, 0]), "l": long,
            "n": rng.choice([None, rng.randrange(-9, 9)]), "d": Fraction(rng.randrange(-10 ** 9 + 1, 10 ** 9), 10 ** 4),
            "w": Fraction(wide, 10 ** 6), "x": Fraction(rng.randrange(-10 ** 9, 10 ** 9), 10 ** 3), "y": 1.5, "e": "A",
            "fee-net": rng.randrange(100)}


def text_of(value):
    return decimal_text(value) if isinstance(value, Fraction) else json.dumps(value)


def expected(rows):
    """Statistics by name, of the rows whose formulas all come to 38 digits at most; and how many those are."""
    good = [row for row in rows if abs(row["w"] * row["w"]) * 10 ** 12 < LIMIT]
    out = {"n": str(len(good))}
    for number, (_, compute) in enumerate(FORMULAS):
        values = [v for v in map(compute, good) if v is not None]
        out |= {f"c{number}": str(len(values)), f"s{number}": decimal_text(sum(values, Fraction(0)))}
        if not values:
            continue
        mean = sum(values, Fraction(0)) / len(values)
        out |= {f"r{number}": decimal_text(max(values) - min(values)), f"l{number}": decimal_text(values[-1]),
                f"d{number}": double_text(root_rounded(sum((v - mean) ** 2 for v in values) / len(values)))}
    values = [(row["d"] * row["i"], row["l"] - row["i"]) for row in good]
    weight = sum(w for _, w in values)
    out["vw"] = double_text(rounded(sum(x * w for x, w in values) / weight)) if weight else None
    return {name: text for name, text in out.items() if text is not None}, len(good)


class Computed(suite.Case):
    def config(self, stats, **more):
        self.write("f.avsc", json.dumps(SCHEMA))
        return self.write("c.yaml", suite.configuration(
            {"s": {"topic": "t", "schema": "f.avsc", "time": "t", "scale": SCALE, **more}},
            {"a": {"stream": "s", "window": {"all": True}, "stats": stats}}, directory=self.directory))

    def shown(self, stats, rows, expect=0, **more):
        lines = "".join("{" + ", ".join([f'"t": {(AT + k) * 1000000}'] + [f'"{n}": {text_of(v)}' for n, v in row.items()])
                        + "}\n" for k, row in enumerate(rows))
        raw, counts, err = self.replay(self.config(stats, **more), "s", [self.write("r.ndjson", lines)],
                                       "--time-format", "us", expect=expect)
        views = [v["value"] for v in map(engine.parse_line, raw.splitlines()) if v["type"] == "hash" and v["key"] == "rs:a"]
        return {name: v for name, v in views[0].items() if name not in ("event_time", "events")}, counts, err

    def test_against_fractions(self):
        seeds = [int(os.environ["RS_SEED"])] if "RS_SEED" in os.environ else range(8)
        stats = {"n": "count()", "vw": "vwap(d * i, l - i)"}
        for number, (text, _) in enumerate(FORMULAS):
            stats |= {f"c{number}": f"count({text})", f"s{number}": f"sum( {text} )", f"r{number}": f"range({text})",
                      f"l{number}": f"last({text})", f"d{number}": f"stddev_pop({text})"}
        for seed in seeds:
            rng = random.Random(seed)
            rows = [random_row(rng, small=seed % 2 == 0) for _ in range(60)] + [random_row(rng, small=True)]
            wanted, applied = expected(rows)
            got, counts, _ = self.shown(stats, rows, expect=0 if applied == len(rows) else 3)
            with self.subTest(seed=seed):
                self.assertEqual(got, wanted)
                self.assertEqual((counts["applied"], counts["rejected"]), (applied, len(rows) - applied))

    def test_too_large(self):
        """What does not fit is rejected, also a step on the way, and never wraps; a null decides before that."""
        row = random_row(random.Random(1), small=True)
        big = {**row, "w": Fraction(10 ** 30 - 1, 10 ** 6), "l": 2 ** 63 - 1, "n": 0}
        for text, applied in (("w * w", 0), ("w * l", 0), ("w * w * n", 0), ("w * 99999999", 1), ("w * 100000000", 1),
                              ("w * 100000001", 0), ("l * l", 1), ("l * l + l", 1)):
            shown, counts, err = self.shown({"n": "count()", "s": f"sum({text})"}, [row, big], expect=0 if applied else 3)
            self.assertEqual((shown["n"], counts["rejected"]), (str(1 + applied), 1 - applied), text)
            self.assertEqual("reason computed_range: 1" in err, not applied)
        shown, counts, _ = self.shown({"n": "count()", "s": "sum(w * w * n)"}, [row, {**big, "n": None}])
        self.assertEqual(shown["n"], "2")

    def test_not_finite(self):
        rows = [{**random_row(random.Random(k), small=True), "i": 2, "x": x} for k, x in enumerate(["NaN", 1.5, "Infinity"])]
        shown, _, err = self.shown({"n": "count(x * i)", "s": "sum(x * i)"}, rows)
        self.assertEqual((shown["n"], shown["s"]), ("1", "3"))
        self.assertIn("not finite and passed by: 2", err)

    def test_brackets_around_a_field(self):
        row = random_row(random.Random(1), small=True)
        shown, _, _ = self.shown({"a": "sum((d))", "b": "sum(d)"}, [row])
        self.assertEqual(shown["a"], shown["b"])

    def test_refused(self):
        for text, words in (
                ("sum(y * i)", "y is float, and formulas are exact: declare how many digits count, scale: {y: 2}"),
                ("sum(e * i)", "e is enum; formulas are made of int, long and decimal fields, and of float and double with"),
                ("sum(t * i)", "t is timestamp; formulas are made of"),
                ("sum(prize * i)", "F has no field 'prize'"),
                ("sum(d-i)", "F has no field 'd-i'"),
                ("sum(d * )", "a formula is made of fields, numbers, + - * and brackets"),
                ("sum(d / i)", "a formula is made of fields, numbers, + - * and brackets"),
                ("sum(-i)", "F has no field '-i'"),
                ("sum(d * -i)", "a formula is made of fields, numbers, + - * and brackets"),
                ("sum((d * i)", "a statistic is written as name(field)"),
                ("sum(1 + 2)", "a formula needs a field at least"),
                ("sum(1x * i)", "\"1x\" is no number such as 2 or 0.25"),
                ("sum(i * 1.2.3)", "\"1.2.3\" is no number such as 2 or 0.25"),
                ("sum(w * w * w * w * w * w * w)", "a product of the formula has 42 digits after the point, and 38 are"),
                ("sum(" + " + ".join(["i"] * 33) + ")", "a formula has 64 fields, constants and operators at most"),
                ("sum(" + "(" * 17 + "i" + ")" * 17 + ")", "brackets of a formula nest deeper than 16")):
            _, err = procs.check([suite.program("rollstatd"), "-c", self.config({"s": text}), "--check"], expect=1)
            self.assertRegex(err.decode(), r"c\.yaml:\d+:\d+: ", text)
            self.assertIn(words, err.decode(), text)


if __name__ == "__main__":
    suite.main()
