"""NIST StRD through --replay: mean and standard deviation of the univariate sets, and the line through the linear set Norris, lag-1 autocorrelation by
a formula of sums, equal the correctly rounded exact values, published as doubles and as decimals, and agree with NIST's certified digits."""
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
# Norris, "Calibration of Ozone Monitors", as y x pairs; certified: intercept, slope, R squared.
NORRIS = """0.1 0.2 338.8 337.4 118.1 118.2 888.0 884.6 9.2 10.1 228.1 226.5 668.5 666.3 998.5 996.3 449.1 448.6 778.9 777.0
559.2 558.2 0.3 0.4 0.1 0.6 778.1 775.5 668.8 666.9 339.3 338.0 448.9 447.5 10.8 11.6 557.7 556.0 228.3 228.1 998.0 995.8 888.8 887.6
119.6 120.2 0.3 0.3 0.6 0.3 557.6 556.8 339.3 339.1 888.0 887.2 998.5 999.0 778.9 779.0 10.2 11.1 117.6 118.3 228.9 229.2 668.4 669.1
449.2 448.9 0.2 0.5""".split()
NORRIS_CERTIFIED = {"intercept": "-0.262323073774029", "slope": "1.00211681802045", "r2": "0.999993745883712"}


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

    def test_linear_set(self):
        """y as a decimal and x as a double; digits of both in `big`, so that the line is that of what NIST printed."""
        kinds = ("intercept", "slope", "r2")
        stats = {f"{kind}_{k}": f"{kind}({y}, {x})" for kind in kinds for k, (y, x) in (("d", ("f", "x")), ("e", ("small", "big")))}
        config = self.write("config.yaml", suite.configuration(
            {"events": {"topic": "t", "schema": "event.avsc", "time": "at", "scale": {"f": 1}}},
            {"nist": {"stream": "events", "window": {"all": True}, "stats": stats}},
            directory=os.path.dirname(os.path.abspath(__file__))))
        pairs = list(zip(NORRIS[::2], NORRIS[1::2]))
        self.assertEqual(len(pairs), 36)
        rows = "".join(f"2020-01-01,Norris,RED,false,{y},{x},{x},{y}\n" for y, x in pairs)
        raw, counts, _ = self.replay(config, "events", [self.write("v.csv", "at,name,kind,flag,small,big,x,f\n" + rows)])
        self.assertEqual(counts["applied"], 36)
        value = next(i["value"] for i in map(suite.engine.parse_line, raw.splitlines()) if i["key"] == "rs:nist")
        for suffix, of in (("d", float), ("e", Fraction)):
            points = [(Fraction(of(x)), Fraction(y)) for y, x in pairs]
            x_mean, y_mean = (sum(p[i] for p in points) / 36 for i in (0, 1))
            xx, yy = (sum((p[i] - m) ** 2 for p in points) for i, m in ((0, x_mean), (1, y_mean)))
            xy = sum((a - x_mean) * (b - y_mean) for a, b in points)
            for kind, wanted in (("slope", xy / xx), ("intercept", y_mean - xy / xx * x_mean), ("r2", xy ** 2 / (xx * yy))):
                self.assertEqual(value[f"{kind}_{suffix}"], double_text(rounded(wanted)))
        for kind in kinds:
            error = abs(Fraction(value[f"{kind}_e"]) - Fraction(NORRIS_CERTIFIED[kind]))
            self.assertLess(error / abs(Fraction(NORRIS_CERTIFIED[kind])), Fraction(1, 10 ** 14), kind)

    def check_autocorrelation(self, name, texts, certified):
        """r(1) of the values and of those before them, in one formula of exact sums; and the correlation of the two."""
        stats = {"n": "count()", "total": "sum(x)", "squares": "sum(x * x)", "products": "sum(x * big)", "before": "sum(big)",
                 "later": {"stat": "sum(x)", "where": {"big": {"is_null": False}}}, "pairs": "correlation(x, big)",
                 "r": "(products - total / n * (later + before) + (n - 1) * total / n * total / n) / (squares - total * total / n)"}
        config = self.write("config.yaml", suite.configuration(
            {"events": {"topic": "t", "schema": "event.avsc", "time": "at", "scale": {"x": 6}}},
            {"nist": {"stream": "events", "window": {"all": True}, "stats": stats}},
            directory=os.path.dirname(os.path.abspath(__file__))))
        rows = "".join(f"2020-01-01,{name},RED,false,0,{b},{t}\n" for b, t in zip([""] + texts, texts))
        raw, counts, _ = self.replay(config, "events", [self.write("values.csv", "at,name,kind,flag,small,big,x\n" + rows)])
        self.assertEqual(counts["applied"], len(texts))
        value = next(i["value"] for i in map(suite.engine.parse_line, raw.splitlines()) if i["key"] == "rs:nist")
        numbers = [Fraction(t) for t in texts]
        mean = sum(numbers) / len(numbers)
        pairs = list(zip(numbers, numbers[1:]))
        exact = sum((a - mean) * (b - mean) for a, b in pairs) / sum((v - mean) ** 2 for v in numbers)
        self.assertEqual(value["r"], double_text(rounded(exact)))
        a_mean, b_mean = (sum(p[i] for p in pairs) / len(pairs) for i in (0, 1))
        ab = sum((a - a_mean) * (b - b_mean) for a, b in pairs)
        root = root_rounded(ab ** 2 / (sum((a - a_mean) ** 2 for a, _ in pairs) * sum((b - b_mean) ** 2 for _, b in pairs)))
        self.assertEqual(value["pairs"], double_text(-root if ab < 0 else root))
        self.assertLessEqual(abs(Fraction(value["r"]) - Fraction(certified)), abs(Fraction(certified)) / 10 ** 14, name)

    def test_autocorrelation(self):
        suite.need_data("nist-strd")
        for name in SETS:
            with self.subTest(set=name):
                path = suite.need_data("nist-strd", f"{name}.txt")
                with open(path, encoding="ascii", errors="replace") as file:
                    found = re.search(r"(?:lag 1\) r\(1\):|autocorrelationCoefficient =)\s*(\S+)", file.read())
                self.check_autocorrelation(name, read_set(path)[0], found.group(1))

    def test_autocorrelation_of_constructed_sets(self):
        """NIST certifies -0.999 of each, exactly."""
        for name, (middle, low, high, _) in CONSTRUCTED.items():
            with self.subTest(set=name):
                self.check_autocorrelation(name, [middle] + [low, high] * 500, "-0.999")

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
