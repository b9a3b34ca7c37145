"""Random streams through --replay against the oracle: windows, statistics, filters, lateness, duplicates, expiry.

Each seed makes a configuration and events out of order; every key must be equal to the last digit. A failure names
the seed: RS_SEED=N runs that one alone.
"""
import json
import os
import random
import struct
import sys
from fractions import Fraction

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import suite  # noqa: E402
import conditions  # noqa: E402
import engine  # noqa: E402
from exact import decimal_text  # noqa: E402

S = engine.SECOND
START = 1380000000 * S
GROUPS = ["a", "b:c", "d e", "%x", "", "数据", "{g}", "index"]


def single(value):
    return struct.unpack("f", struct.pack("f", value))[0]


def random_double(rng):
    kind = rng.randrange(4)
    if kind == 0:
        return rng.uniform(-1e3, 1e3)
    if kind == 1:
        return float(rng.randrange(-5, 6))
    if kind == 2:
        return rng.uniform(-1, 1) * 10.0 ** rng.randrange(-12, 15)
    return 1e15 + rng.randrange(100) / 8


def maybe(rng, value):
    return None if rng.random() < 0.15 else value


def make_event(rng, number, time):
    return {"id": maybe(rng, f"id{rng.randrange(max(1, number)) if rng.random() < 0.1 else number}"),
            "at": time,
            "name": rng.choice(GROUPS), "kind": rng.choice(["RED", "GREEN", "BLUE"]), "flag": rng.random() < 0.5,
            "code": maybe(rng, rng.randrange(-3, 4)), "day": maybe(rng, f"2013-10-{rng.randrange(1, 4):02d}"),
            "small": Fraction(rng.randrange(-10 ** 6, 10 ** 6), 1000),
            "big": maybe(rng, Fraction(rng.randrange(-10 ** 33, 10 ** 33), 10 ** 12)),
            "count": maybe(rng, rng.randrange(-2 ** 62, 2 ** 62) if rng.random() < 0.2 else rng.randrange(100)),
            "x": maybe(rng, random_double(rng)), "f": maybe(rng, single(rng.uniform(-50, 50)))}


def make_times(rng, count, lateness, spread):
    """Distinct times that wander forward, most of them in order, some late."""
    clock, used, times = START, set(), []
    for _ in range(count):
        clock += int(rng.expovariate(1) * spread)
        back = rng.choice([0, 0, 0, rng.randrange(lateness + 1), rng.randrange(4 * lateness + 60 * S)])
        time = clock - back
        while time in used:
            time += 1
        used.add(time)
        times.append(time)
    return times


def event_line(event):
    """NDJSON with the digits of every number as they are meant."""
    parts = []
    for name, value in event.items():
        if name == "at":
            second, micro = divmod(value, S)
            text = json.dumps(iso(second, micro))
        elif isinstance(value, Fraction):
            text = decimal_text(value)
        elif isinstance(value, float):
            text = repr(value)
        else:
            text = json.dumps(value, ensure_ascii=False)
        parts.append(f"{json.dumps(name)}: {text}")
    return "{" + ", ".join(parts) + "}\n"


def iso(second, micro):
    import datetime
    moment = datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=second, microseconds=micro)
    return moment.isoformat() + "Z"


COMMON = {"n": "count()", "cx": "count(x)", "sum_small": "sum(small)", "sum_big": "sum(big)", "sum_count": "sum(count)",
          "sum_x": "sum(x)", "mean_small": "mean(small)", "mean_x": "avg(x)", "mean_big": "mean(big)",
          "min_x": "min(x)", "max_big": "max(big)", "range_small": "range(small)", "range_f": "range(f)",
          "first_count": "first(count)", "last_x": "last(x)", "o": "open(small)", "c": "close(big)", "small": "ohlc(small)",
          "xo": "ohlc(x)", "vw": "vwap(small, count)", "vx": "vwap(x, f)", "var": "variance(small)",
          "skew": "skewness(small)", "kurt": "kurtosis_pop(x)", "cov": "covariance(small, count)", "cor": "correlation(x, f)",
          "slope": "slope(big, x)", "drift": "slope(small, $event_time)", "icept": "intercept(x, small)", "r2": "r2(count, big)",
          "varp": "variance_pop(big)", "sd": "stddev(x)", "sdp": "stddev_pop(count)", "sdb": "stddev(big)"}
WINDOWED = {"r": "rate()", "rs": "rate(small)", "rx": "rate(x)"}
TUMBLING = {"ch": "change(small)", "chx": "change(x)", "pct": "pct_change(small)", "pctb": "pct_change(big)"}
SKETCHES = {"q1": "quantile(small, 0.1)", "q2": "quantile(x, 0.9)", "q3": "quantile(big, 1)", "q4": "quantile(count, 0)",
            "m1": "median(small)", "m2": "median(x)", "m3": "median(f)", "d1": "distinct(small)", "d2": "distinct(x)",
            "d3": "distinct(count)"}
PLACES = {"small": 3, "big": 12}
DOUBLE = ("x", "f")


def leaf(rng):
    """(YAML, predicate with True, False or None for unknown)"""
    def compare(field, name, text, value):
        tests = {"eq": lambda v: v == value, "ne": lambda v: v != value, "lt": lambda v: v < value,
                 "le": lambda v: v <= value, "gt": lambda v: v > value, "ge": lambda v: v >= value}
        return {field: {name: text}}, lambda e: None if e[field] is None else tests[name](e[field])
    kind = rng.randrange(7)
    order = rng.choice(["eq", "ne", "lt", "le", "gt", "ge"])
    if kind == 0:
        value = Fraction(rng.randrange(-1000, 1000) * 1000, 1000)
        return compare("small", order, decimal_text(value), value)
    if kind == 1:
        value = rng.randrange(-3, 4)
        return compare("code", order, value, value)
    if kind == 2:
        value = Fraction(rng.randrange(-10 ** 21, 10 ** 21))
        return compare("big", order, decimal_text(value), value)
    if kind == 3:
        chosen = rng.sample(["RED", "GREEN", "BLUE"], 2)
        name = rng.choice(["in", "not_in"])
        return {"kind": {name: chosen}}, lambda e: (e["kind"] in chosen) == (name == "in")
    if kind == 4:
        chosen = [-1, 0, 2]
        name = rng.choice(["in", "not_in"])
        return {"code": {name: chosen}}, lambda e: None if e["code"] is None else (e["code"] in chosen) == (name == "in")
    if kind == 5:
        wanted = rng.random() < 0.5
        return {"x": {"is_null": wanted}}, lambda e: (e["x"] is None) == wanted
    value = rng.random() < 0.5
    return {"flag": value}, lambda e: e["flag"] == value


def make_where(rng):
    return conditions.compose(rng, leaf)


def make_aggregate(rng, name, kinds):
    """(YAML, oracle's aggregate); always grouped by `name` first, so that partitions hold whole groups."""
    kind = rng.choice(kinds)
    stats = COMMON | SKETCHES
    if kind == "tumbling":
        size = rng.choice([10, 60, 3600]) * S
        window, text = engine.Window(size), {"tumbling": f"{size // S}s"}
        stats.update(WINDOWED)
        stats.update(TUMBLING)
    elif kind == "sliding":
        size, every = rng.choice([(60, 10), (60, 7), (300, 60), (10, 4), (30, 1)])
        window = engine.Window(size * S, every * S)
        text = {"sliding": f"{size}s", "every": f"{every}s"}
        stats.update(WINDOWED)
    elif kind == "last":
        last = rng.choice([1, 2, 3, 7, 16, 17, 40, 1000])
        window, text = engine.LastEvents(last), {"last": last}
    else:
        window, text = engine.Window(), {"all": True}
    chosen = dict(sorted(rng.sample(sorted(stats.items()), rng.randrange(4, len(stats)))))
    by = ["name"] + rng.sample(["kind", "flag", "code", "day"], rng.randrange(3))
    tree = {"stream": "events", "by": by, "window": text, "stats": chosen}
    where = None
    if rng.random() < 0.5:
        tree["where"], where = make_where(rng)
    history = rng.choice([0, 3, 1000]) if kind not in ("all", "last") else 0
    if history:
        tree["history"] = history
    aggregate = engine.Aggregate(name, chosen, window, by, where, history, DOUBLE)
    aggregate.folder.places = PLACES
    return tree, aggregate


class Semantics(suite.Case):
    KINDS = ("tumbling", "tumbling", "sliding", "all")
    SEEDS = 200

    def run_seed(self, seed):
        rng = random.Random(seed)
        lateness = rng.choice([0, 5, 30, 600]) * S
        aggregates = {f"g{i}": make_aggregate(rng, f"g{i}", self.KINDS) for i in range(rng.randrange(1, 4))}
        longest = max((a.window.size or 0) for _, a in aggregates.values())
        stream = {"topic": "t", "schema": "event.avsc", "time": "at", "lateness": f"{lateness // S}s"}
        options = {"lateness": lateness}
        partitions = rng.choice([1, 1, 3, 8])
        if rng.random() < 0.4 and partitions == 1:
            expire = longest + lateness + rng.choice([1, 120, 7200]) * S
            stream["expire"] = f"{expire // S}s"
            options.update(expire=expire, expire_set=True)
        if rng.random() < 0.4 and partitions == 1:
            dedup = rng.choice([1, 60, 86400]) * S
            stream.update(id="id", dedup=f"{dedup // S}s")
            options.update(identity="id", dedup=dedup)
        oracle = engine.AppendPartition(engine.Append("at", [a for _, a in aggregates.values()], **options))
        # The time shown follows each partition's own events: with more than one, none of them may have gaps.
        spread = rng.choice([S // 10, S, 20 * S, 400 * S] if partitions == 1 else [S // 100, S // 10])
        times = make_times(rng, rng.randrange(1, 220), lateness, spread)
        events = [make_event(rng, number, time) for number, time in enumerate(times)]
        for offset, event in enumerate(events):
            oracle.apply(offset, None, event)
        config = self.write("config.yaml", suite.configuration(
            {"events": stream}, {name: tree for name, (tree, _) in aggregates.items()},
            directory=os.path.dirname(os.path.abspath(__file__))))
        data = self.write("events.ndjson", "".join(map(event_line, events)))
        raw, counts, _ = self.replay(config, "events", [data], "--partitions", partitions)
        self.assertEqual(counts, dict(oracle.counts), f"RS_SEED={seed}")
        try:
            self.same_keys(raw, oracle.shown(oracle.now_shown))
        except AssertionError as error:
            raise AssertionError(f"RS_SEED={seed}: {error}") from None

    def test_random_streams(self):
        seeds = [int(os.environ["RS_SEED"])] if "RS_SEED" in os.environ else range(int(os.environ.get("RS_SEEDS", self.SEEDS)))
        for seed in seeds:
            with self.subTest(seed=seed):
                self.run_seed(seed)


if __name__ == "__main__":
    suite.main()
