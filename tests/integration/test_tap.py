"""rollstat-tap: an event of each verdict, and what it says of it; what it leaves out, and that it leaves nothing behind."""
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import suite  # noqa: E402
import avro  # noqa: E402
import procs  # noqa: E402
import registry  # noqa: E402

T = 1700000000000000  # 20 s behind a minute
TIME_MS = T // 1000 + 100000
STREAM = {"topic": "t", "schema": "trade.avsc", "time": "executed_at", "id": "trade_id", "lateness": "10s",
          "rules": {"price": {"gt": 0}}, "dead_letters": False}
AGGREGATES = {"m": {"stream": "trades", "by": ["exchange"], "window": {"tumbling": "1m"}, "where": {"side": "BUY"},
                    "stats": {"n": "count()"}},
              "k": {"stream": "trades", "by": ["product"], "window": {"tumbling": "1m"}, "where": {"price": {"ge": 5}, "side": {"in": ["BUY", "SELL"]}},
                    "stats": {"n": "count()"}}}
UNIT = 10 ** 8
SECRET = "my-secret-buyer"


def trade(name, seconds=0, **fields):
    return avro.trade(trade_id=name, executed_at=T + seconds * 10 ** 6, buyer=SECRET, **fields)


CUT = trade("h", 100)[:-1]
# (value, what is said of it)
EVENTS = [
    (trade("a"), "2023-11-14T22:13:20Z  applied"),
    (trade("b", 100, product="Q"), "2023-11-14T22:15:00Z  applied"),
    (trade("c", 1, exchange="XB", product="Q"), "2023-11-14T22:13:21Z  applied  k late by 50s"),
    (trade("d", 1, product="Q"), "2023-11-14T22:13:21Z  late  m late by 50s; k late by 50s"),
    (trade("b", 100), "2023-11-14T22:15:00Z  duplicate"),
    (trade("e", 100, side=1, price=UNIT), "2023-11-14T22:15:00Z  filtered  m filtered by side: BUY; k filtered by price: {ge: 5}"),
    (trade("f", 100, side=2), "2023-11-14T22:15:00Z  filtered  m filtered by side: BUY; k filtered by side: {in: [BUY, SELL]}"),
    (trade("g", 100, price=0), f"-  rejected  rule  price@{len(avro.string('g') + avro.string('XA') + avro.string('P') + avro.string('')) + 2}"
                               "  rule price: gt 0 does not hold"),
    (CUT, f"-  rejected  truncated  published_at@{len(CUT)}  the bytes end inside a value"),
    (None, "-  rejected  tombstone  the record has no value"),
    (trade("i", 100, side=1), "2023-11-14T22:15:00Z  applied  m filtered by side: BUY"),
]


class Tapped(suite.Case):
    def start(self, *topics, streams=None, **more):
        self.kafka = suite.mock_kafka(self.path("mock"), *topics)
        self.addCleanup(self.kafka.stop)
        self.config = self.write("c.yaml", suite.configuration(streams or {"trades": STREAM}, AGGREGATES, self.kafka.bootstrap, **more))

    def put(self, *values, partition=0, topic="t"):
        self.kafka.produce(topic, [(partition, TIME_MS, None, value) for value in values])

    def tap(self, *args, expect=0):
        out, err = procs.check([suite.program("rollstat-tap"), "-c", self.config, "trades", *args], expect=expect, timeout=60)
        return out.decode(), err.decode()

    def all(self, *args):
        return self.tap("--from", "earliest", "--end", *args)[0]

    def objects(self, *args):
        return [json.loads(line) for line in self.all("--json", *args).splitlines()]


class Verdicts(Tapped):
    def setUp(self):
        super().setUp()
        self.start("t:2")
        self.put(*(value for value, _ in EVENTS))

    def test_one_of_each(self):
        self.assertEqual(self.all().splitlines(), [f"t:0:{number}  {text}" for number, (_, text) in enumerate(EVENTS)])

    def test_as_json(self):
        rows = self.objects()
        self.assertEqual([row["verdict"] for row in rows], ["applied", "applied", "applied", "late", "duplicate", "filtered", "filtered",
                                                            "rejected", "rejected", "rejected", "applied"])
        self.assertEqual(rows[3], {"topic": "t", "partition": 0, "offset": 3, "time": "2023-11-14T22:13:21Z", "verdict": "late", "aggregates": [
            {"aggregate": "m", "verdict": "late", "late_us": 50000000}, {"aggregate": "k", "verdict": "late", "late_us": 50000000}]})
        self.assertEqual(rows[5]["aggregates"], [{"aggregate": "m", "verdict": "filtered", "clause": "side: BUY"},
                                                 {"aggregate": "k", "verdict": "filtered", "clause": "price: {ge: 5}"}])
        self.assertEqual({name: rows[7][name] for name in ("reason", "rule", "field", "schema", "text")},
                         {"reason": "rule", "rule": "price: gt 0", "field": "price", "schema": "bare", "text": "rule price: gt 0 does not hold"})
        self.assertEqual((rows[8]["reason"], rows[8]["byte"]), ("truncated", len(CUT)))
        self.assertNotIn("time", rows[8])

    def test_filters(self):
        for args, offsets in ((["-v", "late"], [3]), (["-v", "late,duplicate"], [3, 4]), (["-r", "rule"], [7]), (["-v", "rejected"], [7, 8, 9]),
                              (["-b", "product=Q"], [1, 2, 3]), (["-b", "product=Q", "-b", "exchange=XA"], [1, 3]), (["-b", "side=UNKNOWN"], [6]),
                              (["-b", "price=0"], [7]), (["-n", "2"], [0, 1]), (["-p", "1"], []), (["--topic", "t"], list(range(11)))):
            self.assertEqual([row["offset"] for row in self.objects(*args)], offsets, args)
        self.assertEqual([json.loads(line)["offset"] for line in self.tap("--from", "9", "-p", "0", "-e", "-j")[0].splitlines()], [9, 10])

    def test_values_are_shown_by_name_alone(self):
        self.assertNotIn(SECRET, self.all() + self.all("--json"))
        lines = self.all("-f", "price,side", "-f", "seller").splitlines()
        self.assertTrue(lines[0].endswith("applied  price=10  side=BUY  seller=null"), lines[0])
        self.assertTrue(lines[8].endswith("the bytes end inside a value"), lines[8])
        rows = self.objects("-f", "price,side,seller,executed_at,trade_id")
        self.assertEqual(rows[5]["values"], {"price": 1, "side": "SELL", "seller": None, "executed_at": "2023-11-14T22:15:00Z", "trade_id": "e"})
        self.put(trade("x\x1b[2J\ny", 100, product="Q"))
        self.assertIn("  trade_id=x?[2J?y\n", self.all("-f", "trade_id"))

    def test_the_rate(self):
        """However long a second is, what is not shown is counted."""
        self.put(*(trade(f"n{number}", 100) for number in range(200)))
        out = self.all("--rate", "5/s")
        left_out = sum(int(line[1:].split()[0]) for line in out.splitlines() if line.endswith(" more left out)"))
        shown = sum(line.startswith("t:0:") for line in out.splitlines())
        self.assertEqual(shown + left_out, 211)
        self.assertGreater(left_out, 0)
        rows = self.objects("--rate", "5")
        self.assertEqual(sum(row.get("left_out", 1) for row in rows), 211)

    def test_from_the_end(self):
        """What comes after it has said where it begins, of every partition; it leaves no group behind, and SIGINT ends it well."""
        process = subprocess.Popen([suite.program("rollstat-tap"), "-c", self.config, "trades"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.kill)
        self.assertEqual(process.stderr.readline(),
                         b"rollstat-tap: 2 partitions of stream trades, from the end: late and duplicate are as of there\n")
        self.put(trade("b", 100), trade("b", 100))
        self.put(trade("b", 100), partition=1)
        lines = sorted(process.stdout.readline() for _ in range(3))
        self.assertEqual(lines, [b"t:0:11  2023-11-14T22:15:00Z  applied\n", b"t:0:12  2023-11-14T22:15:00Z  duplicate\n",
                                 b"t:1:0  2023-11-14T22:15:00Z  applied\n"])
        process.send_signal(2)
        self.assertEqual(process.wait(30), 0)
        self.assertEqual(self.kafka.total("t"), len(EVENTS) + 3)

    def test_wrong_command_lines(self):
        for args, text in ((["--from", "99", "-p", "0"], "--from: partition 0 of topic t holds the offsets 0 to 11"),
                           (["--from", "3"], "--from: an offset is of one partition"), (["--from", "lately"], "is neither latest, earliest nor"),
                           (["-p", "7"], "--partition: topic t has 2 partitions"), (["--topic", "u"], "stream trades reads no topic u"),
                           (["-b", "product"], '--by: "product" is not FIELD=VALUE'), (["-b", "prise=1"], "--by: "), (["-f", "prise"], "did you mean 'price'"),
                           (["-v", "lat"], '--verdict: there is no verdict "lat"; did you mean "late"?'), (["-r", "utf9"], 'did you mean "utf8"?'),
                           (["-r", "utf8", "-v", "late"], "--reason is of rejected ones"), (["--rate", "fast"], '--rate: "fast" is not a whole number'),
                           (["other"], "one STREAM at a time")):
            self.assertIn(text, self.tap(*args, expect=1)[1], args)
        _, err = procs.check([suite.program("rollstat-tap"), "-c", self.config, "trade"], expect=1)
        self.assertIn('the configuration has no stream "trade"', err.decode())


class Others(Tapped):
    def test_several_topics(self):
        stream = {**STREAM, "topics": ["t", "u"]}
        del stream["topic"]
        self.start("t:1", "u:1", streams={"trades": stream})
        self.put(trade("a"))
        self.put(trade("a"), trade("b"), topic="u")
        self.assertEqual(sorted((row["topic"], row["offset"], row["verdict"]) for row in self.objects()),
                         [("t", 0, "applied"), ("u", 0, "applied"), ("u", 1, "applied")])
        self.assertIn("an offset is of one partition", self.tap("--from", "0", expect=1)[1])
        self.assertEqual(len(self.objects("--topic", "u")), 2)

    def test_json_messages(self):
        self.start("t:1", streams={"trades": {**STREAM, "format": "json"}})
        good = {"trade_id": "a", "exchange": "XA", "product": "P", "category": "", "side": "BUY", "status": "EXECUTED", "price": 10.5, "quantity": 2,
                "currency": "CNY", "buyer": None, "seller": None, "executed_at": T, "published_at": None}
        self.put(json.dumps(good).encode(), json.dumps({**good, "price": "ten"}).encode())
        first, second = self.objects("-f", "price,product")
        self.assertEqual((first["verdict"], first["values"]), ("applied", {"price": 10.5, "product": "P"}))
        self.assertEqual((second["reason"], second["field"]), ("type", "price"))

    def test_the_registry(self):
        server = registry.Registry()
        self.addCleanup(server.stop)
        with open(os.path.join(suite.SCHEMAS, "trade.avsc"), encoding="utf-8") as file:
            server.put(7, file.read())
        server.modes[8] = "500"
        self.start("t:1", streams={"trades": {**STREAM, "framing": "confluent"}}, schemas={"registry": server.url})
        self.put(*(b"\0" + number.to_bytes(4, "big") + trade(f"n{number}") for number in (7, 8, 9)))
        rows = self.objects("-t", "1", "-f", "product")
        self.assertEqual([row["verdict"] for row in rows], ["applied", "unjudged", "rejected"])
        self.assertEqual((rows[0]["values"], rows[2]["reason"], rows[2]["schema"]), ({"product": "P"}, "unknown_schema", "confluent:9"))
        self.assertIn("the schema registry does not say what schema id 8 is: ", rows[1]["text"])
        self.assertEqual([row["offset"] for row in self.objects("-t", "1", "-v", "unjudged")], [1])

    def test_no_broker(self):
        self.start("t:1")
        self.kafka.stop()
        self.assertRegex(self.tap("-t", "1", expect=2)[1], r"^rollstat-tap: topic t: [^\n]*\n$")


if __name__ == "__main__":
    suite.main()
