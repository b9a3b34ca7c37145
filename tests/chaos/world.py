"""What chaos is made in: a Kafka broker, two Redis servers, three instances of one group, and a proxy before every connection of theirs."""
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import suite  # noqa: E402
import kafka  # noqa: E402
import procs  # noqa: E402
import redis  # noqa: E402
from proxy import Proxy  # noqa: E402

GROUP = "chaos"
TRADES, INDICATORS = 6, 3  # partitions
LETTER_BYTES = 300000      # max.message.bytes of trades.dlq: less than records of the input may have
SESSION_MS = 2500
REQUEST_MS = 8000          # a request without an answer has failed
SETTLED_S = 6              # after a start or a pause: workers and pages are there
COMMIT_EVERY = ("1s", "300ms", "50ms")  # of the instances: where there is always a batch under way, kills hit it
HISTORY = 1000000
RECORD_KINDS = {1: "claim", 2: "chunk", 3: "seal"}  # transform/statelog/record.h
SMALL = 500  # trades of less than so much go into the total; larger ones can thus be late for every aggregate
FEW, MANY, TINY = 200, 860, 50  # bounds of quantities for windows of other kinds: these need not see every trade
GAP_S, NEWEST = 30, 20
# An exchange that is open in the first minutes of the night, which comes ten minutes into the run with the longer hour of a day
# of 25 (publishing.START). Its zone is that of the days, too.
ZONE = "America/New_York"
OPEN = ("00:05-00:12", "00:15-00:20")
CALENDAR = f"zone: {ZONE}\nsessions: [\"{OPEN[0]}\", \"{OPEN[1]}\"]\ndays: [mon, tue, wed, thu, fri, sat, sun]\n"
HOURS_SINCE = "+05:45"  # hours that begin at a quarter past

STREAMS = {
    "trades": {"topic": "trades", "schema": "trade.avsc", "time": "executed_at", "lateness": "20s", "id": "trade_id",
               "dedup": "2m", "dead_letters": {"late": True}, "rules": {"price": {"gt": 0}}},
    "indicators": {"topic": "indicators", "schema": "indicator.avsc", "time": "period_start",
                   "upsert": {"version": "revision"}}}
TUMBLING = {"n": "count()", "volume": "sum(quantity)", "price": "ohlc(price)", "vwap": "vwap(price, quantity)",
            "sd": "stddev(price)", "ch": "change(price)"}
SLIDING = {"n": "count()", "volume": "sum(quantity)", "low": "min(price)", "high": "max(price)", "mean": "mean(price)"}
TOTAL = {"n": "count()", "volume": "sum(quantity)"}
DAY = {"n": "count()", "volume": "sum(quantity)", "price": "ohlc(price)", "middle": "median(price)", "sizes": "distinct(quantity)"}
HOUR = {"n": "count()", "volume": "sum(quantity)", "high": "max(price)"}
RUN = {"n": "count()", "volume": "sum(quantity)", "rate": "rate(quantity)", "ch": "change(price)"}
SOME = {"n": "count()", "volume": "sum(quantity)", "price": "ohlc(price)", "middle": "median(price)",
        "together": "correlation(price, quantity)"}
OPENED = {"n": "count()", "volume": "sum(quantity)", "vwap": "vwap(price, quantity)", "sd": "stddev(price)"}
LAST = {"n": "count(value)", "sum": "sum(value)", "now": "last(value)", "ch": "change(value)"}
REVISIONS = {"n": "count()", "versions": "sum(revision)"}
AGGREGATES = {
    "m": {"stream": "trades", "by": ["product"], "window": {"tumbling": "10s"}, "history": HISTORY, "stats": TUMBLING},
    "s": {"stream": "trades", "by": ["product"], "window": {"sliding": "60s", "every": "10s"}, "stats": SLIDING},
    "t": {"stream": "trades", "by": ["product"], "window": {"all": True}, "where": {"quantity": {"lt": SMALL}},
          "stats": TOTAL},
    "d": {"stream": "trades", "by": ["product"], "window": {"tumbling": "1d", "zone": ZONE}, "where": {"quantity": {"lt": FEW}},
          "history": HISTORY, "stats": DAY},
    "h": {"stream": "trades", "by": ["product"], "window": {"since": "hour", "zone": HOURS_SINCE},
          "where": {"quantity": {"lt": FEW}}, "stats": HOUR},
    "g": {"stream": "trades", "by": ["product"], "window": {"session": f"{GAP_S}s"}, "where": {"quantity": {"gt": MANY}},
          "history": HISTORY, "stats": RUN},
    "l": {"stream": "trades", "by": ["product"], "window": {"last": NEWEST}, "where": {"quantity": {"lt": TINY}}, "stats": SOME},
    "x": {"stream": "trades", "by": ["product"], "window": {"tumbling": "session"}, "calendar": "exchange.yaml",
          "where": {"quantity": {"lt": FEW}}, "history": HISTORY, "stats": OPENED},
    "u": {"stream": "indicators", "by": ["region", "indicator"], "window": {"last": 12}, "stats": LAST},
    "r": {"stream": "indicators", "by": ["region", "indicator"], "window": {"all": True}, "stats": REVISIONS}}
BROKER = {"group.min.session.timeout.ms": "1000", "broker.session.timeout.ms": "2000", "broker.heartbeat.interval.ms": "300",
          "log.message.timestamp.type": "CreateTime"}


class Instance:
    """One rollstatd behind proxies of its own. It is started again and again, each time in one of its two ways to join the group."""

    def __init__(self, world, number, group=GROUP):
        self.world, self.number, self.group = world, number, group
        self.kafka, self.redis = Proxy(0), Proxy(world.primary.port)
        self.port = procs.free_port()
        self.log = os.path.join(world.directory, f"rollstatd-{number}.log")
        self.process, self.starts, self.started, self.stopped = None, 0, 0.0, False
        self.thawed = 0.0
        self.expect_exit = self.killed = False
        self.configs = {}

    def configure(self):
        kafka_settings = {"session.timeout.ms": SESSION_MS, "heartbeat.interval.ms": 300, "reconnect.backoff.max.ms": 1000,
                          "socket.timeout.ms": REQUEST_MS}
        for static in (False, True):
            identity = {"group.instance.id": f"instance-{self.number}"} if static else {}
            text = suite.configuration(
                STREAMS, AGGREGATES, f"127.0.0.1:{self.kafka.port}", f"redis://127.0.0.1:{self.redis.port}/0", group=self.group,
                kafka={**kafka_settings, **identity}, redis={"timeout": "2s"}, workers=1 + self.number % 2,
                state={"commit_every": COMMIT_EVERY[self.number % 3]}, http={"listen": f"127.0.0.1:{self.port}"}, **self.world.more)
            path = os.path.join(self.world.directory, f"rollstatd-{self.number}-{'static' if static else 'dynamic'}.yaml")
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
            self.configs[static] = path

    def start(self, static):
        """Where there is an earlier program, too, they take turns, so that at any time some run this one and some that one."""
        program = self.world.programs[(self.starts + self.number) % len(self.world.programs)]
        with open(self.log, "a", encoding="utf-8") as log:
            log.write(f"---- start {self.starts} ({'static' if static else 'dynamic'} member) of {program}\n")
        self.process = procs.Process([program, "-c", self.configs[static]], self.log)
        self.started, self.stopped, self.expect_exit, self.killed = time.monotonic(), False, False, False
        self.starts += 1

    def alive(self):
        return self.process is not None and self.process.alive()

    def status(self, timeout=0.3):
        """None: no answer."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/status", timeout=timeout) as answer:
                return json.load(answer)
        except (OSError, urllib.error.URLError, ValueError):
            return None

    def freeze(self):
        self.process.signal(signal.SIGSTOP)
        self.stopped = True

    def thaw(self):
        self.process.signal(signal.SIGCONT)
        self.stopped, self.thawed = False, time.monotonic()

    def settled(self):
        return time.monotonic() - max(self.started, self.thawed) > SETTLED_S

    def page(self, path, timeout):
        """The code of the answer; None: there is none."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=timeout) as answer:
                answer.read()
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code
        except (OSError, urllib.error.URLError):
            return None

    def kill(self):
        self.expect_exit = self.killed = True
        self.process.kill()
        self.stopped = False


def doing(instance):
    """(what the instance is doing, as far as it can be seen from outside; its partitions)"""
    if instance.stopped:
        return "paused", []
    status = instance.status()
    if status is None:
        return "starting" if time.monotonic() - instance.started < 1 else "not answering", []
    return phase_of(status), [(p["stream"], p["partition"]) for p in status["partitions"]]


def phase_of(status):
    parts = status["partitions"]
    if not status["kafka"]["joined"]:
        return "joining the group"
    if status["kafka"]["brokers_down"]:
        return "brokers away"
    if not parts:
        return "nothing assigned"
    phases = {p["phase"] for p in parts}
    for phase in sorted(phases - {"running"}):
        return phase
    if not status["redis"]["connected"]:
        return "Redis away"
    if any(p.get("quiet_until") for p in parts):
        return "behind the fence"
    if any(p["next_offset"] + 200 < p["end_offset"] for p in parts):
        return "catching up"
    if any(p["committed"] < p["next_offset"] for p in parts):
        writing = any(p["dirty_views"] or p["pending_history"] for p in parts)
        return "unsealed, publishing" if writing else "unsealed"
    return "idle"


class World:
    def __init__(self, directory, count=3, earlier=None, **more):
        self.directory = directory
        self.programs = [path for path in (suite.program("rollstatd"), earlier) if path]
        self.more = more
        os.makedirs(directory, exist_ok=True)
        with open(os.path.join(directory, "exchange.yaml"), "w", encoding="utf-8") as file:
            file.write(CALENDAR)
        self.primary = redis.Server(os.path.join(directory, "redis-a"))
        self.replica = redis.Server(os.path.join(directory, "redis-b"), "--replicaof", "127.0.0.1", str(self.primary.port))
        self.instances = [Instance(self, number) for number in range(count)]
        self.stranger = Instance(self, count, "stranger")
        doors = {f"DOOR{i.number}": i.kafka.port for i in [*self.instances, self.stranger]}
        self.kafka = kafka.Broker(suite.program("kafka_tool"), suite.JARS, os.path.join(directory, "kafka"), doors, BROKER)
        for instance in [*self.instances, self.stranger]:
            instance.kafka.move(self.kafka.doors[f"DOOR{instance.number}"])
            instance.configure()
        for topic, partitions in (("trades", TRADES), ("indicators", INDICATORS), ("indicators.dlq", 1)):
            self.kafka.create(topic, partitions)
        self.kafka.create("trades.dlq", 1, f"max.message.bytes={LETTER_BYTES}")

    def proxies(self):
        return [p for i in [*self.instances, self.stranger] for p in (i.kafka, i.redis)]

    def stop(self):
        for instance in [*self.instances, self.stranger]:
            if instance.alive():
                instance.kill()
        for proxy in self.proxies():
            proxy.stop()
        for server in (self.kafka, self.primary, self.replica):
            server.process.kill()

    # ---- Redis ----

    def restart_primary(self):
        """It comes back empty, and its replica with it."""
        self.primary.start()

    def promote(self):
        """The replica becomes the primary, with what it has got; the address moves. The old one follows it, empty."""
        old, new = self.primary, self.replica
        old.process.kill()
        new.process.signal(signal.SIGCONT)
        client = new.client()
        client.call("REPLICAOF", "NO", "ONE")
        client.close()
        self.primary, self.replica = new, old
        for instance in [*self.instances, self.stranger]:
            instance.redis.move(new.port)
        old.options = ("--replicaof", "127.0.0.1", str(new.port))
        new.options = ()
        old.start()

    def names_are_ours(self):
        """Every aggregate in Redis is the first group's; False also where one is nobody's, or Redis does not answer."""
        try:
            client = self.primary.client(timeout=5)
            owners = [client.call("HGET", f"rs:owners:{a}", "%owner") for a in AGGREGATES]
            client.close()
        except OSError:
            return False
        return all(o is not None and o.decode().startswith(f"{GROUP}:") for o in owners)

    # ---- the state log ----

    def log_ends(self):
        """{(stream, partition): kind of the last record of its state log}; empty when the broker does not answer."""
        tools = {stream: subprocess.Popen([self.kafka.tool, self.kafka.bootstrap, "tail", f"{GROUP}.state.{stream}", "1"],
                                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) for stream in STREAMS}
        found = {}
        for stream, tool in tools.items():
            try:
                out, _ = tool.communicate(timeout=2)
            except subprocess.TimeoutExpired:
                tool.kill()
                out, _ = tool.communicate()
            for line in out.splitlines():
                partition, _, _, _, value, _ = line.split("\t")
                found[stream, int(partition)] = RECORD_KINDS.get(bytes.fromhex(value[1:])[4], "?")
        return found
