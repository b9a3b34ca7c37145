"""Whose the names under a prefix are: other consumer groups and Kafka clusters, earlier versions, names nobody has any more."""
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import suite  # noqa: E402
import avro  # noqa: E402
import load  # noqa: E402
import procs  # noqa: E402
from daemon import Daemon  # noqa: E402
from flow import Flow  # noqa: E402

T0 = 1700000040000000
S = 1000000
GENEROUS = 90


def trade(product, second, quantity=1):
    return avro.trade(product=product, exchange="XA", executed_at=T0 + int(second * S), price=10 ** 8, quantity=quantity * 10 ** 6)


class Prefix(Flow):
    def setUp(self):
        super().setUp()
        self.start_servers(suite.mock_kafka(self.path("mock"), "t:1", "t.dlq:1", "tests.state.trades:1", "others.state.trades:1"))

    def daemon_of(self, group, aggregates=("m",), kafka=None, name=None):
        name = name or group
        config = self.write(f"{name}.yaml", suite.configuration(
            {"trades": load.stream("t", "30s")},
            {a: {"stream": "trades", "by": ["product"], "window": {"tumbling": "1m"}, "history": 5, "stats": {"n": "count()"}}
             for a in aggregates}, (kafka or self.kafka).bootstrap, self.redis.url, group=group, redis={"publish_every": "20ms"},
            kafka={"session.timeout.ms": 10000}, **Daemon.settings()))
        daemon = Daemon(suite.program("rollstatd"), config, self.path(f"{name}.log"))
        self.addCleanup(daemon.stop)
        daemon.config = config
        return daemon

    def produce(self, *records, kafka=None):
        (kafka or self.kafka).produce("t", [(0, T0 // 1000 + 10 ** 7, None, value) for value in records])

    def shows(self, key, n, daemon):
        procs.until(lambda: self.client.hash(key).get("n") == str(n), GENEROUS, f"{key} shows {n}", daemon.process)

    def ready(self, daemon):
        procs.until(lambda: daemon.get("/readyz")[0] == 200, GENEROUS, "ready", daemon.process)

    def refused(self, daemon):
        procs.until(lambda: "belong" in daemon.get("/readyz")[1], GENEROUS, "it is refused", daemon.process)
        self.assertEqual(daemon.get("/readyz")[0], 503)
        (partition,) = daemon.partitions()
        self.assertEqual(partition["phase"], "running")
        return partition["error"]

    def all_bytes(self):
        return {k: self.client.call("DUMP", k) for k in self.client.keys("*")}

    def command(self, daemon, *options, expect=0):
        out, err = procs.check([suite.program("rollstatd"), "-c", daemon.config, *options], expect=expect)
        return (out + err).decode()

    def test_a_second_group_is_refused_by_name(self):
        first = self.daemon_of("tests")
        self.produce(trade("P", 0), trade("P", 61))
        self.shows("rs:m:P", 1, first)
        self.ready(first)
        first.stop()  # so that Redis stands still, and a fence that erodes shows
        before = self.all_bytes()
        second = self.daemon_of("others")
        error = self.refused(second)
        cluster = self.client.hash("rs:owners")["tests"]
        self.assertIn(f"aggregate m under prefix rs belongs to consumer group tests (cluster {cluster})", error)
        self.assertIn("another redis.prefix or aggregate name", error)
        self.assertIn("--take-over", error)
        self.produce(trade("P", 70))
        second.until_consumed(3, GENEROUS)
        self.assertEqual(self.all_bytes(), before)
        self.assertEqual(procs.tail(second.process.log, 10 ** 6).count("is not published: aggregate m"), 1)
        # The first group is gone for good. Nothing of the input was lost, nothing is withheld.
        # What an earlier version knows of a stream that has the name of the group is no fence of the group.
        self.client.call("SET", "rs:fence:others:0", "9007199254740991:1:1")
        self.assertIn("1 aggregates are nobody's now", self.command(second, "--take-over"))
        self.assertEqual(self.client.call("GET", "rs:fence:others:0"), b"9007199254740991:1:1")
        self.shows("rs:m:P", 2, second)
        self.ready(second)
        self.assertEqual(self.client.call("ZCARD", "rs:m:P:history"), 1)
        # And if it was not gone, it is the one that is refused now.
        again = self.daemon_of("tests", name="again")
        self.assertIn("belongs to consumer group others", self.refused(again))

    def test_groups_with_other_aggregates_live_together(self):
        first, second = self.daemon_of("tests", ["a"]), self.daemon_of("others", ["b"])
        self.produce(trade("P", 0), trade("P", 1))
        for daemon, name in ((first, "a"), (second, "b")):
            self.shows(f"rs:{name}:P", 2, daemon)
            self.ready(daemon)
        self.assertEqual({self.client.hash(f"rs:owners:{a}")["%owner"].partition(":")[0] for a in "ab"}, {"tests", "others"})
        self.assertEqual(sorted(k.decode() for k in self.client.keys("rs:fence:*")), ["rs:fence:others:t:0", "rs:fence:tests:t:0"])

    def test_another_cluster_is_refused_by_name(self):
        first = self.daemon_of("tests")
        self.produce(trade("P", 0))
        self.shows("rs:m:P", 1, first)
        first.stop()
        cluster = self.client.hash("rs:owners")["tests"]
        other = suite.mock_kafka(self.path("other"), "t:1", "t.dlq:1", "tests.state.trades:1")
        self.addCleanup(other.stop)
        # Ids of two mock clusters may be equal, those of two real ones are not.
        self.client.call("HSET", "rs:owners", "tests", "elsewhere")
        before = self.all_bytes()
        second = self.daemon_of("tests", kafka=other, name="second")
        self.assertIn("consumer group tests under prefix rs belongs to cluster elsewhere", self.refused(second))
        self.produce(trade("Q", 0), kafka=other)
        second.until_consumed(1, GENEROUS)
        self.assertEqual(self.all_bytes(), before)
        self.assertTrue(cluster)
        self.command(second, "--take-over")
        self.shows("rs:m:Q", 1, second)
        self.ready(second)

    def test_keys_of_an_earlier_version_are_taken_over(self):
        first = self.daemon_of("tests")
        self.produce(*(trade("P", i) for i in range(10)))
        self.shows("rs:m:P", 10, first)
        self.produce(trade("P", 61))
        self.shows("rs:m:P", 1, first)
        first.stop()
        # As the version before had it: a fence that knows no group, owners without one.
        token, offset, shown = self.client.call("GET", "rs:fence:tests:t:0").decode().split(":")
        self.client.call("DEL", "rs:fence:tests:t:0", "rs:owners")
        self.client.call("HDEL", "rs:owners:m", "%owner")
        self.client.call("SET", "rs:fence:trades:0", f"{token}:{int(offset) + 2}:{int(shown) + 2 * S}")
        second = self.daemon_of("tests", name="second")
        procs.until(lambda: self.client.call("GET", "rs:fence:tests:t:0"), GENEROUS, "the new fence", second.process)
        self.produce(trade("P", 62))  # one short of what readers have seen
        second.until_consumed(12, GENEROUS)
        self.assertEqual(self.client.hash("rs:m:P")["n"], "1")
        self.assertEqual(self.client.call("GET", "rs:fence:tests:t:0").decode().split(":")[1], str(int(offset) + 2))
        self.assertRegex(self.client.call("GET", "rs:fence:trades:0").decode(), "^9007199254740991:")
        self.produce(trade("P", 63))
        self.shows("rs:m:P", 3, second)
        self.ready(second)

    def test_an_aggregate_that_is_no_longer_configured(self):
        first = self.daemon_of("tests", ["m", "gone"])
        self.produce(trade("P", 0), trade("", 1), trade("Q", 61))
        self.shows("rs:gone:P", 1, first)
        self.shows("rs:gone:", 1, first)
        self.assertIn("is configured", self.command(first, "--forget", "gone", expect=1))
        first.stop()
        second = self.daemon_of("tests", ["m"], name="second")
        self.produce(trade("P", 62))
        self.shows("rs:m:P", 1, second)
        procs.until(lambda: re.search("not configured here: gone.*--forget NAME", procs.tail(second.process.log, 10 ** 6)), GENEROUS,
                    "the log tells of it", second.process)
        self.assertIn("3 groups", self.command(second, "--forget", "gone"))
        self.assertEqual(self.client.keys("rs:gone*"), [])
        self.assertEqual(self.client.keys("rs:owners:gone"), [])
        self.assertEqual(list(self.client.hash("rs:meta")), ["m"])
        self.assertIn("0 groups", self.command(second, "--forget", "gone"))
        self.client.call("HSET", "rs:owners:theirs", "%owner", "others:c")
        self.assertIn("belongs to others:c", self.command(second, "--forget", "theirs", expect=2))
        # A group of this name in another cluster may still serve it. An owner whose cluster is not known is ours.
        self.client.call("HSET", "rs:owners:theirs", "%owner", "tests:elsewhere")
        self.assertIn("belongs to tests:elsewhere", self.command(second, "--forget", "theirs", expect=2))
        self.assertEqual(self.client.hash("rs:owners:theirs"), {"%owner": "tests:elsewhere"})
        self.client.call("HSET", "rs:owners:theirs", "%owner", "tests:")
        self.assertIn("0 groups", self.command(second, "--forget", "theirs"))

    def test_groups_that_a_failover_brought_back_are_removed(self):
        """Expired groups of which nothing would ever be heard again, more of them than one look at Redis takes."""
        daemon = self.daemon_of("tests")
        self.produce(trade("P", 0), trade("Q", 61))
        self.shows("rs:m:P", 1, daemon)
        self.shows("rs:m:Q", 1, daemon)
        ghosts = [f"ghost {i}".replace(" ", "%20") for i in range(3000)]
        for ghost in ghosts:
            self.client.send("HSET", f"rs:m:{ghost}", "n", 7)
            self.client.send("ZADD", f"rs:m:{ghost}:history", 0, "old")
            self.client.send("ZADD", "rs:m:index", 5, ghost)
            self.client.send("HSET", "rs:owners:m", ghost, 0)
        for _ in range(4 * len(ghosts)):
            self.client.read()
        self.client.call("HSET", "rs:owners:m", "theirs", 1)
        self.client.call("HSET", "rs:m:theirs", "n", 7)
        self.client.call("SET", "rs:fence:tests:t:0", "0:0:0")  # writes that were acknowledged are gone
        procs.until(lambda: not self.client.keys("rs:m:ghost*"), GENEROUS, "no ghosts", daemon.process)
        procs.until(lambda: sorted(m for _, m in self.client.zset("rs:m:index")) == ["P", "Q"], GENEROUS, "the index is right",
                    daemon.process)
        self.assertEqual(self.client.hash("rs:m:theirs"), {"n": "7"})
        self.assertEqual(sorted(k for k in self.client.hash("rs:owners:m") if k != "%owner"), ["P", "Q", "theirs"])
        self.assertEqual([self.client.hash(f"rs:m:{g}")["n"] for g in "PQ"], ["1", "1"])
        self.assertEqual(self.client.call("ZCARD", "rs:m:P:history"), 1)


if __name__ == "__main__":
    suite.main()
