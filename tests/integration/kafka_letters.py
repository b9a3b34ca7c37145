"""Dead letters into a real Kafka whose topics take less than the record: each letter is cut until it fits or is dropped by name, the
header says what is missing, and sealing goes on."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import suite  # noqa: E402
import avro  # noqa: E402
import procs  # noqa: E402
from flow import Flow  # noqa: E402

BROKER_LIMIT = 1048588                 # Kafka's default of message.max.bytes
LARGEST_KEY = BROKER_LIMIT - 61 - 11   # batch and record around a key without a value
LIMITS = (100, 300, 700, 2000, 20000)  # of dead-letter topics
NONE = object()
MINIMAL = 512                          # sink/deadletter/message.h
AGGREGATES = {"stream": "s0", "by": ["exchange"], "window": {"all": True}, "stats": {"n": "count()"}}


def sizes_around(limit):
    """Of keys: none, one byte, all that matter near the limit, far beyond."""
    near = range(max(1, limit - 700), limit + 100, 37)
    return sorted({1, limit // 2, limit - 1, limit, limit + 1, 3 * limit, *near})


class Letters(Flow):
    sections = {}

    def start_kafka(self, **settings):
        self.kafka = getattr(self, "kafka", None) or suite.real_kafka(self.path("kafka"), settings=settings)

    def begin(self, topic_settings, **settings):
        """A stream for each dead-letter topic with such a setting; NONE: there is no such topic."""
        self.start_kafka(**settings)
        self.start_servers(self.kafka)
        streams = {}
        for number, limit in enumerate(topic_settings):
            self.kafka.create(f"t{number}", 1)
            if limit is not NONE:
                self.kafka.create(f"t{number}.dlq", 1, *([limit] if limit else []))
            streams[f"s{number}"] = {"topic": f"t{number}", "schema": "trade.avsc", "time": "executed_at"}
        self.configure(streams, {f"a{n}": {**AGGREGATES, "stream": f"s{n}"} for n in range(len(topic_settings))},
                       **self.sections)
        self.start_daemon()

    def sealed(self, number, end):
        procs.until(lambda: any(p["committed"] == end for p in self.daemon.partitions(f"s{number}")), 240,
                    f"t{number} is sealed to its end {end}", self.daemon.process)

    def letters(self, number, sent):
        """{offset: letter}; each says truly what of `sent` (offset: (key, value)) is missing."""
        found = {}
        for letter in self.kafka.records(f"t{number}.dlq"):
            headers = {name: value.decode() for name, value in letter["headers"].items()}
            key, value = sent[int(headers["rollstat.offset"])]
            self.assertEqual(int(headers.get("rollstat.key_cut", len(letter["key"] or b""))), len(key or b""))
            self.assertEqual(letter["key"], None if key is None else key[:len(letter["key"])])
            if "rollstat.value_dropped" in headers:
                self.assertEqual((int(headers["rollstat.value_dropped"]), letter["value"]), (len(value), b""))
            else:
                self.assertEqual(letter["value"], value)
            self.assertIn(headers["rollstat.reason"], ("tombstone", "truncated", "length", "trailing_bytes"))
            found[int(headers["rollstat.offset"])] = letter
        return found

    def test_topics_of_every_limit(self):
        self.begin([f"max.message.bytes={limit}" for limit in LIMITS], **{"message.max.bytes": BROKER_LIMIT})
        sent, ends = [], []
        for number, limit in enumerate(LIMITS):
            records = [(b"good", avro.trade())]
            for size in sizes_around(limit):
                records += [(b"k" * size, None), (b"k" * size, b"\x02"), (None, avro.trade() + b"v" * size), (b"good", avro.trade())]
            sent.append(dict(enumerate(records)))
            ends.append(len(records))
            self.kafka.produce(f"t{number}", [(0, -1, key, value) for key, value in records])
            if number == 0:  # only the first that are left out are told of by name, and its are looked for below
                self.sealed(0, ends[0])
        for number, end in enumerate(ends):
            self.sealed(number, end)
        status = self.daemon.status()["dead_letters"]
        missing = 0
        for number, limit in enumerate(LIMITS):
            letters = self.letters(number, sent[number])
            bad = {o for o, (_, value) in sent[number].items() if value != avro.trade()}
            self.assertEqual(self.daemon.accounting(f"s{number}")["rejected"], len(bad))
            missing += len(bad - set(letters))
            if limit >= MINIMAL:
                self.assertEqual(set(letters), bad, f"limit {limit}")
            self.assertLessEqual(set(letters), bad)
            whole = [o for o in bad if sum(map(len, filter(None, sent[number][o]))) < limit - MINIMAL]
            for offset in whole:
                self.assertFalse({"rollstat.key_cut", "rollstat.value_dropped"} & set(letters[offset]["headers"]),
                                 f"{offset} at limit {limit}")
        self.assertGreater(missing, 0)
        self.assertEqual(status["dropped"], missing)
        self.assertGreater(status["cut"], 0)
        with open(self.path("rollstatd.log"), encoding="utf-8") as file:
            log = file.read()
        self.assertIn("the record at topic t0 partition 0 offset 1 (tombstone) is left out of topic t0.dlq", log)
        self.assertIn("max.message.bytes", log)
        metrics = self.daemon.get("/metrics")[1]
        self.assertIn(f"\nrollstat_dead_letters_dropped_total {missing}\n", metrics)

    def test_keys_up_to_the_brokers_limit(self):
        """All limits are the defaults: the record just fitted, its letter with headers does not."""
        self.begin((None,), **{"message.max.bytes": BROKER_LIMIT})
        sent = {}
        sizes = [LARGEST_KEY - down for down in (0, 1, 116, 300, 600, 900)] + [LARGEST_KEY // 2]
        for size in sizes:
            for value in (None, b"\x02"):
                key = b"k" * (size - (value is not None))
                self.kafka.produce("t0", [(0, -1, key, value)])
                sent[len(sent)] = (key, value)
        self.kafka.produce("t0", [(0, -1, b"good", avro.trade())] * 3)
        self.sealed(0, len(sent) + 3)
        self.assertEqual(set(self.letters(0, sent)), set(sent))
        self.assertEqual(self.client.hash("rs:a0:XA")["n"], "3")

    def test_a_compacted_topic_takes_no_letter_without_a_key(self):
        self.begin(("cleanup.policy=compact",))
        self.kafka.produce("t0", [(0, -1, None, b"\x02"), (0, -1, b"k", b"\x02"), (0, -1, b"good", avro.trade())])
        self.sealed(0, 3)
        self.assertEqual(set(self.letters(0, {0: (None, b"\x02"), 1: (b"k", b"\x02")})), {1})
        self.assertIn("partition 0 offset 0 (length) is left out", self.daemon.status()["dead_letters"]["last_dropped"])

    def log(self):
        with open(self.path("rollstatd.log"), encoding="utf-8") as file:
            return file.read()

    def test_a_missing_topic_is_made(self):
        self.begin((NONE, NONE))
        for number in range(2):
            self.kafka.produce(f"t{number}", [(0, -1, b"k", b"\x02"), (0, -1, b"good", avro.trade())])
            self.sealed(number, 2)
            self.assertEqual(set(self.letters(number, {0: (b"k", b"\x02")})), {0})
            self.assertIn(f"made the topic t{number}.dlq", self.log())

    def test_a_missing_topic_that_cannot_be_made(self):
        """It is told at once and everywhere, before any letter needs it, and the other stream goes on."""
        self.sections = {"state": {"replication_factor": 3}}  # of one broker
        self.start_kafka()
        for number in range(2):
            self.kafka.create(f"tests.state.s{number}", 1, "cleanup.policy=delete", "retention.ms=-1", "retention.bytes=-1")
        self.begin((NONE, None))
        status = procs.until(lambda: (lambda s: s if s["topics_missing"] else None)(self.daemon.status()["dead_letters"]), 120,
                             "the topic is missed", self.daemon.process)
        self.assertIn("topic t0.dlq does not exist and cannot be made: ", status["missing"])
        command = "kafka-topics.sh --bootstrap-server HOST:PORT --create --topic t0.dlq --partitions 1"
        self.assertIn(command, status["missing"])
        self.assertIn(command, self.log())
        self.assertIn("\nrollstat_dead_letters_topics_missing 1\n", self.daemon.get("/metrics")[1])
        self.kafka.produce("t0", [(0, -1, b"k", b"\x02"), (0, -1, b"good", avro.trade())])
        self.kafka.produce("t1", [(0, -1, b"k", b"\x02"), (0, -1, b"good", avro.trade())])
        self.sealed(1, 2)
        procs.until(lambda: self.daemon.partitions("s0")[0]["next_offset"] == 2, 120, "t0 is read", self.daemon.process)
        procs.until(lambda: self.daemon.get("/readyz") == (
            503, "a dead-letter topic does not exist; the log and /status say how to make it\n"), 120, "it is not ready")
        self.assertLessEqual(self.daemon.partitions("s0")[0]["committed"], 0)
        self.kafka.create("t0.dlq", 1)
        self.sealed(0, 2)
        self.assertEqual(set(self.letters(0, {0: (b"k", b"\x02")})), {0})
        procs.until(lambda: self.daemon.get("/readyz")[0] == 200, 120, "it is ready", self.daemon.process)
        self.assertIn("topic t0.dlq is there now", self.log())


if __name__ == "__main__":
    suite.main()
