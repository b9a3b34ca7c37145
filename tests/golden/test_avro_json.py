"""NDJSON in Avro's JSON encoding, as kafka-avro-console-consumer, avro-tools and fastavro print it: the same events as bytes in a container
file come to the same keys."""
import io
import json
import os
import random
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import suite  # noqa: E402
import procs  # noqa: E402

sys.path.append(os.path.join(suite.ROOT, "build", "python"))
try:
    import fastavro
except ImportError:
    fastavro = None

DECIMAL = {"type": "bytes", "logicalType": "decimal", "precision": 18, "scale": 4}
SCHEMA = {"type": "record", "name": "Trade", "namespace": "m", "fields": [
    {"name": "id", "type": "string"},
    {"name": "at", "type": {"type": "long", "logicalType": "timestamp-micros"}},
    {"name": "price", "type": DECIMAL},
    {"name": "fee", "type": ["null", DECIMAL], "default": None},
    {"name": "side", "type": [{"type": "enum", "name": "Side", "symbols": ["BUY", "SELL"]}, "null"]},
    {"name": "venue", "type": ["null", {"type": "record", "name": "Venue", "fields": [
        {"name": "country", "type": ["null", "string"]}, {"name": "raw", "type": {"type": "fixed", "name": "F4", "size": 4}}]}]},
    {"name": "tags", "type": {"type": "map", "values": ["long", "double", "string"]}},
    {"name": "day", "type": [{"type": "int", "logicalType": "date"}, "null"]}]}

# As Java's JsonEncoder writes it: names of branches, decimals and fixed as characters, times as numbers.
LINES = r"""{"id":"T-1","at":1767225600000000,"price":"\u0001\u0088\u0094","fee":null,"side":{"m.Side":"BUY"},"venue":null,"tags":{},"day":null}
{"id":"T-2","at":1767225600000001,"price":"þy`","fee":{"bytes":"'\u0010"},"side":null,"venue":{"m.Venue":{"country":{"string":"CN"},"raw":"\u0000ÿ\u007F\u0080"}},"tags":{"a":{"long":1},"b":{"double":0.5},"c":{"string":"é"}},"day":{"int":20454}}
"""


class AvroJson(suite.Case):
    def setUp(self):
        super().setUp()
        self.write("trade.avsc", json.dumps(SCHEMA))
        self.config = self.write("c.yaml", suite.configuration(
            {"t": {"topic": "t", "schema": "trade.avsc", "time": "at", "lateness": "3650d"}},
            {"a": {"stream": "t", "by": ["id", "side", "venue.country", "day"], "window": {"all": True},
                   "stats": {"s": "sum(price)", "f": "sum(fee)", "n": "count()"}}}, directory=self.directory))

    def test_lines_of_a_console_consumer(self):
        path = self.write("rows.ndjson", LINES)
        raw, counts, _ = self.replay(self.config, "t", [path], "--format", "avro-json")
        self.assertEqual(counts["applied"], 2)
        self.assertIn('{"key":"rs:a:T-1:BUY:%null:%null","type":"hash","value":{"s":"10.05","f":"0","n":"1",', raw)
        self.assertIn('{"key":"rs:a:T-2:%null:CN:2026-01-01","type":"hash","value":{"s":"-10","f":"1","n":"1",', raw)

    def test_without_the_option(self):
        """The row is refused at what cannot be meant, with the option that reads it."""
        path = self.write("rows.ndjson", LINES)
        argv = [suite.program("rollstat-publish"), "-c", self.config, "--stream", "t", "--dry-run", "--time-format", "avro", path]
        _, err = procs.check(argv, expect=3)
        self.assertIn(f"{path}:1:43: price: not a number; --format avro-json reads decimals that are written as their bytes\n", err.decode())
        unions = LINES.replace(r'"\u0001\u0088\u0094"', "10.05").replace("\"þy`\"", "-10")
        path = self.write("unions.ndjson", unions)
        _, err = procs.check([*argv[:-1], path], expect=3)
        self.assertIn(f"{path}:2:62: fee: is a decimal in Avro's JSON encoding, which holds its bytes; --format avro-json reads it",
                      err.decode())
        self.assertIn("checked 1 rows, 1 rejected", err.decode())

    def test_what_it_is_not(self):
        path = self.write("rows.ndjson", LINES.replace('{"m.Side":"BUY"}', '"BUY"').replace('{"long":1}', '{"int":1}'))
        _, err = procs.check([suite.program("rollstat-publish"), "-c", self.config, "--stream", "t", "--dry-run", "--format", "avro-json",
                              path], expect=3)
        self.assertIn('side: is no value of a union in Avro\'s JSON encoding, such as {"m.Side": …} or null; --format ndjson reads values '
                      "without the name of their branch", err.decode())
        self.assertIn('tags: is no value of a union in Avro\'s JSON encoding, such as {"long": …}; --format ndjson', err.decode())

    def test_against_another_writer(self):
        """1,000 random events, written by fastavro once as a container file and once as JSON."""
        if not fastavro:
            self.skipTest("no fastavro here nor in build/python")
        seed = int(os.environ.get("RS_SEED", random.SystemRandom().randrange(1 << 32)))
        r = random.Random(seed)
        plain = json.loads(json.dumps(SCHEMA).replace('"logicalType"', '"LogicalType"'))  # fastavro leaves values as they are

        def decimal():
            value = r.choice((0, 1, -1, 127, 128, -128, -129, r.randrange(-10**18 + 1, 10**18)))
            return value.to_bytes((value.bit_length() if value >= 0 else (~value).bit_length()) // 8 + 1, "big", signed=True)

        def event(i):
            tags = {r.choice("abc"): r.choice((r.randrange(-2**63, 2**63), r.random(), "ü\u0000\"\\")) for _ in range(r.randrange(3))}
            return {"id": f"T-{i % 20}", "at": r.randrange(1_700_000_000_000_000, 1_767_225_600_000_000), "price": decimal(),
                    "fee": r.choice((None, decimal())), "side": r.choice(("BUY", "SELL", None)), "tags": tags,
                    "venue": r.choice((None, {"country": r.choice((None, "CN", "DE")), "raw": r.randbytes(4)})),
                    "day": r.choice((None, r.randrange(20000, 20003)))}

        events = [event(i) for i in range(1000)]
        container = io.BytesIO()
        fastavro.writer(container, plain, events)
        self.write("e.avro", container.getvalue().replace(b'"LogicalType"', b'"logicalType"'))
        text = io.StringIO()
        fastavro.json_writer(text, plain, events)
        path = self.write("e.json", text.getvalue() + "\n")
        wanted, counts, _ = self.replay(self.config, "t", [self.path("e.avro")])
        self.assertEqual(counts["applied"], 1000, f"seed {seed}")
        found, _, _ = self.replay(self.config, "t", [path], "--format", "avro-json")
        self.assertEqual(found, wanted, f"seed {seed}")


if __name__ == "__main__":
    suite.main()
