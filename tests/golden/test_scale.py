"""A double with a declared scale is that decimal wherever it is looked at: rules, where, ids, group keys, statistics."""
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import suite  # noqa: E402
import engine  # noqa: E402
import procs  # noqa: E402

SCHEMA = {"type": "record", "name": "E", "fields": [
    {"name": "t", "type": {"type": "long", "logicalType": "timestamp-millis"}},
    {"name": "v", "type": ["null", "double"]}, {"name": "f", "type": "float"}]}
NEAR = 19.990000000000002  # not 19.99, which scale 2 makes it


def spell(value):
    return "" if value is None else repr(value).replace("inf", "Infinity")


class Scale(suite.Case):
    def run_rows(self, rows, aggregate=None, expect=0, **stream):
        self.write("e.avsc", json.dumps(SCHEMA))
        config = self.write("config.yaml", suite.configuration(
            {"s": {"topic": "t", "schema": "e.avsc", "time": "t", "scale": {"v": 2, "f": 1}, **stream}},
            {"a": {"stream": "s", "window": {"all": True}, "stats": {"n": "count()", "s": "sum(v)"}, **(aggregate or {})}},
            directory=self.directory))
        data = self.write("rows.csv", "t,v,f\n" + "".join(
            f"2026-01-01T00:00:00Z,{spell(v)},{f!r}\n" for v, f in rows))
        raw, counts, err = self.replay(config, "s", [data], expect=expect)
        shown = {v["key"]: v["value"] for v in map(engine.parse_line, raw.splitlines()) if v["type"] == "hash"}
        return shown, counts, err

    def test_rules(self):
        for rule in ({"le": 19.99}, {"eq": 19.99}, {"in": [1, 19.99]}, {"ge": "19.990"}, {"lt": 20}):
            shown, counts, _ = self.run_rows([(NEAR, 0.1)], rules={"v": rule, "f": {"eq": 0.1}})
            self.assertEqual((counts["applied"], shown["rs:a"]["s"]), (1, "19.99"), rule)
        for rule in ({"ne": 19.99}, {"gt": 19.99}, {"not_in": [19.99]}, {"lt": 19.99}):
            _, counts, _ = self.run_rows([(NEAR, 0.1)], rules={"v": rule}, expect=3)
            self.assertEqual(counts["rejected"], 1, rule)

    def test_where(self):
        for test, passed in (({"v": 19.99}, 1), ({"v": {"gt": 19.99}}, 0), ({"not": {"v": {"le": 19.99}}}, 0),
                             ({"f": {"in": [0.1]}}, 1)):
            _, counts, _ = self.run_rows([(NEAR, 0.1)], {"where": test})
            self.assertEqual(counts["applied"], passed, test)

    def test_ids(self):
        _, counts, _ = self.run_rows([(NEAR, 0.0), (19.99, 0.0), (19.985000000000003, 0.0), (19.98, 0.0)], id="v")
        self.assertEqual((counts["applied"], counts["duplicate"]), (2, 2))

        _, counts, _ = self.run_rows([(float("nan"), 0.0), (1.0, 0.0), (None, 0.0), (None, 0.0)], id="v", expect=3)
        self.assertEqual((counts["applied"], counts["rejected"]), (3, 1))

    def test_the_kafka_key(self):
        """By default that of the groups, so that a group has one partition."""
        self.write("e.avsc", json.dumps(SCHEMA))
        config = self.write("config.yaml", suite.configuration(
            {"s": {"topic": "t", "schema": "e.avsc", "time": "t", "scale": {"v": 2}}},
            {"a": {"stream": "s", "by": ["v"], "window": {"all": True}, "stats": {"n": "count()"}}}, directory=self.directory))
        out, _ = procs.check([suite.program("rollstatd"), "-c", config, "--explain"])
        self.assertIn("key", out.decode())
        self.assertRegex(out.decode(), r"key[^\n]* v\b")

    def test_group_keys(self):
        rows = [(NEAR, 0.1), (19.99, 0.1), (-0.001, 0.1), (0.0, 0.1), (None, 0.1), (1e15, -0.5)]
        shown, _, _ = self.run_rows(rows, {"by": ["v", "f"]})
        self.assertEqual({k: v["n"] for k, v in shown.items() if k != "rs:meta"}, {
            "rs:a:19.99:0.1": "2", "rs:a:0:0.1": "2", "rs:a:%null:0.1": "1", "rs:a:1000000000000000:-0.5": "1"})

    def test_not_finite_and_too_large(self):
        shown, counts, _ = self.run_rows([(float("nan"), 0.0), (float("-inf"), 0.0), (1.0, 0.0)])
        self.assertEqual((counts["applied"], shown["rs:a"]["n"], shown["rs:a"]["s"]), (3, "3", "1"))
        for rule, left in (({"finite": True}, 1), ({"gt": 0}, 1), ({"lt": 0}, 1), ({"ne": 0}, 3)):
            _, counts, _ = self.run_rows([(float("nan"), 0.0), (float("-inf"), 0.0), (1.0, 0.0)], rules={"v": rule},
                                         expect=0 if left == 3 else 3)
            self.assertEqual(counts["applied"], left, rule)
        _, counts, err = self.run_rows([(float("nan"), 0.0), (1.0, 0.0)], {"by": ["v"]}, expect=3, key=["f"])
        self.assertEqual((counts["applied"], counts["rejected"]), (1, 1))
        self.assertIn("not_finite: a number is NaN or infinite where a rule, an id or a group key forbids it", err)
        _, counts, err = self.run_rows([(1e17, 0.0)], expect=3)
        self.assertIn("decimal_range", err)

    def test_a_constant_has_no_more_digits_than_the_scale(self):
        self.write("e.avsc", json.dumps(SCHEMA))
        config = self.write("config.yaml", suite.configuration(
            {"s": {"topic": "t", "schema": "e.avsc", "time": "t", "scale": {"v": 2}, "rules": {"v": {"le": 19.995}}}},
            {"a": {"stream": "s", "window": {"all": True}, "stats": {"n": "count()"}}}, directory=self.directory))
        _, err = procs.check([suite.program("rollstatd"), "-c", config, "--check"], expect=1)
        self.assertIn("v (double): more than 2 digits after the point", err.decode())


if __name__ == "__main__":
    suite.main()
