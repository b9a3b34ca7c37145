"""Synthetic trades with a known answer: groups with clocks of their own, every value a function of its number."""
import random

import engine

STATS = {"n": "count()", "volume": "sum(quantity)", "price": "ohlc(price)", "vwap": "vwap(price, quantity)",
         "sd": "stddev(price)", "ch": "change(price)"}
SLIDING_STATS = {"n": "count()", "volume": "sum(quantity)", "low": "min(price)", "high": "max(price)", "mean": "mean(price)"}
HEADER = "trade_id,exchange,product,side,status,price,quantity,currency,executed_at\n"
S = engine.SECOND


def make(seed, count, groups, start, step, jitter, behind=None):
    """[(time µs, group, price × 100, quantity)], times distinct, in order up to `jitter`; `behind`: {group: µs}."""
    rng = random.Random(seed)
    events, used = [], set()
    for number in range(count):
        group = f"P{rng.randrange(groups):03d}"
        time = start + number * step - rng.randrange(jitter + 1) - (behind or {}).get(group, 0)
        while (group, time) in used:
            time += 1
        used.add((group, time))
        events.append((time, group, 1000 + rng.randrange(100000), 1 + rng.randrange(900)))
    return events


def row(number, event):
    time, group, price, quantity = event
    second, micro = divmod(time, S)
    return f"{group}-{number},X,{group},BUY,EXECUTED,{price // 100}.{price % 100:02d},{quantity},CNY,{second}{micro:06d}\n"


def write_csv(path, events):
    """Times are microseconds since 1970: --time-format us."""
    with open(path, "w", encoding="ascii") as out:
        out.write(HEADER)
        out.writelines(row(number, event) for number, event in enumerate(events))


def stream(topic, lateness, **more):
    return {"topic": topic, "schema": "trade.avsc", "time": "executed_at", "lateness": lateness, **more}


def aggregates(source, history, size_s=60):
    """(YAML, oracle's aggregates) of a tumbling and a sliding window by product."""
    trees = {"m": {"stream": source, "by": ["product"], "window": {"tumbling": f"{size_s}s"}, "history": history,
                   "stats": STATS},
             "s": {"stream": source, "by": ["product"], "window": {"sliding": f"{5 * size_s}s", "every": f"{size_s}s"},
                   "stats": SLIDING_STATS}}
    oracle = [engine.Aggregate("m", STATS, engine.Window(size_s * S), ["product"], None, history, scale={"price": 2}),
              engine.Aggregate("s", SLIDING_STATS, engine.Window(5 * size_s * S, size_s * S), ["product"],
                               scale={"price": 2})]
    return trees, oracle


def fold(events, oracle_aggregates, lateness, **options):
    """The oracle's partition after the events in their order."""
    partition = engine.AppendPartition(engine.Append("executed_at", oracle_aggregates, lateness, **options))
    for offset, (time, group, price, quantity) in enumerate(events):
        partition.apply(offset, None, {"executed_at": time, "product": group, "price": price, "quantity": quantity})
    return partition
