"""A real Kafka broker of the test's own (KRaft, one JVM), librdkafka's mock cluster, and what a test asks of either."""
import base64
import fcntl
import glob
import os
import shutil
import subprocess
import tempfile

import procs

PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners={listeners},CONTROLLER://127.0.0.1:{controller}
advertised.listeners={advertised}
listener.security.protocol.map={protocols},CONTROLLER:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
controller.listener.names=CONTROLLER
log.dirs={directory}/logs
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
group.initial.rebalance.delay.ms=0
log.retention.ms=-1
log.segment.bytes=134217728
message.max.bytes=8388608
"""


def lines_of(records):
    def text(part):
        return "-" if part is None else "." + part.hex()

    def pairs(headers):
        return "\t" + ";".join(f"{name}={text(value)}" for name, value in headers)
    return "".join(f"{p}\t{t}\t{text(k)}\t{text(v)}{pairs(*more) if more else ''}\n" for p, t, k, v, *more in records)


class Transaction:
    """Its records are in the log and nobody may read them, nor what comes behind them, until it ends."""

    def __init__(self, cluster, topic, records, log):
        self.process = procs.Process([cluster.tool, cluster.bootstrap, "transaction", topic], log, stdin=subprocess.PIPE)
        self.process.popen.stdin.write(lines_of(records).encode() + b"\n")
        self.process.popen.stdin.flush()
        procs.until(lambda: "open" in procs.tail(log), 60, "the transaction is open", self.process)

    def end(self, how):
        self.process.popen.stdin.write(how.encode() + b"\n")
        self.process.popen.stdin.close()
        if self.process.wait(60) != 0:
            self.process.fail(f"the transaction does not {how}")


class Cluster:
    """What a test asks of a broker, through the helper program built from kafka_tool.c."""

    def __init__(self, tool, bootstrap):
        self.tool = tool
        self.bootstrap = bootstrap

    def ask(self, *args, data=None, timeout=120):
        out, _ = procs.check([self.tool, self.bootstrap, *args], data=data, timeout=timeout)
        return out.decode().splitlines()

    def create(self, topic, partitions, *settings):
        self.ask("create", topic, partitions, *settings)

    def delete(self, topic):
        self.ask("delete", topic)

    def ends(self, topic):
        """{partition: (low, high)}"""
        rows = (line.split() for line in self.ask("ends", topic))
        return {int(p): (int(low), int(high)) for p, low, high in rows}

    def total(self, topic):
        return sum(high - low for low, high in self.ends(topic).values())

    def produce(self, topic, records):
        """records: (partition, timestamp in ms or -1, key bytes or None, value bytes or None[, [(header, bytes)]])"""
        self.ask("produce", topic, data=lines_of(records).encode())

    def records(self, topic):
        """Every record, in order of offset within a partition: {partition, offset, timestamp, key, value, headers}."""
        def part(text):
            return None if text == "-" else bytes.fromhex(text[1:])
        for line in procs.lines([self.tool, self.bootstrap, "dump", topic]):
            partition, offset, timestamp, key, value, headers = line.rstrip("\n").split("\t")
            pairs = (pair.split("=") for pair in headers.split(";") if pair)
            yield {"partition": int(partition), "offset": int(offset), "timestamp": int(timestamp),
                   "key": part(key), "value": part(value), "headers": {name: part(text) for name, text in pairs}}

    def dump(self, topic):
        """The same as a list in order of partition and offset."""
        return sorted(self.records(topic), key=lambda r: (r["partition"], r["offset"]))

    def transaction(self, topic, records, log):
        """A transaction with these records, open: a process that ends it when it is told to; see Transaction."""
        return Transaction(self, topic, records, log)

    def group(self, group):
        """(state, number of members)"""
        state, members = self.ask("group", group)[0].split()
        return state, int(members)


CLUSTER = "RollstatTestsCluster00"


class Broker(Cluster):
    """doors: {name: port that is advertised}: further listeners, each for a proxy; self.doors[name] is the port behind it.
    settings: lines of server.properties that replace those above."""

    # Most tests let it run for seconds: compiling its code well costs more than that saves (a start takes 2.5 s of a
    # processor instead of 4.3). Who measures sets another.
    COMPILER = "-XX:TieredStopAtLevel=1"

    def __init__(self, tool, jars, directory, doors=None, settings=None):
        self.directory = str(directory)
        os.makedirs(self.directory, exist_ok=True)
        self.port = procs.free_port()
        super().__init__(tool, f"127.0.0.1:{self.port}")
        if not glob.glob(os.path.join(jars, "kafka_2.13-*.jar")):
            raise procs.Failure(f"no Kafka in {jars}")
        self.classpath = os.path.join(jars, "*")
        self.controller = procs.free_port()
        self.doors = {name: procs.free_port() for name in doors or {}}
        self.properties = os.path.join(self.directory, "server.properties")
        with open(self.properties, "w", encoding="utf-8") as file:
            file.write(self._properties(doors or {}, settings or {}))
        self.archive = self._format(jars)
        self.start()

    def _properties(self, doors, settings):
        def urls(ports):
            return ",".join(f"{name}://127.0.0.1:{port}" for name, port in ports.items())
        text = PROPERTIES.format(
            listeners=urls({"PLAINTEXT": self.port, **self.doors}), controller=self.controller,
            advertised=urls({"PLAINTEXT": self.port, **doors}), directory=self.directory,
            protocols=",".join(f"{name}:PLAINTEXT" for name in ("PLAINTEXT", *doors)))
        lines = dict(line.split("=", 1) for line in text.splitlines())
        text = "".join(f"{name}={value}\n" for name, value in {**lines, **settings}.items())
        return "".join(c if c.isascii() else f"\\u{ord(c):04x}" for c in text)  # Java reads Latin-1

    def _format(self, jars):
        """As StorageTool would do. Returns the options that name the archive of classes."""
        prepared = prepare(self.tool, jars)
        logs = os.path.join(self.directory, "logs")
        os.makedirs(logs, exist_ok=True)
        shutil.copy(os.path.join(prepared, "bootstrap.checkpoint"), logs)
        with open(self.properties, encoding="utf-8") as file:
            node = next(line for line in file if line.startswith("node.id="))
        identity = base64.urlsafe_b64encode(b"\0" + os.urandom(15)).decode()[:22]
        with open(os.path.join(logs, "meta.properties"), "w", encoding="utf-8") as file:
            file.write(f"version=1\ncluster.id={CLUSTER}\n{node}directory.id={identity}\n")
        archive = os.path.join(prepared, "classes.jsa")
        return [f"-XX:SharedArchiveFile={archive}"] if os.path.exists(archive) else []

    def java(self, *args):
        procs.check(["java", "-Xmx256m", Broker.COMPILER, "-cp", self.classpath, *args])

    def launch(self):
        """Starts it and waits for nothing. The locale is that of the names of files in its properties."""
        self.process = procs.Process(
            ["java", "-Xms256m", "-Xmx512m", "-XX:+UseSerialGC", self.COMPILER, *self.archive, "-Xlog:disable",
             "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp", self.classpath, "kafka.Kafka", self.properties],
            os.path.join(self.directory, "kafka.log"), env={**os.environ, "LC_ALL": "C.UTF-8"})

    def start(self):
        self.launch()
        procs.until(lambda: procs.answers(self.port), 90, "Kafka answers", self.process)
        procs.until(lambda: procs.run([self.tool, self.bootstrap, "ping"])[0] == 0, 60, "Kafka is ready", self.process)

    def stop(self):
        self.process.stop(40)

    def kill(self):
        self.process.kill()

    def alter(self, topic, **settings):
        """Dynamic topic settings, dots written as underscores; None takes one back."""
        names = {name.replace("_", "."): value for name, value in settings.items()}
        args = ["--add-config", ",".join(f"{n}={v}" for n, v in names.items() if v is not None),
                "--delete-config", ",".join(n for n, v in names.items() if v is None)]
        args = [part for pair in zip(args[::2], args[1::2]) if pair[1] for part in pair]
        self.java("kafka.admin.ConfigCommand", "--bootstrap-server", self.bootstrap, "--alter", "--entity-type", "topics",
                  "--entity-name", topic, *args)


class Follower(Broker):
    """A second broker beside one that is also the controller."""

    def __init__(self, first, jars, directory, settings=None):
        self.first = first
        super().__init__(first.tool, jars, directory, None, settings)

    def _properties(self, doors, settings):
        return super()._properties(doors, {
            "process.roles": "broker", "node.id": 2, "controller.quorum.voters": f"1@127.0.0.1:{self.first.controller}",
            "listeners": f"PLAINTEXT://127.0.0.1:{self.port}", **settings})


class First(Broker):
    """What others are prepared from: it is formatted by Kafka's own tool, and leaves an archive of the classes that it has
    loaded, once it has been asked for most of what tests ask for."""

    def _format(self, jars):
        self.java("kafka.tools.StorageTool", "format", "-t", CLUSTER, "-c", self.properties)
        return [f"-XX:ArchiveClassesAtExit={os.path.join(self.directory, 'classes.jsa')}"]

    def use(self):
        self.create("t", 1)
        self.produce("t", [(0, -1, b"key", b"value", [("header", b"value")])])
        self.dump("t")
        self.ends("t")
        self.group("nobody")
        self.transaction("t", [(0, -1, b"key", b"value")], os.path.join(self.directory, "transaction.log")).end("commit")
        self.delete("t")


def prepare(tool, jars):
    """A directory beside `jars` with what every broker would do again when it starts, made once for this Java: the files
    of a formatted directory, and its classes as an archive that is mapped instead of loading them. Formatting takes 1.1 s
    of a processor, and a start 1.6 s instead of 2.8 s."""
    java = os.stat(shutil.which("java"))
    target = f"{jars}.prepared-{java.st_ino}-{java.st_mtime_ns}"
    with open(f"{jars}.lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.isdir(target):
            with tempfile.TemporaryDirectory(prefix="prepare-", dir=os.path.dirname(jars)) as directory:
                made = os.path.join(directory, "made")
                os.mkdir(made)
                first = First(tool, jars, os.path.join(directory, "kafka"))
                try:
                    first.use()
                finally:
                    first.stop()
                shutil.copy(os.path.join(first.directory, "logs", "bootstrap.checkpoint"), made)
                archive = os.path.join(first.directory, "classes.jsa")
                if os.path.exists(archive):
                    shutil.copy(archive, made)
                os.rename(made, target)
    return target


class Mock(Cluster):
    """librdkafka's mock cluster: `topics` are "name:partitions"."""

    def __init__(self, tool, program, directory, *topics):
        os.makedirs(directory, exist_ok=True)
        log = os.path.join(directory, "mock.log")
        with open(log, "wb"):
            pass  # an older run's address must not be taken for this one's
        self.process = procs.Process([program, *topics], log, stdin=subprocess.PIPE)
        line = procs.until(lambda: [text for text in procs.tail(log).splitlines() if text.startswith("bootstrap ")],
                           20, "the mock cluster answers", self.process)
        super().__init__(tool, line[0].split()[1])

    def stop(self):
        self.process.popen.stdin.close()
        self.process.stop()
