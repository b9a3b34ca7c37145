#!/usr/bin/env python3
"""Texts of doubles against Python's repr, readings against float(), and the table of powers against its generator.

usage: double_test.py PANE_CLI SOURCE_DIRECTORY [SEED]
"""

import random
import subprocess
import struct
import sys

from stats_oracle import double_text, from_bits

RANDOM_BITS = 1_000_000
RANDOM_TEXTS = 30_000


def run(cli, mode, lines):
    done = subprocess.run([cli, mode], input="\n".join(lines) + "\n", capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def to_bits(value):
    return struct.unpack("<Q", struct.pack("<d", value))[0]


def edge_bits():
    values = [float("1e%d" % e) for e in range(-323, 309)] + [2.0**e for e in range(-1074, 1024)]
    bits = set()
    for value in values + [0.0, 5e-324, 2.2250738585072014e-308, 1.7976931348623157e308, 9007199254740992.0]:
        near = to_bits(value)
        bits.update(b for b in range(near - 3, near + 4) if 0 <= b < 0x7FF0000000000000)
    bits.update(to_bits(float(i)) for i in range(0, 2000))
    bits.update(to_bits(float("%de%d" % (i, e))) for i in range(1, 1000, 7) for e in range(-12, 25))
    return sorted(bits) + [b | 1 << 63 for b in sorted(bits)]


def check_texts(cli, rng):
    bits = edge_bits()
    while len(bits) < RANDOM_BITS:
        candidate = rng.getrandbits(64)
        if candidate >> 52 & 0x7FF != 0x7FF:
            bits.append(candidate)
    bad = 0
    for b, text in zip(bits, run(cli, "doubles", ["%x" % b for b in bits])):
        want = double_text(from_bits(b))
        if text != want:
            bad += 1
            print("bits %016x: is %s, should be %s" % (b, text, want))
    return len(bits), bad


def midpoint_texts(rng):
    """Exact midpoints between neighbours, and what lies just beside them: up to 767 digits."""
    from decimal import Decimal, localcontext

    texts = []
    with localcontext() as context:
        context.prec = 1200
        for _ in range(400):
            b = rng.getrandbits(63) % 0x7FEFFFFFFFFFFFFF
            middle = (Decimal(from_bits(b)) + Decimal(from_bits(b + 1))) / 2
            text = format(middle, "f")
            texts += [text, str(middle), text + ("" if "." in text else ".") + "0" * 20 + "1", text[:-1]]
    return [t for t in texts if t[-1].isdigit()]


def read_texts(rng):
    texts = ["0", "-0", "+1", "1e400", "-1e400", "1e-400", "2.4703282292062327e-324", "2.4703282292062328e-324",
             "1.7976931348623158e308", "1.7976931348623159e308", "179769313486231580793e289", "0e999999999999999999",
             "1e-999999999999999999", "00012.50", "9007199254740993", "9007199254740992.999999999999999999"]
    for _ in range(RANDOM_TEXTS):
        digits = "".join(rng.choice("0123456789") for _ in range(rng.randint(1, 30)))
        text = digits[: rng.randint(1, len(digits))] + rng.choice(["", "." + digits])
        texts.append(rng.choice(["", "-"]) + text + rng.choice(["", "e%d" % rng.randint(-340, 320)]))
    return texts + midpoint_texts(rng)


def check_readings(cli, rng):
    texts = read_texts(rng)
    wrong = ["", "+", ".5", "5.", "1e", "1e+", "0x10", "nan", "inf", "-inf", "1 ", " 1", "1_0", "--1", "1.5.2", "1e5.5"]
    bad = 0
    for text, got in zip(texts, run(cli, "read", texts)):
        value = float(text)
        want = "error" if value in (float("inf"), float("-inf")) else "%016x" % to_bits(value)
        if got != want:
            bad += 1
            print("%s: is %s, should be %s" % (text, got, want))
    for text, got in zip(wrong, run(cli, "read", wrong)):
        if got != "error":
            bad += 1
            print("%r was read as %s" % (text, got))
    return len(texts) + len(wrong), bad


def check_table(source):
    done = subprocess.run([sys.executable, source + "/base/double_table.py"], capture_output=True, text=True, check=True)
    with open(source + "/base/double_table.c") as file:
        same = file.read() == done.stdout
    if not same:
        print("base/double_table.c is not what base/double_table.py writes")
    return 1, 0 if same else 1


def main():
    cli, source = sys.argv[1:3]
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else 20260302
    print("seed %d" % seed)
    rng = random.Random(seed)
    failed = 0
    for name, (count, bad) in (("texts", check_texts(cli, rng)), ("readings", check_readings(cli, rng)),
                               ("tables", check_table(source))):
        print("%d %s, %d wrong" % (count, name, bad))
        failed += bad
    sys.exit(1 if failed else 0)


main()
