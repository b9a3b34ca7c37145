"""Statistics of a list of events, computed from scratch with exact fractions.

An event is (time in microseconds, order, {input: value or None}); a decimal or an integer is a Fraction or an int, a
double a float. `double` names the inputs that are doubles: of those every statistic is a correctly rounded double.
`scale` says of an input that its values are integers times 10^-scale: long lists fold faster that way.
"""
import math
from fractions import Fraction

import sketches
from exact import decimal_text, double_text, root_rounded, rounded

NUMBERS = {"quantile"}  # whose second argument is a number


class Stat:
    """name: as configured; kind: as in `stats:`; x, w: inputs; number: the text of a constant."""

    def __init__(self, name, kind, x=None, w=None):
        self.name, self.kind, self.x, self.w, self.number = name, kind, x, w, None
        if kind in NUMBERS:
            self.w, self.number = None, w


def parse(stats):
    """{"vwap": "vwap(price, quantity)"} → [Stat]"""
    found = []
    aliases = {"avg": "mean", "open": "first", "close": "last"}
    for name, text in stats.items():
        kind, _, rest = text.partition("(")
        inputs = [part.strip() for part in rest.rstrip(") ").split(",") if part.strip()]
        found.append(Stat(name, aliases.get(kind.strip(), kind.strip()), *inputs))
    return found


def usable(value):
    return value is not None and not (isinstance(value, float) and not math.isfinite(value))


def values_of(events, x):
    return [(t, o, Fraction(v[x]) if isinstance(v[x], float) else v[x]) for t, o, v in events if usable(v[x])]


def last_value(events, x):
    values = values_of(events, x)
    return max(values)[2] if values else None


def _spread(values, sample):
    count = len(values)
    below = count - 1 if sample else count
    if below < 1:
        return None
    total = sum(values)
    squares = sum(v * v for v in values)
    return Fraction(count * squares - total * total) / (count * below)


EVENT_TIME = "$event_time"
PAIRS = ("covariance", "covariance_pop", "correlation", "slope", "intercept", "r2")
MOMENTS = ("skewness", "skewness_pop", "kurtosis", "kurtosis_pop")


def _signed_root(square, negative):
    return double_text(-root_rounded(square) if negative else root_rounded(square))


def _moment(kind, numbers):
    """Text of a skewness or kurtosis; scales cancel."""
    n, sample = len(numbers), not kind.endswith("_pop")
    mean = Fraction(sum(numbers)) / n
    second, third, fourth = (sum((v - mean) ** k for v in numbers) / n for k in (2, 3, 4))
    if second == 0 or (sample and n < (3 if kind.startswith("skewness") else 4)):
        return None
    if kind.startswith("skewness"):
        square = third ** 2 / second ** 3
        return _signed_root(square * n * (n - 1) / (n - 2) ** 2 if sample else square, third < 0)
    excess = fourth / second ** 2 - 3
    if sample:
        excess = ((n + 1) * excess + 6) * (n - 1) / ((n - 2) * (n - 3))
    return double_text(rounded(excess))


class Folder:
    """Renders statistics of events in the texts that Redis gets. `places`: digits after the point that a decimal is
    declared with, for whoever asks for quantiles of more values than are kept."""
    places = {}

    def __init__(self, stats, double=(), scale=None):
        self.stats, self.double, self.scale = stats, frozenset(double), scale or {}

    def unit(self, x):
        if x == EVENT_TIME:  # in microseconds, and counts as seconds
            return Fraction(1, 10 ** 6)
        return Fraction(1, 10 ** self.scale.get(x, 0))

    def exact(self, x, value):
        if value is None:
            return None
        value *= self.unit(x)
        return self.derived(value) if x in self.double else decimal_text(value)

    @staticmethod
    def derived(value):
        try:
            return None if value is None else double_text(rounded(value))
        except OverflowError:  # beyond the largest double there is no value
            return None

    def render(self, events, window_us=None, previous=None):
        """{field: text} in order, absent values left out. previous: {x: last value of the window before}."""
        out = {}
        for stat in self.stats:
            for name, text in self._fields(stat, events, window_us, previous or {}):
                if text is not None:
                    out[name] = text
        return out

    def _fields(self, stat, events, window_us, previous):
        kind, name, x = stat.kind, stat.name, stat.x
        if kind == "count":
            yield name, str(len(events) if x is None else len(values_of(events, x)))
        elif kind == "rate":
            amount = len(events) if x is None else sum(v for _, _, v in values_of(events, x)) * self.unit(x)
            yield name, self.derived(Fraction(amount) * 1000000 / window_us) if events else None
        elif kind in PAIRS:
            yield name, self._pair(kind, stat.x, stat.w, events)
        elif kind == "vwap":
            yield name, self.derived(self._vwap(stat, events))
        elif kind in ("change", "pct_change"):
            yield name, self._change(stat, events, previous)
        elif kind in ("quantile", "median", "distinct"):
            yield name, self._sketch(stat, [v for _, _, v in values_of(events, x)])
        elif kind == "ohlc":
            for part, text in zip(("open", "high", "low", "close"), self._ohlc(x, events)):
                yield f"{name}_{part}", text
        else:
            yield name, self._simple(kind, x, values_of(events, x))

    def _ohlc(self, x, events):
        values = values_of(events, x)
        if not values:
            return [None] * 4
        numbers = [v for _, _, v in values]
        return [self.exact(x, v) for v in (min(values)[2], max(numbers), min(numbers), max(values)[2])]

    def _sketch(self, stat, values):
        if stat.kind == "distinct":
            return str(sketches.distinct(values))
        unit = sketches.DOUBLE if stat.x in self.double else Fraction(1, 10 ** self.places.get(stat.x, 0))
        unit = 1 if stat.x in self.scale else unit
        return self.exact(stat.x, sketches.quantile(values, stat.number or "0.5", unit)) if values else None

    def _vwap(self, stat, events):
        products, weight = 0, 0
        for _, _, values in events:
            price, quantity = values[stat.x], values[stat.w]
            if usable(price) and usable(quantity):
                if isinstance(price, float) or isinstance(quantity, float):
                    price, quantity = Fraction(price), Fraction(quantity)
                products += price * quantity
                weight += quantity
        return Fraction(products) / weight * self.unit(stat.x) if weight else None

    def _pair(self, kind, y, x, events):
        """Of y over x, of the events that have both."""
        def value(name, time, values):
            given = time if name == EVENT_TIME else values[name]
            return Fraction(given) if isinstance(given, float) and math.isfinite(given) else given
        found = [(value(x, t, v), value(y, t, v)) for t, _, v in events]
        found = [(a, b) for a, b in found if usable(a) and usable(b)]
        n, x_unit, y_unit = len(found), self.unit(x), self.unit(y)
        x_sum, y_sum = sum(a for a, _ in found), sum(b for _, b in found)
        xy = n * sum(a * b for a, b in found) - x_sum * y_sum
        if kind.startswith("covariance"):
            below = n if kind.endswith("_pop") else n - 1
            return self.derived(Fraction(xy) / (n * below) * x_unit * y_unit) if below > 0 else None
        xx, yy = n * sum(a * a for a, _ in found) - x_sum ** 2, n * sum(b * b for _, b in found) - y_sum ** 2
        if xx == 0 or (yy == 0 and kind in ("correlation", "r2")):
            return None
        if kind == "slope":
            return self.derived(Fraction(xy) / xx * y_unit / x_unit)
        if kind == "intercept":
            return self.derived((y_sum - Fraction(xy) / xx * x_sum) / n * y_unit)
        square = Fraction(xy) ** 2 / (xx * yy)
        return _signed_root(square, xy < 0) if kind == "correlation" else self.derived(square)

    def _change(self, stat, events, previous):
        now, before = last_value(events, stat.x), previous.get(stat.x)
        if now is None or before is None:
            return None
        if stat.kind == "change":
            return self.exact(stat.x, now - before)
        return self.derived(Fraction(100 * (now - before)) / abs(before)) if before else None

    def _simple(self, kind, x, values):
        numbers = [v for _, _, v in values]
        if kind == "sum":
            return self.exact(x, sum(numbers))
        if not numbers:
            return None
        if kind in MOMENTS:
            return _moment(kind, numbers)
        if kind in ("min", "max"):
            return self.exact(x, min(numbers) if kind == "min" else max(numbers))
        if kind == "range":
            return self.exact(x, max(numbers) - min(numbers))
        if kind in ("first", "last"):
            return self.exact(x, min(values)[2] if kind == "first" else max(values)[2])
        if kind == "mean":
            return self.derived(Fraction(sum(numbers)) / len(numbers) * self.unit(x))
        spread = _spread(numbers, not kind.endswith("_pop"))
        spread = None if spread is None else spread * self.unit(x) ** 2
        if kind.startswith("variance"):
            return self.derived(spread)
        if kind.startswith("stddev"):
            return None if spread is None or spread >= Fraction(2) ** 2048 else double_text(root_rounded(spread))
        raise ValueError(f"no such statistic: {kind}")
