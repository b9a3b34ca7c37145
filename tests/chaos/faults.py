"""The faults, and their random order. The seed decides what happens and how long it lasts; what it hits is up to the machine."""
import heapq
import itertools
import os
import random
import shutil
import signal
import subprocess
import sys
import time

import procs
from publishing import KEY_MAX
from world import REQUEST_MS, SESSION_MS, doing

# What is done, and how often in relation to the others.
WEIGHTS = {
    "kill": 30, "kill young": 12, "kill leaving": 6, "kill at phase": 14, "kill all": 1, "kill paused": 3,
    "pause": 5, "terminate": 4, "terminate twice": 2,
    "cut Kafka": 3, "cut Redis": 3, "reset Kafka": 2, "reset Redis": 2,
    "slow Kafka": 6, "slow Redis": 2,
    "broker restart": 1, "broker kill": 2, "broker pause": 2, "Kafka stopped": 1,
    "Redis kill": 2, "Redis flush": 2, "Redis failover": 2, "Redis pause": 2, "broken messages": 8,
    "large keys": 3, "stranger": 2, "wrong clock": 3}
PHASES = ("claiming", "restoring", "leaving", "catching up", "behind the fence", "unsealed, publishing", "Redis away",
          "brokers away", "joining the group", "nothing assigned", "idle")
IDLE_POINTS = ("starting", "joining the group", "nothing assigned", "not answering")
STOPPED_S = (1.2 * REQUEST_MS / 1000, 1.6 * REQUEST_MS / 1000)  # Kafka: longer than sessions and than any request waits
PAGE_WITHIN_S = 10  # a busy machine is slow; what waits for a broker waits longer
CALM_EVERY = 40  # faults
CALM_WITHIN_S = 90
MEAN_S = 0.6     # between faults, unless told otherwise


class Faults:
    def __init__(self, world, load, reader, seed, say=print, mean_s=MEAN_S):
        self.mean_s = mean_s
        self.world, self.load, self.reader, self.say = world, load, reader, say
        self.rng = random.Random(seed)
        self.order_rng = random.Random(seed)  # of its own: the order of faults does not depend on what they hit
        self.journal = open(os.path.join(world.directory, "faults.log"), "w", encoding="utf-8")
        self.due, self.order = [], itertools.count()
        self.counts = dict.fromkeys(WEIGHTS, 0)
        self.kills = {}      # what the victim was doing → kills
        self.log_ends = {}   # what a victim's state log ended in → kills
        self.exits = {}      # (why, status) → times
        self.trouble = []    # what must not happen
        self.busy = set()    # components under a fault that one more of would prolong
        self.calms = []      # seconds each calm took until all was read
        # Each fault at least once in a run of a hundred kills, the rest by weight.
        self.agenda = self.order_rng.sample(list(WEIGHTS), len(WEIGHTS))
        self.began = time.monotonic()

    @property
    def killed(self):
        return sum(self.kills.values())

    # ---- time ----

    def later(self, seconds, action):
        heapq.heappush(self.due, (time.monotonic() + seconds, next(self.order), action))

    def pass_time(self, seconds):
        """Does what falls due meanwhile."""
        end = time.monotonic() + seconds
        while True:
            self._watch()
            now = time.monotonic()
            if self.due and self.due[0][0] <= now:
                heapq.heappop(self.due)[2]()
            elif now >= end:
                return
            else:
                time.sleep(max(0, min(end, self.due[0][0] if self.due else end, now + 0.1) - now))

    def _watch(self):
        for instance in self.world.instances:
            if instance.process and not instance.process.alive() and not instance.expect_exit:
                self._exited(instance)
        if not self.trouble:
            self.trouble += [f"the publisher of {name} has ended" for name in self.load.watch()]

    def _exited(self, instance):
        """A request that a dead predecessor left in the network may take its static id away; it says so and ends."""
        status = instance.process.popen.returncode
        fenced = status == 1 and "fenced" in procs.tail(instance.log, 3000)
        why = "being fenced by its own predecessor" if fenced else "nothing"
        self.exits[why, status] = self.exits.get((why, status), 0) + 1
        if not fenced:
            self.trouble.append(f"instance {instance.number} ended by itself with {status} after start {instance.starts}\n"
                                + procs.tail(instance.log, 2000))
        self._start(instance)

    def _start(self, instance):
        if not instance.alive():
            instance.start(self.rng.random() < 0.75)

    # ---- the order ----

    def run(self, kills, seconds):
        number = 0
        while self.killed < kills and time.monotonic() - self.began < seconds:
            if self.trouble or self.reader.wrong:
                break
            name = self._next()
            self.tell(name)
            if getattr(self, "_" + name.replace(" ", "_").lower())() is not False:
                self.counts[name] += 1
                number += 1
            self.pass_time(self.rng.expovariate(1 / self.mean_s))
            if number and number % CALM_EVERY == 0:
                number += 1
                self.calm()
        self.calm()

    def tell(self, text):
        """For whoever has to find out what happened when."""
        self.journal.write(f"{time.strftime('%H:%M:%S')}.{int(time.time() * 1000) % 1000:03d} {text}\n")
        self.journal.flush()

    def stacks(self, process):
        """Where the threads of a process that hangs are; only where gdb is at hand."""
        if shutil.which("gdb"):
            with open(os.path.join(self.world.directory, f"stacks-{process.pid}"), "wb") as out:
                subprocess.run(["gdb", "-p", str(process.pid), "-batch", "-ex", "thread apply all bt"], stdout=out,
                               stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, check=False)

    def _next(self):
        if self.agenda and self.order_rng.random() < 0.25:
            return self.agenda.pop()
        return self.order_rng.choices(list(WEIGHTS), WEIGHTS.values())[0]

    def victim(self):
        alive = [i for i in self.world.instances if i.alive() and not i.expect_exit]
        return self.rng.choice(alive) if alive else None

    def _kill_now(self, instance, point=None):
        seen, partitions = doing(instance)
        if not instance.alive():
            return False
        instance.kill()
        self.tell(f"  killed instance {instance.number}: {point or seen}; {partitions}")
        self.kills[point or seen] = self.kills.get(point or seen, 0) + 1
        self._log_end(partitions)
        # At once, or only after the group has given its partitions to others.
        wait = 0 if self.rng.random() < 0.75 else self.rng.uniform(0.2, SESSION_MS / 1000 + 3)
        self.later(wait, lambda: self._start(instance))
        return True

    def _log_end(self, partitions):
        """What the victim's state logs end in: how far it had got with its batches."""
        if partitions and "broker" not in self.busy and self.killed % 2:  # asking takes a while
            ends = self.world.log_ends()
            kinds = {ends[p] for p in partitions if p in ends}
            name = next((kind for kind in ("chunk", "claim", "seal") if kind in kinds), None)
            if name:
                self.log_ends[name] = self.log_ends.get(name, 0) + 1

    # ---- kills ----

    def _kill(self):
        """One that works, more often than not: else most would die while they join the group."""
        alive = [(i, doing(i)[0]) for i in self.world.instances if i.alive() and not i.expect_exit]
        working = [(i, point) for i, point in alive if point not in IDLE_POINTS]
        if not alive:
            return False
        return self._kill_now(*self.rng.choice(working if working and self.rng.random() < 0.85 else alive))

    def _kill_young(self):
        """Within the first two seconds of its life."""
        victim = self.victim()
        if victim is None:
            return False
        self._kill_now(victim, None)
        self._start(victim)
        self.pass_time(self.rng.random() ** 2 * 2)
        return victim.alive() and self._kill_now(victim)

    def _kill_leaving(self):
        victim = self.victim()
        if victim is None or victim.stopped:
            return False
        victim.expect_exit = True
        victim.process.signal(signal.SIGTERM)
        self.pass_time(self.rng.random() ** 2 * 0.8)
        if victim.alive() and self._kill_now(victim, "ending after SIGTERM"):
            return True
        self._ended(victim, "SIGTERM")
        self._start(victim)
        return True

    def _kill_at_phase(self):
        """Waits for a victim that does something in particular."""
        wanted = self.rng.choice(PHASES)
        end = time.monotonic() + 1.5
        while time.monotonic() < end:
            for instance in self.world.instances:
                if instance.alive() and not instance.expect_exit and doing(instance)[0] == wanted:
                    return self._kill_now(instance, wanted)
            self.pass_time(0.02)
        return self._kill()

    def _kill_all(self):
        for instance in self.world.instances:
            if instance.alive():
                self._kill_now(instance)
        return True

    def _kill_paused(self):
        victim = self.victim()
        if victim is None or victim.stopped:
            return False
        victim.freeze()
        self.pass_time(self.rng.uniform(0, SESSION_MS / 1000 + 2))
        return self._kill_now(victim, "paused")

    # ---- what the instance survives ----

    def _pause(self):
        """Beyond the session's timeout more often than not."""
        victim = self.victim()
        if victim is None or victim.stopped:
            return False
        victim.freeze()
        process = victim.process
        self.later(self.rng.uniform(0.5, 2.5 * SESSION_MS / 1000),
                   lambda: victim.thaw() if victim.process is process and process.alive() else None)
        return True

    def _terminate(self, twice=False):
        victim = self.victim()
        if victim is None or victim.stopped:
            return False
        victim.expect_exit = True
        victim.process.signal(signal.SIGTERM)
        if twice:
            self.pass_time(self.rng.random() * 0.3)
            victim.process.signal(signal.SIGTERM)
        self._await_end(victim, victim.process, time.monotonic() + 60, "SIGTERM twice" if twice else "SIGTERM")
        return True

    def _terminate_twice(self):
        return self._terminate(twice=True)

    def _await_end(self, victim, process, deadline, why):
        if victim.process is not process or victim.killed:
            return  # by "kill all" while it was on its way out, which also starts it again
        if not process.alive():
            self._ended(victim, why)
            self._start(victim)
        elif time.monotonic() > deadline:
            self.stacks(process)
            self.trouble.append(f"instance {victim.number} did not end within 60 s of {why}")
        else:
            self.later(0.1, lambda: self._await_end(victim, process, deadline, why))

    def _ended(self, victim, why):
        status = victim.process.popen.returncode
        self.exits[why, status] = self.exits.get((why, status), 0) + 1
        # librdkafka before 2.3 aborts when it is closed between joining and its first assignment (its issue 4312).
        known = status == -6 and "rd_kafka_sticky_assignor_state_destroy" in procs.tail(victim.log, 1000)
        unborn = status == -signal.SIGTERM and "rollstat" not in procs.tail(victim.log, 10000).rpartition("---- start")[2].partition("\n")[2]
        if status not in (0, 2) and not known and not unborn:
            self.trouble.append(f"instance {victim.number} ended with {status} after {why}\n" + procs.tail(victim.log, 2000))

    # ---- network ----

    def _cut(self, proxy):
        if proxy in self.busy:
            return False
        self.busy.add(proxy)
        proxy.cut(*self.rng.choice(((True, True), (True, True), (True, False), (False, True))))

        def heal():
            self.busy.discard(proxy)
            proxy.heal()
            if self.rng.random() < 0.3:
                proxy.reset()
        self.later(self.rng.uniform(0.2, 2 * SESSION_MS / 1000), heal)
        return True

    def _cut_kafka(self):
        return self._cut(self.rng.choice(self.world.instances).kafka)

    def _cut_redis(self):
        return self._cut(self.rng.choice(self.world.instances).redis)

    def _slow(self, proxy, longest_s):
        """Requests take so long that most kills come between a request and its answer."""
        if proxy in self.busy:
            return False
        self.busy.add(proxy)
        proxy.slow(self.rng.uniform(0.01, longest_s))

        def heal():
            self.busy.discard(proxy)
            proxy.heal()
        self.later(self.rng.uniform(2, 8), heal)
        return True

    def _slow_kafka(self):
        return self._slow(self.rng.choice(self.world.instances).kafka, 0.15)

    def _slow_redis(self):
        return self._slow(self.rng.choice(self.world.instances).redis, 0.3)

    def _reset_kafka(self):
        self.rng.choice(self.world.instances).kafka.reset()

    def _reset_redis(self):
        self.rng.choice(self.world.instances).redis.reset()

    # ---- the broker ----

    def _broker_down(self, number, seconds):
        if "broker" in self.busy:
            return False
        self.busy.add("broker")
        kafka = self.world.kafka
        kafka.process.signal(number)

        def start():
            if kafka.process.alive():
                self.later(0.2, start)
                return
            kafka.launch()
            self.busy.discard("broker")
        self.later(seconds, start)
        return True

    def _broker_restart(self):
        return self._broker_down(signal.SIGTERM, self.rng.uniform(0.1, 3))

    def _broker_kill(self):
        return self._broker_down(signal.SIGKILL, self.rng.uniform(0.1, 3))

    def _broker_pause(self):
        if "broker" in self.busy:
            return False
        self.busy.add("broker")
        kafka = self.world.kafka
        kafka.process.signal(signal.SIGSTOP)

        def go_on():
            kafka.process.signal(signal.SIGCONT)
            self.busy.discard("broker")
        self.later(self.rng.uniform(0.5, 1.5 * SESSION_MS / 1000), go_on)
        return True

    def _kafka_stopped(self):
        """All brokers hang; whatever the instances are doing, they say so when they are asked."""
        if "broker" in self.busy:
            return False
        self.busy.add("broker")
        kafka, end = self.world.kafka, time.monotonic() + self.rng.uniform(*STOPPED_S)
        kafka.process.signal(signal.SIGSTOP)

        def look():
            for instance in self.world.instances:
                self._must_answer(instance)
            if time.monotonic() < end:
                self.later(0.5, look)
                return
            kafka.process.signal(signal.SIGCONT)
            self.busy.discard("broker")
        self.later(0.5, look)
        return True

    def _must_answer(self, instance):
        """Unless it is being started or ended, or is itself stopped."""
        process = instance.process
        if not instance.alive() or instance.stopped or instance.expect_exit or not instance.settled():
            return
        for path in ("/livez", "/status"):
            code = instance.page(path, PAGE_WITHIN_S)
            if code != 200 and instance.process is process and process.alive():
                self.stacks(process)
                self.trouble.append(f"instance {instance.number}: {path} answers {code} while Kafka is stopped\n"
                                    + procs.tail(instance.log, 2000))

    # ---- Redis ----

    def _redis_kill(self):
        if "Redis" in self.busy:
            return False
        self.busy.add("Redis")
        primary = self.world.primary
        self.reader.loss(lambda client: primary.process.kill())
        self.tell("  Redis is gone")

        def start():
            self.world.restart_primary()
            self.busy.discard("Redis")
        self.later(self.rng.uniform(0, 4), start)
        return True

    def _redis_flush(self):
        if "Redis" in self.busy:
            return False

        def flush(client):
            # In one piece: nothing that was held back comes between.
            client.send("CLIENT", "UNPAUSE")
            client.send("FLUSHALL")
            client.read(), client.read()
        self.reader.loss(flush)
        return True

    def _redis_failover(self):
        """To a replica that has missed the last moments."""
        if "Redis" in self.busy:
            return False
        self.busy.add("Redis")
        self.world.replica.process.signal(signal.SIGSTOP)

        def promote():
            self.reader.loss(lambda client: self.world.promote())
            self.tell("  Redis has moved")
            self.busy.discard("Redis")
        self.later(self.rng.uniform(0, 2), promote)
        return True

    def _redis_pause(self):
        if "Redis" in self.busy:
            return False
        self.busy.add("Redis")
        primary = self.world.primary
        primary.process.signal(signal.SIGSTOP)

        def go_on():
            primary.process.signal(signal.SIGCONT)
            self.busy.discard("Redis")
        self.later(self.rng.uniform(0.3, 5), go_on)
        return True

    def _stranger(self):
        """Another consumer group on the same prefix comes and goes: it is refused, and touches nothing of the first. Not where Redis was
        just emptied: there the first to come has the names."""
        if "Redis" in self.busy or self.world.stranger.alive() or not self.world.names_are_ours():
            return False
        self.busy.add("Redis")
        self.world.stranger.start(static=False)
        deadline = time.monotonic() + 30

        def end():
            status = self.world.stranger.status() or {}
            parts = status.get("partitions", [])
            # Seen refused, or too slow to be seen at all. It is killed in the middle of whatever it does.
            if not any("belongs to consumer group" in p.get("error", "") for p in parts) and time.monotonic() < deadline:
                self.later(0.3, end)
                return
            self.tell(f"  the stranger goes, {sum('error' in p for p in parts)} of {len(parts)} partitions refused")
            self.world.stranger.kill()
            if not self.world.names_are_ours():
                self.trouble.append("another consumer group has taken names that were not its own")
            self.busy.discard("Redis")
        self.later(self.rng.uniform(1, 4), end)
        return True

    def _broken_messages(self):
        self.load.broken(self.rng.randrange(1, 30))

    def _large_keys(self):
        """Records with keys of every size up to Kafka's limit, more than the dead-letter topic takes."""
        self.load.broken(self.rng.randrange(1, 12), KEY_MAX)

    def _wrong_clock(self):
        """A producer whose clock is days ahead sends of its own product for a while."""
        if self.load.odd:
            return False
        self.load.odd = True

        def end():
            self.load.odd = False
        self.later(self.rng.uniform(1, 8), end)
        return True

    # ---- healing ----

    def calm(self):
        """Everything is healed, and what was published is read: nobody has got stuck."""
        while self.due:
            self.pass_time(max(0, self.due[0][0] - time.monotonic()))
        for proxy in self.world.proxies():
            proxy.heal()
        for instance in self.world.instances:
            self._start(instance)
        began = time.monotonic()
        while not self._read_to_the_end():
            if time.monotonic() - began > CALM_WITHIN_S:
                for instance in self.world.instances:
                    self.stacks(instance.process)
                self.trouble.append(f"not everything is read {CALM_WITHIN_S} s after healing: {self._where()}")
                return
            self.pass_time(0.3)
        self.calms.append(time.monotonic() - began)
        kills = ", ".join(f"{v} {k}" for k, v in sorted(self.kills.items()))
        self.say(f"{time.monotonic() - self.began:6.0f} s: {self.killed} kills ({kills}); all read "
                 f"{self.calms[-1]:.1f} s after healing; {len(self.reader.wrong)} values went backwards")
        sys.stdout.flush()

    def _partitions(self):
        """{(stream, partition): status} of those that run."""
        found = {}
        for instance in self.world.instances:
            for part in (instance.status(2) or {"partitions": []})["partitions"]:
                if part["phase"] == "running":
                    found[part["stream"], part["partition"]] = part
        return found

    def _read_to_the_end(self):
        parts = self._partitions()
        return len(parts) == 9 and all(p["at_end"] or p["next_offset"] + 500 >= p["end_offset"] > 0 or p["end_offset"] == 0
                                       for p in parts.values()) and not any(p.get("quiet_until") for p in parts.values())

    def _where(self):
        out = []
        for instance in self.world.instances:
            status = instance.status(2)
            out.append(f"instance {instance.number}: " + ("no answer" if status is None else str(
                [(p["stream"], p["partition"], p["phase"], p["next_offset"], p["end_offset"], p.get("error"))
                 for p in status["partitions"]])))
        return "; ".join(out)
