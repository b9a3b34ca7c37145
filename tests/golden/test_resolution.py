"""Messages of one schema read as another, value by value against fastavro, on random pairs of schemas.

RS_SEED repeats a run, RS_PAIRS and RS_VALUES say how many (300 pairs of 200 messages). fastavro is looked for beside this Python
and in build/python (`pip install --target build/python fastavro`)."""
import io
import json
import os
import random
import struct
import subprocess
import sys
import uuid

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import suite  # noqa: E402
import avro  # noqa: E402

sys.path.append(os.path.join(suite.ROOT, "build", "python"))
try:
    import fastavro
    from fastavro.read import SchemaResolutionError
except ImportError:
    fastavro = None

PAIRS, VALUES = int(os.environ.get("RS_PAIRS", 300)), int(os.environ.get("RS_VALUES", 200))
UNITS = {"millis": 3, "micros": 6, "nanos": 9}
PRIMITIVES = ("null", "boolean", "int", "long", "float", "double", "bytes", "string")
SOURCES = {"long": ("int", "long"), "float": ("int", "long", "float"), "double": ("int", "long", "float", "double"),
           "string": ("bytes", "string"), "bytes": ("string", "bytes")}
TEXTS = ("", "a", "数据", "tea & milk", "x" * 40, "\u0000", "😀")


def kind(schema):
    return "union" if isinstance(schema, list) else schema["type"] if isinstance(schema, dict) else schema


def logical(schema):
    return schema.get("logicalType") if isinstance(schema, dict) else None


def plain(schema):
    """The schema without what logical types say: what fastavro reads, as the number or bytes that are there."""
    if isinstance(schema, list):
        return [plain(branch) for branch in schema]
    if not isinstance(schema, dict):
        return schema
    return {k: [{**f, "type": plain(f["type"])} for f in v] if k == "fields" else plain(v) if k in ("items", "values") else v
            for k, v in schema.items() if k not in ("logicalType", "precision", "scale")}


class Pair:
    """A reader's schema, a writer's that is near it, and the encoder of the writer's random values."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.number = 0
        self.named = {}  # the writer's
        self.sources = {}  # path of the reader: the writer's type, where it is one
        self.paths = []
        self.reader, self.writer = self.record(0, "")

    def name(self, prefix):
        self.number += 1
        return f"{prefix}{self.number}"

    def chance(self, percent):
        return self.random.randrange(100) < percent

    # ---- the reader's types ----

    def decimal(self):
        precision = self.random.choice((4, 9, 18, 30, 38))
        return {"type": "bytes", "logicalType": "decimal", "precision": precision, "scale": self.random.randrange(precision + 1)}

    def leaf(self):
        choice = self.random.randrange(12)
        if choice < 5:
            return self.random.choice(PRIMITIVES[1:])
        if choice == 5:
            symbols = self.random.sample(["A", "B", "C", "D", "E", "F"], self.random.randint(1, 6))
            more = {"default": self.random.choice(symbols)} if self.chance(50) else {}
            return {"type": "enum", "name": self.name("E"), "symbols": symbols, **more}
        if choice == 6:
            return {"type": "fixed", "name": self.name("F"), "size": self.random.choice((0, 1, 5, 16))}
        if choice < 9:
            return self.decimal()
        if choice == 9:
            return {"type": "string", "logicalType": "uuid"}
        prefix = self.random.choice(("", "local-"))
        return self.random.choice((
            {"type": "long", "logicalType": f"{prefix}timestamp-{self.random.choice(list(UNITS))}"},
            {"type": "long", "logicalType": "time-micros"}, {"type": "int", "logicalType": "time-millis"},
            {"type": "int", "logicalType": "date"}))

    def default(self, schema):
        """JSON of a value of the type."""
        form = kind(schema)
        if form == "union":
            return self.default(self.random.choice(schema))
        if form == "record":
            return {f["name"]: self.default(f["type"]) for f in schema["fields"] if "default" not in f or self.chance(60)}
        if logical(schema) == "decimal":
            return avro.unscaled(self.digits(schema["precision"])).decode("latin-1")
        if logical(schema) == "uuid":
            return str(uuid.UUID(int=self.random.getrandbits(128)))
        return {"null": lambda: None, "boolean": lambda: self.chance(50), "int": lambda: self.random.randrange(-99, 10 ** 9),
                "long": lambda: self.random.randrange(-10 ** 15, 10 ** 15), "float": lambda: self.random.random() * 100,
                "double": lambda: self.random.random() * 100, "string": lambda: self.random.choice(TEXTS),
                "bytes": lambda: self.random.randbytes(3).decode("latin-1"),
                "fixed": lambda: self.random.randbytes(schema["size"]).decode("latin-1"),
                "enum": lambda: self.random.choice(schema["symbols"])}[form]()

    def digits(self, precision):
        number = self.random.randrange(10 ** self.random.randint(0, precision))
        return -number if self.chance(40) else number

    # ---- the writer's, near the reader's ----

    def source(self, reader):
        """A type that resolves to the reader's, mostly; and the reader's, which may get an alias."""
        if self.chance(1) and not logical(reader):  # bytes that text became are no decimal, whatever Avro says
            return reader, self.unread(2)
        form, meaning = kind(reader), logical(reader)
        if form == "enum":
            symbols = [s for s in "ABCDEFG" if self.chance(60)] if "default" in reader or self.chance(20) else reader["symbols"]
            symbols = self.random.sample(symbols or ["A"], len(symbols or ["A"]))
            return self.renamed(reader, {"type": "enum", "symbols": symbols})
        if form == "fixed":
            return self.renamed(reader, {"type": "fixed", "size": reader["size"]})
        if meaning == "decimal":
            scale = self.random.randint(0, reader["scale"])
            before = self.random.randint(0, reader["precision"] - reader["scale"])
            written = {**reader, "precision": max(1, before + scale), "scale": scale}
            fits = written["precision"] - scale <= reader["precision"] - reader["scale"]
            return reader, written if fits and self.chance(85) else "bytes" if self.chance(50) else reader
        if meaning and self.chance(3 if meaning == "uuid" else 30):
            return reader, form
        if meaning == "time-micros" and self.chance(40):
            return reader, {"type": "int", "logicalType": "time-millis"}
        if meaning and "timestamp" in meaning:
            prefix, _, unit = meaning.rpartition("-")
            coarser = [u for u in UNITS if UNITS[u] <= UNITS[unit]]
            return reader, {"type": "long", "logicalType": f"{prefix}-{self.random.choice(coarser)}"}
        return reader, reader if meaning else self.random.choice(SOURCES.get(form, (form,)))

    def renamed(self, reader, writer):
        space = self.random.choice(("", "", "old.", "a.b."))
        if self.chance(70):
            return reader, {**writer, "name": space + reader["name"]}
        name = (space or "old.") + self.name("Old")  # an alias is a full name, and an inner one's depends on where it stands
        return {**reader, "aliases": ["unused.Name", name]}, {**writer, "name": name}

    def unions(self, reader, writer):
        """Null and other types around both."""
        if self.chance(30):
            reader = ["null", reader] if self.chance(50) else [reader, "null"] if self.chance(70) else [reader]
        if self.chance(35) and not isinstance(writer, list) and writer != "null":
            others = ["null"] if (isinstance(reader, list) and "null" in reader) or self.chance(20) else []
            if kind(writer) not in ("boolean", "string", "bytes") and self.chance(20):
                others += self.random.sample(["boolean", "string"], self.random.randint(1, 2))
            writer = [writer, *others]
            self.random.shuffle(writer)
        return reader, writer

    def unread(self, depth):
        """Any type, for fields that the reader does not have."""
        choice = self.random.randrange(12 if depth > 0 else 8)
        if choice < 8:
            return self.random.choice(PRIMITIVES)
        if choice == 8:
            return {"type": "array", "items": self.unread(depth - 1)}
        if choice == 9:
            return {"type": "map", "values": self.unread(depth - 1)}
        if choice == 10:
            return ["null", "long", {"type": "array", "items": self.unread(depth - 1)}, "string"]
        name = self.name("Unread")
        return {"type": "record", "name": name, "fields": [
            {"name": "x", "type": self.unread(depth - 1)}, {"name": "more", "type": ["null", name]}]}

    def record(self, depth, path):
        reads, writes = [], []
        for _ in range(self.random.randint(1, 6)):
            if self.chance(25):
                writes.append({"name": self.name("unread"), "type": self.unread(2)})
            name = self.name("f")
            inside = f"{path}.{name}" if path else name
            if depth < 3 and self.chance(25):
                reader, writer = self.record(depth + 1, inside)
            else:
                reader, writer = self.source(self.leaf())
                self.paths.append(inside)
            self.sources[inside] = writer
            reader, writer = self.unions(reader, writer)
            read, written = {"name": name, "type": reader}, {"name": name, "type": writer}
            if self.chance(20):
                written["name"] = self.name("was")
                read["aliases"] = ["never", written["name"]]
            if self.chance(40):
                read["default"] = self.default(reader)
            if self.chance(80) or ("default" not in read and self.chance(99)):
                writes.append(written)
            else:
                self.sources = {p: s for p, s in self.sources.items() if p != inside and not p.startswith(inside + ".")}
            reads.append(read)
        self.random.shuffle(writes)
        reader = {"type": "record", "name": self.name("R"), "fields": reads}
        return self.renamed(reader, {"type": "record", "fields": writes})

    # ---- the writer's values ----

    def blocks(self, item, most):
        out = b""
        for _ in range(self.random.randint(0, most)):
            items = [item() for _ in range(self.random.randint(1, 3))]
            body = b"".join(items)
            out += (avro.long(-len(items)) + avro.long(len(body)) if self.chance(40) else avro.long(len(items))) + body
        return out + avro.long(0)

    def integer(self, bits):
        number = self.random.getrandbits(self.random.randint(1, bits - 1))
        return avro.long(-number if self.chance(40) else number)

    def text(self):
        if self.chance(30):
            return avro.string(str(uuid.UUID(int=self.random.getrandbits(128))))
        return avro.string(self.random.choice(TEXTS))

    def encode(self, schema, depth=0):
        form = kind(schema)
        if form in self.named:
            return self.encode(self.named[form], depth)
        if isinstance(schema, dict) and "name" in schema:
            self.named[schema["name"]] = schema
        if form == "union":
            nulls = [i for i, branch in enumerate(schema) if branch == "null"]
            branch = nulls[0] if nulls and depth > 5 else self.random.randrange(len(schema))
            return avro.long(branch) + self.encode(schema[branch], depth + 1)
        if form == "record":
            return b"".join(self.encode(f["type"], depth + 1) for f in schema["fields"])
        if form in ("array", "map"):
            items = schema["items" if form == "array" else "values"]
            return self.blocks(lambda: (b"" if form == "array" else self.text()) + self.encode(items, depth + 1),
                               2 if depth < 4 else 0)
        if logical(schema) == "decimal":
            return avro.decimal(self.digits(schema["precision"]))
        if logical(schema) == "uuid":
            return avro.string(str(uuid.UUID(int=self.random.getrandbits(128))))
        return {"null": lambda: b"", "boolean": lambda: bytes([self.random.randrange(2)]), "int": lambda: self.integer(32),
                "long": lambda: self.integer(54), "float": lambda: struct.pack("<f", self.random.gauss(0, 1e6)),
                "double": lambda: avro.double(self.random.gauss(0, 1e9)), "string": self.text,
                "bytes": lambda: avro.data(self.random.randbytes(self.random.randrange(4))) if self.chance(3) else self.text(),
                "fixed": lambda: self.random.randbytes(schema["size"]),
                "enum": lambda: avro.long(self.random.randrange(len(schema["symbols"])))}[form]()


class Refused(Exception):
    pass


def integer_text(value, reader, writer):
    """A whole number as the daemon has it: times by the writer's unit, which counts where it has one."""
    meaning, wrote = logical(reader), logical(writer)
    if meaning and "timestamp" in meaning:
        unit = (wrote or meaning).rpartition("-")[2]
        whole, rest = {"millis": (value * 1000, 0), "micros": (value, 0), "nanos": divmod(value, 1000)}[unit]
        return f"t{whole}.{rest}"
    return f"i{value * 1000 if (meaning, wrote) == ('time-micros', 'time-millis') else value}"


def text(value, reader, writer):
    """What the tool prints for a value that fastavro read. `writer`: its type, None for a default."""
    form = kind(reader)
    if form == "enum":
        return f"i{reader['symbols'].index(value)}"
    if form == "boolean":
        return f"b{int(value)}"
    if form in ("int", "long"):
        return integer_text(value, reader, writer)
    if form in ("float", "double"):
        return "d" + struct.pack(">d", struct.unpack("<f", struct.pack("<f", value))[0] if form == "float" else value).hex()
    value = value if isinstance(value, bytes) else value.encode("utf-8" if form == "string" else "latin-1")
    if logical(reader) == "decimal":
        number = int.from_bytes(value, "big", signed=True)
        number *= 10 ** (reader["scale"] - writer["scale"]) if logical(writer) == "decimal" else 1
        if abs(number) >= 10 ** min(reader["precision"], 38):
            raise Refused("decimal_range")
        return f"m{number}"
    if logical(reader) == "uuid":
        try:
            if str(uuid.UUID(value.decode())) != value.decode():
                raise ValueError
        except ValueError:
            raise Refused("uuid") from None
    return "s" + value.hex()


def expected(value, reader, path, sources, done=""):
    """The text of what is at the path, from the value of the whole."""
    if value is None:
        return "n"
    if isinstance(reader, list):
        reader = next(branch for branch in reader if branch != "null")
    if not path:
        return text(value, reader, sources.get(done))
    field = next(f for f in reader["fields"] if f["name"] == path[0])
    inside = value[path[0]] if path[0] in value else field["default"]
    return expected(inside, field["type"], path[1:], sources, f"{done}.{path[0]}" if done else path[0])


def ask(pair, messages=()):
    """The tool's answers: of the pair, then of each message."""
    lines = ["P {}\t{}\t{}".format(json.dumps(pair.writer), json.dumps(pair.reader), ",".join(pair.paths)),
             *("M " + message.hex() for message in messages)]
    out = subprocess.run([suite.program("resolve_tool")], input="".join(line + "\n" for line in lines), stdout=subprocess.PIPE,
                         text=True, check=True, timeout=300).stdout
    answers = out.splitlines()
    if len(answers) != len(lines):
        raise suite.procs.Failure(f"{len(answers)} answers to {len(lines)} lines")
    return answers


@suite.unittest.skipIf(fastavro is None, "no fastavro here: pip install --target build/python fastavro")
class Resolution(suite.Case):
    def setUp(self):
        super().setUp()
        self.read = self.refused = self.broken = self.whole = 0

    def theirs(self, pair, writer, reader, message):
        """Texts of the values that fastavro reads, or a refusal."""
        try:
            value = fastavro.schemaless_reader(io.BytesIO(message), writer, reader)
        except (SchemaResolutionError, UnicodeDecodeError) as error:
            raise Refused(str(error)) from None
        return [expected(value, pair.reader, path.split("."), pair.sources) for path in pair.paths]

    def check_message(self, pair, writer, reader, message, answer):
        reasons, found = answer.split("\t")[:2], answer.split("\t")[2:]
        self.assertEqual(reasons[0], "none", message.hex())
        try:
            wanted = self.theirs(pair, writer, reader, message)
        except Refused as error:
            self.refused += 1
            self.assertIn(reasons[1], ("schema_incompatible", "utf8", "decimal_range", "uuid"), error)
            return
        self.read += 1
        self.assertEqual(reasons[1], "none", message.hex())
        self.assertEqual(dict(zip(pair.paths, found)), dict(zip(pair.paths, wanted)), message.hex())

    def check_broken(self, pair, messages):
        """What is wrong by the writer's schema is refused in whatever way it is read."""
        broken = []
        for message in messages:
            cut = bytearray(message[:pair.random.randrange(len(message) + 1)] if pair.chance(50) else message)
            for _ in range(pair.random.randrange(3) if cut else 0):
                cut[pair.random.randrange(len(cut))] = pair.random.choice((0, 1, 2, 0x7f, 0x80, 0xff, pair.random.randrange(256)))
            broken.append(bytes(cut) + (b"\x00" if pair.chance(10) else b""))
        for message, answer in zip(broken, ask(pair, broken)[1:]):
            plain_reason, reason = answer.split("\t")[:2]
            self.broken += plain_reason != "none"
            if reason != plain_reason:
                self.assertIn(reason, ("schema_incompatible", "utf8", "decimal_range", "uuid"), message.hex())

    def check_unread(self, pair, writer, reader, messages, answer):
        """No program: nothing that these messages hold can be read, but nulls in the place of what does not resolve."""
        self.whole += 1
        for message in messages:
            try:
                self.assertIn("n", self.theirs(pair, writer, reader, message), answer)
            except Refused:
                pass

    def check_pair(self, seed):
        pair = Pair(seed)
        writer, reader = (fastavro.parse_schema(plain(s)) for s in (pair.writer, pair.reader))
        messages = [pair.encode(pair.writer) for _ in range(VALUES)]
        with self.subTest(seed=seed, writer=json.dumps(pair.writer), reader=json.dumps(pair.reader)):
            answer = ask(pair)[0]
            if answer != "ok":
                self.assertTrue(answer.startswith("!it"), answer)
                self.check_unread(pair, writer, reader, messages, answer)
                return
            for message, said in zip(messages, ask(pair, messages)[1:]):
                self.check_message(pair, writer, reader, message, said)
            self.check_broken(pair, messages[::2])

    def test_random_pairs(self):
        seed = int(os.environ.get("RS_SEED", random.randrange(10 ** 9)))
        print(f"\n  RS_SEED={seed}, {PAIRS} pairs of {VALUES} messages", flush=True)
        for number in range(PAIRS):
            self.check_pair(f"{seed}/{number}")
        print(f"  {self.read} messages read alike, {self.refused} refused alike, {self.broken} broken ones refused, "
              f"{self.whole} pairs without a program", flush=True)
        self.assertGreater(self.read, PAIRS * VALUES // 4)
        self.assertGreater(self.refused, PAIRS * VALUES // 100)


if __name__ == "__main__":
    suite.main()
