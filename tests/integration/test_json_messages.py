"""JSON messages through a broker: the same trades as Avro and as JSON give the same bytes in Redis, and each broken one goes to the
dead letters with its reason."""
import json
import os
import random
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import suite  # noqa: E402
import avro  # noqa: E402
from daemon import Daemon  # noqa: E402

NOW_MS = 1700000000000
SIDES, STATUSES = ("BUY", "SELL", "UNKNOWN"), ("EXECUTED", "AMENDED", "CANCELLED", "SUSPECT")
TEXTS = ("P", "数据", "a\"b\\c/d", "é ", "line\nbreak", "😀")
STATS = {"n": "count()", "volume": "sum(quantity)", "price": "ohlc(price)", "vwap": "vwap(price, quantity)", "sd": "stddev(price)",
         "buyers": "count(buyer)"}
AGGREGATE = {"by": ["exchange", "product", "side"], "window": {"tumbling": "1m"}, "history": 100, "stats": STATS,
             "where": {"status": {"ne": "CANCELLED"}}}


def digits(value, scale):
    """The decimal's digits as JSON: never by way of a double."""
    text = f"{abs(value):0{scale + 1}d}"
    return ("-" if value < 0 else "") + text[:-scale] + "." + text[-scale:]


class Number(float):
    """A number that is written with the digits it was given."""

    def __new__(cls, text):
        number = super().__new__(cls, text)
        number.text = text
        return number

    def __repr__(self):
        return self.text


def trade_json(rng, fields, form):
    """A trade as one of many producers would write it: order, blanks, escapes, defaults left out, numbers as texts."""
    values = {**avro.GOOD_TRADE, **fields}
    price, quantity = digits(values["price"], 8), digits(values["quantity"], 6)
    item = {**values, "side": SIDES[values["side"]], "status": STATUSES[values["status"]],
            "price": price if rng.randrange(2) else Number(price), "quantity": quantity if rng.randrange(2) else Number(quantity),
            "executed_at": form(rng, values["executed_at"])}
    for name, default in (("category", ""), ("side", "UNKNOWN"), ("status", "EXECUTED"), ("buyer", None), ("seller", None),
                          ("published_at", None)):
        if item[name] == default and rng.randrange(2):
            del item[name]
    if item.get("buyer") and rng.randrange(2):
        item["buyer"] = {"string": item["buyer"]}
    if rng.randrange(3) == 0:
        item["extra"] = {"not": ["declared", 1, None, {"x": 1e-5}]}
    names = list(item)
    if rng.randrange(2):
        rng.shuffle(names)
    text = "{" + ", ".join(f"{json.dumps(n)}:{dumps(item[n], rng.randrange(2) == 0)}" for n in names) + "}"
    return (" " * rng.randrange(2) + text + "\n" * rng.randrange(2)).encode("utf-8")


def dumps(value, ascii_only):
    return repr(value) if isinstance(value, Number) else json.dumps(value, ensure_ascii=ascii_only)


def micros(_rng, us):
    return us


def millis_or_text(rng, us):
    return us // 1000 if rng.randrange(2) else str(us // 1000)


GOOD = b'{"trade_id":"t","exchange":"XA","product":"P","price":10,"quantity":2,"currency":"CNY","executed_at":1700000000000000}'


def raw(name, value):
    item = json.loads(GOOD)
    item.pop(name, None)
    return json.dumps(item)[:-1].encode() + b"," + json.dumps(name).encode() + b":" + value + b"}"


BROKEN = [
    ("no value", None, "tombstone"),
    ("no byte", b"", "truncated"),
    ("cut", GOOD[:-1], "truncated"),
    ("two messages", GOOD + GOOD, "trailing_bytes"),
    ("no JSON", b"trade_id=t", "json"),
    ("an array", b"[" + GOOD + b"]", "type"),
    ("single quotes", GOOD.replace(b'"', b"'"), "json"),
    ("a comma too many", GOOD[:-1] + b",}", "json"),
    ("price as a word", raw("price", b'"ten"'), "type"),
    ("price null", raw("price", b"null"), "type"),
    ("price too fine", raw("price", b"0.000000001"), "number_range"),
    ("price of 19 digits", raw("price", b"12345678901"), "decimal_range"),
    ("NaN", raw("price", b"NaN"), "json"),
    ("side that is none", raw("side", b'"HOLD"'), "enum_symbol"),
    ("side as a number", raw("side", b"1"), "type"),
    ("time as a word", raw("executed_at", b'"noon"'), "time_form"),
    ("time in seconds with digits below a microsecond", raw("executed_at", b"1700000000000000.5"), "time_form"),
    ("time in the year 10000", raw("executed_at", b"253402300800000000"), "time_range"),
    ("no price", GOOD.replace(b'"price":10,', b""), "missing_field"),
    ("price twice", GOOD.replace(b'"price":10,', b'"price":10,"price":11,'), "duplicate_field"),
    ("a name nobody knows", raw("pirce", b"1"), "unknown_field"),
    ("not UTF-8", raw("product", b'"\xff"'), "utf8"),
    ("half a pair", raw("product", b'"\\ud800"'), "utf8"),
    ("a field that nobody uses", raw("currency", b"5"), "type"),
    ("too deep", raw("z", b"[" * 1000), "unknown_field"),
    ("too large", raw("product", b'"' + b"x" * 5000 + b'"'), "too_large"),
    ("rule", raw("quantity", b"-1"), "rule"),
]


# What the letter says of the field; the others are of the whole message.
FIELDS = {"price as a word": "price", "price null": "price", "price too fine": "price", "price of 19 digits": "price", "NaN": "price",
          "side that is none": "side", "side as a number": "side", "time as a word": "executed_at", "no price": "price",
          "time in seconds with digits below a microsecond": "executed_at", "time in the year 10000": "executed_at",
          "price twice": "price", "not UTF-8": "product", "half a pair": "product", "a field that nobody uses": "currency",
          "rule": "quantity"}


class JsonMessages(suite.Case):
    def start(self, streams, aggregates, **more):
        topics = [s["topic"] for s in streams.values()]
        self.kafka = suite.mock_kafka(self.path("mock"), *(f"{t}:1" for t in topics), *(f"{t}.dlq:1" for t in topics),
                                      *(f"tests.state.{name}:1" for name in streams))
        self.addCleanup(self.kafka.stop)
        self.redis = suite.redis.Server(self.path("redis"), "--unixsocket", "")
        self.addCleanup(self.redis.stop)
        config = self.write("config.yaml", suite.configuration(
            streams, aggregates, self.kafka.bootstrap, self.redis.url, suite.SCHEMAS, **Daemon.settings(), **more))
        self.daemon = Daemon(suite.program("rollstatd"), config, self.path("rollstatd.log"))
        self.addCleanup(self.daemon.stop)

    @staticmethod
    def shown(client, aggregate):
        """{key without the aggregate's name: value} of its views and windows."""
        found = {}
        for member in client.call("ZRANGE", f"rs:{aggregate}:index", 0, -1):
            key = f"rs:{aggregate}:".encode() + member
            flat = client.call("HGETALL", key)  # in the order in which fields got their first values
            found[member] = (dict(zip(flat[::2], flat[1::2])), client.call("ZRANGE", key + b":history", 0, -1, "WITHSCORES"))
        return found

    def test_the_same_as_avro(self):
        stream = {"schema": "trade.avsc", "time": "executed_at", "id": "trade_id", "max_future": "1h"}
        self.start({"avro": {**stream, "topic": "a"}, "json": {**stream, "topic": "j", "format": "json"},
                    "forms": {**stream, "topic": "f", "format": "json", "json": {"times": {"executed_at": "ms"}}}},
                   {name: {**AGGREGATE, "stream": name} for name in ("avro", "json", "forms")})
        seed = random.SystemRandom().randrange(10 ** 9)
        print(f"seed {seed}", file=sys.stderr)
        rng = random.Random(seed)
        records = {"a": [], "j": [], "f": []}
        for number in range(3000):
            fields = {"trade_id": f"t{number - number % 7 // 6}", "exchange": rng.choice("XY"), "product": rng.choice(TEXTS),
                      "side": rng.randrange(3), "status": rng.randrange(4), "price": rng.randrange(-10 ** 12, 10 ** 17),
                      "quantity": rng.randrange(10 ** 9), "buyer": rng.choice((None, "b")),
                      "executed_at": (NOW_MS - 60000 + number * 100 - rng.randrange(60000)) * 1000}
            time_ms = NOW_MS + number * 100
            records["a"].append((0, time_ms, None, avro.trade(**fields)))
            records["j"].append((0, time_ms, None, trade_json(rng, fields, micros)))
            framed = b"\0\0\0\0\7" if rng.randrange(2) else b""
            records["f"].append((0, time_ms, None, framed + trade_json(rng, fields, millis_or_text)))
        for topic, items in records.items():
            self.kafka.produce(topic, items)
        for name in ("avro", "json", "forms"):
            self.daemon.until_consumed(3000, 60, name)
        counts = [self.daemon.accounting(name) for name in ("avro", "json", "forms")]
        self.assertEqual(counts[0]["rejected"], 0)
        self.assertGreater(counts[0]["late"] + counts[0]["duplicate"], 0)
        self.assertEqual(counts[1:], counts[:1] * 2)
        client = self.redis.client()

        def same():
            views = [self.shown(client, name) for name in ("avro", "json", "forms")]
            if len(views[0]) > 30 and views[0] == views[1] == views[2]:
                return True
            self.differ = [(m, v, [o.get(m) for o in views[1:]]) for m, v in views[0].items() if any(o.get(m) != v for o in views[1:])]
            return False
        try:
            suite.procs.until(same, 60, "the views are the same bytes", self.daemon.process, every=0.5)
        except suite.procs.Failure:
            self.fail(f"{len(self.differ)} views differ, such as {self.differ[:1]}")

    def test_published_from_one_file(self):
        """One file into streams of Avro and of JSON, whose times have each a form of their own: the same bytes in Redis."""
        stream = {"schema": "trade.avsc", "time": "executed_at", "id": "trade_id", "max_future": "1h", "key": ["exchange"]}
        forms = {"text": {}, "count": {"executed_at": "s"}, "digits": {"executed_at": "ns", "published_at": "ms"},
                 "pattern": {"executed_at": "%d %b %Y %H:%M:%S.%f"}}
        streams = {"avro": {**stream, "topic": "a"}}
        for name, times in forms.items():
            json_part = {"times": times, "zone": "Asia/Shanghai", "unknown": "refuse"} if times else {"unknown": "refuse"}
            streams[name] = {**stream, "topic": name, "format": "json", "json": json_part}
        self.start(streams, {name: {**AGGREGATE, "stream": name} for name in streams})
        rng = random.Random(5)
        rows = ["trade_id,exchange,product,side,status,price,quantity,currency,buyer,executed_at,published_at"]
        for number in range(2000):
            product = rng.choice(TEXTS).replace('"', '""')
            rows.append(f'T{number - number % 9 // 8},{rng.choice("XY")},"{product}",{rng.choice(SIDES)},{rng.choice(STATUSES)},'
                        f'{digits(rng.randrange(-10 ** 12, 10 ** 17), 8)},{digits(rng.randrange(10 ** 9), 6)},CNY,'
                        f'{rng.choice(("", "b"))},{NOW_MS * 1000 + number * 100_001 - rng.randrange(60_000_000)},'
                        f'{rng.choice(("", NOW_MS * 1000))}')
        path = self.write("trades.csv", "\n".join(rows) + "\n")
        for name in streams:
            framing = ["--framing", "confluent:7"] if name == "digits" else []
            _, err = suite.procs.check([suite.program("rollstat-publish"), "-c", self.path("config.yaml"), "--stream", name,
                                        "--time-format", "us", *framing, path])
            self.assertIn("published 2,000 rows, 0 rejected", err.decode())
        for name in streams:
            self.daemon.until_consumed(2000, 60, name)
        counts = [self.daemon.accounting(name) for name in streams]
        self.assertEqual(counts[0]["rejected"], 0)
        self.assertGreater(counts[0]["duplicate"], 0)
        self.assertEqual(counts[1:], counts[:1] * len(forms))
        client = self.redis.client()
        suite.procs.until(lambda: (lambda views: len(views[0]) > 30 and all(view == views[0] for view in views))(
            [self.shown(client, name) for name in streams]), 60, "the views are the same bytes", self.daemon.process, every=0.5)
        keys = [[record["key"] for record in self.kafka.dump(spec["topic"])] for spec in streams.values()]
        self.assertTrue(all(found == keys[0] for found in keys) and set(keys[0]) == {b"X", b"Y"})
        first = self.kafka.dump("pattern")[0]["value"]
        self.assertRegex(first.decode(), r'^\{"trade_id":"T0",.*"executed_at":"1[45] Nov 2023 \d\d:\d\d:\d\d\.\d+",.*\}$')

    def test_broken_messages(self):
        stream = {"topic": "t", "schema": "trade.avsc", "time": "executed_at", "max_record_bytes": 4096, "format": "json",
                  "json": {"unknown": "refuse"}, "rules": {"quantity": {"ge": 0}}, "max_future": "1h"}
        self.start({"trades": stream}, {"a": {"stream": "trades", "by": ["product"], "window": {"all": True},
                                              "stats": {"n": "count()"}}})
        records = []
        for number, (_, message, _) in enumerate(BROKEN):
            records += [(0, NOW_MS, b"good", GOOD), (0, NOW_MS, f"case {number}".encode(), message)]
        self.kafka.produce("t", [*records, (0, NOW_MS, b"good", GOOD)])
        self.daemon.until_consumed(len(records) + 1, 30, "trades")
        counts = self.daemon.accounting("trades")
        self.assertEqual((counts["applied"], counts["rejected"]), (len(BROKEN) + 1, len(BROKEN)))
        letters = suite.procs.until(lambda: (lambda d: d if len(d) >= len(BROKEN) else None)(self.kafka.dump("t.dlq")), 20,
                                    "dead letters", self.daemon.process, every=0.3)
        self.assertEqual(len(letters), len(BROKEN))
        for letter, (name, message, reason) in zip(letters, BROKEN):
            with self.subTest(case=name):
                self.assertEqual((letter["headers"]["rollstat.reason"].decode(), letter["value"]), (reason, message))
                self.assertEqual(letter["headers"].get("rollstat.field"), FIELDS[name].encode() if name in FIELDS else None)

    def test_replay_and_publish(self):
        """Rows of files are replayed as for any stream; published, they are JSON, with the id of the framing that is declared."""
        config = self.write("config.yaml", suite.configuration(
            {"s": {"topic": "t", "schema": "trade.avsc", "time": "executed_at", "format": "json", "framing": "confluent"}},
            {"a": {"stream": "s", "by": ["product"], "window": {"all": True}, "stats": {"n": "count()"}}}))
        rows = self.write("rows.ndjson", GOOD.decode().replace("1700000000000000", '"2023-11-14T22:13:20Z"') + "\n")
        out, _ = suite.procs.check([suite.program("rollstatd"), "-c", config, "--replay", rows])
        self.assertIn('"n":"1"', out.decode().replace(" ", ""))
        publish = [suite.program("rollstat-publish"), "-c", config, "--stream", "s", "--dry-run", rows]
        _, err = suite.procs.check(publish, expect=1)
        self.assertIn('the stream "s" is framed as confluent: say which id the schema has, --framing confluent:ID', err.decode())
        _, err = suite.procs.check([*publish, "--framing", "single-object"], expect=1)
        self.assertIn('--framing single-object is Avro\'s, and the messages of stream "s" are JSON', err.decode())
        _, err = suite.procs.check([*publish, "--registry"], expect=1)
        self.assertIn('--registry is for Avro, and the messages of stream "s" are JSON', err.decode())
        suite.procs.check([*publish, "--framing", "confluent:7"])
        out, _ = suite.procs.check([suite.program("rollstatd"), "-c", config, "--explain"])
        self.assertIn("format: json", out.decode())


if __name__ == "__main__":
    suite.main()
