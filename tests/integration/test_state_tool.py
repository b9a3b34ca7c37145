"""rollstat-state: what it says of state logs, whole and damaged, and of command lines. It writes nothing."""
import json
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import suite  # noqa: E402
import avro  # noqa: E402
import load  # noqa: E402
import procs  # noqa: E402
from flow import Flow  # noqa: E402

STREAMS = {"trades": {"topic": "t", "schema": "trade.avsc", "time": "executed_at"},
           "other": {"topic": "o", "schema": "trade.avsc", "time": "executed_at"}}
AGGREGATES = {"m": {"stream": "trades", "by": ["exchange"], "window": {"tumbling": "1m"}, "stats": {"n": "count()"}}}

GOOD = """\
claim a
chunk a one
chunk a two
seal a 10
chunk a lost
claim b
chunk a zombie
seal a 12
chunk b all
seal b 11 8
"""
SUMMARY = """\
tests.state.trades, partition 0
  log     offsets 0 to 9, 953 bytes; 2 claims; 2 batches count, 1 void, 1 never sealed
  claim   at offset 5 by host?[2J:7, version 0.1.0, 2026-03-01T09:00:00Z; owner 62626262, configuration 0000000000000abc
  seal    at offset 9, batch 1: input up to offset 11, 3 behind its end; stream time 2026-03-01T09:00:01Z, shown up to \
2026-03-01T09:00:02.5Z
  events  consumed 11 = applied 11 + late 0 + duplicate 0 + rejected 0 + filtered 0
  sweep   from offset 8, 211 bytes; 211 bytes since
"""
RECORDS = """\
tests.state.trades, partition 0, records
           0  claim  61616161  by host?[2J:7, version 0.1.0, 2026-03-01T09:00:00Z  [95 bytes]  takes the log over
           1  chunk  61616161  batch 1, chunk 0  [63 bytes]  counts
           2  chunk  61616161  batch 1, chunk 1  [63 bytes]  counts
           3  seal   61616161  batch 1, 2 chunks, input up to 10  [148 bytes]  counts
           4  chunk  61616161  batch 2, chunk 0  [64 bytes]  void: never sealed
           5  claim  62626262  by host?[2J:7, version 0.1.0, 2026-03-01T09:00:00Z  [95 bytes]  takes the log over
           6  chunk  61616161  batch 2, chunk 1  [66 bytes]  void: not the owner's
           7  seal   61616161  batch 2, 2 chunks, input up to 12  [148 bytes]  void: not the owner's
           8  chunk  62626262  batch 1, chunk 0  [63 bytes]  counts
           9  seal   62626262  batch 1, 1 chunk, input up to 11, ends the sweep from 8  [148 bytes]  counts
"""


def records(script, partition=0, stream="trades", group="tests"):
    out, _ = procs.check([suite.program("state_records"), group, stream, str(partition)], data=script.encode())
    return [bytes.fromhex(line) for line in out.decode().split()]


class StateTool:
    """The program, asked about the configuration at self.config."""

    def tool(self, *args, expect=0, config=None):
        out, err = procs.check([suite.program("rollstat-state"), "-c", config or self.config, *args], expect=expect)
        return out.decode(), err.decode()

    def objects(self, *args, expect=0):
        return [json.loads(line) for line in self.tool("--json", *args, expect=expect)[0].splitlines()]


class Tool(StateTool, suite.Case):
    def setUp(self):
        super().setUp()
        self.mock = suite.mock_kafka(self.path("mock"), "tests.state.trades:3", "t:3")
        self.addCleanup(self.mock.stop)
        self.config = self.write("c.yaml", suite.configuration(STREAMS, AGGREGATES, self.mock.bootstrap))

    def put(self, values, partition=0):
        self.mock.produce("tests.state.trades", [(partition, -1, None, value) for value in values])

    def partition(self, number=0, expect=0):
        return self.objects("--stream", "trades", "--partition", str(number), expect=expect)[0]

    def test_a_log_that_is_whole(self):
        self.put(records(GOOD))
        self.mock.produce("t", [(0, -1, None, b"event")] * 14)
        out, err = self.tool("-s", "trades", "-p", "0")
        self.assertEqual((out, err), (SUMMARY, ""))
        self.assertEqual(self.tool("-s", "trades", "-p", "0", "--records")[0], RECORDS + SUMMARY)

    def test_the_same_for_machines(self):
        self.put(records(GOOD))
        rows = self.objects("-s", "trades", "-p", "0", "-r")
        self.assertEqual([row["type"] for row in rows], ["record"] * 10 + ["partition"])
        self.assertEqual([row["fate"] for row in rows[:-1]],
                         ["claim", "counts", "counts", "counts", "unsealed", "claim", "void", "void", "counts", "counts"])
        self.assertEqual([row["offset"] for row in rows[:-1]], list(range(10)))
        self.assertEqual(rows[9]["sweep_start"], 8)
        last = rows[-1]
        self.assertEqual(last["batches"], {"valid": 2, "void": 1, "unsealed": 1})
        self.assertEqual(last["claim"]["offset"], 5)
        self.assertEqual(last["claim"]["owner"], "62" * 16)
        self.assertEqual(last["claim"]["configuration"], "0000000000000abc")
        self.assertEqual(last["seal"]["next_offset"], 11)
        self.assertEqual(last["seal"]["lag"], -11)  # the input holds nothing: an operator should wonder
        self.assertEqual(last["seal"]["balances"], True)
        self.assertEqual(last["sweep"], {"start": 8, "bytes": 211, "since_bytes": 211})
        self.assertIsNone(last["damage"])

    def test_every_partition_and_a_log_nobody_has_claimed(self):
        self.put(records(GOOD))
        self.put(records("claim a\n", partition=2), partition=2)
        out, _ = self.tool("-s", "trades")
        blocks = re.split(r"(?m)^(?=tests)", out)[1:]
        self.assertEqual([block.splitlines()[0] for block in blocks],
                         [f"tests.state.trades, partition {i}" for i in range(3)])
        self.assertEqual(blocks[1].splitlines()[1:], ["  log     empty; it begins at offset 0"])
        self.assertIn("  seal    none: the input is to be read from its beginning\n", blocks[2])

    def test_an_open_batch(self):
        self.put(records("claim a\nchunk a x\nseal a 5\nchunk a y\n"))
        self.assertEqual([row["fate"] for row in self.objects("-s", "trades", "-p", "0", "-r")[:-1]],
                         ["claim", "counts", "counts", "open"])

    def test_a_rebuild(self):
        values = records("claim a\nchunk a x\nseal a 5\nrebuild b 1234\n")
        self.put(values)
        self.assertEqual(self.partition()["rebuild_from"], 1234)
        self.assertIn("rebuild from offset 1234", self.tool("-s", "trades", "-p", "0")[0])
        self.assertEqual([row["fate"] for row in self.objects("-s", "trades", "-p", "0", "-r")[:-1]],
                         ["rebuilt", "rebuilt", "rebuilt", "claim"])

    def test_damage_is_shown_where_it_is_with_the_remedy(self):
        values = records(GOOD)
        values[2] = values[2][:-1] + bytes([values[2][-1] ^ 1])
        values[6] = b"{}"
        self.put(values)
        out, _ = self.tool("-s", "trades", "-p", "0", "-r", expect=3)
        self.assertIn("           2  the record is damaged: its checksum does not match  [63 bytes]  DAMAGE\n", out)
        self.assertIn("           3  seal   61616161  batch 1, 2 chunks, input up to 10  [148 bytes]  "
                      "not judged: it follows damage\n", out)
        self.assertIn("           6  this is not a record of a state log  [2 bytes]  damaged too\n", out)
        self.assertIn("  DAMAGE  offset 2: the record is damaged: its checksum does not match\n"
                      f"  remedy  rollstatd -c {self.config} --rebuild --stream trades reads the input again and makes "
                      "the state anew\n", out)
        damage = self.partition(expect=3)["damage"]
        self.assertEqual(damage["text"], "offset 2: the record is damaged: its checksum does not match")
        self.assertIn("--rebuild --stream trades", damage["remedy"])
        self.assertEqual(self.partition(1)["damage"], None)
        self.put(records("rebuild c -2\n"))
        self.assertIsNone(self.partition()["damage"])

    def test_other_kinds_of_damage(self):
        for number, (script, foreign, text) in enumerate([
                ("claim a\nchunk a x\n", {"group": "others"}, "offset 0: the record belongs to another group, stream or"),
                ("chunk a x\n", {}, "offset 0: the log does not begin with a claim"),
                ("claim a\nseal a 1 99\n", {}, "offset 1: a seal whose sweep begins later, at offset 99")]):
            self.put(records(script, number, **foreign), partition=number)
            self.assertTrue(self.partition(number, expect=3)["damage"]["text"].startswith(text), text)

    def test_accounting_that_does_not_balance(self):
        self.put(records("claim a\nseal a 13\n"))
        self.assertIn("applied 12 + late 0 + duplicate 0 + rejected 0 + filtered 0: DOES NOT BALANCE\n",
                      self.tool("-s", "trades", "-p", "0", expect=3)[0])
        self.assertEqual(self.partition(expect=3)["seal"]["balances"], False)

    def test_it_writes_nothing(self):
        self.put(records(GOOD))
        before = self.mock.ends("tests.state.trades")
        self.tool("-s", "trades", "-r")
        self.assertEqual(self.mock.ends("tests.state.trades"), before)

    def test_a_topic_that_is_not_there(self):
        # The mock cluster makes topics that are asked for; a broker that is not there is asked for nothing.
        config = self.write("away.yaml", suite.configuration(STREAMS, AGGREGATES, f"127.0.0.1:{procs.free_port()}"))
        out, err = self.tool("-t", "1", expect=2, config=config)
        self.assertEqual(out, "")
        self.assertRegex(err, r"^rollstat-state: topic tests\.state\.trades: Local: [^\n]*\n$")

    def test_wrong_command_lines(self):
        for args, text in [([], "--config FILE is missing"),
                           (["-c", self.config, "--stream", "x"], '--stream: the configuration has no stream "x"'),
                           (["-c", self.config, "--partition", "-1"], '--partition: "-1" is not a whole number'),
                           (["-c", self.config, "-p", "3", "-s", "trades"], "has 3 partitions"),
                           (["-c", self.config, "--timeout", "0"], '--timeout: "0" is not a whole number'),
                           (["-c", self.config, "-g", "x"], '--group: the configuration has no aggregate "x"'),
                           (["-c", self.config, "-g", "m", "-s", "other"], 'aggregate "m" belongs to stream "trades"'),
                           (["-c", self.config, "-g", "m", "a", "b"], '"b" is one KEY too many'),
                           (["-c", self.config, "-g", "m", "-r"], "--records and --group exclude each other"),
                           (["-c", self.config, "a"], '"a": a KEY is for --group')]:
            _, err = procs.check([suite.program("rollstat-state"), *args], expect=1)
            self.assertIn(text, err.decode())

    def test_a_wrong_configuration(self):
        path = self.write("wrong.yaml", "kafka: {bootstrap.servers: '127.0.0.1:9', nosuch: 1}\nstreams: {}\n")
        _, err = self.tool(expect=1, config=path)
        self.assertIn("nosuch", err)
        self.assertIn("wrong.yaml: ", err)


class Group(StateTool, Flow):
    """What the daemon sealed, and what the tool makes of it."""
    T0 = 1700000040 * 10 ** 6

    def begin(self, streams, aggregates):
        self.start_servers(suite.mock_kafka(self.path("mock"), "t:2", "t.dlq:1", "tests.state.trades:2"))
        self.configure(streams, aggregates, kafka={"session.timeout.ms": 10000}, state={"commit_every": "50ms"})
        self.start_daemon()

    def sealed(self, partition, count):
        def reached():
            (row,) = self.objects("-p", str(partition))
            return row["seal"] and row["seal"]["next_offset"] >= count and row
        return procs.until(reached, 30, f"{count} records of partition {partition} are sealed", self.daemon.process)

    def trade(self, second, price, quantity, exchange="XA", product="P 1"):
        return avro.trade(product=product, exchange=exchange, executed_at=self.T0 + int(second * 10 ** 6),
                          price=int(price * 10 ** 8), quantity=quantity * 10 ** 6)

    def test_panes_of_a_group(self):
        self.begin({"trades": load.stream("t", "30s")}, {
            "m": {"stream": "trades", "by": ["exchange", "product"], "window": {"tumbling": "1m"}, "history": 5,
                  "stats": {"n": "count()", "volume": "sum(quantity)", "price": "ohlc(price)"}},
            "s": {"stream": "trades", "window": {"sliding": "2m", "every": "1m"}, "stats": {"volume": "sum(quantity)"}}})
        values = [self.trade(0, 2, 1), self.trade(30, 3, 5), self.trade(61, 2.5, 1), self.trade(62, 9, 9, product="other")]
        self.kafka.produce("t", [(1, self.T0 // 1000 + 10 ** 7, None, value) for value in values])
        row = self.sealed(1, 4)
        self.assertEqual((row["damage"], row["seal"]["balances"], row["seal"]["events"]["applied"]), (None, True, 4))
        token = int(procs.until(lambda: self.client.call("GET", "rs:fence:tests:t:1"), 10, "the fence").split(b":")[0])
        self.assertEqual(row["claim"]["offset"], token)
        self.assertNotEqual(int(row["claim"]["configuration"], 16), 0)
        shown = self.client.hash("rs:m:XA:P%201")
        self.daemon.stop()
        answer = json.loads(self.tool("--group", "m", "XA:P%201")[0])
        self.assertEqual((answer["stream"], answer["partition"], answer["next_offset"]), ("trades", 1, 4))
        group = answer["group"]
        self.assertEqual(group["view"], shown)
        self.assertEqual((group["aggregate"], group["key"], group["clock"]), ("m", "XA:P%201", "2023-11-14T22:15:01Z"))
        newest = group["panes"][-1]
        self.assertEqual((newest["from"], newest["to"]), ("2023-11-14T22:15:00Z", "2023-11-14T22:16:00Z"))
        self.assertEqual(newest["stats"], {"n": "1", "volume": "1", "price_open": "2.5", "price_high": "2.5",
                                           "price_low": "2.5", "price_close": "2.5"})
        total = json.loads(self.tool("--group", "s")[0])["group"]
        self.assertEqual([pane["stats"]["volume"] for pane in total["panes"]], ["6", "10"])
        self.assertEqual(total["view"]["volume"], "16")
        _, err = self.tool("--group", "m", "XA:none", expect=1)
        self.assertEqual(err, 'rollstat-state: no sealed state has a group "XA:none" of aggregate m\n')

    def test_a_state_that_the_configuration_does_not_fit(self):
        self.begin({"trades": load.stream("t", "30s")}, {
            "m": {"stream": "trades", "by": ["exchange"], "window": {"tumbling": "1m"}, "stats": {"n": "count()"}}})
        self.kafka.produce("t", [(0, self.T0 // 1000 + 10 ** 7, None, self.trade(0, 2, 1))])
        self.sealed(0, 1)
        self.daemon.stop()
        self.configure({"trades": load.stream("t", "30s")}, {
            "m": {"stream": "trades", "by": ["exchange"], "window": {"tumbling": "5m"}, "stats": {"n": "count()"}}})
        _, err = self.tool("--group", "m", "XA", expect=3)
        self.assertRegex(err, r"^rollstat-state: stream trades, partition 0: offset \d+: aggregate m was changed")


if __name__ == "__main__":
    suite.main()
