"""rollstat-dlq: what it says of dead letters, of a daemon's and of anybody's."""
import hashlib
import json
import os
import random
import signal
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import suite  # noqa: E402
import avro  # noqa: E402
import procs  # noqa: E402
import registry  # noqa: E402
from flow import Flow  # noqa: E402

NOW_MS = 1700000000000
STREAMS = {"trades": {"topic": "t", "schema": "trade.avsc", "time": "executed_at", "rules": {"price": {"gt": 0}}},
           "other": {"topic": "o", "schema": "trade.avsc", "time": "executed_at", "dead_letters": {"topic": "t.dlq"}}}
AGGREGATES = {"m": {"stream": "trades", "by": ["exchange"], "window": {"all": True}, "stats": {"n": "count()"}},
              "k": {"stream": "other", "by": ["exchange"], "window": {"all": True}, "stats": {"n": "count()"}}}
SECRET = "my-secret-buyer"
BAD_UTF8 = avro.trade({"exchange": avro.data(b"\xff\xfe")}, buyer=SECRET)
NO_PRICE = avro.trade(price=0, buyer=SECRET)
CUT = avro.trade(buyer=SECRET)[:-1]
UNKNOWN = b"\xc3\x01" + bytes(range(8)) + avro.trade()
# (partition, key, value, reason)
BAD = [(0, b"a", NO_PRICE, "rule"), (1, b"b", BAD_UTF8, "utf8"), (0, None, None, "tombstone"), (0, b"c", CUT, "truncated"),
       (1, b"d", UNKNOWN, "unknown_schema"), (0, b"e", NO_PRICE, "rule")]


def letter_headers(**replaced):
    """What a letter has at least; NotImplemented: not that one."""
    own = {"reason": b"rule", "text": b"a text", "topic": b"t", "partition": b"0", "offset": b"7", **replaced}
    return [("rollstat." + name, value) for name, value in own.items() if value is not NotImplemented]


class DlqTool:
    """The program, asked about the configuration at self.config."""

    def tool(self, *args, expect=0, config=None, timeout=120):
        out, err = procs.check([suite.program("rollstat-dlq"), "-c", config or self.config, *args], expect=expect, timeout=timeout)
        return out.decode(), err.decode()

    def objects(self, *args, expect=0):
        return [json.loads(line) for line in self.tool("--json", *args, expect=expect)[0].splitlines()]

    def make_letters(self, count=len(BAD)):
        """A daemon rejects BAD, and takes a good trade between any two."""
        self.start_daemon()
        records = []
        for partition, key, value, _ in BAD:
            records += [(partition, NOW_MS, key, value, [("trace", b"id " + (key or b"-"))]), (partition, NOW_MS, b"good", avro.trade(exchange=f"X{'AB'[partition]}"))]
        self.kafka.produce("t", records)
        procs.until(lambda: self.kafka.total("t.dlq") == count, 30, f"{count} dead letters", self.daemon.process)


class Letters(DlqTool, Flow):
    def setUp(self):
        super().setUp()
        self.start_servers(suite.mock_kafka(self.path("mock"), "t:2", "o:1", "t.dlq:2", "tests.state.trades:2", "tests.state.other:1"))
        self.configure(STREAMS, AGGREGATES, kafka={"session.timeout.ms": 10000})
        self.make_letters()

    def where(self, key):
        """The letter's name of the record with this key."""
        rows = [json.loads(line) for line in self.tool("export")[0].splitlines()]
        (name,) = [row["letter"] for row in rows if row["key"] == key.hex()]
        return name

    def test_list(self):
        rows = self.objects("list")
        self.assertEqual(sorted(row["reason"] for row in rows), sorted(reason for _, _, _, reason in BAD))
        self.assertEqual({row["stream"] for row in rows}, {"trades"})
        row = next(row for row in rows if row["reason"] == "rule")
        self.assertEqual((row["rule"], row["field"], row["schema"], row["topic"], row["partition"], row["cut"], row["timestamp"]),
                         ("price: gt 0", "price", "bare", "t", 0, False, "2023-11-14T22:13:20Z"))
        out, err = self.tool("list")
        self.assertEqual(err, "")
        self.assertEqual(len(out.splitlines()), len(BAD))
        self.assertRegex(out, r"t\.dlq:\d:\d  20\S+Z  t:0:0  rule  price@\d+  bare  rule price: gt 0 does not hold\n")
        self.assertNotIn(SECRET, out)

    def test_filters(self):
        for args, keys in ((["-r", "rule"], 2), (["-r", "rule,utf8"], 3), (["-f", "price"], 2), (["--rule", "price"], 2),
                           (["--rule", "quantity"], 0), (["-p", "1"], 2), (["--schema", "single-object:0706050403020100"], 1),
                           (["-s", "other"], 0), (["-s", "trades"], 6), (["--since", "1h"], 6), (["--until", "1h"], 0),
                           (["--since", "2023-11-14", "--until", "2023-11-15"], 0), (["-n", "4"], 4), (["--pending"], 6)):
            self.assertEqual(len(self.objects("list", *args)), keys, args)

    def test_stats(self):
        (stats,) = self.objects("stats")
        self.assertEqual((stats["letters"], stats["cut"], stats["foreign"]), (6, 0, 0))
        self.assertEqual(stats["reason"], sorted(stats["reason"], key=lambda pair: (-pair[1], pair[0])))
        self.assertEqual(dict(map(tuple, stats["reason"])),
                         {"rule": 2, "truncated": 1, "tombstone": 1, "unknown_schema": 1, "utf8": 1})
        self.assertEqual(dict(map(tuple, stats["schema"])), {"bare": 4, None: 1, "single-object:0706050403020100": 1})
        self.assertEqual(sum(count for _, count in stats["hour"]), 6)
        out, _ = self.tool("stats")
        self.assertIn("6 letters, 0 of them cut; 0 other records\nby reason\n           2  rule\n", out)
        self.assertIn("by field\n           2  (no field)\n           2  price\n", out)

    def test_show(self):
        name = self.where(b"b")
        at = len(avro.string("t"))
        out, _ = self.tool("show", name)
        self.assertIn("  reason    utf8\n", out)
        self.assertIn("  header    trace: id b\n", out)
        self.assertRegex(out, rf"\n    000000  02 74>04<ff fe.*\|")
        self.assertIn(f"\n          0+{at}    trade_id = \"t\"\n  >>      {at}      exchange: utf8: ", out)
        self.assertIn("  now       rejected: utf8: ", out)
        row = self.objects("show", name)[0]
        self.assertEqual(row["value"], BAD_UTF8.hex())
        self.assertEqual(row["headers"], [["trace", b"id b".hex()]])
        self.assertEqual(row["values"], [{"byte": 0, "size": at, "field": "trade_id", "value": "t"}])
        self.assertEqual(row["stops"], {"byte": at, "reason": "utf8", "field": "exchange"})
        self.assertEqual(row["now"], "utf8")
        row = self.objects("show", self.where(b"a"))[0]
        self.assertTrue(row["decodes"])
        self.assertEqual([value["field"] for value in row["values"]], [field for field, _ in avro.TRADE])
        self.assertEqual(next(v["byte"] for v in row["values"] if v["field"] == "price"), row["byte"])
        self.assertIn(f"  >> {row['byte']:6}+", self.tool("show", self.where(b"a"))[0])
        out, _ = self.tool("show", self.where(b"c"))
        self.assertIn(f"    {len(CUT):06x} >the end<\n", out)

    def test_show_after_the_mend(self):
        mended = {"trades": {**STREAMS["trades"], "rules": {}}, "other": STREAMS["other"]}
        config = self.configure(mended, AGGREGATES, name="mended.yaml")
        rows = {row["key"]: row["now"] for row in (json.loads(line) for line in self.tool("-j", "show", config=config)[0].splitlines())}
        self.assertEqual(rows, {b"a".hex(): "none", b"b".hex(): "utf8", None: "tombstone", b"c".hex(): "truncated",
                                b"d".hex(): "unknown_schema", b"e".hex(): "none"})

    def test_export(self):
        path = self.path("letters.ndjson")
        _, err = self.tool("export", "-o", path, "-r", "rule")
        self.assertEqual(err, "rollstat-dlq: 2 letters exported\n")
        with open(path, encoding="utf-8") as file:
            rows = [json.loads(line) for line in file]
        self.assertEqual(sorted((row["key"], row["value"]) for row in rows), [(b"a".hex(), NO_PRICE.hex()), (b"e".hex(), NO_PRICE.hex())])
        self.assertEqual(os.stat(path).st_mode & 0o777, 0o600)
        name = self.where(b"b")
        self.tool("export", "--raw", self.path("raw"), name)
        topic, partition, offset = name.split(":")
        (file,) = os.listdir(self.path("raw"))
        self.assertEqual(file, f"{topic}-{partition}-{offset}.bin")
        with open(os.path.join(self.path("raw"), file), "rb") as raw:
            self.assertEqual(raw.read(), BAD_UTF8)
        self.assertIn("cannot be made: File exists", self.tool("export", "--raw", self.path("raw"), name, expect=2)[1])

    def test_the_log_tells_counts_and_no_payload(self):
        with open(self.path("rollstatd.log"), encoding="utf-8") as file:
            self.assertNotIn(SECRET, file.read())


class Foreign(DlqTool, suite.Case):
    """Whatever may be in the topic."""

    def setUp(self):
        super().setUp()
        self.kafka = suite.mock_kafka(self.path("mock"), "t:1", "o:1", "t.dlq:1")
        self.addCleanup(self.kafka.stop)
        self.config = self.write("c.yaml", suite.configuration(STREAMS, AGGREGATES, self.kafka.bootstrap))

    def put(self, *records):
        self.kafka.produce("t.dlq", [(0, NOW_MS, b"k", value, headers) for value, headers in records])

    def test_records_that_are_no_letters(self):
        none = NotImplemented
        wrong = [(b"x", [("other", b"1")]), (b"x", letter_headers(reason=none)), (b"x", letter_headers(topic=none)),
                 (b"x", letter_headers(partition=none)), (b"x", letter_headers(partition=b"-1")), (b"x", letter_headers(partition=b"9999999999")),
                 (b"x", letter_headers(offset=b"")), (b"x", letter_headers(offset=b"12x")), (b"x", letter_headers(offset=None)),
                 (b"x", letter_headers(offset=b"9" * 40)), (b"x" * 900000, [])]
        self.kafka.produce("t.dlq", [(0, NOW_MS, None, b"no header at all")])
        self.put(*wrong, (NO_PRICE, letter_headers()))
        out, err = self.tool("list")
        self.assertEqual(out, "t.dlq:0:12  2023-11-14T22:13:20Z  t:0:7  rule  -  -  a text\n")
        self.assertEqual(err, "rollstat-dlq: topic t.dlq partition 0: 12 records are no dead letter of rollstat, and left out; for example "
                              "offset 11: it has no headers\n")
        self.assertEqual(self.objects("stats")[0]["foreign"], 12)

    def test_the_limit_is_one_for_all_streams(self):
        self.put((avro.trade(), letter_headers()), (avro.trade(), letter_headers(topic=b"o", offset=b"8")))
        for limit, sent in (("1", 1), ("2", 2), ("3", 2)):
            rows = self.objects("replay", "--dry-run", "-n", limit)
            self.assertEqual(sum(row["sent"] for row in rows), sent, limit)

    def test_the_second_topic_of_a_stream(self):
        trades = {name: value for name, value in STREAMS["trades"].items() if name != "topic"}
        config = self.write("topics.yaml", suite.configuration({"trades": {**trades, "topics": ["t", "u"], "dead_letters": {"topic": "t.dlq"}}},
                                                               {"m": AGGREGATES["m"]}, self.kafka.bootstrap))
        self.put((NO_PRICE, letter_headers()), (avro.trade(), letter_headers(topic=b"u")))
        rows = [json.loads(line) for line in self.tool("-j", "show", config=config)[0].splitlines()]
        self.assertEqual([(row["topic"], row["now"], row["decodes"]) for row in rows], [("t", "rule", True), ("u", "none", True)])

    def test_letters_that_say_strange_things(self):
        self.put((b"\xff" * 100000, letter_headers(reason=b"\xff\xfe\x1b[2J", text=b"line\none\x07", field=b"\xc2\x9b31m", byte=b"-5",
                                                schema=b"s" * 5000, time=b"yesterday", rule=b"", partition=b"2147483647",
                                                offset=b"9223372036854775807")),
                 (b"", letter_headers(topic=b"../../etc\n", byte=b"99999999")),
                 (NO_PRICE, letter_headers(byte=b"18446744073709551616", value_dropped=b"5")))
        out, err = self.tool("list")
        self.assertEqual(err, "")
        lines = out.split("\n")
        self.assertEqual(len(lines), 4)
        self.assertIn("  ???[2J  ?31m  " + "s" * 5000 + "  line?one?", lines[0])
        self.assertIn("t:2147483647:9223372036854775807", lines[0])
        self.assertIn("../../etc?:0:7", lines[1])
        self.assertTrue(lines[2].endswith("  (cut)"))
        for command in ("show", "stats"):
            out, _ = self.tool(command)
            self.assertNotIn("\x1b", out)
            self.objects(command)
        self.assertEqual(len(self.objects("show")), 3)
        self.tool("export", "--raw", self.path("raw"))
        self.assertEqual(sorted(os.listdir(self.path("raw"))), [f"t.dlq-0-{n}.bin" for n in range(3)])

    def test_many_distinct_values_are_counted_together(self):
        self.put(*((b"", letter_headers(field=b"f%d" % n)) for n in range(1500)))
        (stats,) = self.objects("stats")
        self.assertEqual((len(stats["field"]), stats["other_fields"], stats["letters"]), (1000, 500, 1500))

    def test_a_record_that_was_a_letter_before(self):
        self.put((b"x", letter_headers(reason=b"utf8", field=b"old") + [("trace", b"1")] + letter_headers(offset=b"8")))
        (row,) = [json.loads(line) for line in self.tool("export")[0].splitlines()]
        self.assertEqual((row["reason"], row["offset"], row["field"]), ("rule", 8, None))
        self.assertEqual([name for name, _ in row["headers"]],
                         ["rollstat.reason", "rollstat.text", "rollstat.topic", "rollstat.partition", "rollstat.offset", "rollstat.field",
                          "trace"])

    def test_no_letter_and_no_topic(self):
        self.assertEqual(self.tool("list"), ("", ""))
        self.assertEqual(self.tool("stats"), ("0 letters, 0 of them cut; 0 other records\n", ""))
        self.assertIn("not all are there", self.tool("show", "t.dlq:0:99", expect=1)[1])
        away = self.write("away.yaml", suite.configuration(STREAMS, AGGREGATES, f"127.0.0.1:{procs.free_port()}"))
        _, err = self.tool("list", "-t", "1", expect=2, config=away)
        self.assertRegex(err, r"^rollstat-dlq: topic t\.dlq: Local: [^\n]*\n$")

    def test_wrong_command_lines(self):
        for args, text in [([], "--config FILE is missing"),
                           (["-c", self.config], "a command is missing"),
                           (["-c", self.config, "shwo"], 'there is no command "shwo"; did you mean "show"?'),
                           (["-c", self.config, "list", "-s", "x"], '--stream: the configuration has no stream "x"'),
                           (["-c", self.config, "list", "-r", "rule,utf9"], 'there is no reason "utf9"; did you mean "utf8"?'),
                           (["-c", self.config, "list", "--since", "never"], 'neither a time such as'),
                           (["-c", self.config, "list", "t.dlq:0:1"], "LETTER is for show, export and replay"),
                           (["-c", self.config, "list", "-o", "x"], "--output and --raw are for export"),
                           (["-c", self.config, "export", "-o", "x", "--raw", "y"], "exclude each other"),
                           (["-c", self.config, "list", "-n", "0"], '--limit: "0" is not a whole number')]:
            _, err = procs.check([suite.program("rollstat-dlq"), *args], expect=1)
            self.assertIn(text, err.decode())


class OfARegistry(DlqTool, suite.Case):
    """Letters whose schemas only the registry knows: 8, which has a field more, and 99, which it has not."""

    def setUp(self):
        super().setUp()
        self.kafka = suite.mock_kafka(self.path("mock"), "t:1", "t.dlq:1")
        self.addCleanup(self.kafka.stop)
        self.registry = registry.Registry()
        self.addCleanup(self.registry.stop)
        with open(os.path.join(suite.SCHEMAS, "trade.avsc"), encoding="utf-8") as file:
            later = json.load(file)
        later["fields"].append({"name": "note", "type": "string"})
        self.later = json.dumps(later)
        self.registry.put(8, self.later)
        self.cache = self.path("cache")
        self.config = self.write("c.yaml", suite.configuration(
            {"trades": {**STREAMS["trades"], "framing": "confluent"}}, {"m": AGGREGATES["m"]}, self.kafka.bootstrap,
            schemas={"registry": {"url": self.registry.url, "timeout": "1s", "cache": self.cache}}))
        values = [b"\0" + number.to_bytes(4, "big") + avro.trade(**fields) + avro.string(SECRET)
                  for number, fields in ((8, {}), (8, {"price": 0}), (99, {}))]
        self.kafka.produce("t.dlq", [(0, NOW_MS, b"%d" % n, value, letter_headers(offset=b"%d" % n)) for n, value in enumerate(values)])

    def test_it_is_asked(self):
        rows = self.objects("show")
        self.assertEqual([(row["now"], row["decodes"]) for row in rows], [("none", True), ("rule", True), ("unknown_schema", False)])
        self.assertEqual([row["values"][-1] for row in rows[:2]],
                         [{"byte": len(row["value"]) // 2 - 1 - len(SECRET), "size": 1 + len(SECRET), "field": "note", "value": SECRET}
                          for row in rows[:2]])
        self.assertEqual(sorted(self.registry.asked), ["/schemas/ids/8", "/schemas/ids/99"])
        (row,) = self.objects("replay", expect=3)
        self.assertEqual((row["sent"], row["rejected_again"], row["unjudged"]), (1, 2, 0))
        self.assertFalse(os.path.exists(self.cache), "the cache is the daemon's")

    def test_it_says_nothing(self):
        self.registry.mode = "500"
        for row in self.objects("-t", "1", "show"):
            self.assertEqual((row["now"], row["decodes"], row["values"]), (None, None, []))
            self.assertRegex(row["unjudged"], r"^the schema registry does not say what schema id (8|99) is: http:.* answers 500")
        out, _ = self.tool("-t", "1", "show")
        self.assertIn("  now       not known: the schema registry does not say what schema id 8 is: ", out)
        out, err = self.tool("-t", "1", "replay", expect=3)
        self.assertIn(": 0 sent, 0 replayed before, 0 would be rejected again, 0 cut, 0 without their partition, 0 refused, 3 not judged\n", out)
        self.assertIn("t.dlq:0:0 is not sent, as it could not be judged: the schema registry does not say what schema id 8 is: ", err)
        self.assertEqual(self.kafka.total("t"), 0)
        (row,) = self.objects("-t", "1", "replay", "--force")
        self.assertEqual((row["sent"], row["unjudged"]), (3, 3))

    def test_the_cache_of_the_daemon(self):
        """It is read, and nothing in it changes."""
        os.mkdir(self.cache)
        path = os.path.join(self.cache, "id-8.json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump({"format": 1, "key": "id-8", "sha256": hashlib.sha256(self.later.encode()).hexdigest(), "schema": self.later}, file)
        os.utime(path, (1, 1))
        self.registry.stop()
        rows = self.objects("-t", "1", "show")
        self.assertEqual([row["now"] for row in rows], ["none", "rule", None])
        self.assertEqual((os.listdir(self.cache), os.stat(path).st_mtime), (["id-8.json"], 1))


class Replay(DlqTool, Flow):
    """Rejected, mended, replayed, applied."""
    TAKE_OVER_S = 10

    def begin(self):
        self.start_servers(suite.mock_kafka(self.path("mock"), "t:2", "o:1", "t.dlq:2", "x:3", "tests.state.trades:2", "tests.state.other:1"))
        self.configure(STREAMS, AGGREGATES, kafka={"session.timeout.ms": 10000})
        self.make_letters()

    def mend(self):
        self.daemon.stop()
        self.configure({"trades": {**STREAMS["trades"], "rules": {}}, "other": STREAMS["other"]}, AGGREGATES,
                       kafka={"session.timeout.ms": 10000})

    def replay(self, *args, expect=0):
        (row,) = [row for row in self.objects("replay", *args, expect=expect) if row["stream"] == "trades"]
        return tuple(row[name] for name in ("sent", "replayed_before", "rejected_again"))

    def test_after_the_mend(self):
        self.begin()
        before = self.kafka.total("t")
        self.assertEqual(self.replay("--dry-run", expect=3), (0, 0, 6))
        self.assertEqual(self.replay(expect=3), (0, 0, 6))
        self.assertEqual(self.kafka.total("t.dlq"), 6)  # nothing to do leaves nothing behind
        self.mend()
        self.assertEqual(self.replay("--dry-run", expect=3), (2, 0, 4))
        self.assertEqual(self.kafka.total("t.dlq"), 6)
        out, err = self.tool("replay", "-s", "trades", expect=3)
        self.assertEqual(out, "stream trades to topic t: 2 sent, 0 replayed before, 4 would be rejected again, 0 cut, 0 without their "
                              "partition, 0 refused\n")
        self.assertRegex(err, r"rollstat-dlq: t\.dlq:\d:\d is not sent, as it would be rejected again: utf8: a string is not valid UTF-8\n")
        self.assertNotIn(SECRET, err)
        self.assertEqual(self.replay(expect=3), (0, 2, 4))
        self.assertEqual(self.kafka.total("t"), before + 2)
        again = [record for record in self.kafka.dump("t") if "rollstat.replayed" in record["headers"]]
        names = {row["letter"].encode() for row in self.objects("list", "-r", "rule")}
        self.assertEqual({record["headers"].pop("rollstat.replayed") for record in again}, names)
        self.assertEqual([(r["partition"], r["timestamp"], r["key"], r["value"], r["headers"]) for r in sorted(again, key=lambda r: r["key"])],
                         [(0, NOW_MS, key, NO_PRICE, {"trace": b"id " + key}) for key in (b"a", b"e")])
        self.assertEqual({row["reason"] for row in self.objects("list", "--pending")}, {reason for *_, reason in BAD if reason != "rule"})
        self.start_daemon()
        counts = procs.until(lambda: (lambda c: c if c["consumed"] == before + 2 else None)(self.daemon.accounting("trades")), 30,
                             "the replayed are read", self.daemon.process)
        self.assertEqual((counts["applied"], counts["rejected"]), (len(BAD) + 2, len(BAD)))
        procs.until(lambda: self.client.hash("rs:m:XA").get("n") == str(4 + 2), 20, "they are counted", self.daemon.process)

    def test_selection_force_and_another_topic(self):
        self.begin()
        self.mend()
        (name,) = [row["letter"] for row in map(json.loads, self.tool("export")[0].splitlines()) if row["key"] == b"e".hex()]
        self.assertEqual(self.replay(name), (1, 0, 0))
        self.assertEqual(self.replay("-r", "rule", "-n", "1"), (1, 1, 0))
        self.assertEqual(self.replay("-r", "rule,utf8", "--force"), (1, 2, 1))
        self.assertEqual(self.replay("-r", "utf8", "--force"), (0, 1, 0))
        self.assertEqual(self.kafka.total("x"), 0)
        self.assertEqual(self.replay("--to", "x", "--force", "--rate", "5"), (6, 0, 4))
        self.assertEqual(self.replay("--to", "x", "--force"), (0, 6, 0))
        self.assertEqual(sorted(str(r["key"]) for r in self.kafka.dump("x")), sorted(str(key) for _, key, _, _ in BAD))
        self.assertIn("t.dlq is a dead-letter topic", self.tool("replay", "--to", "t.dlq", expect=1)[1])
        self.assertIn("keeps its state in", self.tool("replay", "--to", "tests.state.trades", expect=1)[1])

    def test_a_record_that_is_rejected_again_is_another_letter(self):
        self.begin()
        self.assertEqual(self.replay("-r", "utf8", "--force"), (1, 0, 1))
        procs.until(lambda: len(self.objects("list", "-r", "utf8")) == 2, 30, "it is back", self.daemon.process)
        self.assertEqual(self.replay("-r", "utf8", "--force"), (1, 1, 1))
        procs.until(lambda: len(self.objects("list", "-r", "utf8")) == 3, 30, "it is back", self.daemon.process)
        last = max((r for r in self.kafka.dump("t") if "rollstat.replayed" in r["headers"]), key=lambda r: r["offset"])
        self.assertEqual(set(last["headers"]), {"trace", "rollstat.replayed"})


class Killed(DlqTool, suite.Case):
    """Replays killed at random moments (RS_SEED): every letter comes once."""
    LETTERS = 3000
    KILLS = 4

    def start_kafka(self):
        return suite.mock_kafka(self.path("mock"), "t:2", "o:1", "t.dlq:2")

    def fill(self):
        self.kafka = self.start_kafka()
        self.addCleanup(self.kafka.stop)
        self.config = self.write("c.yaml", suite.configuration({"trades": {**STREAMS["trades"], "rules": {}}}, {"m": AGGREGATES["m"]},
                                                               self.kafka.bootstrap))
        for partition in range(2):
            self.kafka.produce("t.dlq", [(partition, NOW_MS, b"%d" % n, NO_PRICE, letter_headers(
                partition=b"%d" % partition, offset=b"%d" % n, time=b"2023-11-14T22:13:20Z")) for n in range(self.LETTERS // 2)])

    def start_replay(self, name, *more):
        return procs.Process([suite.program("rollstat-dlq"), "-c", self.config, "replay", *more], self.path(name))

    def sends(self, process):
        sent = self.kafka.total("t")
        procs.until(lambda: self.kafka.total("t") > sent or process.popen.poll() is not None, 60, "it sends", process)

    def check_once(self, what):
        self.assertEqual(self.tool("replay")[0], f"stream trades to topic t: 0 sent, {self.LETTERS} replayed before, 0 would be rejected "
                                                 "again, 0 cut, 0 without their partition, 0 refused\n")
        names = [record["headers"]["rollstat.replayed"].decode() for record in self.kafka.records("t")]
        wanted = [row["letter"] for row in self.objects("list")]
        self.assertEqual(len(wanted), self.LETTERS)
        self.assertEqual(sorted(names), sorted(wanted), what)
        self.assertEqual(self.objects("list", "--pending"), [])

    def test_every_letter_once(self):
        self.fill()
        seed = int(os.environ.get("RS_SEED", "1"))
        choice = random.Random(seed)
        for number in range(self.KILLS):
            process = self.start_replay(f"replay.{number}", "--rate", "50")  # none of them may come to its end
            if number != 2:  # which dies while it waits for what the one before it had under way
                self.sends(process)
            time.sleep(choice.random())
            process.kill()
            self.assertLessEqual(self.kafka.total("t"), self.LETTERS, f"seed {seed}")
        out, err = self.tool("replay")
        self.assertIn("did not end; taking over", err)
        sent, before = (int(out.split(word)[0].split()[-1]) for word in (" sent,", " replayed before"))
        self.assertEqual(sent + before, self.LETTERS)
        self.assertTrue(0 < sent < self.LETTERS, out)
        self.check_once(f"seed {seed}")

    def test_two_at_once(self):
        """The one that began last goes on; the other ends, also when it slept through the change."""
        self.fill()
        for sleeps in (False, True):
            first = self.start_replay(f"first.{sleeps}", "--rate", "20")  # not at its end before the other has begun
            self.sends(first)
            if sleeps:
                first.popen.send_signal(signal.SIGSTOP)
            second = self.start_replay(f"second.{sleeps}", "--rate", "100", "-n", "300")
            if sleeps:
                self.sends(second)
                first.popen.send_signal(signal.SIGCONT)
            self.assertEqual(first.wait(60), 2)
            # Asleep, it had records under way, which it must not send any more.
            self.assertRegex(procs.tail(self.path(f"first.{sleeps}")), "another replay to t has begun, and goes on with it|"
                             "Message timed out; give the same command again" if sleeps else "another replay to t has begun")
            self.assertEqual(second.wait(60), 0, procs.tail(self.path(f"second.{sleeps}")))
        self.tool("replay")
        self.check_once("two at once")


if __name__ == "__main__":
    suite.main()
