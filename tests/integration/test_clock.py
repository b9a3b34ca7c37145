"""The machine's clock is set forward by a day, and back by two, while events flow: nothing is lost, counted twice or ended early, and
the service stays well. Only the wall clock moves (tests/lib/shifted_clock.c), as when an administrator sets the time."""
import collections
import mmap
import os
import re
import shutil
import signal
import struct
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import suite  # noqa: E402
import engine  # noqa: E402
import load  # noqa: E402
import procs  # noqa: E402
from daemon import Daemon, Notify  # noqa: E402
from flow import Flow  # noqa: E402

S = engine.SECOND
T0 = 1700000040 * S
DAY = 86400 * S
PATIENCE = 120


class Clock(Flow):
    def setUp(self):
        super().setUp()
        self.notify = Notify()
        self.addCleanup(self.notify.close)
        with open(self.path("shift"), "w+b") as file:
            file.write(bytes(8))
            file.flush()
            self.shift = mmap.mmap(file.fileno(), 8)
        self.addCleanup(self.shift.close)
        self.start_servers(suite.mock_kafka(self.path("mock"), "t:2", "t.dlq:1", "tests.state.trades:2"))
        aggregate = {"stream": "trades", "by": ["product"], "stats": {"n": "count()", "volume": "sum(quantity)"}}
        self.configure({"trades": load.stream("t", "30s")},
                       {"total": {**aggregate, "window": {"all": True}}, "hour": {**aggregate, "window": {"tumbling": "1h"}, "history": 2}},
                       redis={"publish_every": "20ms"}, state={"commit_every": "50ms"})
        self.daemon = Daemon(suite.program("rollstatd"), self.config, self.path("rollstatd.log"), env={
            **os.environ, "LD_PRELOAD": self.preloaded(), "SHIFTED_CLOCK": self.path("shift"),
            "NOTIFY_SOCKET": self.notify.path, "WATCHDOG_USEC": "2000000"})
        self.addCleanup(self.daemon.process.stop)

    def preloaded(self):
        """In a place without blanks, which stand between the names of several."""
        directory = tempfile.mkdtemp(prefix="rs-")
        self.addCleanup(shutil.rmtree, directory)
        return shutil.copy(os.path.join(suite.BUILD, "tests", "libshifted_clock.so"), directory)

    def log(self):
        return procs.tail(self.daemon.process.log, 100000)

    def test_set_forward_and_back(self):
        events = load.make(17, 2000, 20, T0, 5000, S)
        wanted = collections.defaultdict(lambda: [0, 0])
        for number, shift in enumerate((0, DAY, -DAY, 0)):
            self.shift[:] = struct.pack("=q", shift)
            part = events[number * 500:(number + 1) * 500]
            load.write_csv(self.path("part.csv"), part)
            self.publish("trades", self.path("part.csv"), "--time-format", "us")
            for _, group, _, quantity in part:
                wanted[group][0] += 1
                wanted[group][1] += quantity
            self.daemon.until_consumed(500 * (number + 1), PATIENCE)
            fed = len(self.notify.seen("WATCHDOG=1"))
            procs.until(lambda: self.shown("total") == self.shown("hour") == dict(wanted), PATIENCE, "all is shown", self.daemon.process)
            procs.until(lambda: all(p["committed"] == p["next_offset"] for p in self.daemon.partitions()), PATIENCE, "all is sealed",
                        self.daemon.process)
            procs.until(lambda: len(self.notify.seen("WATCHDOG=1")) > fed + 1, PATIENCE, "the watchdog is fed", self.daemon.process)
            procs.until(lambda: self.daemon.get("/readyz")[0] == 200, PATIENCE, "it is ready", self.daemon.process)
            self.assertEqual(self.daemon.get("/livez")[0], 200)
            for partition in self.daemon.partitions():
                self.assertLess(partition["now_shown"] * 1000, T0 + 3600 * S)  # nothing has ended by the wall's word
        self.assertEqual(self.daemon.accounting()["applied"], 2000)
        self.assertEqual(self.daemon.process.stop(60), 0, self.log())

    def shown(self, aggregate):
        found = {}
        for group in {f"P{number:03d}" for number in range(20)}:
            fields = self.client.hash(f"rs:{aggregate}:{group}")
            if fields:
                found[group] = [int(fields["n"]), int(fields["volume"])]
        return found

    def test_the_daemon_follows_the_clock_it_is_given(self):
        """Else the test above would show nothing."""
        self.shift[:] = struct.pack("=q", 400 * DAY)
        self.daemon.process.signal(signal.SIGHUP)
        procs.until(lambda: re.search(r"^20(2[7-9]|[3-9]\d)-", self.log(), re.M), PATIENCE, "a line has the time of next year", self.daemon.process)


if __name__ == "__main__":
    suite.main()
