"""The client of schema registries, against one that misbehaves: what each fault is taken for, what is told, and that all goes on
once it is over. No answer may cost more than the limits, and no secret is ever shown."""
import json
import os
import re
import subprocess
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import suite  # noqa: E402
import procs  # noqa: E402
import registry  # noqa: E402

SCHEMA = {"type": "record", "name": "a.Trade", "fields": [{"name": "x", "type": "int"}]}
OTHER = {"type": "record", "name": "a.Trade", "fields": [{"name": "y", "type": "long"}]}


class Client:
    """registry_tool as a process."""

    def __init__(self, config, log):
        with open(log, "ab") as err:
            self.popen = subprocess.Popen([suite.program("registry_tool"), config], stdin=subprocess.PIPE,
                                          stdout=subprocess.PIPE, stderr=err, text=True, bufsize=1)
        self.log, self.lines, self.changed = log, [], threading.Condition()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.popen.stdout:
            with self.changed:
                self.lines.append(json.loads(line))
                self.changed.notify_all()

    def say(self, command):
        self.popen.stdin.write(command + "\n")

    def first(self, wanted):
        """The first line for which wanted(line) holds, taken out."""
        with self.changed:
            found = self.changed.wait_for(lambda: next((line for line in self.lines if wanted(line)), None), procs.PATIENCE)
            if found is None:
                raise procs.Failure(f"no such answer\n{procs.tail(self.log)}")
            self.lines.remove(found)
            return found

    def answer(self, number):
        return self.first(lambda line: line.get("key") == f"id {number}")

    def ask(self, number):
        self.say(f"ask {number}")
        return self.answer(number)

    def why(self, number):
        self.say(f"why {number}")
        return self.first(lambda line: set(line) == {"why"})["why"]

    def status(self):
        self.say("status")
        return self.first(lambda line: "requests" in line)

    def unanswered(self):
        with self.changed:
            return not [line for line in self.lines if "key" in line]

    def stop(self):
        self.popen.stdin.close()
        return self.popen.wait(procs.PATIENCE)


class Asking(suite.Case):
    def setUp(self):
        super().setUp()
        self.registry = self.start_registry()
        self.registry.put(7, SCHEMA)

    def start_registry(self, **options):
        made = registry.Registry(**options)
        self.addCleanup(made.stop)
        return made

    def client(self, log="client.log", **settings):
        config = {"url": self.registry.url, "timeout": "1s", **settings}
        if "urls" in config:
            del config["url"]
        path = self.write("client.yaml", f"schemas: {{registry: {json.dumps(config)}}}\n")
        made = Client(path, self.path(log))
        self.addCleanup(lambda: made.popen.poll() is None and made.popen.kill())
        return made

    def log(self, name="client.log"):
        return procs.tail(self.path(name), 10 ** 6)

    def found(self, answer, schema=SCHEMA):
        self.assertEqual((answer["outcome"], json.loads(answer["schema"] or "null")), ("found", schema))

    # ---- right answers ----

    def test_a_schema(self):
        client = self.client()
        self.found(client.ask(7))
        self.assertEqual(self.registry.asked, ["/schemas/ids/7"])
        self.registry.put(8, "\"string\"", schemaType="AVRO", references=[])
        self.found(client.ask(8), "string")
        self.assertEqual(client.stop(), 0)

    def test_a_guid(self):
        client = self.client()
        self.registry.guids["123e4567-e89b-12d3-a456-426614174000"] = {"schema": json.dumps(SCHEMA), "guid": "x"}
        client.say("guid 123e4567e89b12d3a456426614174000")
        self.found(client.first(lambda line: "key" in line))

    def test_an_unknown_id(self):
        answer = self.client().ask(404)
        self.assertEqual(answer["outcome"], "unknown")
        self.assertIn("there is no such schema", answer["why"])

    def test_a_path_in_the_url(self):
        client = self.client(url=self.registry.url + "/base/")
        client.say("ask 7")
        procs.until(lambda: self.registry.asked, 20, "it is asked")
        self.assertEqual(self.registry.asked[0], "/base/schemas/ids/7")

    def test_references(self):
        """Through two levels, one of them used twice, and names that have no namespace of their own."""
        self.registry.put_subject("money", 3, {"type": "fixed", "name": "Money", "namespace": "b", "size": 8})
        self.registry.put_subject("side & more", 1, {"type": "record", "name": "b.c.Leg", "fields": [
            {"name": "m", "type": "b.Money"}, {"name": "next", "type": ["null", "Leg"]}]},
            references=[{"name": "b.Money", "subject": "money", "version": 3}])
        self.registry.put(9, {"type": "record", "name": "Trade", "namespace": "b", "fields": [
            {"name": "total", "type": "Money"}, {"name": "legs", "type": {"type": "array", "items": "b.c.Leg"}},
            {"name": "one", "type": {"type": "b.c.Leg"}}]},
            references=[{"name": "b.c.Leg", "subject": "side & more", "version": 1},
                        {"name": "b.Money", "subject": "money", "version": 3}])
        answer = self.client().ask(9)
        money = {"type": "fixed", "name": "Money", "namespace": "b", "size": 8}
        leg = {"type": "record", "name": "Leg", "namespace": "b.c", "fields": [
            {"name": "m", "type": "b.Money"}, {"name": "next", "type": ["null", "b.c.Leg"]}]}
        self.found(answer, {"type": "record", "name": "Trade", "namespace": "b", "fields": [
            {"name": "total", "type": money}, {"name": "legs", "type": {"type": "array", "items": leg}},
            {"name": "one", "type": "b.c.Leg"}]})
        self.assertEqual(sorted(self.registry.asked), ["/schemas/ids/9", "/subjects/money/versions/3",
                                                       "/subjects/side%20%26%20more/versions/1"])
        self.write("whole.avsc", answer["schema"])
        procs.check([suite.program("rollstat-schema"), "canonical", self.path("whole.avsc")])

    # ---- refused: the registry has spoken ----

    def refused(self, number, why):
        answer = self.client().ask(number)
        self.assertEqual(answer["outcome"], "refused")
        self.assertRegex(answer["why"], why)

    def test_other_formats(self):
        self.registry.put(1, "{}", schemaType="JSON")
        self.registry.put(2, "syntax = \"proto3\";", schemaType="PROTOBUF")
        self.registry.put(3, "{}", schemaType="\x1b[31mCOBOL\nsecond line")
        self.refused(1, "^it is of JSON, not of AVRO$")
        self.refused(2, "^it is of PROTOBUF, not of AVRO$")
        self.refused(3, "^it is of another type, not of AVRO$")

    def test_a_schema_that_is_too_large(self):
        for mode, why in (("huge", "the registry's answer has more than 4194304 bytes"),
                          ("large_schema", "it has 2097160 bytes; at most 1048576"),
                          ("deep_schema", "it nests 5000 levels deep; at most 512")):
            with self.subTest(mode):
                self.registry.mode = mode
                client = self.client()
                answer = client.ask(7)
                self.assertEqual(answer["outcome"], "refused")
                self.assertIn(why, answer["why"])
                peak = procs.status_kib(client.popen.pid, "VmHWM")
                self.assertLess(peak, 64 << 10)

    def test_references_without_end(self):
        """Two that refer to each other are a type that holds itself; a chain that is too long is refused."""
        for i in range(100):
            self.registry.put_subject(f"s{i}", 1, {"type": "record", "name": f"R{i}", "fields": [{"name": "f", "type": f"R{i + 1}"}]},
                                      references=[{"name": "x", "subject": f"s{i + 1}", "version": 1}])
        self.registry.put(1, SCHEMA, references=[{"name": "x", "subject": "s0", "version": 1}])
        self.refused(1, "more than 64 references")
        self.registry.put(2, SCHEMA, references=[{"name": "x", "subject": f"s{i}", "version": 1} for i in range(65)])
        self.refused(2, "it has 65 references; at most 64")
        circle = {"type": "record", "name": "A", "fields": [{"name": "b", "type": ["null", "B"]}]}
        self.registry.put(3, circle, references=[{"name": "B", "subject": "b", "version": 1}])
        self.registry.put_subject("a", 1, circle, references=[{"name": "B", "subject": "b", "version": 1}])
        self.registry.put_subject("b", 1, {"type": "record", "name": "B", "fields": [{"name": "a", "type": ["null", "A"]}]},
                                  references=[{"name": "A", "subject": "a", "version": 1}])
        answer = self.client().ask(3)
        self.assertEqual(answer["outcome"], "found")
        self.assertEqual(len(self.registry.questions("/subjects/[ab]/.*")), 2)
        self.write("circle.avsc", answer["schema"])
        procs.check([suite.program("rollstat-schema"), "canonical", self.path("circle.avsc")])

    # ---- failures: nobody has spoken, so that it is asked again ----

    def fails(self, why, **settings):
        """It has no answer, says why, and gets the answer once the fault is over."""
        client = self.client(**settings)
        client.say("ask 7")
        procs.until(lambda: re.search(why, client.why(7)), 20, f"it says {why}: {client.why(7)}")
        self.assertTrue(client.unanswered())
        status = client.status()
        self.assertEqual((status["found"], status["unknown"], status["refused"], status["waiting"]), (0, 0, 0, 1))
        self.assertGreater(status["failures"], 0)
        self.mend()
        self.found(client.answer(7))
        procs.until(lambda: (client.status()["waiting"], client.status()["failing"]) == (0, False), 20, "all is over")
        return client

    def mend(self):
        self.registry.mode = "ok"
        self.registry.let_go.set()

    def test_faults(self):
        url = r"http://localhost:\d+"
        for mode, why in (("500", f"^{url} answers 500$"),
                          ("404_page", f"^{url} answers 404 with error code 0, .*is this the URL of a schema registry"),
                          ("404_other_code", f"^{url} answers 404 with error code 40401"),
                          ("redirect", f"^{url} answers 302, a redirect, which is not followed"),
                          ("page", f"^{url}: its answer is no JSON object"),
                          ("no_schema", f"^{url}: its answer has no schema"),
                          ("hang", f"^{url} did not answer within 1000 ms"),
                          ("drip", f"^{url} did not answer within 1000 ms"),
                          ("cut", f"^{url}: "),
                          ("huge_page", f"^{url} answers with more than 4194304 bytes that are no JSON"),
                          ("gzip_bomb", f"^{url} answers compressed, which nobody asked for"),
                          ("headers", f"^{url} answers with more than 65536 bytes of headers"),
                          ("deep", f"^{url}: its answer is no JSON object")):
            with self.subTest(mode):
                self.registry.mode = mode
                self.registry.let_go.clear()
                client = self.fails(why)
                self.assertLess(procs.status_kib(client.popen.pid, "VmHWM"), 64 << 10)
                client.stop()
        self.assertEqual(self.registry.questions("/elsewhere.*"), [])

    def test_it_is_down(self):
        port = procs.free_port()
        client = self.client(url=f"http://localhost:{port}")
        client.say("ask 7")
        procs.until(lambda: "http://localhost" in client.why(7), 20, "it says why")
        made = self.start_registry(port=port)
        made.put(7, SCHEMA)
        self.found(client.answer(7))

    def test_one_bad_id_keeps_none_of_the_others(self):
        self.registry.modes[7] = "500"
        client = self.client()
        client.say("ask 7")
        for number in range(100, 150):
            self.registry.put(number, SCHEMA)
            client.say(f"ask {number}")
        for number in range(100, 150):
            self.found(client.answer(number))
        self.assertTrue(client.unanswered())
        self.registry.modes.clear()
        self.found(client.answer(7))

    def test_it_ends_while_nobody_answers(self):
        self.registry.mode = "hang"
        client = self.client(timeout="1m")
        client.say("ask 7")
        procs.until(lambda: self.registry.asked, 20, "it is asked")
        self.assertEqual(client.stop(), 0)
        self.assertFalse(self.registry.let_go.is_set())

    # ---- several URLs ----

    def test_the_one_that_answers_is_remembered(self):
        dead = f"http://localhost:{procs.free_port()}"
        client = self.client(urls=[dead, self.registry.url])
        self.found(client.ask(7))
        self.assertEqual(client.status()["failures"], 1)
        self.registry.put(8, OTHER)
        self.found(client.ask(8), OTHER)
        status = client.status()
        self.assertEqual((status["failures"], status["url"]), (1, self.registry.url))

    def test_one_that_lags(self):
        """Its 404 counts only where no other has the schema."""
        behind = self.start_registry()
        client = self.client(urls=[behind.url, self.registry.url])
        self.found(client.ask(7))
        self.assertEqual(client.ask(8)["outcome"], "unknown")
        self.assertEqual((behind.asked, self.registry.asked.count("/schemas/ids/8")), (["/schemas/ids/7", "/schemas/ids/8"], 1))

    # ---- who asks ----

    def test_a_password(self):
        self.registry.user = ("ann", "s3cret päss")
        path = self.write("password", "wrong\n")
        client = self.client(username="ann", password_file=path)
        client.say("ask 7")
        procs.until(lambda: "answers 401: look at `username` and `password_file`" in client.why(7), 20, "401 is told")
        self.write("password", "s3cret päss\n")  # exchanged: read anew with each question
        self.found(client.answer(7))
        self.shows_no_secret(client, "s3cret")

    def test_a_token(self):
        self.registry.token = "t0ken"
        path = self.write("token", "t0ken\n")
        client = self.client(token_file=path)
        self.found(client.ask(7))
        os.unlink(path)
        client.say("ask 8")
        procs.until(lambda: "/token" in client.why(8), 20, "the missing file is told")
        self.write("token", "two\nlines\n")
        procs.until(lambda: "/token holds more than one line" in client.why(8), 20, "it is told")
        self.write("token", "t0ken")
        self.assertEqual(client.answer(8)["outcome"], "unknown")
        self.shows_no_secret(client, "t0ken")

    def shows_no_secret(self, client, secret):
        with open(f"/proc/{client.popen.pid}/cmdline", "rb") as file:
            self.assertNotIn(secret.encode(), file.read())
        self.assertNotIn(secret, self.log())
        self.assertNotIn(secret, json.dumps([client.status(), client.why(7), client.lines]))

    def test_tls(self):
        made = registry.certificates(self.directory)
        ca = made["ca"][0]
        self.registry = self.start_registry(tls=registry.tls_server(*made["localhost"], ask_for=ca))
        self.registry.put(7, SCHEMA)
        self.found(self.client(ca=ca, certificate=made["client"][0], key=made["client"][1]).ask(7))
        for name, settings in (("no certificate of the client", {"ca": ca}),
                               ("a certificate that nobody has signed", {"ca": made["stranger"][0]}),
                               ("no CA", {})):
            with self.subTest(name):
                asked = len(self.registry.asked)
                client = self.client(**settings)
                client.say("ask 7")
                procs.until(lambda: "https://localhost" in client.why(7), 20, "it says why")
                self.assertTrue(client.unanswered())
                self.assertEqual(len(self.registry.asked), asked)

    def test_tls_with_the_wrong_name(self):
        made = registry.certificates(self.directory)
        self.registry = self.start_registry(tls=registry.tls_server(*made["elsewhere.test"]))
        client = self.client(ca=made["ca"][0])
        client.say("ask 7")
        procs.until(lambda: "name" in client.why(7), 20, "the name is told")
        self.assertEqual((self.registry.asked, client.unanswered()), ([], True))

    # ---- what changes, and the cache ----

    def test_another_schema_under_a_known_id(self):
        """Without a cache: no answer, as nobody can tell which of them the messages are of."""
        client = self.client()
        self.found(client.ask(7))
        self.registry.put(7, OTHER)
        client.say("ask 7")
        procs.until(lambda: "another schema than it was before" in client.why(7), 20, "it is told")
        self.assertTrue(client.unanswered())
        self.assertIn("id 7 is another schema", self.log())
        self.registry.put(7, json.dumps(SCHEMA, indent=4))  # the same, written in another way
        self.found(client.answer(7))

    def test_a_restart_while_it_is_down(self):
        cache = self.path("cache")
        client = self.client(cache=cache)
        self.found(client.ask(7))
        client.stop()
        self.assertEqual(os.listdir(cache), ["id-7.json"])
        self.registry.mode = "500"
        client = self.client(cache=cache)
        self.found(client.ask(7))
        self.assertEqual(client.status()["from_cache"], 1)
        client.say("ask 8")
        procs.until(lambda: "answers 500" in client.why(8), 20, "what is not in it waits")
        self.registry.put(8, OTHER)
        self.registry.mode = "ok"
        self.found(client.answer(8), OTHER)

    def test_the_cache_wins(self):
        cache = self.path("cache")
        client = self.client(cache=cache)
        self.found(client.ask(7))
        client.stop()
        self.registry.put(7, OTHER)
        client = self.client(cache=cache)
        self.found(client.ask(7))
        procs.until(lambda: "id 7 is another schema" in self.log(), 20, "it is told")
        self.assertIn("the one in the cache stays in use. If the registry was replaced, stop the daemon and empty", self.log())
        self.assertEqual(client.status()["changed"], 1)
        self.found(client.ask(7))

    def test_what_is_gone_from_the_registry(self):
        cache = self.path("cache")
        client = self.client(cache=cache)
        self.found(client.ask(7))
        client.stop()
        self.registry.schemas.clear()
        client = self.client(cache=cache)
        self.found(client.ask(7))
        procs.until(lambda: "id 7 is in the cache and stays in use" in self.log(), 20, "it is told")

    def test_damaged_files(self):
        """Each counts for nothing, is told, and is written anew."""
        cache = self.path("cache")
        client = self.client(cache=cache)
        self.found(client.ask(7))
        client.stop()
        file = os.path.join(cache, "id-7.json")
        with open(file, "rb") as kept:
            right = kept.read()
        changed = json.loads(right)
        changed["schema"] = json.dumps(OTHER)
        other = json.loads(right)
        other["key"] = "id-8"
        newer = json.loads(right)
        newer["format"] = 2
        for number, damaged in enumerate([b"", right[:50], b"\x00" * 100, b"[" * 100000, right.replace(b"Trade", b"Trada", 1),
                                          json.dumps(changed).encode(), json.dumps(other).encode(), json.dumps(newer).encode(),
                                          b" " * (3 << 20)]):
            with self.subTest(number):
                with open(file, "wb") as kept:
                    kept.write(damaged)
                log = f"{number}.log"
                client = self.client(log=log, cache=cache)
                self.found(client.ask(7))
                self.assertEqual(client.status()["from_cache"], 0)
                self.assertIn("/id-7 is damaged or cannot be read", self.log(log))
                client.stop()
                with open(file, "rb") as kept:
                    self.assertEqual(kept.read(), right)

    def test_a_cache_that_cannot_be_used(self):
        self.write("file", "")
        client = self.client(cache=self.path("file"))
        self.found(client.ask(7))
        self.assertIn("schemas of the registry are not kept, so that a restart needs the registry", self.log())

    # ---- many ----

    def test_many(self):
        """10,000 ids: all answered, questions bounded, memory too."""
        client = self.client(cache=self.path("cache"))
        for number in range(10000, 20000):
            self.registry.put(number, {"type": "record", "name": f"R{number}", "fields": [{"name": "x", "type": "int"}]})
            client.say(f"ask {number}")
        names = set()
        while len(names) < 10000:
            names.add(client.first(lambda line: line.get("outcome") == "found")["key"])
        peak = procs.status_kib(client.popen.pid, "VmHWM")
        print(f"    10000 schemas: peak {peak >> 10} MiB, {len(os.listdir(self.path('cache')))} files in the cache")
        self.assertLess(peak, 64 << 10)
        self.assertLessEqual(len(os.listdir(self.path("cache"))), 10000)


if __name__ == "__main__":
    suite.main()
