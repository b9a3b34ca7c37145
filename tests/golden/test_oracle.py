"""The oracles themselves, against values worked out by hand: an oracle that nobody has checked proves nothing."""
import os
import struct
import sys
import random
from fractions import Fraction

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import suite  # noqa: E402
import engine  # noqa: E402
import fold  # noqa: E402
from exact import decimal_text, double_text, half_even, root_rounded, rounded  # noqa: E402

S = engine.SECOND


class Oracle(suite.Case):
    def test_texts(self):
        for value, text in ((1e21, "1e+21"), (1e20, "100000000000000000000"), (1e-7, "1e-7"), (1e-6, "0.000001"),
                            (5e-324, "5e-324"), (1.7976931348623157e308, "1.7976931348623157e+308"), (-0.0, "0"),
                            (123456.789, "123456.789"), (-2.5e-9, "-2.5e-9"), (100.0, "100"), (0.1, "0.1")):
            self.assertEqual(double_text(value), text)
        rng = random.Random(1)
        for _ in range(20000):
            value = struct.unpack("d", rng.randbytes(8))[0]
            if value == value and abs(value) != float("inf"):
                self.assertEqual(float(double_text(value)), value)
        for value, text in ((Fraction("1.500"), "1.5"), (Fraction(-5, 100), "-0.05"), (1000, "1000"), (0, "0")):
            self.assertEqual(decimal_text(value), text)
        self.assertEqual([half_even(Fraction(n, 8), 2) for n in (1, 3, 5)], [12, 38, 62])

    def test_roots(self):
        rng = random.Random(2)
        for _ in range(3000):
            value = rng.randrange(1, 10 ** rng.randrange(1, 40))
            self.assertEqual(root_rounded(Fraction(value) * value), rounded(value))
        # Between two doubles, just above and below the midpoint of 1 and its successor.
        middle = 1 + Fraction(1, 2 ** 53)
        self.assertEqual(root_rounded(middle ** 2), 1.0)
        self.assertEqual(root_rounded((middle + Fraction(1, 2 ** 200)) ** 2), 1 + 2.0 ** -52)

    def test_statistics(self):
        events = [(3, 0, {"p": Fraction("2.5"), "q": 4}), (1, 1, {"p": Fraction(1), "q": 2}), (2, 2, {"p": None, "q": 1})]
        stats = fold.parse({"n": "count()", "np": "count(p)", "s": "sum(p)", "o": "ohlc(p)", "v": "vwap(p, q)",
                            "var": "variance(p)", "sd": "stddev_pop(p)", "r": "rate()", "c": "change(p)", "pc": "pct_change(p)"})
        out = fold.Folder(stats).render(events, 2 * S, {"p": Fraction(2)})
        self.assertEqual(out, {"n": "3", "np": "2", "s": "3.5", "o_open": "1", "o_high": "2.5", "o_low": "1",
                               "o_close": "2.5", "v": "2", "var": "1.125", "sd": "0.75", "r": "1.5", "c": "0.5", "pc": "25"})
        empty = fold.Folder(stats).render([], S)
        self.assertEqual(empty, {"n": "0", "np": "0", "s": "0"})

    def test_windows(self):
        tumbling, sliding = engine.Window(60), engine.Window(60, 25)
        self.assertEqual([list(tumbling.ends(t)) for t in (-1, 0, 59, 60)], [[0], [60], [60], [120]])
        self.assertEqual(list(sliding.ends(50)), [75, 100])
        self.assertEqual(list(sliding.ends(40)), [50, 75, 100])

    def test_lateness_revision_and_history(self):
        aggregate = engine.Aggregate("a", {"n": "count()"}, engine.Window(10 * S), ["g"], None, 2)
        partition = engine.AppendPartition(engine.Append("t", [aggregate], 5 * S))
        for offset, second in enumerate((1, 12, 3, 14.9, 15, 4, 31)):
            partition.apply(offset, None, {"t": int(second * S), "g": "x"})
        # 3 s comes when the clock is at 12 s: its window [0, 10) has ended, but 12 - 5 < 10. 4 s comes at 15 s: late.
        self.assertEqual((partition.counts["applied"], partition.counts["late"]), (6, 1))
        shown = partition.shown(partition.now_shown)
        history = shown["rs:a:x:history"]["value"]
        self.assertEqual([(s, m["n"], m["revision"]) for s, m in history], [(0, "2", "1"), (10000, "3", "0")])
        self.assertEqual(shown["rs:a:x"]["value"]["window_start"], "30000")

    def test_sliding_drains(self):
        aggregate = engine.Aggregate("a", {"n": "count()", "m": "mean(v)"}, engine.Window(10 * S, 5 * S), ["g"])
        partition = engine.AppendPartition(engine.Append("t", [aggregate], 0))
        partition.apply(0, None, {"t": 2 * S, "g": "x", "v": 4})
        partition.apply(1, None, {"t": 7 * S, "g": "x", "v": 8})
        views = [partition.shown(now * S)["rs:a:x"]["value"] for now in (7, 9.9, 10, 14, 15, 99)]
        self.assertEqual([(v["n"], v.get("m"), v["window_end"]) for v in views],
                         [("2", "6", "10000")] * 2 + [("1", "8", "15000")] * 2 + [("0", None, "20000")] * 2)

    def test_duplicates_and_expiry(self):
        aggregate = engine.Aggregate("a", {"n": "count()"}, engine.Window(10 * S), ["g"])
        partition = engine.AppendPartition(engine.Append("t", [aggregate], 0, expire=64 * S, identity="id", dedup=5 * S))
        for offset, (second, group, identity) in enumerate(
                ((0, "x", "a"), (1, "y", "a"), (4, "y", "b"), (7, "y", "a"), (66, "y", "c"), (3, "x", "d"), (63, "z", "e"))):
            partition.apply(offset, None, {"t": second * S, "g": group, "id": identity})
        # At 66 s x (0 s) is dropped; x comes again at 3 s: its window [0, 10) ends after what was dropped, so it is new.
        self.assertEqual((partition.counts["duplicate"], partition.counts["late"]), (1, 0))
        self.assertEqual(sorted(partition.groups["a"]), ["x", "y", "z"])

    def test_upsert(self):
        aggregate = engine.Aggregate("a", {"v": "last(v)", "c": "change(v)", "n": "count()"}, engine.Last(2), ["g"])
        partition = engine.UpsertPartition(engine.Upsert("t", "r", "v", [aggregate]))
        for offset, (period, version, value) in enumerate(((1, 0, 10), (3, 0, 30), (2, 5, 20), (2, 4, 99), (3, 1, None))):
            partition.apply(offset, None, {"t": period * S, "r": version, "v": value, "g": "x"})
        self.assertEqual(partition.shown(None)["rs:a:x"]["value"],
                         {"v": "20", "c": "10", "n": "2", "window_start": "1000", "window_end": "2000",
                          "event_time": "2000", "events": "2"})


if __name__ == "__main__":
    suite.main()
