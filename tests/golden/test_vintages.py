"""World Bank GDP, four releases with real revisions and withdrawals, as upserts: in order, reversed and shuffled they end in the
same state, and value, change, percent change and the five-period mean of every country equal exact fractions."""
import csv
import datetime
import gzip
import os
import random
import sys
from fractions import Fraction

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import suite  # noqa: E402
import engine  # noqa: E402

RELEASES = ("20120920", "20130628", "20150816", "20170713")
HEADER = ("event_id", "indicator", "region", "source", "unit", "period_kind", "period_start", "value", "revision",
          "published_at")
CODE = "NY.GDP.MKTP.CD"
AGGREGATES = {
    "gdp": ({"last": 2}, engine.Last(2), {"value": "last(value)", "change": "change(value)", "pct": "pct_change(value)"}),
    "gdp_mean5": ({"last": 5}, engine.Last(5),
                  {"n": "count()", "mean": "mean(value)", "low": "min(value)", "high": "max(value)", "sd": "stddev(value)"}),
    "gdp_all": ({"all": True}, engine.Last(),
                {"n": "count()", "total": "sum(value)", "first": "first(value)", "last": "last(value)"}),
}


def read_release(path):
    """{(region, year): text}; a region without a code is named."""
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        return {(row["Country Code"] or "NAME:" + row["Country Name"], row["Year"]): row["Value"]
                for row in csv.DictReader(file)}


def build_events(directory):
    """[(region, year, value text or None, revision)]: first, revised, withdrawn and restored values, release by release."""
    events, state = [], {}
    for revision, name in enumerate(RELEASES):
        release = read_release(os.path.join(directory, f"{name}.csv.gz"))
        for key in sorted(set(state) | set(release)):
            new = release.get(key)
            if key not in state or state[key] != new:
                events.append((*key, new, revision))
                state[key] = new
    return events


def year_us(year):
    return int(datetime.datetime(int(year), 1, 1, tzinfo=datetime.timezone.utc).timestamp()) * engine.SECOND


class Vintages(suite.Case):
    @classmethod
    def setUpClass(cls):
        cls.events = build_events(suite.need_data("worldbank-gdp-vintages"))

    def write_events(self, name, events):
        with open(self.path(name), "w", encoding="utf-8", newline="") as file:
            out = csv.writer(file)
            out.writerow(HEADER)
            for region, year, value, revision in events:
                release = RELEASES[revision]
                out.writerow((f"{region}-{year}-{revision}", CODE, region, "World Bank", "USD", "YEAR",
                              f"{year}-01-01T00:00:00Z", value or "", revision,
                              f"{release[:4]}-{release[4:6]}-{release[6:]}T00:00:00Z"))
        return self.path(name)

    def oracle(self, events):
        aggregates = [engine.Aggregate(name, stats, window, ["indicator", "region"])
                      for name, (_, window, stats) in AGGREGATES.items()]
        partition = engine.UpsertPartition(engine.Upsert("period_start", "revision", "value", aggregates))
        for offset, (region, year, value, revision) in enumerate(events):
            partition.apply(offset, None, {"indicator": CODE, "region": region, "period_start": year_us(year),
                                           "revision": revision, "value": engine.fraction(value)})
        return partition

    def replay_order(self, name, events, partitions):
        config = self.write("config.yaml", suite.configuration(
            {"gdp": {"topic": "t", "schema": "indicator.avsc", "time": "period_start",
                     "upsert": {"version": "revision", "value": "value"}}},
            {aggregate: {"stream": "gdp", "by": ["indicator", "region"], "window": window, "stats": stats}
             for aggregate, (window, _, stats) in AGGREGATES.items()}))
        data = self.write_events(f"{name}.csv", events)
        raw, counts, _ = self.replay(config, "gdp", [data], "--partitions", partitions)
        self.assertEqual((counts["consumed"], counts["applied"]), (len(events), len(events)), name)
        return raw

    def test_every_order_ends_in_the_same_state(self):
        keys = {event[:2] for event in self.events}
        withdrawn = sum(value is None for _, _, value, _ in self.events)
        self.assertEqual((len(self.events), len(keys), withdrawn), (30937, 11935, 409))
        expected = self.oracle(self.events).shown(None)
        orders = {"in_order": self.events, "reversed": self.events[::-1]}
        for seed in range(4):
            orders[f"shuffled{seed}"] = random.Random(seed).sample(self.events, len(self.events))
        outputs = {}
        for number, (name, events) in enumerate(orders.items()):
            outputs[name] = self.replay_order(name, events, number + 1)
            self.same_keys(outputs[name], expected, ignore=(r"rs:\w+:index",))
        self.assertEqual(len(set(outputs.values())), 1, "output bytes differ between orders")

    def test_prefix_of_the_releases(self):
        """After each release the state is that release's own: nothing of a withdrawn value stays."""
        for release in range(len(RELEASES)):
            events = [e for e in self.events if e[3] <= release]
            raw = self.replay_order(f"until{release}", events, 2)
            self.same_keys(raw, self.oracle(events).shown(None), ignore=(r"rs:\w+:index",))


if __name__ == "__main__":
    suite.main()
