"""`max_groups` and `overflow` of an aggregate against the oracle: which events are groups of their own follows from the records alone,
and the sum over all groups is what it would be without a cap."""
import os
import random
import sys
from fractions import Fraction

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import suite  # noqa: E402
import procs  # noqa: E402
import engine  # noqa: E402

S = engine.SECOND
START = 1774000000 * S
SCHEMA = ('{"type": "record", "name": "Tick", "fields": [{"name": "at", "type": {"type": "long", "logicalType": "timestamp-micros"}},'
          ' {"name": "name", "type": "string"}, {"name": "kind", "type": ["null", "long"]}, {"name": "n", "type": "long"}]}')
STATS = {"n": "count()", "s": "sum(n)", "most": "max(n)"}
WINDOWS = {"t": ({"tumbling": "10s"}, engine.Window(10 * S)), "s": ({"sliding": "30s", "every": "10s"}, engine.Window(30 * S, 10 * S)),
           "all": ({"all": True}, engine.Window())}
NAMES = ["a", "b", "%other:0", "%other", "c:d", "", "index", "ü"]


class Bounds(suite.Case):
    def setUp(self):
        super().setUp()
        self.write("tick.avsc", SCHEMA)

    def run_rows(self, aggregates, rows, lateness, expire):
        """aggregates: {name: (window's name, by, max_groups, folds?)}; rows: fields"""
        trees, models = {}, []
        for name, (window, by, most, folds) in aggregates.items():
            tree, model = WINDOWS[window]
            history = 0 if window == "all" else 20
            trees[name] = {"stream": "ticks", "by": by, "window": tree, "history": history, "stats": STATS}
            if most:
                trees[name].update({"max_groups": most, "overflow": "other" if folds else "reject"})
            models.append(engine.Aggregate(name, STATS, model, by, history=history, max_groups=most, other="%other:0" if folds else None))
        oracle = engine.AppendPartition(engine.Append("at", models, lateness=lateness, expire=expire, expire_set=True))
        for offset, fields in enumerate(rows):
            oracle.apply(offset, None, fields)
        stream = {"topic": "t", "schema": "tick.avsc", "time": "at", "expire": f"{expire // S}s", "lateness": f"{lateness // S}s",
                  "dead_letters": False}
        config = self.write("config.yaml", suite.configuration({"ticks": stream}, trees, directory=self.directory))
        lines = (f'{{"at": {f["at"]}, "name": "{f["name"]}", "kind": {"null" if f["kind"] is None else f["kind"]}, "n": {f["n"]}}}\n' for f in rows)
        refused = oracle.counts["rejected"] > 0
        raw, counts, _ = self.replay(config, "ticks", [self.write("t.ndjson", "".join(lines))], "--time-format", "us", expect=3 if refused else 0)
        self.assertEqual(counts, dict(oracle.counts))
        self.same_keys(raw, oracle.shown(oracle.now_shown))
        return {item["key"]: item for item in map(engine.parse_line, raw.splitlines())}

    def test_random(self):
        seeds = [int(os.environ["RS_SEED"])] if "RS_SEED" in os.environ else range(int(os.environ.get("RS_SEEDS", 60)))
        folded = 0
        for seed in seeds:
            rng = random.Random(seed)
            aggregates = {}
            for i in range(rng.randrange(1, 4)):
                by = rng.choice([["name"], ["kind"], ["name", "kind"]])
                aggregates[f"a{i}"] = rng.choice(sorted(WINDOWS)), by, rng.choice([1, 2, 3, 5]), rng.random() < 0.7
            spread = rng.choice([20, 300, 3000])
            rows = [{"at": START + rng.randrange(spread * 1000) * 1000, "name": rng.choice(NAMES), "kind": rng.choice([None, 1, 2, -7]),
                     "n": rng.randrange(-9, 9)} for _ in range(rng.randrange(1, 300))]
            if rng.random() < 0.6:
                rows.sort(key=lambda fields: fields["at"])
            with self.subTest(seed=seed):
                shown = self.run_rows(aggregates, rows, rng.choice([0, 30, 600]) * S, rng.choice([700, 900, 100000]) * S)
                folded += any(":%other:0" in key for key in shown)
        self.assertGreater(folded, len(seeds) // 4)

    def test_totals_stay_right(self):
        rng = random.Random(3)
        rows = [{"at": START + i * 10000, "name": f"g{rng.randrange(200)}", "kind": None, "n": rng.randrange(100)} for i in range(3000)]
        shown = self.run_rows({"capped": ("all", ["name"], 20, True), "whole": ("all", ["name"], None, False)}, rows, 30 * S, 100000 * S)
        sums = {}
        for key, item in shown.items():
            if item["type"] == "hash" and key != "rs:meta":
                _, name, _ = key.split(":", 2)
                sums[name] = sums.get(name, 0) + Fraction(item["value"]["s"])
        self.assertEqual(sums["capped"], sums["whole"])
        self.assertEqual(sum(1 for key in shown if key.startswith("rs:capped:") and shown[key]["type"] == "hash"), 21)

    def test_explained(self):
        tree = {"stream": "ticks", "by": ["name"], "window": {"tumbling": "1m"}, "max_groups": 7, "overflow": "other", "stats": {"n": "count()"}}
        config = self.write("config.yaml", suite.configuration({"ticks": {"topic": "t", "schema": "tick.avsc", "time": "at"}}, {"a": tree}, directory=self.directory))
        said, _ = procs.check([suite.program("rollstatd"), "-c", config, "--explain"])
        self.assertIn("  groups: 7 a partition, further ones go into its group %other\n", said.decode())


if __name__ == "__main__":
    suite.main()
