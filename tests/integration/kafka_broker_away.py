"""Kafka away at any moment: stopped (it hangs, connections stay), killed, ended in an orderly way, one of three killed. In every phase
of the daemon's life its pages answer, its watchdog is fed and SIGTERM ends it; after Kafka is back everything is right."""
import http.client
import json
import os
import signal
import socket
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import suite  # noqa: E402
import kafka  # noqa: E402
import load  # noqa: E402
import procs  # noqa: E402
from daemon import Notify  # noqa: E402
from flow import Flow  # noqa: E402

S = load.S
START = 1700000000 * S
PATIENCE_S = 15    # for one page: a machine may be slow, but what hangs with Kafka hangs for minutes
AWAY_S = 8         # between an outage's beginning and its end: longer than sessions and than all waits of ours
END_S = 60         # for an orderly end without Kafka, which takes at most about 40 s
HEALED_S = 120
PAGES = ("/livez", "/readyz", "/status", "/metrics")
QUICK = {"session.timeout.ms": 6000, "reconnect.backoff.max.ms": 500}


class Away(Flow):
    def begin(self, brokers=None, partitions=3, **more):
        self.start_servers(brokers)
        trees, self.oracle = load.aggregates("trades", 100000)
        self.configure({"trades": load.stream("t", "20s")}, trees, workers=2, kafka=QUICK, **more)
        self.kafka.create("t", partitions)
        self.kafka.create("t.dlq", 1)
        self.events = []

    def start(self, log="rollstatd.log"):
        """Waits for nothing but the pages: READY=1 says that they answer."""
        self.notify = Notify()
        self.addCleanup(self.notify.close)
        with open(self.config, encoding="utf-8") as file:
            self.port = int(file.read().split("listen: ")[1].split()[0].strip("'").rpartition(":")[2])
        self.process = procs.Process(
            [suite.program("rollstatd"), "-c", self.config], self.path(log),
            env={**os.environ, "NOTIFY_SOCKET": self.notify.path, "WATCHDOG_USEC": "20000000"})
        self.addCleanup(self.process.kill)
        procs.until(lambda: self.notify.seen("READY=1"), 30, "READY=1", self.process)

    def page(self, path):
        self.notify.seen("")  # whoever sends to systemd waits when nobody reads
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        except (OSError, http.client.HTTPException) as error:
            self.process.fail(f"{path} does not answer: {error!r}")
        finally:
            connection.close()

    def status(self):
        return json.loads(self.page("/status")[1])

    def until_status(self, condition, what, timeout=HEALED_S):
        return procs.until(lambda: condition(self.status()), timeout, what, self.process)

    def consumed(self):
        return sum(p["events"]["consumed"] for p in self.status()["partitions"])

    def until_ready(self):
        procs.until(lambda: self.page("/readyz")[0] == 200, HEALED_S, "ready", self.process)

    def publish_more(self, count):
        fresh = load.make(len(self.events), count, 20, START + len(self.events) * S // 100, S // 100, S)
        first = len(self.events)
        self.events += fresh
        with open(self.path("more.csv"), "w", encoding="ascii") as out:
            out.write(load.HEADER)
            out.writelines(load.row(first + i, event) for i, event in enumerate(fresh))
        self.publish("trades", self.path("more.csv"), "--time-format", "us")

    def watch(self, seconds=AWAY_S):
        """All pages answer and the watchdog is fed, for so long; returns the last /status."""
        end = time.monotonic() + seconds
        fed = len(self.notify.seen("WATCHDOG=1"))
        while time.monotonic() < end:
            for path in PAGES:
                code, _ = self.page(path)
                self.assertIn(code, (200, 503), path)
            self.assertEqual(self.page("/livez")[0], 200)
            time.sleep(0.1)
        procs.until(lambda: len(self.notify.seen("WATCHDOG=1")) > fed, PATIENCE_S, "the watchdog is fed", self.process)
        return self.status()

    def end(self):
        """SIGTERM; the pages answer until the process has ended."""
        self.notify.seen("")
        self.process.signal(signal.SIGTERM)
        deadline = time.monotonic() + END_S
        while self.process.wait(0.1) is None:
            if time.monotonic() > deadline:
                self.process.fail("does not end")
            self.notify.seen("")
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
            try:
                connection.request("GET", "/livez")
                connection.getresponse().read()
            except (ConnectionError, http.client.HTTPException):
                pass  # it ended just now
            except socket.timeout:
                self.process.fail("/livez does not answer while it ends")
            finally:
                connection.close()
        self.assertTrue(self.notify.seen("STOPPING=1"))

    def all_right(self):
        """Every event is applied once, and Redis holds what the oracle says."""
        self.until_status(lambda s: s["ready"] and sum(p["events"]["consumed"] for p in s["partitions"]) >= len(self.events),
                          "everything is read", HEALED_S)
        status = self.status()
        events = [p["events"] for p in status["partitions"]]
        self.assertEqual([sum(e[n] for e in events) for n in ("consumed", "applied", "late", "duplicate", "rejected")],
                         [len(self.events), len(self.events), 0, 0, 0])
        if not self.events:
            return
        oracle = load.fold(self.events, self.oracle, 20 * S)
        wanted = {k: v for k, v in suite.engine.as_texts(oracle.shown(oracle.stream_time)).items()
                  if k.startswith("rs:m:") and v["type"] == "hash"}
        self.client = self.redis.client()

        def differs():
            got = self.everything()
            return [k for k, v in wanted.items() if got.get(k, {}).get("value", {}).get("volume") != v["value"]["volume"]
                    or got[k]["value"]["price_close"] != v["value"]["price_close"]]
        procs.until(lambda: not differs(), HEALED_S, "Redis is right", self.process)

    def stop_kafka(self):
        self.kafka.process.signal(signal.SIGSTOP)
        self.addCleanup(self.kafka.process.signal, signal.SIGCONT)

    def go_on_kafka(self):
        self.kafka.process.signal(signal.SIGCONT)

    def hang(self, state):
        """Kafka hangs for a while, in this phase; then goes on, and everything is right."""
        with self.subTest(state):
            self.stop_kafka()
            self.watch()
            self.go_on_kafka()
            self.all_right()

    def hang_and_end(self, state):
        """SIGTERM while Kafka hangs; the next start finds everything."""
        with self.subTest(state + ", SIGTERM"):
            self.stop_kafka()
            self.watch(2)
            self.end()
            self.go_on_kafka()
            self.start()
            self.all_right()


class Stopped(Away):
    """SIGSTOP: connections stay and nothing answers."""

    def test_idle_with_an_empty_topic(self):
        self.begin()
        self.start()
        self.until_ready()
        self.stop_kafka()
        status = self.watch(12)
        self.assertTrue(status["kafka"]["brokers_down"], procs.tail(self.process.log, 6000))
        self.assertEqual(status["not_ready"], f"waiting for Kafka at {self.kafka.bootstrap}: it does not answer")
        self.go_on_kafka()
        self.all_right()
        self.hang_and_end("idle, empty topic")
        log = procs.tail(self.path("rollstatd.log"), 1 << 20)
        self.assertIn(f"Kafka broker {self.kafka.bootstrap} is away: it does not answer; trying again", log)
        self.assertIn(f"Kafka broker {self.kafka.bootstrap} answers again, after", log)

    def test_idle_reading_and_restoring(self):
        self.begin()
        self.publish_more(20000)
        self.start()
        self.all_right()
        self.hang("idle, full topic")
        self.hang_and_end("idle, full topic")
        self.publish_more(60000)  # read from wherever it stands when Kafka hangs
        self.hang("reading")
        self.publish_more(60000)
        self.hang_and_end("reading")
        self.end()
        self.start()
        self.hang("starting")
        self.end()
        self.start()
        self.until_status(lambda s: s["kafka"]["joined"], "joined")
        self.hang("claiming and restoring")
        self.hang_and_end("restored")

    def test_from_the_start_on(self):
        """Kafka hangs before the daemon is started; the daemon starts, is told to end, starts again, and goes on when Kafka does."""
        self.begin()
        self.publish_more(1000)
        self.stop_kafka()
        self.start()
        self.watch()
        self.assertNotEqual(self.page("/readyz")[0], 200)
        self.end()
        self.start()
        self.watch(2)
        self.go_on_kafka()
        self.all_right()

    def test_while_it_ends(self):
        """Kafka hangs after SIGTERM: whatever the daemon waits for then, it ends, and what it has sealed counts."""
        self.begin()
        self.publish_more(5000)
        self.start()
        self.all_right()
        self.publish_more(5000)
        self.process.signal(signal.SIGTERM)
        self.stop_kafka()
        procs.until(lambda: self.notify.seen("") is not None and not self.process.alive(), END_S, "it ends")
        self.go_on_kafka()
        self.start()
        self.all_right()


class Gone(Away):
    """No process behind the port."""

    def test_killed_and_ended(self):
        self.begin()
        for number, end in enumerate((self.kafka.kill, self.kafka.stop)):
            with self.subTest(end.__name__, topic="empty" if number == 0 else "full"):
                self.start()
                self.until_ready()
                end()
                status = self.watch()
                self.assertRegex(status["not_ready"], rf"^waiting for Kafka at {self.kafka.bootstrap}: ")
                self.end()
                self.start()
                self.watch(3)
                self.kafka.start()
                self.publish_more(3000)
                self.all_right()
                self.end()

    def test_away_at_start(self):
        """Nobody listens: started all the same, and told what is awaited; one line when it goes, one when it is back."""
        self.begin()
        self.publish_more(1000)
        self.kafka.stop()
        self.start()
        awaited = f"STATUS=not ready: waiting for Kafka at {self.kafka.bootstrap}: connection refused"
        procs.until(lambda: self.notify.seen(awaited), 30, "the status line says what is awaited", self.process)
        self.watch()
        self.assertEqual(self.page("/readyz")[0], 503)
        self.kafka.start()
        self.all_right()
        self.end()
        log = procs.tail(self.path("rollstatd.log"), 1 << 20)
        self.assertEqual(log.count("is away: connection refused; trying again"), 1, log)
        self.assertEqual(log.count("answers again"), 1, log)
        self.assertNotIn("FAIL:", log)
        self.assertNotIn("brokers are down", log)


class OneOfThree(Away):
    def test_one_of_three_killed(self):
        replicated = {"offsets.topic.replication.factor": 3, "default.replication.factor": 3, "min.insync.replicas": 2,
                      "broker.session.timeout.ms": 3000, "broker.heartbeat.interval.ms": 500}
        first = suite.real_kafka(self.path("kafka"), settings=replicated)
        self.addCleanup(first.kill)  # in order they would wait for each other
        others = []
        for number in (2, 3):
            others.append(kafka.Follower(first, suite.JARS, self.path(f"kafka-{number}"),
                                         {**replicated, "node.id": number}))
            self.addCleanup(others[-1].kill)
        first.bootstrap = ",".join(broker.bootstrap for broker in (first, *others))
        self.begin(first, partitions=6, state={"replication_factor": 3})
        self.start()
        self.until_ready()
        others[0].kill()
        self.watch()
        self.publish_more(3000)
        self.all_right()
        others[0].start()
        others[1].process.signal(signal.SIGSTOP)
        self.addCleanup(others[1].process.signal, signal.SIGCONT)
        self.watch()
        self.publish_more(3000)
        self.all_right()
        others[1].process.signal(signal.SIGCONT)
        self.end()


class Refused(Away):
    def test_who_may_not_list_the_group_hands_over_all_the_same(self):
        """What brokers do not tell is no proof that nobody else is there."""
        self.begin(suite.real_kafka(self.path("kafka"), settings={
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "allow.everyone.if.no.acl.found": "true"}))
        self.start()
        self.until_ready()
        first, port = self.process, self.port
        self.configure({"trades": load.stream("t", "20s")}, load.aggregates("trades", 100000)[0], "second.yaml", workers=1,
                       kafka=QUICK)
        self.start("second.log")
        self.until_status(lambda s: s["ready"] and s["partitions"], "the second has its share")
        self.assertNotEqual(self.port, port)
        for kind, operation in (("--allow-principal", "Read"), ("--deny-principal", "Describe")):
            self.kafka.java("kafka.admin.AclCommand", "--bootstrap-server", self.kafka.bootstrap, "--add", kind, "User:*",
                            "--operation", operation, "--group", "tests", "--force")
        procs.until(lambda: self.kafka.ask("group", "tests")[0].split()[-1] == "0", 60, "nobody is told of its members")
        first.signal(signal.SIGTERM)
        procs.until(lambda: not first.alive(), END_S, "it ends")
        log = procs.tail(self.path("rollstatd.log"), 1 << 20)
        self.assertIn("leaving the group; what others take over is served until they have it", log)
        self.until_status(lambda s: s["ready"] and len(s["partitions"]) == 3, "the second has all")


if __name__ == "__main__":
    suite.main()
