"""Statistics of a list of events, computed from scratch with exact fractions.

An event is (time in microseconds, order, {input: value or None}); a decimal or an integer is a Fraction or an int, a
double a float. `double` names the inputs that are doubles: of those every statistic is a correctly rounded double.
`scale` says of an input that its values are integers times 10^-scale: long lists fold faster that way.
"""
import math
from fractions import Fraction

from exact import decimal_text, double_text, root_rounded, rounded


class Stat:
    """name: as configured; kind: as in `stats:`; x, w: inputs."""

    def __init__(self, name, kind, x=None, w=None):
        self.name, self.kind, self.x, self.w = name, kind, x, w


def parse(stats):
    """{"vwap": "vwap(price, quantity)"} → [Stat]"""
    found = []
    aliases = {"avg": "mean", "open": "first", "close": "last"}
    for name, text in stats.items():
        kind, _, rest = text.partition("(")
        inputs = [part.strip() for part in rest.rstrip(") ").split(",") if part.strip()]
        found.append(Stat(name, aliases.get(kind.strip(), kind.strip()), *inputs))
    return found


def _usable(value):
    return value is not None and not (isinstance(value, float) and not math.isfinite(value))


def values_of(events, x):
    return [(t, o, Fraction(v[x]) if isinstance(v[x], float) else v[x]) for t, o, v in events if _usable(v[x])]


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


class Folder:
    """Renders statistics of events in the texts that Redis gets."""

    def __init__(self, stats, double=(), scale=None):
        self.stats, self.double, self.scale = stats, frozenset(double), scale or {}

    def unit(self, x):
        return Fraction(1, 10 ** self.scale.get(x, 0))

    def exact(self, x, value):
        if value is None:
            return None
        value *= self.unit(x)
        return double_text(rounded(value)) if x in self.double else decimal_text(value)

    @staticmethod
    def derived(value):
        return None if value is None else double_text(rounded(value))

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
        elif kind == "vwap":
            yield name, self.derived(self._vwap(stat, events))
        elif kind in ("change", "pct_change"):
            yield name, self._change(stat, events, previous)
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

    def _vwap(self, stat, events):
        products, weight = 0, 0
        for _, _, values in events:
            price, quantity = values[stat.x], values[stat.w]
            if _usable(price) and _usable(quantity):
                if isinstance(price, float) or isinstance(quantity, float):
                    price, quantity = Fraction(price), Fraction(quantity)
                products += price * quantity
                weight += quantity
        return Fraction(products) / weight * self.unit(stat.x) if weight else None

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
            return None if spread is None else double_text(root_rounded(spread))
        raise ValueError(f"no such statistic: {kind}")
