"""What the configuration makes of plain fields: numbers of a declared unit as times, ids of several fields. Random streams
against the oracle."""
import json
import os
import random
import sys
from fractions import Fraction

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import suite  # noqa: E402
import engine  # noqa: E402

S = engine.SECOND
START = 1380000000 * S
UNITS = {"s": Fraction(S), "ms": Fraction(1000), "us": Fraction(1), "ns": Fraction(1, 1000)}
STATS = {"n": "count()", "sum": "sum(x)", "first": "first(x)", "last": "last(x)"}
RANGE = (-62135596800 * S, 253402300800 * S - 1)  # of the years 1 to 9999, in µs


def schema(number="long"):
    return {"type": "record", "name": "Event", "fields": [
        {"name": "ts", "type": ["null", number]},
        {"name": "name", "type": "string"},
        {"name": "a", "type": ["null", "string"]}, {"name": "b", "type": ["null", "string"]},
        {"name": "n", "type": ["null", "long"]},
        {"name": "d", "type": ["null", {"type": "bytes", "logicalType": "decimal", "precision": 20, "scale": 2}]},
        {"name": "x", "type": "long"}]}


def event(rng, ts):
    """Ids of few values, among them texts that run together: "a" + "bc" and "ab" + "c"."""
    parts = ["", "a", "ab", "bc", "c", "abc", None]
    return {"ts": ts, "name": rng.choice("xyz"), "a": rng.choice(parts), "b": rng.choice(parts),
            "n": rng.choice([None, 0, 1, 256]), "d": rng.choice([None, "0.00", "1.00", "0.01"]), "x": rng.randrange(100)}


def judged_by_range(fields):
    return None if RANGE[0] <= fields["time"] <= RANGE[1] else "time_range"


class Fields(suite.Case):
    def run_it(self, stream, aggregate, tree, events, oracle, number="long"):
        self.write("event.avsc", json.dumps(schema(number)))
        config = self.write("config.yaml", suite.configuration(
            {"events": {"topic": "t", "schema": "event.avsc", **stream}}, {aggregate.name: tree}, directory=self.directory))
        data = self.write("events.ndjson", "".join(json.dumps(e) + "\n" for e in events))
        return self.replay(config, "events", [data], expect=3 if oracle.counts["rejected"] else 0)

    def test_numbers_as_times(self):
        for seed, (unit, number) in enumerate([("s", "int"), ("s", "long"), ("ms", "long"), ("us", "long"), ("ns", "long")]):
            rng, factor = random.Random(seed), UNITS[unit]
            aggregate = engine.Aggregate("g", STATS, engine.Window(10 * S), ["name"], None, 100)
            oracle = engine.AppendPartition(engine.Append("time", [aggregate], 30 * S, judge=judged_by_range))
            used, events = set(), []
            for _ in range(300):
                ts = int((START + rng.randrange(200) * S + rng.randrange(S)) / factor)
                if number == "long" and rng.random() < 0.1:
                    ts = rng.choice([2 ** 63 - 1, -2 ** 63, int(RANGE[1] / factor) + 1, int(RANGE[0] / factor) - 1])
                    ts = min(max(ts, -2 ** 63), 2 ** 63 - 1)
                    if unit == "ns":
                        continue  # each of those is a time
                ts = None if rng.random() < 0.05 else ts
                moment = None if ts is None else ts * factor
                if moment is not None and moment in used:
                    continue
                used.add(moment)
                events.append({**event(rng, ts), "time": moment})
            for offset, fields in enumerate(events):
                oracle.apply(offset, None, fields)
            rows = [{k: v for k, v in e.items() if k != "time"} for e in events]
            raw, counts, err = self.run_it(
                {"time": {"field": "ts", "unit": unit}, "lateness": "30s"}, aggregate,
                {"stream": "events", "by": ["name"], "window": {"tumbling": "10s"}, "history": 100, "stats": STATS}, rows,
                oracle, number)
            self.assertEqual(counts, dict(oracle.counts), unit)
            for reason, count in oracle.reasons.items():
                self.assertIn(f"reason {reason}: {count}\n", err)
            self.same_keys(raw, oracle.shown(oracle.now_shown // 1))

    def test_periods_of_upserts(self):
        rng = random.Random(5)
        aggregate = engine.Aggregate("g", STATS, engine.Last(3), ["name"])
        oracle = engine.UpsertPartition(engine.Upsert("time", "x", None, [aggregate]))
        events = []
        for _ in range(200):
            ts = 1380000000000 + rng.randrange(8) * 1000
            events.append({**event(rng, ts), "time": ts * 1000})
        for offset, fields in enumerate(events):
            oracle.apply(offset, None, fields)
        rows = [{k: v for k, v in e.items() if k != "time"} for e in events]
        raw, counts, _ = self.run_it(
            {"time": {"field": "ts", "unit": "ms"}, "upsert": {"version": "x"}}, aggregate,
            {"stream": "events", "by": ["name"], "window": {"last": 3}, "stats": STATS}, rows, oracle)
        self.assertEqual(counts, dict(oracle.counts))
        self.same_keys(raw, oracle.shown(None), ignore=["rs:g:index"])

    def test_ids_of_several_fields(self):
        for seed, names in enumerate((["a", "b"], ["b", "a", "n"], ["n", "d"], ["d"], ["a"], ["name", "n", "a", "b", "d"])):
            rng = random.Random(100 + seed)
            aggregate = engine.Aggregate("g", STATS, engine.Window(), ["name"])
            oracle = engine.AppendPartition(engine.Append("time", [aggregate], 30 * S, identity="id", dedup=300 * S))
            events, clock = [], START
            for _ in range(250):
                clock += rng.randrange(1, 3 * S)
                fields = event(rng, clock)
                parts = tuple(fields[name] for name in names)
                events.append({**fields, "time": clock, "id": None if None in parts else parts})
            for offset, fields in enumerate(events):
                oracle.apply(offset, None, fields)
            self.assertGreater(oracle.counts["duplicate"], 3, names)
            rows = [{k: v for k, v in e.items() if k not in ("time", "id")} for e in events]
            raw, counts, _ = self.run_it(
                {"time": {"field": "ts", "unit": "us"}, "id": names, "dedup": "300s"}, aggregate,
                {"stream": "events", "by": ["name"], "window": {"all": True}, "stats": STATS}, rows, oracle)
            self.assertEqual(counts, dict(oracle.counts), names)
            self.same_keys(raw, oracle.shown(oracle.now_shown))


if __name__ == "__main__":
    suite.main()
