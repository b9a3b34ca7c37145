"""State logs on a real Kafka: topics are made with the right settings, wrong ones are refused with a command that mends them, offsets have
no gaps, trims are exact, several partitions are read at once, and a log trimmed under its reader is noticed."""
import os
import re
import shlex
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import suite  # noqa: E402
import procs  # noqa: E402

LARGEST = 544 * 1024
RIGHT = {"cleanup.policy": "delete", "retention.ms": "-1", "retention.bytes": "-1", "max.message.bytes": "1048576"}
AUTHORIZER = {"authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
              "allow.everyone.if.no.acl.found": "true"}


class Tool:
    """log_tool as a conversation."""

    def __init__(self, bootstrap, log, group="g", stream="s", source="in"):
        self.log = open(log, "ab")  # pylint: disable=consider-using-with
        self.popen = subprocess.Popen([suite.program("log_tool"), bootstrap, group, stream, source],
                                      stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, text=True)

    def say(self, *commands):
        self.popen.stdin.write("".join(command + "\n" for command in commands))
        self.popen.stdin.flush()

    def answers(self, count):
        """The next answers; what the log reports is kept in `reports`."""
        found = []
        while len(found) < count:
            line = self.popen.stdout.readline()
            if line == "":
                raise procs.Failure(f"log_tool ended after {found}")
            if not line.startswith("#"):
                found.append(line.rstrip("\n"))
        return found

    def close(self):
        out, _ = self.popen.communicate(timeout=60)
        self.log.close()
        return out, self.popen.returncode


class SmallBroker(suite.Case):
    def test_the_brokers_limit_is_smaller_than_a_record(self):
        """The topic that is made has a limit of its own, and takes the largest record."""
        broker = suite.real_kafka(self.path("kafka"), settings={"message.max.bytes": 65536})
        self.addCleanup(broker.stop)
        broker.create("in", 1)
        tool = Tool(broker.bootstrap, self.path("tool.log"), source="in")
        tool.say(f"append 0 1 {LARGEST}", "wait")
        self.assertEqual(tool.answers(1), ["appended 0 0 0"])
        self.assertEqual(tool.close()[1], 0)


class StateTopic(suite.Case):
    @classmethod
    def setUpClass(cls):
        cls.directory = os.path.join(os.environ.get("RS_TMP") or "/tmp", f"state-topic.{os.getpid()}")
        cls.kafka = suite.real_kafka(cls.directory, settings=AUTHORIZER)

    @classmethod
    def tearDownClass(cls):
        cls.kafka.stop()
        shutil.rmtree(cls.directory, ignore_errors=True)

    def setUp(self):
        super().setUp()
        self.group = re.sub("[^a-z]", "-", self.id().rpartition(".")[2])
        self.topic = f"{self.group}.state.s"
        self.source = f"{self.group}.in"
        self.kafka.create(self.source, 4)

    def tool(self, *commands):
        """Lines that the tool says to the commands and, as the second, what it reports."""
        out, _ = procs.check([suite.program("log_tool"), self.kafka.bootstrap, self.group, "s", self.source],
                             data="".join(command + "\n" for command in commands).encode())
        lines = out.decode().splitlines()
        return [line for line in lines if not line.startswith("#")], [line for line in lines if line.startswith("#")]

    def ends(self):
        """As soon as the leaders of a topic that was just made know it."""
        found = []

        def asked():
            try:
                found.append(self.kafka.ends(self.topic))
            except procs.Failure:
                return False
            return True
        procs.until(asked, 20, "the topic has leaders")
        return found[0]

    def admin(self, program, *args):
        """One of Kafka's own tools."""
        main = {"kafka-configs.sh": "kafka.admin.ConfigCommand", "kafka-acls.sh": "kafka.admin.AclCommand"}[program]
        out, _ = procs.check(["java", "-Xmx256m", "-XX:TieredStopAtLevel=1", "-cp", self.kafka.classpath, main, *args])
        return out.decode()

    def mend(self, text):
        """Runs the command that an error gives."""
        command = shlex.split(re.search(r"with: (kafka-\S+\.sh .*)", text).group(1))
        values = {"HOST:PORT": self.kafka.bootstrap, "User:NAME": "User:ANONYMOUS"}
        command = [values.get(word, word) for word in command if word not in ("(at", "least)")]
        if command[0] == "kafka-topics.sh":
            options = dict(zip(command[3:], command[4:]))
            if "--alter" in command:
                try:
                    self.kafka.ask("grow", options["--topic"], options["--partitions"])
                except procs.Failure as failure:  # it may have been grown by itself as soon as the right was there
                    self.assertIn("already has", str(failure))
            else:
                settings = [command[i + 1] for i, word in enumerate(command) if word == "--config"]
                self.kafka.create(options["--topic"], options["--partitions"], *settings)
        else:
            self.admin(*command)

    def settings(self):
        text = self.admin("kafka-configs.sh", "--bootstrap-server", self.kafka.bootstrap, "--describe",
                          "--entity-type", "topics", "--entity-name", self.topic)
        return dict(re.findall(r"^  (\S+?)=(\S*) sensitive", text, re.M))

    def test_made_with_the_right_settings(self):
        lines, reports = self.tool("append 3 1 100", "wait")
        self.assertEqual(lines, ["appended 3 0 0"])
        self.assertEqual(self.ends(), {0: (0, 0), 1: (0, 0), 2: (0, 0), 3: (0, 1)})
        self.assertEqual(self.settings(), RIGHT)
        self.assertIn(f"made the topic {self.topic} with 4 partitions", "".join(reports))
        # Another time it is there, and nothing is said about it.
        self.assertEqual(self.tool("append 3 1 100", "wait"), (["appended 3 1 0"], []))

    def test_made_once_by_many(self):
        tools = [Tool(self.kafka.bootstrap, self.path("tool.log"), self.group, "s", self.source) for _ in range(4)]
        for number, tool in enumerate(tools):
            tool.say(f"append {number} 1 10", "wait")
        for number, tool in enumerate(tools):
            self.assertEqual(tool.answers(1), [f"appended {number} 0 0"])
            self.assertEqual(tool.close()[1], 0)

    def refused(self, *settings, names):
        self.kafka.create(self.topic, 4, *settings)
        lines, _ = self.tool("append 0 1 10", "wait")
        self.assertRegex(lines[0], r"^broken 0 ECONFIG final state log: topic \S+ is not fit: ")
        for name in names:
            self.assertIn(name, lines[0])
        self.assertEqual(self.ends()[0], (0, 0), "nothing is written")
        self.mend(lines[0])
        self.assertEqual(self.tool("append 0 1 10", "wait")[0], ["appended 0 0 0"])

    def test_retention_is_refused(self):
        self.refused("retention.ms=604800000", "retention.bytes=-1", names=["retention.ms is 604800000, not -1"])

    def test_compaction_is_refused(self):
        self.refused("cleanup.policy=compact,delete", "retention.ms=-1", names=["cleanup.policy is compact,delete"])

    def test_small_messages_are_refused(self):
        self.refused("retention.ms=-1", "max.message.bytes=100000", names=["max.message.bytes is 100000, not 561152"])

    def test_all_that_is_wrong_is_named(self):
        self.refused("cleanup.policy=compact", "retention.ms=1000", "retention.bytes=1000", "max.message.bytes=1000",
                     names=["cleanup.policy", "retention.ms", "retention.bytes", "max.message.bytes"])

    def test_grown_to_its_input(self):
        """Fewer partitions than the input has, at the start and again while it runs: partitions are added, and nobody has to do anything."""
        self.kafka.create(self.topic, 2, "retention.ms=-1")
        tool = Tool(self.kafka.bootstrap, self.path("tool.log"), self.group, "s", self.source)
        tool.say("append 0 2 10", "append 3 1 10", "wait")
        self.assertEqual(sorted(tool.answers(3)), ["appended 0 0 0", "appended 0 1 1", "appended 3 0 0"])
        self.kafka.ask("grow", self.source, 6)
        tool.say("append 5 1 10", "append 0 1 10", "wait")
        self.assertEqual(sorted(tool.answers(2)), ["appended 0 2 2", "appended 5 0 0"])
        self.assertEqual(tool.close()[1], 0)
        self.assertEqual(len(self.ends()), 6)

    def test_mended_while_it_runs(self):
        """One that may not be grown waits, and the command is told; mended it is taken at the next append, without a restart."""
        self.kafka.create(self.topic, 2, "retention.ms=-1")
        anyone = ("--allow-principal", "User:ANONYMOUS", "--operation", "All", "--topic", self.topic)
        no_alter = ("--deny-principal", "User:ANONYMOUS", "--operation", "Alter", "--topic", self.topic)
        self.acl("--add", *anyone)
        self.acl("--add", *no_alter)
        tool = Tool(self.kafka.bootstrap, self.path("tool.log"), self.group, "s", self.source)
        try:
            tool.say("append 0 2 10", "append 3 1 10", "wait")
            lines = tool.answers(3)
        finally:
            self.acl("--remove", *no_alter)
            self.acl("--remove", *anyone)
        self.assertIn("appended 0 1 1", lines)
        broken = [line for line in lines if line.startswith("broken")]
        self.assertRegex(broken[0], rf"^broken 3 EBROKER retry .*topic {self.topic} has 2 partitions.*it could not be grown: "
                         r".*--operation Alter --topic .*--alter")
        self.mend(broken[0].rpartition("; ")[2])
        tool.say("append 3 1 10", "append 0 1 10", "wait")
        self.assertEqual(sorted(tool.answers(2)), ["appended 0 2 2", "appended 3 0 1"])
        self.assertEqual(tool.close()[1], 0)

    def acl(self, action, *rule):
        self.admin("kafka-acls.sh", "--bootstrap-server", self.kafka.bootstrap, action, *rule,
                   *(("--force",) if action == "--remove" else ()))

    def test_no_right_to_make_it(self):
        """Neither seen nor made without the right; the commands in the messages do it."""
        anyone = ("--allow-principal", "User:ANONYMOUS", "--operation", "All", "--cluster")
        no_create = ("--deny-principal", "User:ANONYMOUS", "--operation", "Create", "--cluster")
        somebody = ("--allow-principal", "User:SOMEBODY", "--operation", "All", "--topic", self.topic)
        self.acl("--add", *somebody)
        lines, _ = self.tool("append 0 1 10", "wait")
        self.assertRegex(lines[0], r"^broken 0 EBROKER retry .*cannot be looked at.*--operation Describe")
        self.mend(lines[0])
        self.acl("--add", *anyone)
        self.acl("--add", *no_create)
        try:
            lines, _ = self.tool("append 0 1 10", "wait")
        finally:
            self.acl("--remove", *no_create)
            self.acl("--remove", *anyone)
        self.assertRegex(lines[0], r"^broken 0 EBROKER retry .*cannot be made: .*kafka-topics.sh .*--operation Create ")
        making, _, granting = lines[0].partition("; grant the right")
        self.mend("grant the right" + granting)
        self.mend(making)
        self.acl("--remove", *somebody)
        for operation in ("Describe", "Create"):
            self.acl("--remove", "--allow-principal", "User:ANONYMOUS", "--operation", operation, "--topic", self.topic)
        self.assertEqual(self.tool("append 0 1 10", "wait")[0], ["appended 0 0 0"])
        self.assertEqual(self.settings(), RIGHT)

    def test_rights_one_by_one(self):
        """Each right that is missing is named: reading settings is done without, writing, reading and trimming wait for it."""
        self.tool("append 0 2 10", "wait")
        self.admin("kafka-acls.sh", "--bootstrap-server", self.kafka.bootstrap, "--add", "--allow-principal",
                   "User:ANONYMOUS", "--operation", "Describe", "--topic", self.topic)
        tool = Tool(self.kafka.bootstrap, self.path("tool.log"), self.group, "s", self.source)
        tool.say("append 0 1 10", "wait")
        line = tool.answers(1)[0]
        self.assertRegex(line, r"^refused 0 0 .*--operation Write ")
        self.mend(line)
        tool.say("append 0 1 10", "wait")
        line = tool.answers(1)[0]
        if line.startswith("refused"):  # librdkafka looks at the topic again after a second
            tool.say("append 0 1 10", "wait")
            line = tool.answers(1)[0]
        self.assertRegex(line, "^appended 0 2 ")
        tool.say("read 0 1", "wait")
        line = tool.answers(1)[0]
        self.assertRegex(line, r"^broken 0 EBROKER retry .*--operation Read ")
        self.mend(line)
        tool.say("read 0 1", "wait")
        self.assertRegex(tool.answers(1)[0], "^end 0 low 0 first 0 last 1 records 2 ")
        tool.say("trim 0 1", "wait")
        line = tool.answers(1)[0]
        self.assertRegex(line, r"^trimmed 0 -1 .*--operation Delete ")
        self.mend(line)
        tool.say("trim 0 1", "wait")
        self.assertEqual(tool.answers(1)[0].split()[:3], ["trimmed", "0", "1"])
        out, status = tool.close()
        self.assertEqual(status, 0, out)

    def test_offsets_have_no_gaps(self):
        lines, _ = self.tool(*(f"append {p} 2000 300" for p in range(4)), "wait")
        for p in range(4):
            mine = [line for line in lines if line.startswith(f"appended {p} ")]
            self.assertEqual(mine, [f"appended {p} {i} {i}" for i in range(2000)])

    def test_trimmed_exactly(self):
        commands = ["append 1 100 1000", "wait", "trim 1 37", "wait", "read 1 99", "wait"]
        lines, _ = self.tool(*commands)
        self.assertEqual(lines[100].split()[:3], ["trimmed", "1", "37"])
        self.assertEqual(self.kafka.ends(self.topic)[1], (37, 100))
        self.assertRegex(lines[101], "^end 1 low 37 first 37 last 99 records 63 bytes 63000 gaps 0 wrong 0 committed -1 ")
        lines, _ = self.tool("trim 1 99", "wait", "read 1 99", "wait", "read 1 50", "wait")
        self.assertRegex(lines[1], "^end 1 low 99 first 99 last 99 records 1 ")
        self.assertRegex(lines[2], "^broken 1 ETRIMMED retry .*begins at offset 99, after the claim at 50")

    def test_first_claims_tell_what_was_committed(self):
        self.assertRegex(self.tool("append 2 1 10", "wait", "read 2 0", "wait")[0][1], "^end 2 low 0 .* committed -1 ")
        self.kafka.ask("commit", self.group, self.source, 3, 4711)
        lines, _ = self.tool("append 3 1 10", "wait", "read 3 0", "wait")
        self.assertRegex(lines[1], "^end 3 low 0 first 0 last 0 records 1 .* committed 4711 ")

    def test_read_at_once_and_fast(self):
        each = 200
        lines, _ = self.tool(*(f"append {p} {each} {LARGEST}" for p in range(4)), "wait")
        self.assertEqual(len(lines), 4 * each)
        lines, _ = self.tool(*(f"read {p} {each - 1}" for p in range(4)), "wait")
        took = max(int(line.split()[-1]) for line in lines)
        for p in range(4):
            self.assertRegex("\n".join(lines), rf"end {p} low 0 first 0 last {each - 1} records {each} bytes {each * LARGEST} "
                                               "gaps 0 wrong 0 ")
        most = max(int(line.split()[-3]) for line in lines)
        print(f"4 logs of {each * LARGEST >> 20} MiB read in {took} ms: {4 * each * LARGEST / 1e3 / took:.0f} MB/s",
              file=sys.stderr)
        self.assertGreater(most, 1, "they are read beside each other")

    def test_many_small_records(self):
        count = 100000
        records = [(0, -1, None, bytes([1 + i * 7 & 255]) * 40) for i in range(count)]
        self.tool("append 1 1 10", "wait")
        self.kafka.produce(self.topic, records)
        lines, _ = self.tool(f"read 0 {count - 1}", "wait")
        self.assertRegex(lines[0], f"^end 0 low 0 first 0 last {count - 1} records {count} .* gaps 0 wrong 0 ")
        print(f"{count} records read in {lines[0].split()[-1]} ms", file=sys.stderr)

    def test_trimmed_under_a_slow_reader(self):
        count = 250
        self.tool(f"append 0 {count} {LARGEST}", "wait")
        tool = Tool(self.kafka.bootstrap, self.path("tool.log"), self.group, "s", self.source)
        tool.say(f"read 0 {count - 1}", "take 1")
        self.assertEqual(tool.answers(1), ["taken 1"])
        self.tool(f"trim 0 {count - 5}", "wait")
        tool.say("wait")
        self.assertRegex(tool.answers(1)[0], r"^broken 0 EBROKER retry .*not there any more: the log was trimmed while")
        tool.say(f"read 0 {count - 1}", "wait")
        self.assertRegex(tool.answers(1)[0], f"^end 0 low {count - 5} first {count - 5} last {count - 1} records 5 .* gaps 0 ")
        self.assertEqual(tool.close()[1], 0)

    def test_deleted_while_it_runs(self):
        tool = Tool(self.kafka.bootstrap, self.path("tool.log"), self.group, "s", self.source)
        tool.say("append 0 3 10", "wait")
        tool.answers(3)
        self.kafka.delete(self.topic)
        line = ""
        for _ in range(20):
            tool.say("append 0 1 10", "wait")
            line = tool.answers(1)[0]
            if line.startswith("appended 0 0 "):
                break
        self.assertRegex(line, "^appended 0 0 ", "made again; its offsets say that it is another")
        self.assertEqual(self.settings(), RIGHT)
        self.assertEqual(tool.close()[1], 0)

    def test_broker_restarts(self):
        tool = Tool(self.kafka.bootstrap, self.path("tool.log"), self.group, "s", self.source)
        tool.say("append 0 100 1000", "wait")
        tool.answers(100)
        tool.say("append 0 500 1000", "append 1 500 1000")
        self.kafka.stop()
        tool.say("append 2 200 1000", "wait")
        self.kafka.start()
        lines = tool.answers(1200)
        for p, first, count in ((0, 100, 500), (1, 0, 500), (2, 0, 200)):
            self.assertEqual([line for line in lines if line.split()[1] == str(p)],
                             [f"appended {p} {first + i} {first + i}" for i in range(count)])
        self.assertEqual(tool.close()[1], 0)


if __name__ == "__main__":
    suite.main()
