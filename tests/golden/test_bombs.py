"""What a rejected message costs: instructions, counted by callgrind, of the engine for each bomb of tests/bench/bomb_bench.c and for
an accepted message of its size. The dead letter's reason, field and byte are in it. Rejecting may cost three times as much."""
import glob
import os
import re
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import suite  # noqa: E402
import procs  # noqa: E402

MOST = 3


class Bombs(suite.Case):
    def test_instructions_of_each(self):
        program = os.path.join(suite.BUILD, "tests", "bomb_bench")
        if not shutil.which("valgrind") or not os.access(program, os.X_OK):
            self.skipTest("no valgrind, or no bomb_bench in the build")
        out, err = procs.check(
            ["valgrind", "--tool=callgrind", f"--callgrind-out-file={self.path('calls')}", "--toggle-collect=bomb_measured",
             "--dump-after=bomb_measured", program, os.path.join(suite.TESTS, "integration"), "0"],
            timeout=600, env={**os.environ, "LD_BIND_NOW": "1"})
        bombs = [line.split(":")[:2] for line in out.decode().splitlines()]
        self.assertGreater(len(bombs), 20)
        self.assertEqual(len(glob.glob(glob.escape(self.path("calls")) + ".*")), 2 * len(bombs), err.decode()[-500:])
        worst = 0
        for number, (kind, name) in enumerate(bombs):
            accepted, rejected = (self.instructions(2 * number + turn) for turn in (1, 2))
            worst = max(worst, rejected / accepted)
            with self.subTest(kind=kind, bomb=name.strip()):
                self.assertLessEqual(rejected, MOST * accepted)
        print(f"    instructions of a rejected message to an accepted one of its size, the worst of {len(bombs)}: {worst:.2f}")

    def instructions(self, number):
        with open(f"{self.path('calls')}.{number}", encoding="utf-8", errors="replace") as file:
            return int(re.search(r"(?m)^totals: (\d+)", file.read()).group(1))


if __name__ == "__main__":
    suite.main()
