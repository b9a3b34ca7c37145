"""Messages of independent Avro libraries are read, and theirs read ours, equal fields both ways: fastavro and Confluent's client of
Python, the Java Avro library, Go's hamba/avro. A library that is not there is skipped by name; tests/interop/fetch gets them into
build/clients. RS_VALUES says how many messages each writes (25), RS_SEED which.

A driver reads lines: `E VALUE` to be encoded, answered by the message in hexadecimal, `D MESSAGE` to be decoded, answered by the
value. A value on a line is JSON as Avro's encoding has it (unions by the name of the branch), but with the unscaled number of a
decimal as text, times as the number that Avro stores, and bytes in hexadecimal."""
import datetime
import decimal
import glob
import importlib
import io
import json
import os
import random
import shutil
import sys
import uuid

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import suite  # noqa: E402
import procs  # noqa: E402
import registry  # noqa: E402
from flow import Flow  # noqa: E402

INTEROP = os.path.join(suite.TESTS, "interop")
CLIENTS = os.environ.get("RS_CLIENTS", os.path.join(suite.ROOT, "build", "clients"))
SEED, VALUES = int(os.environ.get("RS_SEED", 1)), int(os.environ.get("RS_VALUES", 25))
SCHEMA = os.path.join(INTEROP, "client.avsc")
EPOCH = datetime.datetime(1970, 1, 1)
MICROSECOND = datetime.timedelta(microseconds=1)
TEXTS = ("", "a", "数据", "tea & milk", "x" * 200, "😀", "q\"uote\\")
DECIMAL = decimal.Context(prec=60)
ID = 70001

with open(SCHEMA, encoding="utf-8") as schema_file:
    TYPE = json.load(schema_file)


def wanted(name):
    """A module of Python from build/clients, or a skip by its name."""
    for folder in (os.path.join(CLIENTS, "python"), os.path.join(suite.ROOT, "build", "python")):
        if folder not in sys.path:
            sys.path.append(folder)
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise suite.unittest.SkipTest(f"no {name.split('.')[0]} for Python ({error}); tests/interop/fetch gets it") from error


# ---- the schema ----

NAMED = {}


def resolved(schema):
    """A name becomes what it names."""
    return NAMED.get(schema, schema) if isinstance(schema, str) else schema


def learn(schema):
    if isinstance(schema, list):
        for branch in schema:
            learn(branch)
    elif isinstance(schema, dict):
        if "name" in schema:
            NAMED[schema["name"]] = schema
        for inner in [schema.get("items"), schema.get("values"), *(field["type"] for field in schema.get("fields", ()))]:
            learn(inner)


def kind(schema):
    schema = resolved(schema)
    return "union" if isinstance(schema, list) else schema["type"] if isinstance(schema, dict) else schema


def logical(schema):
    schema = resolved(schema)
    return schema.get("logicalType", "") if isinstance(schema, dict) else ""


def branch_name(schema):
    schema = resolved(schema)
    return f"test.clients.{schema['name']}" if isinstance(schema, dict) and "name" in schema else kind(schema)


learn(TYPE)


# ---- values ----

class Values:
    def __init__(self, seed):
        self.random = random.Random(seed)

    def message(self, client):
        return {**self.value(TYPE), "client": client}

    def digits(self, precision):
        number = self.random.randrange(10 ** self.random.randint(0, precision))
        return str(-number if self.random.random() < 0.4 else number)

    def count(self):
        return self.random.choice((0, 0, 1, 2, 3, 9))

    def value(self, schema, depth=0):
        schema, rng = resolved(schema), self.random
        if isinstance(schema, list):
            branch = schema[0] if depth > 3 and schema[0] == "null" else rng.choice(schema)
            return None if branch == "null" else {branch_name(branch): self.value(branch, depth + 1)}
        if logical(schema):
            return self.logical(schema, logical(schema))
        return {
            "null": lambda: None, "boolean": lambda: rng.random() < 0.5, "string": lambda: rng.choice(TEXTS),
            "int": lambda: rng.choice((0, -1, 2 ** 31 - 1, -2 ** 31, rng.randrange(-999, 999))),
            "long": lambda: rng.choice((0, -1, 2 ** 63 - 1, -2 ** 63, rng.randrange(-10 ** 12, 10 ** 12))),
            "float": lambda: rng.randrange(-10 ** 6, 10 ** 6) / 1024, "double": lambda: rng.uniform(-1, 1) * 10 ** rng.randint(-9, 9),
            "bytes": lambda: rng.randbytes(rng.randrange(40)).hex(), "fixed": lambda: rng.randbytes(schema["size"]).hex(),
            "enum": lambda: rng.choice(schema["symbols"]),
            "array": lambda: [self.value(schema["items"], depth + 1) for _ in range(self.count())],
            "map": lambda: {f"k{i}{rng.choice(TEXTS)}": self.value(schema["values"], depth + 1) for i in range(self.count())},
            "record": lambda: {f["name"]: self.value(f["type"], depth + 1) for f in schema["fields"]}}[kind(schema)]()

    def logical(self, schema, what):
        rng = self.random
        us = rng.randrange(-10 ** 15, 2 * 10 ** 15)
        return {"decimal": lambda: self.digits(schema["precision"]), "uuid": lambda: str(uuid.UUID(int=rng.getrandbits(128))),
                "date": lambda: us // (86400 * 10 ** 6), "time-millis": lambda: rng.randrange(86400 * 10 ** 3),
                "time-micros": lambda: rng.randrange(86400 * 10 ** 6), "timestamp-millis": lambda: us // 1000,
                "timestamp-micros": lambda: us, "local-timestamp-micros": lambda: us}[what]()


class Shown:
    """A value as rollstat-schema decode prints it, or (`row`) as a row of rollstat-publish; both are JSON without the branches' names."""

    def __init__(self, row):
        self.row = row

    def text(self, value, schema=TYPE):
        return json.dumps(self.of(value, schema))

    def of(self, value, schema):
        schema = resolved(schema)
        if isinstance(schema, list):
            if value is None:
                return None
            name, inner = next(iter(value.items()))
            return self.of(inner, next(branch for branch in schema if branch_name(branch) == name))
        what = logical(schema)
        if what:
            return self.logical(value, schema, what)
        if kind(schema) in ("bytes", "fixed"):
            return bytes.fromhex(value).decode("latin-1")
        if kind(schema) == "array":
            return [self.of(item, schema["items"]) for item in value]
        if kind(schema) == "map":
            return {name: self.of(item, schema["values"]) for name, item in value.items()}
        if kind(schema) == "record":
            return {f["name"]: self.of(value[f["name"]], f["type"]) for f in schema["fields"]}
        return value

    def logical(self, value, schema, what):
        if what == "decimal":
            exact = DECIMAL.scaleb(decimal.Decimal(value), -schema["scale"])
            return f"{exact:f}" if self.row else exact  # read again below
        if what == "date":
            return (EPOCH + datetime.timedelta(days=value)).date().isoformat()
        if what.startswith("time-"):
            us = value * (1000 if what == "time-millis" else 1)
            return (EPOCH + us * MICROSECOND).time().isoformat() if self.row else value
        if "timestamp" in what:
            us = value * (1000 if what.endswith("millis") else 1)
            return (EPOCH + us * MICROSECOND).isoformat() + "Z"
        return value


def seen(value):
    """Numbers and times as they are compared: by what they are, not by how they are written."""
    if isinstance(value, dict):
        return {name: seen(item) for name, item in value.items()}
    if isinstance(value, list):
        return [seen(item) for item in value]
    if isinstance(value, float):
        return decimal.Decimal(repr(value))
    if isinstance(value, str) and value[10:11] == "T" and value.endswith("Z"):
        return datetime.datetime.fromisoformat(value[:-1])
    return decimal.Decimal(value) if isinstance(value, int) and not isinstance(value, bool) else value


# ---- clients ----

def ask(argv, lines):
    """A driver's answers."""
    out, _ = procs.check(argv, data=("\n".join(lines) + "\n").encode(), timeout=120)
    return out.decode().splitlines()


class Python:
    """What the values are to fastavro and to those that stand on it."""

    def native(self, value, schema):
        schema = resolved(schema)
        if isinstance(schema, list):
            if value is None:
                return None
            name, inner = next(iter(value.items()))
            branch = next(branch for branch in schema if branch_name(branch) == name)
            return (name, self.native(inner, branch)) if kind(branch) == "record" else self.native(inner, branch)
        what = logical(schema)
        if what:
            return self.native_logical(value, schema, what)
        if kind(schema) in ("bytes", "fixed"):
            return bytes.fromhex(value)
        if kind(schema) == "array":
            return [self.native(item, schema["items"]) for item in value]
        if kind(schema) == "map":
            return {name: self.native(item, schema["values"]) for name, item in value.items()}
        if kind(schema) == "record":
            return {f["name"]: self.native(value[f["name"]], f["type"]) for f in schema["fields"]}
        return value

    @staticmethod
    def native_logical(value, schema, what):
        if what == "decimal":
            return DECIMAL.scaleb(decimal.Decimal(value), -schema["scale"])
        if what == "uuid":
            return uuid.UUID(value)
        if what == "date":
            return (EPOCH + datetime.timedelta(days=value)).date()
        us = value * (1000 if what.endswith("millis") else 1)
        if what.startswith("time-"):
            return (EPOCH + us * MICROSECOND).time()
        time = EPOCH + us * MICROSECOND
        return time if what.startswith("local-") else time.replace(tzinfo=datetime.timezone.utc)

    def said(self, value, schema):
        """And back."""
        schema = resolved(schema)
        if isinstance(schema, list):
            branch = next(b for b in schema if self.is_of(value, b))
            return None if value is None else {branch_name(branch): self.said(value, branch)}
        if logical(schema):
            return self.said_logical(value, schema, logical(schema))
        if isinstance(value, bytes):
            return value.hex()
        if kind(schema) == "array":
            return [self.said(item, schema["items"]) for item in value]
        if kind(schema) == "map":
            return {name: self.said(item, schema["values"]) for name, item in value.items()}
        if kind(schema) == "record":
            return {f["name"]: self.said(value[f["name"]], f["type"]) for f in schema["fields"]}
        return value

    @staticmethod
    def is_of(value, schema):
        if logical(schema) == "decimal":
            return isinstance(value, decimal.Decimal)
        return isinstance(value, {"null": type(None), "boolean": bool, "double": float, "string": str, "record": dict,
                                  "long": int}[kind(schema)]) and (kind(schema) != "long" or not isinstance(value, bool))

    @staticmethod
    def said_logical(value, schema, what):
        if what == "decimal":
            return str(int(DECIMAL.scaleb(value, schema["scale"])))
        if what == "uuid":
            return str(value)
        if what == "date":
            return (value - EPOCH.date()).days
        if what.startswith("time-"):
            us = (datetime.datetime.combine(EPOCH, value) - EPOCH) // MICROSECOND
        else:
            us = (value.replace(tzinfo=None) - EPOCH) // MICROSECOND
        return us // 1000 if what.endswith("millis") else us


class Clients(Flow):
    framing = "bare"

    def setUp(self):
        super().setUp()
        self.start_servers(suite.mock_kafka(self.path("mock"), "messages:1", "messages.dlq:1", "published:1", "published.dlq:1",
                                            "tests.state.messages:1"))
        self.registry = registry.Registry()
        self.addCleanup(self.registry.stop)
        self.registry.put(ID, TYPE)

    def ours_by_theirs(self, values, decode):
        """decode: a list of messages to the values in them."""
        rows = self.write("rows.ndjson", "".join(Shown(True).text(value) + "\n" for value in values))
        self.publish("published", rows, "--framing", "bare" if self.framing == "bare" else f"confluent:{ID}")
        messages = [record["value"] for record in self.kafka.dump("published")]
        self.assertEqual(len(messages), len(values))
        for value, theirs in zip(values, decode(messages)):
            self.assertEqual(seen(theirs), seen(value))
        return messages

    def theirs_by_us(self, values, messages):
        """Field by field, and through the daemon to the last digit of a sum."""
        for value, message in zip(values, messages):
            out, _ = procs.check([suite.program("rollstat-schema"), "decode", "-s", SCHEMA, "-f", self.framing, "--hex", "-"],
                                 data=message.hex().encode())
            self.assertEqual(seen(json.loads(out, parse_float=decimal.Decimal, parse_int=decimal.Decimal)),
                             seen(Shown(False).of(value, TYPE)), message.hex())
        self.kafka.produce("messages", [(0, 1700000000000, None, message) for message in messages])
        daemon = self.start_daemon()
        daemon.until_consumed(len(messages), 60, "messages")
        counts = daemon.accounting("messages")
        self.assertEqual((counts["applied"], counts["rejected"]), (len(messages), 0))
        total = sum(int(value["amount"]) for value in values)
        key = f"rs:a:{values[0]['client']}"
        shown = procs.until(lambda: (lambda h: h if h.get("n") == str(len(values)) else None)(self.client.hash(key)), 30,
                            f"{key} shows all", daemon.process)
        self.assertEqual(decimal.Decimal(shown["amount"]), DECIMAL.scaleb(decimal.Decimal(total), -4))

    def check_client(self, name, encode, decode):
        """encode: a list of values to messages."""
        streams = {stream: {"topic": stream, "schema": "client.avsc", "time": "at", "framing": self.framing,
                            "max_future": "36525d", "lateness": "36525d"} for stream in ("messages", "published")}
        self.configure(streams, {"a": {"stream": "messages", "by": ["client"], "window": {"all": True},
                                       "stats": {"n": "count()", "amount": "sum(amount)"}}},
                       schemas={"directory": INTEROP, **({} if self.framing == "bare" else {"registry": {"url": self.registry.url}})})
        made = Values(SEED)
        values = [made.message(name) for _ in range(VALUES)]
        theirs = encode(values)
        self.theirs_by_us(values, theirs)
        return theirs, self.ours_by_theirs(values, decode)

    def check_driver(self, name, argv):
        """It writes some messages with the sizes of their blocks, which ours go without."""
        def encode(values):
            return [bytes.fromhex(line) for line in ask(argv, [f"E {json.dumps(value)}" for value in values])]

        def decode(messages):
            return [json.loads(line) for line in ask(argv, [f"D {message.hex()}" for message in messages])]
        theirs, ours = self.check_client(name, encode, decode)
        self.assertTrue(any(len(one) > len(other) for one, other in zip(theirs, ours)), "no blocks with sizes")
        self.assertTrue(any(len(one) == len(other) for one, other in zip(theirs, ours)), "no blocks without")

    def test_fastavro(self):
        fastavro, python = wanted("fastavro"), Python()
        parsed = fastavro.parse_schema(TYPE)

        def encode(values):
            def one(value):
                out = io.BytesIO()
                fastavro.schemaless_writer(out, parsed, python.native(value, TYPE), strict=True)
                return out.getvalue()
            return [one(value) for value in values]
        self.check_client("fastavro", encode, lambda messages: [
            python.said(fastavro.schemaless_reader(io.BytesIO(message), parsed), TYPE) for message in messages])

    def test_confluent(self):
        """Its serializer and deserializer ask the registry that the daemon asks."""
        avro, clients = wanted("confluent_kafka.schema_registry.avro"), wanted("confluent_kafka.schema_registry")
        fields = wanted("confluent_kafka.serialization")
        self.framing, python = "confluent", Python()
        self.registry.put_subject("messages-value", 1, TYPE, id=ID)
        self.registry.put_subject("messages-value", -1, TYPE, id=ID)
        look_up = self.registry.look_up
        self.registry.look_up = lambda path: look_up(path.replace("/versions/latest", "/versions/-1"))
        client = clients.SchemaRegistryClient({"url": self.registry.url})
        with open(SCHEMA, encoding="utf-8") as file:
            text = file.read()
        serialize = avro.AvroSerializer(client, text, lambda value, _: python.native(value, TYPE),
                                        {"auto.register.schemas": False, "use.latest.version": True})
        deserialize = avro.AvroDeserializer(client, text, lambda value, _: python.said(value, TYPE))
        context = fields.SerializationContext("messages", fields.MessageField.VALUE)
        self.check_client("confluent", lambda values: [serialize(value, context) for value in values],
                          lambda messages: [deserialize(message, context) for message in messages])
        self.assertIn(f"/schemas/ids/{ID}", self.registry.asked)

    def test_java(self):
        jars, classes = os.path.join(CLIENTS, "java"), self.path("classes")
        if not glob.glob(os.path.join(jars, "avro-*.jar")) or not shutil.which("javac"):
            self.skipTest(f"no Java Avro library in {jars}, or no javac; tests/interop/fetch gets it")
        path = os.path.join(jars, "*")
        procs.check(["javac", "-nowarn", "-cp", path, "-d", classes, os.path.join(INTEROP, "AvroClient.java")], timeout=120)
        self.check_driver("java", ["java", "-Xmx128m", "-XX:TieredStopAtLevel=1", "-cp", f"{path}:{classes}", "AvroClient", SCHEMA])

    def test_hamba(self):
        program = os.path.join(CLIENTS, "go", "avro_client")
        if not os.access(program, os.X_OK):
            self.skipTest(f"no Go client {program}; tests/interop/fetch makes it")
        self.check_driver("hamba", [program, SCHEMA])


if __name__ == "__main__":
    suite.main()
