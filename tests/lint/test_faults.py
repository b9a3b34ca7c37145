"""tests/FAULTS.md names only what exists: every test, fault and planted error is in the file that it is said to be in."""
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import suite  # noqa: E402

# Numbers of the table, and names of the reports in the second one.
NEEDED = [str(number) for number in (*range(1, 19), *range(22, 26), *range(28, 44))]
REPORTED = [*map(str, range(1, 17)), *(f"T{number}" for number in (*range(1, 14), *range(15, 20)))]
SECOND = "\n## Reports from the field\n"


def rows(text):
    """[(name of a row, what shows it)]"""
    return re.findall(r"^\| (T?\d+) \|.*\| ([^|]*) \|$", text, re.M)


def missing(text, needed):
    """Names that are not in their files, rows that nothing shows, that are not there, or are there twice."""
    found = []
    for row, shown in rows(text):
        names = re.findall(r"`([^`]+)::([^`]+)`", shown)
        found += [f"{row}: no test"] if not names else []
        for path, name in names:
            path = os.path.join(suite.TESTS, path)
            if not os.path.isfile(path):
                found.append(f"{row}: no file {path}")
                continue
            with open(path, encoding="utf-8") as file:
                if not re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", file.read()):
                    found.append(f"{row}: no {name} in {path}")
    there = [row for row, _ in rows(text)]
    found += [f"{row}: not in the table" for row in needed if row not in there]
    return found + [f"{row}: twice in the table" for row in sorted(set(there)) if there.count(row) > 1]


class Faults(suite.Case):
    def test_table(self):
        with open(os.path.join(suite.TESTS, "FAULTS.md"), encoding="utf-8") as file:
            first, _, second = file.read().partition(SECOND)
        self.assertEqual(missing(first, NEEDED), [])
        self.assertEqual(missing(second, REPORTED), [])

    def test_table_can_fail(self):
        line = "| {} | a | b | `lint/test_faults.py::{}` |\n"
        for needed in (NEEDED, REPORTED):
            whole = "".join(line.format(row, "test_table_can_fail") for row in needed)
            self.assertEqual(missing(whole, needed), [])
            self.assertEqual(len(missing(whole + line.format(99, "test_that_is_" + "nowhere"), needed)), 1)
            self.assertEqual(len(missing(whole + line.format(99, "test_table_" + "can"), needed)), 1)
            self.assertEqual(len(missing(whole[whole.index("\n") + 1:], needed)), 1)
            self.assertEqual(len(missing(whole + whole[:whole.index("\n") + 1], needed)), 1)
            self.assertEqual(len(missing(whole + "| 99 | a | b | nothing |\n", needed)), 1)


if __name__ == "__main__":
    suite.main()
