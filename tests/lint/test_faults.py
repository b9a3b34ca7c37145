"""tests/FAULTS.md names only what exists: every test, fault and planted error is in the file that it is said to be in."""
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import suite  # noqa: E402

NEEDED = (*range(1, 19), *range(22, 26), *range(28, 32))


def rows(text):
    """{number of a fault: what shows it}"""
    return {int(m.group(1)): m.group(2) for m in re.finditer(r"^\| (\d+) \|.*\| ([^|]*) \|$", text, re.M)}


def missing(text):
    """Names that are not in their files, and faults that nothing shows."""
    found = []
    for number, shown in rows(text).items():
        names = re.findall(r"`([^`]+)::([^`]+)`", shown)
        found += [f"{number}: no test"] if not names else []
        for path, name in names:
            path = os.path.join(suite.TESTS, path)
            if not os.path.isfile(path):
                found.append(f"{number}: no file {path}")
                continue
            with open(path, encoding="utf-8") as file:
                if not re.search(rf"\b{re.escape(name)}\b", file.read()):
                    found.append(f"{number}: no {name} in {path}")
    return found + [f"{number}: not in the table" for number in NEEDED if number not in rows(text)]


class Faults(suite.Case):
    def test_table(self):
        with open(os.path.join(suite.TESTS, "FAULTS.md"), encoding="utf-8") as file:
            self.assertEqual(missing(file.read()), [])

    def test_table_can_fail(self):
        line = "| {} | a | b | `lint/test_faults.py::{}` |\n"
        whole = "".join(line.format(number, "test_table_can_fail") for number in NEEDED)
        self.assertEqual(missing(whole), [])
        self.assertEqual(len(missing(whole + line.format(40, "test_that_is_" + "nowhere"))), 1)
        self.assertEqual(len(missing(whole[whole.index("\n") + 1:])), 1)
        self.assertEqual(len(missing(whole + "| 40 | a | b | nothing |\n")), 1)


if __name__ == "__main__":
    suite.main()
