"""Every statistic in every kind of window at the edges of its inputs: ends of int64, decimals of 38 digits and sums beyond 128 bits, doubles
of mixed magnitude, negative zero, NaN and infinities, constants; days on which clocks change in six zones, leap days, weeks over a year's end,
times before 1970; a million equal values."""
import os
import random
import sys
from fractions import Fraction

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import suite  # noqa: E402
import engine  # noqa: E402
import fold  # noqa: E402
import full  # noqa: E402
import random_config  # noqa: E402
from exact import decimal_text, double_text, rounded  # noqa: E402
from test_random_configs import differences  # noqa: E402

S = engine.SECOND
HOUR = 3600 * S
# Zone, and the moments (UTC) around which its clocks change or its calendar does something rare.
DAYS = {"America/New_York": ("2026-03-08T07:00", "2026-11-01T06:00"), "Europe/Berlin": ("2026-03-29T01:00", "2026-10-25T01:00"),
        "Australia/Lord_Howe": ("2026-04-04T15:00", "2026-10-03T15:30"), "America/Sao_Paulo": ("2017-10-15T03:00", "2018-02-18T02:00"),
        "Pacific/Apia": ("2011-12-30T10:00", "2012-01-01T10:00"), "Asia/Kathmandu": ("1985-12-31T18:15", "1969-12-31T18:30")}
RARE = ("2024-02-29T12:00", "2000-02-29T00:00", "1900-03-01T00:00", "2020-12-31T23:00", "2027-01-01T00:00", "1970-01-01T00:00", "1931-05-01T00:00")


class Stats(random_config.Stats):
    """Every statistic of one field, whose arguments are drawn."""

    def __init__(self, rng, made, kind, field):  # pylint: disable=super-init-not-called
        self.rng, self.made, self.kind = rng, made, kind
        self.tree, self.stats, self.exact, self.trees = {}, [], {}, {}
        kinds = [name for name in random_config.ONE if name not in random_config.ALIASES] + list(fold.PAIRS) + ["vwap", "quantile", "distinct", "lag", "ewma", "profile", "count()"]
        kinds += ["rate", "rate()"] if kind not in ("all", "last") else []
        kinds += ["change", "pct_change"] if kind in ("tumbling", "session") else []
        for number, name in enumerate(kinds):
            call = self.call(f"s{number}", name, [field], None)
            if call:
                self.tree[call[1].name] = call[0]
                self.stats.append(call[1])


class Made(random_config.Made):
    """An aggregate for each of the windows and each of the fields, which are of one mood."""

    def __init__(self, rng, windows, mood, times):
        self.windows, self.mood, self.times = list(windows), mood, times
        super().__init__(rng, [])

    def make_fields(self):
        self.fields = []
        for kind in ("long", "wide", "double", "scaled"):
            field = random_config.Field(self.rng, f"f_{kind}", kind)
            field.mood, field.nullable = self.mood, kind == "double"
            if kind == "wide":
                field.precision, field.places = 38, 4
            self.fields.append(field)
        self.time, self.time_nullable, self.time_unit = "at", False, 1

    def make_stream(self):
        self.judge, self.upsert, self.exchange, self.trading = None, False, None, None
        self.lateness = 30 * 86400 * S
        self.stream.update(lateness="30d", scale={"f_scaled": self.fields[-1].places})
        self.options.update(lateness=self.lateness)

    def make_aggregate(self, name):
        for number, (tree, window, kind) in enumerate(self.windows if name == "g0" else ()):
            for field in self.fields:
                stats = Stats(self.rng, self, kind, field)
                history = 5 if kind not in ("all", "last") else 0
                config = {"stream": "events", "window": tree, "stats": stats.tree} | ({"history": history} if history else {})
                model = engine.Aggregate(f"{field.name}{number}", {}, window, (), None, history=history)
                model.stats, model.folder = stats.stats, full.Folder(stats.stats, self.double, self.places, {})
                self.aggregates[model.name] = config
                self.models.append(model)

    def make_times(self):
        return self.times


def day_windows(zone):
    for unit, text in (("day", "1d"), ("week", "1w"), ("month", "1mo"), ("year", "1y")):
        yield {"tumbling": text, "zone": zone}, engine.CalendarWindow(unit, zone), "tumbling"
    yield {"since": "day", "zone": zone}, engine.CalendarWindow("day", zone, since=True), "since"


WINDOWS = [({"tumbling": "1m"}, engine.Window(60 * S), "tumbling"), ({"sliding": "90s", "every": "60s"}, engine.Window(90 * S, 60 * S), "sliding"),
           ({"session": "7s"}, engine.GapWindow(7 * S), "session"), ({"all": True}, engine.Window(), "all"),
           ({"last": 7}, engine.LastEvents(7), "last"), ({"since": "hour"}, engine.SinceHour(), "since")]


class Edges(suite.Case):
    def check(self, made):
        self.write("event.avsc", made.schema)
        config = self.write("config.yaml", suite.configuration({"events": made.stream}, made.aggregates, directory=self.directory))
        raw, counts, _ = self.replay(config, "events", [self.write("events.ndjson", "".join(map(made.line, made.rows)))])
        oracle = made.partition()
        self.assertEqual(counts, dict(oracle.counts))
        got = {item["key"]: item for item in map(engine.parse_line, raw.splitlines()) if item["key"] != "rs:meta"}
        self.assertEqual(list(differences(got, engine.as_texts(oracle.shown(oracle.now_shown))))[:5], [])
        return got

    def test_numbers(self):
        """Extremes: some windows hold two values, some sixty."""
        for seed in range(3):
            rng = random.Random(seed)
            times = sorted(random_config.micros("2026-06-30T23:50") + rng.randrange(300 * S) for _ in range(60 if seed else 1))
            with self.subTest(seed=seed):
                self.check(Made(rng, WINDOWS, "extreme", times))

    def test_constants(self):
        times = [random_config.micros("1969-12-31T23:59:30") + k * S for k in range(90)]
        made = Made(random.Random(1), WINDOWS, "constant", times)
        got, checked = self.check(made), 0
        for model in made.models:
            view = got[f"rs:{model.name}"]["value"]
            for stat in model.stats:
                if stat.kind.startswith(("stddev", "variance", "range", "drawdown")) and view["events"] not in ("0", "1"):
                    self.assertEqual(view.get(stat.name), "0", stat.kind)
                    checked += 1
                elif stat.kind in ("correlation", "r2", *fold.MOMENTS):
                    self.assertNotIn(stat.name, view, stat.kind)
        self.assertGreater(checked, 20)

    def test_days(self):
        for zone, moments in DAYS.items():
            rng = random.Random(zone)
            middle = random_config.micros(rng.choice(moments))
            times = [middle + rng.choice([0, 1, -1, rng.randrange(-40, 40) * HOUR, rng.randrange(-30, 30) * HOUR // 2]) for _ in range(40)]
            with self.subTest(zone=zone):
                self.check(Made(rng, day_windows(zone), "plain", times))

    def test_rare_days(self):
        for number, text in enumerate(RARE):
            rng = random.Random(number)
            times = [random_config.micros(text) + rng.choice([0, 1, -1, rng.randrange(-72, 72) * HOUR]) for _ in range(25)]
            with self.subTest(moment=text):
                self.check(Made(rng, day_windows("UTC"), "plain", sorted(times)))

    def test_a_million_equal_values(self):
        """Deviations of exactly 0, and nothing where that would be divided by."""
        self.write("v.avsc", '{"type": "record", "name": "V", "fields": [{"name": "t", "type": {"type": "long", "logicalType": "timestamp-micros"}},'
                             ' {"name": "x", "type": "double"}, {"name": "d", "type": {"type": "bytes", "logicalType": "decimal", "precision": 38, "scale": 2}}]}')
        zero = ["stddev({})", "stddev_pop({})", "variance({})", "variance_pop({})", "range({})", "covariance({}, $event_time)", "slope({}, $event_time)"]
        equal = ["mean({})", "min({})", "max({})", "first({})", "last({})", "median({})", "quantile({}, 0.99)", "ewma({}, 1h)", "lag({}, 1000)"]
        absent = ["skewness({})", "kurtosis_pop({})", "correlation({}, $event_time)", "r2({}, $event_time)", "slope($event_time, {})", "correlation(x, d)"]
        groups = {"z": zero, "e": equal, "a": absent, "o": ["distinct({})"]}
        stats = {f"{g}{f}{k}": text.format(f) for g, texts in groups.items() for f in "xd" for k, text in enumerate(texts)}
        stats |= {"sx": "sum(x)", "sd": "sum(d)"}
        config = self.write("c.yaml", suite.configuration({"s": {"topic": "t", "schema": "v.avsc", "time": "t"}},
                                                          {"a": {"stream": "s", "window": {"all": True}, "stats": stats}}, directory=self.directory))
        large = "1" * 36 + ".07"
        rows = "t,x,d\n" + "".join(f"{k},0.1,{large}\n" for k in range(10 ** 6))
        raw, _, _ = self.replay(config, "s", [self.write("v.csv", rows)], "--time-format", "us")
        view = next(item["value"] for item in map(engine.parse_line, raw.splitlines()) if item["key"] == "rs:a")
        for name, text in stats.items():
            wanted = {"z": "0", "a": None, "o": "1", "e": "0.1" if name[1] == "x" else large}.get(name[0])
            if name[0] == "e" and text.startswith(("mean(d", "ewma(d", "quantile(d", "median(d")):
                self.assertAlmostEqual(float(view[name]) / float(large), 1, delta=1e-2, msg=text)
            elif name[0] in groups:
                self.assertEqual(view.get(name), wanted, text)
        self.assertEqual((view["sx"], view["sd"]), (double_text(rounded(10 ** 6 * Fraction(0.1))), decimal_text(10 ** 6 * Fraction(large))))


if __name__ == "__main__":
    suite.main()
