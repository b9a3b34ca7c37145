"""A reader that polls Redis throughout and takes note of every value that goes backwards.

What may not go back while Redis itself loses nothing: the window shown, the events and sums within a window, the revisions of ended
windows, the number of ended windows, the fence. A loss that the harness causes begins a new epoch. Samples of whole views are kept:
each has to be the fold of some prefix of the log, which is checked when the log is known in full.
"""
import json
import random
import threading
import time

import redis
from world import GROUP

EVERY_S = 0.05
RECENT = 6  # ended windows looked at
SAMPLES = 200000


def number(text):
    return float(text) if text is not None else None


class Reader:
    def __init__(self, world, seed):
        self.world = world
        self.rng = random.Random(seed)
        self.lock = threading.Lock()  # held while it reads; a loss happens under it
        self.wrong, self.samples = [], []
        self.seen, self.keys = {}, set()
        self.polls = self.compared = self.epochs = 0
        self.archive = {}  # (key, score) → members that Redis had acknowledged when it lost something, in order
        self.client = None
        self.running = True
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def stop(self):
        self.running = False
        self.thread.join(30)

    # ---- losses ----

    def before_loss(self):
        """Under the lock: nothing is written from here on until the loss; what of the history was acknowledged is kept."""
        client = self.world.primary.client()
        client.call("CLIENT", "PAUSE", 60000, "WRITE")
        keys = client.keys("rs:*:history")
        for key, flat in zip(keys, client.pipeline([("ZRANGE", k, 0, -1, "WITHSCORES") for k in keys])):
            for member, score in zip(flat[::2], flat[1::2]):
                known = self.archive.setdefault((key.decode(), score.decode()), [])
                known += [member.decode()] if member.decode() not in known else []
        return client

    def loss(self, cause):
        """cause(client): makes Redis lose something; what was seen before is forgotten."""
        with self.lock:
            client = self.before_loss()
            cause(client)
            client.close()
            self._forget()

    def _forget(self):
        self.epochs += 1
        self.seen, self.keys = {}, set()
        if self.client:
            self.client.close()
        self.client = None

    # ---- polling ----

    def _run(self):
        while self.running:
            with self.lock:
                try:
                    self._poll()
                except Exception as error:  # Redis is away or hangs: look again
                    self._drop(error)
            time.sleep(EVERY_S)

    def _drop(self, error):
        if not isinstance(error, (OSError, redis.RedisError)):
            self.wrong.append(f"the reader itself: {error!r}")
        if self.client:
            self.client.close()
        self.client = None

    def _poll(self):
        if self.client is None:
            self.client = self.world.primary.client(timeout=2)
        if self.polls % 20 == 0 or not self.keys:
            self._find_keys()
        self.polls += 1
        self._windows()
        self._totals()
        self._fences()
        if self.polls % 5 == 0:
            self._history()
        self._sample()

    def _find_keys(self):
        names = [f"rs:{a}:index" for a in "mstur"]
        for name, members in zip(names, self.client.pipeline([("ZRANGE", n, 0, -1) for n in names])):
            self.keys.update((name[3], m.decode()) for m in members)

    def _get(self, aggregates, *fields):
        keys = sorted(k for k in self.keys if k[0] in aggregates)
        rows = self.client.pipeline([("HMGET", f"rs:{a}:{g}", *fields) for a, g in keys])
        for (aggregate, group), row in zip(keys, list(rows)):
            yield f"rs:{aggregate}:{group}", [None if v is None else v.decode() for v in row]

    def _never_back(self, name, now, what):
        """now: a tuple that may only grow."""
        before = self.seen.get(name)
        self.compared += 1
        if before is not None and now < before[0]:
            self.wrong.append(f"{time.strftime('%H:%M:%S')} {name}: {what} went from {before} to {now}, epoch {self.epochs}")
        self.seen[name] = (now, time.time())

    def _windows(self):
        for key, (start, events, n, volume, newest) in self._get("ms", "window_start", "events", "n", "volume", "event_time"):
            if events is None:
                continue
            if n != events:
                self.wrong.append(f"{key}: half a view: events {events}, n {n}")
            self._never_back(key, (int(start), int(events)), "(window_start, events)")
            self._never_back((key, start, "volume"), (number(volume),), "volume")
            self._never_back((key, start, "newest"), (int(newest or 0),), "event_time")

    def _totals(self):
        for key, (n, volume) in self._get("t", "n", "volume"):
            if n is not None:
                self._never_back(key, (int(n),), "n")
                self._never_back((key, "volume"), (number(volume),), "volume")
        for key, (n, versions) in self._get("r", "n", "versions"):
            if n is not None:
                self._never_back(key, (int(n), int(versions)), "(n, versions)")

    def _fences(self):
        names = [f"rs:fence:{GROUP}:{s}:{p}" for s, count in (("trades", 6), ("indicators", 3)) for p in range(count)]
        for name, text in zip(names, list(self.client.pipeline([("GET", n) for n in names]))):
            if text is not None:
                token, offset, _ = text.decode().split(":")
                self._never_back((name, "token"), (int(token),), "token")
                self._never_back((name, "offset"), (int(offset),), "offset")

    def _history(self):
        keys = sorted(f"rs:{a}:{g}:history" for a, g in self.keys if a == "m")
        for key, size in zip(keys, list(self.client.pipeline([("ZCARD", k) for k in keys]))):
            self._never_back((key, "windows"), (size,), "number of ended windows")
        rows = list(self.client.pipeline([("ZRANGE", k, -RECENT, -1) for k in keys]))
        for key, members in zip(keys, rows):
            for member in members:
                fields = json.loads(member)
                self._never_back((key, fields["window_start"]), (fields["events"], fields["revision"]),
                                 "(events, revision) of an ended window")

    def _sample(self):
        keys = [k for k in self.keys if k[0] == "m"]
        if keys and len(self.samples) < SAMPLES:
            _, group = self.rng.choice(keys)
            view = self.client.hash(f"rs:m:{group}")
            if view:
                self.samples.append((group, view))
