"""`publish` and `delay`: what readers see of the same state, against the oracle; and that the state has no part in it."""
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
    "s": ({"sliding": "30s", "every": "10s"}, engine.Window(30 * S, 10 * S)),
    "fine": ({"sliding": "50s", "every": "1s"}, engine.Window(50 * S, S)),
    "h": ({"since": "hour"}, engine.SinceHour()),
    "d": ({"since": "day", "zone": "Asia/Shanghai"}, engine.CalendarWindow("day", "Asia/Shanghai", since=True)),
    "month": ({"tumbling": "1mo"}, engine.CalendarWindow("month")),
    "g": ({"session": "8s"}, engine.GapWindow(8 * S)),
    "gaps": ({"session": "2m"}, engine.GapWindow(120 * S)),
}


def seeds(count):
    return [int(os.environ["RS_SEED"])] if "RS_SEED" in os.environ else range(int(os.environ.get("RS_SEEDS", count)))


class Publishing(suite.Case):
    def setUp(self):
        super().setUp()
        self.write("tick.avsc", SCHEMA)

    def shown(self, aggregates, rows, lateness=30 * S, changed=False):
        """aggregates: {name: (window's name, history, closed, delay in µs, change?)}; rows: (time in µs, name)"""
        trees, models = {}, []
        for name, (window, history, closed, delay, change) in aggregates.items():
            tree, model = WINDOWS[window]
            stats = dict(STATS, **({"moved": "change(n)"} if change else {}))
            trees[name] = {"stream": "ticks", "by": ["name"], "window": tree, "history": history, "stats": stats}
            if closed:
                trees[name]["publish"] = random.choice([["closed"], "closed"])
            elif random.random() < 0.3:
                trees[name]["publish"] = ["closed", "current"]
            if delay:
                trees[name]["delay"] = f"{delay // S}s"
            models.append(engine.Aggregate(name, stats, model, ["name"], history=history, closed=closed, delay=delay))
        oracle = engine.AppendPartition(engine.Append("at", models, lateness=lateness, expire=900 * DAY))
        for offset, (time, name, n) in enumerate(rows):
            oracle.apply(offset, None, {"at": time, "name": name, "n": n})
        stream = {"topic": "t", "schema": "tick.avsc", "time": "at", "expire": "900d", "lateness": f"{lateness // S}s"}
        config = self.write("config.yaml", suite.configuration({"ticks": stream}, trees, directory=self.directory))
        lines = (f'{{"at": {time}, "name": "{name}", "n": {n}}}\n' for time, name, n in rows)
        raw, counts, _ = self.replay(config, "ticks", [self.write("t.ndjson", "".join(lines))], "--time-format", "us")
        self.assertEqual(counts, dict(oracle.counts))
        self.same_keys(raw, oracle.shown(oracle.now_shown))
        return raw

    def test_random(self):
        for seed in seeds(60):
            rng = random.Random(seed)
            random.seed(seed)
            aggregates = {}
            for i, window in enumerate(rng.sample(sorted(WINDOWS), 3)):
                closed = rng.random() < 0.8
                delay = rng.choice([0, 0, 1, 9, 10, 35, 3600, 7200, 3 * 86400]) * S if closed else 0
                aggregates[f"a{i}"] = window, rng.choice([1, 3, 50]), closed, delay, window in ("t", "moved", "g", "gaps") and rng.random() < 0.5
            spread = rng.choice([60, 600, 7200, 10 * 86400])
            rows = [(START + rng.randrange(spread * 1000) * 1000, rng.choice("abc"), rng.randrange(-9, 9)) for _ in range(rng.randrange(1, 120))]
            if rng.random() < 0.5:
                rows.sort()
            with self.subTest(seed=seed):
                self.shown(aggregates, rows, rng.choice([0, 30, 3600, 86400]) * S)

    def test_random_sessions(self):
        """What has ended goes on again when an event comes late: the one before is shown then, or nothing."""
        for seed in seeds(60):
            rng = random.Random(seed + 500)
            random.seed(seed)
            aggregates = {f"a{i}": (rng.choice(["g", "gaps"]), rng.choice([1, 2, 50]), True, rng.choice([0, 0, 1, 8, 35, 600, 7200]) * S, rng.random() < 0.5)
                          for i in range(3)}
            spread = rng.choice([30, 200, 1000, 7200])
            rows = [(START + rng.randrange(spread * 1000) * 1000, rng.choice("abc"), rng.randrange(-9, 9)) for _ in range(rng.randrange(1, 80))]
            if rng.random() < 0.5:
                rows.sort(key=lambda row: row[0] + rng.randrange(spread * S // 4))
            with self.subTest(seed=seed):
                self.shown(aggregates, rows, rng.choice([0, 30, 3600, 86400]) * S)

    def test_any_order_of_arrival(self):
        """The hash of windows that have ended follows from the events, not from the order in which they came."""
        rng = random.Random(5)
        rows = [(START + rng.randrange(300 * 1000) * 1000, rng.choice("ab"), rng.randrange(9)) for _ in range(80)]
        aggregates = {"t": ("t", 5, True, 0, True), "s": ("s", 5, True, 45 * S, False), "h": ("h", 2, True, 20 * S, False),
                      "g": ("g", 3, True, 0, True), "gaps": ("gaps", 2, True, 60 * S, False)}
        random.seed(5)
        seen = set()
        for _ in range(50):
            rng.shuffle(rows)
            raw = self.shown(aggregates, rows, DAY)
            seen.add("\n".join(line for line in raw.splitlines() if '"hash"' in line and "rs:meta" not in line))
        self.assertEqual(len(seen), 1)
        self.assertEqual(len(next(iter(seen)).splitlines()), 6)  # neither the hour nor the long session has ended

    def test_an_embargo(self):
        """Two hours: nothing younger is in the hash, in the history or in the index."""
        rows = [(START + i * 10 * S, "a", i) for i in range(1000)]
        raw = self.shown({"t": ("t", 5000, True, 7200 * S, False)}, rows)
        limit = (START + 9990 * S - 7200 * S) // 1000
        for item in map(engine.parse_line, raw.splitlines()):
            if item["key"] == "rs:t:a":
                self.assertLessEqual(int(item["value"]["window_end"]), limit)
                self.assertGreater(int(item["value"]["window_end"]), limit - 10000)
            elif item["key"] == "rs:t:index":
                self.assertLessEqual(int(item["value"][0][0]), limit)
            elif item["key"] == "rs:t:a:history":
                self.assertEqual(len(item["value"]), 279)
                self.assertTrue(all(int(member["window_end"]) <= limit for _, member in item["value"]))

    def test_refused(self):
        append = {"topic": "t", "schema": "tick.avsc", "time": "at"}
        upsert = dict(append, upsert={"version": "n"})
        wrong = [
            ({"publish": "closed"}, "closed windows are kept by `history`: publish: closed needs it"),
            ({"publish": ["current", "closed"]}, "closed windows are kept by `history`"),
            ({"publish": "current", "history": 3}, "publish: current shows no ended windows: leave `history` out"),
            ({"publish": "all", "history": 3}, "publish is current, closed or both"),
            ({"publish": ["current", "open"], "history": 3}, "publish is current, closed or both"),
            ({"publish": [], "history": 3}, "publish is empty"),
            ({"delay": "2h"}, "delay needs publish: closed"),
            ({"delay": "2h", "history": 3}, "delay needs publish: closed"),
            ({"delay": "2h", "history": 3, "publish": "closed", "window": {"all": True}}, "history needs windows that end"),
            ({"delay": "400d", "history": 3, "publish": "closed"}, "delay"),
            ({"delay": "8d", "history": 3, "publish": "closed"}, "before this window and its lateness and delay are over: expire must be at least"),
            ({"dely": "2h"}, 'did you mean "delay"'),
        ]
        for tree, words in wrong:
            self.refuses(append, tree, words)
        self.refuses(upsert, {"delay": "2h", "history": 3, "publish": "closed"}, "delay has no place there")

    def refuses(self, stream, tree, words):
        aggregate = {"stream": "ticks", "by": ["name"], "window": {"tumbling": "10s"}, "stats": {"n": "count()"}, **tree}
        config = self.write("config.yaml", suite.configuration({"ticks": stream}, {"a": aggregate}, directory=self.directory))
        _, said = procs.check([suite.program("rollstatd"), "-c", config, "--check"], expect=1)
        self.assertIn(words, said.decode(), tree)
        self.assertRegex(said.decode(), r"config\.yaml:\d+:\d+: ")

    def test_explained(self):
        tree = {"stream": "ticks", "window": {"tumbling": "1m"}, "history": 5, "publish": "closed", "delay": "2h", "stats": {"n": "count()"}}
        config = self.write("config.yaml", suite.configuration({"ticks": {"topic": "t", "schema": "tick.avsc", "time": "at"}}, {"a": tree}, directory=self.directory))
        said, _ = procs.check([suite.program("rollstatd"), "-c", config, "--explain"])
        self.assertIn("  shown: windows that have ended, 2h later\n", said.decode())
        self.assertIn("of the most they keep (122 panes)", said.decode())


if __name__ == "__main__":
    suite.main()
