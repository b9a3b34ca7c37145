"""Windows that a SQL stream processor has published results of (tumbling and hopping, aligned and not), with its input as it is, late
rows included: the same rows; and those of its queries whose results are not there, against plain counting."""
import collections
import datetime
import gzip
import json
import os
import sys
from fractions import Fraction

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import suite  # noqa: E402
import engine  # noqa: E402
import sketches  # noqa: E402
from exact import double_text, root_rounded, rounded  # noqa: E402

EPOCH = datetime.datetime(1970, 1, 1)
CAR = {"type": "record", "name": "Car", "fields": [
    {"name": "timestamp", "type": {"type": "long", "logicalType": "timestamp-micros"}}, {"name": "driver_id", "type": "long"},
    {"name": "event_type", "type": "string"}, {"name": "location", "type": "string"}]}
IMPULSE = {"type": "record", "name": "Impulse", "fields": [
    {"name": "timestamp", "type": {"type": "long", "logicalType": "timestamp-micros"}}, {"name": "counter", "type": "long"},
    {"name": "subtask_index", "type": "long"}]}
HOUR = 3600
NOBODY = 10 ** 6  # the driver or subtask of rows that come behind the others, so that their windows end


def second(text):
    moment = datetime.datetime.fromisoformat(text.replace("Z", "").replace("+00:00", ""))
    return (moment - EPOCH) // datetime.timedelta(milliseconds=1) / 1000


def lines(*path):
    name = suite.need_data("arroyo-windows", *path)
    with (gzip.open if name.endswith(".gz") else open)(name, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def iso(time):
    return (EPOCH + datetime.timedelta(seconds=time)).isoformat()


class SqlWindows(suite.Case):
    def members(self, schema, rows, aggregates):
        """{aggregate: {(key, start in seconds): fields}} of all windows, which have all ended."""
        self.write("row.avsc", json.dumps(schema))
        trees = {name: {"stream": "rows", "history": 2000, **tree} for name, tree in aggregates.items()}
        stream = {"topic": "t", "schema": "row.avsc", "time": "timestamp", "lateness": "30s"}
        config = self.write("config.yaml", suite.configuration({"rows": stream}, trees, directory=self.directory))
        data = self.write("rows.ndjson", "".join(json.dumps(row) + "\n" for row in rows))
        raw, counts, _ = self.replay(config, "rows", [data])
        self.assertEqual((counts["consumed"], counts["late"], counts["rejected"]), (len(rows), 0, 0))
        found = {name: {} for name in aggregates}
        for item in map(engine.parse_line, raw.splitlines()):
            if item["key"].endswith(":history"):
                _, name, *key = item["key"][:-len(":history")].split(":")
                found[name].update(((":".join(key), int(start) // 1000), fields) for start, fields in item["value"])
        return found

    def cars(self):
        """The rows, how many came behind a newer one, and those that end all windows: less than a step apart."""
        rows = lines("cars.json.gz")
        newest = max(second(row["timestamp"]) for row in rows)
        behind, most, clock = 0, 0, 0
        for row in rows:
            time = second(row["timestamp"])
            behind, most, clock = behind + (time < clock), max(most, clock - time), max(clock, time)
        self.assertEqual((len(rows), behind, most), (7932, 488, 23))
        ends = [{"timestamp": iso(newest + k * HOUR / 2), "driver_id": NOBODY, "event_type": "end", "location": "x"} for k in range(1, 6)]
        return rows, rows + ends

    def test_tumbling(self):
        """SELECT event_type, TUMBLE(INTERVAL '1' HOUR), COUNT(*) … GROUP BY 1, 2"""
        wanted = {(row["event_type"], second(row["hour"])): str(row["count"]) for row in lines("hourly_by_event_type.json")}
        rows, given = self.cars()
        found = self.members(CAR, given, {
            "types": {"by": ["event_type"], "window": {"tumbling": "1h"}, "where": {"driver_id": {"lt": NOBODY}}, "stats": {"count": "count()"}}})
        self.assertEqual(len(wanted), 51)
        self.assertEqual({key: fields["count"] for key, fields in found["types"].items()}, wanted)
        self.assertEqual(sum(map(int, wanted.values())), len(rows))

    def test_hop(self):
        """SELECT count(*), min(counter), max(counter), window.start, window.end … HOP(2 s, 10 s)"""
        rows = lines("impulse.json")
        newest = max(second(row["timestamp"]) for row in rows)
        ends = [{"timestamp": iso(newest + k * 7), "counter": 0, "subtask_index": NOBODY} for k in (1, 2, 3)]
        stats = {"count": "count()", "min": "min(counter)", "max": "max(counter)"}
        found = self.members(IMPULSE, rows + ends, {
            "hop": {"window": {"sliding": "10s", "every": "2s"}, "where": {"subtask_index": {"lt": NOBODY}}, "stats": stats}})
        wanted = lines("sliding_window_end.json")
        self.assertEqual(len(wanted), 14)
        self.assertEqual({start: [fields[name] for name in stats] + [int(fields["window_end"]) / 1000] for (_, start), fields in found["hop"].items()},
                         {second(row["start"]): [str(row[name]) for name in stats] + [second(row["end"])] for row in wanted})

    def test_other_queries(self):
        """Its other results are known by their numbers of rows alone: hours, hops of 40 minutes in an hour, the busiest driver of
        each hour that ends with a minute. What is in them is counted here."""
        rows, given = self.cars()
        everyone = {"driver_id": {"lt": NOBODY}}
        stats = {"count": "count()", "sum": "sum(driver_id)", "min": "min(driver_id)", "max": "max(driver_id)", "avg": "avg(driver_id)",
                 "sd": "stddev(driver_id)", "var_pop": "variance_pop(driver_id)", "drivers": "distinct(driver_id)",
                 "places": "distinct(location)", "median": "median(driver_id)",
                 "pickups": {"stat": "count()", "where": {"event_type": "pickup"}}, "share": "pickups / count"}
        found = self.members(CAR, given, {
            "hours": {"window": {"tumbling": "1h"}, "where": everyone, "stats": stats},
            "hops": {"window": {"sliding": "1h", "every": "40m"}, "where": everyone, "stats": stats},
            "drivers": {"by": ["driver_id"], "window": {"sliding": "1h", "every": "1m"}, "where": everyone, "stats": {"count": "count()"}}})
        for name, every, number in (("hours", HOUR, 26), ("hops", 2400, 39)):
            windows = collections.defaultdict(list)
            for row in rows:
                for end in self.ends(second(row["timestamp"]), every):
                    windows["", end - HOUR].append(row)
            self.assertEqual(len(windows), number)
            self.assertEqual({key: {stat: fields.get(stat) for stat in stats} for key, fields in found[name].items()},
                             {key: self.computed(held) for key, held in windows.items()})
        counts = collections.Counter((str(row["driver_id"]), end - HOUR) for row in rows for end in self.ends(second(row["timestamp"]), 60))
        self.assertEqual({key: int(fields["count"]) for key, fields in found["drivers"].items()}, dict(counts))
        busiest = {}
        for (driver, start), count in counts.items():
            busiest[start] = max(busiest.get(start, (0, "")), (count, driver))
        self.assertEqual(len(busiest), 1557)

    @staticmethod
    def ends(time, every):
        first = time // every * every + every
        return [int(first + k * every) for k in range(HOUR // every + 1) if first + k * every <= time + HOUR]

    @staticmethod
    def computed(rows):
        values = sorted(row["driver_id"] for row in rows)
        n, total = len(values), sum(values)
        spread = Fraction(sum(v * v for v in values)) - Fraction(total * total, n)
        pickups = sum(row["event_type"] == "pickup" for row in rows)
        assert n > 1
        out = {"count": n, "sum": total, "min": values[0], "max": values[-1], "drivers": len(set(values)),
               "places": len({row["location"] for row in rows}), "pickups": pickups}
        out = {name: str(value) for name, value in out.items()}
        return out | {"avg": double_text(rounded(Fraction(total, n))), "sd": double_text(root_rounded(spread / (n - 1))),
                      "var_pop": double_text(rounded(spread / n)), "median": str(int(sketches.quantile(values, "0.5", 1))),
                      "share": double_text(rounded(Fraction(pickups, n)))}


if __name__ == "__main__":
    suite.main()
