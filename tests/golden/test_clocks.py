"""Producers whose clocks are wrong, through --replay: one record of two, four rows of many, a share of all for ever. What an
event's time does to others is README's "Wrong clocks"; every key must be the oracle's."""
import os
import random
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import suite  # noqa: E402
import engine  # noqa: E402

S = engine.SECOND
DAY = 86400 * S
START = 1380000000 * S
SCHEMA = ('{"type": "record", "name": "Ride", "fields": [{"name": "at", "type": {"type": "long", "logicalType": "timestamp-micros"}},'
          ' {"name": "zone", "type": "string"}, {"name": "n", "type": "long"}]}')


class Clocks(suite.Case):
    def configuration(self, expire="7d"):
        self.write("ride.avsc", SCHEMA)
        stats = {"n": "count()", "s": "sum(n)"}
        aggregates = {"m": {"stream": "rides", "by": ["zone"], "window": {"tumbling": "1m"}, "history": 1000, "stats": stats},
                      "v": {"stream": "rides", "by": ["zone"], "window": {"sliding": "5m", "every": "1m"}, "stats": stats}}
        stream = {"topic": "rides", "schema": "ride.avsc", "time": "at", "expire": expire}
        return self.write("config.yaml", suite.configuration({"rides": stream}, aggregates, directory=self.directory))

    @staticmethod
    def oracle():
        stats = {"n": "count()", "s": "sum(n)"}
        return engine.AppendPartition(engine.Append("at", [
            engine.Aggregate("m", stats, engine.Window(60 * S), ["zone"], history=1000),
            engine.Aggregate("v", stats, engine.Window(300 * S, 60 * S), ["zone"])]))

    def run_rows(self, rows):
        """rows: (time in µs, zone). Returns what is there, the oracle, and what --replay said."""
        oracle = self.oracle()
        for offset, (time, zone) in enumerate(rows):
            oracle.apply(offset, None, {"at": time, "zone": zone, "n": offset})
        lines = (f'{{"at": {time}, "zone": "{zone}", "n": {n}}}\n' for n, (time, zone) in enumerate(rows))
        data = self.write("rides.ndjson", "".join(lines))
        raw, counts, said = self.replay(self.configuration(), "rides", [data], "--time-format", "us")
        self.assertEqual(counts, dict(oracle.counts))
        self.same_keys(raw, oracle.shown(oracle.now_shown))
        return oracle, said

    def test_one_of_two(self):
        for rows in ([(START, "a"), (START + 13000 * DAY, "b")], [(START + 30 * DAY, "b"), (START, "a"), (START + S, "c")]):
            oracle, said = self.run_rows(rows)
            self.assertEqual(oracle.counts["late"], 0)
            self.assertEqual(len(oracle.groups["m"]), len(rows))
        self.assertIn("expired groups 0", said)

    def test_four_rows_of_many(self):
        """Four rows 200 days ahead, and a zone whose rows all lie in the past: nobody is late, no other zone is gone."""
        rows = [(START + i * S, f"zone{i % 20}") for i in range(12000)]
        for at in (7, 3000, 3001, 9000):
            rows[at] = (rows[at][0] + 200 * DAY, f"wrong{at}")
        rows += [(START - 2 * DAY + i * S, "past") for i in range(2000)]
        oracle, said = self.run_rows(rows)
        self.assertEqual(oracle.counts["late"], 0)
        self.assertEqual(len(oracle.groups["m"]), 20 + 4 + 1)
        self.assertRegex(said, "far ahead of the others when they came, the latest with the time [-0-9]+T[:0-9]+Z, where the others "
                               "were at [-0-9]+T[:0-9]+Z: a gap")

    def test_a_share_for_ever(self):
        """Three of ten are ten days ahead, in batches; a zone that is silent for nine days does expire, and can come back."""
        rng = random.Random(5)
        rows, time = [(START, "silent")], START
        while len(rows) < 6000:
            time += rng.randrange(400 * S)
            wrong = rng.random() < 0.05
            for _ in range(rng.randrange(1, 8) if wrong else 1):
                rows.append((time + (10 * DAY if wrong else 0), f"w{rng.randrange(5)}" if wrong else f"z{rng.randrange(5)}"))
        rows += [(START + DAY, "silent"), (START, "silent"), (START - DAY, "never")]
        oracle, _ = self.run_rows(rows)
        self.assertEqual(oracle.counts["late"], 1)  # the one that it may have counted before
        self.assertIn("silent", oracle.dropped["m"])


if __name__ == "__main__":
    suite.main()
