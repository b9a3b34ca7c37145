"""A daemon that is not ready, and all the places that have to say so: /readyz, /status, the metrics, the line under `systemctl status`, the log."""
import os
import re
import shutil
import socket
import tempfile
import threading

import avro
import procs
import suite
from daemon import Daemon
from flow import Flow

T0 = 1700000040 * 10 ** 6
STATE = "tests.state.trades"


class Health(Flow):
    STREAM = {"topic": "t", "schema": "trade.avsc", "time": "executed_at", "max_future": "3650d"}
    AGGREGATE = {"stream": "trades", "by": ["product"], "window": {"tumbling": "1m"}, "stats": {"n": "count()"}}

    def configure_one(self, stream=None, aggregate=None, **more):
        self.configure({"trades": {**self.STREAM, **(stream or {})}}, {"m": {**self.AGGREGATE, **(aggregate or {})}},
                       **{"state": {"commit_every": "50ms"}, "kafka": {"session.timeout.ms": 10000}, "workers": 2, **more})

    def start_told(self, log="rollstatd.log"):
        """A daemon whose messages to systemd are heard."""
        short = tempfile.mkdtemp(prefix="rs-")  # a socket's path has to be short
        self.addCleanup(shutil.rmtree, short, ignore_errors=True)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(self.socket.close)
        self.socket.bind(os.path.join(short, "n"))
        self.heard = []
        threading.Thread(target=self.listen, args=(self.socket, self.heard), daemon=True).start()
        self.daemon = Daemon(suite.program("rollstatd"), self.config, self.path(log),
                             env={**os.environ, "NOTIFY_SOCKET": os.path.join(short, "n")})
        self.addCleanup(self.daemon.stop)
        return self.daemon

    @staticmethod
    def listen(heard_at, heard):
        """All the time, as systemd does: a sender waits while nobody reads."""
        try:
            while True:
                heard.extend(heard_at.recv(8192).decode().splitlines())
        except OSError:
            pass

    def newest_status(self):
        return next((line for line in reversed(self.heard) if line.startswith("STATUS=")), "")

    def log(self):
        return procs.tail(self.daemon.process.log, 10 ** 6)

    def send(self, partition, count, product="P", value=None):
        self.kafka.produce("t", [(partition, T0 // 1000, None,
                                  value or avro.trade(product=f"{product}{partition}", executed_at=T0 + i)) for i in range(count)])

    def partition(self, number):
        return next((p for p in self.daemon.partitions() if p["partition"] == number), {})

    def metric(self, name, labels=""):
        found = re.search(rf"(?m)^{re.escape(name + labels)} (\S+)$", self.daemon.get("/metrics")[1])
        return None if found is None else float(found.group(1))

    def sealed(self, number, offset):
        procs.until(lambda: self.partition(number).get("committed") == offset, 60, f"partition {number} is sealed up to {offset}",
                    self.daemon.process)

    def ready(self):
        procs.until(lambda: self.daemon.get("/readyz") == (200, "ok\n"), 60, "it is ready", self.daemon.process)
        procs.until(lambda: self.newest_status().startswith("STATUS=running; "), 60, "systemd hears of it", self.daemon.process)
        page = self.daemon.status()
        self.assertTrue(page["ready"], page)
        self.assertNotIn("problems", page)
        self.assertEqual((self.metric("rollstat_ready"), self.metric("rollstat_kafka_partitions_stopped"),
                          self.metric("rollstat_kafka_partitions_waiting")), (1, 0, 0))
        self.assertEqual({p["health"] for p in page["partitions"]}, {"runs"})

    def told_everywhere(self, pattern):
        """The reason with its remedy, wherever somebody may look."""
        def told():
            code, text = self.daemon.get("/readyz")
            return code == 503 and re.search(pattern, text)
        procs.until(told, 60, f"/readyz tells {pattern}", self.daemon.process)
        page = self.daemon.status()
        self.assertFalse(page["ready"])
        self.assertRegex("\n".join(page["problems"]), pattern)
        self.assertEqual(self.metric("rollstat_ready"), 0)
        procs.until(lambda: re.match("STATUS=not ready: ", self.newest_status()) and re.search(pattern, self.newest_status()), 60,
                    f"systemd hears {pattern}", self.daemon.process)

    def stopped(self, number, pattern):
        """Partition `number` stopped, told everywhere and once in the log; its lag is known and grows."""
        labels = f'{{stream="trades",partition="{number}"}}'
        self.told_everywhere(pattern)
        found = self.partition(number)
        self.assertEqual((found["health"], found["phase"]), ("stopped", "stopped"))
        self.assertRegex(found["why"], pattern)
        self.assertEqual(self.metric("rollstat_partition_stopped", labels), 1)
        self.assertGreaterEqual(self.metric("rollstat_kafka_partitions_stopped"), 1)
        self.assertEqual(self.log().count(f" error: {found['error']}\n"), 1, self.log())
        procs.until(lambda: "lag" in self.partition(number), 60, "its lag is known", self.daemon.process)
        before = self.partition(number)["lag"]
        self.send(number, 7)
        procs.until(lambda: self.partition(number)["lag"] == before + 7, 60, "its lag grows", self.daemon.process)
        self.assertEqual(self.metric("rollstat_lag_records", labels), before + 7)
        return before + 7

    def waits(self, number, what, pattern):
        labels = f'{{stream="trades",partition="{number}"}}'
        procs.until(lambda: self.partition(number).get("waits_for") == what, 60, f"partition {number} waits for {what}",
                    self.daemon.process)
        self.told_everywhere(pattern)
        found = self.partition(number)
        self.assertEqual(found["health"], "waits", found)
        self.assertGreater(self.metric("rollstat_partition_waiting_seconds", labels), 0)
        self.assertGreaterEqual(self.metric("rollstat_kafka_partitions_waiting"), 1)
        self.assertEqual(self.metric("rollstat_kafka_partitions_stopped"), 0)
