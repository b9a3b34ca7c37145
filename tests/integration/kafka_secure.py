"""A real Kafka that wants TLS, a password (SCRAM) and rights: with all of them it works, with just the rights that README names, and what
is wrong is told with its remedy and can be mended while the daemon runs."""
import os
import shutil
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import suite  # noqa: E402
import procs  # noqa: E402
import proxy  # noqa: E402
import registry  # noqa: E402
from daemon import Daemon  # noqa: E402

PASSWORD = "a password that nobody logs"
ROW = "trade_id,exchange,product,side,price,quantity,currency,executed_at\nT1,SHDE,tea,BUY,1.5,3,CNY,2026-01-01T00:00:00Z\n"
PATIENCE = 120


class Secure(suite.Case):
    @classmethod
    def setUpClass(cls):
        cls.shared = os.path.join(os.environ.get("RS_TMP") or "/tmp", f"secure.{os.getpid()}")
        os.makedirs(cls.shared, exist_ok=True)
        cls.certificates = registry.certificates(cls.shared)
        cls.certificates["expired"] = registry.expired(cls.shared)
        cls.doors = {name: proxy.Proxy(0) for name in ("SECURE", "EXPIRED")}
        settings = {
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,SECURE:SASL_SSL,EXPIRED:SASL_SSL,CONTROLLER:PLAINTEXT",
            "sasl.enabled.mechanisms": "SCRAM-SHA-256",
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer", "super.users": "User:ANONYMOUS"}
        for door, name in (("secure", "broker"), ("expired", "expired")):
            settings.update({f"listener.name.{door}.ssl.keystore.type": "PEM",
                             f"listener.name.{door}.ssl.keystore.location": cls.keystore(name),
                             f"listener.name.{door}.scram-sha-256.sasl.jaas.config":
                                 "org.apache.kafka.common.security.scram.ScramLoginModule required;"})
        cls.kafka = suite.real_kafka(os.path.join(cls.shared, "kafka"), doors={name: door.port for name, door in cls.doors.items()},
                                     settings=settings)
        for name, door in cls.doors.items():
            door.target_port = cls.kafka.doors[name]
        cls.kafka.java("kafka.admin.ConfigCommand", "--bootstrap-server", cls.kafka.bootstrap, "--alter", "--entity-type", "users",
                       "--entity-name", "market", "--add-config", f"SCRAM-SHA-256=[password={PASSWORD}]")

    @classmethod
    def keystore(cls, name):
        """Key and certificate in one file, as Kafka reads PEM."""
        path = os.path.join(cls.shared, f"{name}.both.pem")
        with open(path, "w", encoding="ascii") as out:
            for part in reversed(cls.certificates[name]):
                with open(part, encoding="ascii") as file:
                    out.write(file.read())
        return path

    @classmethod
    def tearDownClass(cls):
        cls.kafka.stop()
        for door in cls.doors.values():
            door.stop()
        shutil.rmtree(cls.shared, ignore_errors=True)

    def setUp(self):
        super().setUp()
        self.group = self.id().rpartition(".")[2].replace("_", "-")
        self.topic, self.letters = f"{self.group}.in", f"{self.group}.in.dlq"
        for topic in (self.topic, self.letters):
            self.kafka.create(topic, 1)
        self.redis = suite.redis.Server(self.path("redis"))
        self.addCleanup(self.redis.stop)
        self.password = self.write("password", PASSWORD)
        self.client = {"security.protocol": "SASL_SSL", "sasl.mechanism": "SCRAM-SHA-256", "sasl.username": "market",
                       "sasl.password": "PASSWORD", "ssl.ca.location": self.certificates["ca"][0]}
        self.http = Daemon.settings()
        self.daemon = None

    def allow(self, resources, *operations):
        rules = [word for operation in operations for word in ("--operation", operation)]
        self.kafka.java("kafka.admin.AclCommand", "--bootstrap-server", self.kafka.bootstrap, "--add",
                        "--allow-principal", "User:market", *rules, *resources)

    def allow_all_that_readme_names(self):
        self.allow(["--topic", self.topic, "--group", self.group], "Describe", "Read")
        self.allow(["--topic", f"{self.group}.state.", "--resource-pattern-type", "prefixed"],
                   "Read", "Write", "Create", "Alter", "Describe", "DescribeConfigs", "Delete")
        self.allow(["--topic", self.letters], "Describe", "Write")

    def save(self, door="SECURE", **client):
        stream = {"topic": self.topic, "schema": "trade.avsc", "time": "executed_at", "dead_letters": {"topic": self.letters}}
        aggregate = {"stream": "trades", "by": ["product"], "window": {"all": True}, "stats": {"n": "count()"}}
        text = suite.configuration({"trades": stream}, {"m": aggregate}, f"127.0.0.1:{self.doors[door].port}", self.redis.url,
                                   group=self.group, kafka={**self.client, **client}, state={"commit_every": "50ms"}, **self.http)
        self.config = self.write("c.yaml", text.replace("sasl.password: PASSWORD", f"sasl.password: !file {self.password}"))

    def start(self):
        self.daemon = Daemon(suite.program("rollstatd"), self.config, self.path("daemon.log"))
        self.addCleanup(self.daemon.process.kill)

    def log(self):
        return procs.tail(self.daemon.process.log, 200000)

    def told(self, *texts):
        procs.until(lambda: all(text in self.log() for text in texts), PATIENCE, f"{texts} are told", self.daemon.process)
        self.assertEqual(self.daemon.get("/readyz")[0], 503)

    def works(self):
        """One event is counted and one that is broken is a letter, both for good."""
        before = self.kafka.total(self.topic)
        self.kafka.produce(self.topic, [(0, -1, b"k", b"\xff")])
        self.daemon.until_consumed(before + 1, PATIENCE)
        procs.until(lambda: self.daemon.get("/readyz")[0] == 200, PATIENCE, "it is ready", self.daemon.process)
        procs.until(lambda: self.kafka.total(self.letters) >= 1, PATIENCE, "the letter is there", self.daemon.process)
        procs.until(lambda: self.daemon.partitions()[0]["committed"] == before + 1, PATIENCE, "it is sealed", self.daemon.process)

    def ends(self):
        self.assertEqual(self.daemon.process.stop(60), 0, self.log())
        self.assertNotIn(PASSWORD, self.log())

    def test_with_the_rights_that_readme_names(self):
        self.allow_all_that_readme_names()
        self.allow(["--topic", self.topic], "Write")
        self.save()
        procs.check([suite.program("rollstat-publish"), "-c", self.config, "--stream", "trades", self.write("a.csv", ROW)])
        self.start()
        self.works()
        self.assertEqual(self.redis.client().hash("rs:m:tea")["n"], "1")
        self.assertIn("seal ", procs.check([suite.program("rollstat-state"), "-c", self.config])[0].decode())
        self.ends()

    def connect(self, *options, expect):
        out, err = procs.check([suite.program("rollstatd"), "-c", self.config, *options], expect=expect)
        return (out + err).decode()

    def test_the_look_before_the_start(self):
        """--check --connect finds what is missing, --create-topics makes it, and neither joins the group."""
        state = f"{self.group}.state.trades"
        self.save()
        text = self.connect("--check", "--connect", expect=2)
        for topic in (self.topic, self.letters, state):
            self.assertRegex(text, rf"topic {topic} cannot be looked at: .*--operation Describe --topic {topic}\n")
        self.allow(["--topic", self.topic, "--topic", self.letters], "Describe", "Read", "Write")
        text = self.connect("--check", "--connect", expect=2)
        self.assertRegex(text, rf"no right to be a member of group {self.group}; grant .*--operation Read --group {self.group}\n")
        self.allow_all_that_readme_names()
        text = self.connect("--check", "--connect", expect=0)
        self.assertIn(f"topic {self.topic} has 1 partition\n", text)
        self.assertIn(f"topic {state} will be made\n", text)
        self.assertIn(f"made the topic {state} with 1 partition\n", self.connect("--create-topics", expect=0))
        self.assertIn(f"topic {state} is there and fit\n", self.connect("--check", "--connect", expect=0))
        self.assertEqual(self.kafka.group(self.group)[1], 0)
        self.write("password", "not this one")
        self.assertIn("Authentication failed", self.connect("--check", "--connect", expect=2))

    def test_a_wrong_password_is_mended_by_a_reload(self):
        self.allow_all_that_readme_names()
        self.write("password", "not this one")
        self.save()
        self.start()
        self.told("SASL authentication error", "Authentication failed")
        self.write("password", PASSWORD)
        self.daemon.process.signal(signal.SIGHUP)
        self.works()
        self.assertNotIn("not this one", self.log())
        self.ends()

    def test_certificates_that_are_not_right(self):
        for door, client, text in (("EXPIRED", {}, "its certificate has expired"),
                                   ("SECURE", {"ssl.ca.location": self.certificates["stranger"][0]},
                                    "its certificate is signed by a CA that ssl.ca.location does not have")):
            with self.subTest(text):
                self.save(door, **client)
                self.start()
                self.told(text)
                self.assertIn(text, self.daemon.get("/readyz")[1])
                self.assertLessEqual(len([line for line in self.log().splitlines() if "certificate" in line]), 4, self.log())
                self.ends()

    def test_no_right_on_the_group(self):
        self.allow(["--topic", self.topic], "Describe", "Read")
        self.save()
        self.start()
        self.told("Group authorization failed")
        self.allow_all_that_readme_names()
        self.works()
        self.ends()


if __name__ == "__main__":
    suite.main()
