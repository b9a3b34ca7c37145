"""No group value can meet a key of ours: every object of an installation has a key of its own.

--replay prints each key with its type, so a key printed twice, or one that a dashboard would take apart wrongly, shows at once.
"""
import itertools
import json
import os
import sys
import urllib.parse

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import suite  # noqa: E402
import engine  # noqa: E402

# Words that stand in keys of ours, their encodings and beginnings, separators, and texts that end or begin like keys.
VALUES = [None, "", "index", "history", "updates", "meta", "owners", "fence", "%null", "null", "%69ndex", "%", ":", "::", "a:history",
          ":history", "history:", "index:", " ", "a", "a:b", "b", "{a}", "\x00", "\x7f", "%3A", "a%3Ahistory", "数据", "one", "two"]
FEW = [None, "", "index", "history", ":", "%", "a"]
SCHEMA = {"type": "record", "name": "E", "fields": [
    {"name": "t", "type": {"type": "long", "logicalType": "timestamp-millis"}},
    *({"name": n, "type": ["null", "string"]} for n in "abc")]}
TREES = {"all": [], "one": ["a"], "two": ["a", "b"], "three": ["a", "b", "c"], "index": ["a"], "history": ["b"], "updates": ["a", "b"],
         "fence.": ["a", "b"], "owner": ["a"]}


ROWS = sorted(set(itertools.product(VALUES, VALUES, [None])) | set(itertools.product(FEW, repeat=3)), key=repr)


class Keys(suite.Case):
    def events(self):
        for row in ROWS:
            for minute in (0, 1):  # so that every group has an ended window
                yield {"t": f"2026-01-01T00:0{minute}:00Z", **dict(zip("abc", row))}

    def test_every_object_has_a_key_of_its_own(self):
        self.write("e.avsc", json.dumps(SCHEMA))
        config = self.write("c.yaml", suite.configuration(
            {"s": {"topic": "s", "schema": "e.avsc", "time": "t", "lateness": "1h"}},
            {n: {"stream": "s", "by": by, "window": {"tumbling": "1m"}, "history": 3, "stats": {"n": "count()"}} if by else
             {"stream": "s", "window": {"tumbling": "1m"}, "history": 3, "stats": {"n": "count()"}} for n, by in TREES.items()},
            directory="."))
        raw, counts, _ = self.replay(config, "s", [self.write("e.ndjson", "".join(json.dumps(e) + "\n" for e in self.events()))])
        self.assertEqual(counts["applied"], counts["consumed"])
        types = {}
        for line in raw.splitlines():
            item = engine.parse_line(line)
            self.assertFalse(item["key"] in types, f"{item['key']} twice")
            types[item["key"]] = item["type"]
        wanted = {"rs:meta": "hash"}
        for name, by in TREES.items():
            wanted[f"rs:{name}:index"] = "zset"
            for values in {tuple(row["abc".index(field)] for field in by) for row in ROWS}:
                text = engine.Aggregate(name, {"n": "count()"}, engine.Window(60), by).key(dict(zip(by, values)))
                key = f"rs:{name}" + (f":{text}" if by else "")
                self.assertFalse(key in wanted or f"{key}:history" in wanted, (name, values))
                wanted[key] = "hash"
                wanted[f"{key}:history"] = "zset"
                if by:
                    self.assertEqual(self.decode(text, len(by)), list(values), "what a dashboard makes of it")
        for name in TREES:  # what --replay does not print
            for key in ("rs:owners", f"rs:owners:{name}", "rs:fence:tests:s:0", "rs:fence:s:0"):
                self.assertFalse(key in wanted, key)
        self.assertGreater(len(wanted), 5000)
        self.assertEqual(sorted(set(types.items()) ^ set(wanted.items()))[:5], [])

    def decode(self, text, count):
        parts = text.split(":")
        self.assertEqual(len(parts), count)
        return [None if p == "%null" else urllib.parse.unquote(p, errors="strict") for p in parts]

    def test_names_that_are_ours_are_refused(self):
        self.write("e.avsc", json.dumps(SCHEMA))
        for name in ("meta", "owners", "fence", "a:b", "", ":", "%69ndex", "数据"):
            config = self.write("c.yaml", suite.configuration(
                {"s": {"topic": "s", "schema": "e.avsc", "time": "t"}}, {}, directory=".") .replace("aggregates: {}", "") +
                f"aggregates:\n  {json.dumps(name, ensure_ascii=False)}: {{stream: s, window: {{all: true}}, stats: {{n: count()}}}}\n")
            _, err = suite.procs.check([suite.program("rollstatd"), "-c", config, "--check"], expect=1)
            self.assertIn("name", err.decode())


if __name__ == "__main__":
    suite.main()
