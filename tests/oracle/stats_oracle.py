"""Statistics of decimals and doubles by exact fractions, written from the definitions alone: it shares no code with
the engine, and no method either (whole fractions instead of sums that are kept)."""

import struct
from fractions import Fraction


def round_ratio(value):
    """The double nearest to a fraction, or None beyond the largest: Python divides integers correctly rounded."""
    try:
        return value.numerator / value.denominator
    except OverflowError:
        return None


def round_root(value):
    """The double nearest to the square root of a fraction >= 0: bisection over doubles, judged by exact squares."""
    if value == 0:
        return 0.0
    if value >= Fraction(2) ** 2048:
        return None
    low, high = 0, 0x7FEFFFFFFFFFFFFF  # bits of 0.0 and of the largest double; bits of positive doubles ascend
    while low < high:  # the largest double whose square is not above
        middle = (low + high + 1) // 2
        if Fraction(from_bits(middle)) ** 2 <= value:
            low = middle
        else:
            high = middle - 1
    below = Fraction(from_bits(low))
    if low == 0x7FEFFFFFFFFFFFFF:
        return from_bits(low) if value < (below + Fraction(2) ** 970) ** 2 else None
    above = Fraction(from_bits(low + 1))
    half = ((below + above) / 2) ** 2
    if value == half:
        return from_bits(low + (low & 1))
    return from_bits(low if value < half else low + 1)


def from_bits(bits):
    return struct.unpack("<d", struct.pack("<Q", bits))[0]


def double_text(value):
    """Number::toString of ECMA-262 from the digits of repr, which are the shortest that read back the same."""
    if value == 0:
        return "0"
    sign, text = ("-", repr(-value)) if value < 0 else ("", repr(value))
    mantissa, _, exponent = text.partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = whole + fraction
    point = len(whole) + int(exponent or 0)
    stripped = digits.lstrip("0")
    point -= len(digits) - len(stripped)
    digits = stripped.rstrip("0")
    count = len(digits)
    if count <= point <= 21:
        return sign + digits + "0" * (point - count)
    if 0 < point <= 21:
        return sign + digits[:point] + "." + digits[point:]
    if -6 < point <= 0:
        return sign + "0." + "0" * -point + digits
    rest = "." + digits[1:] if count > 1 else ""
    return "%s%s%se%+d" % (sign, digits[0], rest, point - 1)


def decimal_text(value):
    """Exact decimal of a fraction whose denominator divides a power of ten."""
    scale = 0
    while (value * 10**scale).denominator != 1:
        scale += 1
    digits = str(abs(value * 10**scale)).rjust(scale + 1, "0")
    text = digits if scale == 0 else digits[:-scale] + "." + digits[-scale:]
    return ("-" if value < 0 else "") + text


class Stats:
    """Fields of one pane. Events are (time, order, x, w) with Fractions, or None for null; `doubles` tells of each
    input whether it is one, so that sums and differences are rounded to a double."""

    def __init__(self, events, previous=None, window_us=0, x_double=False, w_double=False):
        self.events = events
        self.xs = [e for e in events if e[2] is not None]
        self.previous = previous
        self.window_us = window_us
        self.x_double = x_double
        self.w_double = w_double

    def exact(self, value, double):
        if not double:
            return decimal_text(value)
        return self.derived(value)

    def derived(self, value):
        rounded = round_ratio(value)
        return None if rounded is None else double_text(rounded)

    def root(self, value, negative=False):
        rounded = round_root(value)
        return None if rounded is None else double_text(-rounded if negative else rounded)

    def last(self):
        return max(self.xs, key=lambda e: (e[0], e[1]))[2] if self.xs else None

    def variances(self, out):
        n = len(self.xs)
        mean = sum((e[2] for e in self.xs), Fraction(0)) / n
        total = sum(((e[2] - mean) ** 2 for e in self.xs), Fraction(0))
        out["variance_pop"] = self.derived(total / n)
        out["stddev_pop"] = self.root(total / n)
        if n > 1:
            out["variance"] = self.derived(total / (n - 1))
            out["stddev"] = self.root(total / (n - 1))

    def moments(self, out):
        """g1, g2 and their corrected forms G1, G2 (Joanes and Gill, 1998), from central moments."""
        n = len(self.xs)
        mean = sum((e[2] for e in self.xs), Fraction(0)) / n
        m2, m3, m4 = (sum(((e[2] - mean) ** power for e in self.xs), Fraction(0)) / n for power in (2, 3, 4))
        if m2 == 0:
            return
        square = m3 ** 2 / m2 ** 3
        excess = m4 / m2 ** 2 - 3
        out["skewness_pop"] = self.root(square, m3 < 0)
        out["kurtosis_pop"] = self.derived(excess)
        if n > 2:
            out["skewness"] = self.root(square * n * (n - 1) / (n - 2) ** 2, m3 < 0)
        if n > 3:
            out["kurtosis"] = self.derived(Fraction(n - 1, (n - 2) * (n - 3)) * ((n + 1) * excess + 6))

    def lines(self, out, pairs):
        """Least squares, from deviations."""
        n = len(pairs)
        x_mean, w_mean = (sum((e[i] for e in pairs), Fraction(0)) / n for i in (2, 3))
        xx, ww = (sum(((e[i] - mean) ** 2 for e in pairs), Fraction(0)) for i, mean in ((2, x_mean), (3, w_mean)))
        xw = sum(((e[2] - x_mean) * (e[3] - w_mean) for e in pairs), Fraction(0))
        out["covariance_pop"] = self.derived(xw / n)
        if n > 1:
            out["covariance"] = self.derived(xw / (n - 1))
        for name, y_mean, mean, square in (("x", x_mean, w_mean, ww), ("w", w_mean, x_mean, xx)):
            if square:
                out[f"slope_{name}"] = self.derived(xw / square)
                out[f"intercept_{name}"] = self.derived(y_mean - xw / square * mean)
        if xx and ww:
            out["correlation"] = self.root(xw ** 2 / (xx * ww), xw < 0)
            out["r2"] = self.derived(xw ** 2 / (xx * ww))

    def values(self, out):
        values = [e[2] for e in self.xs]
        first = min(self.xs, key=lambda e: (e[0], e[1]))[2]
        out["mean"] = self.derived(sum(values, Fraction(0)) / len(values))
        for name, value in (("min", min(values)), ("max", max(values)), ("first", first), ("last", self.last()),
                            ("range", max(values) - min(values)), ("x_open", first), ("x_high", max(values)),
                            ("x_low", min(values)), ("x_close", self.last())):
            out[name] = self.exact(value, self.x_double)
        self.variances(out)
        self.moments(out)
        if "variance" in out:
            out["self"] = out["variance"]
        before = self.previous.last() if self.previous else None
        if before is not None:
            out["change"] = self.exact(self.last() - before, self.x_double)
            if before != 0:
                out["pct_change"] = self.derived(100 * (self.last() - before) / abs(before))

    def fields(self):
        out = {"events": str(len(self.events)), "count": str(len(self.xs))}
        total = sum((e[2] for e in self.xs), Fraction(0))
        out["sum"] = self.exact(total, self.x_double)
        out["weight"] = self.exact(sum((e[3] for e in self.events if e[3] is not None), Fraction(0)), self.w_double)
        if self.xs:
            self.values(out)
        pairs = [e for e in self.xs if e[3] is not None]
        weight = sum((e[3] for e in pairs), Fraction(0))
        if weight != 0:
            out["vwap"] = self.derived(sum((e[2] * e[3] for e in pairs), Fraction(0)) / weight)
        if pairs:
            self.lines(out, pairs)
        if self.window_us > 0:
            seconds = Fraction(self.window_us, 10**6)
            out["rate_events"] = self.derived(len(self.events) / seconds)
            out["rate"] = self.derived(total / seconds)
        return {name: text for name, text in out.items() if text is not None}


def certified(text):
    """A certified value as a fraction and half a unit of its last digit."""
    value = Fraction(text)
    digits = len(text.partition(".")[2])
    return value, Fraction(1, 2 * 10**digits)
