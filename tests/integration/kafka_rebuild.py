"""The state over restarts, and --rebuild: what a daemon had sealed is there again, what it had not is read again, and a rebuild reads the
input from its beginning or from a time and says what retention has taken."""
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import suite  # noqa: E402
import procs  # noqa: E402
from flow import Flow  # noqa: E402

T0 = 1700000000
STREAMS = {"trades": {"topic": "t", "schema": "trade.avsc", "time": "executed_at", "dead_letters": False}}
AGGREGATES = {"m": {"stream": "trades", "by": ["exchange", "product"], "window": {"all": True},
                    "stats": {"n": "count()", "volume": "sum(quantity)"}}}
HEADER = "trade_id,exchange,product,price,quantity,currency,executed_at\n"


class Rebuild(Flow):
    def begin(self, **more):
        self.start_servers()
        self.kafka.create("t", 2)
        self.configure(STREAMS, AGGREGATES, kafka={"session.timeout.ms": 6000}, **more)

    def publish_rows(self, first, count):
        rows = "".join(f"{i},X,P{i % 10},1,{i},EUR,{(T0 + i) * 1000000}\n" for i in range(first, first + count))
        self.publish("trades", self.write("rows.csv", HEADER + rows), "--time-format", "us")

    def counts(self):
        """{group: n} in Redis"""
        return {f"P{i}": int(self.client.hash(f"rs:m:X:P{i}").get("n", 0)) for i in range(10)}

    def shows(self, total, timeout=30):
        procs.until(lambda: sum(self.counts().values()) == total, timeout, f"{total} events are shown", self.daemon.process)

    def sealed(self, offset_sum):
        procs.until(lambda: sum(p["committed"] for p in self.daemon.partitions()) == offset_sum, 20, "all is sealed",
                    self.daemon.process)

    def rebuild(self, *options, expect=0, config=None):
        out, err = procs.check([suite.program("rollstatd"), "-c", config or self.config, "--rebuild", *options], expect=expect)
        return out.decode(), err.decode()

    def test_restart(self):
        self.begin()
        self.start_daemon()
        self.publish_rows(0, 5000)
        self.shows(5000)
        self.sealed(5000)
        self.daemon.process.kill()
        self.publish_rows(5000, 100)
        self.start_daemon(log="second.log")
        self.shows(5100)
        self.sealed(5100)
        counts = self.daemon.accounting()
        self.assertEqual((counts["consumed"], counts["applied"]), (5100, 5100), "the state says what the first one had read")
        self.assertEqual(self.daemon.get("/readyz"), (200, "ok\n"))
        for partition in self.daemon.partitions():
            log = partition["state_log"]
            self.assertGreater(log["restored_records"], 2)
            self.assertGreater(log["claim"], 0)
            self.assertEqual(log["claim"], partition["token"])
            self.assertFalse(log["restoring"])
        procs.until(lambda: "ready: joined group tests, 2 partitions restored" in procs.tail(self.daemon.process.log, 100000),
                    10, "it says so", self.daemon.process)
        state = self.daemon.status()["state"]
        self.assertEqual((state["log"], state["writable"], state["refused"], state["topics_ready"]), ("kafka", True, 0, 1))
        metrics = "\n".join(line for line in self.daemon.get("/metrics")[1].splitlines() if "state_log" in line)
        for name in ("claim_offset", "sealed_offset", "bytes", "batches_total", "restoring"):
            self.assertRegex(metrics, rf'(?m)^rollstat_state_log_{name}{{stream="trades",partition="1"}} \d+$')
        self.assertRegex(metrics, r"(?m)^rollstat_state_log_writable 1$")

    def test_a_state_topic_that_is_too_small(self):
        """It is given as many partitions as its input has, and nobody has to do anything."""
        self.begin()
        self.kafka.create("tests.state.trades", 1, "retention.ms=-1")
        self.start_daemon()
        self.publish_rows(0, 1000)
        self.shows(1000, 60)
        procs.until(lambda: self.daemon.get("/readyz") == (200, "ok\n"), 30, "it is ready", self.daemon.process)
        self.assertEqual(len(self.kafka.ends("tests.state.trades")), 2)
        self.assertIn("grew the topic tests.state.trades from 1 to as many", procs.tail(self.daemon.process.log, 100000))

    def test_a_state_topic_that_is_not_fit(self):
        self.begin()
        self.kafka.create("tests.state.trades", 2, "retention.ms=-1", "cleanup.policy=compact")
        self.start_daemon()
        self.publish_rows(0, 10)
        procs.until(lambda: [p["phase"] for p in self.daemon.partitions()] == ["stopped", "stopped"], 20, "both stop",
                    self.daemon.process)
        log = procs.tail(self.daemon.process.log, 100000)
        self.assertIn("--alter --entity-type topics --entity-name tests.state.trades --add-config cleanup.policy=delete", log)
        self.assertNotIn("--rebuild", log)
        self.assertEqual(self.counts(), dict.fromkeys(self.counts(), 0))

    def test_a_state_topic_that_was_lost(self):
        """Without its state log a partition that was read before stops; --rebuild begins it anew."""
        self.begin()
        self.start_daemon()
        self.publish_rows(0, 1000)
        self.shows(1000)
        self.sealed(1000)
        self.daemon.stop()
        self.kafka.delete("tests.state.trades")
        self.start_daemon(log="second.log")
        procs.until(lambda: [p["phase"] for p in self.daemon.partitions()] == ["stopped", "stopped"], 20, "both stop",
                    self.daemon.process)
        self.assertRegex(procs.tail(self.daemon.process.log, 100000), "the state log was lost.*--rebuild --stream trades")
        self.daemon.stop()
        self.client.call("DEL", "rs:fence:tests:t:0", "rs:fence:tests:t:1")
        self.rebuild()
        self.start_daemon(log="third.log")
        self.publish_rows(1000, 100)
        self.shows(1100)
        self.daemon.until_consumed(1100, 10)
        self.assertEqual(self.daemon.accounting()["consumed"], 1100)

    def test_memory_log_remembers_nothing(self):
        self.begin(state={"log": "memory"})
        self.start_daemon()
        self.publish_rows(0, 100)
        self.shows(100)
        procs.until(lambda: self.daemon.accounting()["consumed"] == 100, 10, "the status is there", self.daemon.process)
        self.assertNotIn("state_log", self.daemon.partitions()[0])
        self.assertEqual(procs.run([suite.program("kafka_tool"), self.kafka.bootstrap, "ends", "tests.state.trades"])[0], 2)
        _, err = self.rebuild(expect=1)
        self.assertIn("state: {log: memory}", err)

    def test_rebuild_under_a_running_daemon(self):
        self.begin()
        self.start_daemon()
        self.publish_rows(0, 1000)
        self.shows(1000)
        self.sealed(1000)
        ends = self.kafka.ends("t")
        self.kafka.ask("trim", "t", 1, 100)
        out, err = self.rebuild()
        lines = out.splitlines()
        self.assertEqual(lines[0], f"stream trades partition 0: will be read again from offset 0, {ends[0][1]} records", err)
        self.assertRegex(lines[1], rf"^stream trades partition 1: will be read again from offset 100, {ends[1][1] - 100} records; "
                                   r"offsets 0 to 99 are gone, the oldest record left is of 20\d\d-\d\d-\d\dT[\d:.]+Z$")
        self.assertEqual(len(lines), 2)
        self.publish_rows(1000, 50)  # the next batch shows the daemon that it lost its log; after a while it claims again
        self.shows(950, 60)
        self.daemon.until_consumed(950, 10)
        self.assertEqual(self.daemon.accounting()["consumed"], 950)

    def test_rebuild_from_a_time(self):
        self.begin()
        self.kafka.create("tests.state.trades", 2, "retention.ms=-1")
        self.publish_rows(0, 100)
        self.kafka.produce("t", [(0, 4102444800000, b"k", b"?")])  # 2100-01-01
        ends = self.kafka.ends("t")
        out, err = self.rebuild("--from", "2099-12-31T23:59:59Z", "--stream", "trades")
        self.assertEqual(out.splitlines(), [
            f"stream trades partition 0: will be read again from offset {ends[0][1] - 1}, 1 record",
            f"stream trades partition 1: will be read again from offset {ends[1][1]}, 0 records"], err)
        self.start_daemon()
        self.daemon.until_consumed(1, 30)
        self.assertEqual(self.daemon.accounting()["rejected"], 1)
        self.publish_rows(0, 50)
        self.shows(50)

    def test_wrong_use(self):
        self.begin()
        for options, said in ((["--stream", "nonsense"], 'there is no stream "nonsense"'),
                              (["--from", "yesterday"], "--from: "), (["--groups", "3"], "--groups is for --explain"),
                              (["--check"], "exclude each other")):
            self.assertIn(said, self.rebuild(*options, expect=1)[1])
        _, err = procs.check([suite.program("rollstatd"), "-c", self.config, "--from", "2026-01-01"], expect=1)
        self.assertIn(b"--from is for --rebuild", err)
        self.kafka.create("tests.state.trades", 2, "retention.ms=1000")
        out, err = self.rebuild(expect=2)
        self.assertEqual(out, "")
        self.assertRegex(err, r"partition 1 is not rebuilt: .*kafka-configs.sh")
        self.kafka.stop()
        away = self.configure(STREAMS, AGGREGATES, "away.yaml", kafka={"socket.connection.setup.timeout.ms": 1000})
        self.assertIn("cannot be looked at", self.rebuild(expect=2, config=away)[1])


if __name__ == "__main__":
    suite.main()
