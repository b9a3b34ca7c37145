"""The topic of tests/bench/peers and its exact expectation, against a fold with unlimited digits and against rollstatd."""
import collections
import fractions
import os
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import suite  # noqa: E402
import procs  # noqa: E402
import engine  # noqa: E402
import peer_results  # noqa: E402

SERVICES = os.path.join(suite.TESTS, "bench", "peer_services")
COUNT = 30000
HEADER = "trade_id,exchange,product,executed_at,price,quantity,side\n"


def decode(record):
    """[fields] of the bare Avro of trade.avsc."""
    place = 0

    def long():
        nonlocal place
        value = shift = 0
        while True:
            byte = record[place]
            place += 1
            value |= (byte & 0x7f) << shift
            shift += 7
            if byte < 0x80:
                return (value >> 1) ^ -(value & 1)

    def take(size):
        nonlocal place
        place += size
        return record[place - size:place]
    texts = [take(long()).decode() for _ in range(3)]
    fields = [*texts, long(), struct.unpack("<d", take(8))[0], long(), ("BUY", "SELL")[long()]]
    assert place == len(record), record
    return fields


class PeerTrades(suite.Case):
    def trades(self):
        program = os.path.join(suite.BUILD, "tests", "peer_trades")
        out, _ = procs.check([program, "-", "t", COUNT, self.path("expected.tsv")])
        again, _ = procs.check([program, "-", "t", COUNT, self.path("again.tsv")])
        self.assertEqual(out, again, "two runs differ")
        return [bytes.fromhex(line) for line in out.decode().split()], peer_results.read_expected(self.path("expected.tsv"))

    def test_the_expectation_is_exact(self):
        records, expected = self.trades()
        self.assertEqual(len(records), COUNT)
        self.assertEqual(collections.Counter(map(len, records)).most_common(1)[0][0], 71)
        newest, busy, disorder, last = {}, collections.Counter(), 0, 0
        for _, exchange, product, at, price, quantity, _ in map(decode, records):
            group, start = (exchange, product), at - at % 60000
            disorder, last = max(disorder, last - at), max(last, at)
            busy[group] += 1
            if start > newest.get(group, (-1,))[0]:
                newest[group] = [start, 0, 0, price, price, 0]
            window = newest[group]
            if window[0] == start:
                window[1:] = [window[1] + 1, window[2] + quantity, min(window[3], price), max(window[4], price),
                              window[5] + fractions.Fraction(price) * quantity]
        self.assertEqual(expected, {group: (*w[:5], float(w[5] / w[2])) for group, w in newest.items()})
        self.assertTrue(4000 < disorder <= 5000, disorder)
        self.assertGreater(busy.most_common(1)[0][1], 100 * min(busy.values()))

    def test_rollstatd_agrees(self):
        records, expected = self.trades()
        rows = "".join(",".join(map(str, decode(record))) + "\n" for record in records)
        config = self.write("c.yaml", suite.configuration(
            {"trades": {"topic": "t", "schema": "trade.avsc", "time": "executed_at", "lateness": "10s", "max_future": "3650d",
                        "framing": "bare"}},
            {"peer": {"stream": "trades", "by": ["exchange", "product"], "window": {"tumbling": "1m"},
                      "stats": {"count": "count()", "volume": "sum(quantity)", "low": "min(price)", "high": "max(price)",
                                "vwap": "vwap(price, quantity)"}}}, directory=SERVICES))
        raw, counts, _ = self.replay(config, "trades", [self.write("t.csv", HEADER + rows)], "--time-format", "ms")
        self.assertEqual(counts["applied"], COUNT)
        shown = {item["key"]: item for item in map(engine.parse_line, raw.splitlines())}
        found = [[shown[f"rs:peer:{e}:{p}"]["value"].get(name) for name in peer_results.FIELDS] for e, p in expected]
        verdicts = peer_results.judge_all(expected, found)
        self.assertEqual((len(verdicts["right"]), verdicts["last digit"], verdicts["wrong"]), (len(expected), [], []))


if __name__ == "__main__":
    suite.main()
