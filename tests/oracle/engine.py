"""What Redis must hold after a list of events: the README's "Semantics", written down again in plain Python.

Everything is recomputed from lists of events; nothing is incremental and nothing is shared with the daemon.
A record is (offset, Kafka timestamp in µs or None, {field: value}); the fields are what the schema's types mean: times in µs,
decimals and integers as Fraction or int, strings, None.
"""
import collections
import json
from fractions import Fraction

import fold

SECOND = 1000000
UNRESERVED = "%:{} "


def key_part(value):
    if value is None:
        return "%null"
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return "".join(f"%{ord(c):02X}" if c in UNRESERVED or ord(c) < 32 or ord(c) == 127 else c for c in text)


def floor_to(time, step):
    return time // step * step


def ms(time):
    return time // 1000


class Window:
    """size None: all time. every == size: tumbling."""

    def __init__(self, size=None, every=None):
        self.size = size
        self.every = size if every is None else every

    @property
    def tumbling(self):
        return self.size is not None and self.every == self.size

    @property
    def sliding(self):
        return self.size is not None and self.every != self.size

    def first_end(self, time):
        return floor_to(time, self.every) + self.every

    def last_end(self, time):
        return floor_to(time + self.size, self.every)

    def ends(self, time):
        return range(self.first_end(time), self.last_end(time) + 1, self.every)


class Aggregate:
    def __init__(self, name, stats, window, by=(), where=None, history=0, double=(), scale=None):
        self.name, self.window, self.by, self.where, self.history = name, window, tuple(by), where, history
        self.stats = fold.parse(stats)
        self.folder = fold.Folder(self.stats, double, scale)
        self.inputs = sorted({i for s in self.stats for i in (s.x, s.w) if i})

    def key(self, fields):
        key = ":".join(key_part(fields[name]) for name in self.by)
        return "%69ndex" if key == "index" else key  # its hash would be the aggregate's index


class Group:
    def __init__(self):
        self.events = []     # (time, offset, inputs)
        self.clock = None
        self.revisions = {}  # window end → events that came after the group's own clock had passed it


class Counts(dict):
    NAMES = ("consumed", "applied", "late", "duplicate", "rejected", "filtered")

    def __init__(self):
        super().__init__((name, 0) for name in self.NAMES)


class Append:
    """One stream of events that add. judge(fields, timestamp) → reason or None stands for decoding and rules."""

    def __init__(self, time, aggregates, lateness=30 * SECOND, expire=7 * 86400 * SECOND, expire_set=False,
                 max_future=None, identity=None, dedup=600 * SECOND, judge=None):
        self.time, self.aggregates, self.lateness = time, aggregates, lateness
        self.expire, self.expire_set = expire, expire_set
        self.max_future = lateness if max_future is None else max_future
        self.identity, self.dedup, self.judge = identity, dedup, judge


class AppendPartition:
    def __init__(self, stream):
        self.stream = stream
        self.counts = Counts()
        self.reasons = {}
        self.stream_time = None
        self.record_clock = None
        self.seen = collections.OrderedDict()  # id → clock at its arrival, in arrival order
        self.groups = {a.name: {} for a in stream.aggregates}
        self.dropped_newest = {a.name: None for a in stream.aggregates}
        self.aggregate_counts = {a.name: Counts() for a in stream.aggregates}

    def apply(self, offset, timestamp, fields):
        """What became of it: a name of Counts.NAMES or the reason of its rejection."""
        self.counts["consumed"] += 1
        verdict = self._verdict(offset, timestamp, fields)
        if verdict in Counts.NAMES:
            self.counts[verdict] += 1
        else:
            self.reasons[verdict] = self.reasons.get(verdict, 0) + 1
            self.counts["rejected"] += 1
        return verdict

    def _verdict(self, offset, timestamp, fields):
        stream = self.stream
        time = fields[stream.time]
        if time is None:
            return "field_null"
        if timestamp is not None and time > timestamp + stream.max_future:
            return "future"
        reason = stream.judge(fields) if stream.judge else None
        if reason:
            return reason
        if stream.identity and self._seen_before(fields, time if timestamp is None else timestamp):
            return "duplicate"
        before, self.stream_time = self.stream_time, max(time, self.stream_time if self.stream_time is not None else time)
        if before is not None:
            self._expire(before)
        verdicts = [self._apply_to(a, offset, time, fields) for a in stream.aggregates]
        for name in ("applied", "late"):
            if name in verdicts:
                return name
        return "filtered"

    def _seen_before(self, fields, clock):
        self.record_clock = clock if self.record_clock is None else max(self.record_clock, clock)
        identity = fields[self.stream.identity]
        if identity is None:
            return False
        while self.seen and next(iter(self.seen.values())) < self.record_clock - self.stream.dedup:
            self.seen.popitem(last=False)
        if identity in self.seen:
            return True
        self.seen[identity] = self.record_clock
        return False

    def _expire(self, before):
        step = max(SECOND, self.stream.expire // 64)
        if self.stream_time // step == before // step:
            return
        limit = self.stream_time - self.stream.expire
        for aggregate in self.stream.aggregates:
            if aggregate.window.size is None and not self.stream.expire_set:
                continue
            groups = self.groups[aggregate.name]
            for key in [k for k, g in groups.items() if g.clock < limit]:
                newest = self.dropped_newest[aggregate.name]
                clock = groups.pop(key).clock
                self.dropped_newest[aggregate.name] = clock if newest is None else max(newest, clock)

    def _late(self, aggregate, group, time):
        if aggregate.window.size is None:
            return False
        clock = group.clock if group else self.dropped_newest[aggregate.name]
        return clock is not None and aggregate.window.last_end(time) <= clock - self.stream.lateness

    def _apply_to(self, aggregate, offset, time, fields):
        counts = self.aggregate_counts[aggregate.name]
        groups = self.groups[aggregate.name]
        counts["consumed"] += 1
        key = aggregate.key(fields)
        if aggregate.where and aggregate.where(fields) is not True:
            verdict = "filtered"
        elif self._late(aggregate, groups.get(key), time):
            verdict = "late"
        else:
            verdict = "applied"
            group = groups.setdefault(key, Group())
            if group.clock is not None and aggregate.window.size is not None and aggregate.history:
                for end in aggregate.window.ends(time):
                    if group.clock >= end:
                        group.revisions[end] = group.revisions.get(end, 0) + 1
            group.events.append((time, offset, {name: fields[name] for name in aggregate.inputs}))
            group.clock = time if group.clock is None else max(group.clock, time)
        counts[verdict] += 1
        return verdict

    # ---- what is shown ----

    def shown(self, now_shown):
        """{key: object} as --replay prints it."""
        out = {}
        for aggregate in self.stream.aggregates:
            for key, group in self.groups[aggregate.name].items():
                show_group(out, aggregate, key, group, now_shown)
        for key, item in out.items():
            if key.endswith(":index"):
                item["value"].sort(key=lambda member: (member[0], member[1].encode()))
        return out


def windows_of(aggregate, group):
    found = {}
    for event in group.events:
        for end in aggregate.window.ends(event[0]):
            found.setdefault(end, []).append(event)
    return found


def render(aggregate, events, start, end, previous=None):
    size = None if start is None else end - start
    out = aggregate.folder.render(events, size, previous)
    if start is not None:
        out["window_start"], out["window_end"] = str(ms(start)), str(ms(end))
    if events:
        out["event_time"] = str(ms(max(t for t, _, _ in events)))
    out["events"] = str(len(events))
    return out


def previous_values(aggregate, windows, end):
    """{input: last value of the newest earlier window that has one}"""
    found = {}
    for x in {s.x for s in aggregate.stats if s.kind in ("change", "pct_change")}:
        for earlier in sorted((e for e in windows if e < end), reverse=True):
            value = fold.last_value(windows[earlier], x)
            if value is not None:
                found[x] = value
                break
    return found


def show_group(out, aggregate, key, group, now_shown):
    base = f"rs:{aggregate.name}" + (f":{key}" if aggregate.by else "")
    newest = max(t for t, _, _ in group.events)
    score = ms(group.clock)
    window = aggregate.window
    if window.size is None:
        view = render(aggregate, group.events, None, None)
    elif window.tumbling:
        windows = windows_of(aggregate, group)
        end = window.first_end(newest)
        view = render(aggregate, windows[end], end - window.size, end, previous_values(aggregate, windows, end))
    else:
        view, leave = sliding_view(aggregate, group, now_shown, newest)
        if leave is not None:
            score = max(score, ms(leave))
    out[base] = {"type": "hash", "value": view}
    index = out.setdefault(f"rs:{aggregate.name}:index", {"type": "zset", "value": []})
    index["value"].append((score, key))
    if aggregate.history:
        members = history_of(aggregate, group, now_shown)
        if members:
            out[f"{base}:history"] = {"type": "zset", "value": members}


def sliding_view(aggregate, group, now_shown, newest):
    window = aggregate.window
    slice_size = _gcd(window.size, window.every)
    now_end = window.first_end(now_shown)
    leaves = {window.last_end(floor_to(t, slice_size)) + window.every for t, _, _ in group.events}
    last_leave = max((e for e in leaves if e <= now_end), default=None)
    entered = window.first_end(newest)
    end = entered if last_leave is None else max(entered, last_leave)
    events = [e for e in group.events if end - window.size <= e[0] < end]
    check = [e for e in group.events if now_end - window.size <= e[0] < now_end]
    assert sorted(e[:2] for e in events) == sorted(e[:2] for e in check), "the shown window's content is the present one's"
    return render(aggregate, events, end - window.size, end), end if end > entered else None


def _gcd(a, b):
    while b:
        a, b = b, a % b
    return a


def history_of(aggregate, group, now_shown):
    windows = windows_of(aggregate, group)
    members = []
    for end in sorted(windows):
        if end > now_shown:
            continue
        start = end - aggregate.window.size
        previous = previous_values(aggregate, windows, end) if aggregate.window.tumbling else None
        fields = render(aggregate, windows[end], start, end, previous)
        fields["revision"] = str(group.revisions.get(end, 0))
        members.append((ms(start), fields))
    return members[-aggregate.history:]


class Upsert:
    """A stream of registers: (group, period) holds the highest version, ties by offset.

    last: the newest N periods; None: every period (window all)."""

    def __init__(self, time, version, value, aggregates, judge=None):
        self.time, self.version, self.value = time, version, value
        self.aggregates, self.judge = aggregates, judge


class UpsertPartition:
    def __init__(self, stream):
        self.stream = stream
        self.counts = Counts()
        self.reasons = {}
        self.stream_time = None
        self.registers = {a.name: {} for a in stream.aggregates}  # key → period → (version, offset, fields)

    def apply(self, offset, _timestamp, fields):
        self.counts["consumed"] += 1
        verdict = self._verdict(offset, fields)
        if verdict in Counts.NAMES:
            self.counts[verdict] += 1
        else:
            self.reasons[verdict] = self.reasons.get(verdict, 0) + 1
            self.counts["rejected"] += 1
        return verdict

    def _verdict(self, offset, fields):
        period, version = fields[self.stream.time], fields[self.stream.version]
        if period is None or version is None:
            return "field_null"
        reason = self.stream.judge(fields) if self.stream.judge else None
        if reason:
            return reason
        self.stream_time = period if self.stream_time is None else max(self.stream_time, period)
        verdict = "filtered"
        for aggregate in self.stream.aggregates:
            if aggregate.where and aggregate.where_on_group and aggregate.where(fields) is not True:
                continue
            verdict = "applied"
            periods = self.registers[aggregate.name].setdefault(aggregate.key(fields), {})
            if period not in periods or (version, offset) > periods[period][:2]:
                periods[period] = (version, offset, fields)
        return verdict

    def present(self, aggregate, periods):
        """[(period, order, inputs)] of the periods that count, oldest first."""
        found = []
        for period, (_, _, fields) in sorted(periods.items()):
            inputs = {name: fields[name] for name in aggregate.inputs}
            withdrawn = fields[self.stream.value] is None if self.stream.value else \
                all(value is None for value in inputs.values())
            if withdrawn or (aggregate.where and aggregate.where(fields) is not True):
                continue
            found.append((period, period, inputs))
        return found

    def shown(self, _now_shown):
        out = {}
        for aggregate in self.stream.aggregates:
            for key, periods in self.registers[aggregate.name].items():
                present = self.present(aggregate, periods)
                base = f"rs:{aggregate.name}" + (f":{key}" if aggregate.by else "")
                last = aggregate.window.last
                window = present[-last:] if last else present
                previous = {}
                for x in {s.x for s in aggregate.stats if s.kind in ("change", "pct_change")}:
                    before = fold.values_of(present[:-1], x)
                    if before:
                        previous[x] = before[-1][2]
                view = aggregate.folder.render(window, None, previous)
                if window and last:
                    view["window_start"], view["window_end"] = str(ms(window[0][0])), str(ms(window[-1][0]))
                if window:
                    view["event_time"] = str(ms(window[-1][0]))
                view["events"] = str(len(window))
                out[base] = {"type": "hash", "value": view}
        return out


class Last:
    """Window of an upsert aggregate: the newest `last` periods; None: all of them."""
    size = None

    def __init__(self, last=None):
        self.last = last


# ---- as text ----

def parse_line(line):
    """An NDJSON line of --replay with every number kept as its text."""
    return json.loads(line, parse_float=str, parse_int=str)


def as_texts(shown):
    """The oracle's objects in the form parse_line gives."""
    out = {}
    for key, item in shown.items():
        value = item["value"]
        if item["type"] == "zset":
            value = [[str(score), member] for score, member in value]
        out[key] = {"key": key, "type": item["type"], "value": value}
    return out


def fraction(text):
    return None if text in (None, "") else Fraction(text)
