"""rollstatd as a process, and what it says of itself over HTTP."""
import json
import os
import re
import shutil
import socket
import tempfile
import urllib.error
import urllib.request

import procs

NAMES = ("consumed", "applied", "late", "duplicate", "rejected", "filtered")


class Notify:
    """What a service sends to systemd."""

    def __init__(self):
        # The path of a Unix socket has room for 107 bytes: it must not depend on where the tree lies.
        self.directory = tempfile.mkdtemp(prefix="rs-")
        self.path = os.path.join(self.directory, "notify")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.socket.setblocking(False)
        self.lines = []

    def seen(self, pattern):
        try:
            while True:
                self.lines += self.socket.recv(8192).decode().splitlines()
        except BlockingIOError:
            pass
        return [line for line in self.lines if re.match(pattern, line)]

    def close(self):
        self.socket.close()
        shutil.rmtree(self.directory)


class Daemon:
    @staticmethod
    def settings():
        """Sections a test's configuration needs for this class."""
        return {"http": {"listen": f"127.0.0.1:{procs.free_port()}"}}

    def __init__(self, program, config, log, *options, env=None):
        with open(config, encoding="utf-8") as file:
            self.port = int(re.search(r"listen: '?127\.0\.0\.1:(\d+)", file.read()).group(1))
        self.process = procs.Process([program, "-c", config, *options], log, env=env)
        procs.until(lambda: procs.answers(self.port), 20, "rollstatd answers", self.process)

    def get(self, path):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=10) as answer:
                return answer.status, answer.read().decode("utf-8")
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode("utf-8")

    def status(self):
        return json.loads(self.get("/status")[1])

    def partitions(self, stream=None):
        return [p for p in self.status()["partitions"] if stream in (None, p["stream"])]

    def accounting(self, stream=None):
        """Summed over the partitions of the stream; each has to balance."""
        total = dict.fromkeys(NAMES, 0)
        for partition in self.partitions(stream):
            events = partition["events"]
            if events["consumed"] != sum(events[name] for name in NAMES[1:]):
                self.process.fail(f"does not balance: {partition}")
            for name in NAMES:
                total[name] += events[name]
        return total

    def until_consumed(self, count, timeout, stream=None):
        procs.until(lambda: self.accounting(stream)["consumed"] >= count, timeout, f"{count} records are consumed",
                    self.process)

    def stop(self):
        return self.process.stop()
