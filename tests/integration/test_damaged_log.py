"""Damaged state logs under the real daemon: each partition whose log is not right stops and says which, where and what to do; the others go on,
nothing is written over the damage, and --rebuild mends it."""
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import suite  # noqa: E402
import avro  # noqa: E402
import load  # noqa: E402
import procs  # noqa: E402
from flow import Flow  # noqa: E402
from test_state_tool import records  # noqa: E402

TOPIC = "tests.state.trades"
CLAIM, CHUNK, SEAL = 1, 2, 3
T0 = 1700000040 * 10 ** 6
EACH = 20  # events of each partition, in two batches at least


def flipped(log, kind):
    """One bit of the first record of that kind, and its offset."""
    at = next(i for i, record in enumerate(log) if record[4] == kind)
    middle = len(log[at]) // 2
    log[at] = log[at][:middle] + bytes([log[at][middle] ^ 4]) + log[at][middle + 1:]
    return at


def claim_flipped(log, _):
    return flipped(log, CLAIM), "the record is damaged: its checksum does not match"


def chunk_flipped(log, _):
    return flipped(log, CHUNK), "the record is damaged: its checksum does not match"


def seal_flipped(log, _):
    return flipped(log, SEAL), "the record is damaged: its checksum does not match"


def cut_short(log, _):
    log[2] = log[2][:len(log[2]) // 2]
    return 2, "the record is damaged: its checksum does not match"


def cut_to_nothing(log, _):
    log[-1] = log[-1][:20]
    return len(log) - 1, "the record is cut short: 20 bytes"


def chunk_missing(log, _):
    del log[1]
    return 1, "the seal of batch 1 is for 1 chunks, and 0 are there"


def batch_missing(log, _):
    del log[1:3]
    return 1, "batch 2 where batch 1 of its owner is due"


def foreign_record(log, _):
    log.append(b'{"price": 1}')
    return len(log) - 1, "this is not a record of a state log"


def other_group(log, partition):
    log[:] = records("claim a\nchunk a x\nseal a 5\n", partition, group="others")
    return 0, "the record belongs to another group, stream or partition"


def other_partition(log, partition):
    log.append(records("claim a\n", partition + 1)[0])
    return len(log) - 1, "the record belongs to another group, stream or partition"


def newer_format(log, partition):
    log.append(records("format a 2\n", partition)[0])
    return len(log) - 1, "the record has format 2; this version reads up to 1: start the version that wrote it, or rebuild"


def older_format(log, partition):
    log.append(records("format a 0\n", partition)[0])
    return len(log) - 1, "the record has format 0; this version reads from 1 on: rebuild"


DAMAGES = (claim_flipped, chunk_flipped, seal_flipped, cut_short, cut_to_nothing, chunk_missing, batch_missing, foreign_record,
           other_group, other_partition, newer_format, older_format)
WHOLE = (len(DAMAGES), len(DAMAGES) + 1)  # partitions that nothing happens to
PARTITIONS = len(DAMAGES) + 2


class Damaged(Flow):
    def begin(self, name):
        """A cluster of its own, since what stands in a log cannot be altered."""
        self.start_servers(suite.mock_kafka(self.path(name), f"t:{PARTITIONS}", "t.dlq:1", f"{TOPIC}:{PARTITIONS}"))
        self.configure({"trades": load.stream("t", "30s")}, {
            "m": {"stream": "trades", "by": ["exchange"], "window": {"all": True}, "stats": {"n": "count()"}}},
                       kafka={"session.timeout.ms": 10000}, state={"commit_every": "50ms"})

    def produce(self, first, count):
        """As many events into each partition, each with a group of its own."""
        self.kafka.produce("t", [(p, (T0 + i) // 1000, None,
                                  avro.trade(product="P", exchange=f"X{p}", executed_at=T0 + i, price=10 ** 8, quantity=10 ** 6))
                                 for i in range(first, first + count) for p in range(PARTITIONS)])

    def state_of(self, number):
        (found,) = [p for p in self.daemon.partitions() if p["partition"] == number]
        return found

    def sealed(self, numbers, offset):
        def all_sealed():
            found = {p["partition"]: p["committed"] for p in self.daemon.partitions()}
            return all(found.get(number) == offset for number in numbers)
        procs.until(all_sealed, 40, f"{numbers} are sealed up to {offset}", self.daemon.process)

    def counts(self, numbers):
        return [int(self.client.hash(f"rs:m:X{p}").get("n", 0)) for p in numbers]

    def shows(self, numbers, count):
        procs.until(lambda: self.counts(numbers) == [count] * len(numbers), 40, f"{count} of {numbers} are shown",
                    self.daemon.process)

    def sealed_logs(self):
        """What a daemon writes that nothing happens to: [[record, …] by partition]"""
        self.begin("first")
        self.start_daemon(log="first.log")
        for first in range(0, EACH, EACH // 2):
            self.produce(first, EACH // 2)
            self.sealed(range(PARTITIONS), first + EACH // 2)
        self.daemon.stop()
        logs = [[] for _ in range(PARTITIONS)]
        for record in self.kafka.dump(TOPIC):
            logs[record["partition"]].append(record["value"])
        for log in logs:
            self.assertEqual([record[4] for record in log[:3]], [CLAIM, CHUNK, SEAL])
            self.assertGreater(len(log), 4)
        return logs

    def test_each_damage_stops_its_partition_alone(self):
        logs = self.sealed_logs()
        expected = {number: damage(logs[number], number) for number, damage in enumerate(DAMAGES)}
        self.begin("second")
        self.kafka.produce(TOPIC, [(p, -1, None, record) for p, log in enumerate(logs) for record in log])
        self.produce(0, EACH)
        self.start_daemon(log="second.log")
        self.sealed(WHOLE, EACH)
        for number, (offset, text) in expected.items():
            with self.subTest(DAMAGES[number].__name__):
                self.stopped(number, offset, text)
        self.others_go_on(logs)
        self.not_ready(expected)
        self.rebuild_mends()

    def stopped(self, number, offset, text):
        procs.until(lambda: self.state_of(number)["phase"] == "stopped", 20, f"partition {number} stops", self.daemon.process)
        error = (f"stream trades partition {number}: state log {TOPIC} partition {number}: offset {offset}: {text}. The partition "
                 "stops, nothing is overwritten. To read its input again: rollstatd -c FILE --rebuild --stream trades, then restart")
        self.assertEqual(self.state_of(number)["error"], error)
        self.assertEqual(procs.tail(self.daemon.process.log, 10 ** 6).count(error), 1)

    def not_ready(self, expected):
        """Each is named with its remedy, and counted."""
        code, text = self.daemon.get("/readyz")
        self.assertEqual((code, text.splitlines()[0]), (503, f"{len(DAMAGES)} of {PARTITIONS} partitions stopped"))
        for number, (offset, why) in expected.items():
            self.assertIn(f"state log {TOPIC} partition {number}: offset {offset}: {why}. ", text)
        self.assertEqual(text.count("rollstatd -c FILE --rebuild --stream trades"), len(DAMAGES))
        known = re.compile(r'\nrollstat_lag_records{stream="trades",')
        procs.until(lambda: len(known.findall(self.daemon.get("/metrics")[1])) == PARTITIONS, 60, "every lag is known",
                    self.daemon.process)
        metrics = self.daemon.get("/metrics")[1]
        self.assertIn(f"\nrollstat_kafka_partitions_stopped {len(DAMAGES)}\n", metrics)
        self.assertIn("\nrollstat_ready 0\n", metrics)
        procs.until(lambda: all((p.get("lag", 0) > 0) == (p["partition"] not in WHOLE) for p in self.daemon.partitions()), 40,
                    "those that stopped have a lag", self.daemon.process)
        for number in range(PARTITIONS):
            self.assertIn(f'\nrollstat_partition_stopped{{stream="trades",partition="{number}"}} {int(number not in WHOLE)}\n', metrics)

    def others_go_on(self, logs):
        """Two more batches of theirs, while a damaged log gets nothing but the claim that found it so."""
        for more in (1, 2):
            self.produce(EACH + more - 1, 1)
            self.sealed(WHOLE, EACH + more)
        self.shows(WHOLE, EACH + 2)
        damaged = range(len(DAMAGES))
        self.assertEqual(self.counts(damaged), [0] * len(DAMAGES))
        now = [[] for _ in range(PARTITIONS)]
        for record in self.kafka.dump(TOPIC):
            now[record["partition"]].append(record["value"])
        for number in damaged:
            self.assertEqual(now[number][:-1], logs[number])
            self.assertEqual(now[number][-1][4], CLAIM)
        self.assertEqual(sum(p["phase"] == "stopped" for p in self.daemon.partitions()), len(DAMAGES))

    def rebuild_mends(self):
        out, err = procs.check([suite.program("rollstatd"), "-c", self.config, "--rebuild", "--stream", "trades"])
        self.assertNotRegex((out + err).decode(), r"(?i)\berror\b")
        self.daemon.stop()
        self.start_daemon(log="third.log")
        self.sealed(range(PARTITIONS), EACH + 2)
        self.shows(range(PARTITIONS), EACH + 2)
        self.assertEqual({p["phase"] for p in self.daemon.partitions()}, {"running"})
        self.assertIsNone(re.search(r"state log \S+ partition \d+: offset", procs.tail(self.daemon.process.log, 10 ** 6)))


if __name__ == "__main__":
    suite.main()
