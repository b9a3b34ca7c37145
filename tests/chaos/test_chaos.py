"""Chaos in every test run: at least a hundred kills from a seed; and that its reader and its verdict see what is wrong.
RS_KILLS, RS_CHAOS_SEED and RS_CHAOS_MINUTES set other numbers."""
import itertools
import os
import random
import shlex
import sys
import types

sys.path[:0] = [os.path.dirname(os.path.abspath(__file__)),
                os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib")]
import suite  # noqa: E402
import avro  # noqa: E402
import chaos  # noqa: E402
import procs  # noqa: E402
from publishing import Publisher  # noqa: E402
from verdict import DRAINS, Truth, Verdict  # noqa: E402
from watching import Reader  # noqa: E402

KILLS = int(os.environ.get("RS_KILLS", 100))
SEED = int(os.environ.get("RS_CHAOS_SEED", random.SystemRandom().randrange(10 ** 9)))
MINUTES = float(os.environ.get("RS_CHAOS_MINUTES", 8))
S = 1000000
T0 = 1700000000 * S
CUT = avro.trade()[:-1]


def quiet(_text):
    pass


class Chaos(suite.Case):
    def test_kills_and_faults_from_a_seed(self):
        if not os.path.isdir(suite.JARS):
            suite.skip_component(f"no Kafka in {suite.JARS}: run tests/run --only chaos with network")
        run = chaos.Run(self.path("world"), SEED, KILLS, MINUTES * 60, say=lambda text: print(text, file=sys.stderr))
        self.assertTrue(run(), "\n".join(run.wrong))


class Watching(suite.Case):
    """What the reader must not overlook."""

    def setUp(self):
        super().setUp()
        self.redis = suite.redis.Server(self.path("redis"))
        self.addCleanup(self.redis.stop)
        self.client = self.redis.client()
        self.reader = Reader(types.SimpleNamespace(primary=self.redis), 1)
        self.addCleanup(self.reader.stop)

    def polled(self):
        before = self.reader.polls
        procs.until(lambda: self.reader.polls >= before + 25, 20, "the reader polls")
        return self.reader.wrong

    def shows(self, start, events, volume=10):
        self.client.call("ZADD", "rs:m:index", 1, "P")
        self.client.call("HSET", "rs:m:P", "window_start", start, "events", events, "n", events, "volume", volume,
                         "event_time", start)

    def test_what_grows_is_right(self):
        for start, events in ((10000, 1), (10000, 2), (20000, 1)):
            self.shows(start, events)
            self.assertEqual(self.polled(), [])

    def test_fewer_events_in_a_window(self):
        self.shows(10000, 5)
        self.polled()
        self.shows(10000, 4)
        self.assertIn("went from", "".join(self.polled()))

    def test_an_older_window(self):
        self.shows(20000, 1)
        self.polled()
        self.shows(10000, 9)
        self.assertIn("went from", "".join(self.polled()))

    def test_a_smaller_sum_in_a_window(self):
        self.shows(10000, 5, 50)
        self.polled()
        self.shows(10000, 6, 49)
        self.assertIn("volume", "".join(self.polled()))

    def test_a_fence_that_falls(self):
        self.client.call("SET", "rs:fence:chaos:trades:0", "7:100:1")
        self.polled()
        self.client.call("SET", "rs:fence:chaos:trades:0", "7:99:1")
        self.assertIn("offset", "".join(self.polled()))

    def test_half_a_view(self):
        self.shows(10000, 5)
        self.client.call("HSET", "rs:m:P", "n", 4)
        self.assertIn("half a view", "".join(self.polled()))

    def test_a_loss_begins_anew_and_keeps_the_history(self):
        self.shows(10000, 5)
        self.client.call("ZADD", "rs:m:P:history", 10000, '{"window_start":10000,"events":5,"revision":0}')
        self.polled()
        self.reader.loss(lambda client: (client.call("CLIENT", "UNPAUSE"), client.call("FLUSHALL")))
        self.shows(10000, 1)
        self.assertEqual(self.polled(), [])
        self.assertEqual(list(self.reader.archive), [("rs:m:P:history", "10000")])


class Publishing(suite.Case):
    """A publisher that ends is trouble, but for one reason."""
    ENDS = "head -n 3 >/dev/null; echo 'failed due to {} with broker 1'; echo 'published 1,200 rows, 0 rejected, 7 not delivered, in 3.00 s'; exit 2"

    def publisher(self, reason):
        """One whose first process reads three lines and ends; the next ones read all."""
        script = self.path("publish")
        with open(script, "w", encoding="utf-8") as file:
            first = shlex.quote(self.path("first"))
            file.write(f"[ ! -e {first} ] || exec cat >/dev/null\n: >{first}\n{self.ENDS.format(reason)}\n")
        publisher = Publisher("trades", ["sh", script], self.directory, "header\n", (f"{n}\n" for n in itertools.count()), 1000)
        procs.until(lambda: not publisher.process.alive(), 20, "the first publisher ends")
        return publisher

    def test_one_that_lost_count_is_replaced(self):
        publisher = self.publisher(Publisher.LOST_COUNT)
        self.assertTrue(publisher.watch())
        procs.until(lambda: publisher.count > 0, 20, "the second publisher takes rows")
        self.assertTrue(publisher.watch())
        self.assertEqual((publisher.finish(), publisher.replaced), ((1200 + publisher.count, 7), 1))

    def test_it_may_be_the_last(self):
        self.assertEqual(self.publisher(Publisher.LOST_COUNT).finish(), (1200, 7))

    def test_any_other_end_is_trouble(self):
        publisher = self.publisher("something else")
        self.assertFalse(publisher.watch())
        with self.assertRaises(procs.Failure):
            publisher.finish()


class Judging(suite.Case):
    """What the verdict must not overlook."""

    def setUp(self):
        super().setUp()
        records = [(0, trade("t1", 1, 5)), (0, trade("t2", 4, 7)), (0, trade("t1", 1, 5)), (0, trade("t3", 12, 2)),
                   (0, trade("t4", 100, 2)), (0, trade("t5", 2, 600)), (0, CUT)]
        self.truth = Truth(topics({"trades": records, "indicators": [(1, avro.indicator(revision=3))]}))
        self.verdict = Verdict(None, types.SimpleNamespace(archive={}, samples=[]), self.truth, quiet)

    def counts(self, **changed):
        found = {name: {"events": dict(p.counts)} for name, p in self.truth.partitions().items()}
        found["trades", 0]["events"].update(changed)
        return found

    def test_accounting(self):
        self.verdict.accounting(self.counts())
        self.assertEqual(self.verdict.wrong, [])
        self.assertEqual(dict(self.truth.trades[0].counts),
                         {"consumed": 7, "applied": 4, "late": 1, "duplicate": 1, "rejected": 1, "filtered": 0})
        self.verdict.accounting(self.counts(applied=5, duplicate=0))
        self.assertEqual(len(self.verdict.wrong), 1)

    def test_rows_that_are_missing(self):
        self.verdict.published({"trades": (6, 0), "indicators": (1, 0)})
        self.verdict.published({"trades": (4, 2), "indicators": (0, 3)})
        self.assertEqual(self.verdict.wrong, [])
        for rows in ((7, 0), (5, 0), (3, 2)):
            self.verdict.wrong = []
            self.verdict.published({"trades": rows, "indicators": (1, 0)})
            self.assertEqual(len(self.verdict.wrong), 1)

    def letter(self, offset, reason, value):
        headers = {"rollstat.partition": b"0", "rollstat.offset": str(offset).encode(), "rollstat.topic": b"trades",
                   "rollstat.reason": reason, "rollstat.text": b"x"}
        return {"headers": headers, "key": None, "value": value}

    def test_dead_letters(self):
        right = [self.letter(5, b"late", trade("t5", 2, 600)), self.letter(6, b"truncated", CUT)]
        for letters, faults in ((right, 0), (right + right, 0), (right[:1], 1), (right + [self.letter(0, b"late", b"x")], 1)):
            self.verdict.wrong = []
            self.verdict.letters(letters)
            self.assertEqual(len(self.verdict.wrong), faults, self.verdict.wrong)

    def test_views_and_windows(self):
        redis = suite.redis.Server(self.path("redis"))
        self.addCleanup(redis.stop)
        client = redis.client()
        self.assertGreater(len(self.verdict.views(client)), 3)
        self.assertEqual(len(list(self.verdict.histories(client))), 2)
        self.fill(client)
        self.assertEqual(self.verdict.views(client) + list(self.verdict.histories(client)), [])
        client.call("HSET", "rs:t:P", "volume", "13")
        client.call("ZREMRANGEBYSCORE", "rs:m:P:history", 1700000010000, 1700000010000)
        self.assertEqual(len(self.verdict.views(client)), 1)
        self.assertEqual(len(list(self.verdict.histories(client))), 1)

    def fill(self, client):
        for key, item in self.truth.views().items():
            client.call("HSET", key, *(part for pair in item["value"].items() for part in pair))
        for key, got, wanted in self.verdict.views(client):
            # Only the windows that drain are missing: as the oracle shows them.
            name = key.split(":")[1]
            group = self.truth.trades[0].groups[name]["P"]
            aggregate = next(a for a in self.truth.trades[0].stream.aggregates if a.name == name)
            view = suite.engine.sliding_view(aggregate, group, group.clock, group.clock)[0]
            self.assertEqual((got, name in DRAINS), ({}, True), wanted)
            client.call("HSET", key, *(part for pair in view.items() for part in pair))
        for key, members in self.truth.histories()[0].items():
            for score, member in members.items():
                if int(member["window_end"]) < 1700000100000:
                    text = "{" + ",".join(f'"{k}":{v}' for k, v in member.items()) + "}"
                    client.call("ZADD", key, score, text)

    def test_every_kind_of_window_is_judged(self):
        """Each value that is damaged is seen, in whatever window it is."""
        quantities = {"t": 450, "d": 150, "h": 150, "x": 150, "g": 900, "l": 20}
        records = [(0, trade(f"t{n}", n // 6 * 40 - 200, q)) for n, q in enumerate(list(quantities.values()) * 6)]
        self.truth = Truth(topics({"trades": records, "indicators": [(1, avro.indicator(revision=3))]}))
        self.verdict = Verdict(None, types.SimpleNamespace(archive={}, samples=[]), self.truth, quiet)
        redis = suite.redis.Server(self.path("redis"))
        self.addCleanup(redis.stop)
        client = redis.client()
        self.fill(client)

        def found():
            return self.verdict.views(client) + list(self.verdict.histories(client))
        self.assertEqual(found(), [])
        for name in (*quantities, *DRAINS, "m"):
            key = f"rs:{name}:P"
            client.call("HINCRBY", key, "n", 1)
            self.assertEqual([k for k, _, _ in found()], [key])
            client.call("HINCRBY", key, "n", -1)
        for name in ("m", "g"):  # of the others no window has ended by its group's clock
            ended = client.zset(f"rs:{name}:P:history")
            self.assertGreater(len(ended), 2)
            client.call("ZREM", f"rs:{name}:P:history", ended[1][1])
            self.assertEqual(len(found()), 1, name)
            client.call("ZADD", f"rs:{name}:P:history", *ended[1])
        client.call("ZADD", "rs:g:P:history", "1699999000000", "{}")
        self.assertEqual(len(found()), 1)

    def test_views_seen_on_the_way(self):
        view = {"n": "1", "volume": "5", "price_open": "10", "price_high": "10", "price_low": "10", "price_close": "10",
                "vwap": "10", "window_start": "1700000000000", "window_end": "1700000010000", "event_time": "1700000001000",
                "events": "1"}
        self.verdict.reader.samples = [("P", view)]
        self.verdict.samples()
        self.assertEqual(self.verdict.wrong, [])
        self.verdict.reader.samples = [("P", {**view, "volume": "7"}), ("P", {**view, "events": "9", "n": "9"})]
        self.verdict.samples()
        self.assertEqual(len(self.verdict.wrong), 2)


def trade(identity, second, quantity):
    return avro.trade(trade_id=identity, product="P", executed_at=T0 + second * S, quantity=quantity * 10 ** 6)


def topics(content):
    """In place of a broker."""
    def records(topic):
        offsets = {}
        for partition, value in content[topic]:
            offset = offsets.setdefault(partition, 0)
            offsets[partition] += 1
            yield {"partition": partition, "offset": offset, "timestamp": T0 // 1000 + 10 ** 6, "key": None, "value": value,
                   "headers": {}}
    return types.SimpleNamespace(records=records)


if __name__ == "__main__":
    suite.main()
