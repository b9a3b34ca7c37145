"""deploy/demo: without a terminal it prints the keys once and exits 0, twice in a row; in a terminal q quits; what it started ends with
it; a machine that lacks something is told what."""
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import suite  # noqa: E402
import procs  # noqa: E402

DEMO = os.path.join(suite.ROOT, "deploy", "demo")


def left_over():
    """Processes whose command line names this tree's demo: another's may run at the same time, in a box for one."""
    demo = os.path.join(suite.ROOT, "build", "demo", "")
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                words = file.read().decode("utf-8", "replace").split("\0")
        except OSError:
            continue
        if any(demo in word for word in words) and "cmake" not in words[0]:
            found.append(words)
    return found


def is_there(group):
    """Whether a process of the group, given as a negative number, still runs."""
    try:
        os.killpg(-group, 0)
    except ProcessLookupError:
        return False
    return True


class Demo(suite.Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        os.environ["RS_WERROR"] = "ON"

    def test_1_without_a_terminal(self):
        for turn in ("first", "second"):
            out, _ = procs.check([DEMO, "--no-install"], timeout=600)
            text = out.decode()
            for part in ("synthetic", "trades_1m", "5G基站总数", "rs:trades_1m:DEMO-", "rejected"):
                self.assertIn(part, text, turn)
            self.assertEqual(left_over(), [], turn)

    def test_2_in_a_terminal(self):
        child, terminal = pty.fork()
        if child == 0:
            os.environ["TERM"] = "xterm"
            os.execv(DEMO, [DEMO, "--no-install"])
        seen, quit_sent, end = b"", False, time.monotonic() + 180
        while time.monotonic() < end:
            ready, _, _ = select.select([terminal], [], [], 0.5)
            try:
                data = os.read(terminal, 65536) if ready else b""
            except OSError:
                break  # the other end is closed
            seen += data
            if not quit_sent and b"\x1b[?1049h" in seen and "企业征信".encode() in seen[seen.index(b"\x1b[?1049h"):]:
                time.sleep(1)
                os.write(terminal, b"q")
                quit_sent = True
        _, status = os.waitpid(child, 0)
        os.close(terminal)
        self.assertTrue(quit_sent, seen[-2000:])
        self.assertEqual(os.waitstatus_to_exitcode(status), 0, seen[-2000:])
        self.assertIn(b"\x1b[?1049l", seen, "the terminal is restored")
        self.assertEqual(left_over(), [])

    def test_3_interrupted(self):
        """SIGTERM in the middle: everything ends with it."""
        popen = subprocess.Popen([DEMO, "--no-install"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                 stdin=subprocess.DEVNULL, start_new_session=True)
        procs.until(lambda: any("rollstatd" in word for words in left_over() for word in words), 120, "the daemon runs")
        popen.terminate()
        self.assertEqual(popen.wait(60), 143)
        self.assertEqual(left_over(), [])

    def test_5_what_is_left_running_ends_with_its_line(self):
        """The broker ends together with the daemon, which has to end without it."""
        out, _ = procs.check([DEMO, "--keep", "--no-install"], timeout=600)
        line = re.search(r"to end it: (kill -TERM -- (-\d+(?: -\d+)*); rm -r .+)$", out.decode(), re.MULTILINE)
        self.assertIsNotNone(line, out.decode()[-2000:])
        leaders = [int(word) for word in line.group(2).split()]
        try:
            self.assertGreaterEqual(len(leaders), 4)
            procs.check(["bash", "-c", line.group(1)])
            procs.until(lambda: not any(is_there(leader) for leader in leaders), 90, "everything ends")
        finally:
            for leader in filter(is_there, leaders):
                os.killpg(-leader, signal.SIGKILL)

    def test_4_wrong_use_and_missing_packages(self):
        _, err = procs.check([DEMO, "--nonsense"], expect=1)
        self.assertIn(b"unknown argument --nonsense", err)
        os.makedirs(self.path("bin"))
        for name in os.listdir("/usr/bin"):
            if not name.startswith("redis"):
                os.symlink(f"/usr/bin/{name}", self.path(f"bin/{name}"))
        status, out, err = procs.run([DEMO, "--no-install"], env={"PATH": self.path("bin"), "HOME": self.directory})
        self.assertEqual(status, 2, out + err)
        self.assertIn(b"redis-server", out + err)


if __name__ == "__main__":
    suite.main()
