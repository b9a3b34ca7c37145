"""A Debian in a directory with systemd as its process 1, by tests/lib/debian_box.sh: booted, spoken to, ended."""
import json
import os
import re

import procs

TOOL = os.path.join(os.path.dirname(os.path.abspath(__file__)), "debian_box.sh")
MINUTES = 600  # how long a command in it may take, however busy the machine is


class Box:
    def __init__(self, directory, log, *mounts):
        """`mounts` as debian_box.sh has them: "--bind-ro", path, ..."""
        self.directory = directory
        self.process = procs.Process([TOOL, "boot", directory, *mounts], log)
        first = procs.until(lambda: re.search(r"^process 1 is (\d+)$", procs.tail(log, 1 << 20), re.M), MINUTES,
                            "the box has a process 1", self.process)
        self.init = first.group(1)
        procs.until(lambda: self.try_run("systemctl", "is-system-running")[1].strip() in ("running", "degraded"), MINUTES,
                    "the box is up", self.process)

    def try_run(self, *argv, data=None):
        """(exit status, what it printed on both)"""
        status, out, err = procs.run([TOOL, "enter", self.init, *argv], timeout=MINUTES,
                                     data=data.encode() if data is not None else None)
        return status, out.decode("utf-8", "replace") + err.decode("utf-8", "replace")

    def run(self, *argv, expect=0, data=None):
        """What it printed."""
        status, text = self.try_run(*argv, data=data)
        if status != expect:
            text += self.try_run("journalctl", "--no-pager", "--quiet", "--lines=25")[1]
            raise procs.Failure(f"{' '.join(argv)}: exit {status}, expected {expect}\n{text[-4000:]}")
        return text

    def install(self, *packages, options=()):
        """By apt-get, from what was fetched before: a box has no network."""
        return self.run("env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "install", "-y", "-q", "--no-install-recommends",
                        "--allow-downgrades", *options, *packages)

    def write(self, path, text, mode="644"):
        self.run("install", "-D", "-m", mode, "/dev/stdin", path, data=text)

    def unit(self, name, *properties):
        """{property: value} of a unit."""
        text = self.run("systemctl", "show", name, *(f"--property={p}" for p in properties))
        return dict(line.split("=", 1) for line in text.splitlines() if "=" in line)

    def active(self, name):
        return self.unit(name, "ActiveState")["ActiveState"]

    def journal(self, unit, since=0):
        """The unit's own lines as objects, from this number on; systemd's about it are told apart by their _PID, 1."""
        text = self.run("journalctl", "--unit", unit, "--output", "json", "--no-pager", "--quiet")
        lines = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
        return lines[since:]

    def host_pid(self, pid):
        """The machine's number of a process that has this one in the box."""
        for name in os.listdir("/proc"):
            if name.isdigit():
                try:
                    with open(f"/proc/{name}/status", encoding="utf-8", errors="replace") as file:
                        text = file.read()
                    same = os.readlink(f"/proc/{name}/ns/pid") == os.readlink(f"/proc/{self.init}/ns/pid")
                except OSError:
                    continue  # it ended meanwhile
                if same and re.search(rf"^NSpid:.*\s{pid}$", text, re.M):
                    return int(name)
        raise procs.Failure(f"no process {pid} in the box")

    def off(self):
        if self.process.alive():
            self.try_run("systemctl", "poweroff")
            if self.process.wait(60) is None:
                self.process.kill()
