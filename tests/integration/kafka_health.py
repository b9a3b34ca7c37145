"""What only a real Kafka does to a partition: input that is gone, topics that are not there; told wherever somebody may look, with the remedy."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import suite  # noqa: E402
from health import STATE, Health  # noqa: E402


class OnKafka(Health):
    def setUp(self):
        super().setUp()
        self.start_servers()
        self.kafka.create("t.dlq", 1)
        self.configure_one()

    def test_retention_has_taken_input(self):
        """Records that were never read are gone in one of two partitions; it stops, and the other goes on."""
        self.kafka.create("t", 2)
        self.start_told("first.log")
        self.ready()
        for number in (0, 1):
            self.send(number, 10)
            self.sealed(number, 10)
        self.daemon.stop()
        for number in (0, 1):
            self.send(number, 10)
        self.kafka.ask("trim", "t", 0, 15)
        self.start_told("second.log")
        lag = self.stopped(0, r"topic t partition 0: offset 10 is gone: retention has removed 5 records.*rollstatd -c FILE --rebuild")
        self.assertEqual(lag, 17, "from the offset that it had come to")
        self.sealed(1, 20)
        self.assertEqual(self.partition(1)["health"], "runs")

    def test_an_input_topic_that_is_missing(self):
        self.start_told()
        self.told_everywhere("stream trades: topic t does not exist. Create it with: kafka-topics.sh .*--create --topic t ")
        self.kafka.create("t", 2)
        self.ready()

    def test_a_state_topic_that_is_not_fit(self):
        self.kafka.create("t", 1)
        self.kafka.create(STATE, 1, "retention.ms=1000")
        self.start_told()
        self.stopped(0, f"kafka-configs.sh .*--entity-name {STATE} --add-config .*retention.ms=-1")


if __name__ == "__main__":
    suite.main()
