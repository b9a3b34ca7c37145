"""What has to be true after chaos, computed from what the input topics hold: the input log is the truth.

The oracle reads every record in order of its partition and says what each came to; accounting, dead letters, views, ended windows
and what the reader sampled on the way are held against it.
"""
import datetime

from world import (AGGREGATES, DAY, FEW, GAP_S, HISTORY, HOUR, INDICATORS, LAST, LETTER_BYTES, MANY, NEWEST, OPEN, OPENED, REVISIONS, RUN,
                   SLIDING, SMALL, SOME, TINY, TOTAL, TRADES, TUMBLING, ZONE)

import avro
import engine

S = engine.SECOND
LATENESS = 20 * S
IDLE = 3600 * S  # a partition without input goes on by less until it is judged
TRADE_SCALE = {"price": 8, "quantity": 6}


DRAINS = ("s", "h")             # of the stream of trades: what is shown hangs on the time shown
HISTORIES = ("m", "d", "g", "x")


def trading_days():
    """The days of world.CALENDAR, those of the producer with the wrong clock among them."""
    def moment(day, text):
        return datetime.datetime.combine(day, datetime.time.fromisoformat(text))
    days = [datetime.date(2023, 10, 1) + datetime.timedelta(n) for n in range(120)]
    return engine.SessionWindow({day: [tuple(moment(day, text) for text in session.split("-")) for session in OPEN] for day in days}, ZONE)


def trade_stream():
    def less(bound):
        return lambda fields: fields["quantity"] < bound * 10 ** TRADE_SCALE["quantity"]

    def append(name, stats, window, where=None, history=0):
        return engine.Aggregate(name, stats, window, AGGREGATES[name]["by"], where, history, scale=TRADE_SCALE)
    aggregates = [
        append("m", TUMBLING, engine.Window(10 * S), history=HISTORY),
        append("s", SLIDING, engine.Window(60 * S, 10 * S)),
        append("t", TOTAL, engine.Window(), less(SMALL)),
        append("d", DAY, engine.CalendarWindow("day", ZONE), less(FEW), HISTORY),
        append("h", HOUR, engine.SinceHour(900 * S), less(FEW)),
        append("g", RUN, engine.GapWindow(GAP_S * S),
               lambda fields: fields["quantity"] > MANY * 10 ** TRADE_SCALE["quantity"], HISTORY),
        append("l", SOME, engine.LastEvents(NEWEST), less(TINY)),
        append("x", OPENED, trading_days(), less(FEW), HISTORY)]
    return engine.Append("executed_at", aggregates, LATENESS, identity="trade_id", dedup=120 * S,
                         judge=lambda fields: None if fields["price"] > 0 else "rule")


def indicator_stream():
    aggregates = [
        engine.Aggregate("u", LAST, engine.Last(12), AGGREGATES["u"]["by"], scale={"value": 10}),
        engine.Aggregate("r", REVISIONS, engine.Last(), AGGREGATES["r"]["by"])]
    return engine.Upsert("period_start", "revision", None, aggregates)


def why_broken(value):
    """Reason of a message that was made broken; None: it reads well. Knows the ways of publishing.BROKEN and no others."""
    if value is None:
        return "tombstone"
    try:
        fields = avro.read(avro.TRADE, value)
    except UnicodeDecodeError:
        return "utf8"
    except IndexError:
        return "truncated"
    except ValueError:
        return "trailing_bytes"
    return "enum_index" if not 0 <= fields["side"] <= 2 else None


class Truth:
    """The oracle's partitions after everything in the topics."""

    def __init__(self, kafka):
        self.trades = [engine.AppendPartition(trade_stream()) for _ in range(TRADES)]
        self.indicators = [engine.UpsertPartition(indicator_stream()) for _ in range(INDICATORS)]
        self.letters = {}  # (partition, offset) of trades → (reason, key, value)
        self.rows = {"trades": 0, "indicators": 0}
        self.known_views = self.known_histories = None
        for record in kafka.records("trades"):
            self._trade(record)
        for record in kafka.records("indicators"):
            self.rows["indicators"] += 1
            fields = avro.read(avro.INDICATOR, record["value"])
            self.indicators[record["partition"]].apply(record["offset"], None, fields)

    def _trade(self, record):
        partition = self.trades[record["partition"]]
        reason = why_broken(record["value"])
        if reason is None:
            fields = avro.read(avro.TRADE, record["value"])
            self.rows["trades"] += fields["trade_id"].startswith("t")
            outcome = partition.apply(record["offset"], record["timestamp"] * 1000, fields)
            reason = None if outcome in ("applied", "duplicate") else outcome
        else:
            partition.counts["consumed"] += 1
            partition.counts["rejected"] += 1
        if reason is not None:
            self.letters[record["partition"], record["offset"]] = (reason, record["key"], record["value"])

    def partitions(self):
        """{(stream, partition): oracle's partition}"""
        return {**{("trades", n): p for n, p in enumerate(self.trades)},
                **{("indicators", n): p for n, p in enumerate(self.indicators)}}

    def views(self):
        """{key: object} of what does not depend on the time shown; asked for again and again."""
        self.known_views = self.known_views or self._views()
        return self.known_views

    def _views(self):
        found = {}
        for partition in self.trades:
            for aggregate in (a for a in partition.stream.aggregates if a.name not in DRAINS):
                for key, group in partition.groups[aggregate.name].items():
                    engine.show_group(found, aggregate, key, group, group.clock)
        for partition in self.indicators:
            found.update(partition.shown(None))
        return {k: v for k, v in engine.as_texts(found).items() if v["type"] == "hash"}

    def histories(self):
        """{key: {score: member}} of all windows, ended or not, and {key: clock of its group}."""
        self.known_histories = self.known_histories or self._histories()
        return self.known_histories

    def _histories(self):
        windows, clocks = {}, {}
        for partition in self.trades:
            for aggregate in (a for a in partition.stream.aggregates if a.name in HISTORIES):
                for key, group in partition.groups[aggregate.name].items():
                    members = engine.history_of(aggregate, group, group.clock + IDLE)
                    windows[f"rs:{aggregate.name}:{key}:history"] = {str(score): member for score, member in members}
                    clocks[f"rs:{aggregate.name}:{key}:history"] = group.clock
        return windows, clocks


class Verdict:
    """Collects every difference instead of stopping at the first."""

    def __init__(self, world, reader, truth, say=print):
        self.world, self.reader, self.truth, self.say = world, reader, truth, say
        self.wrong = []

    def differ(self, what, got, wanted):
        self.wrong.append(f"{what}\n       got {got}\n  expected {wanted}")

    def accounting(self, statuses):
        """Of every partition, exactly; {(stream, partition): what /status says}"""
        for name, partition in self.truth.partitions().items():
            got = statuses.get(name, {}).get("events")
            if got != dict(partition.counts):
                self.differ(f"accounting of {name}", got, dict(partition.counts))
        total = {name: sum(p.counts[name] for p in self.truth.partitions().values()) for name in engine.Counts.NAMES}
        self.say("accounting, all partitions exact: " + ", ".join(f"{name} {count}" for name, count in total.items()))

    def published(self, counts):
        """{stream: (rows that were acknowledged, rows of which nobody knows)}"""
        for name, (count, doubtful) in counts.items():
            if not count <= self.truth.rows[name] <= count + doubtful:
                self.differ(f"rows of {name} in the topic", self.truth.rows[name],
                            f"{count}" + (f" to {count + doubtful}" if doubtful else ""))

    def views(self, client):
        """Differences of the current views; a list, since they may still be on their way."""
        wanted = self.truth.views()
        found = []
        for (key, item), flat in zip(wanted.items(), client.pipeline([("HGETALL", k) for k in wanted])):
            texts = [part.decode() for part in flat]
            got = dict(zip(texts[::2], texts[1::2]))
            if got != item["value"]:
                found.append((key, got, item["value"]))
        return found + list(self._sliding(client))

    def _sliding(self, client):
        """They drain in silence: what is shown is right for the window that is shown."""
        for partition in self.truth.trades:
            for aggregate in (a for a in partition.stream.aggregates if a.name in DRAINS):
                for key, group in partition.groups[aggregate.name].items():
                    yield from self._draining(client.hash(f"rs:{aggregate.name}:{key}"), partition, aggregate, key, group)

    @staticmethod
    def _draining(got, partition, aggregate, key, group):
        window, key = aggregate.window, f"rs:{aggregate.name}:{key}"
        end = int(got.get("window_end", 0)) * 1000
        newest = max(t for t, _, _ in group.events)
        if end < window.first_end(group.clock):
            yield key, got, f"a window that ends after {group.clock}"
            return
        wanted = engine.sliding_view(aggregate, group, max(end - 1, group.clock), newest)[0]
        if got != wanted:
            yield key, got, wanted
        if end > window.first_end(max(group.clock, partition.steady.clock) + IDLE):
            yield key, got, f"no window that ends at {end}: others' clocks were wrong"

    def histories(self, client):
        """Every ended window is right in Redis, or was acknowledged right before Redis lost it. A pane leaves the state only with
        that acknowledgement, so after a loss it may be missing, and after a failover an older revision may be back."""
        windows, clocks = self.truth.histories()
        self.ended = self.lost = 0
        for key, members in windows.items():
            present = {score: member for score, member in client.zset(key)}
            for score, wanted in members.items():
                text = present.pop(score, None)
                got = text and engine.parse_line(text)
                if got == wanted:
                    self.ended += 1
                elif any(engine.parse_line(m) == wanted for m in self.reader.archive.get((key, score), ())):
                    self.ended += 1
                    self.lost += 1
                elif text or int(wanted["window_end"]) * 1000 <= clocks[key] or (key, score) in self.reader.archive:
                    yield f"{key} at {score}", got, wanted
            for score, member in present.items():
                yield f"{key} at {score}", member, "no such window"

    def letters(self, letters):
        """Each rejected or late record at least once, repeats alike, and no other."""
        seen = {}
        for letter in letters:
            headers = letter["headers"]
            place = int(headers["rollstat.partition"]), int(headers["rollstat.offset"])
            if headers["rollstat.topic"] != b"trades":
                self.differ("topic of a dead letter", headers["rollstat.topic"], "trades")
            this = (headers["rollstat.reason"].decode(), letter["key"], letter["value"])
            wanted = self.truth.letters.get(place)
            if this != wanted and not (wanted and self._cut(letter, wanted)):
                self.differ(f"dead letter of {place}", this, wanted)
            first = seen.setdefault(place, (this, headers))
            if first != (this, headers):
                self.differ(f"repeated dead letter of {place}", (this, headers), first)
        for place, wanted in self.truth.letters.items():
            if place not in seen:
                self.differ(f"dead letter of {place}", None, wanted)
        self.say(f"dead letters: {len(seen)} records, {len(letters)} letters")

    @staticmethod
    def _cut(letter, wanted):
        """Whether it is the wanted one without the end of a key that fits no letter."""
        reason, key, value = wanted
        return (letter["headers"]["rollstat.reason"].decode(), letter["value"]) == (reason, value) and \
            len(key) > LETTER_BYTES - 1000 and letter["headers"].get("rollstat.key_cut") == str(len(key)).encode() and \
            letter["key"] == key[:1024]

    def samples(self):
        """Views of tumbling windows seen on the way: each the fold of its window's first events in the order of the log."""
        aggregate = engine.Aggregate("m", {k: v for k, v in TUMBLING.items() if k != "ch"}, engine.Window(10 * S), ["product"],
                                     scale=TRADE_SCALE)
        windows = {}
        for partition in self.truth.trades:
            for product, group in partition.groups["m"].items():
                for event in group.events:
                    windows.setdefault((product, aggregate.window.first_end(event[0])), []).append(event)
        checked = {}
        for product, view in self.reader.samples:
            end, count = int(view["window_end"]) * 1000, int(view["events"])
            name = product, end, count
            if name not in checked:
                events = windows.get((product, end), [])[:count]
                checked[name] = engine.render(aggregate, events, end - 10 * S, end) if len(events) == count else None
            got = {k: v for k, v in view.items() if k != "ch"}
            if got != checked[name]:
                self.differ(f"a view of {product} seen on the way", got, checked[name])
        self.say(f"views sampled on the way: {len(self.reader.samples)}, {len(checked)} different, each the fold of a prefix")
