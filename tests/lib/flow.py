"""The whole path as a test fixture: broker, Redis, daemon, publisher, and the comparison of Redis with an oracle."""
import suite
import engine
import procs
from daemon import Daemon


class Flow(suite.Case):
    def start_servers(self, kafka=None):
        self.kafka = kafka or suite.real_kafka(self.path("kafka"))
        self.addCleanup(self.kafka.stop)
        self.redis = suite.redis.Server(self.path("redis"))
        self.addCleanup(self.redis.stop)
        self.client = self.redis.client()

    def configure(self, streams, aggregates, name="config.yaml", **more):
        more = {**Daemon.settings(), **more}
        self.config = self.write(name, suite.configuration(streams, aggregates, self.kafka.bootstrap, self.redis.url,
                                                           **more))
        return self.config

    def start_daemon(self, config=None, log="rollstatd.log"):
        self.daemon = Daemon(suite.program("rollstatd"), config or self.config, self.path(log))
        self.addCleanup(self.daemon.stop)
        return self.daemon

    def publish(self, stream, path, *options, config=None, timeout=300, expect=0):
        out, err = procs.check([suite.program("rollstat-publish"), "-c", config or self.config, "--stream", stream,
                                *options, path], timeout=timeout, expect=expect)
        return (out + err).decode("utf-8", "replace")

    def everything(self, prefix="rs"):
        """{key: object} of Redis in the form of engine.parse_line; no fences, owners and meta."""
        keys = [k.decode() for k in self.client.keys(f"{prefix}:*")]
        keys = [k for k in keys if not k.startswith((f"{prefix}:fence:", f"{prefix}:owners:"))
                and k not in (f"{prefix}:meta", f"{prefix}:owners")]
        zsets = {k for k in keys if k.endswith((":history", ":index"))}
        commands = [("ZRANGE", k, 0, -1, "WITHSCORES") if k in zsets else ("HGETALL", k) for k in keys]
        found = {}
        for key, flat in zip(keys, self.client.pipeline(commands)):
            flat = [part.decode() for part in flat]
            pairs = list(zip(flat[::2], flat[1::2]))
            if key in zsets:
                history = key.endswith(":history")
                value = [[score, engine.parse_line(member) if history else member] for member, score in pairs]
                value.sort(key=lambda item: (int(item[0]), str(item[1]).encode()))
                found[key] = {"key": key, "type": "zset", "value": value}
            else:
                found[key] = {"key": key, "type": "hash", "value": dict(pairs)}
        return found

    def same_history(self, got, wanted, at_least=None):
        """Every wanted history member is there and equal; members that silence has ended meanwhile are looked up in
        `at_least`, which holds all windows whether ended or not."""
        for key, item in wanted.items():
            if item["type"] != "zset" or not key.endswith(":history"):
                continue
            mine = {score: member for score, member in got.get(key, {"value": []})["value"]}
            for score, member in item["value"]:
                self.assertEqual(mine.pop(score, None), member, f"{key} at {score}")
            allowed = {score: member for score, member in (at_least or wanted)[key]["value"]}
            for score, member in mine.items():
                self.assertEqual(member, allowed.get(score), f"{key} at {score}")
