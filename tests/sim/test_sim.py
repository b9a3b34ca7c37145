#!/usr/bin/env python3
"""Several instances of the whole engine in virtual time: nothing wrong under RS_SEEDS seeds (30,000), and every
planted error caught."""
import importlib.machinery
import importlib.util
import os
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(os.path.dirname(HERE), "lib"), HERE]

import suite  # noqa: E402
import mutants  # noqa: E402

SEEDS = int(os.environ.get("RS_SEEDS", "30000"))
JOBS = 2


def runner():
    """tests/sim/run, which has no ending that Python would import."""
    loader = importlib.machinery.SourceFileLoader("sim_run", os.path.join(HERE, "run"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("sim_run", loader))
    loader.exec_module(module)
    return module


class Seeds(suite.Case):
    def test_nothing_is_lost_and_nothing_is_counted_twice(self):
        run = runner()
        done, failed = run.run_all(run.find_program(suite.BUILD), 1, SEEDS, JOBS)
        self.assertEqual(failed, [])
        self.assertEqual(done, SEEDS)

    def test_the_same_seed_does_the_same_again(self):
        run = runner()
        told = [run.tell(run.find_program(suite.BUILD), seed) for seed in (7, 7, 8)]
        self.assertEqual(told[0], told[1])
        self.assertNotEqual(told[0], told[2])
        self.assertGreater(len(told[0].splitlines()), 50)


class Mutants(suite.Case):
    @classmethod
    def setUpClass(cls):
        cls.copy = mutants.Copy(os.path.join(suite.ROOT, "build", "mutants"))

    def hunt(self, name):
        result = mutants.run_one(self.copy, name, jobs=JOBS)
        print(mutants.line_of(name, result), flush=True)
        self.assertIsInstance(result, tuple, mutants.line_of(name, result))


def add(name):
    setattr(Mutants, "test_" + name.replace("-", "_"), lambda self: self.hunt(name))


for mutant in mutants.MUTANTS:
    add(mutant)

if __name__ == "__main__":
    unittest.TestCase.longMessage = False
    suite.main()
