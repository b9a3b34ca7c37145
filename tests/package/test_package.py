"""The packages in a clean Debian with systemd as its process 1: installed, run, hung, crashed, reloaded, upgraded, removed, purged.

tests/run makes what is needed and hands it over: RS_DEBIAN (12 or 13), RS_BOX (a clean box), RS_PACKAGES (a directory with the
packages, lintian.txt, which is what lintian said, and rollstat-demo-broker, the broker for the box). What is counted is compared
with the sum of what was published. The tests are one story, in the order of their numbers, in one box.
"""
import glob
import os
import re
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import suite  # noqa: E402
import box  # noqa: E402
import procs  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
DEBIAN = os.environ.get("RS_DEBIAN", "13")
PACKAGES = os.environ.get("RS_PACKAGES", "")
CLEAN = os.environ.get("RS_BOX", "")
INSIDE, EARLIER = "/srv/packages", "/srv/earlier"  # where directories with packages are in the box
PASSWORD = "a secret of the box"

CONFIG = """group: {group}
kafka: {{bootstrap.servers: {broker}}}
redis: {{url: "redis://127.0.0.1:6379/0", prefix: {group}, password: !file "${{CREDENTIALS_DIRECTORY}}/redis-password"}}
http: {{listen: 127.0.0.1:{port}}}
schemas: {{directory: /usr/share/rollstat/schemas}}
state: {{commit_every: 50ms}}
streams:
  trades: {{topic: trades, schema: trade.avsc, time: executed_at, id: trade_id}}
aggregates:
  totals: {{stream: trades, by: [exchange], window: {{all: true}}, stats: {{trades: count(), volume: sum(quantity)}}}}
"""
CREDENTIAL = "[Service]\nLoadCredential=redis-password:/etc/rollstat/credentials/redis-password\n"
GROUPS = ("market", "east", "west")


def package(name, directory=PACKAGES):
    """The one package of this name in a directory."""
    found = glob.glob(os.path.join(directory, f"{name}_*.deb"))
    if len(found) != 1:
        raise procs.Failure(f"{len(found)} packages {name} in {directory}")
    return found[0]


def earlier(directory):
    """The package rollstat as of an earlier version, whose example was another."""
    tree = os.path.join(directory, "tree")
    procs.check(["dpkg-deb", "--raw-extract", package("rollstat"), tree])
    for path, pattern, replacement in (("DEBIAN/control", r"(?m)^Version: .*$", "Version: 0.0.1-1"),
                                       ("etc/rollstat/rollstat.yaml.example", r"\A", "# The example of 0.0.1.\n")):
        with open(os.path.join(tree, path), encoding="utf-8") as file:
            text, count = re.subn(pattern, replacement, file.read(), count=1)
        if count != 1:
            raise procs.Failure(f"{path} is not as expected")
        with open(os.path.join(tree, path), "w", encoding="utf-8") as file:
            file.write(text)
    procs.check(["dpkg-deb", "-Znone", "--root-owner-group", "--build", tree, directory])
    shutil.rmtree(tree)
    return package("rollstat", directory)


class Package(suite.Case):
    broken_in = None

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        base = os.path.join(os.environ.get("RS_TMP", "/tmp"), f"debian{DEBIAN}")
        root = os.path.join(base, "box")
        os.makedirs(os.path.join(base, "earlier"), exist_ok=True)
        cls.old = os.path.join(EARLIER, os.path.basename(earlier(os.path.join(base, "earlier"))))
        procs.check([box.TOOL, "copy", CLEAN, root], timeout=box.MINUTES)
        # What the packages say they need is fetched before the box is cut off the network, and installed there by apt-get.
        procs.check([box.TOOL, "run", root, "--bind-ro-at", PACKAGES, INSIDE, "--", "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
                     "DEBIAN_FRONTEND=noninteractive", "bash", "-ec",
                     'apt-get update -qq; apt-get install -y -qq --no-install-recommends --download-only "$@"', "fetch",
                     cls.inside("rollstat"), cls.inside("librollstat0"), "redis-server"], timeout=box.MINUTES)
        cls.box = box.Box(root, os.path.join(base, "console"), "--bind-ro-at", PACKAGES, INSIDE,
                          "--bind-ro-at", os.path.join(base, "earlier"), EARLIER)
        cls.base, cls.published, cls.volume = base, 0, 0

    @staticmethod
    def inside(name, directory=INSIDE):
        """The package as the box sees it."""
        return os.path.join(directory, os.path.basename(package(name)))

    @classmethod
    def tearDownClass(cls):
        if hasattr(cls, "box"):
            cls.box.off()
        shutil.rmtree(cls.base, ignore_errors=True)

    def setUp(self):
        super().setUp()
        if self.broken_in:
            self.skipTest(f"the story broke in {self.broken_in}")

    def run(self, result=None):
        before = len(result.failures) + len(result.errors)
        super().run(result)
        if len(result.failures) + len(result.errors) > before:
            type(self).broken_in = self.id().rpartition(".")[2]
        return result

    # ---- the story's means ----

    def until(self, what, condition):
        return procs.until(condition, 120, what, self.box.process, every=0.2)

    def publish(self, count):
        """Trades that were not there before."""
        first = self.published
        rows = [f"T{i},DEMO,tea,10.00,{1 + i % 7},CNY,2026-03-01T09:{i // 60 % 60:02d}:{i % 60:02d}Z" for i in range(first, first + count)]
        text = "trade_id,exchange,product,price,quantity,currency,executed_at\n" + "\n".join(rows) + "\n"
        self.box.run("env", "CREDENTIALS_DIRECTORY=/etc/rollstat/credentials", "rollstat-publish", "-c", "/etc/rollstat/rollstat.yaml",
                     "--stream", "trades", "--quiet", "-", data=text)
        type(self).published += count
        type(self).volume += sum(1 + i % 7 for i in range(first, first + count))

    def redis(self, *words):
        return self.box.run("env", f"REDISCLI_AUTH={PASSWORD}", "redis-cli", "--raw", *words).strip()

    def shown(self, group="market"):
        return self.redis("HMGET", f"{group}:totals:DEMO", "trades", "volume").split()

    def until_all_is_shown(self, group="market"):
        wanted = [str(self.published), str(self.volume)]
        self.until(f"{group} shows {wanted}", lambda: self.shown(group) == wanted)

    def page(self, path, port=9464):
        """(status code, body), read inside; no client is installed there."""
        text = self.box.run("bash", "-c", f"exec 3<>/dev/tcp/127.0.0.1/{port} && printf 'GET {path} HTTP/1.0\\r\\n\\r\\n' >&3 && cat <&3")
        head, _, body = text.replace("\r", "").partition("\n\n")
        return int(head.split()[1]), body

    def main_pid(self, unit="rollstatd"):
        pid = int(self.box.unit(unit, "MainPID")["MainPID"])
        self.assertGreater(pid, 1, f"{unit} does not run")
        return pid

    def restarts(self):
        return int(self.box.unit("rollstatd", "NRestarts")["NRestarts"])

    def messages(self, since=0, own=True):
        return [line["MESSAGE"] for line in self.box.journal("rollstatd", since) if (line["_PID"] != "1") == own]

    def journal_length(self):
        return len(self.box.journal("rollstatd"))

    def until_restarted(self, before, pid):
        self.until("systemd has restarted it", lambda: self.restarts() > before and
                   self.box.active("rollstatd") == "active" and self.main_pid() != pid)

    # ---- the story ----

    def test_00_lintian_has_nothing_to_say(self):
        with open(os.path.join(PACKAGES, "lintian.txt"), encoding="utf-8") as file:
            self.assertEqual(file.read(), "")

    def test_01_a_fresh_installation_is_quiet(self):
        self.assertNotIn("rollstat", self.box.run("dpkg", "--list"))
        self.box.install(self.old)
        state = self.box.unit("rollstatd", "ActiveState", "UnitFileState", "ConditionResult", "Result")
        self.assertEqual(state, {"ActiveState": "inactive", "UnitFileState": "enabled", "ConditionResult": "no", "Result": "success"})
        self.assertEqual(self.box.run("systemctl", "--failed", "--plain", "--no-legend"), "")
        self.assertEqual(self.box.run("stat", "-c", "%a %U", "/etc/rollstat", "/etc/rollstat/credentials"), "755 root\n700 root\n")
        for name in ("rollstatd", "rollstat-publish", "rollstat-top", "rollstat-schema", "rollstat-state", "rollstat-dlq", "rollstat-tap"):
            self.assertRegex(self.box.run(name, "--version"), r"^rollstat \d+\.\d+\.\d+\n$")
        self.assertRegex(self.box.run("rollstatd", "-c", "/etc/rollstat/rollstat.yaml.example", "--check"), ": ok: ")

    def test_02_the_library_is_installed_by_itself(self):
        self.box.install(self.inside("librollstat0"))
        self.assertIn("librollstat.so.0 ", self.box.run("ldconfig", "-p"))

    def test_03_it_is_confined(self):
        for unit in ("rollstatd.service", "rollstatd@a.service"):
            self.box.run("systemd-analyze", "security", "--threshold=12", "--no-pager", unit)
        self.assertEqual(self.box.run("systemd-analyze", "verify", "--man=no", "rollstatd.service", "rollstatd@a.service"), "")

    def test_04_up_without_redis_and_ready_with_it(self):
        self.box.install("redis-server")
        self.box.run("systemctl", "stop", "redis-server")
        self.box.run("sh", "-c", f"echo 'requirepass \"{PASSWORD}\"' >>/etc/redis/redis.conf")
        topics = ["trades:1", "trades.dlq:1"] + [f"{group}.state.trades:1" for group in GROUPS]
        self.box.run("systemd-run", "--unit=broker", "sh", "-c", f"sleep infinity | {INSIDE}/rollstat-demo-broker {' '.join(topics)}")
        found = self.until("the broker is up", lambda: re.search(
            r"^bootstrap (\S+)$", self.box.run("journalctl", "--unit=broker", "--output=cat"), re.M))
        type(self).broker = found.group(1)
        self.box.write("/etc/rollstat/credentials/redis-password", PASSWORD, "600")
        self.box.write("/etc/systemd/system/rollstatd.service.d/override.conf", CREDENTIAL + "WatchdogSec=3s\n")
        self.box.write("/etc/rollstat/rollstat.yaml", CONFIG.format(group="market", broker=self.broker, port=9464))
        self.box.run("systemctl", "daemon-reload")
        self.box.run("systemctl", "start", "rollstatd")  # returns once it says READY=1
        self.assertEqual(self.box.active("rollstatd"), "active")
        code, body = self.page("/readyz")
        self.assertEqual(code, 503, body)
        self.until("the status says what is awaited", lambda: re.search(
            "^not ready: .*Redis", self.box.unit("rollstatd", "StatusText")["StatusText"]))
        self.box.run("systemctl", "start", "redis-server")
        self.until("it is ready", lambda: self.page("/readyz")[0] == 200)
        self.until("the status says so", lambda: re.search(
            r"^running.*; 1 partitions, ", self.box.unit("rollstatd", "StatusText")["StatusText"]))
        self.publish(1000)
        self.until_all_is_shown()

    def test_05_secrets_come_from_systemd(self):
        """Redis lets nobody in without, and nobody else can read it."""
        self.assertEqual(self.box.run("stat", "-c", "%a", "/etc/rollstat/credentials/redis-password"), "600\n")
        for name in ("environ", "cmdline"):
            self.assertNotIn(PASSWORD, self.box.run("cat", f"/proc/{self.main_pid()}/{name}"))
        self.assertNotIn(PASSWORD, "\n".join(self.messages()))
        self.assertNotEqual(self.box.run("stat", "-c", "%U", f"/proc/{self.main_pid()}"), "root\n")

    def test_06_the_journal_has_priorities_and_fields(self):
        own = [line for line in self.box.journal("rollstatd") if line["_PID"] != "1"]
        text = "\n".join(f"{line['PRIORITY']} {line['MESSAGE']}" for line in own)
        self.assertEqual({line["PRIORITY"] for line in own}, {"3", "4", "6"}, text)
        self.assertEqual({(line["SYSLOG_IDENTIFIER"], line["_SYSTEMD_UNIT"]) for line in own}, {("rollstatd", "rollstatd.service")})
        self.assertEqual([line["MESSAGE"] for line in own if re.match(r"<\d>|\d{4}-", line["MESSAGE"])], [])
        redis = [line["PRIORITY"] for line in own if "Redis" in line["MESSAGE"] and "6379" in line["MESSAGE"]]
        self.assertIn("3", redis, text)

    def test_07_reload_judges_and_goes_on(self):
        pid, since = self.main_pid(), self.journal_length()
        self.box.run("systemctl", "reload", "rollstatd")
        self.until("it has judged", lambda: any("rollstat.yaml" in m for m in self.messages(since)))
        good = self.box.run("cat", "/etc/rollstat/rollstat.yaml")
        self.box.write("/etc/rollstat/rollstat.yaml", good.replace("count()", "cuont()"))
        since = self.journal_length()
        self.box.try_run("systemctl", "reload", "rollstatd")
        self.until("it has complained", lambda: any(re.search(r"rollstat\.yaml:\d+:\d+: .*cuont", m) for m in self.messages(since)))
        self.box.write("/etc/rollstat/rollstat.yaml", good)
        self.publish(100)
        self.until_all_is_shown()
        self.assertEqual((self.main_pid(), self.box.active("rollstatd")), (pid, "active"))

    def test_08_a_worker_that_hangs_is_ended_by_the_watchdog(self):
        before, pid, since = self.restarts(), self.main_pid(), self.journal_length()
        with subprocess.Popen([sys.executable, os.path.join(HERE, "hang.py"), str(self.box.host_pid(pid))],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as hang:
            self.assertEqual(hang.stdout.readline(), "hung\n")
            self.publish(100)
            self.until_restarted(before, pid)
            self.assertEqual((hang.stdout.read(), hang.wait()), ("", 0))
        self.assertTrue([m for m in self.messages(since, own=False) if "Watchdog timeout" in m])
        self.publish(100)
        self.until_all_is_shown()

    def test_09_a_process_that_stands_still_too(self):
        before, pid = self.restarts(), self.main_pid()
        self.box.run("kill", "-STOP", str(pid))
        self.publish(100)
        self.until_restarted(before, pid)
        self.until_all_is_shown()

    def test_10_a_crash_loses_nothing(self):
        for signal in ("SEGV", "KILL"):
            before, pid = self.restarts(), self.main_pid()
            self.publish(100)
            self.box.run("kill", f"-{signal}", str(pid))
            self.until_restarted(before, pid)
            self.until("it is ready again", lambda: self.page("/readyz")[0] == 200)
            self.until_all_is_shown()

    def test_11_it_stops_in_time(self):
        """Also without Redis and with a broker that answers nothing."""
        for silent in (False, True):
            since = self.journal_length()
            if silent:
                self.box.run("systemctl", "stop", "redis-server")
                self.box.run("systemctl", "kill", "--signal=STOP", "broker")
            self.box.run("systemctl", "stop", "rollstatd")
            state = self.box.unit("rollstatd", "ActiveState", "Result", "ExecMainCode", "ExecMainStatus")
            self.assertEqual(state, {"ActiveState": "inactive", "Result": "success", "ExecMainCode": "1", "ExecMainStatus": "0"})
            self.assertEqual([m for m in self.messages(since, own=False) if "timed out" in m or "Killing" in m], [])
            if silent:
                self.box.run("systemctl", "kill", "--signal=CONT", "broker")
                self.box.run("systemctl", "start", "redis-server")
            self.box.run("systemctl", "start", "rollstatd")
        self.until_all_is_shown()

    def test_12_a_wrong_configuration_is_told_once(self):
        """systemd does not start it again and again."""
        self.box.write("/etc/rollstat/wrong.yaml", "group: a\nstreams: 5\n")
        self.assertNotEqual(self.box.try_run("systemctl", "start", "rollstatd@wrong")[0], 0)
        state = self.box.unit("rollstatd@wrong", "ActiveState", "NRestarts", "ExecMainStatus")
        self.assertEqual(state, {"ActiveState": "failed", "NRestarts": "0", "ExecMainStatus": "1"})
        self.assertIn("/etc/rollstat/wrong.yaml:2:", "\n".join(line["MESSAGE"] for line in self.box.journal("rollstatd@wrong")))
        self.box.try_run("systemctl", "reset-failed", "rollstatd@wrong")

    def test_13_two_more_instances_beside_it(self):
        for number, name in enumerate(GROUPS[1:], 1):
            self.box.write(f"/etc/rollstat/{name}.yaml", CONFIG.format(group=name, broker=self.broker, port=9464 + number))
            self.box.write(f"/etc/systemd/system/rollstatd@{name}.service.d/override.conf", CREDENTIAL)
        self.box.run("systemctl", "daemon-reload")
        self.box.run("systemctl", "enable", "--now", "rollstatd@east", "rollstatd@west")
        self.publish(100)
        for number, group in enumerate(GROUPS):
            self.until_all_is_shown(group)
            self.until(f"{group} is ready", lambda port=9464 + number: self.page("/readyz", port)[0] == 200)
        pids = {self.main_pid(unit) for unit in ("rollstatd", "rollstatd@east", "rollstatd@west")}
        self.assertEqual(len(pids), 3)

    def test_14_a_port_that_is_taken_is_named(self):
        self.box.write("/etc/rollstat/clash.yaml", CONFIG.format(group="east", broker=self.broker, port=9465))
        self.box.write("/etc/systemd/system/rollstatd@clash.service.d/override.conf", CREDENTIAL)
        self.box.run("systemctl", "daemon-reload")
        self.assertRegex(self.box.run("env", "CREDENTIALS_DIRECTORY=/etc/rollstat/credentials", "rollstatd", "-c",
                                      "/etc/rollstat/clash.yaml", "--check"), r"note: http: cannot listen on 127\.0\.0\.1:9465: ")
        self.assertNotEqual(self.box.try_run("systemctl", "start", "rollstatd@clash")[0], 0)
        text = "\n".join(line["MESSAGE"] for line in self.box.journal("rollstatd@clash"))
        self.assertRegex(text, r"127\.0\.0\.1:9465: Address already in use")
        self.assertIn("choose another address", text)
        self.box.run("systemctl", "stop", "rollstatd@clash")
        self.box.try_run("systemctl", "reset-failed", "rollstatd@clash")  # where it is still known
        self.box.run("rm", "-r", "/etc/rollstat/clash.yaml", "/etc/systemd/system/rollstatd@clash.service.d")
        self.box.run("systemctl", "daemon-reload")

    def test_15_an_upgrade_keeps_everything(self):
        units = ("rollstatd", "rollstatd@east")
        self.box.run("systemctl", "stop", "rollstatd@west")
        before = {unit: self.main_pid(unit) for unit in units}
        kept = self.box.run("sh", "-c", "cd /etc/rollstat && md5sum *.yaml credentials/*")
        self.assertIn("# The example of 0.0.1.", self.box.run("cat", "/etc/rollstat/rollstat.yaml.example"))
        self.publish(500)
        self.box.install(self.inside("rollstat"))
        self.assertNotIn("0.0.1", self.box.run("dpkg-query", "-W", "rollstat"))
        self.assertEqual(self.box.run("sh", "-c", "cd /etc/rollstat && md5sum *.yaml credentials/*"), kept)
        self.assertNotIn("# The example of 0.0.1.", self.box.run("cat", "/etc/rollstat/rollstat.yaml.example"))
        for unit in units:
            self.assertEqual(self.box.active(unit), "active", unit)
            self.assertNotEqual(self.main_pid(unit), before[unit], f"{unit} goes on with the old program")
        self.assertEqual(self.box.active("rollstatd@west"), "inactive")
        self.publish(100)
        for group in GROUPS[:2]:
            self.until_all_is_shown(group)

    def test_16_and_so_does_going_back(self):
        self.box.run("sh", "-c", "echo '# mine' >>/etc/rollstat/rollstat.yaml.example")
        self.box.install(self.old, options=("-o", "Dpkg::Options::=--force-confold"))
        self.assertIn("0.0.1", self.box.run("dpkg-query", "-W", "rollstat"))
        self.assertIn("# mine", self.box.run("cat", "/etc/rollstat/rollstat.yaml.example"))
        self.publish(100)
        for group in GROUPS[:2]:
            self.until_all_is_shown(group)

    def test_17_removed(self):
        self.box.run("apt-get", "remove", "-y", "-q", "rollstat")
        for unit in ("rollstatd", "rollstatd@east"):
            self.assertIn(self.box.active(unit), ("inactive", "failed"))
        self.assertEqual(self.box.try_run("pidof", "rollstatd")[1], "")
        self.assertEqual(self.box.run("sh", "-c", "ls /etc/rollstat/*.yaml").split(),
                         [f"/etc/rollstat/{name}.yaml" for name in ("east", "rollstat", "west", "wrong")])
        self.assertEqual(self.shown(), [str(self.published), str(self.volume)])

    def test_18_purged(self):
        self.box.run("apt-get", "purge", "-y", "-q", "rollstat", "librollstat0")
        left = self.box.run("find", "/", "-xdev", "-path", "/proc", "-prune", "-o", "-path", "/var/cache/apt", "-prune", "-o",
                            "-path", "/var/log", "-prune", "-o", "-path", "/srv", "-prune", "-o", "-name", "*rollstat*", "-print")
        self.assertEqual(left, "")
        self.assertEqual(self.box.run("systemctl", "--failed", "--plain", "--no-legend"), "")


if __name__ == "__main__":
    suite.main()
