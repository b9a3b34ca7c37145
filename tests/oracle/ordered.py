"""Statistics that need events in their order, from scratch: exact fractions, and decimals of 60 digits where powers and logarithms
come in. An event is as in fold.py: (time in microseconds, order, value)."""
from decimal import Decimal, localcontext
from fractions import Fraction

KINDS = ("lag", "twa", "drawdown", "pct_drawdown", "realized_variance", "ewma")
MOST = 50000  # values beyond which all but lag and ewma are absent
HALF_LIVES = 64


def lag(values, n):
    return sorted(values)[-1 - n][2] if len(values) > n else None


def twa(values):
    ordered = sorted(values)
    if len(ordered) > MOST or not ordered or ordered[-1][0] == ordered[0][0]:
        return None
    area = sum(a[2] * (b[0] - a[0]) for a, b in zip(ordered, ordered[1:]))
    return Fraction(area) / (ordered[-1][0] - ordered[0][0])


def _falls(values):
    """(peak, value) at every value."""
    peak = None
    for _, _, value in sorted(values):
        peak = value if peak is None else max(peak, value)
        yield peak, value


def drawdown(values):
    return max((peak - value for peak, value in _falls(values)), default=None) if len(values) <= MOST else None


def pct_drawdown(values):
    if len(values) > MOST:
        return None
    return max((Fraction(100 * (peak - value)) / peak for peak, value in _falls(values) if peak > 0), default=None)


def realized_variance(values):
    """A decimal of many digits."""
    above = [value for _, _, value in sorted(values) if value > 0]
    if len(values) > MOST or len(above) < 2:
        return None
    with localcontext() as context:
        context.prec, total = 60, Decimal(0)
        for a, b in zip(above, above[1:]):
            ratio = Fraction(b) / Fraction(a)
            total += (Decimal(ratio.numerator) / Decimal(ratio.denominator)).ln() ** 2
        return total


def ewma(values, half_life):
    """(mean, mean of the magnitudes): the second tells what the first may be off by."""
    if not values:
        return None
    newest = max(time for time, _, _ in values)
    first = newest // half_life - HALF_LIVES + 1
    with localcontext() as context:
        context.prec = 60
        top = size = bottom = Decimal(0)
        for time, _, value in values:
            if time // half_life < first:
                continue
            weight = Decimal(2) ** (Decimal(time - newest) / Decimal(half_life))
            number = Decimal(Fraction(value).numerator) / Decimal(Fraction(value).denominator)
            top, size, bottom = top + weight * number, size + weight * abs(number), bottom + weight
        return top / bottom, size / bottom


def within_doubles(value):
    """A double beyond the largest is no value."""
    return value if value is None or abs(value) < 2 ** 1024 - 2 ** 970 else None


class Approximate:
    """A value that is known to many digits, and may be shown with the error that is documented."""

    def __init__(self, value, size):
        self.value, self.error = value, size / 2 ** 52

    def holds(self, text):
        return text is not None and abs(Decimal(text) - self.value) <= self.error + Decimal(5e-324)
