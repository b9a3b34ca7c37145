"""Real ticks, real Kafka, real Redis: 727,497 prints published twice, keyed by product and by exchange and product, and every closed
one-minute window in Redis equals the oracle's exact fractions; what --replay prints is the same bytes."""
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import suite  # noqa: E402
import procs  # noqa: E402
import ticks  # noqa: E402
import tick_oracle  # noqa: E402
import engine  # noqa: E402
from daemon import Daemon  # noqa: E402
from flow import Flow  # noqa: E402

ZONE = ("--time-zone", "America/New_York")


class Ticks(Flow):
    def test_every_closed_window(self):
        suite.need_data("us-equity-ticks")
        self.start_servers()
        self.config = self.write("config.yaml", tick_oracle.configuration(
            self.kafka.bootstrap, self.redis.url, **Daemon.settings()))
        for stream in tick_oracle.BY:
            self.kafka.create(f"ticks.{stream}", 4)
            self.kafka.create(f"ticks.{stream}.dlq", 1)
        self.start_daemon()
        events = ticks.events(suite.DATA)
        rows = ticks.write_csv(suite.DATA, self.path("ticks.csv"))
        for stream in tick_oracle.BY:
            self.publish(stream, self.path("ticks.csv"), *ZONE)
        for stream in tick_oracle.BY:
            self.daemon.until_consumed(rows, 120, stream)
            counts = self.daemon.accounting(stream)
            self.assertEqual((counts["applied"], counts["consumed"]), (rows, rows), counts)
            with self.subTest(stream=stream):
                self.check_stream(stream, events)
        used = [p for p, (low, high) in self.kafka.ends("ticks.by_exchange").items() if high > low]
        self.assertEqual(len(used), 4, "every partition got events")

    def check_stream(self, stream, events):
        name = tick_oracle.NAMES[stream]
        oracle = tick_oracle.partition(events, stream)
        # All windows end: in silence the time shown goes on at the rate of the wall clock, so within a minute.
        everything = engine.as_texts(oracle.shown(oracle.stream_time + 60 * engine.SECOND))
        wanted = sum(len(i["value"]) for k, i in everything.items() if k.endswith(":history"))
        keys = [k for k in everything if k.endswith(":history")]
        procs.until(lambda: sum(self.client.pipeline([("ZCARD", k) for k in keys])) >= wanted, 100,
                    f"{wanted} windows of {name} are in Redis", self.daemon.process, every=0.5)
        got = {k: v for k, v in self.everything().items() if k.split(":")[1] == name}
        self.same_dicts(got, everything)
        self.check_replay(stream, name, got)

    def check_replay(self, stream, name, got):
        raw, _, _ = self.replay(self.config, stream, [self.path("ticks.csv")], *ZONE, "--partitions", 4)
        replayed = dict((engine.parse_line(line)["key"], line) for line in raw.splitlines())
        compared = 0
        for key, item in got.items():
            if key.endswith(":history"):
                # What the end of the files left open has ended only in Redis, in silence.
                replayed_members = raw_members(replayed[key])
                for member, score in self.members(key):
                    if score in replayed_members:
                        self.assertEqual(member, replayed_members[score], f"{key} at {score}")
                        compared += 1
                self.assertGreaterEqual(len(replayed_members) + 1, len(item["value"]))
            elif item["type"] == "hash":
                self.assertEqual(item["value"], engine.parse_line(replayed[key])["value"], key)
        self.assertGreater(compared, 1500, f"members of {name} compared byte by byte")

    def members(self, key):
        flat = [part.decode() for part in self.client.call("ZRANGE", key, 0, -1, "WITHSCORES")]
        return zip(flat[::2], flat[1::2])


def raw_members(line):
    """{score: member's bytes} of a history as --replay printed it."""
    return {score: member for score, member in re.findall(r"\[(\d+),(\{[^}]*\})\]", line)}


if __name__ == "__main__":
    suite.main()
