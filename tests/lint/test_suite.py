"""What the Python suites share: a failed test's directory stays, and a port goes to one test only."""
import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import procs  # noqa: E402
import suite  # noqa: E402

OUTCOMES = """
import sys
sys.path.insert(0, sys.argv.pop())
import suite

class Outcomes(suite.Case):
    def setUp(self):
        super().setUp()
        self.write("what it left", "")
        if "before" in self.id():
            raise ValueError

    def tearDown(self):
        if "after" in self.id():
            raise ValueError

    def test_passes(self):
        pass

    def test_fails(self):
        self.fail()

    def test_raises(self):
        raise ValueError

    def test_raises_before(self):
        pass

    def test_raises_after(self):
        pass

    def test_fails_in_part(self):
        for number in range(3):
            with self.subTest(number=number):
                self.assertNotEqual(number, 1)

    def test_skips(self):
        self.skipTest("no reason")

    def test_zz_passes(self):
        pass

suite.main()
"""


class Suite(suite.Case):
    def test_the_directory_of_a_failed_test_stays(self):
        kept = self.path("kept")
        os.mkdir(kept)
        status, _, err = procs.run([sys.executable, self.write("outcomes.py", OUTCOMES), os.path.join(suite.TESTS, "lib")],
                                   env={**os.environ, "RS_TMP": kept, "RS_COUNTS": self.path("counts")})
        self.assertEqual(status, 1, err.decode())
        with open(self.path("counts"), encoding="ascii") as file:
            self.assertEqual(file.read(), "2 5 1\n")
        self.assertEqual(sorted(name.split()[0] for name in os.listdir(kept)),
                         ["test_fails", "test_fails_in_part", "test_raises", "test_raises_after", "test_raises_before"])
        for name in os.listdir(kept):
            self.assertEqual(os.listdir(os.path.join(kept, name)), ["what it left"])

    def test_a_port_goes_to_one_process(self):
        port = procs.free_port()
        script = ("import sys; sys.path.insert(0, sys.argv[2]); import procs; procs.ports = lambda: [int(sys.argv[1])]; "
                  "print(procs.free_port())")
        argv = [sys.executable, "-c", script, port, os.path.join(suite.TESTS, "lib")]
        _, err = procs.check(argv, expect=1)
        self.assertIn(b"no port is free", err)
        self.assertNotEqual(procs.free_port(), port)


if __name__ == "__main__":
    unittest.TestCase.longMessage = False
    suite.main()
