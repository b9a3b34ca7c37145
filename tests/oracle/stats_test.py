#!/usr/bin/env python3
"""Random data sets through pane_cli against stats_oracle: every field the same text.

usage: stats_test.py PANE_CLI [SEED]
"""

import random
import subprocess
import sys
from fractions import Fraction

from stats_oracle import Stats, decimal_text, from_bits

SETS_PER_TYPE = 250

# (type of x, type of w): every kind with every kind, with and without nulls.
TYPES = [
    ("i0!", "i0!"), ("i4!", "i0!"), ("i4", "i2"), ("i18", "i18"), ("i0", "w6"), ("i4!", "w10!"), ("i3", "d"),
    ("w0", "w0"), ("w38", "w20!"), ("w10!", "i0"), ("w12", "d"), ("d", "d"), ("d", "i2"), ("d!", "w5"), ("i9!", "d"),
]


class Source:
    """Values of one input; each set draws from one of several ranges, so that small cases and extremes both occur."""

    def __init__(self, rng, kind):
        self.rng = rng
        self.required = kind.endswith("!")
        self.double = kind[0] == "d"
        self.scale = 0 if self.double else int(kind[1:].rstrip("!"))
        if self.double:
            self.draw = self.double_source()
        else:
            self.draw = self.integer_source(2**63 - 1 if kind[0] == "i" else 10**38 - 1)

    def integer_source(self, limit):
        rng = self.rng
        bits = rng.choice([1, 4, 16, 40, limit.bit_length()])
        size = min(2**bits, limit)
        base = rng.choice([0, 0, rng.randint(-limit, limit)])
        low = rng.choice([-size, 0])
        extremes = rng.random() < 0.15

        def draw():
            if extremes and rng.random() < 0.7:
                return Fraction(rng.choice([limit, -limit, 0, 1, -1]), 10**self.scale)
            value = max(-limit, min(limit, base + rng.randint(low, size)))
            return Fraction(value, 10**self.scale)

        return draw

    def double_source(self):
        rng = self.rng
        kind = rng.randrange(7)
        centre = rng.randint(-1070, 1015)

        def draw():
            if kind == 0:
                return Fraction(rng.randint(0, 10**6) / 100)
            if kind == 1:
                return Fraction(rng.gauss(1e9, 1e-3))
            if kind == 2:  # any bits
                bits = rng.getrandbits(64)
                return Fraction(from_bits(bits)) if bits >> 52 & 0x7FF != 0x7FF else Fraction(1)
            if kind == 3:
                return Fraction(rng.choice([1e308, -1e308, 1e-308, 5e-324, 1.7976931348623157e308, 0.0, -0.0, 1.0]))
            if kind == 4:  # subnormals
                return Fraction(rng.choice([1, -1]) * rng.getrandbits(rng.randint(1, 52)) * 5e-324)
            if kind == 5:
                return Fraction(rng.choice([1e308, -1e308]))
            return Fraction(rng.random() * 2.0 ** min(1023, centre + rng.randint(0, 60)))

        return draw

    def null(self):
        return not self.required and self.rng.random() < 0.1

    def text(self, value):
        if value is None:
            return "-"
        return repr(float(value)) if self.double else decimal_text(value)


def make_events(rng, x, w):
    count = rng.choice([0, 1, 2, 3, 5, 17, 60])
    return [(rng.randint(0, 20), order, None if x.null() else x.draw(), None if w.null() else w.draw())
            for order in range(count)]


def make_set(rng, types):
    x, w = Source(rng, types[0]), Source(rng, types[1])
    previous = Stats(make_events(rng, x, w)) if rng.random() < 0.5 else None
    window_us = rng.choice([0, 1, 60_000_000, 3_600_000_000, rng.randint(1, 10**12)])
    stats = Stats(make_events(rng, x, w), previous, window_us, x.double, w.double)
    lines = []
    for part, end in ((previous, "previous"), (stats, "end %d" % window_us)):
        if part is not None:
            events = list(part.events)
            rng.shuffle(events)
            lines += ["%d %d %s %s" % (e[0], e[1], x.text(e[2]), w.text(e[3])) for e in events] + [end]
    return stats, lines


def run_types(rng, cli, types):
    sets = [make_set(rng, types) for _ in range(SETS_PER_TYPE)]
    lines = "\n".join(line for _, part in sets for line in part) + "\n"
    done = subprocess.run([cli, "stats", *types], input=lines, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit("pane_cli stats %s %s failed: %s" % (*types, done.stderr))
    answers = done.stdout.splitlines()
    if len(answers) != len(sets):
        sys.exit("%d answers to %d sets" % (len(answers), len(sets)))
    bad = 0
    fields = 0
    for (stats, part), answer in zip(sets, answers):
        got = dict(pair.split("=") for pair in answer.split())
        want = stats.fields()
        fields += len(want)
        if got != want:
            bad += 1
            names = sorted(set(got) | set(want))
            print("types %s %s" % types)
            print("\n".join(part[:40]))
            print("\n".join("  %s: is %s, should be %s" % (n, got.get(n), want.get(n)) for n in names
                            if got.get(n) != want.get(n)))
    return len(sets), fields, bad


def main():
    cli = sys.argv[1]
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 20260301
    print("seed %d" % seed)
    rng = random.Random(seed)
    totals = [run_types(rng, cli, types) for types in TYPES]
    sets, fields, bad = (sum(t[i] for t in totals) for i in range(3))
    print("%d data sets, %d fields, %d sets differ" % (sets, fields, bad))
    sys.exit(1 if bad else 0)


main()
