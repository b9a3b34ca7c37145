"""What quantile, median and distinct are, from their definitions in README: whole fractions, and all values at once.

`unit` is what the values are whole numbers of: 10^-scale of decimals, DOUBLE of doubles.
"""
from fractions import Fraction

DOUBLE = Fraction(1, 2 ** 1074)
QUANTILE_EXACT = 32
DISTINCT_EXACT = 256
PROFILE_LEVELS = 256


def place_of(q, count):
    return max(1, -(-Fraction(q) * count // 1))


def middle(value, unit):
    """That of the bin of 64 between powers of two in which the value is; of doubles it is one of those."""
    whole = abs(value) / unit
    assert whole.denominator == 1
    top = int(whole).bit_length() - 1
    if top <= 6:  # value may be 0
        return value
    width = 2 ** (top - 6)
    half = width // 2 if unit == DOUBLE and top >= 52 else (width - 1) // 2
    size = (int(whole) // width * width + half) * unit
    return size if value > 0 else -size


def quantile(values, q, unit):
    values = sorted(map(Fraction, values))
    place = place_of(q, len(values))
    value = values[place - 1]
    if len(values) > QUANTILE_EXACT and 1 < place < len(values):  # the least and the greatest are known
        value = min(max(middle(value, unit), values[0]), values[-1])
    return value


def profile(pairs, step):
    """(step in use, [(price where it begins, sum of the quantities)]) of [(price, quantity)]."""
    step = Fraction(step)
    while len({price // step for price, _ in pairs}) > PROFILE_LEVELS:
        step *= 2
    sums = {}
    for price, quantity in pairs:
        sums[price // step] = sums.get(price // step, 0) + quantity
    return step, [(number * step, sums[number]) for number in sorted(sums)]


def distinct(values):
    """None: too many for an exact answer."""
    count = len(set(values))
    return count if count <= DISTINCT_EXACT else None
