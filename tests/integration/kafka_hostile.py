"""Ten broken trades for each right one through a real Kafka: the right ones exact, each broken one in the dead-letter topic once, with
its reason and bytes, and accounting balanced. tests/bench/hostile is the same with millions, and says what it costs."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import suite  # noqa: E402
from flow import Flow  # noqa: E402
from hostile import Load  # noqa: E402

EVENTS = int(os.environ.get("RS_EVENTS", 44000))


class Hostile(Flow):
    def setUp(self):
        super().setUp()
        self.start_servers()
        self.load = Load(self.kafka, self.redis, self.directory, EVENTS, 300)

    def run_one(self, name, every):
        found = self.load.run(name, every)
        print(f"    {name}: {EVENTS} events: {found['letters']}; peak {found['peak_kib'] >> 10} MiB")
        return found

    def test_one_right_for_ten_broken(self):
        self.assertEqual(self.run_one("mixed", 11)["letters"],
                         f"letters {EVENTS - -(-EVENTS // 11)} twice 0 wrong 0 missing 0")

    def test_none_is_right(self):
        """All distinct; but for the first, which shows that others would count."""
        self.assertEqual(self.run_one("broken", EVENTS)["letters"], f"letters {EVENTS - 1} twice 0 wrong 0 missing 0")


if __name__ == "__main__":
    suite.main()
