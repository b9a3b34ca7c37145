"""Every statistic that there is, of a list of events: those of fold.py, those that follow the order of events, profiles, and arithmetic
between them. Conditions and formulas are inputs by names of their own: whoever makes the events works their values out."""
from fractions import Fraction

import fold
import ordered
import sketches
from arithmetic import Absent, shown_text
from exact import decimal_text, double_text, rounded


class Folder(fold.Folder):
    """stats: of fold.Stat, with `number` the constant of those that have one; trees: {name: (arithmetic.Tree, whether it is exact)},
    each behind those that it uses."""

    def __init__(self, stats, double, places, trees):
        super().__init__(stats, double)
        self.places, self.trees = places, trees

    def render(self, events, window_us=None, previous=None):
        out = super().render(events, window_us, previous)
        values = {name: Fraction(text) for name, text in out.items() if isinstance(text, str) and not text.startswith("[")}
        for name, (tree, exact) in self.trees.items() if events else ():
            try:
                text = shown_text(tree.value(values), exact)
            except (KeyError, Absent):
                continue
            if text is not None:
                out[name], values[name] = text, Fraction(text)
        return out

    def _fields(self, stat, events, window_us, previous):
        if stat.kind in ordered.KINDS:
            yield stat.name, self._ordered(stat, fold.values_of(events, stat.x))
        elif stat.kind == "profile":
            yield from self._profile(stat, [(v[stat.x], v[stat.w]) for _, _, v in events])
        else:
            yield from super()._fields(stat, events, window_us, previous)

    def _ordered(self, stat, values):
        if stat.kind == "ewma":
            found = ordered.ewma(values, stat.number)
            return None if found is None else ordered.Approximate(*found)
        if stat.kind == "realized_variance":
            found = ordered.realized_variance(values)
            return None if found is None else ordered.Approximate(found, 2 * found)
        if stat.kind == "lag":
            return self.exact(stat.x, ordered.lag(values, stat.number))
        if stat.kind == "drawdown":
            return self.exact(stat.x, ordered.drawdown(values))
        found = ordered.within_doubles({"twa": ordered.twa, "pct_drawdown": ordered.pct_drawdown}[stat.kind](values))
        return None if found is None else double_text(rounded(found))

    @staticmethod
    def _profile(stat, pairs):
        pairs = [(Fraction(x), Fraction(q)) for x, q in pairs if fold.usable(x) and fold.usable(q)]
        if pairs:
            step, levels = sketches.profile(pairs, stat.number)
            yield stat.name, "[" + ",".join(f"[{decimal_text(price)},{decimal_text(sum_of)}]" for price, sum_of in levels) + "]"
            yield f"{stat.name}_step", decimal_text(step)
