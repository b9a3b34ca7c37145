"""rollstat-dlq against a real broker: replays that are killed, topics that are not there, records that are not taken."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import suite  # noqa: E402
import test_dlq  # noqa: E402
from test_dlq import AGGREGATES, NO_PRICE, NOW_MS, STREAMS, DlqTool, letter_headers  # noqa: E402


class Killed(test_dlq.Killed):
    LETTERS = 6000

    def start_kafka(self):
        kafka = suite.real_kafka(self.path("kafka"))
        kafka.create("t", 2)
        kafka.create("t.dlq", 2)
        return kafka


class Topics(DlqTool, suite.Case):
    def setUp(self):
        super().setUp()
        self.kafka = suite.real_kafka(self.path("kafka"))
        self.addCleanup(self.kafka.stop)
        streams = {"trades": {**STREAMS["trades"], "rules": {}}}
        self.config = self.write("c.yaml", suite.configuration(streams, {"m": AGGREGATES["m"]}, self.kafka.bootstrap))

    def put(self, count, value=NO_PRICE, partition=0):
        self.kafka.produce("t.dlq", [(0, NOW_MS, b"k", value, letter_headers(partition=b"%d" % partition, offset=b"%d" % n))
                                     for n in range(count)])

    def test_topics_that_are_not_there(self):
        self.assertEqual(self.tool("list"), ("", ""))
        self.assertEqual(self.tool("replay"), ("", ""))
        self.kafka.create("t.dlq", 1)
        self.put(1)
        self.assertIn("there is no topic t\n", self.tool("replay", expect=2)[1])
        self.kafka.create("t", 1)
        self.assertIn("there is no topic nowhere\n", self.tool("replay", "--to", "nowhere", expect=2)[1])
        self.put(1, partition=5)
        out, err = self.tool("replay", expect=3)
        self.assertIn("t.dlq:0:1 is not sent: its topic has no such partition any more\n", err)
        self.assertIn(": 1 sent, 0 replayed before, 0 would be rejected again, 0 cut, 1 without their partition, 0 refused\n", out)

    def test_records_that_the_topic_does_not_take(self):
        self.kafka.create("t.dlq", 1)
        self.kafka.create("t", 1, "max.message.bytes=2000")
        self.put(3)
        self.put(1, value=NO_PRICE + bytes(5000))
        self.put(3)
        out, err = self.tool("replay", "--force", expect=3)
        self.assertIn("t.dlq:0:3 is not taken by topic t: ", err)
        self.assertIn(": 6 sent, 0 replayed before, 1 would be rejected again, ", out)
        self.assertIn(" 1 refused\n", out)
        out, _ = self.tool("replay", "--force", expect=3)
        self.assertIn(": 0 sent, 6 replayed before, 1 would be rejected again, ", out)

    def test_letters_that_were_trimmed(self):
        self.kafka.create("t.dlq", 1)
        self.kafka.create("t", 1)
        self.put(10)
        self.kafka.ask("trim", "t.dlq", 0, 4)
        self.assertEqual(len(self.tool("list")[0].splitlines()), 6)
        self.assertIn(": 6 sent, ", self.tool("replay")[0])


if __name__ == "__main__":
    suite.main()
