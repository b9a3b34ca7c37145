"""`fill`: windows without events in history and hash, against the oracle: gaps in the middle, at the end and across a million windows, late
events that take a filler's place, calendars, delays."""
import os
import random
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import suite  # noqa: E402
import procs  # noqa: E402
import engine  # noqa: E402

S = engine.SECOND
DAY = 86400 * S
START = 1774000000 * S
SCHEMA = ('{"type": "record", "name": "Tick", "fields": [{"name": "at", "type": {"type": "long", "logicalType": "timestamp-micros"}},'
          ' {"name": "name", "type": "string"}, {"name": "n", "type": "long"}]}')
STATS = {"n": "count()", "s": "sum(n)", "least": "min(n)", "newest": "last(n)", "rate": "rate()"}
WINDOWS = {
    "t": ({"tumbling": "10s"}, engine.Window(10 * S)),
    "moved": ({"tumbling": "30s", "offset": "7s"}, engine.Window(30 * S, offset=7 * S)),
    "d": ({"tumbling": "1d", "zone": "Europe/Berlin"}, engine.CalendarWindow("day", "Europe/Berlin")),
    "month": ({"tumbling": "1mo"}, engine.CalendarWindow("month")),
}


class Fill(suite.Case):
    def setUp(self):
        super().setUp()
        self.write("tick.avsc", SCHEMA)

    def run_rows(self, aggregates, rows, lateness=30 * S):
        """aggregates: {name: (window's name, history, fill, closed, delay in µs, change?)}; rows: (time in µs, name, n)"""
        trees, models = {}, []
        for name, (window, history, fill, closed, delay, change) in aggregates.items():
            tree, model = WINDOWS[window]
            stats = dict(STATS, **({"moved": "change(n)"} if change else {}))
            trees[name] = {"stream": "ticks", "by": ["name"], "window": tree, "history": history, "stats": stats, "fill": fill}
            if closed:
                trees[name]["publish"] = "closed"
            if delay:
                trees[name]["delay"] = f"{delay // S}s"
            models.append(engine.Aggregate(name, stats, model, ["name"], history=history, closed=closed, delay=delay, fill=fill))
        oracle = engine.AppendPartition(engine.Append("at", models, lateness=lateness, expire=2000 * DAY))
        for offset, (time, name, n) in enumerate(rows):
            oracle.apply(offset, None, {"at": time, "name": name, "n": n})
        stream = {"topic": "t", "schema": "tick.avsc", "time": "at", "expire": "2000d", "lateness": f"{lateness // S}s"}
        config = self.write("config.yaml", suite.configuration({"ticks": stream}, trees, directory=self.directory))
        lines = (f'{{"at": {time}, "name": "{name}", "n": {n}}}\n' for time, name, n in rows)
        raw, counts, _ = self.replay(config, "ticks", [self.write("t.ndjson", "".join(lines))], "--time-format", "us")
        self.assertEqual(counts, dict(oracle.counts))
        self.same_keys(raw, oracle.shown(oracle.now_shown))
        return raw

    def test_random(self):
        seeds = [int(os.environ["RS_SEED"])] if "RS_SEED" in os.environ else range(int(os.environ.get("RS_SEEDS", 80)))
        filled = 0
        for seed in seeds:
            rng = random.Random(seed)
            aggregates = {}
            for i, window in enumerate(rng.sample(sorted(WINDOWS), 2)):
                closed = rng.random() < 0.4
                delay = rng.choice([0, 35, 3600]) * S if closed else 0
                aggregates[f"a{i}"] = window, rng.choice([1, 3, 12]), rng.choice(["zero", "previous", "null"]), closed, delay, rng.random() < 0.5
            spread = rng.choice([60, 600, 5000, 20 * 86400, 300 * 86400])
            rows = [(START + rng.randrange(spread * 1000) * 1000, rng.choice("abc"), rng.randrange(-9, 9)) for _ in range(rng.randrange(1, 40))]
            if rng.random() < 0.5:
                rows.sort()
            with self.subTest(seed=seed):
                filled += '"filled"' in self.run_rows(aggregates, rows, rng.choice([0, 30, 3600, 30 * 86400]) * S)
        self.assertGreater(filled, len(seeds) // 3)

    def test_any_order_of_arrival(self):
        rng = random.Random(5)
        rows = [(START + rng.randrange(300 * 1000) * 1000, rng.choice("ab"), rng.randrange(9)) for _ in range(12)]
        seen = set()
        for _ in range(50):
            rng.shuffle(rows)
            raw = self.run_rows({"t": ("t", 40, "previous", False, 0, True), "m": ("moved", 5, "zero", True, 0, False)}, rows, DAY)
            seen.add("\n".join(line for line in raw.splitlines() if '"hash"' in line and "rs:meta" not in line))
        self.assertEqual(len(seen), 1)

    def test_a_gap_of_a_million_windows(self):
        rows = [(START, "a", 1), (START + 10 * S * 1000000, "a", 2), (START + 10 * S * 1000003, "b", 3)]
        raw = self.run_rows({"t": ("t", 7, "previous", False, 0, False)}, rows)
        self.assertEqual(raw.count('"filled":"previous"') + raw.count('"filled": "previous"'), 7)

    def test_refused(self):
        self.write("exchange.yaml", 'zone: UTC\nsessions: ["09:00-17:00"]\n')
        append = {"topic": "t", "schema": "tick.avsc", "time": "at"}
        wrong = [
            (append, {"fill": "zero", "window": {"sliding": "1m", "every": "10s"}}, "fill needs a tumbling window"),
            (append, {"fill": "zero", "window": {"since": "day"}}, "fill needs a tumbling window"),
            (append, {"fill": "zero", "window": {"session": "1m"}}, "sessions are made of events"),
            (append, {"fill": "zero", "window": {"tumbling": "session"}, "calendar": "exchange.yaml"}, "between an exchange's sessions"),
            (append, {"fill": "zero", "window": {"last": 3}, "history": 0}, "fill needs a tumbling window"),
            (append, {"fill": "zero", "history": 0}, "fill needs it, as in history: 60"),
            (append, {"fill": "linear"}, "fill is none, zero, previous or null"),
            (append, {"fill": "zero", "stats": {"filled": "count()"}}, 'would be called "filled"'),
            (dict(append, upsert={"version": "n"}), {"fill": "zero"}, "fill has no place there"),
        ]
        for stream, tree, words in wrong:
            aggregate = {"stream": "ticks", "by": ["name"], "window": {"tumbling": "10s"}, "history": 5, "stats": {"n": "count()"}, **tree}
            config = self.write("config.yaml", suite.configuration({"ticks": stream}, {"a": aggregate}, directory=self.directory))
            _, said = procs.check([suite.program("rollstatd"), "-c", config, "--check"], expect=1)
            self.assertIn(words, said.decode(), tree)
            self.assertRegex(said.decode(), r"config\.yaml:\d+:\d+: ")

    def test_explained(self):
        tree = {"stream": "ticks", "window": {"tumbling": "1m"}, "history": 5, "fill": "null", "stats": {"n": "count()"}}
        config = self.write("config.yaml", suite.configuration({"ticks": {"topic": "t", "schema": "tick.avsc", "time": "at"}}, {"a": tree}, directory=self.directory))
        said, _ = procs.check([suite.program("rollstatd"), "-c", config, "--explain"])
        self.assertIn("  windows without events: shown (null), up to 5 behind the newest one with events\n", said.decode())


if __name__ == "__main__":
    suite.main()
