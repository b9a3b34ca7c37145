"""--check --sample: what a configuration would reject of a file, by rule and reason, with the places and no values."""
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import suite  # noqa: E402
import procs  # noqa: E402

SCHEMA = {"type": "record", "name": "S", "fields": [
    {"name": "t", "type": {"type": "long", "logicalType": "timestamp-millis"}}, {"name": "shop", "type": "string"},
    {"name": "low", "type": "int"}, {"name": "high", "type": "int"}, {"name": "x", "type": ["null", "long"]}]}
RULES = {"low": [{"le": {"field": "high"}, "reason": "low above high"}, {"ge": 0, "on_fail": "count"}],
         "shop": {"pattern": "[A-Z]+"}, "x": {"gt": 5, "on_fail": "null"}}
STREAM = {"topic": "t", "schema": "s.avsc", "time": "t", "rules": RULES, "id": ["low", "high"]}
# t, shop, low, high, x
ROWS = [("2026-01-01T00:00:00Z", "A", 1, 2, 7),       # line 2
        ("2026-01-01T00:00:01Z", "A", 3, 2, 8),       # low above high
        ("2026-01-01T00:00:02Z", "A", -3, 2, 9),      # counted
        ("2026-01-01T00:00:03Z", "SECRET1", 1, 2, 10),
        ("2026-01-01T00:00:04Z", "A", "SECRET2", 2, 11),
        ("2026-01-01T00:00:05Z", "A", 1, 5, 1),       # null
        ("2026-01-01T00:00:06Z", "A", 1, 2, 7)]       # duplicate


class Sample(suite.Case):
    def config(self, **more):
        self.write("s.avsc", json.dumps(SCHEMA))
        return self.write("c.yaml", suite.configuration(
            {"s": {**STREAM, **more}}, {"a": {"stream": "s", "by": ["shop"], "window": {"all": True},
                                              "stats": {"n": "count()", "p": "sum(x * x * x)"}}}, directory=self.directory))

    def rows(self, rows):
        return self.write("rows.csv", "t,shop,low,high,x\n" + "".join(",".join(map(str, row)) + "\n" for row in rows))

    def sample(self, config, *options, expect):
        out, err = procs.check([suite.program("rollstatd"), "-c", config, "--check", "--sample", *options], expect=expect)
        self.assertNotIn("SECRET", out.decode() + err.decode())
        return out.decode().splitlines(), err.decode()

    def test_what_is_rejected(self):
        for more in ({}, {"dead_letters": False}):
            config = self.config(**more)
            lines, err = self.sample(config, self.rows(ROWS), expect=3)
            self.assertEqual(lines, [
                f"{config}: ok: 1 stream, 1 aggregate",
                "stream s: rows 7 = unreadable 1 + applied 3 + late 0 + duplicate 1 + rejected 2 + filtered 0",
                "  rule low: le {field: high} (low above high) rejects 1 row, at 3",
                "  rule low: ge 0 counts 1 row, at 4",
                "  rule shop: pattern [A-Z]+ rejects 1 row, at 5",
                "  rule x: gt 5 makes null 1 row, at 7"])
            self.assertEqual(err, f"{self.path('rows.csv')}:6:24: low: is not an integer\n")

    def test_reasons_and_many_places(self):
        """Reasons of other kinds than rules; after the first places only the count goes on."""
        rows = [("2026-01-01T00:00:00Z", "A", 1, 2, 3 * 10 ** 18 + k) for k in range(9)]
        lines, _ = self.sample(self.config(), self.rows(rows), expect=3)
        self.assertEqual(lines[2:], ["  computed_range (a formula of a statistic comes to more digits than 38) rejects 9 rows, "
                                     "at 2, 3, 4, 5, 6 and further on"])

    def test_nothing_is_rejected(self):
        lines, err = self.sample(self.config(), self.rows(ROWS[:1]), "--stream", "s", expect=0)
        self.assertEqual(lines[1:], ["stream s: rows 1 = unreadable 0 + applied 1 + late 0 + duplicate 0 + rejected 0 + filtered 0"])
        self.assertEqual(err, "")

    def test_other_forms(self):
        """NDJSON, of a stream of JSON messages, too; and from standard input."""
        line = json.dumps(dict(zip(("t", "shop", "low", "high", "x"), ROWS[1])))
        for more in ({}, {"format": "json"}):
            lines, _ = self.sample(self.config(**more), self.write("rows.ndjson", line), expect=3)
            self.assertIn("low above high", lines[2])

    def test_budgets(self):
        """Items of all arrays together, and depth, as the stream says: whoever makes events of rows looks at them, too."""
        self.write("b.avsc", json.dumps({"type": "record", "name": "B", "fields": [
            SCHEMA["fields"][0], {"name": "tags", "type": {"type": "array", "items": {"type": "array", "items": "int"}}}]}))
        line = json.dumps({"t": ROWS[0][0], "tags": [[1, 2], [3]]})
        for more, reason in (({}, None), ({"max_items": 5, "max_depth": 3}, None), ({"max_items": 4}, "too_many_items"),
                             ({"max_depth": 2}, "too_deep")):
            config = self.write("b.yaml", suite.configuration(
                {"s": {"topic": "t", "schema": "b.avsc", "time": "t", **more}},
                {"a": {"stream": "s", "window": {"all": True}, "stats": {"n": "count()"}}}, directory=self.directory))
            lines, err = self.sample(config, self.write("rows.ndjson", line), expect=3 if reason else 0)
            self.assertIn(f"rows 1 = unreadable {1 if reason else 0} + ", lines[1])
            self.assertEqual(err == "", reason is None)
            self.assertIn(f"the daemon would refuse this event as {reason}: " if reason else "", err)

    def test_usage(self):
        config, rows = self.config(), self.rows(ROWS)
        wrong = self.write("wrong.yaml", "streams: 1\n")
        for argv, code, words in (
                (["-c", config, "--sample", rows], 1, "--sample is for --check"),
                (["-c", config, "--replay", "--sample", rows], 1, "--sample is for --check"),
                (["-c", config, "--check", "--sample", rows, "--partitions", "2"], 1, "--partitions is for --replay"),
                (["-c", config, "--check", "--sample", rows, rows], 1, "files are for --replay"),
                (["-c", config, "--check", "--stream", "s"], 1, "--stream is for --replay, --rebuild and --check --sample"),
                (["-c", config, "--check", "--sample", rows, "--stream", "z"], 1, "no stream \"z\""),
                (["-c", config, "--check", "--sample", self.path("none.csv")], 2, "none.csv"),
                (["-c", wrong, "--check", "--sample", rows], 1, "wrong.yaml:1:")):
            _, err = procs.check([suite.program("rollstatd"), *argv], expect=code)
            self.assertIn(words, err.decode())


if __name__ == "__main__":
    suite.main()
