"""A hand-written service: confluent-kafka, fastavro, redis-py with hiredis; one process, state in memory.

Usage: service.py BOOTSTRAP REDIS_PORT TOPIC GROUP SCHEMA FLUSH_MS
"""
import io
import json
import signal
import sys
import time

import fastavro
import redis
from confluent_kafka import Consumer

WINDOW_MS = 60000
KEPT_MS = 2 * WINDOW_MS


class Service:
    def __init__(self, bootstrap, redis_port, topic, group, schema, flush_ms):
        with open(schema, encoding="utf-8") as file:
            self.schema = fastavro.parse_schema(json.load(file))
        self.consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": group, "auto.offset.reset": "earliest",
                                  "enable.auto.commit": False, "fetch.wait.max.ms": 50, "check.crcs": False})
        self.consumer.subscribe([topic])
        self.redis = redis.Redis(port=int(redis_port))
        self.flush_s = int(flush_ms) / 1000
        self.windows = {}  # (exchange, product, start) -> [count, volume, low, high, sum of price × quantity]
        self.newest = {}   # (exchange, product) -> start
        self.newest_of_all = 0
        self.dirty = set()
        self.running = True

    def stop(self, *_):
        self.running = False

    def flush(self):
        pipeline = self.redis.pipeline(transaction=False)
        for group in self.dirty:
            start = self.newest[group]
            count, volume, low, high, total = self.windows[group + (start,)]
            pipeline.execute_command("HSET", "peer:%s:%s" % group, "count", count, "volume", volume, "low", low, "high", high,
                                     "vwap", total / volume, "window_start", start)
        pipeline.execute()
        self.dirty.clear()
        for key in [key for key in self.windows if key[2] < self.newest_of_all - KEPT_MS and self.newest[key[:2]] != key[2]]:
            del self.windows[key]
        self.consumer.commit(asynchronous=True)

    def run(self):
        # Names of this function's own: Python finds them faster, and this loop is what is measured.
        read, schema, stream = fastavro.schemaless_reader, self.schema, io.BytesIO
        windows, newest, dirty = self.windows, self.newest, self.dirty
        flushed = time.monotonic()
        patience_s = min(0.1, self.flush_s)
        while self.running:
            for message in self.consumer.consume(10000, patience_s):
                if message.error():
                    continue
                trade = read(stream(message.value()), schema, None)
                group = (trade["exchange"], trade["product"])
                at = trade["executed_at"]
                start = at - at % WINDOW_MS
                quantity, price = trade["quantity"], trade["price"]
                window = windows.get(group + (start,))
                if window is None:
                    windows[group + (start,)] = [1, quantity, price, price, price * quantity]
                    if start > newest.get(group, -1):
                        newest[group] = start
                    if start > self.newest_of_all:
                        self.newest_of_all = start
                else:
                    window[0] += 1
                    window[1] += quantity
                    window[4] += price * quantity
                    if price < window[2]:
                        window[2] = price
                    elif price > window[3]:
                        window[3] = price
                dirty.add(group)
            now = time.monotonic()
            if now - flushed >= self.flush_s and dirty:
                flushed = now
                self.flush()
        self.consumer.close()


def main():
    service = Service(*sys.argv[1:7])
    signal.signal(signal.SIGTERM, service.stop)
    service.run()


if __name__ == "__main__":
    main()
