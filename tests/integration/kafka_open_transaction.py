"""Producers with transactions: what an open one holds back, committed events behind it included, is lag; nothing is taken for the end of
the log meanwhile. Aborted records and the markers at the end of the log are none."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import suite  # noqa: E402
import avro  # noqa: E402
import load  # noqa: E402
import procs  # noqa: E402
from flow import Flow  # noqa: E402

S = load.S
START = 1700000000 * S
BEHIND = 1000


class OpenTransaction(Flow):
    def setUp(self):
        super().setUp()
        self.start_servers()
        trees, _ = load.aggregates("trades", 1000)
        self.configure({"trades": load.stream("t", "20s")}, trees, workers=1)
        self.kafka.create("t", 1)
        self.kafka.create("t.dlq", 1)
        self.count = 0
        self.publish_more(50)
        self.start_daemon()
        self.until_at_end(50)

    def partition(self):
        return (self.daemon.partitions() or [{}])[0]

    def publish_more(self, count):
        events = load.make(self.count, count, 5, START + self.count * S // 100, S // 100, 0)
        load.write_csv(self.path("more.csv"), events)
        self.count += count
        self.publish("trades", self.path("more.csv"), "--time-format", "us")

    def until_at_end(self, applied, timeout=60):
        return procs.until(lambda: (p := self.partition()).get("at_end") and p["events"]["applied"] == applied and p, timeout,
                           f"at the end with {applied} events", self.daemon.process)

    def metric(self, name):
        lines = [line for line in self.daemon.get("/metrics")[1].splitlines() if line.startswith(name + "{")]
        return int(lines[0].split()[1])

    def begin(self):
        event = avro.trade(executed_at=START + 20 * S)
        return self.kafka.transaction("t", [(0, -1, b"k", event)], self.path("transaction.log"))

    def held_back(self):
        """The log has grown by the open transaction's record and by what came behind it; none of it may be read."""
        lag = 1 + BEHIND
        held = procs.until(lambda: (p := self.partition()).get("end_offset") == 50 + lag and not p["at_end"] and p, 30,
                           f"a lag of {lag}", self.daemon.process)
        self.assertEqual(held["next_offset"], 50)
        procs.until(lambda: self.metric("rollstat_lag_records") == lag, 30, "the metric says so", self.daemon.process)
        self.assertEqual(held["events"]["applied"], 50)
        # Time that is shown stands still: looked at twice, with a look of the worker's at the end between them.
        steps = self.daemon.status()["workers"][0]["steps"]
        procs.until(lambda: self.daemon.status()["workers"][0]["steps"] > steps + 40, 60, "the worker turns", self.daemon.process)
        self.assertEqual(self.partition()["now_shown"], held["now_shown"])
        self.assertFalse(self.partition()["at_end"])

    def test_committed(self):
        open_one = self.begin()
        self.publish_more(BEHIND)
        self.held_back()
        self.daemon.stop()  # one that starts meanwhile sees the same
        self.start_daemon(log="again.log")
        self.held_back()
        open_one.end("commit")
        self.until_at_end(50 + 1 + BEHIND)
        self.assertEqual(self.metric("rollstat_lag_records"), 0)

    def test_aborted(self):
        """Its record never comes; the marker at the very end of the log is no lag."""
        open_one = self.begin()
        self.publish_more(BEHIND)
        self.held_back()
        open_one.end("abort")
        self.until_at_end(50 + BEHIND)
        self.assertEqual(self.metric("rollstat_lag_records"), 0)

    def test_the_log_ends_with_aborted_records(self):
        self.begin().end("abort")
        self.begin().end("abort")
        self.until_at_end(50)
        self.assertEqual(self.metric("rollstat_lag_records"), 0)
        self.daemon.stop()  # and a start anew, with nothing but a seal and aborted records behind it
        self.start_daemon(log="again.log")
        self.until_at_end(50)
        self.assertEqual(self.metric("rollstat_lag_records"), 0)


if __name__ == "__main__":
    suite.main()
