"""Configuration and oracle of the real ticks, shared by the replay and the Kafka suite."""
import engine
import suite

STATS = {"trades": "count()", "volume": "sum(quantity)", "price": "ohlc(price)", "vwap": "vwap(price, quantity)",
         "sd": "stddev(price)", "range": "range(price)"}
HISTORY = 100000
BY = {"by_product": ["product"], "by_exchange": ["exchange", "product"]}
NAMES = {"by_product": "ticks_1m", "by_exchange": "ticks_1m_venue"}

# (symbol, start of the minute in µs): the vendor's bar holds other prints than the tick file's minute.
VENDOR_DIFFERS = (
    ("AIG", 1381152600000000), ("AIG", 1381152660000000), ("AIG", 1381167960000000), ("AIG", 1381175940000000),
    ("AIG", 1381176000000000), ("SPY", 1381152600000000), ("SPY", 1381175940000000), ("SPY", 1381176000000000),
    ("SPY", 1381239000000000), ("SPY", 1381262400000000))


def configuration(bootstrap, redis_url, **more):
    streams = {name: {"topic": f"ticks.{name}", "schema": "trade.avsc", "time": "executed_at", "lateness": "5s",
                      "id": "trade_id", "dedup": "10m", "rules": {"price": {"gt": 0}, "quantity": {"ge": 0}}}
               for name in BY}
    aggregates = {NAMES[name]: {"stream": name, "by": by, "where": {"status": {"ne": "SUSPECT"}},
                                "window": {"tumbling": "1m"}, "history": HISTORY, "stats": STATS}
                  for name, by in BY.items()}
    return suite.configuration(streams, aggregates, bootstrap, redis_url, **more)


def partition(events, stream):
    """The oracle's partition after all events. Prices are integers × 10^-4, which keeps folding quick."""
    aggregate = engine.Aggregate(NAMES[stream], STATS, engine.Window(60 * engine.SECOND), BY[stream],
                                 lambda e: e["status"] != "SUSPECT", HISTORY, scale={"price": 4})
    found = engine.AppendPartition(engine.Append("executed_at", [aggregate], 5 * engine.SECOND))
    for offset, (time, symbol, exchange, price, quantity, suspect, _) in enumerate(events):
        found.apply(offset, None, {"executed_at": time, "product": symbol, "exchange": exchange, "price": price,
                                   "quantity": quantity, "status": "SUSPECT" if suspect else "EXECUTED"})
    return found
