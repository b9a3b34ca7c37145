"""Each reason for which a partition stops or waits, told wherever somebody may look, with the remedy; the other partitions go on."""
import os
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import suite  # noqa: E402
import procs  # noqa: E402
from health import STATE, Health  # noqa: E402


class OnMockCluster(Health):
    def setUp(self):
        super().setUp()
        self.start_servers(suite.mock_kafka(self.path("mock"), "t:2", "t.dlq:1", f"{STATE}:2"))

    def test_a_changed_window(self):
        """Both partitions have state of windows of one minute, and the configuration says two."""
        self.configure_one()
        self.start_told("first.log")
        for number in (0, 1):
            self.send(number, 5)
            self.sealed(number, 5)
        self.ready()
        self.daemon.stop()
        self.configure_one(aggregate={"window": {"tumbling": "2m"}})
        self.start_told("second.log")
        for number in (0, 1):
            self.stopped(number, rf"stream trades partition \d: state log {STATE} partition \d: .*rollstatd -c FILE --rebuild "
                         "--stream trades")
        self.assertEqual(self.metric("rollstat_kafka_partitions_stopped"), 2)
        self.assertRegex(self.daemon.get("/readyz")[1], r"\A2 of 2 partitions stopped\n")
        self.assertNotIn("restored", self.log())

    def test_a_state_topic_that_is_too_small(self):
        """And that cannot be grown: one partition waits for its log, the other goes on."""
        self.kafka.stop()
        self.kafka = suite.mock_kafka(self.path("small"), "t:2", "t.dlq:1", f"{STATE}:1")
        self.addCleanup(self.kafka.stop)
        self.configure_one()
        self.start_told()
        self.waits(1, "claim", f"stream trades partition 1.*--alter --topic {STATE} --partitions 2")
        self.send(0, 5)
        self.sealed(0, 5)
        self.assertEqual(self.partition(0)["health"], "runs")
        self.assertRegex(self.daemon.get("/readyz")[1], r"\Arestoring 1 of 2 partitions\n")

    def test_redis_goes_away(self):
        self.configure_one()
        self.start_told()
        self.ready()
        self.redis.stop()
        self.told_everywhere("Redis cannot be reached: ")

    def test_redis_hangs(self):
        """One that is stopped by a signal refuses nothing and answers nothing."""
        self.configure_one(redis={"timeout": "1m"})
        self.start_told()
        self.ready()
        self.redis.process.signal(signal.SIGSTOP)
        self.addCleanup(self.redis.process.signal, signal.SIGCONT)
        self.send(0, 1)
        self.waits(0, "redis", "stream trades partition 0 waits: Redis has not answered")
        self.redis.process.signal(signal.SIGCONT)
        self.ready()

    def test_one_that_comes_later_changes_nothing(self):
        """Partitions go from one instance to another and back: neither is ever not ready."""
        self.configure_one()
        self.start_told("first.log")
        self.ready()
        first = self.daemon
        self.configure_one(name="second.yaml")
        second = self.start_daemon(log="second.log")
        procs.until(lambda: [p["health"] for p in second.partitions()] == ["runs"], 60, "it has its partition", second.process)
        second.stop()
        procs.until(lambda: len(first.partitions()) == 2, 60, "both are back", first.process)
        procs.until(lambda: {p["health"] for p in first.partitions()} == {"runs"}, 60, "both run", first.process)
        self.assertNotIn("not ready", procs.tail(first.process.log, 10 ** 6))


if __name__ == "__main__":
    suite.main()
