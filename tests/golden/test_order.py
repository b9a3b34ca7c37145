"""The order of arrival does not matter: shuffled events, split over 1 to 8 partitions, give identical output bytes."""
import os
import random
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import suite  # noqa: E402
import engine  # noqa: E402
from test_semantics import COMMON, DOUBLE, PLACES, SKETCHES, START, S, TUMBLING, WINDOWED, event_line, make_event  # noqa: E402

ORDERS = 24
LATENESS = 600 * S
STREAM = {"topic": "t", "schema": "event.avsc", "time": "at", "lateness": "600s"}


def windows():
    """[(name, YAML, oracle's window, statistics)]"""
    return [("tumbling", {"tumbling": "1m"}, engine.Window(60 * S), {**COMMON, **SKETCHES, **WINDOWED, **TUMBLING}),
            ("sliding", {"sliding": "5m", "every": "30s"}, engine.Window(300 * S, 30 * S), {**COMMON, **SKETCHES, **WINDOWED})]


def shuffled_within(rng, events, bound):
    """An order in which no event comes more than `bound` after one that is newer by more than that."""
    return sorted(events, key=lambda e: e["at"] + rng.randrange(bound))


class Order(suite.Case):
    def check_orders(self, events, shuffle, aggregates, trees, history_revision):
        config = self.write("config.yaml", suite.configuration(
            {"events": STREAM}, trees, directory=os.path.dirname(os.path.abspath(__file__))))
        outputs, expected = set(), None
        for number in range(ORDERS):
            rng = random.Random(number)
            order = shuffle(rng, events) if number else events
            data = self.write(f"events{number}.ndjson", "".join(map(event_line, order)))
            raw, counts, _ = self.replay(config, "events", [data], "--partitions", number % 8 + 1)
            self.assertEqual((counts["applied"], counts["late"]), (len(events), 0), f"order {number}")
            for aggregate in aggregates:
                aggregate.folder.places = PLACES
            oracle = engine.AppendPartition(engine.Append("at", aggregates, LATENESS))
            for offset, event in enumerate(order):
                oracle.apply(offset, None, event)
            # Only revisions depend on the order, so that the rest has to be worked out once.
            expected = expected or oracle.shown(oracle.now_shown)
            set_revisions(expected, oracle)
            self.same_keys(raw, expected)
            outputs.add(raw if not history_revision else without_revisions(raw))
        self.assertEqual(len(outputs), 1, "output bytes differ between orders")

    def test_bounded_by_lateness(self):
        rng = random.Random(7)
        times = rng.sample(range(START, START + 1800 * S), 1500)
        events = [make_event(rng, n, t) for n, t in enumerate(sorted(times))]
        trees, aggregates = {}, []
        for name, tree, window, stats in windows():
            trees[name] = {"stream": "events", "by": ["name"], "window": tree, "stats": stats, "history": 500}
            aggregates.append(engine.Aggregate(name, stats, window, ["name"], None, 500, DOUBLE))
        self.check_orders(events, lambda r, e: shuffled_within(r, e, LATENESS), aggregates, trees, True)

    def test_unbounded_with_all_windows(self):
        rng = random.Random(8)
        times = rng.sample(range(START, START + 40 * 86400 * S), 1500)
        events = [make_event(rng, n, t) for n, t in enumerate(sorted(times))]
        trees = {"total": {"stream": "events", "by": ["name"], "window": {"all": True}, "stats": COMMON | SKETCHES}}
        aggregates = [engine.Aggregate("total", COMMON | SKETCHES, engine.Window(), ["name"], None, 0, DOUBLE)]
        self.check_orders(events, lambda r, e: r.sample(e, len(e)), aggregates, trees, False)

    def test_one_group_a_day_behind(self):
        """A backfill beside present data: nothing is late, whichever comes first."""
        rng = random.Random(9)
        events = []
        for n, t in enumerate(range(START, START + 3600 * S, 2 * S)):
            event = make_event(rng, n, t + rng.randrange(S))
            if event["name"] == "zz":
                event["at"] -= 86400 * S
            events.append(event)
        trees, aggregates = {}, []
        for name, tree, window, stats in windows():
            trees[name] = {"stream": "events", "by": ["name"], "window": tree, "stats": stats, "history": 5000}
            aggregates.append(engine.Aggregate(name, stats, window, ["name"], None, 5000, DOUBLE))

        def interleave(order_rng, all_events):
            lanes = {}
            for event in all_events:
                lanes.setdefault(event["name"], []).append(event)
            out = []
            while lanes:
                name = order_rng.choice(sorted(lanes))
                take = order_rng.randrange(1, 200)
                out += lanes[name][:take]
                lanes[name] = lanes[name][take:]
                if not lanes[name]:
                    del lanes[name]
            return out
        self.check_orders(events, interleave, aggregates, trees, True)


def set_revisions(expected, oracle):
    for aggregate in oracle.stream.aggregates:
        for key, group in oracle.groups[aggregate.name].items():
            for start, member in expected.get(f"rs:{aggregate.name}" + (f":{key}" if aggregate.by else "") + ":history", {"value": []})["value"]:
                end = start * 1000 + aggregate.window.size
                member["revision"] = str(group.revisions.get(end, 0))


def without_revisions(raw):
    """`revision` counts arrivals after the group's clock had passed the window: it belongs to the order by definition."""
    return re.sub(r'"revision":\d+', '"revision":_', raw)


if __name__ == "__main__":
    suite.main()
