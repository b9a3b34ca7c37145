"""rollstatd with a schema registry: new schemas are read without a restart; an id becomes a dead letter only when the registry has
said that it has none; while it says nothing, that partition waits, visibly, and nothing is lost."""
import json
import os
import sys
import uuid

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import suite  # noqa: E402
import avro  # noqa: E402
import procs  # noqa: E402
import registry  # noqa: E402
from health import STATE, T0, Health  # noqa: E402

with open(os.path.join(suite.SCHEMAS, "trade.avsc"), encoding="utf-8") as trade_file:
    TRADE = json.load(trade_file)
LATER = {**TRADE, "fields": TRADE["fields"] + [{"name": "note", "type": "string"}]}


def framed(number, datum):
    return b"\x00" + number.to_bytes(4, "big") + datum


def trade(number, product, i=0, more=b""):
    return framed(number, avro.trade(product=product, executed_at=T0 + i) + more)


class WithRegistry(Health):
    def setUp(self):
        super().setUp()
        self.registry = registry.Registry()
        self.addCleanup(self.registry.stop)
        self.registry.put(7, TRADE)
        self.registry.put(8, LATER)
        self.start_servers(suite.mock_kafka(self.path("mock"), "t:2", "t.dlq:1", f"{STATE}:2"))

    def begin(self, log="rollstatd.log", stream=None, **settings):
        """One worker for both partitions: that one waits is no matter of the other's."""
        self.configure_one(stream={"framing": "confluent", **(stream or {})}, workers=1,
                           schemas={"registry": {"url": self.registry.url, "timeout": "1s", **settings}})
        self.start_told(log)

    def put(self, partition, *messages):
        self.kafka.produce("t", [(partition, T0 // 1000, None, message) for message in messages])

    def consumed(self, count, timeout=60):
        return procs.until(lambda: (lambda c: c if c["consumed"] >= count else None)(self.daemon.accounting("trades")), timeout,
                           f"{count} records are consumed", self.daemon.process)

    def letters(self, count):
        found = procs.until(lambda: (lambda d: d if len(d) >= count else None)(self.kafka.dump("t.dlq")), 60, "dead letters",
                            self.daemon.process, every=0.3)
        return sorted(letter["headers"]["rollstat.reason"].decode() for letter in found)

    def test_schemas_come_while_it_runs(self):
        self.begin()
        self.put(0, *(trade(7, "P", i) for i in range(10)))
        self.assertEqual(self.consumed(10)["applied"], 10)
        self.put(1, trade(7, "Q"), trade(8, "Q", 1, avro.string("new")), trade(7, "Q", 2))
        self.assertEqual(self.consumed(13)["applied"], 13)
        self.assertEqual(sorted(set(self.registry.asked)), ["/schemas/ids/7", "/schemas/ids/8"])
        self.ready()
        self.assertIn("stream trades: schema id 8 is read from now on", self.log())

    def test_headers_name_the_schema(self):
        """As Confluent's serializers write them where they are told to use headers: 01 and the GUID, the message bare behind it. What is
        rejected keeps its header, so that a replay is read."""
        guid, unknown, later = uuid.UUID(int=0x7), uuid.uuid4(), uuid.uuid4()
        for known, schema in ((guid, TRADE), (later, LATER)):
            self.registry.guids[str(known)] = {"schema": json.dumps(schema)}

        def named(value):
            return [("__value_schema_id", value)]
        bare = avro.trade(product="P", executed_at=T0)
        records = [(bare, named(b"\x01" + guid.bytes)), (bare + avro.string("n"), named(b"\x01" + later.bytes)), (trade(7, "P"), []),
                   (bare, named(bytes(4) + b"\x08")), (bare + avro.string("n"), named(bytes(4) + b"\x08")),
                   (bare, [("__value_schema_id", b"\x01" + unknown.bytes), *named(b"\x01" + guid.bytes)]),
                   (bare, named(b"\x01" + unknown.bytes)), (bare, named(b"\x02")),
                   (avro.trade(product="P", executed_at=T0, quantity=-1) + avro.string("n"), named(b"\x01" + later.bytes))]
        self.begin(stream={"framing": "confluent-header", "rules": {"quantity": {"ge": 0}}})
        self.kafka.produce("t", [(0, T0 // 1000, b"k", value, headers) for value, headers in records])
        counts = self.consumed(len(records))
        self.assertEqual((counts["applied"], counts["rejected"]), (5, 4))
        self.assertEqual(self.letters(4), ["framing", "rule", "truncated", "unknown_schema"])
        rule = next(letter for letter in self.kafka.dump("t.dlq") if letter["headers"]["rollstat.reason"] == b"rule")
        self.assertEqual({name: rule["headers"][name] for name in ("__value_schema_id", "rollstat.schema", "rollstat.field")},
                         {"__value_schema_id": b"\x01" + later.bytes, "rollstat.schema": f"confluent:{later}".encode(), "rollstat.field": b"quantity"})
        self.assertEqual(len(self.registry.questions(f"/schemas/guids/{unknown}")), 1)
        self.ready()
        mended = self.write("mended.yaml", open(self.config, encoding="utf-8").read().replace("quantity", "price"))
        out, _ = procs.check([suite.program("rollstat-dlq"), "-c", mended, "-r", "rule", "-j", "show"])
        row = json.loads(out)
        self.assertEqual((row["now"], row["values"][-1]["field"]), ("none", "note"))
        out, _ = procs.check([suite.program("rollstat-tap"), "-c", self.config, "--from", "earliest", "-e", "-j", "-f", "product", "trades"])
        rows = [json.loads(line) for line in out.splitlines()]
        self.assertEqual([row["verdict"] for row in rows], ["applied"] * 3 + ["rejected", "applied", "applied"] + ["rejected"] * 3)
        self.assertEqual(rows[1]["values"], {"product": "P"})
        self.assertEqual(rows[6]["schema"], f"confluent:{unknown}")

    def test_what_the_registry_has_spoken_on(self):
        """Each is a dead letter with its reason, and what stands around it is counted."""
        self.registry.put(50, "{}", schemaType="JSON")
        self.registry.put(51, {"type": "record", "name": "Other", "fields": []})
        self.registry.put(52, "{\"type\": \"recor")
        self.registry.put(53, TRADE, references=[{"name": "x", "subject": "s", "version": 1}] * 65)
        self.registry.modes[54] = "huge"
        self.registry.modes[55] = "deep_schema"
        bad = [99, 100, 50, 51, 52, 53, 54, 55]
        self.begin()
        self.put(0, *(message for number in bad for message in (trade(7, "P"), trade(number, "P"))), trade(7, "P"))
        counts = self.consumed(2 * len(bad) + 1)
        self.assertEqual((counts["applied"], counts["rejected"]), (len(bad) + 1, len(bad)))
        self.assertEqual(self.letters(len(bad)), ["schema_incompatible"] * 6 + ["unknown_schema"] * 2)
        self.assertIn("events of schema id 50 are refused (schema_incompatible): it is of JSON, not of AVRO", self.log())
        self.ready()

    def test_it_says_nothing(self):
        """One partition waits for its schema while the other, of the same worker, goes on; nothing is rejected."""
        self.begin()
        self.put(1, trade(7, "Q"))
        self.consumed(1)
        consumed, number = 1, 100
        for mode, why in (("500", "answers 500"), ("hang", "did not answer within 1000 ms"),
                          ("redirect", "a redirect, which is not followed"), ("page", "its answer is no JSON object"),
                          ("404_page", "answers 404 with error code 0")):
            with self.subTest(mode):
                number += 1
                self.registry.put(number, TRADE)
                self.registry.mode = mode
                self.registry.let_go.clear()
                self.put(0, trade(7, "P"), trade(number, "P", 1), trade(7, "P", 2), trade(8, "P", 2, avro.string("")))
                self.waits(0, "schema_registry", f"stream trades partition 0 waits: its record at offset .* is of schema id "
                           f"{number}, and the schema registry does not say what that is: .*{why}")
                self.put(1, *(trade(7, "Q", i) for i in range(50)))
                self.consumed(consumed + 51)
                self.assertEqual(self.partition(1)["health"], "runs")
                self.assertEqual(self.daemon.accounting("trades")["consumed"], consumed + 51)
                self.sealed(0, self.partition(0)["next_offset"])
                procs.until(lambda: self.partition(0)["lag"] == 3, 60, "its lag is known", self.daemon.process)
                self.registry.mode = "ok"
                self.registry.let_go.set()
                consumed += 54
                counts = self.consumed(consumed)
                self.assertEqual((counts["applied"], counts["rejected"]), (consumed, 0))
                self.ready()
        self.assertRegex(self.log(), r"warning: stream trades partition 0 waits at offset 1 for schema id 101: \S+ answers 500")
        self.assertEqual(self.kafka.dump("t.dlq"), [])

    def test_a_restart_while_it_is_down(self):
        """From the cache; what is not in it waits, and an instance that stops meanwhile has sealed all before it."""
        cache = self.path("cache")
        self.begin("first.log", cache=cache)
        self.put(0, trade(7, "P"))
        self.consumed(1)
        self.sealed(0, 1)
        self.daemon.stop()
        self.registry.mode = "500"
        self.begin("second.log", cache=cache)
        self.put(0, trade(7, "P"), trade(8, "P", 1, avro.string("")))
        self.assertEqual(self.consumed(2)["applied"], 2)
        self.waits(0, "schema_registry", "schema id 8, .*answers 500")
        self.daemon.stop()
        self.registry.mode = "ok"
        self.begin("third.log", cache=cache)
        counts = self.consumed(3)
        self.assertEqual((counts["applied"], counts["rejected"]), (3, 0))
        self.ready()

    def test_framing_auto(self):
        """A message that begins as a framed one does and names an id that nobody has is read as a bare one."""
        self.begin(stream={"framing": "auto"})
        bare = avro.trade(trade_id="", exchange="", product="", category="", executed_at=T0)
        self.assertEqual(bare[:4], bytes(4))
        self.put(0, bare, trade(7, "P"), bare)
        self.assertEqual(self.consumed(3)["applied"], 3)
        self.assertIn(f"/schemas/ids/{int.from_bytes(bare[1:5], 'big')}", self.registry.asked)

    def test_many_schemas(self):
        """10,000 writer schemas in one topic: bounded memory."""
        numbers = range(1000, 11000)
        for number in numbers:
            self.registry.put(number, {**TRADE, "doc": f"version {number}", "fields": TRADE["fields"] + [
                {"name": f"f{number}", "type": ["null", "string"]}]})
        self.begin(cache=self.path("cache"))
        self.ready()
        before = self.daemon.process.peak_kib()
        for start in range(0, 10000, 1000):
            self.put(0, *(trade(number, "P", number, b"\x00") for number in numbers[start:start + 1000]))
        counts = self.consumed(10000, 600)
        self.assertEqual((counts["applied"], counts["rejected"]), (10000, 0))
        peak = self.daemon.process.peak_kib()
        print(f"    10000 writer schemas: peak {peak >> 10} MiB, before {before >> 10} MiB")
        self.assertLess(peak - before, 256 << 10)


if __name__ == "__main__":
    suite.main()
