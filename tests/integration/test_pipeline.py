"""The daemon beside a real Redis and librdkafka's mock cluster: the contract of the keys, groups in two partitions, two instances,
signals, and a Redis that is late or holds foreign values."""
import json
import os
import signal
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import suite  # noqa: E402
import avro  # noqa: E402
import engine  # noqa: E402
import load  # noqa: E402
import procs  # noqa: E402
from flow import Flow  # noqa: E402

S = engine.SECOND
T0 = 1700000040 * S
STATS = {"n": "count()", "volume": "sum(quantity)", "price": "ohlc(price)", "sd": "stddev(price)"}


def trade(group, second, price, quantity=1, exchange="XA"):
    return avro.trade(product=group, exchange=exchange, executed_at=T0 + int(second * S), price=int(price * 10 ** 8),
                      quantity=quantity * 10 ** 6)


class Pipeline(Flow):
    def begin(self, partitions=1, aggregates=None, redis=None, **stream):
        self.start_servers(suite.mock_kafka(self.path("mock"), f"t:{partitions}", "t.dlq:1",
                                            f"tests.state.trades:{partitions}"))
        self.configure({"trades": load.stream("t", "30s", **stream)}, aggregates or {
            "m": {"stream": "trades", "by": ["exchange", "product"], "window": {"tumbling": "1m"}, "history": 5,
                  "stats": STATS}}, redis={"publish_every": "20ms", **(redis or {})},
            kafka={"session.timeout.ms": 10000})  # the mock ends a rebalance only when a session has run out

    def produce(self, *records, partition=0):
        self.kafka.produce("t", [(partition, T0 // 1000 + 10 ** 7, None, value) for value in records])

    def shows(self, key, wanted, timeout=10):
        procs.until(lambda: self.client.hash(key) == wanted, timeout, f"{key} shows {wanted}, not "
                    f"{self.client.hash(key)}", self.daemon.process)

    def test_contract_of_the_keys(self):
        self.begin()
        listener = self.redis.client()
        listener.call("SUBSCRIBE", "rs:m:updates")
        self.start_daemon()
        self.produce(trade("P 1", 0, 2), trade("P 1", 30, 3, 5), trade("P 1", 61, 2.5), trade("a:b", 70, 1))
        self.shows("rs:m:XA:P%201", {
            "n": "1", "volume": "1", "price_open": "2.5", "price_high": "2.5", "price_low": "2.5", "price_close": "2.5",
            "window_start": "1700000100000", "window_end": "1700000160000", "event_time": "1700000101000", "events": "1"})
        self.assertEqual(self.client.zset("rs:m:XA:P%201:history"), [(
            "1700000040000", '{"n":"2","volume":"6","price_open":"2","price_high":"3","price_low":"2","price_close":"3",'
            '"sd":"0.7071067811865476","window_start":1700000040000,"window_end":1700000100000,'
            '"event_time":1700000070000,"events":2,"revision":0}')])
        self.assertEqual(self.client.zset("rs:m:index"),
                         [("1700000101000", "XA:P%201"), ("1700000110000", "XA:a%3Ab")])
        self.assertEqual({k: v for k, v in self.client.hash("rs:owners:m").items() if k != "%owner"},
                         {"XA:P%201": "0", "XA:a%3Ab": "0"})
        cluster = json.loads(self.client.hash("rs:meta")["m"])["cluster"]
        self.assertNotEqual(cluster, "")
        self.assertEqual(self.client.hash("rs:owners:m")["%owner"], f"tests:{cluster}")
        self.assertEqual(self.client.hash("rs:owners"), {"tests": cluster})
        token, offset, shown = self.client.call("GET", "rs:fence:tests:t:0").decode().split(":")
        self.assertEqual(offset, "4")
        self.assertGreaterEqual(int(shown), T0 + 70 * S)
        self.assertGreaterEqual(int(token), 0)
        heard = set()
        while heard != {b"XA:P%201", b"XA:a%3Ab"}:
            message = listener.read()
            self.assertEqual(message[:2], [b"message", b"rs:m:updates"])
            heard.add(message[2])
        meta = json.loads(self.client.hash("rs:meta")["m"])
        self.assertEqual(meta, {
            "group": "tests", "cluster": cluster, "stream": "trades", "by": ["exchange", "product"], "window": {"tumbling": "1m"}, "history": 5,
            "stats": {"n": {"expression": "count()"}, "volume": {"expression": "sum(quantity)", "unit": "units"},
                      "price": {"expression": "ohlc(price)", "unit": "currency"},
                      "sd": {"expression": "stddev(price)", "unit": "currency"}}})
        # A late correction within lateness replaces the member and counts as a revision.
        self.produce(trade("P 1", 59, 4, 2))
        procs.until(lambda: '"revision":1' in self.client.zset("rs:m:XA:P%201:history")[0][1], 10, "the revision",
                    self.daemon.process)
        (member,) = self.client.zset("rs:m:XA:P%201:history")
        self.assertEqual({k: engine.parse_line(member[1])[k] for k in ("n", "volume", "price_close", "price_high")},
                         {"n": "3", "volume": "8", "price_close": "4", "price_high": "4"})

    def test_group_in_two_partitions(self):
        """Reported, and published from the first one only; other groups of the second partition are not touched by it."""
        self.begin(partitions=2)
        self.start_daemon()
        self.produce(trade("P", 0, 2), partition=0)
        procs.until(lambda: self.client.hash("rs:m:XA:P").get("n") == "1", 10, "P of partition 0", self.daemon.process)
        self.produce(trade("P", 1, 50), trade("Q", 1, 50), trade("P", 2, 60), partition=1)
        procs.until(lambda: self.client.hash("rs:m:XA:Q").get("n") == "1", 10, "Q of partition 1", self.daemon.process)
        self.produce(trade("P", 3, 7), partition=0)
        procs.until(lambda: self.client.hash("rs:m:XA:P").get("n") == "2", 10, "P goes on", self.daemon.process)
        self.assertEqual(self.client.hash("rs:m:XA:P")["price_high"], "7")
        procs.until(lambda: sum(p["conflicts"] for p in self.daemon.partitions()) == 1, 5, "one conflict",
                    self.daemon.process)
        self.assertIn("XA:P", procs.tail(self.daemon.process.log))

    def test_group_in_two_partitions_of_every_window(self):
        """Whatever the window: reported once an aggregate, the others go on, and who starts anew does no worse."""
        windows = {"tumbling": {"tumbling": "1m"}, "sliding": {"sliding": "1m", "every": "10s"}, "all": {"all": True}}
        stats = {"n": "count()", "hi": "max(price)"}
        self.begin(partitions=2, aggregates={
            **{name: {"stream": "trades", "by": ["product"], "window": window, "stats": stats}
               for name, window in windows.items()},
            **{name + "_history": {"stream": "trades", "by": ["product"], "window": window, "history": 5, "stats": stats}
               for name, window in windows.items() if name != "all"}})
        aggregates = list(windows) + ["tumbling_history", "sliding_history"]
        self.start_daemon()
        self.produce(trade("P", 0, 2), partition=0)
        for name in aggregates:
            self.shows_count(f"rs:{name}:P", 1)
        for turn in range(2):
            self.produce(trade("P", 1, 50), trade("P", 2 + turn, 60), trade("Q", 70, 1), partition=1)
            procs.until(lambda: sum(p["conflicts"] for p in self.daemon.partitions()) == len(aggregates), 30,
                        "a conflict each", self.daemon.process)
            for name in aggregates:
                self.shows_count(f"rs:{name}:Q", 1 + turn)
                self.assertEqual(self.client.hash(f"rs:{name}:P")["hi"], "2")
            if turn == 0:
                self.assertEqual(self.daemon.stop(), 0)
                self.start_daemon(log="again.log")

    def test_two_instances_share_and_take_over(self):
        """A second instance takes half of the partitions, then all: nothing is lost, nothing steps back."""
        self.begin(partitions=4)
        events = load.make(11, 4000, 40, T0, 20000, 5 * S)
        load.write_csv(self.path("events.csv"), events)
        first = self.start_daemon()
        self.publish("trades", self.path("events.csv"), "--time-format", "us")
        first.until_consumed(len(events), 20)
        counts = self.client.hash("rs:meta")
        self.assertIn("m", counts)
        second_config = self.write("second.yaml", open(self.config, encoding="utf-8").read().replace(
            f":{first.port}", f":{procs.free_port()}"))
        second = self.start_daemon(second_config, "second.log")
        procs.until(lambda: len(second.partitions()) == 2 and len(first.partitions()) == 2, 40, "two partitions each",
                    second.process)
        seen = {}
        more = load.make(12, 2000, 40, T0 + 120 * S, 20000, 5 * S)
        load.write_csv(self.path("more.csv"), more)
        self.publish("trades", self.path("more.csv"), "--time-format", "us")
        self.assertEqual(first.stop(), 0)
        self.daemon = second
        self.until_right(events + more, seen)
        procs.until(lambda: len(second.partitions()) == 4, 40, "all four partitions", second.process)
        last = load.make(13, 1000, 40, T0 + 180 * S, 20000, 5 * S)
        load.write_csv(self.path("last.csv"), last)
        self.publish("trades", self.path("last.csv"), "--time-format", "us")
        self.until_right(events + more + last, seen)

    def until_right(self, events, seen):
        """Redis comes to show what the oracle does, and no count falls within a window on the way."""
        aggregate = engine.Aggregate("m", STATS, engine.Window(60 * S), ["product"], None, 5, scale={"price": 2})
        partition = load.fold(events, [aggregate], 30 * S)
        views = {k.replace("rs:m:", "rs:m:X:"): v["value"] for k, v in
                 engine.as_texts(partition.shown(partition.now_shown)).items() if v["type"] == "hash"}

        def right():
            for key in views:
                now = self.client.hash(key)
                if now.get("window_start", "0") == seen.get(key, {}).get("window_start"):
                    self.assertGreaterEqual(int(now["n"]), int(seen[key]["n"]), f"{key} stepped back")
                seen[key] = now
            return seen == views
        procs.until(right, 40, "everything is right", self.daemon.process)

    def test_signals(self):
        self.begin()
        self.start_daemon()
        self.produce(trade("P", 0, 2))
        self.shows_count("rs:m:XA:P", 1)
        self.daemon.process.signal(signal.SIGHUP)
        procs.until(lambda: "is applied" in procs.tail(self.daemon.process.log, 100000), 40, "SIGHUP has it applied", self.daemon.process)
        self.produce(trade("P", 1, 2))
        self.daemon.process.signal(signal.SIGTERM)
        self.assertEqual(self.daemon.process.wait(20), 0)

    def shows_count(self, key, count):
        procs.until(lambda: self.client.hash(key).get("n") == str(count), 10, f"{key} has {count}", self.daemon.process)

    def test_redis_comes_late(self):
        self.begin()
        self.redis.stop()
        self.start_daemon()
        self.produce(trade("P", 0, 2), trade("P", 61, 3))
        self.daemon.until_consumed(2, 10)
        self.assertNotEqual(self.daemon.get("/readyz")[0], 200)
        self.assertEqual(self.daemon.get("/livez")[0], 200)
        self.redis.start()
        self.client = self.redis.client()
        self.shows_count("rs:m:XA:P", 1)
        procs.until(lambda: self.client.call("ZCARD", "rs:m:XA:P:history") == 1, 10, "history", self.daemon.process)
        procs.until(lambda: self.daemon.get("/readyz")[0] == 200, 10, "ready", self.daemon.process)

    def test_foreign_values_are_replaced(self):
        self.begin()
        self.client.call("SET", "rs:m:XA:P", "foreign")
        self.client.call("SET", "rs:m:XA:P:history", "foreign")
        self.client.call("LPUSH", "rs:m:index", "foreign")
        self.client.call("SADD", "rs:fence:tests:t:0", "foreign")
        self.start_daemon()
        self.produce(trade("P", 0, 2), trade("P", 61, 3))
        self.shows_count("rs:m:XA:P", 1) if self.client.call("TYPE", "rs:m:XA:P") == "hash" else procs.until(
            lambda: self.client.call("TYPE", "rs:m:XA:P") == "hash", 10, "a hash", self.daemon.process)
        self.shows_count("rs:m:XA:P", 1)
        self.assertEqual(self.client.call("ZCARD", "rs:m:XA:P:history"), 1)
        self.assertEqual(self.client.zset("rs:m:index"), [(str(T0 // 1000 + 61000), "XA:P")])

    def test_silence_ends_windows_at_the_rate_of_the_clock(self):
        """After the newest event nothing comes: what is shown goes on at wall-clock rate, from where the events stood."""
        self.begin(aggregates={
            "m": {"stream": "trades", "by": ["product"], "window": {"tumbling": "2s"}, "history": 5, "stats": {"n": "count()"}},
            "s": {"stream": "trades", "by": ["product"], "window": {"sliding": "3s", "every": "1s"},
                  "stats": {"n": "count()", "volume": "sum(quantity)"}}})
        self.start_daemon()
        began = time.monotonic()
        self.produce(trade("P", 0, 2), trade("P", 1.5, 2))
        self.shows_count("rs:s:P", 2)
        procs.until(lambda: self.client.call("ZCARD", "rs:m:P:history") == 1, 5, "the window ends", self.daemon.process,
                    every=0.01)
        self.shows_count("rs:s:P", 1)
        self.shows("rs:s:P", {"n": "0", "volume": "0", "window_start": str((T0 + 2 * S) // 1000),
                              "window_end": str((T0 + 5 * S) // 1000), "events": "0"})
        self.assertGreater(time.monotonic() - began, 2.0, "it never runs ahead of the clock")


if __name__ == "__main__":
    suite.main()
