"""--check --connect names each thing that the daemon would not work with, where it is and how to mend it, and changes nothing; --create-topics
makes what is missing and leaves alone what is there."""
import os
import re
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import suite  # noqa: E402
import fake_kafka  # noqa: E402
import load  # noqa: E402
import procs  # noqa: E402
import redis  # noqa: E402
from registry import Registry  # noqa: E402

STATE = {"cleanup.policy": "delete", "retention.ms": "-1", "retention.bytes": "-1", "max.message.bytes": "1048576"}
ALL = {"t": {"partitions": 2}, "t.dlq": {}, "tests.state.trades": {"partitions": 2, "settings": STATE}}
AGGREGATE = {"stream": "trades", "by": ["product"], "window": {"all": True}, "stats": {"n": "count()"}}
RIGHTS = os.path.join(suite.ROOT, "deploy", "redis-acl")


class Connect(suite.Case):
    def broker(self, topics=None, **more):
        broker = fake_kafka.Broker(ALL if topics is None else topics, **more)
        self.addCleanup(broker.stop)
        return broker

    def setUp(self):
        super().setUp()
        self.redis = redis.Server(self.path("redis"))
        self.addCleanup(self.redis.stop)
        self.client = self.redis.client()
        self.addCleanup(self.client.close)

    def run_daemon(self, broker, *options, expect=0, stream=None, **more):
        config = self.write("config.yaml", suite.configuration(
            {"trades": {**load.stream("t", "30s"), **(stream or {})}}, {"m": AGGREGATE},
            broker if isinstance(broker, str) else broker.bootstrap, **{"redis_url": self.redis.url, "http": "off", **more}))
        out, err = procs.check([suite.program("rollstatd"), "-c", config, *options], expect=expect, timeout=procs.PATIENCE * 3)
        return out.decode(), err.decode()

    def connect(self, broker, *what, expect=2, **more):
        """Each of `what` is a line of its own on standard error, and there are no others but that which counts them."""
        out, err = self.run_daemon(broker, "--check", "--connect", expect=expect, **more)
        lines = [line for line in err.splitlines() if "to be mended first" not in line]
        for pattern in what:
            found = [line for line in lines if re.search(pattern, line)]
            self.assertEqual(len(found), 1, f"{pattern}\n{err}")
            lines.remove(found[0])
        self.assertEqual(lines, [], out)
        return out


class Kafka(Connect):
    def test_all_is_well(self):
        broker = self.broker()
        out = self.connect(broker, expect=0)
        self.assertRegex(out, r"Kafka: reached, 1 broker, cluster fake-cluster\n")
        self.assertRegex(out, r"stream trades: topic t has 2 partitions\n")
        self.assertRegex(out, r"state log: topic tests\.state\.trades is there and fit\n")
        self.assertRegex(out, r"dead letters: topic t\.dlq is there, retention\.ms 604800000\n")
        self.assertRegex(out, r"Redis redis://127\.0\.0\.1:\d+.*: reached, version \d")
        self.assertEqual((broker.made, broker.committed), ([], []))
        self.assertNotIn(11, broker.asked)  # JoinGroup
        self.assertEqual(self.client.keys(), [])

    def test_nothing_is_there_yet(self):
        """Topics of the daemon's own would be made; the input's are its owner's."""
        broker = self.broker({"t": {"partitions": 3}})
        out = self.connect(broker, expect=0)
        self.assertIn("state log: topic tests.state.trades will be made\n", out)
        self.assertIn("dead letters: topic t.dlq will be made\n", out)
        self.connect(self.broker({}), r"stream trades: its topic t does not exist; make it.*--create-topics --input-partitions N, or: kafka-topics\.sh .*--topic t ",
                     r"note: stream trades: topic tests\.state\.trades for its state.*has to be there first")
        self.assertEqual((broker.made, broker.committed), ([], []))

    def test_rights(self):
        refused = [
            (("metadata", "t"), fake_kafka.TOPIC_AUTHORIZATION, [r"topic t cannot be looked at: .*--operation Describe --topic t$"]),
            (("read", "t"), fake_kafka.TOPIC_AUTHORIZATION, [r"no right to read topic t; grant.*--operation Read --topic t$"]),
            (("group", "tests"), fake_kafka.GROUP_AUTHORIZATION, [r"no right to be a member of group tests; grant.*--operation Read --group tests$"]),
            (("coordinator", "tests"), fake_kafka.GROUP_AUTHORIZATION, [r"no right to be a member of group tests; grant.*--operation Read --group tests$"]),
            (("offsets", "t"), 5, [r"topic t: 2 of 2 partitions cannot be asked for their ends.*advertised\.listeners"]),
        ]
        for key, code, lines in refused:
            with self.subTest(key):
                broker = self.broker()
                broker.refuse[key] = code
                self.connect(broker, *lines)

    def test_rights_to_topics_of_its_own(self):
        broker = self.broker({"t": {"partitions": 2}})
        broker.refuse[("create", "tests.state.trades")] = fake_kafka.TOPIC_AUTHORIZATION
        broker.refuse[("create", "t.dlq")] = fake_kafka.CLUSTER_AUTHORIZATION
        self.connect(broker, r"state log: topic tests\.state\.trades does not exist and cannot be made: .*kafka-topics\.sh .*--partitions 2 .*"
                     r"--config retention\.ms=-1.*; grant the right with: .*--operation Create --topic tests\.state\.trades$",
                     r"dead letters: topic t\.dlq does not exist and cannot be made.*--operation Create --cluster$")
        broker = self.broker()
        broker.refuse[("describe", "t.dlq")] = fake_kafka.TOPIC_AUTHORIZATION
        self.connect(broker, r"note: Kafka: the settings of topic t\.dlq cannot be looked at.*DescribeConfigs", expect=0)
        self.connect(self.broker({"t": {}}), r"tests\.state\.trades does not exist and cannot be made: refused by the test.*--replication-factor 3 ",
                     r"t\.dlq does not exist and cannot be made: refused by the test", state={"replication_factor": 3})

    def test_settings(self):
        topics = {**ALL, "tests.state.trades": {"partitions": 1, "settings": {**STATE, "cleanup.policy": "compact", "retention.ms": "86400000"}},
                  "t.dlq": {"settings": {"cleanup.policy": "compact"}}}
        self.connect(self.broker(topics), r"note: state log: topic tests\.state\.trades has 1 partitions and its input t has 2; .*--partitions 2$",
                     r"state log: topic tests\.state\.trades is not fit: cleanup\.policy is compact.*retention\.ms is 86400000.*--add-config cleanup\.policy=delete,retention\.ms=-1$",
                     r"note: dead letters: topic t\.dlq is compacted: .*--add-config cleanup\.policy=delete$")

    def test_a_wrong_password(self):
        user = {"security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": "PLAIN", "sasl.username": "ann", "sasl.password": "right"}
        broker = self.broker(user=("ann", "right"))
        self.connect(broker, expect=0, kafka=user)
        out, err = self.run_daemon(broker, "--check", "--connect", expect=2, kafka={**user, "sasl.password": "wr0ng"})
        self.assertRegex(err, r"Kafka cannot be reached: .*SASL.*; are kafka\.sasl\.mechanism, sasl\.username and sasl\.password")
        self.assertNotIn("wr0ng", out + err)

    def test_nobody_there(self):
        self.connect(f"127.0.0.1:{procs.free_port()}", r"Kafka cannot be reached: .*refused.*; is a broker running at kafka\.bootstrap\.servers")

    def test_a_broker_that_falls_silent(self):
        """Each question has its deadline: it ends, and says what nobody answered."""
        for api, line in ((3, "Kafka cannot be reached"), (2, "topic t: 2 of 2 partitions cannot be asked"),
                          (8, "note: Kafka: the rights of group tests cannot be told"), (32, "Kafka cannot be reached")):
            with self.subTest(api):
                broker = self.broker()
                broker.silent = {api}
                self.connect(broker, line, expect=0 if line.startswith("note") else 2)

    def test_a_controller_that_falls_silent(self):
        """It is asked for one topic, and not for each of those that are missing, a quarter of a minute each."""
        broker = self.broker({"t": {"partitions": 2}})
        broker.silent = {19}
        self.connect(broker, r"state log: topic tests\.state\.trades does not exist and cannot be made")
        self.assertEqual(broker.asked.count(19), 1)

    def test_a_pattern(self):
        stream = {**load.stream("t", "30s"), "topics": "/^t[a-z]$/"}
        del stream["topic"]
        first = self.broker({"ta": {}, "tb": {"partitions": 4}, "other": {}})
        config = suite.configuration({"trades": stream}, {"m": AGGREGATE}, first.bootstrap, redis_url=self.redis.url, http="off")
        out, err = procs.check([suite.program("rollstatd"), "-c", self.write("p.yaml", config), "--check", "--connect"])
        self.assertEqual(err, b"")
        self.assertIn("state log: topic tests.state.trades.tb will be made", out.decode())
        self.assertNotIn("other", out.decode())
        config = config.replace(first.bootstrap, self.broker({"other": {}}).bootstrap)
        out, err = procs.check([suite.program("rollstatd"), "-c", self.write("p.yaml", config), "--check", "--connect"])
        self.assertIn("there is no topic yet that /^t[a-z]$/ takes", err.decode())

    def test_the_mock_cluster(self):
        """Which has no controller that could be asked."""
        mock = suite.mock_kafka(self.path("mock"), "t:2", "t.dlq:1", "tests.state.trades:2")
        self.addCleanup(mock.stop)
        self.connect(mock.bootstrap, "note: Kafka: the cluster names no controller", expect=0)


class Topics(Connect):
    def create(self, broker, *options, expect=0, **more):
        return self.run_daemon(broker, "--create-topics", *options, expect=expect, **more)

    def test_what_is_missing_is_made_once(self):
        broker = self.broker({"t": {"partitions": 5}})
        out, err = self.create(broker)
        self.assertEqual(err, "")
        self.assertEqual(out.splitlines()[1:], ["stream trades: topic t has 5 partitions; it is left as it is",
                                                "state log: made the topic tests.state.trades with 5 partitions",
                                                "dead letters: made the topic t.dlq"])
        self.assertEqual(broker.made, [("tests.state.trades", 5, -1, STATE), ("t.dlq", -1, -1, {"cleanup.policy": "delete", "retention.ms": "2592000000"})])
        out, err = self.create(broker)
        self.assertEqual((err, len(broker.made)), ("", 2))
        self.assertIn("state log: topic tests.state.trades is there and fit; it is left as it is\n", out)
        self.assertIn("dead letters: topic t.dlq is there, retention.ms 2592000000; it is left as it is\n", out)
        self.connect(broker, expect=0)

    def test_inputs_only_when_asked_for(self):
        broker = self.broker({})
        out, err = self.create(broker, expect=2)
        self.assertRegex(err, r"its topic t does not exist; .*--input-partitions N")
        self.assertEqual([row[0] for row in broker.made], ["t.dlq"])
        out, err = self.create(broker, "--input-partitions", 3, state={"replication_factor": 1})
        self.assertEqual(err, "")
        self.assertEqual(broker.made[1:], [("t", 3, 1, {}), ("tests.state.trades", 3, 1, STATE)])
        self.assertIn("trades: made the topic t with 3 partitions\n", out)

    def test_what_is_there_is_left_alone(self):
        broker = self.broker({"t": {}, "t.dlq": {}, "tests.state.trades": {"settings": {"cleanup.policy": "compact"}}})
        _, err = self.create(broker, "--input-partitions", 3, expect=2)
        self.assertRegex(err, r"topic tests\.state\.trades is not fit: .*kafka-configs\.sh")
        self.assertEqual(broker.made, [])

    def test_refused(self):
        broker = self.broker({"t": {}})
        broker.refuse[("create", "t.dlq")] = fake_kafka.TOPIC_AUTHORIZATION
        out, err = self.create(broker, expect=2)
        self.assertRegex(err, r"dead letters: topic t\.dlq does not exist and cannot be made: .*--operation Create --topic t\.dlq\n")
        self.assertEqual([row[0] for row in broker.made], ["tests.state.trades"])

    def test_wrong_options(self):
        for options, text in ((["--connect"], "--connect is for --check"), (["--check", "--input-partitions", "2"], "--input-partitions is for --create-topics"),
                              (["--create-topics", "--input-partitions", "0"], "--input-partitions"), (["--create-topics", "--check"], "exclude each other")):
            with self.subTest(options):
                self.assertIn(text, self.run_daemon("127.0.0.1:9", *options, expect=1)[1])


class Redis(Connect):
    def setUp(self):
        super().setUp()
        self.kafka = self.broker()

    def user(self, *changes):
        with open(RIGHTS, encoding="ascii") as file:
            self.client.call(*file.read().split(), ">pw", *changes)
        return {"redis": {"url": self.redis.url.replace("redis://", "redis://rollstat:pw@")}}

    def test_rights(self):
        """Whatever a user lacks is named, and nothing is left behind by trying."""
        self.connect(self.kafka, expect=0, **self.user())
        cases = [("-hset", r"user rollstat lacks rights: \+hset;"), ("resetchannels", r"lacks rights: &rs:\*;"),
                 ("-script|load", r"lacks rights: \+script\|load;"), ("-multi", r"lacks rights: \+multi;"), ("-exec", r"lacks rights: \+exec;"),
                 ("-discard", r"lacks rights: \+discard;"), ("-watch", r"lacks rights: \+watch;"),
                 ("-hscan", r"note: .*lacks rights: \+hscan; views are written without")]
        for change, line in cases:
            with self.subTest(change):
                more = self.user(change)
                self.connect(self.kafka, line, expect=0 if line.startswith("note") else 2, **more)
                self.assertEqual(self.client.keys(), [])
                self.client.call("ACL", "DELUSER", "rollstat")
        for changes, line in ((["resetkeys", "~rs:owners*"], r"lacks rights: ~rs:\*;"), (["resetchannels", "&rs:owners:probe"], r"lacks rights: &rs:\*;")):
            with self.subTest(changes):
                self.connect(self.kafka, line, **self.user(*changes))
                self.client.call("ACL", "DELUSER", "rollstat")

    def test_who_and_where(self):
        self.connect(self.kafka, r"Redis redis://.*: cannot connect: .*\(connect: is Redis running",
                     redis_url=f"redis://127.0.0.1:{procs.free_port()}")
        self.connect(self.kafka, r"Redis .*\(wrongpass: Redis refuses the user or password\)",
                     redis_url=self.redis.url.replace("redis://", "redis://rollstat:no@"))
        self.redis.process.signal(signal.SIGSTOP)
        self.addCleanup(self.redis.process.signal, signal.SIGCONT)
        self.connect(self.kafka, r"Redis redis://.*reached, version not told|Redis .*(timeout|no answer|broke)", redis={"timeout": "300ms"})
        self.redis.process.signal(signal.SIGCONT)

    def test_memory(self):
        self.client.call("CONFIG", "SET", "maxmemory", "100mb")
        self.client.call("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
        self.connect(self.kafka, r"note: Redis .*it evicts keys at maxmemory \(maxmemory-policy allkeys-lru\).*CONFIG SET maxmemory-policy noeviction$", expect=0)
        self.client.call("CONFIG", "SET", "maxmemory-policy", "noeviction")
        self.connect(self.kafka, expect=0)
        self.client.call("CONFIG", "SET", "maxmemory", "900kb")
        self.connect(self.kafka, r"note: Redis .* of 921600 bytes of maxmemory are used", expect=0)

    def test_a_replica(self):
        self.client.call("REPLICAOF", "127.0.0.1", procs.free_port())
        self.connect(self.kafka, r"Redis .*: readonly: this Redis is a replica; point `redis\.url` at the master")

    def test_names_of_another_group(self):
        self.client.call("HSET", "rs:owners:m", "%owner", "others:fake-cluster")
        self.connect(self.kafka, r"Redis .*: aggregate m under rs: belongs to the consumer group and Kafka cluster others:fake-cluster; .*--take-over$")
        for owner in ("tests:fake-cluster", "tests:"):
            self.client.call("HSET", "rs:owners:m", "%owner", owner)
            self.connect(self.kafka, expect=0)
        self.client.call("HSET", "rs:owners:m", "%owner", "tests:another")
        self.connect(self.kafka, r"belongs to the consumer group and Kafka cluster tests:another;")

    def test_the_registry(self):
        registry = Registry()
        self.addCleanup(registry.stop)
        schemas = {"directory": suite.SCHEMAS, "registry": registry.url}
        self.assertIn("schema registry", self.connect(self.kafka, expect=0, schemas=schemas))
        self.connect(self.kafka, r"schema registry http://127\.0\.0\.1:\d+: .*is it running",
                     schemas={**schemas, "registry": f"http://127.0.0.1:{procs.free_port()}"})


if __name__ == "__main__":
    suite.main()
