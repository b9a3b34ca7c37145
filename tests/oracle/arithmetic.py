"""Arithmetic between statistics of one aggregate, as Python has it: random formulas, their values, and how those are shown."""
from fractions import Fraction

from exact import decimal_text, double_text, rounded

LIMBS = 3 * 64
SCALE = 38


class Absent(Exception):
    pass


def shown_text(value, exact):
    """How a result is shown: a decimal where it is exact and not too long, else the nearest double."""
    if exact:
        digits = 0
        while value * 10 ** digits % 1:
            digits += 1
        if digits <= SCALE and abs(value * 10 ** digits) < 2 ** LIMBS:
            return decimal_text(value)
    try:
        return double_text(rounded(value))
    except OverflowError:
        return None


class Tree:
    """A random formula: text, names that it uses, whether it divides, and its value for values of the names."""

    def __init__(self, rng, names, depth=0):
        kind = rng.random()
        self.used, self.divides = set(), False
        if depth == 4 or kind < 0.35:
            name = rng.choice(names)
            self.text, self.level, self.value, self.used = name, 3, lambda v: v[name], {name}
        elif kind < 0.45:
            number = rng.choice(["2", "100", "0.5", "3.1400", "1000000", "0.000000000001", "7"])
            self.text, self.level, self.value = number, 3, lambda v: Fraction(number)
        elif kind < 0.52:
            inner = Tree(rng, names, depth + 1)
            self.take(inner)
            self.text, self.level = "-" + self.gap(rng) + self.within(inner, 3), 2
            self.value = lambda v: -inner.value(v)
        else:
            self.binary(rng, names, depth)

    def take(self, *inner):
        for tree in inner:
            self.used |= tree.used
            self.divides |= tree.divides

    @staticmethod
    def gap(rng):
        return rng.choice(["", "", " ", "  "])

    @staticmethod
    def within(tree, level):
        return tree.text if tree.level >= level else "(" + tree.text + ")"

    def binary(self, rng, names, depth):
        left, right = Tree(rng, names, depth + 1), Tree(rng, names, depth + 1)
        sign = rng.choice("++--*/")
        self.take(left, right)
        self.divides |= sign == "/"
        self.level = 1 if sign in "+-" else 2
        between = " " + sign + self.gap(rng) if sign == "-" else self.gap(rng) + sign + self.gap(rng)
        self.text = self.within(left, self.level) + between + self.within(right, self.level + 1)

        def value(v):
            a, b = left.value(v), right.value(v)
            if sign == "/" and b == 0:
                raise Absent
            return {"+": lambda: a + b, "-": lambda: a - b, "*": lambda: a * b, "/": lambda: a / b}[sign]()
        self.value = value
