"""rollstat-state on a real broker, where logs can be trimmed and topics can be missing."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import suite  # noqa: E402
from test_state_tool import AGGREGATES, GOOD, STREAMS, StateTool, records  # noqa: E402


class Trimmed(StateTool, suite.Case):
    TOPIC = "tests.state.trades"

    def setUp(self):
        super().setUp()
        self.kafka = suite.real_kafka(self.path("kafka"))
        self.addCleanup(self.kafka.stop)
        self.config = self.write("c.yaml", suite.configuration(STREAMS, AGGREGATES, self.kafka.bootstrap))

    # b's records, and in front of them what a had under way when it had lost the log: Kafka forgot a trim.
    GIVEN_BACK = """\
claim a
chunk a x
seal a 5
claim b
chunk a zombie
seal a 9
chunk b all
seal b 7 6
"""

    def test_a_trim_that_was_lost(self):
        self.kafka.create(self.TOPIC, 1)
        self.kafka.produce(self.TOPIC, [(0, -1, None, value) for value in records(self.GIVEN_BACK)])
        self.kafka.ask("trim", self.TOPIC, 0, 4)
        rows = self.objects("-s", "trades", "-r")
        self.assertEqual([row["fate"] for row in rows[:-1]], ["void", "void", "counts", "counts"])
        self.assertEqual([row["claim"] for row in rows[:-1]], [0, 0, 3, 3])
        self.assertEqual(rows[-1]["batches"], {"valid": 1, "void": 1, "unsealed": 0})
        self.assertEqual(rows[-1]["claim"], {"offset": 3, "owner": "62" * 16})
        self.assertEqual(rows[-1]["seal"]["next_offset"], 7)

    def test_logs_that_were_trimmed(self):
        _, err = self.tool(expect=2)
        self.assertEqual(err, "rollstat-state: stream trades has no state log: there is no topic tests.state.trades\n"
                              "rollstat-state: stream other has no state log: there is no topic tests.state.other\n")
        self.kafka.create(self.TOPIC, 1)
        self.kafka.produce(self.TOPIC, [(0, -1, None, value) for value in records(GOOD + "chunk b more\nseal b 20\n")])
        self.kafka.ask("trim", self.TOPIC, 0, 8)
        out, _ = self.tool("-s", "trades", "-r")
        self.assertIn("           8  chunk  62626262  batch 1, chunk 0  [63 bytes]  counts\n", out)
        self.assertIn("  log     offsets 8 to 11, 423 bytes; 0 claims; 2 batches count, 0 void, 0 never sealed\n"
                      "  claim   at offset 5, trimmed away; owner 62626262\n"
                      "  seal    at offset 11, batch 2: input up to offset 20; stream time", out)
        self.assertIn("  sweep   from offset 8, 211 bytes; 423 bytes since\n", out)
        self.kafka.ask("trim", self.TOPIC, 0, 9)
        out, _ = self.tool("-s", "trades", expect=3)
        self.assertIn("  DAMAGE  offset 9: what stood before this was deleted, and no sweep since then has the whole state; "
                      "the topic's retention must be unlimited (retention.ms and retention.bytes -1)\n"
                      f"  remedy  rollstatd -c {self.config} --rebuild --stream trades ", out)
        self.kafka.ask("trim", self.TOPIC, 0, 12)
        self.assertIn("  log     empty; it begins at offset 12\n  DAMAGE  offset 12: what stood before",
                      self.tool("-s", "trades", expect=3)[0])


if __name__ == "__main__":
    suite.main()
