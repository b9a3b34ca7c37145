"""One run of chaos from a seed: a world, its load, faults, healing, verdict. Prints what it did; says whether all was right."""
import os
import shutil
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import procs  # noqa: E402
from faults import MEAN_S, Faults  # noqa: E402
from publishing import Load  # noqa: E402
from verdict import Truth, Verdict  # noqa: E402
from watching import Reader  # noqa: E402
from world import INDICATORS, TRADES, World  # noqa: E402

RIGHT_WITHIN_S = 60
SHOWN = 8  # differences printed


class Run:
    def __init__(self, directory, seed, kills, seconds, rate=400, every_s=MEAN_S, say=print, **more):
        self.directory, self.seed, self.kills, self.seconds, self.rate, self.say = directory, seed, kills, seconds, rate, say
        self.more, self.every_s = more, every_s
        self.wrong = []

    def __call__(self):
        """True: everything was right."""
        self.say(f"seed {self.seed}: {self.kills} kills within {self.seconds:.0f} s, {self.rate} trades a second")
        self.world = World(self.directory, **self.more)
        try:
            self._faults()
            if not self.wrong:
                self._judge()
        finally:
            self.world.stop()
        for text in self.wrong[:SHOWN]:
            self.say(f"WRONG: {text}")
        if len(self.wrong) > SHOWN:
            self.say(f"WRONG: and {len(self.wrong) - SHOWN} more")
        return not self.wrong

    def _faults(self):
        for instance in self.world.instances:
            instance.start(static=instance.number > 0)
        self.load = Load(self.world, self.seed, self.rate)
        self.reader = Reader(self.world, self.seed)
        self.faults = Faults(self.world, self.load, self.reader, self.seed, self.say, self.every_s)
        try:
            self.faults.run(self.kills, self.seconds)
            if not self.faults.trouble:
                self.published = self.load.finish()
        finally:
            self._report()
            self.wrong += self.faults.trouble
        if self.faults.killed < self.kills and not self.wrong:
            self.wrong.append(f"only {self.faults.killed} of {self.kills} kills within {self.seconds:.0f} s")

    def _report(self):
        faults = self.faults
        seconds = time.monotonic() - faults.began
        self.say(f"{faults.killed} kills and {sum(faults.counts.values())} faults in {seconds:.0f} s:")
        for name, count in sorted(faults.counts.items(), key=lambda item: -item[1]):
            self.say(f"  {count:6d} {name}")
        self.say("kills per crash point:")
        for name, count in sorted(faults.kills.items(), key=lambda item: -item[1]):
            self.say(f"  {count:6d} {name}")
        for name, count in sorted(faults.log_ends.items()):
            self.say(f"  {count:6d} left a state log that ends in a {name}"
                     + (": a batch without its seal" if name == "chunk" else ""))
        for (why, status), count in sorted(faults.exits.items(), key=str):
            self.say(f"{count} instances ended with {status} after {why}")
        if self.load.replaced():
            self.say(f"{self.load.replaced()} publishers were replaced after librdkafka had lost count of sequence numbers")
        self.say(f"the reader polled {self.reader.polls} times over {self.reader.epochs} losses of Redis and compared "
                 f"{self.reader.compared} values; {len(self.reader.wrong)} went backwards")

    # ---- verdict ----

    def _judge(self):
        self._all_read()
        self.truth = Truth(self.world.kafka)
        self.verdict = Verdict(self.world, self.reader, self.truth, self.say)
        self.verdict.published(self.published)
        self.verdict.accounting(self.faults._partitions())
        self._right_in_redis("after healing")
        self.reader.stop()
        self.wrong += self.reader.wrong
        self.verdict.samples()
        self.verdict.letters(list(self.world.kafka.records("trades.dlq")))
        if not self.verdict.wrong:
            self._cold_start()
        self.wrong += self.verdict.wrong

    def _all_read(self):
        ends = {(topic, p): high for topic in ("trades", "indicators")
                for p, (_, high) in self.world.kafka.ends(topic).items()}

        def read():
            parts = self.faults._partitions()
            return len(parts) == TRADES + INDICATORS and all(
                p["next_offset"] >= ends[name] and p["committed"] >= ends[name] and not p.get("quiet_until")
                for name, p in parts.items())
        procs.until(read, 90, f"everything is read and sealed; {self.faults._where()}", every=0.3)

    def _right_in_redis(self, when):
        deadline = time.monotonic() + RIGHT_WITHIN_S
        while True:
            client = self.world.primary.client()
            found = self.verdict.views(client) + list(self.verdict.histories(client))
            client.close()
            if not found or time.monotonic() > deadline:
                break
            time.sleep(1)
        for item in found:
            self.verdict.differ(*item)
        self.say(f"{when}: {len(self.truth.views())} views and {self.verdict.ended} ended windows are right"
                 + (f", {self.verdict.lost} of them acknowledged by Redis and then lost by it" if self.verdict.lost else "") if not found else f"{when}: {len(found)} values differ")

    def _cold_start(self):
        """All instances die, Redis is emptied, and what comes back is the same."""
        for instance in self.world.instances:
            instance.kill()
        self.reader.loss(lambda client: (client.call("CLIENT", "UNPAUSE"), client.call("FLUSHALL")))
        for instance in self.world.instances:
            instance.start(static=False)
        self._all_read()
        self.verdict.accounting(self.faults._partitions())
        self._right_in_redis("after a cold start with an empty Redis")


def run(directory, keep=False, **options):
    this = Run(directory, **options)
    right = False
    try:
        right = this()
    finally:
        if right and not keep:
            shutil.rmtree(directory, ignore_errors=True)
        else:
            this.say(f"what it left is in {directory}")
    return right
