"""rollstat-publish --registry and --register, against a registry that misbehaves: the id that is written, what each fault is taken for, and
that nothing is registered unasked."""
import ctypes
import json
import os
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import suite  # noqa: E402
import procs  # noqa: E402
import registry  # noqa: E402

SCHEMA = {"type": "record", "name": "Sale", "fields": [
    {"name": "shop", "type": "string"},
    {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
    {"name": "price", "type": {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}}]}
OTHER_SCALE = json.loads(json.dumps(SCHEMA).replace('"scale": 2', '"scale": 4'))
SUBJECT = "shop.sales-value"


class PublishRegistry(suite.Case):
    def setUp(self):
        super().setUp()
        self.write("sale.avsc", json.dumps(SCHEMA, indent=4))
        self.csv = self.write("a.csv", "shop,at,price\nA,2026-01-01T00:00:00Z,1.50\nB,2026-01-01T00:00:01Z,2\n")
        self.start_registry()

    def start_registry(self, **options):
        self.registry = registry.Registry(**options)
        self.addCleanup(self.registry.stop)
        self.configure(self.registry.url)

    def configure(self, told, bootstrap="127.0.0.1:9", **stream):
        self.config = self.write("c.yaml", suite.configuration(
            {"sales": {"topic": "shop.sales", "schema": "sale.avsc", "time": "at", "key": ["shop"], **stream}}, {}, bootstrap=bootstrap,
            directory=self.directory, schemas={"registry": told} if told else {}))

    def argv(self, *options):
        return [suite.program("rollstat-publish"), "-c", self.config, "-s", "sales", *options, self.csv]

    def publish(self, *options, expect=0):
        return procs.check(self.argv(*options), expect=expect)[1].decode()

    def registered(self, schema=None, number=7):
        text = json.dumps(schema or SCHEMA)
        self.registry.put(number, text)
        self.registry.registered[SUBJECT] = {number: text}

    def writes(self):
        return self.registry.questions(r"POST .*/versions")

    def test_what_arrives(self):
        """Looked up or registered, the id is before each event; a second run finds what the first one registered."""
        kafka = suite.mock_kafka(self.path("kafka"), "shop.sales:1")
        self.addCleanup(kafka.stop)
        self.configure(self.registry.url, bootstrap=kafka.bootstrap)
        self.registry.put(41, OTHER_SCALE)
        self.assertIn("published 2 rows, 0 rejected", self.publish("--register"))
        self.assertIn("published 2 rows, 0 rejected", self.publish("--registry", "--framing", "confluent"))
        self.assertIn("published 2 rows, 0 rejected", self.publish("--register"))
        self.assertEqual(self.writes(), ["POST /subjects/shop.sales-value/versions"])
        self.assertEqual([json.loads(text) for text in self.registry.registered[SUBJECT].values()], [SCHEMA])
        records = kafka.dump("shop.sales")
        self.assertEqual(len(records), 6)
        self.assertEqual({record["value"][:5] for record in records}, {b"\0\0\0\0\x2a"})

    def test_nothing_is_registered_unasked(self):
        for options in (("--registry",), ("--registry", "--framing", "confluent", "--dry-run")):
            said = self.publish(*options, expect=1)
            self.assertEqual(said, f'rollstat-publish: the schema of stream "sales" is not registered under subject "{SUBJECT}" '
                                   f"({self.registry.url} does not have it): rollstat-publish --register registers it\n")
        self.assertIn("note: the schema is not registered yet; without --dry-run it would be", self.publish("--register", "--dry-run"))
        self.registered(OTHER_SCALE)  # the subject is there now, and has another version
        self.assertIn("is not registered under subject", self.publish("--registry", expect=1))
        self.assertEqual(self.writes(), [])

    def test_refused(self):
        """What the registry has against the schema is told in its own words, cut, and without what a terminal would obey."""
        self.registry.mode = "incompatible"
        where = f'the schema of stream "sales" is not registered under subject "{SUBJECT}": {self.registry.url} refuses it'
        self.assertIn(f"{where} as incompatible with what is there: {self.registry.words}\n", self.publish("--register", expect=1))
        self.registry.words = "\x1b[2J\r\nbad \u202e\x9b title" + "x" * 100_000
        said = self.publish("--register", expect=1)
        self.assertIn("as incompatible with what is there: ?[2J??bad ????? title", said)
        self.assertTrue(said.endswith("xxx...\n") and said.isascii() and said.rstrip("\n").isprintable(), said)
        self.assertLess(len(said), 1400)
        self.registry.words = ["no", "text"]
        self.assertIn("as incompatible with what is there: it does not say why\n", self.publish("--register", expect=1))
        self.registry.mode = "read_only"
        self.assertIn(f"{where}: Subject is in read-only mode\n", self.publish("--register", expect=1))

    def test_lies(self):
        """An id that leads to another schema, even one of the same canonical form, or to none, is not written."""
        self.registered()
        self.registry.put(7, OTHER_SCALE)
        said = self.publish("--registry", "--dry-run", expect=1)
        self.assertIn('the registry says that the schema of stream "sales" has id 7, and has another one under that id: nothing can be '
                      "published with it", said)
        del self.registry.schemas[7]
        self.assertIn("has id 7, which does not lead to it: ", self.publish("--registry", "--dry-run", expect=1))
        self.registry.put(7, "no schema")
        self.assertIn("has another one under that id", self.publish("--registry", "--dry-run", expect=1))

    def test_no_answer(self):
        """Asked again until the time is up; the reason is told while it waits and at its end. Exit 2: the environment."""
        for mode, said in (("500", "answers 500"), ("redirect", "answers 302, a redirect, which is not followed"),
                           ("page", "its answer is no JSON object"), ("no_id", "its answer has no id"),
                           ("odd_id", "its answer has no id"), ("huge", "has more than 4194304 bytes"),
                           ("gzip_bomb", "answers compressed, which nobody asked for"), 
                           ("404_page", "answers 404 with error code 0"), ("deep", "its answer is no JSON object")):
            with self.subTest(mode=mode):
                self.registered()
                self.registry.mode = mode
                text = self.publish("--registry", "--dry-run", "--timeout", "600ms", expect=2)
                self.assertRegex(text, r"rollstat-publish: the schema registry was asked for \d+ ms: ")
                self.assertIn(said, text.splitlines()[-1])
        self.registry.mode = "forbidden"
        self.assertIn("and at what this user may write", self.publish("--register", "--timeout", "300ms", expect=2))

    def test_recovers(self):
        """The registry is down at first: the program waits, and goes on once there is an answer. A signal ends the wait."""
        self.registered()
        self.registry.mode = "500"
        process = subprocess.Popen(self.argv("--registry", "--dry-run"), stderr=subprocess.PIPE)
        self.assertIn(b"waiting for the schema registry", process.stderr.readline())
        self.registry.mode = "ok"
        said = process.communicate(timeout=procs.PATIENCE)[1].decode()
        self.assertEqual(process.returncode, 0, said)
        self.assertIn("checked 2 rows, 0 rejected", said)
        self.registry.mode = "hang"
        process = subprocess.Popen(self.argv("--registry", "--dry-run"), stderr=subprocess.PIPE)
        while len(self.registry.questions("POST .*")) < 3 and process.poll() is None:
            time.sleep(0.01)
        process.terminate()
        self.assertEqual(process.communicate(timeout=procs.PATIENCE)[1], b"rollstat-publish: interrupted\n")
        self.assertEqual(process.returncode, -signal.SIGTERM)

    def test_library(self):
        """librollstat finds the id by itself, too, and says why not."""
        library = ctypes.CDLL(os.path.join(suite.BUILD, "ingest", "publish", "librollstat.so"))
        kafka = suite.mock_kafka(self.path("kafka"), "shop.sales:1")
        self.addCleanup(kafka.stop)
        self.configure(self.registry.url, bootstrap=kafka.bootstrap)

        class Error(ctypes.Structure):
            _fields_ = [("code", ctypes.c_int), ("text", ctypes.c_char * 1020)]

        class Options(ctypes.Structure):
            _fields_ = [("size", ctypes.c_size_t), ("brokers", ctypes.c_char_p), ("key", ctypes.c_char_p), ("framing", ctypes.c_char_p),
                        ("timeout_ms", ctypes.c_int64), ("on_failure", ctypes.c_void_p), ("on_log", ctypes.c_void_p),
                        ("self", ctypes.c_void_p), ("on_wait", ctypes.c_void_p), ("registry", ctypes.c_int)]

        def opened(registry, framing=None):
            options = Options(size=ctypes.sizeof(Options), framing=framing, timeout_ms=30000, registry=registry)
            return library.rollstat_open(self.config.encode(), b"sales", ctypes.byref(options), ctypes.byref(error))

        for name in ("rollstat_open", "rollstat_event_new"):
            getattr(library, name).restype = ctypes.c_void_p
        error = Error()
        self.assertIsNone(opened(1))
        self.assertEqual((error.code, self.writes()), (-1, []))
        self.assertIn(b"is not registered under subject", error.text)
        self.assertIsNone(opened(2, framing=b"bare"))
        self.assertIn(b"a registry finds the id for framing confluent, not for bare", error.text)
        publisher = ctypes.c_void_p(opened(2, framing=b"confluent"))
        self.assertTrue(publisher, error.text)
        event = ctypes.c_void_p(library.rollstat_event_new(publisher, None))
        for field, text in ((b"shop", b"A"), (b"at", b"2026-01-01"), (b"price", b"1.50")):
            self.assertEqual(library.rollstat_set_string(event, library.rollstat_event_field(event, field), text), 0)
        self.assertEqual(library.rollstat_publish(publisher, event, None, ctypes.byref(error)), 0, error.text)
        library.rollstat_event_free(ctypes.byref(event))
        self.assertEqual(library.rollstat_close(ctypes.byref(publisher), ctypes.c_int64(30000), ctypes.byref(error)), 0, error.text)
        self.assertEqual([record["value"][:5] for record in kafka.dump("shop.sales")], [b"\0\0\0\0\1"])

    def test_rights_and_several_urls(self):
        self.start_registry(user=("ann", "secret word"))
        self.registered()
        password = self.write("password", "secret word\n")
        self.configure({"urls": ["http://127.0.0.1:9", self.registry.url], "username": "ann", "password_file": password})
        self.assertIn("checked 2 rows", self.publish("--registry", "--dry-run"))
        self.write("password", "wrong\n")
        said = self.publish("--registry", "--dry-run", "--timeout", "300ms", expect=2)
        self.assertNotIn("secret", said)

    def test_wrong_usage(self):
        for told, stream, options, said in (
                (None, {}, ["--registry"], "no schema registry is configured: schemas: {registry: URL}"),
                (self.registry.url, {}, ["--registry", "--framing", "bare"],
                 "--registry finds the id for --framing confluent; it does not go with --framing bare"),
                (self.registry.url, {}, ["--register", "--framing", "confluent:7"], "it does not go with --framing confluent:7"),
                (self.registry.url, {"framing": "single-object"}, ["--registry"],
                 '--registry is for framing confluent, and the stream "sales" has another one'),
                (self.registry.url, {"framing": "confluent"}, [], "framing confluent needs the schema's id: --registry asks the "
                 "configured registry for it, --framing confluent:ID gives it"),
                (self.registry.url, {}, ["--framing", "confluent"], "framing confluent needs the schema's id")):
            with self.subTest(options=options, stream=stream):
                self.configure(told, **stream)
                self.assertIn(f"rollstat-publish: {said}" if not said.startswith("it does") else said, self.publish(*options, expect=1))
        self.assertEqual(self.registry.asked, [])


if __name__ == "__main__":
    suite.main()
