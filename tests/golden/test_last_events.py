"""The newest N events of a group through --replay: against the oracle, in any order of arrival, and the indicator vectors."""
import csv
import datetime
import os
import random
import sys
from fractions import Fraction

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import suite  # noqa: E402
import engine  # noqa: E402
import procs  # noqa: E402
import test_semantics as semantics  # noqa: E402
from exact import decimal_text, double_text, rounded  # noqa: E402
from test_semantics import COMMON, DOUBLE, START, S, event_line, make_event  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
ORDERS = 50
BAR = ('{"type": "record", "name": "Bar", "fields": [{"name": "at", "type": {"type": "long", "logicalType": "timestamp-micros"}},'
       ' {"name": "name", "type": "string"}, {"name": "close", "type": "double"}, {"name": "volume", "type": "long"}]}')


class LastEvents(semantics.Semantics):
    """Its random streams, with windows of the newest events alone, and beside others."""
    KINDS = ("last", "last", "last", "tumbling", "all")
    SEEDS = 120

    def test_any_order(self):
        rng = random.Random(11)
        times = rng.sample(range(START, START + 40 * 86400 * S), 600)
        events = [make_event(rng, n, t) for n, t in enumerate(sorted(times))]
        lasts = (1, 5, 16, 64, 1000)
        trees = {f"l{n}": {"stream": "events", "by": ["name"], "window": {"last": n}, "stats": COMMON} for n in lasts}
        config = self.write("config.yaml", suite.configuration(
            {"events": {"topic": "t", "schema": "event.avsc", "time": "at"}}, trees, directory=HERE))
        oracle = engine.AppendPartition(engine.Append("at", [
            engine.Aggregate(f"l{n}", COMMON, engine.LastEvents(n), ["name"], double=DOUBLE) for n in lasts]))
        for offset, event in enumerate(events):
            oracle.apply(offset, None, event)
        expected, outputs = oracle.shown(oracle.now_shown), set()
        for number in range(ORDERS):
            order = random.Random(number).sample(events, len(events)) if number else events
            data = self.write(f"events{number}.ndjson", "".join(map(event_line, order)))
            raw, counts, _ = self.replay(config, "events", [data], "--partitions", number % 8 + 1)
            self.assertEqual(counts["consumed"], counts["applied"] + counts["late"])
            self.assertEqual(counts["late"], 0)  # each has a place in one of the windows, that of 1,000
            self.same_keys(raw, expected)
            outputs.add(raw)
        self.assertEqual(len(outputs), 1, "output bytes differ between orders")

    def test_late_is_older_than_all_of_a_full_group(self):
        """Of one time the order of arrival decides."""
        self.write("bar.avsc", BAR)
        config = self.write("config.yaml", suite.configuration(
            {"bars": {"topic": "t", "schema": "bar.avsc", "time": "at"}},
            {"three": {"stream": "bars", "by": ["name"], "window": {"last": 3}, "stats": {"s": "sum(volume)", "f": "first(volume)"}}},
            directory=self.directory))
        times = [50, 40, 30, 20, 30, 40, 30, 60, 39]
        lines = (f'{{"at": {t * S}, "name": "a", "close": 1, "volume": {1 << n}}}\n' for n, t in enumerate(times))
        raw, counts, _ = self.replay(config, "bars", [self.write("bars.ndjson", "".join(lines))], "--time-format", "us")
        # 20 is older than 30, 40 and 50; the second 30 takes the place of the first; the third comes when 40, 40, 50 are there.
        self.assertEqual((counts["applied"], counts["late"]), (6, 3))
        view = next(item["value"] for item in map(engine.parse_line, raw.splitlines()) if item["key"] == "rs:three:a")
        self.assertEqual(view, {"s": str(1 + 32 + 128), "f": "32", "window_start": "40000", "window_end": "60000",
                                "event_time": "60000", "events": "3"})

    def test_refused(self):
        self.write("bar.avsc", BAR)
        for tree, stat, words in (
                ({"last": 0}, "count()", "last: must be a whole number from 1 to 100000"),
                ({"last": 100001}, "count()", "last: must be a whole number from 1 to 100000"),
                ({"last": 5, "every": "1s"}, "count()", "every belongs to sliding"),
                ({"last": 5, "offset": "1s"}, "count()", "offset belongs to tumbling and sliding"),
                ({"last": 5}, "rate()", "rate is per second of the window"),
                ({"last": 5}, "change(close)", "change and pct_change compare with the window before")):
            config = self.write("config.yaml", suite.configuration(
                {"bars": {"topic": "t", "schema": "bar.avsc", "time": "at"}},
                {"g": {"stream": "bars", "by": ["name"], "window": tree, "stats": {"x": stat}}}, directory=self.directory))
            self.refused(config, words)
        config = self.write("config.yaml", suite.configuration(
            {"bars": {"topic": "t", "schema": "bar.avsc", "time": "at"}},
            {"g": {"stream": "bars", "by": ["name"], "window": {"last": 5}, "history": 3, "stats": {"x": "count()"}}},
            directory=self.directory))
        self.refused(config, "the newest events are another window with each event")

    def refused(self, config, words):
        _, said = procs.check([suite.program("rollstatd"), "-c", config, "--check"], expect=1)
        self.assertIn(words, said.decode())
        self.assertRegex(said.decode(), r"config\.yaml:\d+:\d+: ")

    def test_indicator_vectors(self):
        """Volume-weighted moving averages of 20 bars as published, at every bar; beside them variance, extremes and the two prices
        of a rate of change, worked out here. A group for each bar has the 60 that lead to it."""
        with open(suite.need_data("indicator-vectors", "spy_with_vwma.csv"), encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        self.write("bar.avsc", BAR)
        stats = {"vwma": "vwap(close, volume)", "variance": "variance_pop(close)", "low": "min(close)", "high": "max(close)",
                 "before": "first(close)", "now": "last(close)"}
        config = self.write("config.yaml", suite.configuration(
            {"bars": {"topic": "t", "schema": "bar.avsc", "time": "at", "scale": {"close": 4}}},
            {"bar": {"stream": "bars", "by": ["name"], "window": {"last": 20}, "stats": stats}}, directory=self.directory))
        lines = []
        for number in range(len(rows)):
            for row in rows[max(0, number - 59):number + 1]:
                day = datetime.datetime.strptime(row["Date"].split()[0], "%m/%d/%Y").strftime("%Y-%m-%dT00:00:00Z")
                lines.append(f'{{"at": "{day}", "name": "{number}", "close": {row["Close"]}, "volume": {row["Volume"]}}}\n')
        random.Random(3).shuffle(lines)
        raw, counts, _ = self.replay(config, "bars", [self.write("bars.ndjson", "".join(lines))])
        self.assertEqual(counts["consumed"], counts["applied"] + counts["late"])
        views = {item["key"]: item["value"] for item in map(engine.parse_line, raw.splitlines())}
        checked = 0
        for number, row in enumerate(rows):
            closes = [Fraction(r["Close"]) for r in rows[max(0, number - 19):number + 1]]
            volumes = [int(r["Volume"]) for r in rows[max(0, number - 19):number + 1]]
            mean = sum(closes) / len(closes)
            view = views[f"rs:bar:{number}"]
            wanted = {
                "vwma": double_text(rounded(sum(c * v for c, v in zip(closes, volumes)) / sum(volumes))),
                "variance": double_text(rounded(sum((c - mean) ** 2 for c in closes) / len(closes))),
                "low": decimal_text(min(closes)), "high": decimal_text(max(closes)),
                "before": decimal_text(closes[0]), "now": decimal_text(closes[-1])}
            self.assertEqual({name: view[name] for name in wanted}, wanted)
            if row["VWMA20"]:
                self.assertAlmostEqual(float(view["vwma"]), float(row["VWMA20"]), delta=1e-10)
                checked += 1
        self.assertGreater(checked, 450)


if __name__ == "__main__":
    suite.main()
