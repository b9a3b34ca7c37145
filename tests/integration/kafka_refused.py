"""Topics that a real Kafka refuses by its ACLs: every program says so and none is ended by it. librdkafka 2.4 to 2.8 read a missing
partition (NULL) when an answer names partitions beside a topic's error, as librdkafka's mock cluster does; Kafka names none."""
import os
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import suite  # noqa: E402
import procs  # noqa: E402

AUTHORIZER = {"authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
              "allow.everyone.if.no.acl.found": "true"}
ROW = "trade_id,exchange,product,side,price,quantity,currency,executed_at\nT{},SHDE,p,BUY,{},3,CNY,2026-01-01T00:00:00Z\n"
REFUSED = "Topic authorization failed"


class Refused(suite.Case):
    @classmethod
    def setUpClass(cls):
        cls.shared = os.path.join(os.environ.get("RS_TMP") or "/tmp", f"refused.{os.getpid()}")
        cls.kafka = suite.real_kafka(cls.shared, settings=AUTHORIZER)

    @classmethod
    def tearDownClass(cls):
        cls.kafka.stop()
        shutil.rmtree(cls.shared, ignore_errors=True)

    def setUp(self):
        super().setUp()
        self.prefix = self.id().rpartition(".")[2]
        self.topic, self.letters, self.state = (f"{self.prefix}.{name}" for name in ("in", "dlq", "state.trades"))
        for topic in (self.topic, self.letters, self.state):
            self.kafka.create(topic, 2, "retention.ms=-1", "retention.bytes=-1", "max.message.bytes=2000000")
        stream = {"topic": self.topic, "schema": "trade.avsc", "time": "executed_at", "dead_letters": {"topic": self.letters}}
        aggregate = {"stream": "trades", "by": ["product"], "window": {"tumbling": "1m"}, "stats": {"n": "count()"}}
        self.redis = suite.redis.Server(self.path("redis"))
        self.addCleanup(self.redis.stop)
        self.config = self.write("c.yaml", suite.configuration(
            {"trades": stream}, {"m": aggregate}, bootstrap=self.kafka.bootstrap, redis_url=self.redis.url,
            group=self.prefix))

    def refuse(self, topic, *operations):
        rules = [word for operation in operations for word in ("--operation", operation)]
        self.kafka.java("kafka.admin.AclCommand", "--bootstrap-server", self.kafka.bootstrap, "--add",
                        "--deny-principal", "User:ANONYMOUS", *rules, "--topic", topic)

    def publish(self, **options):
        return procs.run([suite.program("rollstat-publish"), "-c", self.config, "--stream", "trades",
                          self.write("a.csv", ROW.format(1, "1.5"))], **options)

    def daemon(self):
        process = procs.Process([suite.program("rollstatd"), "-c", self.config], self.path("d.log"))
        self.addCleanup(process.stop)
        return process

    def told(self, process, *texts):
        procs.until(lambda: all(text in procs.tail(process.log, 100000) for text in texts), 120, f"{texts} are told", process)
        self.assertTrue(process.alive())
        self.assertGreaterEqual(process.stop(60), 0, "ended by a signal")

    def test_a_state_topic_that_takes_too_little(self):
        """Its settings cannot be seen, and its limit is below the first seal: no claim and refused seal for ever."""
        self.kafka.alter(self.state, **{"max.message.bytes": 20000})
        self.kafka.java("kafka.admin.AclCommand", "--bootstrap-server", self.kafka.bootstrap, "--add",
                        "--allow-principal", "User:ANONYMOUS", "--operation", "All", "--topic", self.state)
        self.refuse(self.state, "DescribeConfigs")
        rows = "".join(ROW.splitlines(True)[1].format(n, "1.5").replace(",p,", f",a product with the number {n},")
                       for n in range(3000))
        procs.check([suite.program("rollstat-publish"), "-c", self.config, "--stream", "trades",
                     self.write("a.csv", ROW.splitlines(True)[0] + rows)])
        self.told(self.daemon(), f"settings of topic {self.state} cannot be verified",
                  f"topic {self.state} is not fit: it refused a record of ", "max.message.bytes has to be at least 561152",
                  *(f"partition {n}: state log {self.state} partition {n}: state log: topic {self.state} is not fit" for n in range(2)))

    def test_publisher(self):
        for operations in (("Write",), ("All",)):
            self.refuse(self.topic, *operations)
            status, _, err = self.publish()
            self.assertIn(REFUSED, err.decode())
            self.assertGreater(status, 0)

    def test_input(self):
        self.refuse(self.topic, "All")
        self.told(self.daemon(), self.topic, REFUSED)

    def test_state_log(self):
        self.refuse(self.state, "All")
        self.told(self.daemon(), self.state, REFUSED)

    def test_dead_letters(self):
        self.refuse(self.letters, "All")
        process = self.daemon()
        self.kafka.produce(self.topic, [(0, -1, b"k", b"\xff")])
        self.told(process, self.letters, REFUSED)


if __name__ == "__main__":
    suite.main()
