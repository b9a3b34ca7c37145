"""Redis stopped, killed or wiped under load: Kafka is still polled, memory stays within its bound, and after Redis returns every key is
right within ten seconds, the history of the windows that ended meanwhile included. RS_OUTAGE sets the seconds (60)."""
import os
import signal
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import suite  # noqa: E402
import engine  # noqa: E402
import load  # noqa: E402
import procs  # noqa: E402
from flow import Flow  # noqa: E402

S = engine.SECOND
START = 1700000000 * S
LATENESS = 20 * S
OUTAGE_S = float(os.environ.get("RS_OUTAGE", 60))
RATE = 5000                # events a second
STEP = 12000               # µs of event time between events: a minute of event time a second
GROUPS = 50
WITHIN_S = 10
MEMORY_MIB = 200


class Outage(Flow):
    def start_load(self, seconds):
        self.start_servers()
        self.events = load.make(5, int(RATE * seconds), GROUPS, START, STEP, 15 * S)
        trees, self.oracle = load.aggregates("trades", 100000)
        self.configure({"trades": load.stream("t", "20s")}, trees, redis={"timeout": "2s"})
        self.kafka.create("t", 4)
        self.kafka.create("t.dlq", 1)
        load.write_csv(self.path("events.csv"), self.events)
        self.start_daemon()
        self.publisher = procs.Process(
            [suite.program("rollstat-publish"), "-c", self.config, "--stream", "trades", "--time-format", "us",
             "--rate", RATE, self.path("events.csv")], self.path("publish.log"))
        self.daemon.until_consumed(3 * RATE, 60)

    def outage(self, seconds):
        """Load goes on; the daemon stays in its group, reads on, and its memory is bounded. Returns once the load has ended."""
        end = time.monotonic() + seconds
        before = self.daemon.accounting()["consumed"]
        peak = 0
        while time.monotonic() < end:
            time.sleep(1)
            state, members = self.kafka.group("tests")
            self.assertEqual((state, members), ("Stable", 1))
            peak = max(peak, self.daemon.process.rss_kib())
        self.assertEqual(self.daemon.get("/livez")[0], 200)
        self.assertGreater(self.daemon.accounting()["consumed"] - before, RATE * seconds * 0.8, "Kafka is still read")
        self.assertLess(peak, MEMORY_MIB * 1024, "KiB of memory during the outage")
        self.assertEqual(self.publisher.wait(120), 0, procs.tail(self.publisher.log))
        self.daemon.until_consumed(len(self.events), 60)
        status = self.daemon.status()
        self.assertFalse(status["redis"]["connected"])
        self.assertNotEqual(self.daemon.get("/readyz")[0], 200)

    def wanted(self, since=None):
        """Current views and ended windows that have to be in Redis; `since`: history only of windows that end after it."""
        oracle = load.fold(self.events, self.oracle, LATENESS)
        views = {k: v for k, v in engine.as_texts(oracle.shown(oracle.now_shown)).items()
                 if k.startswith("rs:m:") and v["type"] == "hash"}
        ended, everything = {}, engine.as_texts(oracle.shown(oracle.stream_time + 600 * S))
        for key, group in oracle.groups["m"].items():
            engine.show_group(ended, self.oracle[0], key, group, group.clock)
        ended = {k: v for k, v in engine.as_texts(ended).items() if k.endswith(":history")}
        if since is not None:
            for item in ended.values():
                item["value"] = [m for m in item["value"] if int(m[1]["window_end"]) * 1000 > since]
        return oracle, views, ended, everything

    def compare(self, views, ended, everything):
        self.client = self.redis.client()
        got = self.everything()
        for key, item in views.items():
            self.assertEqual(got.get(key, {}).get("value"), item["value"], key)
        self.same_history(got, ended, everything)
        return got

    def right_within(self, began, *wanted):
        last = None
        while True:
            try:
                got = self.compare(*wanted)
                print(f"right {time.monotonic() - began:.1f} s after Redis returned", file=sys.stderr)
                return got
            except (AssertionError, OSError, suite.redis.RedisError) as error:
                last = error
            if time.monotonic() - began > WITHIN_S:
                raise AssertionError(f"not right {WITHIN_S} s after Redis returned: {last}")
            time.sleep(0.2)

    def check_sliding(self, oracle):
        """Sliding views go on draining in silence; the fields that drain alike are looked up in the oracle at that moment."""
        got = self.everything()
        for key, group in oracle.groups["s"].items():
            view = got[f"rs:s:{key}"]["value"]
            end = int(view["window_end"]) * 1000
            window = engine.Window(300 * S, 60 * S)
            expected = engine.sliding_view(self.oracle[1], group, max(end - 1, group.clock),
                                           max(t for t, _, _ in group.events))[0]
            self.assertEqual(view, expected, key)
            self.assertGreaterEqual(end, window.first_end(group.clock))

    def test_stopped(self):
        self.start_load(OUTAGE_S + 8)
        wanted = None
        self.redis.process.signal(signal.SIGSTOP)
        try:
            self.outage(OUTAGE_S)
            oracle, *wanted = self.wanted()
        finally:
            self.redis.process.signal(signal.SIGCONT)
        self.right_within(time.monotonic(), *wanted)
        self.check_sliding(oracle)
        counts = self.daemon.accounting()
        self.assertEqual((counts["applied"], counts["late"]), (len(self.events), 0))

    def test_killed_and_empty(self):
        """A Redis that comes back empty gets every view, and the history of all windows whose panes are kept."""
        seconds = min(OUTAGE_S, 20)
        self.start_load(seconds + 8)
        clock = min(int(score) for key, item in self.everything().items() if key == "rs:m:index"
                    for score, _ in item["value"]) * 1000
        self.redis.process.kill()
        self.outage(seconds)
        # Members that Redis had acknowledged before it died are its own loss; what ended later is not.
        _, *wanted = self.wanted(since=clock + 300 * S)
        last = max(int(m[1]["window_end"]) for i in wanted[1].values() for m in i["value"]) * 1000
        self.assertGreater(last - clock, seconds * 40 * S, "windows ended during the outage")
        self.redis.start()
        self.right_within(time.monotonic(), *wanted)

    def test_flushed(self):
        """FLUSHALL under load: noticed, all views and kept windows back."""
        self.start_load(10)
        self.client.call("FLUSHALL")
        procs.until(lambda: self.client.call("DBSIZE") > GROUPS, WITHIN_S, "views are back", self.daemon.process)
        self.publisher.wait(60)
        self.daemon.until_consumed(len(self.events), 60)
        oracle, views, ended, everything = self.wanted()
        self.right_within(time.monotonic(), views, {}, everything)
        # Silence: flush once more, with nothing coming in that would touch the groups.
        kept = {k: {**i, "value": [m for m in i["value"] if int(m[1]["window_end"]) * 1000 > oracle.groups["m"][
            k.split(":")[2]].clock - LATENESS]} for k, i in ended.items()}
        self.client.call("FLUSHALL")
        self.right_within(time.monotonic(), views, kept, everything)
        self.check_sliding(oracle)


if __name__ == "__main__":
    suite.main()
