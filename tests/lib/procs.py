"""Processes of a test: each in a group of its own, stopped by its id on any exit."""
import atexit
import ctypes
import os
import random
import signal
import socket
import subprocess
import sys
import time

PATIENCE = 60  # seconds: the least that is waited for what has to happen, however busy the machine is

_started = []
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


class Failure(AssertionError):
    """A process did not do what the test needs; the text holds the end of its log."""


def _die_with_parent():
    # A killed test runner must not leave servers behind: the kernel ends them.
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def tail(path, size=3000):
    try:
        with open(path, "rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - size))
            return file.read().decode("utf-8", "replace")
    except OSError:
        return ""


class Process:
    def __init__(self, argv, log, env=None, stdin=subprocess.DEVNULL, cwd=None):
        self.argv = [str(a) for a in argv]
        self.log = str(log)
        with open(self.log, "ab") as out:
            self.popen = subprocess.Popen(
                self.argv, stdin=stdin, stdout=out, stderr=out, env=env, cwd=cwd,
                start_new_session=True, preexec_fn=_die_with_parent)
        _started.append(self)

    @property
    def pid(self):
        return self.popen.pid

    def alive(self):
        return self.popen.poll() is None

    def signal(self, number):
        if self.alive():
            os.killpg(self.pid, number)

    def wait(self, timeout):
        """The exit status, or None: it goes on. No verdict depends on how busy the machine is: see PATIENCE."""
        try:
            return self.popen.wait(max(timeout, PATIENCE))
        except subprocess.TimeoutExpired:
            return None

    def stop(self, timeout=20):
        """SIGTERM, then SIGKILL after `timeout`; returns the exit status."""
        if self.alive():
            self.signal(signal.SIGCONT)
            self.signal(signal.SIGTERM)
            try:
                self.popen.wait(timeout)
            except subprocess.TimeoutExpired:
                self.kill()
        return self.popen.returncode

    def kill(self):
        self.signal(signal.SIGKILL)
        self.popen.wait()

    def fail(self, what):
        raise Failure(f"{what}\n--- {' '.join(self.argv)} (exit {self.popen.poll()})\n{tail(self.log)}")

    def rss_kib(self):
        return status_kib(self.pid, "VmRSS")

    def peak_kib(self):
        return status_kib(self.pid, "VmHWM")

    def cpu_s(self):
        with open(f"/proc/{self.pid}/stat", encoding="ascii") as file:
            fields = file.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def status_kib(pid, name):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        for line in file:
            if line.startswith(name + ":"):
                return int(line.split()[1])
    raise Failure(f"no {name} of process {pid}")


def run(argv, timeout=600, data=None, env=None, cwd=None):
    """Runs to the end; returns (exit status, stdout bytes, stderr bytes)."""
    popen = subprocess.Popen([str(a) for a in argv], stdin=subprocess.PIPE if data is not None else subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env, cwd=cwd,
                             start_new_session=True, preexec_fn=_die_with_parent)
    try:
        out, err = popen.communicate(data, timeout)
    except subprocess.TimeoutExpired:
        os.killpg(popen.pid, signal.SIGKILL)
        out, err = popen.communicate()
        raise Failure(f"{' '.join(map(str, argv))}: not done after {timeout} s\n"
                      + err.decode("utf-8", "replace")[-3000:]) from None
    return popen.returncode, out, err


def check(argv, expect=0, **options):
    """As run, but fails unless the exit status is `expect`."""
    status, out, err = run(argv, **options)
    if status != expect:
        raise Failure(f"{' '.join(map(str, argv))}: exit {status}, expected {expect}\n"
                      + (out[-1500:] + err[-3000:]).decode("utf-8", "replace"))
    return out, err


def lines(argv):
    """Yields the lines that the program prints, as they come; fails unless it exits with 0."""
    argv = [str(a) for a in argv]
    with subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          start_new_session=True, preexec_fn=_die_with_parent) as popen:
        yield from popen.stdout
        err = popen.stderr.read()
    if popen.returncode != 0:
        raise Failure(f"{' '.join(argv)}: exit {popen.returncode}\n{err[-3000:]}")


def until(condition, timeout, what, process=None, every=0.05):
    """Waits until condition() is true; returns its value."""
    timeout = max(timeout, PATIENCE)
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if process is not None and not process.alive():
            process.fail(f"{what}: the process ended")
        if time.monotonic() >= deadline:
            text = f"{what}: not within {timeout} s"
            if process is not None:
                process.fail(text)
            raise Failure(text)
        time.sleep(every)


_claims = []


def ports():
    """Ports that the kernel gives to nobody by itself, in an order of this process's own."""
    with open("/proc/sys/net/ipv4/ip_local_port_range", encoding="ascii") as file:
        first = int(file.read().split()[0])
    # Where it gives nearly all of them, any will do.
    found = list(range(max(10000, first - 20000), first) if first > 11000 else range(10000, 30000))
    random.SystemRandom().shuffle(found)
    return found


def free_port():
    """A port that nobody listens at, and that no other test gets while this process lives. One that the kernel picks could
    be a client's connection by the time a server is started there; a name in the abstract namespace is the claim, and
    ends with us."""
    for port in ports():
        claim = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            claim.bind(f"\0rollstat-tests-port-{port}")
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", port))
        except OSError:
            claim.close()
            continue
        _claims.append(claim)
        return port
    raise Failure("no port is free")


def answers(port):
    try:
        with socket.create_connection(("127.0.0.1", port), 0.5):
            return True
    except OSError:
        return False


@atexit.register
def _stop_all():
    for process in reversed(_started):
        if process.alive():
            process.signal(signal.SIGKILL)
            process.popen.wait()


def _terminated(number, _frame):
    sys.exit(128 + number)


signal.signal(signal.SIGTERM, _terminated)
signal.signal(signal.SIGHUP, _terminated)
