"""Random configurations of everything that a configuration can say, each with events for it and the oracle of what they come to.

A Made is a function of its number alone. What goes together is written down here once more, from README.
"""
import datetime
import json
import math
import struct
from fractions import Fraction

import conditions
import engine
import fold
import full
from arithmetic import Tree
from exact import decimal_text

S = engine.SECOND
DAY = 86400 * S
EPOCH = datetime.datetime(1970, 1, 1)
YEARS = "6000d"  # longer than any window with its lateness and delay, and than all times that come
ZONES = ("America/New_York", "Europe/Berlin", "Asia/Shanghai", "Australia/Lord_Howe", "America/Sao_Paulo", "Asia/Kathmandu", "UTC")
HOUR_ZONES = {"UTC": 0, "Asia/Shanghai": 0, "+05:30": 1800, "-03:30": 1800, "+05:45": 900}  # and where hours begin, in seconds
# Clocks change, leap days, a year's end within a week, before 1970.
MOMENTS = ("2026-03-08T07:00", "2026-11-01T06:00", "2026-03-29T01:00", "2026-10-25T01:00", "2026-04-04T15:00", "2024-02-29T12:00",
           "2017-10-15T03:00", "2020-12-31T20:00", "1970-01-01T00:00", "1969-07-20T20:17", "2013-09-24T05:20", "2000-02-29T00:00")
NUMERIC = ("int", "long", "decimal", "wide", "double", "float", "scaled")
TEXTS = ("a", "b:c", "d e", "%x", "", "数据", "{g}", "index")
SYMBOLS = ("RED", "GREEN", "BLUE")


def micros(text):
    return (datetime.datetime.fromisoformat(text) - EPOCH) // datetime.timedelta(microseconds=1)


def iso(time):
    return (EPOCH + datetime.timedelta(microseconds=time)).isoformat() + "Z"


def single(value):
    return struct.unpack("f", struct.pack("f", value))[0]


# ---- fields ----

class Field:
    """One of the schema. places: digits after the point, of decimals and of doubles with a scale."""

    def __init__(self, rng, name, kind):
        self.name, self.kind = name, kind
        self.nullable = rng.random() < 0.4
        self.precision = {"decimal": rng.randrange(1, 19), "wide": rng.randrange(19, 39)}.get(kind, 0)
        self.places = rng.randrange(min(self.precision, 20) + 1) if self.precision else rng.randrange(5) if kind == "scaled" else 0
        self.mood = rng.choice(["plain", "plain", "plain", "constant", "extreme"])
        self.fixed = rng.random() < 0.2

    @property
    def numeric(self):
        return self.kind in NUMERIC

    @property
    def double(self):
        return self.kind in ("double", "float")

    @property
    def small(self):
        """Of three of these every formula has a value."""
        return self.kind in ("int", "scaled") or (self.kind == "decimal" and self.precision <= 9)

    @property
    def groups(self):
        return self.kind in ("string", "enum", "boolean", "date", "few")

    def avro(self):
        kinds = {"few": "int", "scaled": "double", "enum": {"type": "enum", "name": f"E{self.name}", "symbols": list(SYMBOLS)},
                 "date": {"type": "int", "logicalType": "date"}}
        if self.precision:
            kind = {"type": "bytes", "logicalType": "decimal", "precision": self.precision, "scale": self.places}
            if self.fixed:
                kind |= {"type": "fixed", "size": 17, "name": f"F{self.name}"}
        else:
            kind = kinds.get(self.kind, self.kind)
        return {"name": self.name, "type": ["null", kind] if self.nullable else kind}

    def value(self, rng):
        if self.nullable and rng.random() < 0.2:
            return None
        if not self.numeric:
            return {"string": lambda: rng.choice(TEXTS), "enum": lambda: rng.choice(SYMBOLS), "boolean": lambda: rng.random() < 0.5,
                    "date": lambda: f"2013-10-{rng.randrange(1, 4):02d}", "few": lambda: rng.randrange(-2, 3)}[self.kind]()
        if self.double:
            return self.float_value(rng)
        most = {"int": 2 ** 31 - 1, "long": 2 ** 63 - 1, "scaled": 10 ** 6 * 10 ** self.places}.get(self.kind, 10 ** self.precision - 1)
        if self.mood == "constant":
            whole = min(most, 7)
        elif self.mood == "extreme":
            least = -most - 1 if self.kind in ("int", "long") else -most
            whole = rng.choice([most, least, most, least, 0, 1, -1, rng.randrange(-most, most + 1)])
        else:
            whole = rng.randrange(-most, most + 1) // 10 ** rng.randrange(len(str(most)))
        if self.kind == "scaled" and self.mood == "extreme" and rng.random() < 0.1:
            return math.nan
        return whole if self.kind in ("int", "long") else Fraction(whole, 10 ** self.places)

    def float_value(self, rng):
        if self.mood == "constant":
            return 0.1 if self.kind == "double" else single(0.1)
        if self.mood == "extreme" and self.kind == "double":
            return rng.choice([1e308, -1e308, 1.7976931348623157e308, 5e-324, -5e-324, 0.0, -0.0, 1.5, math.nan, math.inf, -math.inf])
        if self.kind == "float":
            return single(rng.choice([rng.uniform(-50, 50), rng.uniform(-1, 1) * 10.0 ** rng.randrange(-30, 30)]))
        return rng.choice([rng.uniform(-1e3, 1e3), float(rng.randrange(-5, 6)), rng.uniform(-1, 1) * 10.0 ** rng.randrange(-12, 15),
                           1e15 + rng.randrange(100) / 8])

    @property
    def judged(self):
        """Whether there are conditions on it. Doubles are compared in test_scale."""
        return self.nullable or self.kind not in ("double", "float", "scaled", "date")

    def leaf(self, rng):
        """A condition on it: (YAML, predicate)."""
        name = self.name
        if self.nullable and (rng.random() < 0.2 or self.kind in ("double", "float", "scaled", "date")):
            wanted = rng.random() < 0.5
            return {name: {"is_null": wanted}}, lambda e: (e[name] is None) == wanted
        if self.kind in ("enum", "few", "string"):
            chosen = rng.sample({"enum": SYMBOLS, "string": TEXTS}.get(self.kind, [-1, 0, 2]), 2)
            inside = rng.random() < 0.5
            return {name: {"in" if inside else "not_in": chosen}}, lambda e: None if e[name] is None else (e[name] in chosen) == inside
        if self.kind == "boolean":
            wanted = rng.random() < 0.5
            return {name: wanted}, lambda e: None if e[name] is None else e[name] == wanted
        value = self.value(rng) or 0
        order = rng.choice(["eq", "ne", "lt", "le", "gt", "ge"])
        test = {"eq": lambda v: v == value, "ne": lambda v: v != value, "lt": lambda v: v < value, "le": lambda v: v <= value,
                "gt": lambda v: v > value, "ge": lambda v: v >= value}[order]
        return {name: {order: decimal_text(value)}}, lambda e: None if e[name] is None else test(e[name])


def text_of(value):
    if isinstance(value, Fraction):
        return decimal_text(value)
    if isinstance(value, float):
        return {"inf": '"Infinity"', "-inf": '"-Infinity"', "nan": '"NaN"'}.get(repr(value), repr(value))
    return json.dumps(value, ensure_ascii=False)


# ---- windows: (YAML, the oracle's, kind) ----

def sized(rng):
    size = rng.choice([1, 10, 30, 60, 90, 3600])
    offset = rng.choice([0, 0, rng.randrange(size)])
    tree = {"tumbling": f"{size}s"} | ({"offset": f"{offset}s"} if offset else {})
    return tree, engine.Window(size * S, offset=offset * S), "tumbling"


def sliding(rng):
    size, every = rng.choice([(60, 10), (60, 7), (300, 60), (10, 4), (30, 1), (3600, 2400), (90, 60), (25, 10)])
    offset = rng.choice([0, 0, rng.randrange(every)])
    tree = {"sliding": f"{size}s", "every": f"{every}s"} | ({"offset": f"{offset}s"} if offset else {})
    return tree, engine.Window(size * S, every * S, offset * S), "sliding"


def calendar(rng):
    unit, text = rng.choice([("day", "1d"), ("week", "1w"), ("month", "1mo"), ("quarter", "1q"), ("year", "1y")])
    zone = rng.choice(ZONES)
    return {"tumbling": text, "zone": zone}, engine.CalendarWindow(unit, zone), "tumbling"


def since(rng):
    unit = rng.choice(["hour", "day", "week", "month", "quarter", "year"])
    if unit == "hour":
        zone = rng.choice(sorted(HOUR_ZONES))
        return {"since": "hour", "zone": zone}, engine.SinceHour(HOUR_ZONES[zone] * S), "since"
    zone = rng.choice(ZONES)
    return {"since": unit, "zone": zone}, engine.CalendarWindow(unit, zone, since=True), "since"


def gap(rng):
    size = rng.choice([1, 7, 30, 600])
    return {"session": f"{size}s"}, engine.GapWindow(size * S), "session"


def every_event(_rng):
    return {"all": True}, engine.Window(), "all"


def newest(rng):
    last = rng.choice([1, 2, 3, 7, 16, 17, 40, 1000])
    return {"last": last}, engine.LastEvents(last), "last"


# ---- statistics ----

ONE = ("sum", "min", "max", "range", "first", "last", "mean", "variance", "variance_pop", "stddev", "stddev_pop", "open", "close", "avg",
       "median", "twa", "drawdown", "pct_drawdown", "realized_variance", "ohlc", "count") + fold.MOMENTS
EXACT = ("count", "sum", "min", "max", "range", "first", "last", "lag", "drawdown", "change", "quantile", "median", "distinct")
ALIASES = {"avg": "mean", "open": "first", "close": "last"}
UPSERT_NOT = ("lag",)  # looks at other periods than those of the window there: test_expressions


class Stats:
    """Those of one aggregate: `tree` as configured, `stats` and `trees` for the oracle; inputs that are no fields go into `made`."""

    def __init__(self, rng, made, kind, count):
        self.rng, self.made, self.kind = rng, made, kind
        self.tree, self.stats, self.exact, self.trees = {}, [], {}, {}
        numbers = [f for f in made.fields if f.numeric]
        for number in range(count):
            self.add(rng.choice([f"s{number}", f"net-{number}", f"a.b{number}"]), numbers)
        names = sorted(self.exact)
        for number in range(rng.randrange(3) if names else 0):
            tree = Tree(rng, names, rng.randrange(1, 3))
            while tree.level == 3 or not tree.used:
                tree = Tree(rng, names, rng.randrange(1, 3))
            name = f"d{number}"
            exact = not tree.divides and all(self.exact[used] for used in tree.used)
            self.trees[name], self.tree[name] = (tree, exact), tree.text
        order = list(self.tree.items())
        rng.shuffle(order)
        self.tree = dict(order)

    def add(self, name, numbers):
        rng = self.rng
        kinds = list(ONE) * 2 + list(fold.PAIRS) + ["vwap", "quantile", "quantile", "distinct", "lag", "ewma", "profile", "count()"]
        kinds += ["rate", "rate()"] if self.kind not in ("all", "last") else []
        kinds += ["change", "pct_change"] * 2 if self.kind in ("tumbling", "session") or self.made.upsert else []
        kind = rng.choice([k for k in kinds if not (self.made.upsert and k in UPSERT_NOT)])
        gate = self.made.gate() if rng.random() < 0.25 else None
        stat = self.call(name, kind, numbers, gate)
        if stat is None:
            return
        text, stat = stat
        self.tree[name] = {"stat": text, "where": gate[0]} if gate else text
        self.stats.append(stat)
        exact = stat.kind in EXACT and (stat.x not in self.made.double or stat.kind in ("count", "distinct"))
        if stat.kind == "ohlc":
            self.exact |= {f"{name}_{part}": stat.x not in self.made.double for part in ("open", "high", "low", "close")}
        elif stat.kind == "profile":
            self.exact[f"{name}_step"] = True
        elif stat.kind not in ("ewma", "realized_variance"):
            self.exact[name] = exact

    def input(self, numbers, gate):
        """(text, the oracle's name)"""
        rng = self.rng
        small = [f for f in numbers if f.small]
        if small and rng.random() < 0.2:
            return self.made.formula(small, gate)
        field = rng.choice(numbers)
        return field.name, self.made.gated(field.name, field, gate)

    def call(self, name, kind, numbers, gate):
        rng = self.rng
        if kind in ("count()", "rate()"):
            bare = kind[:-2]
            return kind, fold.Stat(name, bare, self.made.gated("1", None, gate) if gate else None)
        if kind == "distinct" and rng.random() < 0.5:
            field = rng.choice(self.made.fields)
            return f"distinct({field.name})", fold.Stat(name, kind, self.made.gated(field.name, field, gate))
        if kind == "profile":
            return self.profile(name, numbers, gate)
        if not numbers:
            return None
        x_text, x = self.input(numbers, gate)
        if kind in fold.PAIRS or kind == "vwap":
            w_text, w = self.input(numbers, gate)
            if kind != "vwap" and rng.random() < 0.2:
                w_text = w = fold.EVENT_TIME
            return f"{kind}({x_text}, {w})" if w == fold.EVENT_TIME else f"{kind}({x_text}, {w_text})", fold.Stat(name, kind, x, w)
        stat = fold.Stat(name, ALIASES.get(kind, kind), x)
        if kind == "quantile":
            stat.number = rng.choice(["0", "0.01", "0.25", "0.5", "0.9", "0.999", "1"])
            return f"quantile({x_text}, {stat.number})", stat
        if kind == "lag":
            stat.number = rng.choice([1, 2, 7, 1000])
            return f"lag({x_text}, {stat.number})", stat
        if kind == "ewma":
            stat.number = rng.choice([1000, 700000, 30 * S, 7777777, 86400 * S])
            return f"ewma({x_text}, half_life: {stat.number}us)", stat
        return f"{kind}({x_text})", stat

    def profile(self, name, numbers, gate):
        fields = [f for f in numbers if f.kind in ("int", "long", "decimal", "scaled")]
        if not fields:
            return None
        price, quantity = self.rng.choice(fields), self.rng.choice(fields)
        stat = fold.Stat(name, "profile", self.made.gated(price.name, price, gate), self.made.gated(quantity.name, quantity, gate))
        stat.number = decimal_text(Fraction(self.rng.choice([1, 5, 7, 1000]), 10 ** self.rng.randrange(price.places + 1)))
        return f"profile({price.name}, {stat.number}, {quantity.name})", stat


# ---- a configuration ----

class Made:
    """exchanges: [(calendar with text() and hours(), a day)]. After it is made: `stream`, `aggregates` and `schema` are what is
    configured, `rows` what comes, `oracle()` what has to come of them."""

    def __init__(self, rng, exchanges):
        self.rng = rng
        self.upsert = rng.random() < 0.12
        self.exchange = rng.choice(exchanges) if exchanges and not self.upsert and rng.random() < 0.15 else None
        self.trading = self.sessions = None
        if self.exchange:
            calendar_of, around = self.exchange
            hours = calendar_of.hours(around - datetime.timedelta(400), around + datetime.timedelta(500))
            self.trading = engine.SessionWindow(hours, calendar_of.zone)
            self.since_session = engine.SessionWindow(hours, calendar_of.zone, since=True)
        self.make_fields()
        self.inputs = {}  # name of the oracle's → value of an event's fields
        self.double, self.places, self.gates = set(), {}, []
        self.lateness = rng.choice([0, 1, 30, 600, 3600, 40 * 86400]) * S
        self.stream = {"topic": "t", "schema": "event.avsc", "time": self.time, "lateness": f"{self.lateness // S}s"}
        self.options = {"lateness": self.lateness}
        self.make_stream()
        self.aggregates, self.models = {}, []
        for number in range(rng.choice([1, 1, 2, 3])):
            self.make_aggregate(f"g{number}")
        if not self.upsert:
            self.make_expire()
        self.make_rows()

    # ---- schema ----

    def make_fields(self):
        rng = self.rng
        kinds = rng.choices(NUMERIC, k=rng.randrange(1, 6)) + rng.choices(["string", "enum", "boolean", "date", "few"], k=rng.randrange(1, 4))
        rng.shuffle(kinds)
        self.fields = [Field(rng, rng.choice([f"f{n}", f"f_{n}_long_name", f"F{n}"]), kind) for n, kind in enumerate(kinds)]
        self.time = rng.choice(["at", "time_of_event"])
        self.time_nullable = rng.random() < 0.2
        self.time_unit = rng.choice([1, 1, 1000])

    @property
    def schema(self):
        time = {"type": "long", "logicalType": "timestamp-micros" if self.time_unit == 1 else "timestamp-millis"}
        fields = [{"name": self.time, "type": ["null", time] if self.time_nullable else time},
                  {"name": "id", "type": ["null", "string"]}, {"name": "version", "type": "long"}]
        return json.dumps({"type": "record", "name": "Event", "fields": fields + [f.avro() for f in self.fields]})

    # ---- inputs of statistics ----

    def gate(self):
        """(YAML, predicate, number)"""
        if self.upsert and not self.value:
            return None  # whether a value is withdrawn follows from fields, not from what a condition makes of them
        if not self.gates or (len(self.gates) < 4 and self.rng.random() < 0.5):
            made = self.condition()
            if made is None:
                return None
            self.gates.append((*made, len(self.gates)))
        return self.rng.choice(self.gates)

    def condition(self, names=None):
        fields = [f for f in self.fields if f.judged and (names is None or f.name in names)]
        return conditions.compose(self.rng, lambda rng: rng.choice(fields).leaf(rng)) if fields else None

    def gated(self, text, field, gate, value=None):
        """The oracle's name of an input behind a gate."""
        name = f"{text}|{gate[2]}" if gate else text
        if value is None:
            value = (lambda e: 1) if field is None else (lambda e, n=text: e[n])
            if field is not None and field.double:
                self.double.add(name)
            self.places[name] = field.places if field is not None else 0
        self.inputs[name] = (lambda e: value(e) if gate[1](e) is True else None) if gate else value
        return name

    def formula(self, small, gate):
        rng = self.rng
        a, b, c = (rng.choice(small) for _ in range(3))
        text, places, compute = rng.choice([
            (f"{a.name} * {b.name}", a.places + b.places, lambda x, y, z: x * y),
            (f"{a.name} - {b.name}", max(a.places, b.places), lambda x, y, z: x - y),
            (f"({a.name} + 1.5) * {b.name}", max(a.places, 1) + b.places, lambda x, y, z: (x + Fraction(3, 2)) * y),
            (f"{a.name}*{b.name} - {c.name}", max(a.places + b.places, c.places), lambda x, y, z: x * y - z),
            (f"2 * ({a.name} + {b.name} * ({c.name} - 0.25))", max(a.places, b.places + max(c.places, 2)),
             lambda x, y, z: 2 * (x + y * (z - Fraction(1, 4))))])
        used = [f for f in (a, b, c) if f.name in text]

        def value(event):
            values = [event[f.name] for f in used]
            if None in values:
                return None
            if any(isinstance(v, float) for v in values):
                return math.nan
            return compute(*(0 if event[f.name] is None or isinstance(event[f.name], float) else Fraction(event[f.name]) for f in (a, b, c)))
        name = self.gated(text, None, gate, value)
        self.places[name] = places
        return text, name

    # ---- stream ----

    def make_stream(self):
        rng = self.rng
        scaled = {f.name: f.places for f in self.fields if f.kind == "scaled"}
        if scaled:
            self.stream["scale"] = scaled
        if self.exchange:
            self.stream["calendar"] = "exchange.yaml"
        if rng.random() < 0.3:
            self.stream["dead_letters"] = False
        self.judge = None
        field = rng.choice(self.fields)
        if field.kind in ("int", "long", "decimal", "wide") and rng.random() < 0.5:
            least = field.value(rng) or 0
            self.stream["rules"] = {field.name: {"ge": decimal_text(least)}}
            self.judge = lambda e: "rule" if e[field.name] is not None and e[field.name] < least else None
        if self.upsert:
            numbers = [f for f in self.fields if f.nullable and f.numeric]
            value = rng.choice(numbers).name if numbers and rng.random() < 0.6 else None
            self.stream["upsert"] = {"version": "version"} | ({"value": value} if value else {})
            self.value = value
            del self.stream["lateness"]
        elif rng.random() < 0.3:
            dedup = rng.choice([1, 60, 86400]) * S
            self.stream.update(id="id", dedup=f"{dedup // S}s")
            self.options.update(identity="id", dedup=dedup)

    def make_expire(self):
        """Short only where nothing is by the calendar, whose longest window is longer than the oracle's."""
        longest = max((m.window.size or 0) + m.delay for m in self.models)
        if longest <= 7300 * S and self.lateness <= 3600 * S and self.rng.random() < 0.3:
            expire = longest + self.lateness + self.rng.choice([1, 120, 7200]) * S
            self.stream["expire"] = f"{expire // S}s"
        else:
            expire = int(YEARS[:-1]) * DAY
            self.stream["expire"] = YEARS
        self.options.update(expire=expire, expire_set=True)

    # ---- aggregates ----

    def make_window(self):
        rng = self.rng
        if self.upsert:
            last = rng.choice([None, 1, 2, 5, 1000])
            return ({"last": last} if last else {"all": True}), engine.Last(last), "last"
        kinds = [sized, sized, sliding, sliding, calendar, since, gap, every_event, newest]
        if self.trading and rng.random() < 0.6:
            return rng.choice([({"tumbling": "session"}, self.trading, "trading"), ({"since": "session"}, self.since_session, "since")])
        return rng.choice(kinds)(rng)

    def make_aggregate(self, name):
        rng = self.rng
        tree, window, kind = self.make_window()
        groups = [f.name for f in self.fields if f.groups]
        by = rng.sample(groups, rng.randrange(min(3, len(groups) + 1)))
        stats = Stats(rng, self, kind, rng.choice([1, 3, 8, 20]))
        if not stats.tree:
            stats.tree["n"], stats.stats = "count()", [fold.Stat("n", "count")]
        config = {"stream": "events", "by": by, "window": tree, "stats": stats.tree}
        more = {}
        if not by:
            del config["by"]
        where = None
        if rng.random() < 0.4:
            made = self.condition(None if not self.upsert or rng.random() < 0.5 else by)
            if self.trading and rng.random() < 0.5:
                made = {"$in_session": True}, lambda e: self.trading.open_at(e[self.time])
            if made:
                config["where"], where = made
        if kind not in ("all", "last"):
            self.publish(config, more, kind)
        if by and not self.upsert and rng.random() < 0.25:
            config["max_groups"] = more["max_groups"] = rng.choice([1, 2, 3, 5])
            config["overflow"] = rng.choice(["reject", "other"])
            more["other"] = "%other:0" if config["overflow"] == "other" else None
        if kind not in ("all",) and not self.upsert and "dead_letters" not in self.stream and rng.random() < 0.3:
            config["late"] = rng.choice(["dead_letter", "drop"])
        model = engine.Aggregate(name, {}, window, by, where, **more)
        model.stats, model.folder = stats.stats, full.Folder(stats.stats, self.double, self.places, stats.trees)
        model.where_on_group = where is not None and self.upsert and within(config["where"], by)
        self.aggregates[name] = config
        self.models.append(model)

    def publish(self, config, more, kind):
        rng = self.rng
        history = rng.choice([0, 1, 3, 50])
        if not history:
            return
        config["history"] = more["history"] = history
        if kind == "tumbling" and rng.random() < 0.4:
            config["fill"] = more["fill"] = rng.choice(["zero", "previous", "null"])
        if kind != "session" and rng.random() < 0.35:
            config["publish"], more["closed"] = "closed", True
            if rng.random() < 0.5:
                delay = rng.choice([1, 35, 3600])
                config["delay"], more["delay"] = f"{delay}s", delay * S

    # ---- events ----

    def make_times(self):
        rng = self.rng
        count = rng.choice([0, 1, rng.randrange(2, 30), rng.randrange(30, 160)])
        sizes = [m.window.size for m in self.models if m.window.size] + [self.lateness]
        longest = min(max(sizes + [10 * S]), 400 * DAY)
        if self.exchange:
            around = self.exchange[1]
            start = self.trading.utc(datetime.datetime(around.year, around.month, around.day)) - 3 * DAY
            longest = min(longest, 60 * DAY)
        else:
            start = micros(rng.choice(MOMENTS))
        spread = rng.choice([longest // 20, longest, 5 * longest if longest < DAY else longest]) // max(1, count // 3) + 1
        clock, times = start - rng.choice([0, 0, spread * count // 2]), []
        for _ in range(count):
            clock += int(rng.expovariate(1) * spread)
            back = rng.choice([0, 0, 0, 0, rng.randrange(min(self.lateness, 5 * longest) + 1), rng.randrange(2 * longest)])
            time = clock - back
            if rng.random() < 0.2:
                time -= time % (S * rng.choice([1, 10, 3600]))  # on the edges of windows
            if times and rng.random() < 0.05:
                time = rng.choice(times)
            times.append(time // self.time_unit * self.time_unit)
        if self.exchange:
            edge = [abs(t - start) for t in times]
            assert max(edge, default=0) < 380 * DAY
        if rng.random() < 0.15:
            rng.shuffle(times)
        return times

    def make_rows(self):
        rng = self.rng
        self.rows = []
        for number, time in enumerate(self.make_times()):
            row = {self.time: None if self.time_nullable and rng.random() < 0.1 else time,
                   "id": None if rng.random() < 0.1 else f"id{rng.randrange(number + 1) if rng.random() < 0.1 else number}",
                   "version": rng.randrange(5)}
            row.update((f.name, f.value(rng)) for f in self.fields)
            self.rows.append(row)

    def line(self, row):
        parts = [f"{json.dumps(name)}: {json.dumps(iso(value)) if name == self.time and value is not None else text_of(value)}"
                 for name, value in row.items()]
        return "{" + ", ".join(parts) + "}\n"

    def partition(self):
        for model in self.models:
            model.inputs = sorted(self.inputs)
        if self.upsert:
            stream = engine.Upsert(self.time, "version", self.value, self.models, judge=self.judge)
            if self.value is None:
                for model in self.models:
                    model.inputs = sorted({i for s in model.stats for i in (s.x, s.w) if i and i != fold.EVENT_TIME})
            found = engine.UpsertPartition(stream)
        else:
            found = engine.AppendPartition(engine.Append(self.time, self.models, judge=self.judge, **self.options))
        for offset, row in enumerate(self.rows):
            event = dict(row)
            event.update((name, compute(row)) for name, compute in self.inputs.items())
            found.apply(offset, None, event)
        return found


def within(tree, names):
    """Whether a condition looks at these fields alone."""
    return all(within_list(value, names) if key in ("and", "or") else within(value, names) if key == "not" else key in names
               for key, value in tree.items())


def within_list(trees, names):
    return all(within(tree, names) for tree in trees)
