"""rollstat-publish as an operator meets it: what arrives, what is said, how it ends."""
import gzip
import os
import re
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import suite  # noqa: E402
import avro  # noqa: E402
import procs  # noqa: E402

HEADER = "trade_id,exchange,product,side,price,quantity,currency,executed_at"
STREAMS = {"trades": {"topic": "trades", "schema": "trade.avsc", "time": "executed_at", "key": ["exchange", "product"]}}


def row(number, price="1.50"):
    return f"T{number},SHDE,p{number % 7},BUY,{price},3,CNY,2025-01-01T00:00:{number % 60:02d}Z"


class Publish(suite.Case):
    def setUp(self):
        super().setUp()
        self.kafka = suite.mock_kafka(self.path("kafka"), "trades:4")
        self.addCleanup(self.kafka.stop)
        self.config = self.write("c.yaml", suite.configuration(STREAMS, {}, bootstrap=self.kafka.bootstrap))

    def argv(self, *arguments):
        return [suite.program("rollstat-publish"), "-c", self.config, "--stream", "trades", *arguments]

    def publish(self, *arguments, expect=0, **options):
        _, err = procs.check(self.argv(*arguments), expect=expect, **options)
        return err.decode()

    def csv(self, rows, name="a.csv"):
        return self.write(name, "\n".join([HEADER, *rows]) + "\n")

    def test_what_arrives(self):
        said = self.publish(self.csv(row(i) for i in range(1000)))
        self.assertRegex(said, r"^published 1,000 rows, 0 rejected, in [0-9.]+ s \([0-9,]+ rows/s\)\n$")
        records = self.kafka.dump("trades")
        self.assertEqual(len(records), 1000)
        partitions = {}
        for record in records:
            self.assertEqual(partitions.setdefault(record["key"], record["partition"]), record["partition"])
        self.assertEqual(set(partitions), {f"SHDE:p{i}".encode() for i in range(7)})
        first = next(r for r in records if r["key"] == b"SHDE:p3")
        self.assertEqual(first["value"], avro.trade(
            trade_id="T3", exchange="SHDE", product="p3", category="", side=0, status=0, price=150000000,
            quantity=3000000, currency="CNY", buyer=None, seller=None, executed_at=1735689603000000, published_at=None))

    def test_bad_rows_are_told_and_kept(self):
        rejects = self.path("rejects.csv")
        said = self.publish("--rejects", rejects, self.csv([row(1), row(2, "x"), row(3), row(4) + ",5"]), expect=3)
        path = self.path("a.csv")
        lines = said.splitlines()
        self.assertEqual(lines[0], f"{path}:3:16: price: not a number")
        self.assertEqual(lines[1], f"{path}:5:48: the row has 9 cells, the header 8")
        self.assertRegex(lines[2], r"^published 2 rows, 2 rejected, in ")
        with open(rejects, encoding="utf-8") as file:
            self.assertEqual(file.read(), f"{HEADER}\n{row(2, 'x')}\n{row(4)},5\n")
        self.assertEqual(self.kafka.total("trades"), 2)

    def test_only_so_many_bad_rows_are_shown(self):
        path = self.csv(row(i, "x") for i in range(150))
        said = self.publish(path, expect=3).splitlines()
        self.assertEqual(len(said), 102)
        self.assertEqual(said[100],
                         "more bad rows are counted, but not shown (--show 0 shows all, --rejects FILE keeps them)")
        self.assertRegex(said[101], r"^published 0 rows, 150 rejected, ")
        self.assertEqual(len(self.publish("--show", "0", path, expect=3).splitlines()), 151)
        self.assertEqual(len(self.publish("--show", "3", path, expect=3).splitlines()), 5)

    def test_stdin_gzip_and_formats(self):
        text = gzip.compress((HEADER + "\n" + row(1) + "\n").encode())
        self.assertRegex(self.publish(data=text), r"published 1 rows, 0 rejected")
        self.assertRegex(self.publish("-", data=text), r"published 1 rows, 0 rejected")
        line = ('{"trade_id":"a","exchange":"x","product":"y","price":0.1,"quantity":"12345678901.123456","currency":"Z",'
                '"executed_at":"2025-01-01T00:00:00Z"}\n')
        self.publish("--format", "ndjson", data=line.encode())
        newest = [r for r in self.kafka.dump("trades") if r["key"] == b"x:y"]
        self.assertEqual(len(newest), 1)
        self.assertEqual(newest[0]["value"], avro.trade(
            trade_id="a", exchange="x", product="y", category="", side=2, status=0, price=10000000,
            quantity=12345678901123456, currency="Z", buyer=None, seller=None, executed_at=1735689600000000,
            published_at=None))
        self.assertEqual(self.kafka.total("trades"), 3)

    def test_dry_run_publishes_nothing_and_needs_no_broker(self):
        self.kafka.stop()
        self.assertRegex(self.publish("--dry-run", self.csv([row(1), row(2)])), r"^checked 2 rows, 0 rejected, in ")

    def test_no_broker(self):
        path = self.csv([row(1)])
        said = self.publish("--brokers", f"127.0.0.1:{procs.free_port()}", "--timeout", "1s", path, expect=2)
        self.assertRegex(said, r"^rollstat-publish: no broker answered within 1000 ms: .*Connection refused")

    def test_what_is_waited_for_is_told(self):
        """At once, not when the time is up: nobody listens, or a broker that hangs and goes on."""
        path = self.csv(row(i) for i in range(2000))
        port = procs.free_port()
        process = procs.Process(self.argv("--brokers", f"127.0.0.1:{port}", "--timeout", "600s", path), self.path("nobody"))
        procs.until(lambda: f"rollstat-publish: waiting for Kafka at 127.0.0.1:{port}: connection refused; trying again\n"
                    in procs.tail(self.path("nobody")), 60, "it says for what it waits", process)
        process.kill()
        process = procs.Process(self.argv("--rate", "500", "--timeout", "600s", path), self.path("hangs"))
        procs.until(lambda: self.kafka.total("trades") > 100, 20, "rows arrive", process)
        self.kafka.process.signal(signal.SIGSTOP)
        try:
            procs.until(lambda: re.search(r"waiting for Kafka at \S+: it does not answer; trying again\n",
                                          procs.tail(self.path("hangs"))), 60, "it says for what it waits", process)
        finally:
            self.kafka.process.signal(signal.SIGCONT)
        self.assertEqual(process.wait(60), 0)
        said = procs.tail(self.path("hangs"))
        self.assertIn("rollstat-publish: Kafka answers again\n", said)
        self.assertIn("published 2,000 rows", said)

    def test_broker_goes_away(self):
        path = self.csv(row(i) for i in range(2000))
        process = procs.Process(self.argv("--rate", "500", "--timeout", "1s", path), self.path("out"))
        procs.until(lambda: self.kafka.total("trades") > 100, 20, "rows arrive", process)
        self.kafka.stop()
        self.assertEqual(process.wait(40), 2)
        said = procs.tail(self.path("out"), 100000)
        # Which of the two depends on how long librdkafka takes to give up what was on its way.
        self.assertRegex(said, r"row \d+ was not delivered: Local: Message timed out\n|still not acknowledged after")
        summary = re.search(r"published ([0-9,]+) rows, 0 rejected, ([0-9,]+) not delivered, in ", said)
        self.assertIsNotNone(summary, said)
        self.assertGreater(int(summary[1].replace(",", "")), 100)

    def test_rate(self):
        path = self.csv(row(i) for i in range(300))
        began = time.monotonic()
        self.publish("--rate", "200", path)
        self.assertGreater(time.monotonic() - began, 1.3)
        self.assertEqual(self.kafka.total("trades"), 300)

    def test_signal_ends_the_reading_and_is_passed_on(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            argv = self.argv()
            before = self.kafka.total("trades")
            with subprocess.Popen(argv, stdin=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True) as popen:
                popen.stdin.write((HEADER + "\n" + row(1) + "\n" + row(2)[:20]).encode())
                popen.stdin.flush()
                procs.until(lambda: self.kafka.total("trades") == before + 1, 20, "the first row arrives")
                popen.send_signal(number)
                said = popen.stderr.read().decode()
                self.assertEqual(popen.wait(procs.PATIENCE), -number)
            self.assertRegex(said, r"^published 1 rows, 0 rejected, in ")
            self.assertEqual(self.kafka.total("trades"), before + 1)

    def test_times_ahead_of_now_are_warned_of(self):
        """They are published, and rollstatd will reject them: the one who publishes hears of it."""
        def row_at(seconds):
            at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + seconds))
            return f"T{seconds},SHDE,p,BUY,1.50,3,CNY,{at}"
        said = self.publish("--quiet", self.csv([row_at(-3600), row_at(3600), row_at(-60), row_at(7200)]))
        self.assertRegex(said, r"a\.csv:3:1: warning: its executed_at is (59m\d\ds|1h) ahead of this machine's clock, and max_future "
                               r"of the stream allows 30s: rollstatd rejects it \(reason: future\)")
        self.assertEqual(said.count("a.csv:"), 1)
        self.assertRegex(said, r"warning: 2 of 4 rows are further ahead of this machine's clock than max_future \(30s\), by up to ")
        self.assertEqual(len(self.kafka.dump("trades")), 4)
        self.assertNotIn("warning", self.publish(self.csv([row_at(-3600)])))

    def test_notes_quiet_and_progress(self):
        path = self.write("b.csv", HEADER + ",more\n" + row(1) + ",x\n")
        self.assertIn(f"note: {path}: columns that no field takes: \"more\"\n", self.publish(path))
        self.assertNotIn("note", self.publish("--quiet", path))
        said = self.publish("--progress", "--rate", "200", self.csv(row(i) for i in range(200)))
        self.assertRegex(said, r"(?m)^\d+ rows  \d+/s  100%  ETA 0:00$")

    def test_map_const_key_framing_limit(self):
        path = self.write("c.csv", "px;when;what\n0,5;1735689600;p9\n1;x;p9\n2;1735689601;p8\n".replace("0,5", "0.5"))
        said = self.publish("--delimiter", ";", "--map", "price=px", "--map", "executed_at=when", "--map", "product=what",
                            "--const", "trade_id=T", "--const", "exchange=E", "--const", "quantity=1", "--const",
                            "currency=CNY", "--time-format", "s", "--key", "product", "--framing", "confluent:7",
                            "--limit", "2", path, expect=3)
        self.assertIn(f"{path}:3:3: executed_at (column \"when\"): ", said)
        records = self.kafka.dump("trades")
        self.assertEqual([(r["key"], r["value"][:5]) for r in records], [(b"p9", b"\0\0\0\0\7")])

    def test_too_large_for_the_broker(self):
        config = suite.configuration(STREAMS, {}, bootstrap=self.kafka.bootstrap, kafka={"message.max.bytes": 2000})
        self.config = self.write("c.yaml", config)
        rejects = self.path("r.csv")
        long_row = row(1).replace("T1", "T" * 3000)
        said = self.publish("--rejects", rejects, self.csv([long_row, row(2)]), expect=3)
        self.assertIn("a.csv:2:1: the event is larger than message.max.bytes of the kafka section allows\n", said)
        with open(rejects, encoding="utf-8") as file:
            self.assertEqual(file.read(), f"{HEADER}\n{long_row}\n")
        self.assertEqual(self.kafka.total("trades"), 1)


if __name__ == "__main__":
    suite.main()
