"""Single faults, each on purpose, beside a real Kafka and a real Redis: what tests/FAULTS.md says of them is shown here by name."""
import os
import re
import resource
import signal
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import suite  # noqa: E402
import avro  # noqa: E402
import engine  # noqa: E402
import kafka  # noqa: E402
import load  # noqa: E402
import procs  # noqa: E402
from daemon import Daemon  # noqa: E402
from flow import Flow  # noqa: E402

S = engine.SECOND
START = 1700000000 * S
LATENESS = 20 * S
GROUPS = 30
STATE = "tests.state.trades"
ONE_BROKER = {"group.min.session.timeout.ms": "1000", "broker.session.timeout.ms": "2000", "broker.heartbeat.interval.ms": "300"}
QUICK = {"session.timeout.ms": 3000, "heartbeat.interval.ms": 300}


class Faults(Flow):
    def begin(self, partitions=2, servers=None, kafka_settings=None, dead_letters=True, **more):
        self.start_servers(servers or self.broker())
        self.events, self.published = [], 0
        trees, self.oracle = load.aggregates("trades", 100000)
        self.kafka.create("t", partitions, "min.insync.replicas=1")
        if dead_letters:
            self.kafka.create("t.dlq", 1, "min.insync.replicas=1")
        self.trees = trees
        self.configure({"trades": load.stream("t", "20s")}, trees, kafka={**QUICK, **(kafka_settings or {})}, **more)

    def broker(self, **settings):
        if not os.path.isdir(suite.JARS):
            suite.skip_component(f"no Kafka in {suite.JARS}: run tests/run --only chaos with network")
        return kafka.Broker(suite.program("kafka_tool"), suite.JARS, self.path("kafka"), None, {**ONE_BROKER, **settings})

    def another(self, name, kafka_settings=None, **more):
        """Configuration of one more instance of the group."""
        return self.configure({"trades": load.stream("t", "20s")}, self.trees, name, kafka={**QUICK, **(kafka_settings or {})},
                              **more)

    def send(self, count):
        """More events, in order behind the earlier ones."""
        more = load.make(len(self.events) + 1, count, GROUPS, START + len(self.events) * 50000, 50000, 15 * S)
        taken = {(e[1], e[0]) for e in self.events}
        more = [e for e in more if (e[1], e[0]) not in taken]
        load.write_csv(self.path("events.csv"), more)
        self.publish("trades", self.path("events.csv"), "--time-format", "us")
        self.events += more

    def sealed(self, daemon=None):
        """Everything that was sent is read and sealed."""
        daemon = daemon or self.daemon
        ends = {p: high for p, (_, high) in self.kafka.ends("t").items()}

        def done():
            parts = {p["partition"]: p for p in daemon.partitions()}
            return len(parts) == len(ends) and all(parts[p]["committed"] >= high for p, high in ends.items())
        procs.until(done, 60, "everything is sealed", daemon.process, every=0.2)
        return ends

    def right(self, late=0):
        """Accounting and Redis equal the oracle; eventually, and then all at once."""
        self.daemon.until_consumed(len(self.events), 60)
        counts = self.daemon.accounting("trades")
        self.assertEqual((counts["consumed"], counts["applied"], counts["late"]), (len(self.events),) * 2 + (late,))
        oracle = load.fold(self.events, self.oracle, LATENESS)
        everything = engine.as_texts(oracle.shown(oracle.stream_time + 600 * S))
        views = {k: v for k, v in everything.items() if k.startswith("rs:m:") and v["type"] == "hash"}
        ended = {}
        for key, group in oracle.groups["m"].items():
            engine.show_group(ended, self.oracle[0], key, group, group.clock)
        ended = {k: v for k, v in engine.as_texts(ended).items() if k.endswith(":history")}
        deadline = time.monotonic() + 30
        while True:
            got = self.everything()
            try:
                for key, item in views.items():
                    self.assertEqual(got.get(key, {}).get("value"), item["value"], key)
                self.same_history(got, ended, everything)
                return
            except AssertionError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)

    def rebuild(self):
        procs.check([suite.program("rollstatd"), "-c", self.config, "--rebuild"], timeout=60)

    def log(self, name="rollstatd.log"):
        return procs.tail(self.path(name), 100000)

    def partition(self, number):
        return next((p for p in self.daemon.partitions() if p["partition"] == number), {})

    def stopped(self, number, *words):
        """The partition stops, and its error tells what an operator needs."""
        procs.until(lambda: self.partition(number).get("phase") == "stopped", 40, f"partition {number} stops",
                    self.daemon.process)
        error = self.partition(number)["error"]
        for word in words:
            self.assertIn(word, error)
        self.assertIn(error.split(";")[0][:60], self.log())
        return error


class Group(Faults):
    def test_one_static_id_used_twice(self):
        """The first instance is told by the broker that its id is used; it ends with an exit code that systemd does not restart."""
        self.begin(kafka_settings={"group.instance.id": "one"})
        first = self.start_daemon()
        self.send(500)
        self.sealed()
        second = self.start_daemon(self.another("second.yaml", {"group.instance.id": "one"}), "second.log")
        status = first.process.wait(60)
        self.assertEqual(status, 1, self.log())
        self.assertIn("group.instance.id", self.log())
        with open(os.path.join(suite.ROOT, "deploy", "rollstatd.service.in"), encoding="utf-8") as unit:
            self.assertIn("RestartPreventExitStatus=1\n", unit.read())
        self.daemon = second
        self.sealed()
        self.send(500)
        self.right()
        self.assertTrue(second.process.alive(), "only one of the two has to go")

    def test_committed_offsets_are_deleted(self):
        """The seal decides where reading goes on: the group's own offsets are gone, and so is what was read before."""
        self.begin()
        self.start_daemon()
        self.send(3000)
        ends = self.sealed()
        self.assertEqual(self.daemon.stop(), 0)
        procs.until(lambda: self.kafka.group("tests")[1] == 0, 30, "the group is empty")
        self.kafka.ask("forget", "tests")
        for partition, end in ends.items():
            self.kafka.ask("trim", "t", partition, end)
        self.send(1000)
        self.start_daemon()
        self.right()


class Input(Faults):
    def test_retention_overtakes_the_reader(self):
        self.begin()
        self.start_daemon()
        self.send(2000)
        ends = self.sealed()
        self.daemon.stop()
        self.send(1000)
        self.kafka.ask("trim", "t", 0, ends[0] + 100)
        self.start_daemon()
        error = self.stopped(0, "topic t", "partition 0", str(ends[0]), "100")
        self.assertRegex(error, "retention has removed 100 records")
        self.sealed_of(1)
        # Nothing is skipped unless it is asked for.
        self.rebuild()
        self.daemon.stop()
        self.start_daemon()
        left = self.kafka.total("t")
        self.sealed()
        self.assertEqual(self.daemon.accounting("trades")["consumed"], left)

    def test_topic_is_deleted_and_made_again(self):
        self.begin()
        self.start_daemon()
        self.send(2000)
        self.sealed()
        self.daemon.stop()
        self.kafka.delete("t")
        procs.until(lambda: self._created("t", 2), 30, "the topic is there again", every=0.5)
        self.kafka.produce("t", [(0, -1, None, avro.trade())])
        self.start_daemon()
        self.stopped(0, "topic t", "partition 0", "deleted and created again")

    def _created(self, topic, partitions):
        try:
            self.kafka.create(topic, partitions)
            return True
        except procs.Failure:
            return False

    def test_partitions_are_added(self):
        """To the input, while it runs and while nothing runs: the state topic gets as many, the new ones are read without anybody's help,
        and the others go on. What moved with its key stays with the old partition, is counted and told with what to do."""
        self.begin()
        self.start_daemon()
        self.send(500)
        self.sealed()
        self.kafka.ask("grow", "t", 3)
        self.sealed_of(0, 1)
        self.kafka.produce("t", [(2, -1, None, avro.trade(product="NEW", executed_at=START))])
        procs.until(lambda: self.partition(2).get("committed") == 1, 60, "the new partition is read", self.daemon.process)
        self.assertEqual(len(self.kafka.ends(STATE)), 3)
        self.assertIn(f"grew the topic {STATE} from 2 to as many", self.log())
        self.daemon.stop()
        self.kafka.ask("grow", "t", 5)
        self.start_daemon()
        self.send(500)
        self.sealed()
        self.assertEqual(len(self.kafka.ends(STATE)), 5)
        procs.until(lambda: sum(p["conflicts"] for p in self.daemon.partitions()) > 0, 60, "moved groups are counted", self.daemon.process)
        procs.until(lambda: "partitions were added to the topic, and the groups have moved: then give the aggregate a new name" in self.log(),
                    60, "and told", self.daemon.process)
        procs.until(lambda: self.daemon.get("/readyz")[0] == 200, 60, "all of them run", self.daemon.process)

    def sealed_of(self, *numbers):
        for number in numbers:
            high = self.kafka.ends("t")[number][1]
            procs.until(lambda n=number, h=high: self.partition(n).get("committed") == h, 40, f"partition {number} goes on",
                        self.daemon.process)

    def test_overload(self):
        """Far more than can be taken at once: memory stays within its limit, and it catches up."""
        count, limit = 400000, 48
        self.begin(partitions=4, limits={"memory": f"{limit}MiB"}, workers=1)
        self.start_daemon()
        began = time.monotonic()
        load.write_csv(self.path("events.csv"), load.make(1, count, 5000, START, 2000, 15 * S))
        publisher = procs.Process([suite.program("rollstat-publish"), "-c", self.config, "--stream", "trades", "--time-format",
                                   "us", self.path("events.csv")], self.path("publish.log"))
        peak = 0
        while publisher.alive() or self.daemon.accounting()["consumed"] < count:
            self.assertLess(time.monotonic() - began, 240, "it catches up")
            peak = max(peak, self.daemon.process.rss_kib())
            time.sleep(0.2)
        self.assertEqual(publisher.wait(1), 0)
        self.assertLess(peak, (limit + 160) * 1024, "KiB: the limit, and what Kafka's client and Redis' queue hold")
        self.assertEqual(self.daemon.get("/livez")[0], 200)
        print(f"{count} events in {time.monotonic() - began:.1f} s, {peak // 1024} MiB at most", file=sys.stderr)


class StateLog(Faults):
    def test_topic_is_deleted(self):
        """The group remembers that there was a state: nothing begins silently from nothing."""
        self.begin()
        self.start_daemon()
        self.send(2000)
        self.sealed()
        self.daemon.stop()
        self.kafka.delete(STATE)
        self.start_daemon()
        self.stopped(0, STATE, "--rebuild")
        self.daemon.stop()
        self.rebuild()
        self.client.call("FLUSHALL")  # tokens begin anew with the topic, and the old fences would refuse them
        self.start_daemon()
        self.right()

    def test_a_foreign_record(self):
        """Damage stops the partition it is in and no other; nothing is overwritten; --rebuild mends it."""
        self.begin()
        self.start_daemon()
        self.send(2000)
        ends = self.sealed()
        self.daemon.stop()
        offset = self.kafka.ends(STATE)[0][1]
        self.kafka.produce(STATE, [(0, -1, None, b"not a record of rollstat")])
        self.start_daemon()
        self.stopped(0, STATE, f"offset {offset}", "--rebuild")
        self.send(500)
        procs.until(lambda: self.partition(1).get("committed", 0) > ends[1], 30, "partition 1 goes on", self.daemon.process)
        self.rebuild()
        self.right_again()

    def right_again(self):
        self.daemon.stop()
        self.start_daemon()
        self.sealed()
        self.right()

    def test_head_trimmed_by_someone_else(self):
        """Records that are needed are gone: a state with holes is never taken for a whole one."""
        self.begin()
        self.start_daemon()
        self.send(2000)
        self.sealed()
        self.daemon.stop()
        low, high = self.kafka.ends(STATE)[0]
        self.kafka.ask("trim", STATE, 0, high - 1)
        self.assertLess(low, high - 1)
        self.start_daemon()
        self.stopped(0, STATE, "--rebuild")

    def test_wrong_settings_are_refused(self):
        """A log that forgets is none: the command that mends it is told."""
        self.begin()
        self.kafka.create(STATE, 2, "retention.ms=60000")
        self.start_daemon()
        error = self.stopped(0, STATE, "retention.ms")
        self.assertIn("kafka-configs.sh", error)

    def test_too_few_replicas_and_moving_leaders(self):
        """A broker of two dies: leaders move, the state log may not be written; nothing grows, and it recovers alone."""
        both = {"default.replication.factor": 2, "min.insync.replicas": 2, "offsets.topic.replication.factor": 2}
        first = self.broker(**both)
        second = kafka.Follower(first, suite.JARS, self.path("kafka2"), {**ONE_BROKER, **both})
        self.addCleanup(second.stop)
        self.begin(partitions=4, servers=first)
        self.start_daemon()
        self.send(2000)
        self.sealed()
        for _ in range(2):
            second.kill()
            self.send(3000)
            self.daemon.until_consumed(1, 30)
            before = {p["partition"]: p["committed"] for p in self.daemon.partitions()}
            time.sleep(4)
            for part in self.daemon.partitions():  # some may be gone: the group cannot write either
                self.assertLessEqual(part["committed"], before.get(part["partition"], 0), "nothing is sealed meanwhile")
            self.assertEqual(self.daemon.get("/livez")[0], 200)
            self.assertLess(self.daemon.process.rss_kib(), 200 * 1024)
            second.start()
            self.sealed()
        self.right()


class Machine(Faults):
    def test_dead_letter_topic_is_missing(self):
        """And cannot be made: the partition's seal waits for the letter; when the topic comes, the letter goes out and nothing was
        lost."""
        self.begin(partitions=1, dead_letters=False, state={"replication_factor": 3})
        self.kafka.create(STATE, 1, "min.insync.replicas=1", "cleanup.policy=delete", "retention.ms=-1", "retention.bytes=-1")
        self.start_daemon()
        self.kafka.produce("t", [(0, -1, b"k", b"\x02")])
        procs.until(lambda: self.daemon.status()["dead_letters"]["topics_missing"], 40, "the topic is missed", self.daemon.process)
        procs.until(lambda: self.daemon.status()["dead_letters"]["pending"], 40, "the letter waits", self.daemon.process)
        time.sleep(2)
        self.assertLessEqual(self.partition(0)["committed"], 0)
        self.daemon.process.kill()
        self.start_daemon()
        self.kafka.create("t.dlq", 1)
        procs.until(lambda: self.partition(0).get("committed") == 1, 60, "the record is sealed", self.daemon.process)
        letters = self.kafka.dump("t.dlq")
        self.assertGreaterEqual(len(letters), 1)
        self.assertEqual({(x["key"], x["value"], x["headers"]["rollstat.offset"]) for x in letters}, {(b"k", b"\x02", b"0")})

    def test_log_on_a_full_disk(self):
        """Lines are lost and counted, events are not."""
        self.begin()
        with open("/dev/full", "wb") as full:
            popen = subprocess.Popen([suite.program("rollstatd"), "-c", self.config], stdin=subprocess.DEVNULL, stdout=full,
                                     stderr=full, start_new_session=True)
        self.addCleanup(popen.wait)
        self.addCleanup(popen.kill)
        self.daemon = Running(self.config, popen)
        self.send(1000)
        self.right()
        text = self.daemon.get("/metrics")[1]
        dropped = re.search(r"^rollstat_log_dropped_total(?:\{[^}]*\})? (\d+)", text, re.M)
        self.assertIsNotNone(dropped, "the metric of dropped lines")
        self.assertGreater(int(dropped.group(1)), 0)

    def test_file_descriptors_run_out(self):
        """Nobody can connect any more, the daemon itself included; when descriptors are free again, all goes on."""
        self.begin()
        self.start_daemon()
        self.send(1000)
        self.sealed()
        used = len(os.listdir(f"/proc/{self.daemon.process.pid}/fd"))
        resource.prlimit(self.daemon.process.pid, resource.RLIMIT_NOFILE, (used + 2, used + 2))
        greedy = [socket.create_connection(("127.0.0.1", self.daemon.port), 5) for _ in range(8)]
        self.assertGreater(self.client.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"), 0)
        self.send(1000)
        time.sleep(2)
        self.assertTrue(self.daemon.process.alive(), self.log())
        for connection in greedy:
            connection.close()
        self.right()

    def test_terminated_twice_while_it_flushes(self):
        """It ends at once, sealed or not: the next start continues from whichever it was."""
        self.begin()
        for _ in range(2):
            self.start_daemon()
            self.send(1000)
            self.daemon.until_consumed(len(self.events), 30)
            self.redis.process.signal(signal.SIGSTOP)
            self.send(200)
            self.daemon.until_consumed(len(self.events), 30)
            self.daemon.process.signal(signal.SIGTERM)
            procs.until(lambda: "stopping" in self.log(), 10, "it stops")
            self.daemon.process.signal(signal.SIGTERM)
            self.assertIn(self.daemon.process.wait(10), (0, 2))
            self.redis.process.signal(signal.SIGCONT)
            os.unlink(self.path("rollstatd.log"))
        self.start_daemon()
        self.right()


class Running(Daemon):
    """A daemon that was started in another way."""

    def __init__(self, config, popen):
        with open(config, encoding="utf-8") as file:
            self.port = int(re.search(r"listen: '?127\.0\.0\.1:(\d+)", file.read()).group(1))
        self.process = procs.Process.__new__(procs.Process)
        self.process.popen, self.process.argv, self.process.log = popen, ["rollstatd"], "/dev/null"
        procs.until(lambda: procs.answers(self.port), 20, "rollstatd answers", self.process)


if __name__ == "__main__":
    suite.main()
