"""NIST StRD univariate sets through --replay: mean and standard deviation equal the correctly rounded exact values, published as
doubles and as decimals, and agree with NIST's certified digits."""
import os
import re
import sys
from fractions import Fraction

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import suite  # noqa: E402
from exact import double_text, rounded, root_rounded  # noqa: E402

SETS = ("Lew", "Lottery", "Mavro", "Michelso", "NumAcc1")
# NIST constructs these: one middle value, then low and high alternating 500 times each.
CONSTRUCTED = {"NumAcc2": ("1.2", "1.1", "1.3", "0.1"), "NumAcc3": ("1000000.2", "1000000.1", "1000000.3", "0.1"),
               "NumAcc4": ("10000000.2", "10000000.1", "10000000.3", "0.1")}


def read_set(path):
    """(texts of the values, certified mean text, certified sd text); the files come in two layouts."""
    with open(path, encoding="ascii", errors="replace") as file:
        text = file.read()
    mean = re.search(r"^(?:Sample Mean\s+ybar:|mean\s+=)\s*(\S+)", text, re.M).group(1)
    sd = re.search(r"^(?:Sample Standard Deviation \(denom\. = n-1\)\s+s:|standardDeviation\s+=)\s*(\S+)", text,
                   re.M).group(1)
    body = re.split(r"-{8,}\s*\n|^# Data\s*$", text, flags=re.M)[-1]
    return re.findall(r"^\s*(-?[\d.]+)\s*$", body, re.M), mean, sd


class Nist(suite.Case):
    def check_set(self, name, texts, mean, sd):
        self.assertGreater(len(texts), 2)
        stats = {"n": "count()", "mean_d": "mean(x)", "sd_d": "stddev(x)", "mean_e": "mean(big)", "sd_e": "stddev(big)"}
        config = self.write("config.yaml", suite.configuration(
            {"events": {"topic": "t", "schema": "event.avsc", "time": "at"}},
            {"nist": {"stream": "events", "by": ["name"], "window": {"all": True}, "stats": stats}},
            directory=os.path.dirname(os.path.abspath(__file__))))
        rows = "".join(f"2020-01-01,{name},RED,false,0,{t},{t}\n" for t in texts)
        data = self.write("values.csv", "at,name,kind,flag,small,big,x\n" + rows)
        raw, counts, _ = self.replay(config, "events", [data])
        self.assertEqual(counts["applied"], len(texts))
        value = next(i["value"] for i in map(suite.engine.parse_line, raw.splitlines()) if i["key"] == f"rs:nist:{name}")
        for suffix, numbers in (("d", [Fraction(float(t)) for t in texts]), ("e", [Fraction(t) for t in texts])):
            n, total, squares = len(numbers), sum(numbers), sum(v * v for v in numbers)
            self.assertEqual(value[f"mean_{suffix}"], double_text(rounded(total / n)))
            self.assertEqual(value[f"sd_{suffix}"], double_text(root_rounded((squares - total * total / n) / (n - 1))))
        for mine, certified in ((value["mean_e"], mean), (value["sd_e"], sd)):
            digits = len(certified.lstrip("-0.").replace(".", ""))
            error = abs(Fraction(mine) - Fraction(certified)) / max(abs(Fraction(certified)), Fraction(1, 10 ** 30))
            self.assertLess(error, Fraction(1, 10 ** (min(digits, 15) - 1)), f"{name}: {mine} against {certified}")

    def test_published_sets(self):
        suite.need_data("nist-strd")
        for name in SETS:
            with self.subTest(set=name):
                self.check_set(name, *read_set(suite.need_data("nist-strd", f"{name}.txt")))

    def test_constructed_sets(self):
        for name, (middle, low, high, sd) in CONSTRUCTED.items():
            with self.subTest(set=name):
                self.check_set(name, [middle] + [low, high] * 500, middle, sd)


if __name__ == "__main__":
    suite.main()
