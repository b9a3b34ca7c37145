"""What Redis must hold after a list of events: the README's "Semantics", written down again in plain Python.

Everything is recomputed from lists of events; nothing is incremental and nothing is shared with the daemon.
A record is (offset, Kafka timestamp in µs or None, {field: value}); the fields are what the schema's types mean: times in µs,
decimals and integers as Fraction or int, strings, None.
"""
import bisect
import datetime
import json
import math
import zoneinfo
from fractions import Fraction

import fold

SECOND = 1000000
UNRESERVED = "%:{} "


def key_part(value):
    if value is None:
        return "%null"
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return text if text.isalnum() else "".join(f"%{ord(c):02X}" if c in UNRESERVED or ord(c) < 32 or ord(c) == 127 else c for c in text)


def floor_to(time, step):
    return time // step * step


def ms(time):
    return time // 1000


class Window:
    """size None: all time. every == size: tumbling. Ends are multiples of `every`, behind `offset`."""

    def __init__(self, size=None, every=None, offset=0):
        self.size, self.offset = size, offset
        self.every = size if every is None else every

    @property
    def tumbling(self):
        return self.size is not None and self.every == self.size

    @property
    def sliding(self):
        return self.size is not None and self.every != self.size

    def floor(self, time, step):
        return floor_to(time - self.offset, step) + self.offset

    def first_end(self, time):
        return self.floor(time, self.every) + self.every

    def last_end(self, time):
        return self.floor(time + self.size, self.every)

    def ends(self, time):
        return range(self.first_end(time), self.last_end(time) + 1, self.every)

    def start(self, end):
        return end - self.size

    def leave(self, time):
        """The first end at which the slice that holds `time` is no longer in the window."""
        return self.last_end(self.floor(time, math.gcd(self.size, self.every))) + self.every


class SinceHour(Window):
    """Hours since they began, that drain."""
    tumbling, sliding = False, True

    def __init__(self, offset=0):
        super().__init__(3600 * SECOND, offset=offset)


class CalendarWindow:
    """One day, week, month, quarter or year in a zone. `since`: it is empty once the next has begun."""
    DAYS = {"day": 1, "week": 7, "month": 31, "quarter": 92, "year": 366}

    def __init__(self, unit, zone="UTC", since=False):
        self.unit, self.zone, self.since = unit, zoneinfo.ZoneInfo(zone), since
        self.tumbling, self.sliding = not since, since
        self.size = self.DAYS[unit] * 86400 * SECOND
        self.latest = 0, 0  # the cell that was asked for last

    def date(self, date, step):
        """The first date of the unit that holds `date`, or of one `step` units later."""
        if self.unit == "day":
            return date + datetime.timedelta(step)
        if self.unit == "week":
            return date - datetime.timedelta(date.weekday()) + datetime.timedelta(7 * step)
        months = {"month": 1, "quarter": 3, "year": 12}[self.unit]
        number = (date.year * 12 + date.month - 1) // months * months + step * months
        return datetime.date(number // 12, number % 12 + 1, 1)

    def midnight(self, date):
        """The first of a date, or where clocks were put over it, when they were (PEP 495, fold 0)."""
        utc = datetime.datetime(date.year, date.month, date.day, tzinfo=self.zone).astimezone(datetime.timezone.utc)
        return (utc - datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)) // datetime.timedelta(microseconds=1)

    def cell(self, time):
        """All starts around the time; the last that is not above it is where its cell begins."""
        if self.latest[0] <= time < self.latest[1]:
            return self.latest
        epoch = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
        date = (epoch + datetime.timedelta(microseconds=time)).astimezone(self.zone).date()
        starts = sorted({self.midnight(self.date(date, step)) for step in range(-2, 4)})
        start = max(s for s in starts if s <= time)
        self.latest = start, min(s for s in starts if s > time)
        return self.latest

    def first_end(self, time):
        return self.cell(time)[1]

    last_end = first_end

    def ends(self, time):
        return [self.first_end(time)]

    def start(self, end):
        return self.cell(end - 1)[0]

    def leave(self, time):
        return self.first_end(self.first_end(time))


class SessionWindow(CalendarWindow):
    """Trading days of an exchange. hours: {date: [(open, close), …]} of every day that trades, as datetimes of its clocks.
    Without `since`: to the last close, then to the next opening."""
    def __init__(self, hours, zone, since=False):  # pylint: disable=super-init-not-called
        self.zone, self.since, self.tumbling, self.sliding, self.size = zoneinfo.ZoneInfo(zone), since, not since, since, 86400 * SECOND
        self.sessions = sorted((self.utc(o), self.utc(c)) for day in hours.values() for o, c in day)
        self.starts = sorted({self.utc(day[0][0]) for day in hours.values()} | ({self.utc(day[-1][1]) for day in hours.values()} if not since else set()))

    def utc(self, local):
        return (local.replace(tzinfo=self.zone).astimezone(datetime.timezone.utc) - datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)) \
            // datetime.timedelta(microseconds=1)

    def cell(self, time):
        at = bisect.bisect_right(self.starts, time)
        return self.starts[at - 1], self.starts[at]

    def open_at(self, time):
        return any(o <= time < c for o, c in self.sessions)


class GapWindow:
    """Events less than a gap apart, from the first to the last and the gap. `size` is what an event alone would have."""
    tumbling = sliding = False
    gap = True

    def __init__(self, gap):
        self.size = gap

    def last_end(self, time):
        return time + self.size

    def split(self, events):
        """{end: events}"""
        found = {}
        run = []
        for event in sorted(events, key=lambda e: e[:2]):
            if run and event[0] - run[-1][0] >= self.size:
                found[run[-1][0] + self.size] = run
                run = []
            run.append(event)
        if run:
            found[run[-1][0] + self.size] = run
        return found

    def holds(self, events, time, watermark):
        """Whether a session that has not ended by the watermark has this time within it."""
        return any(run[0][0] <= time < end and end > watermark for end, run in self.split(events).items())

    def is_news(self, events, clock, time):
        """Whether what an event changes, or begins, had ended by its group's clock."""
        touched = [end for end, run in self.split(events).items() if run[0][0] - self.size < time < end]
        return any(end <= clock for end in touched or [time + self.size])


class LastEvents(Window):
    """The newest `last` events by their keys: time, then offset."""

    def __init__(self, last):
        super().__init__()
        self.last = last

    def of(self, events):
        return sorted(events, key=lambda event: event[:2])[-self.last:]


class Aggregate:
    """closed: the hash is the newest window that has ended; delay: all is as of so much earlier. max_groups: as many groups at a
    time; events of further ones are rejected, or with `other` go to a group of that key. fill: zero, previous, null."""

    def __init__(self, name, stats, window, by=(), where=None, history=0, double=(), scale=None, closed=False, delay=0,
                 max_groups=None, other=None, fill=None):
        self.name, self.window, self.by, self.where, self.history = name, window, tuple(by), where, history
        self.closed, self.delay, self.max_groups, self.other, self.fill = closed, delay, max_groups, other, fill
        self.stats = fold.parse(stats)
        self.folder = fold.Folder(self.stats, double, scale)
        self.inputs = sorted({i for s in self.stats for i in (s.x, s.w) if i and i != fold.EVENT_TIME})

    def key(self, fields):
        key = ":".join(key_part(fields[name]) for name in self.by)
        return "%69ndex" if key == "index" else key  # its hash would be the aggregate's index


class Group:
    def __init__(self):
        self.events = []     # (time, offset, inputs)
        self.clock = None
        self.revisions = {}  # window end → events that came after the group's own clock had passed it
        self.news = {}       # offset → the same of an event, where windows are sessions


class Counts(dict):
    NAMES = ("consumed", "applied", "late", "duplicate", "rejected", "filtered")

    def __init__(self):
        super().__init__((name, 0) for name in self.NAMES)


class Steady:
    """The time that a minority of wrong clocks cannot move: the lower median of the times of 255 of the latest records, all
    of them at first, then of every eighth. It does not go back, unless 255 samples in a row say so, or there are not 255 yet."""
    SAMPLES, STRIDE = 255, 8

    def __init__(self):
        self.records, self.samples, self.clock, self.below = 0, [], None, 0

    def add(self, time):
        """Whether it was a sample; `went_back` says what it did to the clock."""
        number, self.records, self.went_back = self.records, self.records + 1, False
        if number >= self.SAMPLES and number % self.STRIDE:
            return False
        full = len(self.samples) == self.SAMPLES
        self.samples = (self.samples + [time])[-self.SAMPLES:]
        median = self.median()
        if full and median < self.clock:
            self.below += 1
            if self.below < self.SAMPLES:
                return True
        self.went_back = self.clock is not None and median < self.clock
        self.clock, self.below = median, 0
        return True

    def median(self):
        return sorted(self.samples)[(len(self.samples) - 1) // 2]

    def gap(self):
        """What lies between two records as a rule: the denser quarter of the samples beside the median."""
        count, ordered = len(self.samples), sorted(self.samples)
        if count < 5:
            return 0
        low, middle, high = count // 4, (count - 1) // 2, (count - 1) * 3 // 4
        gap = min((ordered[middle] - ordered[low]) // (middle - low), (ordered[high] - ordered[middle]) // (high - middle))
        return gap // self.STRIDE if self.records > self.SAMPLES else gap

    def reach(self, step):
        """The highest sample that is reached from the median step by step."""
        ordered = sorted(self.samples)
        at = (len(ordered) - 1) // 2
        while at + 1 < len(ordered) and ordered[at + 1] - ordered[at] <= step:
            at += 1
        return ordered[at]


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
        self.steady, self.record_steady = Steady(), Steady()
        self.seen = []  # [id, its record's time or the steady one if later, the steady one], in arrival order
        self.seen_times = {}  # id → those times of the records that brought it
        self.seen_back = (0, None)  # so many of those came before the steady time went back, and to when
        self.expire_at, self.expire_checked = None, 0
        self.front = None
        self.run = {}  # group → highest time, of the latest events in a row that are far ahead of the front
        self.groups = {a.name: {} for a in stream.aggregates}
        self.dropped = {a.name: {} for a in stream.aggregates}  # key → newest time
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
        verdicts = [self._apply_to(a, offset, time, fields) for a in stream.aggregates]
        finest = max((a for a in stream.aggregates), key=lambda a: len(a.by)).by
        speaks = [a for a in stream.aggregates if a.by == finest and not (a.where and a.where(fields) is not True)]
        self._pass_time(time, speaks[0].key(fields) if speaks else None)
        for name in ("applied", "late", "group_limit"):
            if name in verdicts:
                return name
        return "filtered"

    def _seen_before(self, fields, time):
        """Within `dedup` of the record that brought the id, by the records' own times; how long ids are kept is another thing."""
        identity, horizon = fields[self.stream.identity], self.stream.dedup
        known = identity is not None and any(time <= t + horizon for t in self.seen_times.get(identity, ()))
        self.record_steady.add(time)
        clock = self.record_steady.clock
        if self.record_steady.went_back:
            self.seen_back = (len(self.seen), clock)
        while self.seen and self.record_steady.records >= Steady.SAMPLES:
            came = min(self.seen[0][2], self.seen_back[1]) if self.seen_back[0] else self.seen[0][2]
            if came >= clock - horizon:
                break
            gone, brought, _ = self.seen.pop(0)
            self.seen_times[gone].remove(brought)
            self.seen_back = (max(0, self.seen_back[0] - 1), self.seen_back[1])
        if identity is not None and not known:
            self.seen.append((identity, max(time, clock), clock))
            self.seen_times.setdefault(identity, []).append(max(time, clock))
        return known

    def _pass_time(self, time, source):
        self.stream_time = time if self.stream_time is None else max(time, self.stream_time)
        sampled = self.steady.add(time)
        steps = [a.window.size for a in self.stream.aggregates if a.window.size]
        shortest = max(SECOND, (min(steps) if steps else 0) + self.stream.lateness)
        step = max(shortest, 8 * self.steady.gap())
        if self.steady.records <= Steady.SAMPLES:
            self.front = self.steady.reach(step)
        elif sampled and self.steady.median() > self.front:
            self.front, self.run = self.steady.reach(max(shortest, 32 * self.steady.gap())), {}
        if time <= self.front + step:
            self.front, self.run = max(self.front, time), {}
        elif source is not None:
            self.run[source] = max(time, self.run.get(source, time))
        if sampled:
            self._expire()

    @property
    def now_shown(self):
        """At the end of the input: those far ahead of the others count where a second group confirms them, or there is one group."""
        if max(len(groups) for groups in self.groups.values()) == 1:
            return self.stream_time
        if len(self.run) < 2:
            return self.front
        first, *others = self.run.values()
        return max(self.front, min(first, max(others)))

    def _expire(self):
        step = max(SECOND, self.stream.expire // 64)
        clock = self.steady.clock
        after = clock // step * step + step
        if self.expire_at is None or (self.steady.went_back and after < self.expire_at):
            self.expire_at = after
        expiring = [a for a in self.stream.aggregates if a.window.size is not None or self.stream.expire_set]
        consumed = self.counts["consumed"] - 1
        live = sum(len(self.groups[a.name]) for a in expiring)
        if clock < self.expire_at or (consumed - self.expire_checked) * 8 < live:
            return
        self.expire_at, self.expire_checked = after, consumed
        limit = clock - self.stream.expire
        for aggregate in expiring:
            groups = self.groups[aggregate.name]
            for key in [k for k, g in groups.items() if g.clock < limit]:
                newest = groups.pop(key).clock
                self.dropped[aggregate.name][key] = max(newest, self.dropped[aggregate.name].get(key, newest))

    def _late(self, aggregate, group, key, time, offset):
        if isinstance(aggregate.window, LastEvents):
            kept = aggregate.window.of(group.events) if group else []
            return len(kept) == aggregate.window.last and (time, offset) < kept[0][:2]
        if aggregate.window.size is None:
            return False
        clock = group.clock if group else self.dropped[aggregate.name].get(key)
        if clock is None or aggregate.window.last_end(time) > clock - self.stream.lateness:
            return False
        return not (group and by_gap(aggregate) and aggregate.window.holds(group.events, time, clock - self.stream.lateness))

    def _apply_to(self, aggregate, offset, time, fields):
        counts = self.aggregate_counts[aggregate.name]
        groups = self.groups[aggregate.name]
        counts["consumed"] += 1
        if aggregate.where and aggregate.where(fields) is not True:
            counts["filtered"] += 1
            return "filtered"
        key = aggregate.key(fields)
        full = aggregate.max_groups and key not in groups and sum(k != aggregate.other for k in groups) >= aggregate.max_groups
        if full and aggregate.other:
            key = aggregate.other
        if self._late(aggregate, groups.get(key), key, time, offset):
            verdict = "late"
        elif full and not aggregate.other:
            counts["rejected"] += 1
            return "group_limit"
        else:
            verdict = "applied"
            group = groups.setdefault(key, Group())
            if group.clock is not None and aggregate.window.size is not None and aggregate.history:
                if by_gap(aggregate):
                    group.news[offset] = aggregate.window.is_news(group.events, group.clock, time)
                for end in [] if by_gap(aggregate) else aggregate.window.ends(time):
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
                show_group(out, aggregate, key, group, max(now_shown, group.clock))  # its own word counts for it
        for key, item in out.items():
            if key.endswith(":index") and item["type"] == "zset":
                item["value"].sort(key=lambda member: (member[0], member[1].encode()))
        return out


def by_gap(aggregate):
    return getattr(aggregate.window, "gap", False)


def start_of(aggregate, events, end):
    return min(t for t, _, _ in events) if by_gap(aggregate) else aggregate.window.start(end)


def windows_of(aggregate, group):
    if by_gap(aggregate):
        return aggregate.window.split(group.events)
    found = {}
    for event in group.events:
        for end in aggregate.window.ends(event[0]):
            found.setdefault(end, []).append(event)
    return found


def render(aggregate, events, start, end, previous=None):
    size = None if start is None or aggregate.window.size is None else end - start
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
    if aggregate.closed:
        show_closed(out, aggregate, base, key, group, now_shown - aggregate.delay)
        return
    newest = max(t for t, _, _ in group.events)
    score = ms(group.clock)
    window = aggregate.window
    if isinstance(window, LastEvents):
        kept = window.of(group.events)
        view = render(aggregate, kept, kept[0][0], kept[-1][0])
    elif window.size is None:
        view = render(aggregate, group.events, None, None)
    elif window.tumbling or by_gap(aggregate):
        windows = windows_of(aggregate, group)
        end = max(windows)
        view = render(aggregate, windows[end], start_of(aggregate, windows[end], end), end, previous_values(aggregate, windows, end))
        if aggregate.fill and now_shown >= end:
            gap = [e for e in gap_ends(window, end, None, aggregate.history) if window.start(e) <= now_shown]
            score = ms(window.start(gap[-1]))
            view = filler(aggregate, windows, end, gap[-1])
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


def show_closed(out, aggregate, base, key, group, now_shown):
    """A group is there from its first window that has ended on."""
    members = history_of(aggregate, group, now_shown)
    if members:
        view = {name: value for name, value in members[-1][1].items() if name != "revision"}
        out[base] = {"type": "hash", "value": view}
        index = out.setdefault(f"rs:{aggregate.name}:index", {"type": "zset", "value": []})
        index["value"].append((int(view["window_end"]), key))
        out[f"{base}:history"] = {"type": "zset", "value": members}


def sliding_view(aggregate, group, now_shown, newest):
    window = aggregate.window
    now_end = window.first_end(now_shown)
    leaves = {window.leave(t) for t, _, _ in group.events}
    last_leave = max((e for e in leaves if e <= now_end), default=None)
    entered = window.first_end(newest)
    end = entered if last_leave is None else max(entered, last_leave)
    events = [e for e in group.events if window.start(end) <= e[0] < end]
    check = [e for e in group.events if window.start(now_end) <= e[0] < now_end]
    assert sorted(e[:2] for e in events) == sorted(e[:2] for e in check), "the shown window's content is the present one's"
    return render(aggregate, events, window.start(end), end), end if end > entered else None


def history_of(aggregate, group, now_shown):
    windows = windows_of(aggregate, group)
    members = []
    for end in sorted(windows):
        if end > now_shown:
            continue
        start = start_of(aggregate, windows[end], end)
        previous = previous_values(aggregate, windows, end) if aggregate.window.tumbling or by_gap(aggregate) else None
        fields = render(aggregate, windows[end], start, end, previous)
        fields["revision"] = str(sum(group.news.get(o, 0) for _, o, _ in windows[end]) if by_gap(aggregate)
                                 else group.revisions.get(end, 0))
        members.append((ms(start), fields))
    if aggregate.fill:
        ends = sorted(windows)
        for end, following in zip(ends, ends[1:] + [None]):
            for gap in gap_ends(aggregate.window, end, following, aggregate.history):
                if gap <= now_shown:
                    members.append((ms(aggregate.window.start(gap)), dict(filler(aggregate, windows, end, gap), revision="0")))
        members.sort(key=lambda member: member[0])
    return members[-aggregate.history:]


def gap_ends(window, end, following, most):
    """Ends of the windows without events behind the one that ends at `end`: `most` of them, and as many before the next that has some."""
    if following is not None and hasattr(window, "every"):
        gap = range(end + window.every, following, window.every)
        return list(gap) if len(gap) <= 2 * most else [*gap[:most], *gap[-most:]]
    ends = []
    while following is not None or len(ends) < most:
        end = window.first_end(end)
        if end == following:
            break
        ends.append(end)
    return ends if len(ends) <= 2 * most else ends[:most] + ends[-most:]


def filler(aggregate, windows, end, gap):
    """What is shown of the window that ends at `gap`, as the one before it with events ended at `end`."""
    fields = {}
    if aggregate.fill == "zero":
        fields = {s.name: "0" for s in aggregate.stats if s.kind in ("count", "sum", "distinct")}
    elif aggregate.fill == "previous":
        fields = render(aggregate, windows[end], aggregate.window.start(end), end, previous_values(aggregate, windows, end))
        del fields["event_time"]
    fields.update(window_start=str(ms(aggregate.window.start(gap))), window_end=str(ms(gap)), events="0", filled=aggregate.fill)
    return fields


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

    def withdraw(self, offset, key):
        """A tombstone: all that came before is withdrawn, and any version that comes later counts."""
        self.counts["consumed"] += 1
        verdict = "filtered"
        for registers in self.registers.values():
            for period in registers.get(key, {}):
                registers[key][period] = (float("-inf"), offset, None)
                verdict = "applied"
        self.counts[verdict] += 1

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
            if fields is None:
                continue
            inputs = {name: fields[name] for name in aggregate.inputs}
            withdrawn = fields[self.stream.value] is None if self.stream.value else \
                bool(inputs) and all(value is None for value in inputs.values())
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
                    both = fold.values_of(present[-2:], x)  # of the newest period and the one before, where both have it
                    if len(both) == 2:
                        previous[x] = both[0][2]
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
