"""tests/bench/peers takes half an hour, so no suite runs it: here its options, and that it finds what is wrong."""
import os
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import suite  # noqa: E402
import procs  # noqa: E402
import peer_results  # noqa: E402

PEERS = os.path.join(suite.TESTS, "bench", "peers")
SERVICES = os.path.join(suite.TESTS, "bench", "peer_services")
RIGHT = [b"1700000040000", b"3", b"6", b"10.37", b"12.5", b"11.25"]


class Peers(suite.Case):
    def run_peers(self, *options, **more):
        status, out, err = procs.run([sys.executable, PEERS, *options], **more)
        return status, out.decode(), err.decode()

    def test_options(self):
        status, names, _ = self.run_peers("--list")
        self.assertEqual((status, names.split()[0]), (0, "bare"))
        self.assertIn("\nrollstat ", names)
        status, text, _ = self.run_peers("--help")
        self.assertEqual((status, "Usage: tests/bench/peers" in text), (0, True))
        for options, complaint in ((("--only", "nobody"), "nobody"), (("--rounds", "0"), "--rounds"), (("--fast",), "--fast")):
            status, _, err = self.run_peers(*options)
            self.assertEqual((status, complaint in err), (2, True), err)

    def test_each_service_is_described(self):
        """And so is each folder."""
        with open(os.path.join(SERVICES, "README.md"), encoding="utf-8") as file:
            text = file.read()
        for line in self.run_peers("--list")[1].splitlines():
            self.assertIn(f"`{line.split()[0]}`", text)
        for name in os.listdir(SERVICES):
            self.assertTrue(name == "README.md" or f"`{name}" in text, name)

    def test_one_that_cannot_be_fetched(self):
        """It is left out by name, with the reason, whether a tool is missing or fails."""
        tools = self.path("tools")
        os.makedirs(tools)
        code = ("import importlib.machinery as m, importlib.util as u, sys\n"
                "p = u.module_from_spec(u.spec_from_loader('peers', m.SourceFileLoader('peers', sys.argv[1])))\n"
                "p.__spec__.loader.exec_module(p)\n"
                "p.BUILT = sys.argv[2]\n"
                "print(p.prepare_all(['bare', 'rollstat', 'go']))")
        for script, reason in ((None, "no go here"), ("#!/bin/sh\necho nothing\necho 'error: no such host' >&2\nexit 1\n", "no such host")):
            if script:
                os.chmod(self.write("tools/go", script), 0o755)
            out, _ = procs.check([sys.executable, "-c", code, PEERS, self.path("built")], env={**os.environ, "PATH": tools})
            self.assertIn(reason, out.decode().splitlines()[-1])
            self.assertNotIn("rollstat'", out.decode())
            shutil.rmtree(self.path("built"), ignore_errors=True)

    def test_judging(self):
        # 2^-52 is the unit of the last column: 6 × 11.25 of it.
        path = self.write("e.tsv", f"X00\tP0001\t1700000040000\t3\t6\t1037\t1250\t{int(67.5 * 2 ** 52):032x}\n")
        expected = peer_results.read_expected(path)
        self.assertEqual(expected, {("X00", "P0001"): (1700000040000, 3, 6, 10.37, 12.5, 11.25)})

        def verdict(place, text):
            return peer_results.judge(expected["X00", "P0001"], [text if i == place else t for i, t in enumerate(RIGHT)])
        self.assertEqual(verdict(None, None), "right")
        for place, text in ((0, b"1700000100000"), (1, b"2"), (2, b"7"), (3, b"10.38"), (4, b"12.49"), (5, b"11.2500001"), (3, b"nan"),
                            (1, b""), (5, b"x"), *((place, None) for place in range(6))):
            self.assertEqual(verdict(place, text), "wrong", (place, text))
        self.assertEqual(verdict(5, b"11.250000000000002"), "last digit")

    def test_a_planted_wrong_group_is_found(self):
        expected = {("X00", f"P{n:04d}"): (60000 * n, n + 1, 10, 1.5, 2.5, 2.0) for n in range(50)}
        found = [[str(value).encode() for value in values] for values in expected.values()]
        self.assertEqual(len(peer_results.judge_all(expected, found)["right"]), 50)
        found[31][1] = b"31"
        found[7] = [None] * 6
        self.assertEqual(peer_results.judge_all(expected, found)["wrong"], [("X00", "P0007"), ("X00", "P0031")])
        with self.assertRaises(ValueError):
            peer_results.judge_all(expected, found[1:])

    def test_cpu_per_event(self):
        # 2 s to start and 1 µs an event; other work only adds.
        self.assertAlmostEqual(peer_results.per_event_us((10 ** 6, [3.5, 3.0]), (4 * 10 ** 6, [6.0, 6.2])), 1.0)

    def test_latencies(self):
        sent = [1000000 + 1000 * n for n in range(8)]  # trades of two groups in turn, a millisecond apart

        def shown(us, product, high):
            return f'{us // 1000000}.{us % 1000000:06d} [0 lua] "HSET" "rs:peer:X00:{product}" "count" "1" "high" "{high}" "vwap" "2"\n'
        monitor = ["OK\n", shown(1002500, "P0000", 1), '1.1 [0 127.0.0.1:5] "ping"\n', shown(1004500, "P0000", "5"),
                   shown(1005000, "P0000", 5), shown(1009000, "P0001", "8")]
        self.assertEqual(peer_results.latencies_ms(sent, monitor, 2, 2), [0.5, 2.0, 2.5, 4.0, 6.0])
        self.assertEqual(peer_results.percentile([1, 2, 3, 4], 50), 3)
        self.assertEqual(peer_results.percentile([1, 2, 3, 4], 99), 4)

    def test_table(self):
        self.assertEqual(peer_results.table(["", "a"], [["long name", "1"], ["b", "22"]]), ["            a", "long name   1", "b          22"])


if __name__ == "__main__":
    suite.main()
