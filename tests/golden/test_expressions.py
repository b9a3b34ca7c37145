"""Statistics made of others by arithmetic, through --check, --explain and --replay against exact fractions: random
aggregates of this grammar in all kinds of windows; and what may not be written.

RS_SEED=N runs that seed alone.
"""
import calendar
import datetime
import json
import os
import random
import re
import sys
from fractions import Fraction

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import suite  # noqa: E402
import engine  # noqa: E402
import procs  # noqa: E402
from arithmetic import Absent, Tree, shown_text  # noqa: E402
from exact import decimal_text, double_text, rounded  # noqa: E402

FIELDS = {"i": "int", "l": "long", "n": ["null", "long"],
          "d": {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 4},
          "w": {"type": "bytes", "logicalType": "decimal", "precision": 30, "scale": 20}, "x": "double",
          "e": {"type": "enum", "name": "E", "symbols": ["A", "B", "C"]}}
SCHEMA = {"type": "record", "name": "F", "fields": [
    {"name": "t", "type": {"type": "long", "logicalType": "timestamp-micros"}}] + [
        {"name": name, "type": kind} for name, kind in FIELDS.items()] + [{"name": "v", "type": "long", "default": 0}]}
AT = 1700000000
WINDOWS = [{"all": True}, {"tumbling": "10s"}, {"sliding": "10s", "every": "2s"}, {"since": "hour"}, {"tumbling": "1m"}]
EXACT = ("count", "sum", "min", "max", "range", "first", "last")
ROUNDED = ("mean", "stddev_pop", "variance")


class Aggregate:
    """Random statistics of fields, and some made of those and of each other, all in a random order."""

    def __init__(self, rng):
        self.window, self.history = rng.choice(WINDOWS), 0
        if "all" not in self.window:
            self.history = rng.choice([0, 50])
        self.stats, self.exact = {}, {}
        for number in range(rng.randrange(2, 6)):
            self.base(rng, rng.choice([f"s{number}", f"net-{number}", f"a.b{number}", f"_{number}"]))
        self.trees = {}
        for number in range(rng.randrange(1, 5)):
            tree = Tree(rng, sorted(self.exact))
            while not tree.used or not re.search(r"[-+*/(]\s*", tree.text.replace("net-", "")):
                tree = Tree(rng, sorted(self.exact))
            name = f"d{number}"
            self.trees[name] = tree
            self.stats[name] = tree.text
            self.exact[name] = not tree.divides and all(self.exact[used] for used in tree.used)
        order = list(self.stats.items())
        rng.shuffle(order)
        self.stats = dict(order)

    def base(self, rng, name):
        field = rng.choice(["i", "l", "n", "d", "w", "x"])
        if rng.random() < 0.15:
            self.stats[name] = f"ohlc({field})"
            for part in ("open", "high", "low", "close"):
                self.exact[f"{name}_{part}"] = field != "x"
            return
        kind = rng.choice(EXACT + ROUNDED)
        self.stats[name] = "count()" if kind == "count" and rng.random() < 0.5 else f"{kind}({field})"
        self.exact[name] = kind == "count" or (kind in EXACT and field != "x")

    def expected(self, shown):
        """Those made of others, of what is shown of these."""
        values = {name: Fraction(text) for name, text in shown.items() if name in self.exact and name not in self.trees}
        out = {}
        for name, tree in self.trees.items():
            try:
                result = shown_text(tree.value(values), self.exact[name])
            except (KeyError, Absent):
                continue
            if result is not None:
                out[name] = result
                values[name] = Fraction(result)
        return out


# ---- conditions ----

CONDITIONS = [
    ({"e": "A"}, lambda v: v["e"] == "A"),
    ({"e": {"in": ["A", "C"]}, "i": {"ge": 0}}, lambda v: v["e"] in "AC" and v["i"] >= 0),
    ({"n": {"is_null": True}}, lambda v: v["n"] is None),
    ({"n": {"gt": 0}}, lambda v: v["n"] is not None and v["n"] > 0),
    ({"not": {"n": {"gt": 0}}}, lambda v: v["n"] is not None and v["n"] <= 0),
    ({"or": [{"e": "B"}, {"d": {"lt": "-1.5"}}]}, lambda v: v["e"] == "B" or v["d"] < Fraction(-3, 2)),
    ({"i": {"eq": 12345}}, lambda v: False),
]


def statistic(kind, values):
    """Of the values that are there, in the order of events, as shown; None: absent."""
    exact = [Fraction(v) for v in values]
    if kind == "count":
        return str(len(exact))
    double = any(isinstance(v, float) for v in values)
    text = (lambda v: double_text(rounded(v))) if double else decimal_text
    if kind == "sum":
        return text(sum(exact, Fraction(0)))
    if not exact:
        return None
    if kind == "mean":
        return double_text(rounded(sum(exact) / len(exact)))
    return text({"min": min(exact), "max": max(exact), "range": max(exact) - min(exact), "first": exact[0], "last": exact[-1]}[kind])


# ---- earlier periods ----

def day_us(day):
    return (day - datetime.date(1970, 1, 1)).days * 86400 * 1000000


SPANS = {"1d": datetime.timedelta(1), "1w": datetime.timedelta(7), "1mo": 1, "1q": 3, "1y": 12}


def span_before(day, span):
    """The same day; of months the last one where there is none, or of the last."""
    if isinstance(span, datetime.timedelta):
        return day - span
    first = day.replace(day=1)
    for _ in range(span):
        first = (first - datetime.timedelta(1)).replace(day=1)
    length = calendar.monthrange(first.year, first.month)[1]
    at_end = (day + datetime.timedelta(1)).month != day.month
    return first.replace(day=length if at_end else min(day.day, length))


def earlier(winners, until):
    """What refers to periods before, of the newest present one up to `until`. winners: {day: row}, of those present."""
    days = [day for day in sorted(winners) if day < until]
    if not days:
        return {}
    now, out = winners[days[-1]], {}
    for n in (1, 2, 5):
        before = winners[days[-1 - n]] if len(days) > n else {}
        for field in "nl":
            if before.get(field) is not None:
                out[f"{field}{n}"] = str(before[field])
    for name, span in SPANS.items():
        then = winners.get(span_before(days[-1], span), {})
        for field in "nl":
            if then.get(field) is not None and now[field] is not None:
                out[f"{field}{name}"] = str(now[field] - then[field])
                if then[field]:
                    out[f"{field}{name}p"] = double_text(rounded(100 * Fraction(now[field] - then[field], abs(then[field]))))
    then = winners.get(span_before(days[-1], 12), {})
    for field in "nl":
        if then.get(field) and now[field] is not None:
            out[f"{field}y"] = double_text(rounded(100 * Fraction(now[field] - then[field], abs(then[field]))))
    if "l1" in out:
        out["more"] = str(now["l"] - int(out["l1"]))
    return out


def random_row(rng):
    return {"i": rng.choice([rng.randrange(-2 ** 31, 2 ** 31), 0, 1, -1]),
            "l": rng.choice([rng.randrange(-2 ** 63, 2 ** 63), rng.randrange(-1000, 1000)]),
            "n": rng.choice([None, rng.randrange(-9, 9)]), "d": Fraction(rng.randrange(-10 ** 9 + 1, 10 ** 9), 10 ** 4),
            "w": Fraction(rng.randrange(-10 ** 30 + 1, 10 ** 30) // 10 ** rng.randrange(30), 10 ** 20),
            "x": rng.choice([rng.uniform(-9, 9), rng.uniform(0, 1) * 10 ** rng.randrange(-300, 300), 0.1, -0.0]),
            "e": rng.choice("ABC")}


def line_of(at_us, row):
    texts = {"v": 0} | {n: decimal_text(v) if isinstance(v, Fraction) else v for n, v in row.items()}
    return json.dumps({"t": at_us} | texts) + "\n"


class Expressions(suite.Case):
    def config(self, aggregates, **more):
        self.write("f.avsc", json.dumps(SCHEMA))
        return self.write("c.yaml", suite.configuration(
            {"s": {"topic": "t", "schema": "f.avsc", "time": "t", **more}}, aggregates, directory=self.directory))

    def shown(self, config, lines, *options):
        """{key: [fields of a view, or of each member of a history]}"""
        raw, _, _ = self.replay(config, "s", [self.write("r.ndjson", "".join(lines))], "--time-format", "us", *options)
        found, meta = {}, {}
        for item in map(engine.parse_line, raw.splitlines()):
            if item["type"] == "hash" and item["key"] == "rs:meta":
                meta = item["value"]
            elif item["type"] == "hash":
                found[item["key"]] = [item["value"]]
            elif item["type"] == "zset" and item["key"].endswith(":history"):
                found[item["key"]] = [member for _, member in item["value"]]
        return found, meta

    def test_against_fractions(self):
        seeds = [int(os.environ["RS_SEED"])] if "RS_SEED" in os.environ else range(6)
        checked = 0
        for seed in seeds:
            rng = random.Random(seed)
            aggregates = {f"a{k}": Aggregate(rng) for k in range(25)}
            config = self.config({name: {"stream": "s", "window": a.window, "history": a.history, "stats": a.stats}
                                  for name, a in aggregates.items()})
            procs.check([suite.program("rollstatd"), "-c", config, "--check"])
            out, _ = procs.check([suite.program("rollstatd"), "-c", config, "--explain"])
            lines = [line_of((AT + rng.randrange(60)) * 1000000, random_row(rng)) for _ in range(60)]
            found, _ = self.shown(config, lines)
            for key, members in found.items():
                a = aggregates[key.split(":")[1]]
                for fields in members:
                    with self.subTest(seed=seed, key=key, stats=a.stats, fields=fields):
                        wanted = a.expected(fields) if fields["events"] != "0" else {}
                        self.assertEqual({name: fields[name] for name in a.trees if name in fields}, wanted)
                        checked += len(wanted)
        self.assertGreater(checked, 150 * len(seeds))

    def gated_stats(self, rng):
        """{name: (configured, kind, field or None, predicate)}"""
        stats = {}
        for number in range(30):
            kind, field = rng.choice(EXACT + ("mean",)), rng.choice(["i", "l", "n", "d", "w", "x"])
            field = None if kind == "count" and rng.random() < 0.5 else field
            where, holds = rng.choice(CONDITIONS + [(None, lambda v: True)])
            text = f"{kind}({field or ''})"
            stats[f"s{number}"] = ({"stat": text, "where": where} if where else text, kind, field, holds)
        return stats

    def expected_gated(self, stats, rows):
        out = {}
        for name, (_, kind, field, holds) in stats.items():
            values = [row[field] if field else 1 for row in rows if holds(row)]
            out[name] = statistic(kind, [v for v in values if v is not None])
        return {name: text for name, text in out.items() if text is not None}

    def test_where_against_fractions(self):
        """Of append streams in two windows, and of the winners of an upsert stream; in any order."""
        seeds = [int(os.environ["RS_SEED"])] if "RS_SEED" in os.environ else range(4)
        for seed in seeds:
            rng = random.Random(seed)
            stats = self.gated_stats(rng)
            rows = [{**random_row(rng), "x": rng.uniform(-9, 9)} for _ in range(80)]
            configured = {name: stat for name, (stat, *_) in stats.items()}
            for upsert in (False, True):
                periods = [rng.randrange(40) for _ in rows] if upsert else range(len(rows))
                winners = {period: row for period, row in zip(periods, rows)}
                windows = {"all": {"all": True}, "ten": {"tumbling": "10s"}}
                config = self.config({name: {"stream": "s", "window": window, "history": 100 if name == "ten" else 0,
                                             "stats": configured} for name, window in windows.items()},
                                     **({"upsert": {"version": "v"}} if upsert else {"lateness": "1h"}))
                lines = [line_of((AT + p) * 1000000, {**row, "v": k}) for k, (p, row) in enumerate(zip(periods, rows))]
                rng.shuffle(lines)
                found, _ = self.shown(config, lines)
                last = [winners[p] for p in sorted(winners)]
                self.same_stats(seed, stats, found["rs:all"][0], last)
                self.assertGreater(len(found["rs:ten:history"]), 2)
                for member in found["rs:ten:history"]:
                    start = int(member["window_start"]) // 1000 - AT
                    self.same_stats(seed, stats, member, [winners[p] for p in sorted(winners) if start <= p < start + 10])

    def same_stats(self, seed, stats, fields, rows):
        got = {name: fields[name] for name in stats if name in fields}
        wanted = self.expected_gated(stats, rows)
        for name in stats:
            self.assertEqual(got.get(name), wanted.get(name), (seed, name, stats[name][:3]))

    def one(self, stats, rows, window=None):
        """What is shown of the only group."""
        config = self.config({"a": {"stream": "s", "window": window or {"all": True}, "stats": stats}})
        found, meta = self.shown(config, [line_of((AT + k) * 1000000, row) for k, row in enumerate(rows)])
        return found["rs:a"][0], meta

    def test_what_is_shown(self):
        row = {"i": 3, "l": 8, "n": None, "d": Fraction(5, 2), "w": Fraction(1, 10 ** 20), "x": 0.1, "e": "A"}
        shown, meta = self.one({
            "after": "twice + 1", "twice": "2*high", "high": "max(l)", "low": "min(i)", "none": "max(n)", "zero": "low - low",
            "x": "ohlc(x)", "w": "sum(w)", "spread": "x_high - x_low", "share": "100 * low / high", "gone": "none + 1",
            "nothing": "low / zero", "minus": "-(-low) - -high", "third": "low / 3 * 3", "tiny": "w * w"}, [row, {**row, "l": 4, "x": 1e308}])
        wanted = {"twice": "16", "after": "17", "zero": "0", "spread": "1e+308", "share": "37.5", "minus": "11", "third": "3",
                  "tiny": "4e-40"}
        self.assertEqual({name: shown.get(name) for name in wanted}, wanted)
        self.assertFalse({"gone", "nothing"} & set(shown))
        self.assertEqual(meta["a"]["stats"]["minus"], {"expression": "-(-low) - -high"})

    def test_units(self):
        unit = {"type": "record", "name": "F", "fields": [
            SCHEMA["fields"][0], {"name": "i", "type": "int", "unit": "USD"}, {"name": "l", "type": "long"}]}
        config = self.config({"a": {"stream": "s", "window": {"all": True}, "stats": {
            "all": "(a - 2 * b) / 3 + -a", "a": "max(i)", "b": "min(i)", "c": "max(l)", "ratio": "a / b", "mixed": "a + c",
            "per": "100 / a", "product": "a * b", "pct": "pct_change(i)"}}} | {})
        self.write("f.avsc", json.dumps(unit))
        config = self.write("c.yaml", open(config, encoding="utf-8").read().replace("all: true", "tumbling: 1m"))
        out, _ = procs.check([suite.program("rollstatd"), "-c", config, "--explain"])
        text = out.decode()
        for words in ("all = (a - 2 * b) / 3 + -a [USD],", "ratio = a / b,", "mixed = a + c,", "per = 100 / a,",
                      "product = a * b,"):
            self.assertIn(words, text)

    def test_nothing_in_an_empty_window(self):
        row = {"i": 3, "l": 8, "n": None, "d": 1, "w": 1, "x": 0.1, "e": "A"}
        config = self.config({"a": {"stream": "s", "by": ["e"], "window": {"sliding": "2s", "every": "1s"},
                                    "stats": {"n": "count()", "m": "n + 1"}}})
        found, _ = self.shown(config, [line_of(AT * 1000000, row)] + [
            line_of((AT + k) * 1000000, {**row, "e": "B"}) for k in range(0, 60, 2)])
        self.assertEqual((found["rs:a:A"][0]["n"], found["rs:a:A"][0].get("m")), ("0", None))
        self.assertEqual((found["rs:a:B"][0]["n"], found["rs:a:B"][0].get("m")), ("1", "2"))

    def test_step_of_a_profile(self):
        row = {"i": 3, "l": 8, "n": None, "d": 1, "w": 1, "x": 0.1, "e": "A"}
        config = self.config({"a": {"stream": "s", "window": {"all": True}, "stats": {"v": "profile(i, 2, l)", "twice": "2 * v_step"}}})
        found, _ = self.shown(config, [line_of(AT * 1000000, row)])
        self.assertEqual((found["rs:a"][0]["v_step"], found["rs:a"][0]["twice"]), ("2", "4"))

    def test_refused(self):
        base = {"high": "max(i)", "low": "min(i)", "net-sum": "sum(i)", "p": "ohlc(d)", "r": "rate()", "v": "profile(i, 2, l)"}
        for text, words in (
                ("high - lou", 'this aggregate has no statistic "lou"; did you mean "low"?'),
                ("r + nope", 'this aggregate has no statistic "nope"'), ("r * nope", 'this aggregate has no statistic "nope"'),
                ("high -", "arithmetic is made of names of statistics, numbers, + - * / and brackets"),
                ("high + + low", "arithmetic is made of"), ("high * / low", "arithmetic is made of"),
                ("(high + low", "arithmetic is made of"), ("high + low)", "arithmetic is made of"),
                ("high - - - low", "arithmetic is made of"), ("high + low low", "arithmetic is made of"),
                ("-(", "arithmetic is made of"), ("()", "arithmetic is made of"), ("high / $", 'no statistic "$"'),
                ("high % low", "a statistic is written as name(field)"),
                ("high + low % 2", "arithmetic is made of"),
                ("high -low-", 'no statistic "low-"; did you mean "low"?; a minus stands between blanks'),
                ("2 * high-low", 'no statistic "high-low"'),
                ("high / total.volume", 'no statistic "total.volume"; those of other aggregates cannot be used, since an instance sees '
                 "its own partitions alone: divide where both are shown"),
                ("p - low", "p is ohlc: one of its fields is meant, as in p_high - p_low"),
                ("p_hihg - low", 'did you mean "p_high"?'),
                ("v - low", "v is a profile, which is no number; of its fields v_step is one"),
                ("sum(i) / count()", "sum(...) cannot stand in arithmetic: give it a name of its own in stats, and use that"),
                ("high - sum(i)", "sum(...) cannot stand in arithmetic"),
                ("2 * 3", "arithmetic needs a statistic at least, as in 2 * high"), ("-(1)", "arithmetic needs a statistic"),
                ("high * 1x", '"1x" is no number such as 2 or 0.25'), ("high * 1.2.3", '"1.2.3" is no number'),
                ("high * 1e5", '"1e5" is no number'), ("high * " + "9" * 39, "is no number"),
                ("high * 0." + "1" * 39, "is no number"),
                ("own + 1", "own is made of itself"), ("high", "a statistic is written as name(field)"),
                ("high + " + "y" * 200, "arithmetic is made of"),
                (" + ".join(["high"] * 33), "arithmetic has 64 names, numbers and operators at most"),
                ("(" * 9 + "high" + ")" * 9, "brackets of arithmetic nest deeper than 8")):
            config = self.config({"a": {"stream": "s", "window": {"all": True}, "stats": {**base, "own": text}}})
            _, err = procs.check([suite.program("rollstatd"), "-c", config, "--check"], expect=1)
            self.assertRegex(err.decode(), r"c\.yaml:\d+:\d+: ", text)
            self.assertIn(words, err.decode(), text)
            self.assertIn("1 error", err.decode().splitlines()[-1], text)

    def test_earlier_periods(self):
        """Of days and ends of months over leap years, revised and withdrawn in any order, of the newest and of each window."""
        seeds = [int(os.environ["RS_SEED"])] if "RS_SEED" in os.environ else range(6)
        stats = {f"{field}{n}": f"lag({field}, {n})" for field in "nl" for n in (1, 2, 5)}
        stats |= {f"{field}{span}": f"change({field}, over: {span})" for field in "nl" for span in SPANS}
        stats |= {f"{field}{span}p": f"pct_change({field}, {span})" for field in "nl" for span in SPANS}
        stats |= {"ny": "yoy(n)", "ly": "yoy(l)", "now": "last(l)", "more": "now - l1"}
        found_any = 0
        for seed in seeds:
            rng = random.Random(seed)
            days = [datetime.date(2019, 12, 1) + datetime.timedelta(k) for k in range(0, 1700, 1 if seed % 2 else 7)]
            if seed % 3 == 0:
                days = [day for day in days if (day + datetime.timedelta(1)).day == 1] or days
            days = [day for day in days if day.day > 25 or day.month == 2 or seed == 1]
            events = [(day, version, {**random_row(rng), "l": rng.randrange(-50, 50)}) for day in days for version in range(rng.randrange(4))]
            winners = {}
            for day, version, row in sorted(events, key=lambda e: e[:2]):
                winners[day] = row
            value = seed % 2 == 0
            present = {day: row for day, row in winners.items() if not value or row["n"] is not None}
            config = self.config({"last": {"stream": "s", "window": {"last": 3}, "stats": stats},
                                  "month": {"stream": "s", "window": {"tumbling": "1mo", "zone": "UTC"}, "history": 100, "stats": stats}},
                                 upsert={"version": "v"} | ({"value": "n"} if value else {}))
            rng.shuffle(events)
            found, _ = self.shown(config, [line_of(day_us(day), {**row, "v": version}) for day, version, row in events])
            shown = found["rs:last"][0]
            self.assertEqual({k: v for k, v in shown.items() if k in stats and k != "now"}, earlier(present, datetime.date.max), seed)
            for member in found["rs:month:history"]:
                end = datetime.date(1970, 1, 1) + datetime.timedelta(milliseconds=int(member["window_end"]))
                start = datetime.date(1970, 1, 1) + datetime.timedelta(milliseconds=int(member["window_start"]))
                wanted = earlier(present, end) if any(start <= day < end for day in present) else {}
                self.assertEqual({k: v for k, v in member.items() if k in stats and k != "now"}, wanted, (seed, start))
                found_any += len(wanted)
        self.assertGreater(found_any, 200 * len(seeds))

    def test_earlier_periods_refused(self):
        for text, words in (("yoy(l)", "yoy looks at the period a year before, which upsert streams keep: it needs a stream with upsert"),
                            ("lag(l)", "lag takes a field and a whole number from 1 to 1000 (n), as in lag(price, 1)"),
                            ("lag(l, 0)", "n of lag is a whole number from 1 to 1000, as in lag(price, 1)"),
                            ("lag(l, -1)", "n of lag is a whole number"), ("lag(l, 1.5)", "n of lag is a whole number"),
                            ("change(l, over: 1y)", "over looks at the period so long before, which upsert streams keep: it needs a stream with upsert"),
                            ("pct_change(l, 1mo)", "without over the window before is meant"),
                            ("change(l, 2mo)", "over of change is 1d, 1w, 1mo, 1q or 1y, as in change(price, over: 1y)"),
                            ("change(l, over: 365d)", "over of change is 1d"), ("change(l, ovr: 1y)", "change takes a field and 1d, 1w, 1mo, 1q or 1y (over) or not"),
                            ("yoy(l, 2)", "yoy takes one field")):
            config = self.config({"a": {"stream": "s", "window": {"tumbling": "1m"}, "stats": {"own": text}}})
            _, err = procs.check([suite.program("rollstatd"), "-c", config, "--check"], expect=1)
            self.assertIn(words, err.decode())

    def test_where(self):
        """As it is told; and what does not go."""
        row = {"i": 3, "l": 8, "n": None, "d": 1, "w": 1, "x": 0.1, "e": "A"}
        shown, meta = self.one({
            "all": "count()", "a": {"stat": "count()", "where": {"e": "A"}}, "b": {"stat": "count()", "where": {"e": {"in": ["B"]}}},
            "rate": {"stat": "rate()", "where": {"e": "A"}}, "plain": {"stat": "sum(l)"}, "share": "100 * a / all",
            "price": {"stat": "ohlc(i * l)", "where": {"e": "A", "not": {"i": 4}}}, "vw": {"stat": "vwap(d, l)", "where": {"e": "B"}}},
            [row, {**row, "i": 4}, {**row, "e": "B", "l": 2}, row], {"tumbling": "10s"})
        wanted = {"all": "4", "a": "3", "b": "1", "rate": "0.3", "plain": "26", "share": "75", "price_high": "24", "vw": "1"}
        self.assertEqual({name: shown[name] for name in wanted}, wanted)
        self.assertEqual(meta["a"]["stats"]["price"]["expression"], "ohlc(i * l) where {e: A, not: {i: 4}}")
        for stat, words in (
                ({"stat": "sum(i)", "wher": {"e": "A"}}, 'unknown key "wher" in a statistic; did you mean "where"?'),
                ({"where": {"e": "A"}}, "a statistic needs stat, as in {stat: sum(quantity), where: {side: BUY}}"),
                ({"stat": "sum(i)", "where": {"f": "A"}}, "F has no field 'f'"),
                ({"stat": "sum(i)", "where": {"e": "D"}}, "D"),
                ({"stat": "sum(i)", "where": "A"}, "a mapping from field to condition is expected"),
                ({"stat": "other + 1", "where": {"e": "A"}}, "where chooses events, and arithmetic has none: give it to the"),
                ({"stat": {"sum": "i"}}, "a statistic is written as name(field)")):
            config = self.config({"a": {"stream": "s", "window": {"all": True}, "stats": {"other": "count()", "own": stat}}})
            _, err = procs.check([suite.program("rollstatd"), "-c", config, "--check"], expect=1)
            self.assertRegex(err.decode(), r"c\.yaml:\d+:\d+: ")
            self.assertIn(words, err.decode())

    def test_exact_of_what_is_shown_exactly(self):
        """To the last digit, beyond those of a double, whichever statistic the decimals are of."""
        rows = [{"i": k, "l": value, "n": None, "d": 1, "w": 1, "x": 0.1, "e": "A"} for k, value in enumerate((2 ** 62 + 1, 5, 2 ** 62 + 3))]
        wanted = {"drawdown(l)": 2 ** 62 - 4, "lag(l, 2)": 2 ** 62 + 1, "median(l)": 2 ** 62 + 1, "quantile(l, 1)": 2 ** 62 + 3,
                  "range(l)": 2 ** 62 - 2, "last(l)": 2 ** 62 + 3}
        stats = {f"s{k}": text for k, text in enumerate(wanted)} | {f"t{k}": f"s{k} * 7" for k in range(len(wanted))}
        stats |= {"c": "distinct(l)", "p": "profile(l, 1, i)", "tc": "c * 1000000000000000000001", "tp": "p_step * 1000000000000000000001"}
        shown, _ = self.one(stats, rows)
        self.assertEqual([shown[f"t{k}"] for k in range(len(wanted))], [str(7 * value) for value in wanted.values()])
        doubles = {f"x{k}": text.replace("(l", "(x") for k, text in enumerate(wanted)}
        shown_doubles, _ = self.one(doubles | {f"y{k}": f"x{k} * x{k}" for k in range(len(wanted))}, [row | {"x": 0.1 * (3 - row["i"])} for row in rows])
        for k in range(len(wanted)):
            self.assertEqual(shown_doubles[f"y{k}"], double_text(rounded(Fraction(shown_doubles[f"x{k}"]) ** 2)), doubles[f"x{k}"])
        self.assertEqual((shown["tc"], shown["tp"]), (str(3 * (10 ** 21 + 1)), str(int(shown["p_step"]) * (10 ** 21 + 1))))

    def test_withdrawn_by_fields_alone(self):
        """A condition says nothing of whether a newer version takes the value back."""
        row = {"i": 3, "l": 8, "n": 5, "d": 1, "w": 1, "x": 0.1, "e": "A"}
        config = self.config({"a": {"stream": "s", "window": {"all": True}, "stats": {
            "s": {"stat": "sum(n)", "where": {"e": "A"}}, "c": {"stat": "count()", "where": {"e": "A"}}}}}, upsert={"version": "v"})
        for second, wanted in (({"n": None}, ("0", "0", "0")), ({"e": "B"}, ("1", "0", "0")), ({"n": 7}, ("1", "7", "1"))):
            found, _ = self.shown(config, [line_of(AT * 1000000, {**row, "v": 1}), line_of(AT * 1000000, {**row, "v": 2, **second})])
            shown = found["rs:a"][0]
            self.assertEqual((shown["events"], shown["s"], shown["c"]), wanted)

    def test_what_a_gate_holds_back_rejects_nothing(self):
        row = {"i": 3, "l": 2 ** 62, "n": None, "d": 1, "w": Fraction(10 ** 30 - 1, 10 ** 20), "x": 0.1, "e": "A"}
        stats = {"n": "count()", "s": {"stat": "sum(w * l)", "where": {"e": "B"}}}
        shown, _ = self.one(stats, [row])
        self.assertEqual((shown["n"], shown["s"]), ("1", "0"))

    def test_many_formulas_of_an_upsert_stream(self):
        """More of them than a stream has fields."""
        rows = [{"i": 3, "l": 5, "n": 1, "d": 1, "w": 1, "x": 0.5, "e": "A"}]
        config = self.config({f"a{k}": {"stream": "s", "window": {"all": True}, "stats": {
            f"s{m}": f"sum(l * {60 * k + m})" for m in range(60)}} for k in range(8)}, upsert={"version": "v"})
        found, _ = self.shown(config, [line_of(AT * 1000000, row) for row in rows])
        self.assertEqual(found["rs:a7"][0]["s59"], str(5 * 479))
        config = self.config({f"a{k}": {"stream": "s", "window": {"all": True}, "stats": {
            f"s{m}": f"sum(l * {60 * k + m})" for m in range(60)}} for k in range(18)})
        _, err = procs.check([suite.program("rollstatd"), "-c", config, "--check"], expect=1)
        self.assertIn("the statistics of one stream are made of more than 1024 fields, formulas and conditions", err.decode())

    def test_circles(self):
        stats = {"x": "max(i)", "a": "b + 1", "b": "2 * c", "c": "x - a", "d": "a + x"}
        config = self.config({"a": {"stream": "s", "window": {"all": True}, "stats": stats}})
        _, err = procs.check([suite.program("rollstatd"), "-c", config, "--check"], expect=1)
        self.assertIn("a is made of itself, by way of c", err.decode())
        self.assertIn("1 error", err.decode().splitlines()[-1])

    def test_a_fault_is_told_once(self):
        stats = {"x": "max(gone)", "p": "ohlc(gone)", "a": "x + 1", "b": "a + p_high"}
        config = self.config({"a": {"stream": "s", "window": {"all": True}, "stats": stats}})
        _, err = procs.check([suite.program("rollstatd"), "-c", config, "--check"], expect=1)
        self.assertIn("2 errors", err.decode().splitlines()[-1])

    def test_as_deep_as_may_be(self):
        """Brackets, operands and a chain of statistics as long as there may be."""
        deep = "x + x * (" * 7 + "x + x * (x + x)" + ")" * 7
        stats = {"x": "max(i)", "deep": deep, "long": " * ".join(["x"] * 32)}
        stats |= {f"c{k}": "x + 0" if k == 0 else f"c{k - 1} + 1" for k in range(61)}
        shown, _ = self.one(dict(reversed(stats.items())), [{"i": 2, "l": 0, "n": 0, "d": 0, "w": 0, "x": 0, "e": "A"}])
        value = 2 + 2 * 4
        for _ in range(7):
            value = 2 + 2 * value
        self.assertEqual((shown["deep"], shown["long"], shown["c60"]), (str(value), str(2 ** 32), "62"))

    def test_random_texts(self):
        """Whatever is written is taken or refused at its place, and nothing ends the program otherwise."""
        rng = random.Random(int(os.environ.get("RS_SEED", 1)))
        words = ["high", "low", "p_low", "net-sum", "sum(i)", "(", ")", "+", "-", "*", "/", " ", " ", "1", "0.5", ",", ".", "e", "-1",
                 "own", ":", "ü", "\t", "high.x"]
        for _ in range(8):
            stats = {f"t{k}": "".join(rng.choice(words) for _ in range(rng.randrange(1, 12))) for k in range(40)}
            base = {"high": "max(i)", "low": "min(i)", "net-sum": "sum(i)", "p": "ohlc(d)"}
            config = self.config({f"a{k}": {"stream": "s", "window": {"all": True}, "stats": {**base, "own": "low + 1", name: text}}
                                  for k, (name, text) in enumerate(stats.items())})
            _, err = procs.check([suite.program("rollstatd"), "-c", config, "--check"], expect=1)
            for line in err.decode().splitlines()[:-1]:
                self.assertRegex(line, r"c\.yaml:\d+:\d+: ")


if __name__ == "__main__":
    suite.main()
