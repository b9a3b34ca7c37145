"""Exact numbers and their texts, for the oracles. Nothing here is shared with the daemon."""
import math
from fractions import Fraction


def rounded(value):
    """The double nearest to an exact fraction, ties to even (Python's int / int is correctly rounded)."""
    value = Fraction(value)
    return value.numerator / value.denominator


def root_rounded(value):
    """The double nearest to the square root of an exact fraction."""
    value = Fraction(value)
    if value == 0:
        return 0.0
    # Enough bits that the root has at least 66; what is cut off only has to break ties, so it becomes one odd bit.
    shift = max(0, (134 - value.numerator.bit_length() + value.denominator.bit_length()) // 2 + 1)
    scaled, rest = divmod(value.numerator << (2 * shift), value.denominator)
    root = math.isqrt(scaled)
    sticky = 1 if rest or root * root != scaled else 0
    return (2 * root + sticky) / (1 << (shift + 1))


def decimal_text(value):
    """Exact decimal notation of a fraction whose denominator divides a power of ten; no trailing zeros."""
    value = Fraction(value)
    scale, denominator = 0, value.denominator
    while 10 ** scale % denominator:
        scale += 1
        if scale > 400:
            raise ValueError(f"{value} has no end in decimal notation")
    digits = str(abs(value.numerator) * (10 ** scale // denominator))
    if scale:
        digits = digits.rjust(scale + 1, "0")
        digits = digits[:-scale] + "." + digits[-scale:]
    return ("-" if value < 0 else "") + digits


def double_text(value):
    """ECMAScript's Number::toString from the digits of Python's repr (both are the shortest that read back)."""
    if value == 0:
        return "0"
    mantissa, _, exponent = repr(abs(value)).partition("e")
    whole, _, part = mantissa.partition(".")
    if part == "0":
        part = ""
    digits = whole + part
    point = len(whole) + int(exponent or 0)
    stripped = digits.lstrip("0")
    point -= len(digits) - len(stripped)
    digits = stripped.rstrip("0")
    sign = "-" if value < 0 else ""
    if len(digits) <= point <= 21:
        return sign + digits + "0" * (point - len(digits))
    if 0 < point <= 21:
        return sign + digits[:point] + "." + digits[point:]
    if -6 < point <= 0:
        return sign + "0." + "0" * -point + digits
    power = point - 1
    text = digits[0] + ("." + digits[1:] if len(digits) > 1 else "")
    return f"{sign}{text}e{'+' if power >= 0 else '-'}{abs(power)}"


def half_even(value, scale):
    """An exact value times 10^scale as the nearest integer, ties to even."""
    return round(Fraction(value) * 10 ** scale)
