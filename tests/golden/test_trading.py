"""Trading calendars through --replay: sessions with breaks, evenings before, holidays, early closes, days of 23 and 25 hours;
`since: session`, `tumbling: session` and `$in_session`, against Python's zoneinfo and a list of every session."""
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
ALL = {"n": "count()", "s": "sum(n)"}  # of windows without a length
NAMES = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


class Exchange:
    """A calendar as a file and as a list of all its sessions around a day."""
    def __init__(self, zone, days, sessions, closed=(), special=None, by_day=None):
        self.zone, self.days, self.sessions, self.closed = zone, days, sessions, closed
        self.special, self.by_day = special or {}, by_day

    def text(self):
        def listed(sessions):
            return "[" + ", ".join(f'"{s}"' for s in sessions) + "]"
        lines = [f"zone: {self.zone}"]
        if self.by_day:
            lines.append("days: {" + ", ".join(f"{NAMES[d]}: {listed(s)}" for d, s in sorted(self.by_day.items())) + "}")
        else:
            lines += [f"sessions: {listed(self.sessions)}", "days: [" + ", ".join(NAMES[d] for d in self.days) + "]"]
        if self.closed:
            lines.append("closed: [" + ", ".join(f"{a}..{b}" if a != b else str(a) for a, b in self.closed) + "]")
        if self.special:
            lines.append("special:")
            lines += [f"  {day}: {listed(s)}" for day, s in sorted(self.special.items(), reverse=True)]
        return "\n".join(lines) + "\n"

    def hours(self, first, last):
        out = {}
        day = first
        while day <= last:
            sessions = self.by_day.get(day.weekday(), []) if self.by_day else self.sessions if day.weekday() in self.days else []
            if any(a <= day <= b for a, b in self.closed):
                sessions = []
            sessions = self.special.get(day, sessions)
            if sessions:
                out[day] = [self.edges(day, s) for s in sessions]
            day += datetime.timedelta(1)
        return out

    @staticmethod
    def edges(day, text):
        midnight = datetime.datetime(day.year, day.month, day.day)
        before = text.startswith("-1d ")
        opens, closes = (sum(int(part) * unit for part, unit in zip(t.split(":"), (3600, 60, 1))) for t in text[4 if before else 0:].split("-"))
        return midnight + datetime.timedelta(-1 if before else 0, opens), midnight + datetime.timedelta(0, closes)


D = datetime.date
EXCHANGES = [
    (Exchange("Asia/Shanghai", range(5), ["09:30-11:30", "13:00-15:00"], [(D(2026, 1, 1), D(2026, 1, 1)), (D(2026, 2, 16), D(2026, 2, 23))]),
     D(2026, 2, 15)),
    (Exchange("America/New_York", range(5), ["09:30-16:00"], [(D(2026, 11, 26), D(2026, 11, 26))], {D(2026, 11, 27): ["09:30-13:00"]}),
     D(2026, 11, 20)),
    (Exchange("America/Chicago", range(5), ["-1d 17:00-15:15", "15:30-16:00"], [(D(2026, 3, 11), D(2026, 3, 12))]), D(2026, 3, 8)),
    (Exchange("Europe/London", range(7), ["00:00-24:00"]), D(2026, 10, 25)),  # around the clock: a day of 25 hours
    (Exchange("Australia/Lord_Howe", range(7), ["01:45:30-02:15", "23:30-24:00"]), D(2026, 4, 5)),  # clocks change within
    (Exchange("Asia/Riyadh", (), (), by_day={6: ["10:00-15:00"], 3: ["10:00-12:00"], 0: ["10:00-12:00", "12:00-15:00"]}), D(1969, 12, 31)),
]


class Trading(suite.Case):
    def windows(self, exchange, around):
        hours = exchange.hours(around - datetime.timedelta(400), around + datetime.timedelta(500))
        return engine.SessionWindow(hours, exchange.zone), engine.SessionWindow(hours, exchange.zone, since=True)

    def configure(self, aggregates, stream=None, calendar="zone: UTC\nsessions: [\"09:00-17:00\"]\n"):
        self.write("tick.avsc", SCHEMA)
        self.write("exchange.yaml", calendar)
        tree = {"topic": "t", "schema": "tick.avsc", "time": "at", "expire": "1000d", **(stream or {})}
        aggregates = {name: {"stream": "ticks", "by": ["name"], "stats": STATS, **more} for name, more in aggregates.items()}
        return self.write("config.yaml", suite.configuration({"ticks": tree}, aggregates, directory=self.directory))

    def run_exchange(self, exchange, around, rng):
        sessions, since = self.windows(exchange, around)
        edges = [t for t in sessions.starts if abs(t - since.utc(datetime.datetime(around.year, around.month, around.day))) < 12 * DAY]
        edges += [t for pair in sessions.sessions for t in pair if edges[0] <= t <= edges[-1]]
        times = [rng.choice(edges) + rng.choice([0, 1, -1, rng.randrange(-7200, 7200) * S, rng.randrange(DAY)]) for _ in range(rng.randrange(1, 200))]
        if rng.random() < 0.6:
            times.sort()
        lateness = rng.choice([0, 3600, 86400 * 3]) * S
        inside = {"where": {"$in_session": True}}
        trees = {"by_session": {"window": {"tumbling": "session"}, "history": 1000}, "day": {"window": {"since": "session"}, "history": 1000},
                 "inside": {"window": {"tumbling": "session"}, "history": 1000, **inside},
                 "minutes": {"window": {"tumbling": "15m"}, "history": 1000, **inside},
                 "outside": {"window": {"all": True}, "where": {"$in_session": {"ne": True}}, "stats": ALL}}
        windows = {"by_session": sessions, "day": since, "inside": sessions, "minutes": engine.Window(900 * S), "outside": engine.Window()}
        wheres = {"inside": lambda e: e["in"], "minutes": lambda e: e["in"], "outside": lambda e: not e["in"]}
        oracle = engine.AppendPartition(engine.Append("at", [
            engine.Aggregate(name, trees[name].get("stats", STATS), window, ["name"], wheres.get(name), history=trees[name].get("history", 0))
            for name, window in windows.items()], lateness=lateness, expire=1000 * DAY))
        rows = [(time, rng.choice("ab")) for time in times]
        for offset, (time, name) in enumerate(rows):
            oracle.apply(offset, None, {"at": time, "name": name, "n": offset, "in": sessions.open_at(time)})
        config = self.configure(trees, {"calendar": "exchange.yaml", "lateness": f"{lateness // S}s"}, exchange.text())
        lines = (f'{{"at": {time}, "name": "{name}", "n": {n}}}\n' for n, (time, name) in enumerate(rows))
        raw, counts, _ = self.replay(config, "ticks", [self.write("t.ndjson", "".join(lines))], "--time-format", "us")
        self.assertEqual(counts, dict(oracle.counts))
        self.same_keys(raw, oracle.shown(oracle.now_shown))

    def test_random_moments(self):
        for seed in [int(os.environ["RS_SEED"])] if "RS_SEED" in os.environ else range(int(os.environ.get("RS_SEEDS", 36))):
            rng = random.Random(seed)
            exchange, around = EXCHANGES[seed % len(EXCHANGES)]
            with self.subTest(seed=seed, zone=exchange.zone):
                self.run_exchange(exchange, around, rng)

    def test_two_calendars_and_rules(self):
        """An aggregate's own calendar goes before its stream's, which the rules look at."""
        self.write("tokyo.yaml", "zone: Asia/Tokyo\nsessions: [\"09:00-11:30\", \"12:30-15:30\"]\n")
        inside = {"where": {"$in_session": True}, "window": {"all": True}, "stats": ALL}
        config = self.configure({"here": inside, "there": {**inside, "calendar": "tokyo.yaml"}},
                                {"calendar": "exchange.yaml", "rules": {"$in_session": {"in": [True], "on_fail": "count"}}})
        monday = 1767571200 * S  # 2026-01-05T00:00:00Z
        rows = [(monday + hours * 3600 * S, "a") for hours in (0, 2.75, 3.5, 9, 16.5, 17)]
        text = "".join(f'{{"at": {int(time)}, "name": "{name}", "n": 1}}\n' for time, name in rows)
        raw, counts, said = self.replay(config, "ticks", [self.write("t.ndjson", text)], "--time-format", "us")
        self.assertEqual(counts["applied"], 4, said)
        keys = {item["key"]: item["value"] for item in map(engine.parse_line, raw.splitlines())}
        self.assertEqual(keys["rs:here:a"]["n"], "2")   # 09:00 and 16:30 UTC
        self.assertEqual(keys["rs:there:a"]["n"], "2")  # 09:00 and 12:30 in Tokyo

    def test_refused(self):
        session = {"window": {"tumbling": "session"}}
        for more, words in [
                (session, "sessions of an exchange need `calendar: FILE`"),
                ({"window": {"since": "session"}}, "sessions of an exchange need `calendar: FILE`"),
                ({"window": {"all": True}, "where": {"$in_session": True}}, "$in_session needs `calendar: FILE`"),
                ({"window": {"tumbling": "session", "zone": "UTC"}, "calendar": "exchange.yaml"}, "the hours of a session are those of its calendar"),
                ({"window": {"since": "session", "offset": "1h"}, "calendar": "exchange.yaml"}, "a window by the calendar takes no offset"),
                ({**session, "calendar": "absent.yaml"}, "absent.yaml"),
                ({**session, "calendar": ""}, "calendar is the path of a file")]:
            config = self.configure({"a": more})
            _, said = procs.check([suite.program("rollstatd"), "-c", config, "--check"], expect=1)
            self.assertIn(words, said.decode(), more)
            self.assertRegex(said.decode(), r"config\.yaml:\d+:\d+: ")
        hours = 'sessions: ["09:00-17:00"]\n'
        for text, words in [
                ("", "exchange.yaml"), ("zone: UTC\n", "a calendar needs sessions"), (hours, "a calendar needs zone"),
                ("zone: Mars\n" + hours, 'unknown time zone "Mars"'), ("zone: UTC\nhours: 3\n" + hours, "hours"),
                ('zone: UTC\nsessions: ["9-17"]\n', "a session is written as"), ('zone: UTC\nsessions: ["17:00-09:00"]\n', "this session ends before it opens"),
                ('zone: UTC\nsessions: ["09:00-12:00", "11:00-17:00"]\n', "opens before the one in front of it closes"),
                ('zone: UTC\nsessions: ["09:60-12:00"]\n', "a session is written as"), ('zone: UTC\nsessions: ["09:00-24:01"]\n', "a session is written as"),
                ('zone: UTC\nsessions: []\n', "sessions are a list of 1 to 16"), ("zone: UTC\ndays: [monday]\n" + hours, "days are mon, tue"),
                ("zone: UTC\ndays: []\n" + hours, "days is a list such as"), ('zone: UTC\ndays: {mon: ["09:00-17:00"]}\n' + hours, "there is no place for sessions"),
                ('zone: UTC\nsessions: ["-1d 17:00-18:00"]\n', "tue opens before the day in front of it closes"),
                ("zone: UTC\nclosed: 2026-01-01\n" + hours, "closed is a list of days"), ("zone: UTC\nclosed: [2026-13-01]\n" + hours, "a day is written as 2026-01-01"),
                ("zone: UTC\nclosed: [2026-02-02..2026-02-01]\n" + hours, "this range ends before it begins"),
                ("zone: UTC\nclosed: [2440-01-01]\n" + hours, "a calendar names days of the years 1800 to 2439"),
                ("zone: UTC\nclosed: [1900-01-01..2026-01-01]\n" + hours, "a calendar names 20000 days at most"),
                ("zone: UTC\nclosed: [2026-01-01]\nspecial: {2026-01-01: [\"09:00-10:00\"]}\n" + hours, "2026-01-01 is named twice"),
                ("zone: UTC\nspecial: {2026-01-01: [\"-1d 16:00-10:00\"]}\n" + hours, "2026-01-01 opens before the day in front of it closes"),
                ("zone: UTC\nspecial: {2026-01-01: 3}\n" + hours, "sessions are a list"), ("zone: UTC\nspecial: [3]\n" + hours, "special is a mapping")]:
            config = self.configure({"a": {**session, "calendar": "exchange.yaml"}}, calendar=text)
            _, said = procs.check([suite.program("rollstatd"), "-c", config, "--check"], expect=1)
            self.assertIn(words, said.decode(), text)

    def test_explained(self):
        config = self.configure({"a": {"window": {"tumbling": "session"}}, "b": {"window": {"since": "session"}}}, {"calendar": "exchange.yaml"})
        said, _ = procs.check([suite.program("rollstatd"), "-c", config, "--explain"])
        self.assertIn("window: tumbling session, by the clocks of UTC, of 8h to 2d16h", said.decode())
        self.assertIn("window: since the session began, by the clocks of UTC, of 1d to 3d", said.decode())


if __name__ == "__main__":
    suite.main()
