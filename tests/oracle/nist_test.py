#!/usr/bin/env python3
"""NIST StRD, univariate summary statistics: mean and standard deviation of every set, as decimals and as doubles, equal
the correctly rounded exact value; as decimals they also agree with every certified digit.

usage: nist_test.py PANE_CLI DATA_DIRECTORY
Exit code 77: the data is not there.
"""

import os
import re
import subprocess
import sys
from fractions import Fraction

from stats_oracle import Stats, certified

MEAN = re.compile(r"^(?:Sample Mean.*:|mean\s*=)\s*(-?[0-9.]+)", re.M)
SD = re.compile(r"^(?:Sample Standard Deviation.*:|standardDeviation\s*=)\s*([0-9.]+)", re.M)
VALUE = re.compile(r"^\s*(-?[0-9]+(?:\.[0-9]+)?)\s*$", re.M)


def read_set(path):
    with open(path) as file:
        text = file.read()
    return MEAN.search(text).group(1), SD.search(text).group(1), VALUE.findall(text)


def run(cli, kind, values):
    lines = ["%d %d %s 1" % (i, i, value) for i, value in enumerate(values)] + ["end 0"]
    done = subprocess.run([cli, "stats", kind, "i0"], input="\n".join(lines) + "\n", capture_output=True, text=True,
                          check=True)
    return dict(pair.split("=") for pair in done.stdout.split())


def check_kind(cli, name, kind, values, exact_values):
    got = run(cli, kind, values)
    want = Stats([(i, i, v, Fraction(1)) for i, v in enumerate(exact_values)], x_double=kind == "d").fields()
    bad = 0
    for field in ("count", "sum", "mean", "variance", "stddev"):
        if got[field] != want[field]:
            bad += 1
            print("%s as %s: %s is %s, should be %s" % (name, kind, field, got[field], want[field]))
    return got, bad


def check_set(cli, name, path):
    mean, sd, values = read_set(path)
    scale = max(len(v.partition(".")[2]) for v in values)
    bad = 0
    got, wrong = check_kind(cli, name, "i%d" % scale, values, [Fraction(v) for v in values])
    bad += wrong
    bad += check_kind(cli, name, "w%d" % scale, values, [Fraction(v) for v in values])[1]
    bad += check_kind(cli, name, "d", values, [Fraction(float(v)) for v in values])[1]
    for what, text, shown in (("mean", mean, got["mean"]), ("stddev", sd, got["stddev"])):
        value, half = certified(text)
        # Half a unit of the last certified digit, and half a unit in the last place of the double that is shown.
        if abs(Fraction(shown) - value) > half + abs(value) / 2**53:
            bad += 1
            print("%s: %s is %s, certified %s" % (name, what, shown, text))
    print("%-10s %5d values, mean %s, sd %s" % (name, len(values), got["mean"], got["stddev"]))
    return bad


def main():
    cli, directory = sys.argv[1:3]
    if not os.path.isdir(directory):
        print("SKIP: the NIST StRD files are not at %s" % directory)
        sys.exit(77)
    names = sorted(n for n in os.listdir(directory) if n.endswith(".txt"))
    if not names:
        sys.exit("no data sets in %s" % directory)
    bad = sum(check_set(cli, n[:-4], os.path.join(directory, n)) for n in names)
    print("%d sets, %d differences" % (len(names), bad))
    sys.exit(1 if bad else 0)


main()
