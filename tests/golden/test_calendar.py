"""Windows by the calendar through --replay against Python's zoneinfo: days of 23 and 25 hours, midnights that do not exist or are
shown twice, a day that a zone left out, leap days, weeks over a year's end, times before 1970; offsets of windows of a fixed size."""
import datetime
import os
import random
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import suite  # noqa: E402
import procs  # noqa: E402
import engine  # noqa: E402

S = engine.SECOND
DAY = 86400 * S
SCHEMA = ('{"type": "record", "name": "Tick", "fields": [{"name": "at", "type": {"type": "long", "logicalType": "timestamp-micros"}},'
          ' {"name": "name", "type": "string"}, {"name": "n", "type": "long"}]}')
STATS = {"n": "count()", "s": "sum(n)", "least": "min(n)", "rate": "rate()"}
# Moments (UTC) around which something happens to a zone's days.
MOMENTS = {
    "America/New_York": ["2026-03-08T07:00", "2026-11-01T06:00", "2024-02-29T12:00", "1969-12-31T23:59", "2019-12-31T05:00"],
    "America/St_Johns": ["1988-04-03T03:31", "1988-10-30T01:31", "2006-10-29T02:31", "2010-11-07T02:31"],  # clocks change at 00:01
    "America/Sao_Paulo": ["2017-10-15T03:00", "2018-02-18T02:00", "1931-10-03T14:00"],  # midnight does not exist
    "Pacific/Apia": ["2011-12-30T10:00", "2012-01-01T10:00", "1892-07-05T12:00"],  # a day left out, one shown twice
    "Australia/Lord_Howe": ["2026-04-04T15:00", "2026-10-03T15:30"],  # half an hour
    "Asia/Shanghai": ["2026-02-28T16:00", "2025-12-28T16:00", "1940-06-01T00:00", "1900-12-31T15:54:17"],
    "Europe/Berlin": ["2026-03-29T01:00", "2026-10-25T01:00", "1916-04-30T22:00", "2020-12-27T23:00", "2100-03-01T00:00"],
    "Asia/Kathmandu": ["1985-12-31T18:30", "2026-06-30T18:15"],
    "UTC": ["2000-02-29T00:00", "1900-03-01T00:00", "0005-01-03T00:00", "9990-12-20T00:00"],
}
UNITS = {"day": "1d", "week": "1w", "month": "1mo", "quarter": "1q", "year": "1y"}
EPOCH = datetime.datetime(1970, 1, 1)


def micros(text):
    return (datetime.datetime.fromisoformat(text) - EPOCH) // datetime.timedelta(microseconds=1)


class Calendar(suite.Case):
    def run_rows(self, aggregates, rows, lateness=30 * S, expire=1000 * DAY):
        """aggregates: {name: (YAML, oracle's window)}; rows: (time in µs, name)"""
        self.write("tick.avsc", SCHEMA)
        trees = {name: {"stream": "ticks", "by": ["name"], "window": tree, "history": 1000, "stats": STATS}
                 for name, (tree, _) in aggregates.items()}
        oracle = engine.AppendPartition(engine.Append(
            "at", [engine.Aggregate(name, STATS, window, ["name"], history=1000) for name, (_, window) in aggregates.items()],
            lateness=lateness, expire=expire))
        for offset, (time, name) in enumerate(rows):
            oracle.apply(offset, None, {"at": time, "name": name, "n": offset})
        stream = {"topic": "t", "schema": "tick.avsc", "time": "at", "expire": f"{expire // S}s", "lateness": f"{lateness // S}s"}
        config = self.write("config.yaml", suite.configuration({"ticks": stream}, trees, directory=self.directory))
        lines = (f'{{"at": {time}, "name": "{name}", "n": {n}}}\n' for n, (time, name) in enumerate(rows))
        raw, counts, _ = self.replay(config, "ticks", [self.write("t.ndjson", "".join(lines))], "--time-format", "us")
        self.assertEqual(counts, dict(oracle.counts))
        self.same_keys(raw, oracle.shown(oracle.now_shown))
        return raw

    def test_random_moments(self):
        for seed in [int(os.environ["RS_SEED"])] if "RS_SEED" in os.environ else range(int(os.environ.get("RS_SEEDS", 80))):
            rng = random.Random(seed)
            zone = rng.choice(sorted(MOMENTS))
            middle = micros(rng.choice(MOMENTS[zone]))
            aggregates = {}
            for unit, text in rng.sample(sorted(UNITS.items()), 2):
                aggregates[f"t_{unit}"] = {"tumbling": text, "zone": zone}, engine.CalendarWindow(unit, zone)
            unit = rng.choice(sorted(UNITS))
            aggregates["s"] = {"since": unit, "zone": zone}, engine.CalendarWindow(unit, zone, since=True)
            spread = rng.choice([3, 40, 500]) * DAY
            times = [middle + rng.choice([0, 1, -1, rng.randrange(-spread, spread), rng.randrange(-7200, 7200) * S,
                                          rng.randrange(-50, 50) * 1800 * S]) for _ in range(rng.randrange(1, 150))]
            if rng.random() < 0.6:
                times.sort()
            with self.subTest(seed=seed, zone=zone):
                self.run_rows(aggregates, [(time, rng.choice("abc")) for time in times], rng.choice([0, 30, 86400, 40 * 86400]) * S)

    def test_lengths(self):
        """Days whose lengths are known, told by nothing that was computed here."""
        known = {"America/New_York": [("2026-03-08T05:00", 23), ("2026-11-01T04:00", 25), ("2026-07-01T04:00", 24)],
                 "Pacific/Apia": [("2011-12-29T10:00", 24), ("2011-12-30T10:00", 24)],  # 29 December, then the 31st
                 "America/Sao_Paulo": [("2017-10-15T03:00", 23)], "Australia/Lord_Howe": [("2026-04-04T13:00", 24.5)]}
        for zone, days in known.items():
            # Two events a day that has ended: the last comes long after.
            rows = [(micros("2027-01-01T00:00"), "a")] + [(micros(start), "a") for start, _ in days] + [(micros(start) + int(hours * 3600) * S - 1, "a") for start, hours in days]
            raw = self.run_rows({"d": ({"tumbling": "1d", "zone": zone}, engine.CalendarWindow("day", zone))}, sorted(rows), 4000 * DAY, 9000 * DAY)
            members = next(item["value"] for item in map(engine.parse_line, raw.splitlines()) if item["key"] == "rs:d:a:history")
            for start, hours in days:
                found = [m for _, m in members if int(m["window_start"]) == micros(start) // 1000]
                self.assertEqual(len(found), 1, (zone, start))
                self.assertEqual(int(found[0]["window_end"]) - int(found[0]["window_start"]), hours * 3600000, (zone, start))
                self.assertEqual(found[0]["n"], "2")

    def test_hours_and_offsets(self):
        rng = random.Random(8)
        start = micros("2026-03-08T05:00")
        rows = [(start + rng.randrange(20 * 3600) * S, rng.choice("ab")) for _ in range(300)]
        self.run_rows({
            "hour": ({"since": "hour"}, engine.SinceHour()),
            "india": ({"since": "hour", "zone": "Asia/Kolkata"}, engine.SinceHour(1800 * S)),
            "nepal": ({"since": "hour", "zone": "+05:45"}, engine.SinceHour(900 * S)),
            "new_york": ({"since": "hour", "zone": "America/New_York"}, engine.SinceHour()),
            "moved": ({"tumbling": "1h", "offset": "5m"}, engine.Window(3600 * S, offset=300 * S)),
            "hops": ({"sliding": "1h", "every": "40m", "offset": "5m"}, engine.Window(3600 * S, 2400 * S, 300 * S)),
            "fine": ({"sliding": "1h", "every": "1m", "offset": "7s"}, engine.Window(3600 * S, 60 * S, 7 * S)),
        }, rows, 3600 * S)

    def test_refused(self):
        wrong = [
            ({"tumbling": "2mo"}, "windows by the calendar are of one unit"),
            ({"tumbling": "7d", "zone": "UTC"}, "windows by the calendar are of one unit"),
            ({"tumbling": "5m", "zone": "UTC"}, "zone belongs to windows by the calendar"),
            ({"tumbling": "1d", "zone": "Europe/Berlim"}, 'unknown time zone "Europe/Berlim"'),
            ({"tumbling": "1mo", "offset": "1h"}, "a window by the calendar takes no offset"),
            ({"since": "day", "every": "1h"}, "a window by the calendar takes no every"),
            ({"since": "fortnight"}, "since is one of hour, day, week, month, quarter, year"),
            ({"since": "hour", "zone": "Australia/Lord_Howe"}, "hours of this zone have not begun at the same minute"),
            ({"sliding": "1d", "every": "1h", "zone": "Europe/Berlin"}, "a sliding window has no zone"),
            ({"tumbling": "1h", "offset": "1h"}, "offset has to be shorter than the window"),
            ({"sliding": "1h", "every": "5m", "offset": "6m"}, "offset has to be shorter than every"),
            ({"all": True, "zone": "UTC"}, "zone belongs to tumbling and since"),
            ({"all": True, "offset": "1m"}, "offset belongs to tumbling and sliding"),
            ({"tumbling": "1mo"}, "expire must be at least"),
        ]
        self.write("tick.avsc", SCHEMA)
        for tree, words in wrong:
            aggregate = {"stream": "ticks", "by": ["name"], "window": tree, "stats": STATS}
            config = self.write("config.yaml", suite.configuration(
                {"ticks": {"topic": "t", "schema": "tick.avsc", "time": "at"}}, {"a": aggregate}, directory=self.directory))
            _, said = procs.check([suite.program("rollstatd"), "-c", config, "--check"], expect=1)
            self.assertIn(words, said.decode(), tree)
            self.assertRegex(said.decode(), r"config\.yaml:\d+:\d+: ")


if __name__ == "__main__":
    suite.main()
