"""Continuous publishing with known totals: rows through rollstat-publish, and broken messages between them."""
import os
import random
import re
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import suite  # noqa: E402
import avro  # noqa: E402
import procs  # noqa: E402
from world import AGGREGATES, GROUP, STREAMS, TRADES  # noqa: E402

S = 1000000
START = 1699156200 * S  # 2023-11-04 23:50 in New York, whose next day has 25 hours
PACE = 10                 # seconds of event time a second
JITTER = 15 * S           # below the lateness of 20 s
PRODUCTS = 40
AHEAD = 30 * 86400 * S    # of the producer whose clock is wrong,
ODD = PRODUCTS            # in its own product,
ODD_ONE_IN = 30           # which sends so many of all rows while it is at work
KEY_MAX = 1048400         # with its record just below Kafka's default limit
TRADE_HEADER = "trade_id,exchange,product,price,quantity,currency,executed_at\n"
INDICATOR_HEADER = "event_id,indicator,region,source,unit,period_kind,period_start,value,revision,published_at\n"

# What no schema takes, each with its reason; a number makes the messages distinct.
BROKEN = (
    ("truncated", lambda n: avro.trade(trade_id=f"b{n}")[:-1]),
    ("trailing_bytes", lambda n: avro.trade(trade_id=f"b{n}") + b"\0"),
    ("utf8", lambda n: avro.trade({"exchange": avro.data(b"\xff")}, trade_id=f"b{n}")),
    ("enum_index", lambda n: avro.trade({"side": avro.long(3 + n % 5)}, trade_id=f"b{n}")),
    ("rule", lambda n: avro.trade(trade_id=f"b{n}", price=-n)),
    ("tombstone", lambda n: None))


def trade_rows(seed, rate, odd=lambda: False):
    """Rows without end: out of order within the lateness, one in 150 far behind, one in 80 a repeat. `odd`: whether the producer
    with the wrong clock is at work."""
    rng = random.Random(seed)
    recent = []
    number = 0
    step = PACE * S // rate
    while True:
        number += 1
        if recent and rng.randrange(80) == 0:
            yield rng.choice(recent)
            continue
        product = min(rng.randrange(PRODUCTS), rng.randrange(PRODUCTS))
        time_us = START + number * step - rng.randrange(JITTER)
        if odd() and rng.randrange(ODD_ONE_IN) == 0:
            product, time_us = ODD, time_us + AHEAD
        elif rng.randrange(150) == 0:
            time_us -= rng.randrange(3600 * S)
        price, quantity = 1000 + rng.randrange(100000), 1 + rng.randrange(900)
        row = f"t{number},X,P{product:02d},{price // 100}.{price % 100:02d},{quantity},CNY,{time_us}\n"
        recent.append(row)
        del recent[:-3000]
        yield row


def indicator_rows(seed):
    """Revisions of periods in any order; one in 20 withdraws, one in 10 is older than what came before."""
    rng = random.Random(seed)
    newest = {}
    number = 0
    while True:
        number += 1
        register = (rng.randrange(12), rng.randrange(3), rng.randrange(24))
        revision = newest.get(register, -1) + 1 + rng.randrange(2)
        if rng.randrange(10) == 0:
            revision = max(0, revision - rng.randrange(4))
        newest[register] = max(revision, newest.get(register, -1))
        region, indicator, month = register
        start = f"{2020 + month // 12}-{month % 12 + 1:02d}-01T00:00:00Z"
        value = "" if rng.randrange(20) == 0 else f"{rng.randrange(-10 ** 6, 10 ** 6) / 100:.2f}"
        yield f"e{number},I{indicator},R{region:02d},S,U,MONTH,{start},{value},{revision},2026-01-01T00:00:00Z\n"


class Publisher:
    """rollstat-publish fed by a thread at a steady rate until told to end; a broker that is away holds it up.

    librdkafka before 2.3.0 may lose count of its sequence numbers when a broker dies with a request under way (its issue 3584,
    mended by 4438): the producer is then of no more use, and rollstat-publish says so and ends. Another one goes on with the
    rows that follow, and those that were not acknowledged may be in the topic or not."""
    LOST_COUNT = "sequence desynchronization"
    SUMMARY = re.compile(r"^published ([\d,]+) rows, 0 rejected(?:, ([\d,]+) not delivered)?, in ", re.MULTILINE)

    def __init__(self, name, argv, directory, header, rows, rate):
        self.name, self.argv, self.rows, self.rate, self.count = name, argv, rows, rate, 0
        self.directory, self.header = directory, header
        self.acknowledged = self.doubtful = self.replaced = 0  # of the processes before this one
        self._start()

    def _start(self):
        self.running, self.count = True, 0
        self.process = procs.Process(self.argv, os.path.join(self.directory, f"publish-{self.name}-{self.replaced}.log"),
                                     stdin=subprocess.PIPE)
        self.pipe = self.process.popen.stdin
        self.pipe.write(self.header.encode())
        self.thread = threading.Thread(target=self._feed, daemon=True)
        self.thread.start()

    def _feed(self):
        due = time.monotonic()
        try:
            while self.running:
                part = max(1, self.rate // 20)
                self.pipe.write("".join(next(self.rows) for _ in range(part)).encode())
                self.pipe.flush()
                self.count += part
                due = max(due + part / self.rate, time.monotonic() - 1)  # what an outage held up is not made up for at once
                time.sleep(max(0, due - time.monotonic()))
        except OSError:
            pass  # it has ended: its exit status tells

    def watch(self):
        """Whether it is at work, or was replaced for the one reason that is not ours."""
        if self.process.alive():
            return True
        log = procs.tail(self.process.log, 100000)
        summary = self.SUMMARY.search(log)
        if self.LOST_COUNT not in log or not summary:
            return False
        self._add(summary)
        self._end_feeding(60)
        self.replaced += 1
        self._start()
        return True

    def _add(self, summary):
        acknowledged, doubtful = (int((text or "0").replace(",", "")) for text in summary.groups())
        self.acknowledged += acknowledged
        self.doubtful += doubtful

    def _end_feeding(self, timeout):
        self.running = False
        self.thread.join(timeout)
        try:
            self.pipe.close()
        except OSError:
            pass  # rows in the buffer of a pipe that nobody reads

    def finish(self, timeout=120):
        """Ends the rows and waits until all are acknowledged; returns (how many there are, how many more there may be)."""
        self._end_feeding(timeout)
        status = self.process.wait(timeout)
        if status == 0:
            return self.acknowledged + self.count, self.doubtful
        log = procs.tail(self.process.log, 100000)
        summary = self.SUMMARY.search(log)
        if self.LOST_COUNT not in log or not summary:
            self.process.fail(f"rollstat-publish of {self.name} did not end well ({status})")
        self._add(summary)
        return self.acknowledged, self.doubtful


class Load:
    def __init__(self, world, seed, rate):
        self.world, self.rng = world, random.Random(seed)
        self.bad = 0
        self.odd = False  # whether a producer whose clock is wrong is at work
        config = os.path.join(world.directory, "publish.yaml")
        with open(config, "w", encoding="utf-8") as file:
            file.write(suite.configuration(STREAMS, AGGREGATES, world.kafka.bootstrap, group=GROUP))
        argv = [suite.program("rollstat-publish"), "-c", config, "--timeout", "300s", "--quiet", "--stream"]
        self.trades = Publisher("trades", [*argv, "trades", "--time-format", "us", "-"], world.directory, TRADE_HEADER,
                                trade_rows(seed, rate, lambda: self.odd), rate)
        self.indicators = Publisher("indicators", [*argv, "indicators", "-"], world.directory, INDICATOR_HEADER,
                                    indicator_rows(seed), max(20, rate // 10))
        self.tools = []

    def broken(self, count, largest_key=1):
        """Begins to send messages that nobody can read; which of them arrived, and how often, the topic tells."""
        rows = []
        for _ in range(count):
            self.bad += 1
            key = b"k" * round(largest_key ** self.rng.random())
            value = BROKEN[self.rng.randrange(len(BROKEN))][1](self.bad)
            rows.append(f"{self.rng.randrange(TRADES)}\t-1\t.{key.hex()}\t{'-' if value is None else '.' + value.hex()}\n")
        tool = procs.Process([self.world.kafka.tool, self.world.kafka.bootstrap, "produce", "trades"],
                             os.path.join(self.world.directory, "produce.log"), stdin=subprocess.PIPE)
        tool.popen.stdin.write("".join(rows).encode())
        tool.popen.stdin.close()
        self.tools = [t for t in self.tools if t.alive()] + [tool]

    def watch(self):
        """The publishers that have ended; those that librdkafka let down go on as others."""
        return [p.name for p in (self.trades, self.indicators) if not p.watch()]

    def replaced(self):
        return self.trades.replaced + self.indicators.replaced

    def finish(self):
        """{stream: (rows in the topic, how many more there may be)}"""
        for tool in self.tools:
            tool.wait(60)
        return {"trades": self.trades.finish(), "indicators": self.indicators.finish()}
