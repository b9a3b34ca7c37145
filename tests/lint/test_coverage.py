"""tests/coverage counts what it says: on two small files whose lines and branches are known."""
import importlib.machinery
import importlib.util
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import suite  # noqa: E402
import procs  # noqa: E402


def load():
    sys.dont_write_bytecode = True
    loader = importlib.machinery.SourceFileLoader("coverage_program", os.path.join(suite.TESTS, "coverage"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
    loader.exec_module(module)
    return module


HALF = """int half(int x);
int half(int x)
{
    if (x > 0) {
        return 1;
    }
    return 2;
}
"""
UNUSED = """int unused(int x);
int unused(int x)
{
    return x ? 3 : 4;
}
"""


class Coverage(suite.Case):
    def test_figures(self):
        coverage = load()
        os.makedirs(self.path("base/config"))
        half, unused = self.write("base/half.c", HALF), self.write("base/config/unused.c", UNUSED)
        main = self.write("main.c", "int half(int x);\nint main(void)\n{\n    return half(5) - 1;\n}\n")
        objects = []
        for path in (half, unused, main):
            objects.append(path[:-2] + ".o")
            procs.check(["gcc", "-O0", "--coverage", "-c", path, "-o", objects[-1]])
        program = self.path("program")
        procs.check(["gcc", "--coverage", *objects, "-o", program])
        sources = coverage.count(self.directory, self.directory)
        self.assertEqual(coverage.total(sources.values())[1], 0, "nothing ran yet")
        procs.check([program])
        sources = coverage.count(self.directory, self.directory)
        self.assertEqual(sorted(sources), ["base/config/unused.c", "base/half.c"], "tests are no room")
        rooms = coverage.by_room(sources)
        self.assertEqual(coverage.total(rooms["base"].values()), (4, 3, 2, 1))
        self.assertEqual(coverage.total(rooms["base/config"].values()), (2, 0, 2, 0))
        self.assertIn("50.0 %", coverage.row("all", sources.values()))


if __name__ == "__main__":
    suite.main()
