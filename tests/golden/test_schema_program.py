"""rollstat-schema: its output, its refusals and its exit codes."""
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import suite  # noqa: E402
import procs  # noqa: E402

TRADE = os.path.join(suite.SCHEMAS, "trade.avsc")
DATA = os.path.join(suite.TESTS, "unit", "schemas", "data")
MESSAGE = os.path.join(DATA, "single-object.avsc")
JAVA = os.path.join(DATA, "single-object.bin")
BILL = {"id": 42, "name": "Bill", "tags": ["dog_lover", "cat_hater"]}


class SchemaProgram(suite.Case):
    def run_it(self, *arguments, expect=0, stdin=None):
        out, err = procs.check([suite.program("rollstat-schema"), *arguments], expect=expect,
                               **({} if stdin is None else {"input": stdin}))
        return out.decode(), err.decode()

    def refuses(self, text, *arguments, expect=1):
        out, err = self.run_it(*arguments, expect=expect)
        self.assertEqual(out, "")
        self.assertIn(text, err)

    def test_canonical(self):
        out, _ = self.run_it("canonical", MESSAGE)
        self.assertEqual(out, '{"name":"org.apache.avro.TestMessage","type":"record","fields":['
                              '{"name":"id","type":"long"},{"name":"name","type":"string"},'
                              '{"name":"tags","type":{"type":"array","items":"string"}}]}\n')

    def test_fingerprint_is_the_one_java_wrote(self):
        out, _ = self.run_it("fingerprint", "--schema", MESSAGE)
        with open(JAVA, "rb") as file:
            header = file.read(10)
        self.assertIn(f"single-object header  {header.hex()}\n", out)
        self.assertIn(f"CRC-64-AVRO           {header[:1:-1].hex()} ", out)

    def test_decode(self):
        self.assertEqual(json.loads(self.run_it("decode", "--schema", MESSAGE, JAVA)[0]), BILL)
        with open(JAVA, "rb") as file:
            message = file.read()
        self.assertEqual(json.loads(self.run_it("decode", "-s", MESSAGE, "-f", "single-object", JAVA)[0]), BILL)
        bare = self.write("bare", message[10:])
        self.assertEqual(json.loads(self.run_it("decode", "-s", MESSAGE, bare)[0]), BILL)
        confluent = self.write("confluent", b"\x00\x00\x00\x00\x07" + message[10:])
        self.assertEqual(json.loads(self.run_it("decode", "-s", MESSAGE, "-f", "confluent", confluent)[0]), BILL)
        text = self.write("hex", " ".join(f"{byte:02X}" for byte in message) + "\n")
        self.assertEqual(json.loads(self.run_it("decode", "-s", MESSAGE, "--hex", text)[0]), BILL)

    def test_default_of_any_branch(self):
        schema = self.write("s.avsc", json.dumps({"type": "record", "name": "A", "fields": [
            {"name": "x", "type": ["double", "null"], "default": None}]}))
        message = self.write("m", "02\n")
        self.assertEqual(self.run_it("decode", "-x", "-s", schema, message)[0], '{"x":null}\n')

    def test_an_invalid_logical_type_is_ignored_until_it_is_used(self):
        self.write("s.avsc", json.dumps({"type": "record", "name": "A", "fields": [
            {"name": "t", "type": {"type": "long", "logicalType": "timestamp-millis"}},
            {"name": "u", "type": {"type": "int", "logicalType": "timestamp-millis"}},
            {"name": "x", "type": {"type": "bytes", "logicalType": "decimal", "precision": 64, "scale": 127}}]}))
        message = self.write("m", "00 02 04 1234\n")
        self.assertEqual(self.run_it("decode", "-x", "-s", self.path("s.avsc"), message)[0],
                         '{"t":"1970-01-01T00:00:00Z","u":1,"x":"\\u0012\\u0034"}\n')

        def check(time, stat, expect):
            config = self.write("c.yaml", suite.configuration(
                {"s": {"topic": "t", "schema": "s.avsc", "time": time}},
                {"a": {"stream": "s", "window": {"all": True}, "stats": {"s": stat}}}, directory=self.directory))
            return procs.check([suite.program("rollstatd"), "-c", config, "--check"], expect=expect)[1].decode()
        check("t", "count(x)", 0)
        self.assertIn("x is bytes (its logicalType decimal is ignored: its scale, 127, is not from 0 to its precision, 64); "
                      "statistics are made of int, long, float, double and decimal fields", check("t", "sum(x)", 1))
        self.assertIn("field 'u' cannot be the time of the event: its type has to be a timestamp (millis, micros or nanos) or "
                      "a date, and is int (its logicalType timestamp-millis is ignored: it belongs to long)",
                      check("u", "count()", 1))

    def test_names_outside_the_grammar_are_read(self):
        """From end to end, and noted by --check."""
        self.write("s.avsc", json.dumps({"type": "record", "name": "com.acme.Outer$Inner", "fields": [
            {"name": "t", "type": {"type": "long", "logicalType": "timestamp-millis"}},
            {"name": "产品", "type": "string"}, {"name": "unit-price", "type": "int"}, {"name": "$n", "type": "int"}]},
            ensure_ascii=False))
        message = self.write("m", "00 02 61 04 06\n")
        self.assertEqual(self.run_it("decode", "-x", "-s", self.path("s.avsc"), message)[0],
                         '{"t":"1970-01-01T00:00:00Z","产品":"a","unit-price":2,"$n":3}\n')
        config = self.write("c.yaml", suite.configuration(
            {"s": {"topic": "t", "schema": "s.avsc", "time": "t", "rules": {"unit-price": {"gt": 0}}}},
            {"a": {"stream": "s", "by": ["产品"], "window": {"all": True},
                   "stats": {"s": "sum(unit-price)", "n": "max($n)", "c": "count(产品)"}}}, directory=self.directory))
        _, err = procs.check([suite.program("rollstatd"), "-c", config, "--check"])
        self.assertIn("the schema's name 'com.acme.Outer$Inner' is outside Avro's grammar", err.decode())
        rows = self.write("rows.csv", "t,产品,unit-price,$n\n1970-01-01,a,2,3\n1970-01-01,a,5,1\n")
        raw, counts, _ = self.replay(config, "s", [rows])
        self.assertEqual(counts["applied"], 2)
        self.assertIn('{"key":"rs:a:a","type":"hash","value":{"s":"7","n":"3","c":"2",', raw)

    def test_refused_messages(self):
        with open(JAVA, "rb") as file:
            message = file.read()
        cut = self.write("cut", message[:-1])
        self.refuses(f"the message is refused at byte {len(message) - 1}: truncated: ", "decode", "-s", MESSAGE, cut,
                     expect=3)
        bare = self.write("bare", message[10:])
        self.refuses("at byte 0: framing: ", "decode", "-s", MESSAGE, "-f", "single-object", bare, expect=3)
        self.refuses("at byte 0: unknown_schema: ", "decode", "-s", TRADE, "-f", "single-object", JAVA, expect=3)

    def test_explain(self):
        out, _ = self.run_it("explain", "-s", TRADE, "--fields", "price,buyer")
        self.assertIn("decimal of at most 18 digits -> slot 0  (price)\n", out)
        self.assertIn("string -> slot 1  (buyer)\n", out)
        self.assertIn("skip string  (trade_id)\n", out)
        self.assertEqual(out, self.run_it("explain", TRADE, "-F", "price,buyer")[0])

    def versions(self, old, new):
        return self.write("old.avsc", json.dumps(old)), self.write("new.avsc", json.dumps(new))

    def test_check(self):
        def record(*fields):
            return {"type": "record", "name": "Sale", "fields": [dict(zip(("name", "type", "default"), f)) for f in fields]}
        side = {"type": "enum", "name": "Side", "symbols": ["BUY", "SELL", "VOID"]}
        files = self.versions(record(("price", "int"), ("side", side), ("note", ["null", "string"])),
                              record(("price", "double"), ("side", {**side, "symbols": ["BUY"]}), ("note", "string"),
                                     ("shop", "string", ""), ("item", "long")))
        out, _ = self.run_it("check", *files, expect=3)
        self.assertEqual(out, """\
compatibility: none
backward: no (the new schema reads what the old one wrote)
  schema.side: missing_enum_symbols: SELL, VOID are no symbols of enum Side: add them to the reader's symbols, or give its enum a "default"
  schema.note[0]: type_mismatch: null is not read as string: no promotion of Avro's leads there; keep the type, or add a field under another name
  schema.item: reader_field_missing_default_value: the writer has no such field, and there is no default: give the reader's field a \
"default", or the writer's name of it as an alias
forward: no (the old schema reads what the new one writes)
  schema.price: type_mismatch: double is not read as int: no promotion of Avro's leads there; keep the type, or add a field under another name
""")
        found = json.loads(self.run_it("check", "--json", *files, expect=3)[0])
        self.assertEqual([found["compatibility"]] + [b["path"] for b in found["backward"]["breaks"]],
                         ["none", "schema.side", "schema.note[0]", "schema.item"])
        self.assertEqual(found["forward"]["breaks"], [{
            "path": "schema.price", "code": "type_mismatch", "text": "double is not read as int: no promotion of Avro's leads "
            "there; keep the type, or add a field under another name"}])

    def test_check_says_what_was_needed(self):
        wide, narrow = ({"type": "record", "name": "Sale", "fields": [{"name": "price", "type": t}]} for t in ("long", "int"))
        backward = self.versions(narrow, wide)
        self.assertTrue(self.run_it("check", "-n", "backward", *backward)[0].startswith(
            "compatibility: backward\nbackward: yes (the new schema reads what the old one wrote)\nforward: no "))
        for need, expect in ("none", 0), ("backward", 0), ("forward", 3), ("full", 3):
            self.run_it("check", "--need", need, *backward, expect=expect)
        self.assertTrue(self.run_it("check", *self.versions(wide, narrow), expect=3)[0].startswith("compatibility: forward\n"))
        self.assertTrue(self.run_it("check", *self.versions(wide, wide))[0].startswith("compatibility: full\n"))
        self.assertIn("check takes two files", self.run_it("check", TRADE, expect=1)[1])
        self.assertIn("--need is backward, forward, full or none, not 'all'",
                      self.run_it("check", "-n", "all", TRADE, TRADE, expect=1)[1])
        self.assertIn("--need and --json belong to check", self.run_it("canonical", "--json", TRADE, expect=1)[1])
        self.assertIn("is one file too many", self.run_it("explain", "-s", TRADE, TRADE, TRADE, expect=1)[1])
        self.run_it("check", TRADE, self.path("none"), expect=2)
        self.assertIn("not valid JSON", self.run_it("check", TRADE, self.write("bad.avsc", "{"), expect=1)[1])

    def test_check_of_schemas_within_themselves(self):
        """Recursive types, and unions of records in unions of records, whose comparisons multiply."""
        def tree(value):
            return {"type": "record", "name": "Tree", "fields": [{"name": "value", "type": value},
                    {"name": "more", "type": {"type": "map", "values": ["null", "Tree"]}}]}
        self.assertTrue(self.run_it("check", "-n", "backward", *self.versions(tree("int"), tree("long")))[0]
                        .startswith("compatibility: backward\n"))

        def deep(levels, leaf):
            inner = leaf
            for level in range(levels):
                inner = [{"type": "record", "name": f"{side}{level}.R", "fields": [{"name": "f", "type": inner if side == "a" else
                                                                                    (f"a{level - 1}.R" if level else leaf)}]}
                         for side in "ab"]
            return inner
        out, _ = self.run_it("check", *self.versions(deep(25, "int"), deep(25, "string")), expect=3)
        self.assertIn("compatibility: none\n", out)

    def test_help_and_version(self):
        self.assertIn("explain --schema FILE", self.run_it("--help")[0])
        self.assertEqual(self.run_it("--version")[0], "rollstat 0.1.0\n")

    def test_usage(self):
        see = "See `rollstat-schema --help`."
        self.refuses("a command is missing", expect=1)
        self.refuses("'canon' is not a command: canonical, fingerprint, decode, explain, check. " + see, "canon", TRADE)
        self.refuses("the file with the schema is missing. " + see, "canonical")
        self.refuses("the file with the schema is missing (--schema FILE). " + see, "decode", JAVA)
        self.refuses("'x' is one file too many. " + see, "canonical", TRADE, "x")
        self.refuses("'x' is one file too many. " + see, "canonical", "-s", TRADE, "x")
        self.refuses("--framing is auto, bare, confluent or single-object, not 'x'. " + see, "decode", "-f", "x")
        self.refuses("--fields belongs to explain. " + see, "canonical", TRADE, "-F", "a")
        self.refuses("--hex and --framing belong to decode. " + see, "canonical", TRADE, "--hex")
        self.refuses("rollstat.Trade has no field 'prise'; did you mean 'price'?", "explain", TRADE, "-F", "prise")
        self.refuses("--shema", "decode", "--shema", TRADE)
        odd = self.write("odd", "abc")
        self.refuses("the message has an odd number of hexadecimal digits", "decode", "-s", TRADE, "--hex", odd)
        wrong = self.write("wrong", "ab zz")
        self.refuses("byte 4 of the message is not a hexadecimal digit", "decode", "-s", TRADE, "--hex", wrong)

    def test_files(self):
        self.refuses('"/nope.avsc"', "canonical", "/nope.avsc", expect=2)
        self.refuses('"/nope"', "decode", "-s", TRADE, "/nope", expect=2)
        broken = self.write("broken.avsc", '{"type": "record"')
        self.refuses("broken.avsc:1:17: not valid JSON", "canonical", broken)


if __name__ == "__main__":
    suite.main()
