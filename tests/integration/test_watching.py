"""/metrics of a daemon at work: promtool has nothing against it, and what the alerts and the board of deploy/prometheus ask for is there."""
import os
import re
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import suite  # noqa: E402
import avro  # noqa: E402
import load  # noqa: E402
import procs  # noqa: E402
import alerts  # noqa: E402
from flow import Flow  # noqa: E402

T0 = 1700000040000000
LIMIT = 1 << 26


class Watching(Flow):
    def setUp(self):
        super().setUp()
        self.start_servers(suite.mock_kafka(self.path("mock"), "t:2", "t.dlq:1", "tests.state.trades:2"))
        self.configure({"trades": load.stream("t", "30s")},
                       {"m": {"stream": "trades", "by": ["product"], "window": {"all": True}, "stats": {"n": "count()"}}},
                       redis={"publish_every": "20ms"}, state={"commit_every": "100ms"}, limits={"memory": LIMIT})
        self.start_daemon()
        good = [(i % 2, T0 // 1000, None, avro.trade(product=f"P{i}", exchange="XA", executed_at=T0, price=10 ** 8, quantity=10 ** 6))
                for i in range(20)]
        self.kafka.produce("t", [*good, (0, T0 // 1000, None, b"\x02nonsense")])
        procs.until(lambda: 'rollstat_dead_letters_total 1\n' in self.page() and self.shown(), 90, "all is shown",
                    self.daemon.process)

    def page(self):
        return self.daemon.get("/metrics")[1]

    def shown(self):
        return all(self.client.hash(f"rs:m:P{i}").get("n") == "1" for i in range(20))

    def test_what_alerts_and_board_ask_for_is_there(self):
        there = set(re.findall(r"^# TYPE (\S+) ", self.page(), re.M))
        sampled = alerts.metrics_of("\n".join(line for line in self.page().splitlines() if not line.startswith("#")))
        for path in (alerts.RULES, alerts.BOARD):
            asked = alerts.metrics_of(alerts.read(path))
            self.assertEqual(sorted(asked - there), [], path)
            self.assertEqual(sorted(asked - sampled), [], path)

    def test_memory_is_told_with_its_limit(self):
        def of(name):
            return {worker: int(value) for worker, value in
                    re.findall(rf'(?m)^rollstat_worker_{name}{{worker="(\d+)"}} (\d+)$', self.page())}
        limits, used = of("memory_limit_bytes"), of("memory_bytes")
        self.assertEqual(set(limits), set(used))
        self.assertEqual(set(limits.values()), {LIMIT // len(limits)})
        self.assertGreater(sum(used.values()), 0)
        self.assertLess(max(used.values()), LIMIT)

    def test_the_process_is_told_as_others_tell_theirs(self):
        """The names of Prometheus' clients, with what the kernel says of the process."""
        pid = self.daemon.process.pid
        values = dict(re.findall(r"^(process_\w+) (\S+)$", self.daemon.get("/metrics")[1], re.M))
        self.assertEqual(set(values), {"process_cpu_seconds_total", "process_resident_memory_bytes", "process_virtual_memory_bytes",
                                       "process_open_fds", "process_max_fds", "process_start_time_seconds"})
        self.assertGreater(float(values["process_cpu_seconds_total"]), 0)
        # Connections come and go, and the page's own is one of them.
        self.assertAlmostEqual(int(values["process_open_fds"]), len(os.listdir(f"/proc/{pid}/fd")), delta=20)
        self.assertAlmostEqual(int(values["process_resident_memory_bytes"]) / 1024, procs.status_kib(pid, "VmRSS"), delta=20000)
        status, page = self.daemon.get("/")
        self.assertEqual(status, 200)
        for path in ("/metrics", "/status", "/livez", "/readyz"):
            self.assertIn(f'<a href="{path}">', page)

    def test_promtool_has_nothing_against_it(self):
        if shutil.which("promtool") is None:
            self.skipTest("promtool is not installed (package prometheus)")
        page = self.page()
        status, out, err = procs.run(["promtool", "check", "metrics"], data=page.encode())
        self.assertEqual((status, (out + err).decode()), (0, ""))
        bad = page.replace("# HELP rollstat_redis_errors_total ", "# HELP rollstat_redis_errors ").replace(
            "# TYPE rollstat_redis_errors_total ", "# TYPE rollstat_redis_errors ").replace(
            "\nrollstat_redis_errors_total ", "\nrollstat_redis_errors ")
        self.assertNotEqual(bad, page)
        self.assertNotEqual(procs.run(["promtool", "check", "metrics"], data=bad.encode())[0], 0)


if __name__ == "__main__":
    suite.main()
