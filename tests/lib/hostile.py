"""Topics of trades most of which are broken, each in its own way (hostile_tool.c), through Kafka, rollstatd and Redis: what became of
every one of them, and what it cost beside a topic of right ones."""
import os

import procs
import suite
from daemon import Daemon

PARTITIONS = 4
RULES = {"price": {"gt": 0}}


class Load:
    """Beside a broker and a Redis that run."""

    def __init__(self, broker, redis, directory, events, patience):
        self.broker, self.redis, self.directory, self.events, self.patience = broker, redis, directory, events, patience

    def tool(self, command, topic, every):
        return procs.check([suite.program("hostile_tool"), self.broker.bootstrap, command, topic, PARTITIONS, self.events, every],
                           timeout=self.patience)[0].decode()

    def config(self, name):
        path = os.path.join(self.directory, f"{name}.yaml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(suite.configuration(
                {"trades": {"topic": name, "schema": "trade.avsc", "time": "executed_at", "rules": RULES}},
                {"a": {"stream": "trades", "by": ["product"], "window": {"all": True},
                       "stats": {"n": "count()", "volume": "sum(quantity)"}}},
                self.broker.bootstrap, self.redis.url, **{
                    **Daemon.settings(), "group": name, "redis": {"url": self.redis.url, "prefix": name}}))
        return path

    def run(self, name, every):
        """One event of `every` is right. {"cpu_us": an event's, "peak_kib": …}; raises where anything is not as it should be."""
        for topic in (name, f"{name}.dlq"):
            self.broker.create(topic, PARTITIONS)
        right = {product: {"n": n, "volume": volume} for product, n, volume in map(str.split, self.tool(
            "fill", name, every).splitlines())}
        daemon = Daemon(suite.program("rollstatd"), self.config(name), os.path.join(self.directory, f"{name}.log"))
        try:
            procs.until(lambda: all(p.get("committed") == p.get("next_offset") for p in daemon.partitions()) and
                        daemon.accounting()["consumed"] == self.events, self.patience, f"all of {name} is sealed", daemon.process,
                        every=0.5)
            found = {"cpu_us": 1e6 * daemon.process.cpu_s() / self.events, "peak_kib": daemon.process.peak_kib()}
            self.check(name, daemon, right)
        finally:
            daemon.stop()
        found["letters"] = self.tool("letters", f"{name}.dlq", every).strip()
        return found

    def check(self, name, daemon, right):
        """The right ones exactly, in Redis and in the accounting."""
        applied = sum(int(group["n"]) for group in right.values())
        counts = daemon.accounting()
        wanted = dict.fromkeys(suite.NAMES, 0) | {"consumed": self.events, "applied": applied, "rejected": self.events - applied}
        if counts != wanted:
            daemon.process.fail(f"{name}: {counts}, expected {wanted}")
        client = self.redis.client()

        def differs():
            hashes = client.pipeline([("HMGET", f"{name}:a:{product}", "n", "volume") for product in right])
            return [product for product, found in zip(right, hashes)
                    if found != [right[product]["n"].encode(), right[product]["volume"].encode()]]
        procs.until(lambda: not differs(), 60, f"all groups of {name} are right in Redis", daemon.process)
