"""rollstatd as a program: command line, configuration errors, health pages, signals, systemd."""
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import suite  # noqa: E402
import procs  # noqa: E402
from daemon import Notify  # noqa: E402

STREAMS = {"trades": {"topic": "t", "schema": "trade.avsc", "time": "executed_at"}}
AGGREGATES = {"m": {"stream": "trades", "by": ["exchange", "product"], "window": {"tumbling": "1m"},
                    "stats": {"n": "count()", "volume": "sum(quantity)"}}}
HEADER = "trade_id,exchange,product,price,quantity,currency,executed_at\n"

WRONG = """\
grop: tests
kafka:
  bootstrap.servers: 127.0.0.1:9
  enable.auto.commit: 'true'
  fetch.wait.max.mss: 1
  fetch.max.bytes: many
redis:
  url: redis://127.0.0.1:9/0
  publish_evry: 1ms
schemas:
  directory: {schemas}
streams:
  trades:
    topic: t
    schema: trade.avsc
    time: executed_at
  again:
    topic: t
    schema: trade.avsc
    time: executed_at
aggregates:
  m:
    stream: trades
    window: {{tumbling: 1m}}
    stats: {{n: cuont()}}
workers: 0
limits: {{memory: 1KiB, pending_histry: 1}}
http: {{listen: localhost:80}}
log: {{level: loud, format: xml}}
state: {{log: disk, comit_every: 1s, commit_every: 2m, replication_factor: 0}}
"""
REPORT = """\
wrong.yaml:1:1: unknown key "grop" in the configuration; did you mean "group"?
wrong.yaml:4:3: kafka: "enable.auto.commit" is set by rollstat itself: offsets in Kafka are for lag monitoring only
wrong.yaml:5:3: librdkafka knows no property "fetch.wait.max.mss"; did you mean "fetch.wait.max.ms"?
wrong.yaml:6:20: kafka: Invalid value for configuration property "fetch.max.bytes"
wrong.yaml:9:3: unknown key "publish_evry" in `redis`; did you mean "publish_every"?
wrong.yaml:18:12: streams: "trades" and "again" read the same topic "t"; one stream can feed any number of aggregates
wrong.yaml:25:16: no statistic "cuont"; did you mean "count"?
wrong.yaml:26:10: workers: must be a whole number from 1 to 64, not "0"
wrong.yaml:27:18: memory: must be from 16777216 to 9223372036854775807 bytes, not "1KiB"
wrong.yaml:27:24: unknown key "pending_histry" in limits; did you mean "pending_history"?
wrong.yaml:28:16: http: "localhost:80" is not an address to listen on, such as 127.0.0.1:9464 or [::1]:9464
wrong.yaml:29:14: log: level "loud" is not one of error, warning, info, debug
wrong.yaml:29:28: log: format "xml" is neither text nor json
wrong.yaml:30:14: state: log "disk" is not one of kafka, memory
wrong.yaml:30:20: unknown key "comit_every" in state; did you mean "commit_every"?
wrong.yaml:30:51: commit_every: must be from 50ms to 1m, not "2m"
wrong.yaml:30:75: replication_factor: must be a whole number from 1 to 1000, not "0"
rollstatd: wrong.yaml: 17 errors
"""


class DaemonCase(suite.Case):
    def setUp(self):
        super().setUp()
        self.daemon = suite.program("rollstatd")
        self.port = procs.free_port()

    def config(self, bootstrap="127.0.0.1:9", redis_url="redis://127.0.0.1:9/0", **more):
        more = {"http": {"listen": f"127.0.0.1:{self.port}"}, "workers": 2, **more}
        return self.write("config.yaml", suite.configuration(STREAMS, AGGREGATES, bootstrap, redis_url, **more))

    def start(self, config, env=None):
        process = procs.Process([self.daemon, "-c", config], self.path("log"), env={**os.environ, **(env or {})})
        self.addCleanup(process.kill)
        return process

    def get(self, path, method="GET"):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=procs.PATIENCE)
        try:
            connection.request(method, path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def log(self):
        return procs.tail(self.path("log"), 100000)


class CommandLine(DaemonCase):
    def fails(self, *arguments, status=1):
        return procs.check([self.daemon, *arguments], expect=status)[1].decode()

    def test_help_and_version(self):
        self.assertEqual(procs.check([self.daemon, "--version"])[0], b"rollstat 0.1.0\n")
        text = procs.check([self.daemon, "--help"])[0].decode()
        self.assertTrue(text.startswith("Usage: rollstatd -c FILE"))
        for option in ("--check", "--explain", "--groups N", "--replay", "--partitions N", "--time-format"):
            self.assertIn(option, text)
        self.assertLessEqual(max(map(len, text.splitlines())), 110)

    def test_wrong_command_lines(self):
        config = self.config()
        for arguments, told in (
                ([], "--config FILE is missing"),
                (["--chek"], "unknown option --chek; did you mean --check?"),
                (["-c"], "option --config needs a value (FILE)"),
                (["-c", config, "--check", "--replay"], "--check and --replay exclude each other"),
                (["-c", config, "file.csv"], '"file.csv": files are for --replay'),
                (["-c", config, "--check", "--stream", "trades"], "--stream is for --replay"),
                (["-c", config, "--check", "--groups", "5"], "--groups is for --explain"),
                (["-c", config, "--explain", "--groups", "0"], '--groups: "0" is not a whole number from 1 to'),
                (["-c", config, "--replay", "--partitions", "x"], '--partitions: "x" is not a whole number'),
                (["-c", config, "--log-level", "loud"], '--log-level: "loud" is not one of error, warning, info, debug'),
                (["-c", config, "--replay", "--stream", "none", "x.csv"], 'the configuration has no stream "none"')):
            with self.subTest(arguments=arguments):
                text = self.fails(*arguments)
                self.assertIn(told, text)
                self.assertTrue(text.startswith("rollstatd: "), text)

    def test_a_file_that_cannot_be_read(self):
        text = self.fails("-c", self.path("none.yaml"), "--check", status=2)
        self.assertIn("none.yaml", text)
        self.assertIn("No such file or directory", text)

    def test_what_stops_the_start_has_a_priority_in_the_journal(self):
        self.write("wrong.yaml", WRONG.format(schemas=suite.yaml(suite.SCHEMAS)))
        for argument, expected in (("wrong.yaml", 1), ("missing.yaml", 2)):
            with open(self.path("journal"), "w+", encoding="utf-8") as journal:
                at = os.fstat(journal.fileno())
                code = subprocess.run([self.daemon, "-c", argument], stderr=journal, cwd=self.directory, check=False,
                                      env={**os.environ, "JOURNAL_STREAM": f"{at.st_dev}:{at.st_ino}"}).returncode
                journal.seek(0)
                lines = journal.read().splitlines()
            self.assertEqual(code, expected)
            self.assertTrue(lines)
            self.assertEqual([line for line in lines if not line.startswith("<3>")], [])

    def test_all_that_is_wrong_at_once(self):
        self.write("wrong.yaml", WRONG.format(schemas=suite.yaml(suite.SCHEMAS)))
        for mode in ("--check", "--explain", None):
            arguments = [self.daemon, "-c", "wrong.yaml"] + ([mode] if mode else [])
            out, err = procs.check(arguments, expect=1, cwd=self.directory)
            self.assertEqual(out, b"")
            self.assertEqual(err.decode(), REPORT)

    def test_a_syntax_error_has_a_place(self):
        path = self.write("syntax.yaml", "group: a\nstreams: [\n")
        self.assertRegex(self.fails("-c", path, "--check"), r"syntax\.yaml:\d+:\d+: ")

    def test_a_right_configuration(self):
        out, err = procs.check([self.daemon, "-c", self.config(), "--check"])
        self.assertEqual(out.decode(), f"{self.path('config.yaml')}: ok: 1 stream, 1 aggregate\n")
        self.assertEqual(err, b"")

    def test_state_topics_have_names(self):
        name = "s" * 60
        long = suite.configuration({name: STREAMS["trades"]}, {"m": {**AGGREGATES["m"], "stream": name}}, group="g" * 200)
        self.assertIn("Kafka allows 249: use a shorter group or stream name",
                      self.fails("-c", self.write("long.yaml", long), "--check"))
        own = {"trades": {**STREAMS["trades"], "topic": "tests.state.trades"}}
        path = self.write("own.yaml", suite.configuration(own, AGGREGATES))
        self.assertRegex(self.fails("-c", path, "--check"),
                         r'own\.yaml:\d+:12: streams: "trades" reads the topic "tests\.state\.trades", in which rollstatd keeps')
        path = self.write("memory.yaml", suite.configuration(own, AGGREGATES, state={"log": "memory"}))
        procs.check([self.daemon, "-c", path, "--check"])

    def topics(self, *topics, **more):
        """What --check says of streams that read and dead-letter so."""
        streams = {f"s{n}": {**STREAMS["trades"], "topic": topic, "dead_letters": {"topic": letters} if letters else False}
                   for n, (topic, letters) in enumerate(topics)}
        path = self.write("topics.yaml", suite.configuration(streams, {"m": {**AGGREGATES["m"], "stream": "s0"}}, **more))
        status, out, err = procs.run([self.daemon, "-c", path, "--check"])
        return status, (out + err).decode()

    def test_dead_letters_lead_nowhere_back(self):
        rings = ((("ta", "tb"), ("tb", "ta")), (("ta", "tb"), ("tb", "tc"), ("tc", "ta")),
                 (("x", "ta"), ("ta", "tb"), ("tb", "tc"), ("tc", "td"), ("td", "ta")))
        for topics in rings:
            status, text = self.topics(*topics)
            self.assertEqual(status, 1, text)
            self.assertEqual(text.count("would go round for ever"), 1, text)
            first = [t for t, _ in topics if t != "x"]
            self.assertIn(f"round for ever: {' -> '.join([*first, first[0]])}; let one", text)
            self.assertRegex(text, r"topics\.yaml:\d+:\d+: streams: dead letters")
        for topics in ((("ta", "tb"), ("tb", "tc")), (("ta", "tb"), ("tb", None)), (("ta", "d"), ("tb", "d"))):
            status, text = self.topics(*topics)
            self.assertEqual((status, text.count("error")), (0, 0), text)
            self.assertNotIn("warning", text)

    def test_dead_letters_stay_out_of_the_daemons_topics(self):
        for topic in ("tests.state.s0", "tests.state.later", "tests.partials", "tests.partials.a"):
            status, text = self.topics(("ta", topic))
            self.assertEqual(status, 1, text)
            self.assertRegex(text, rf'topics\.yaml:\d+:\d+: streams: dead letters of "s0" would go into the topic "{topic}"')
            status, text = self.topics((topic, "tb"))
            self.assertEqual(status, 1, text)
        for topic in ("tests", "tests.stated", "test.state.s0", "tests.partial"):
            self.assertEqual(self.topics(("ta", topic))[0], 0)

    def test_names_of_dead_letter_topics_fit_kafka(self):
        for size, wanted in ((245, 0), (246, 1), (249, 1)):
            topic = "t" * size
            path = self.write("long.yaml", suite.configuration({"trades": {**STREAMS["trades"], "topic": topic}}, AGGREGATES))
            status, out, err = procs.run([self.daemon, "-c", path, "--check"])
            self.assertEqual(status, wanted, err)
            if wanted:
                self.assertRegex(err.decode(), rf"long\.yaml:\d+:12: the topic of its dead letters, .* would have {size + 4} characters")
        self.assertEqual(self.topics(("t" * 249, None))[0], 0)
        status, text = self.topics(("a.b", "a_b"))
        self.assertEqual(status, 0)
        self.assertRegex(text, r"topics\.yaml:\d+:\d+: warning: streams: the topics a\.b and a_b differ only in")

    def test_a_public_address_is_warned_of(self):
        path = self.config(http={"listen": "0.0.0.0:9464"})
        _, err = procs.check([self.daemon, "-c", path, "--check"])
        self.assertRegex(err.decode(), r"config\.yaml:\d+:\d+: warning: http: 0\.0\.0\.0:9464 is not a loopback address")

    def test_explain_names_inputs_windows_and_keys(self):
        out, _ = procs.check([self.daemon, "-c", self.config(), "--explain", "--groups", "1000"])
        text = out.decode()
        for part in ("stream trades", "topic: t", "tumbling 1m", "rs:m:<exchange>:<product>", "1000 groups"):
            self.assertIn(part, text)

    def test_replay_needs_neither_kafka_nor_redis_and_tells_what_it_rejects(self):
        config = self.write("replay.yaml", f"group: g\nschemas: {{directory: {suite.yaml(suite.SCHEMAS)}}}\n"
                            "streams:\n  trades: {topic: t, schema: trade.avsc, time: executed_at, rules: {price: {gt: 0}}}\n"
                            "aggregates:\n  m: {stream: trades, by: [product], window: {tumbling: 1m}, "
                            "stats: {volume: sum(quantity)}}\n")
        rows = self.write("rows.csv", HEADER + "1,E,P,1.5,2,CNY,2026-01-01T00:00:01Z\n"
                          "2,E,P,0,2,CNY,2026-01-01T00:00:01Z\n3,E,P,x,2,CNY,2026-01-01T00:00:01Z\n")
        out, err = procs.check([self.daemon, "-c", config, "--replay", rows], expect=3)
        keys = [json.loads(line) for line in out.decode().splitlines()]
        self.assertEqual([key["key"] for key in keys], ["rs:m:P", "rs:m:index", "rs:meta"])
        self.assertEqual(keys[0]["value"]["volume"], "2")
        text = err.decode()
        self.assertIn(f"{rows}:3: rule: ", text)
        self.assertIn(f"{rows}:4:7: price: ", text)
        self.assertIn("rows: 3 read, 1 bad\n", text)
        self.assertIn("partition 0: consumed 2 = applied 1 + late 0 + duplicate 0 + rejected 1 + filtered 0", text)
        self.assertIn("reason rule: 1\n", text)

    def test_replay_without_a_stream_of_several(self):
        config = self.write("two.yaml", suite.configuration(
            {**STREAMS, "other": {"topic": "u", "schema": "trade.avsc", "time": "executed_at"}}, AGGREGATES))
        self.assertIn("--replay needs --stream NAME: the configuration has 2 streams",
                      self.fails("-c", config, "--replay", "x.csv"))

    def test_a_port_that_is_taken(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", self.port))
            taken.listen()
            text = self.fails("-c", self.config(), status=2)
        self.assertIn(f"cannot listen on 127.0.0.1:{self.port}: Address already in use", text)
        self.assertIn("http: off", text)


class Health(DaemonCase):
    def test_pages_and_end_without_broker_and_redis(self):
        process = self.start(self.config())
        procs.until(lambda: procs.answers(self.port), 10, "the daemon listens", process)
        procs.until(lambda: "cannot" in self.log() or "reached" in self.log(), 10, "it says what is away", process)
        self.assertEqual(self.get("/livez"), (200, "ok\n"))
        status, why = self.get("/readyz")
        self.assertEqual(status, 503)
        self.assertIn(why.splitlines()[0], ("no Kafka broker can be reached", "has not joined the consumer group yet"))
        self.assertIn("Redis cannot be reached", why)
        status, text = self.get("/status")
        page = json.loads(text)
        self.assertEqual((status, page["version"], page["ready"], page["partitions"]), (200, "0.1.0", False, []))
        self.assertEqual((page["kafka"]["group"], page["kafka"]["joined"], page["redis"]["connected"]),
                         ("tests", False, False))
        self.assertEqual(self.get("/nowhere")[0], 404)
        self.assertIn("/metrics", self.get("/")[1])
        self.assertEqual(self.get("/metrics", "DELETE")[0], 405)
        self.check_metrics(self.get("/metrics")[1])
        process.signal(signal.SIGTERM)
        self.assertEqual(process.wait(20), 0, self.log())
        self.assertIn("stopping: terminated", self.log())

    def check_metrics(self, text):
        """Every sample belongs to a family that was announced right before it, and no series comes twice."""
        family, seen, announced = None, set(), set()
        for line in text.splitlines():
            if line.startswith("# HELP "):
                continue
            if line.startswith("# TYPE "):
                family = line.split()[2]
                self.assertNotIn(family, announced)
                announced.add(family)
                continue
            match = re.fullmatch(r'([a-z_]+)(\{[^}]*\})? (-?[0-9.]+)', line)
            self.assertIsNotNone(match, line)
            self.assertIn(match.group(1), {family + end for end in ("", "_bucket", "_sum", "_count")})
            self.assertNotIn(line.rpartition(" ")[0], seen)
            seen.add(line.rpartition(" ")[0])
        for wanted in ('rollstat_build_info{version="0.1.0"}', "process_resident_memory_bytes", "rollstat_redis_connected",
                       'rollstat_aggregate_events_total{aggregate="m",worker="1",outcome="late"}'):
            self.assertIn(wanted, seen)

    def test_http_off(self):
        process = self.start(self.config(http="off"))
        procs.until(lambda: "workers, group tests" in self.log(), 10, "it runs", process)
        self.assertFalse(procs.answers(self.port))
        process.signal(signal.SIGINT)
        self.assertEqual(process.wait(20), 0)
        self.assertIn("stopping: interrupted", self.log())


class Service(DaemonCase):
    def setUp(self):
        super().setUp()
        self.kafka = suite.mock_kafka(self.path("mock"), "t:2", "t.dlq:1", "tests.state.trades:2")
        self.addCleanup(self.kafka.stop)
        self.redis = suite.redis.Server(self.path("redis"))
        self.addCleanup(self.redis.stop)
        self.notify = Notify()
        self.addCleanup(self.notify.close)

    def begin(self, **more):
        self.path_of_config = self.config(self.kafka.bootstrap, self.redis.url, **more)
        self.process = self.start(self.path_of_config, {"NOTIFY_SOCKET": self.notify.path, "WATCHDOG_USEC": "2000000"})
        procs.until(lambda: self.notify.seen("READY=1"), 30, "READY=1", self.process)

    def test_systemd_hears_of_start_progress_and_end(self):
        self.begin()
        self.assertEqual(len(self.notify.seen("READY=1")), 1)
        procs.until(lambda: self.notify.seen("STATUS=running; 2 partitions, 0 groups, 0 events consumed, lag 0"), 10,
                    "the status line", self.process)
        before = len(self.notify.seen("WATCHDOG=1"))
        procs.until(lambda: len(self.notify.seen("WATCHDOG=1")) >= before + 3, 10, "the watchdog is fed", self.process)
        self.assertEqual(self.get("/readyz"), (200, "ok\n"))
        self.process.signal(signal.SIGTERM)
        self.assertEqual(self.process.wait(20), 0, self.log())
        self.assertTrue(self.notify.seen("STOPPING=1"))

    def test_a_reload_checks_and_keeps_the_old_configuration(self):
        self.begin()
        os.rename(self.path_of_config, self.path("right"))
        self.write("config.yaml", "group: tests\n")
        self.process.signal(signal.SIGHUP)
        procs.until(lambda: "the running configuration stays as it is" in self.log(), 10, "errors", self.process)
        self.assertRegex(self.log(), r"config\.yaml:1:1: ")
        os.rename(self.path("right"), self.path_of_config)
        self.process.signal(signal.SIGHUP)
        procs.until(lambda: "config.yaml is applied" in self.log(), 40, "it is applied", self.process)
        procs.until(lambda: len(self.notify.seen("READY=1")) == 3, 10, "READY=1 after each", self.process)
        self.assertEqual(len(self.notify.seen("RELOADING=1")), 2)
        self.assertEqual(self.notify.seen("STOPPING=1"), [])
        self.assertEqual(len(self.notify.seen(r"MONOTONIC_USEC=\d+")), 2)
        self.assertTrue(self.process.alive())

    def test_a_second_signal_ends_at_once(self):
        self.begin(redis={"publish_every": "1ms"})
        rows = self.write("rows.csv", HEADER + "".join(
            f"{i},E,P{i},1,1,CNY,2026-01-01T00:00:01Z\n" for i in range(10)))
        os.kill(self.redis_pid(), signal.SIGSTOP)  # what is dirty cannot be written: the end waits for it
        self.addCleanup(os.kill, self.redis_pid(), signal.SIGCONT)
        procs.check([suite.program("rollstat-publish"), "-c", self.path_of_config, "--stream", "trades", rows])
        procs.until(lambda: '"consumed": 10' in self.get("/status")[1], 10, "all are consumed", self.process)
        self.process.signal(signal.SIGTERM)
        procs.until(lambda: "stopping" in self.log(), 5, "it stops", self.process)
        self.process.signal(signal.SIGTERM)
        self.assertEqual(self.process.wait(5), 2)
        self.assertIn("second signal: ending at once", self.log())

    def test_lines_as_json_and_how_long_things_take(self):
        self.begin(log={"format": "json"}, state={"commit_every": "50ms"})
        rows = self.write("rows.csv", HEADER + "1,E,P,1,1,CNY,2026-01-01T00:00:01Z\n")
        procs.check([suite.program("rollstat-publish"), "-c", self.path_of_config, "--stream", "trades", rows])
        counted = [re.compile(rf"^rollstat_{name} (?!0$)", re.M) for name in (
            r'arrival_to_visible_seconds_count{stream="trades"}', r'event_to_visible_seconds_count{stream="trades"}',
            r'event_to_visible_seconds_bucket{stream="trades",le="\+Inf"}', r'batch_seconds_count{worker="\d"}',
            r'seal_seconds_count{worker="\d"}', r'worker_busy_seconds_total{worker="0"}')]
        procs.until(lambda: all(one.search(self.get("/metrics")[1]) for one in counted), 20, "all is counted", self.process)
        self.process.signal(signal.SIGTERM)
        self.assertEqual(self.process.wait(20), 0, self.log())
        lines = [json.loads(line) for line in self.log().splitlines()]
        self.assertEqual({tuple(line) for line in lines}, {("time", "program", "level", "message")})
        self.assertTrue([line for line in lines if line["message"] == "stopping: terminated"])

    def redis_pid(self):
        return int(re.search(r"process_id:(\d+)", self.redis_info).group(1))

    @property
    def redis_info(self):
        if not hasattr(self, "_info"):
            self._info = self.redis.client().call("INFO", "server").decode()
        return self._info


if __name__ == "__main__":
    suite.main()
