"""Broken messages through a broker: each goes to the dead-letter topic with its reason, bytes and key untouched, and the good
events around it are all counted."""
import json
import os
import struct
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import suite  # noqa: E402
import avro  # noqa: E402
from daemon import Daemon  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
S = 1000000
NOW_MS = 1700000000000
YEAR_1 = -62135596800 * S
YEAR_10000 = 253402300800 * S


def raw(name, value, **fields):
    return avro.trade({name: value}, **fields)


# name, message, reason
TRADES = [
    ("no value", None, "tombstone"),
    ("no byte", b"", "truncated"),
    ("one byte", b"\x02", "length"),
    ("ends before the last field", avro.trade()[:-1], "truncated"),
    ("ends inside a varint", avro.trade({"executed_at": b"\x80\x80", "published_at": b"\x80"}), "truncated"),
    ("string longer than what follows", raw("trade_id", avro.long(100000) + b"abc"), "length"),
    ("string of 2^62 bytes", raw("trade_id", avro.long(2 ** 62)), "length"),
    ("negative string length", raw("trade_id", avro.long(-1)), "length"),
    ("a byte after the last field", avro.trade() + b"\x00", "trailing_bytes"),
    ("a whole message twice", avro.trade() * 2, "trailing_bytes"),
    ("varint of eleven bytes", raw("executed_at", b"\x80" * 10 + b"\x01"), "varint"),
    ("varint past 64 bits", raw("executed_at", b"\xff" * 9 + b"\x02"), "varint"),
    ("length varint past 64 bits", raw("exchange", b"\xff" * 9 + b"\x7f"), "varint"),
    ("enum index one too high", raw("side", avro.long(3)), "enum_index"),
    ("negative enum index", raw("side", avro.long(-1)), "enum_index"),
    ("enum index past 32 bits", raw("status", avro.long(2 ** 32)), "varint"),
    ("union branch one too high", raw("buyer", avro.long(2)), "union_index"),
    ("negative union branch", raw("seller", avro.long(-1)), "union_index"),
    ("lone continuation byte", raw("exchange", avro.data(b"\x80")), "utf8"),
    ("overlong UTF-8", raw("exchange", avro.data(b"\xc0\xaf")), "utf8"),
    ("UTF-8 surrogate", raw("exchange", avro.data(b"\xed\xa0\x80")), "utf8"),
    ("UTF-8 past U+10FFFF", raw("exchange", avro.data(b"\xf4\x90\x80\x80")), "utf8"),
    ("UTF-8 cut short", raw("currency", avro.data(b"\xe4\xb8")), "utf8"),
    ("invalid UTF-8 in a field nobody reads", raw("category", avro.data(b"\xff")), "utf8"),
    ("decimal of 19 digits", avro.trade(price=10 ** 18), "decimal_range"),
    ("negative decimal of 19 digits", avro.trade(price=-10 ** 18), "decimal_range"),
    ("decimal of 17 bytes", raw("price", avro.data(b"\x01" + bytes(16))), "decimal_range"),
    ("decimal longer than what follows", raw("price", avro.long(500) + b"\x01"), "length"),
    ("time in the year 0", avro.trade(executed_at=YEAR_1 - 1), "time_range"),
    ("time in the year 10000", avro.trade(executed_at=YEAR_10000), "time_range"),
    ("smallest time of all", avro.trade(executed_at=-2 ** 63), "time_range"),
    ("time far in the future", avro.trade(executed_at=(NOW_MS + 3600000) * 1000), "future"),
    ("larger than max_record_bytes", avro.trade(trade_id="x" * 5000), "too_large"),
    ("price of nothing", avro.trade(price=0), "rule"),
    ("negative quantity", avro.trade(quantity=-1), "rule"),
    ("currency that is no code", avro.trade(currency="cny"), "rule"),
    ("category too long", avro.trade(category="数" * 9), "rule"),
    ("side that is not known", avro.trade(side=2), "rule"),
    ("single-object header of an unknown schema", b"\xc3\x01" + bytes(8) + avro.trade(), "unknown_schema"),
    ("group key longer than the limit", avro.trade(product="p" * 3000), "group_key_too_long"),
]

def offset_of(field):
    """Of a good trade's field in its bytes."""
    names = [name for name, _ in avro.TRADE]
    return sum(len(encode(avro.GOOD_TRADE[name])) for name, encode in avro.TRADE[:names.index(field)])


# name: rule, field, byte, schema
PLACES = {
    "no value": (None, None, None, None),
    "a byte after the last field": (None, None, str(len(avro.trade())), "bare"),
    "larger than max_record_bytes": (None, None, None, "bare"),
    "negative quantity": ("quantity: ge 0", "quantity", str(offset_of("quantity")), "bare"),
    "time in the year 0": (None, "executed_at", str(offset_of("executed_at")), "bare"),
    "lone continuation byte": (None, "exchange", str(offset_of("exchange")), "bare"),
    "single-object header of an unknown schema": (None, None, "0", "single-object:" + "0" * 16),
    "id that nobody knows": (None, None, "0", "confluent:99"),
    "not a number": ("x: finite true", "x", str(1 + 8 + 2 + 1), "bare"),
}

RIGHT_UUID = "123e4567-e89b-12d3-a456-426614174000"
END = avro.long(0)


def hostile(**replaced):
    parts = {"at": avro.long(1) + avro.long(1700000000 * S), "name": avro.string("g"), "flag": b"\x01",
             "x": avro.double(1.5), "key": avro.string(RIGHT_UUID),
             "list": avro.long(2) + avro.string("a") + avro.string("b") + END,
             "map": avro.long(-1) + avro.long(3) + avro.string("a") + avro.long(7) + END, "nulls": avro.long(3) + END,
             "tree": avro.long(1) + avro.long(0), "five": b"12345", "amount": b"\x00\x00\x01\x00"}
    assert set(replaced) <= set(parts)
    return b"".join({**parts, **replaced}.values())


HOSTILE = [
    ("null time", hostile(at=avro.long(0)), "field_null"),
    ("boolean of 2", hostile(flag=b"\x02"), "boolean"),
    ("not a number", hostile(x=avro.double(float("nan"))), "not_finite"),
    ("infinite", hostile(x=avro.double(float("-inf"))), "not_finite"),
    ("uuid without dashes", hostile(key=avro.string(RIGHT_UUID.replace("-", ""))), "uuid"),
    ("uuid with a wrong digit", hostile(key=avro.string("g" + RIGHT_UUID[1:])), "uuid"),
    ("block of more items than bytes", hostile(list=avro.long(50000)), "block"),
    ("block of 2^62 items", hostile(list=avro.long(2 ** 62)), "too_many_items"),
    ("block count that has no negative", hostile(list=avro.long(-2 ** 63) + END), "too_many_items"),
    ("block size too small", hostile(list=avro.long(-2) + avro.long(1) + avro.string("a") + avro.string("b") + END), "block"),
    ("block size past its items", hostile(map=avro.long(-1) + avro.long(9) + avro.string("a") + avro.long(7) + END),
     "block"),
    ("negative block size", hostile(map=avro.long(-1) + avro.long(-3) + avro.string("a") + avro.long(7) + END), "block"),
    ("a billion items without bytes", hostile(nulls=avro.long(10 ** 9) + END), "too_many_items"),
    ("items over the budget in many blocks", hostile(nulls=avro.long(60000) + avro.long(60000) + END), "too_many_items"),
    ("50 kB of nesting", hostile(tree=avro.long(1) * 50000), "too_deep"),
    ("string of 1 GiB in ten bytes", hostile(name=avro.long(2 ** 30) + b"12345"), "length"),
    ("more empty keys than the budget", hostile(map=avro.long(100001) + b"\x00\x00" * 100001 + END), "too_many_items"),
    ("more blocks of one item than the budget", hostile(list=(avro.long(1) + b"\x00") * 100001 + END), "too_many_items"),
    ("overlong varint", hostile(at=avro.long(1) + b"\x80" * 1000 + b"\x00"), "varint"),
    ("nesting without end", hostile(tree=avro.long(1) * 5000), "too_deep"),
    ("int past 32 bits", hostile(map=avro.long(1) + avro.string("a") + avro.long(2 ** 31) + END), "varint"),
    ("fixed decimal of too many digits", hostile(amount=b"\x7f\xff\xff\xff"), "decimal_range"),
    ("fixed cut short", hostile()[:-6], "truncated"),
]

FRAMED = [
    ("bare message where single-object is asked for", avro.trade(), "framing"),
    ("header cut short", b"\xc3\x01\x00", "framing"),
    ("unknown fingerprint", b"\xc3\x01" + bytes(8) + avro.trade(), "unknown_schema"),
]
CONFLUENT = [
    ("bare message where confluent is asked for", b"\x01" + avro.trade(), "framing"),
    ("prefix cut short", b"\x00\x00\x00", "framing"),
    ("id that nobody knows", b"\x00\x00\x00\x00\x63" + avro.trade(), "unknown_schema"),
]


def trade_stream(topic, **more):
    return {"topic": topic, "schema": "trade.avsc", "time": "executed_at", "lateness": "30s", **more}


def content_bytes(fields):
    """Sizes at which a trade is cut inside the content of a string or a decimal: its length then says too much."""
    values, at, found = {**avro.GOOD_TRADE, **fields}, 0, set()
    for name, encode in avro.TRADE:
        encoded = encode(values[name])
        branch = 1 if name in ("buyer", "seller") else 0
        if branch or encode in (avro.string, avro.decimal):
            found.update(range(at + branch + 1, at + len(encoded)))
        at += len(encoded)
    return found


class BadMessages(suite.Case):
    def start(self, streams, aggregates, partitions=1, directory=suite.SCHEMAS, **more):
        topics = [s["topic"] for s in streams.values()]
        self.kafka = suite.mock_kafka(self.path("mock"), *(f"{t}:{partitions}" for t in topics),
                                      *(f"{t}.dlq:1" for t in topics),
                                      *(f"tests.state.{name}:{partitions}" for name in streams))
        self.addCleanup(self.kafka.stop)
        self.redis = suite.redis.Server(self.path("redis"), "--unixsocket", "")
        self.addCleanup(self.redis.stop)
        config = self.write("config.yaml", suite.configuration(
            streams, aggregates, self.kafka.bootstrap, self.redis.url, directory, **Daemon.settings(), **more))
        self.daemon = Daemon(suite.program("rollstatd"), config, self.path("rollstatd.log"))
        self.addCleanup(self.daemon.stop)

    def check_letters(self, stream, topic, cases, good, view_key, before=(0, 0, 0)):
        """Good events before, between and after the broken ones; then both are looked at. `before`: events that were applied,
        those of them in the view, and dead letters."""
        records, sent = [], {}
        for number, (name, message, _) in enumerate(cases):
            records.append((0, NOW_MS, b"good", good))
            records.append((0, NOW_MS, f"case {number}".encode(), message))
            sent[sum(before[::2]) + 2 * number + 1] = (name, message, number)
        records.append((0, NOW_MS, b"good", good))
        self.kafka.produce(topic, records)
        client = self.redis.client()
        suite.procs.until(lambda: client.hash(view_key).get("n") == str(before[1] + len(cases) + 1), 30,
                          f"all good events are counted in {view_key}", self.daemon.process)
        counts = suite.procs.until(lambda: (lambda c: c if c["consumed"] == len(records) + sum(before[::2]) else None)(
            self.daemon.accounting(stream)), 20, "all records are accounted for", self.daemon.process)
        self.assertEqual((counts["applied"], counts["rejected"]), (before[0] + len(cases) + 1, before[2] + len(cases)))
        self.assertEqual(counts["consumed"], sum(counts[name] for name in suite.NAMES[1:]))
        letters = suite.procs.until(lambda: (lambda d: d if len(d) >= before[2] + len(cases) else None)(
            self.kafka.dump(topic + ".dlq")), 20, "dead letters", self.daemon.process, every=0.3)[before[2]:]
        self.assertEqual(len(letters), len(cases))
        for letter in letters:
            headers = {name: value.decode() for name, value in letter["headers"].items()}
            offset = int(headers["rollstat.offset"])
            name, message, number = sent[offset]
            reason = cases[number][2]
            with self.subTest(case=name):
                self.assertEqual(headers["rollstat.reason"], reason, headers.get("rollstat.text"))
                self.assertEqual(letter["value"], message)
                self.assertEqual(letter["key"], f"case {number}".encode())
                self.assertEqual((headers["rollstat.topic"], headers["rollstat.partition"]), (topic, "0"))
                self.assertEqual(headers["rollstat.time"], "2023-11-14T22:13:20Z")
                self.assertTrue(headers["rollstat.text"])
                self.check_place(headers, name, message)

    def check_place(self, headers, name, message):
        """Where it is wrong: within the message; for some cases just there."""
        self.assertEqual("rollstat.schema" in headers, message is not None and headers["rollstat.reason"] != "framing")
        if "rollstat.byte" in headers:
            self.assertLessEqual(int(headers["rollstat.byte"]), len(message))
        if name in PLACES:
            self.assertEqual(tuple(headers.get("rollstat." + part) for part in ("rule", "field", "byte", "schema")), PLACES[name])

    def test_trades(self):
        rules = {"price": {"gt": 0}, "quantity": {"ge": 0}, "currency": {"pattern": "[A-Z]{3}"},
                 "category": {"max_length": 8}, "side": {"in": ["BUY", "SELL"]}}
        self.start({"trades": trade_stream("t", rules=rules, max_record_bytes=4096)},
                   {"a": {"stream": "trades", "by": ["exchange", "product"], "window": {"tumbling": "1m"},
                          "stats": {"n": "count()", "volume": "sum(quantity)"}}})
        self.check_letters("trades", "t", TRADES, avro.trade(), "rs:a:XA:P")

    def said(self, *words):
        """A line of the log with all the words, once it is there."""
        def found():
            with open(self.path("rollstatd.log"), encoding="utf-8") as file:
                return [line for line in file if all(word in line for word in words)]
        return suite.procs.until(found, 60, f"the log says {words}", self.daemon.process)[0]

    def test_all_are_rejected(self):
        """A producer whose clock is an hour ahead: nothing comes to Redis, and the log says why."""
        self.start({"trades": trade_stream("t"), "quiet": trade_stream("q", dead_letters=False)},
                   {"a": {"stream": "trades", "by": ["exchange"], "window": {"all": True}, "stats": {"n": "count()"}},
                    "b": {"stream": "quiet", "by": ["exchange"], "window": {"all": True}, "where": {"exchange": "no"},
                          "stats": {"n": "count()"}}})
        ahead = avro.trade(executed_at=(NOW_MS + 3600000) * 1000)
        self.kafka.produce("t", [(0, NOW_MS, b"k", ahead)] * 1200)
        line = self.said("stream trades: ", "1200 of 1200 records were rejected: 1200 future; for example partition 0 offset ")
        self.assertIn("its executed_at is 1h after the record's Kafka time, and max_future allows 30s", line)
        self.assertIn("they are in topic t.dlq", line)
        stream = self.daemon.status()["streams"]["trades"]
        self.assertEqual(stream["rejected"], {"future": 1200})
        self.assertEqual((stream["events"]["consumed"], stream["events"]["rejected"]), (1200, 1200))
        self.assertIn('\nrollstat_rejected_total{stream="trades",reason="future"} 1200\n', self.daemon.get("/metrics")[1])
        self.kafka.produce("q", [(0, NOW_MS, b"k", avro.trade()), (0, NOW_MS, b"k", avro.trade(trade_id="x")[:-1])])
        line = self.said("stream quiet: ", "1 of 2 records were rejected: 1 truncated; for example partition 0 offset 1: the bytes end")
        self.assertNotIn("they are in topic", line)

    def test_every_truncation(self):
        """Each proper prefix of a message is refused, whatever it is cut in."""
        self.start({"trades": trade_stream("t")},
                   {"a": {"stream": "trades", "by": ["exchange"], "window": {"all": True}, "stats": {"n": "count()"}}})
        fields = {"buyer": "b", "seller": "s", "published_at": 5, "category": "数据"}
        whole = avro.trade(**fields)
        inside = content_bytes(fields)
        cases = [(f"first {size} bytes", whole[:size], "length" if size in inside else "truncated")
                 for size in range(len(whole))]
        self.check_letters("trades", "t", cases, whole, "rs:a:XA")

    def test_other_types(self):
        self.start({"hostile": {"topic": "t", "schema": "hostile.avsc", "time": "at", "rules": {"x": {"finite": True}}}},
                   {"a": {"stream": "hostile", "by": ["name"], "window": {"all": True},
                          "stats": {"n": "count()", "x": "sum(x)"}}}, directory=HERE)
        self.check_letters("hostile", "t", HOSTILE, hostile(), "rs:a:g")

    def test_framing(self):
        self.start({"single": trade_stream("s", framing="single-object"),
                    "confluent": trade_stream("c", framing="confluent")},
                   {name: {"stream": name, "by": ["exchange"], "window": {"all": True}, "stats": {"n": "count()"}}
                    for name in ("single", "confluent")},
                   **{"schemas": {"directory": suite.SCHEMAS, "ids": {7: "trade.avsc"}}})
        good = self.fingerprint(os.path.join(suite.SCHEMAS, "trade.avsc")) + avro.trade()
        self.check_letters("single", "s", FRAMED, good, "rs:single:XA")
        self.check_letters("confluent", "c", CONFLUENT, b"\x00\x00\x00\x00\x07" + avro.trade(), "rs:confluent:XA")

    def fingerprint(self, path):
        out, _ = suite.procs.check([suite.program("rollstat-schema"), "fingerprint", path])
        crc = next(w for w in out.decode().split() if len(w) == 16 and all(c in "0123456789abcdef" for c in w))
        return b"\xc3\x01" + bytes.fromhex(crc)[::-1]

    def test_schemas_that_changed(self):
        """Each event is read by the schema that wrote it and counts as the stream's own has it."""
        def record(file, name, *fields):
            self.write(file, json.dumps({"type": "record", "name": name, "fields": [
                dict(zip(("name", "type", "default", "aliases"), field)) for field in fields]}))
        micros, millis = ({"type": "long", "logicalType": f"timestamp-{unit}"} for unit in ("micros", "millis"))
        side = {"type": "enum", "name": "Side", "symbols": ["BUY", "SELL"]}
        record("sale.avsc", "shop.Sale", ("at", micros), ("shop", "string"), ("article", "string", "none", ["item"]),
               ("price", "double"), ("side", {**side, "symbols": ["SELL", "OTHER", "BUY"], "default": "OTHER"}, "BUY"))
        record("v1.avsc", "Sale", ("at", millis), ("shop", "bytes"), ("price", "int"))
        record("v2.avsc", "shop.Sale", ("side", {**side, "symbols": ["SWAP", "SELL"]}), ("item", ["int", "string"]),
               ("price", ["null", "float"]), ("note", {"type": "array", "items": "string"}), ("shop", "string"), ("at", micros))
        record("visit.avsc", "Visit", ("at", micros), ("shop", "string"))
        self.start({"sales": {"topic": "t", "schema": "sale.avsc", "time": "at"},
                    "visits": {"topic": "v", "schema": "visit.avsc", "time": "at"}},
                   {"a": {"stream": "sales", "by": ["shop", "article", "side"], "window": {"all": True},
                          "stats": {"n": "count()", "sum": "sum(price)"}}}, directory=self.directory,
                   **{"schemas": {"ids": {1: "v1.avsc", 2: "v2.avsc", 9: "visit.avsc"}}})
        own = avro.long(NOW_MS * 1000) + avro.string("s") + avro.string("tea") + avro.double(2.5) + avro.long(2)
        v1 = avro.long(NOW_MS) + avro.string("s") + avro.long(3)
        def v2(side, item, price):
            return (avro.long(side) + item + price + avro.long(1) + avro.string("note") + avro.long(0) + avro.string("s") +
                    avro.long(NOW_MS * 1000))
        tea, half, one = avro.long(1) + avro.string("tea"), avro.long(1) + struct.pack("<f", 0.5), b"\x00\x00\x00\x00\x01"
        two, object_two = b"\x00\x00\x00\x00\x02", self.fingerprint(self.path("v2.avsc"))
        self.kafka.produce("t", [(0, NOW_MS, b"k", message) for message in [
            own, one + v1, two + v2(1, tea, half), object_two + v2(0, tea, half), object_two + own, own]])
        client = self.redis.client()

        def views():
            return {k: (v["n"], v["sum"]) for k in ("tea:BUY", "none:BUY", "tea:SELL", "tea:OTHER")
                    for v in [client.hash("rs:a:s:" + k)] if v}
        wanted = {"tea:BUY": ("2", "5"), "none:BUY": ("1", "3"), "tea:SELL": ("1", "0.5"), "tea:OTHER": ("1", "0.5")}
        suite.procs.until(lambda: views() == wanted, 30, "all versions are counted", self.daemon.process)
        self.check_letters("sales", "t", [
            ("own schema under another's fingerprint", object_two + own, "varint"),
            ("an int where text is wanted", two + v2(1, avro.long(0) + avro.long(7), half), "schema_incompatible"),
            ("no price", two + v2(1, tea, avro.long(0)), "schema_incompatible"),
            ("text that is none", one + avro.long(NOW_MS) + avro.data(b"\xff") + avro.long(3), "utf8"),
            ("a byte behind it", one + v1 + b"\x00", "trailing_bytes"),
            ("ends in what nobody wants", two + v2(1, tea, half)[:12], "block"),
            ("symbol that the writer has not", two + v2(2, tea, half), "enum_index"),
            ("another record", b"\x00\x00\x00\x00\x09" + avro.long(NOW_MS * 1000) + avro.string("s"), "schema_incompatible"),
            ("unknown id", b"\x00\x00\x00\x00\x08" + v1, "unknown_schema"),
        ], own, "rs:a:s:tea:BUY", before=(5, 2, 1))

    def test_group_limit_and_late(self):
        self.start({"trades": trade_stream("t", max_groups=2, dead_letters={"late": True})},
                   {"a": {"stream": "trades", "by": ["product"], "window": {"tumbling": "1m"}, "stats": {"n": "count()"}}})
        self.kafka.produce("t", [(0, NOW_MS, None, avro.trade(product=p)) for p in "XYZX"])
        self.kafka.produce("t", [(0, NOW_MS, None, avro.trade(product="X", executed_at=(NOW_MS - 3600000) * 1000)),
                                 (0, NOW_MS, None, avro.trade(product="Y"))])
        letters = suite.procs.until(lambda: (lambda d: d if len(d) == 2 else None)(self.kafka.dump("t.dlq")), 20,
                                    "dead letters", self.daemon.process, every=0.3)
        self.assertEqual([letter["headers"]["rollstat.reason"] for letter in letters], [b"group_limit", b"late"])
        counts = self.daemon.accounting("trades")
        self.assertEqual((counts["applied"], counts["late"], counts["rejected"]), (4, 1, 1))

    def test_duplicates_are_counted_once(self):
        self.start({"trades": trade_stream("t", id="trade_id", dedup="10m")},
                   {"a": {"stream": "trades", "by": ["exchange"], "window": {"all": True},
                          "stats": {"n": "count()", "volume": "sum(quantity)"}}})
        records = [(0, NOW_MS, None, avro.trade(trade_id=f"t{n % 40}")) for n in range(120)]
        # Past the horizon of record time the first ids are new again.
        records += [(0, NOW_MS + 601000, None, avro.trade(trade_id="t0")), (0, NOW_MS + 601000, None, avro.trade(trade_id="t0"))]
        self.kafka.produce("t", records)
        client = self.redis.client()
        suite.procs.until(lambda: self.daemon.accounting("trades")["consumed"] == 122, 20, "all", self.daemon.process)
        counts = self.daemon.accounting("trades")
        self.assertEqual((counts["applied"], counts["duplicate"]), (41, 81))
        suite.procs.until(lambda: client.hash("rs:a:XA") .get("n") == "41", 5, "41 in Redis", self.daemon.process)
        self.assertEqual(client.hash("rs:a:XA")["volume"], "82")

    def test_valid_bad_valid_many_times(self):
        self.start({"trades": trade_stream("t")},
                   {"a": {"stream": "trades", "by": ["exchange"], "window": {"all": True}, "stats": {"n": "count()"}}})
        broken = [m for _, m, r in TRADES if r in ("truncated", "varint", "utf8", "enum_index", "union_index")]
        records = []
        for n in range(10000):
            records.append((0, NOW_MS, None, avro.trade()))
            records.append((0, NOW_MS, None, broken[n % len(broken)]))
        self.kafka.produce("t", records)
        suite.procs.until(lambda: self.daemon.accounting("trades")["consumed"] == 20000, 40, "all", self.daemon.process)
        counts = self.daemon.accounting("trades")
        self.assertEqual((counts["applied"], counts["rejected"]), (10000, 10000))
        client = self.redis.client()
        suite.procs.until(lambda: client.hash("rs:a:XA").get("n") == "10000", 40, "10000 are shown", self.daemon.process)


if __name__ == "__main__":
    suite.main()
