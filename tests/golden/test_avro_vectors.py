"""Published vectors of other implementations: canonical forms, fingerprints, whether two schemas are compatible, container files."""
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import suite  # noqa: E402
import procs  # noqa: E402

# Its reader's enum has a default that is none of its symbols, which the specification forbids and Java refuses, too.
FORBIDDEN = {138: "the enum's default 'B' is not one of its symbols"}
CODEC_FILES = ("weather.avro", "weather-deflate.avro", "weather-snappy.avro", "weather-sorted.avro")


def vectors(name):
    with open(suite.need_data("avro", name), encoding="utf-8") as file:
        return [json.loads(line) for line in file]


class AvroVectors(suite.Case):
    def ask(self, *arguments, expect=0):
        out, err = procs.check([suite.program("rollstat-schema"), *arguments], expect=expect)
        return out.decode() if expect == 0 else err.decode()

    def schema(self, name, schema):
        return self.write(name, json.dumps(schema))

    def test_canonical_forms(self):
        cases = vectors("canonical-vectors.jsonl")
        for case in cases:
            with self.subTest(schema=case["original_schema"]):
                found = self.ask("canonical", self.schema("s.avsc", case["original_schema"]))
                self.assertEqual(found, case["canonical_form"] + "\n")
        self.assertGreaterEqual(len(cases), 29)

    def test_fingerprints(self):
        checked = 0
        for case in vectors("fingerprint-vectors.jsonl"):
            with self.subTest(schema=case["original_schema"], algorithm=case["algorithm"]):
                wanted = case["expected_fingerprint"]
                if case["algorithm"] == "CRC-64-AVRO":
                    wanted = bytes.fromhex(wanted)[::-1].hex() + " ("  # the least byte first in the vectors
                elif case["algorithm"].replace("-", "").lower() != "sha256":
                    continue  # MD5 is not among what rollstat prints
                self.assertIn(f" {wanted}", self.ask("fingerprint", self.schema("s.avsc", case["original_schema"])))
                checked += 1
        self.assertGreaterEqual(checked, 69)

    def test_compatibility(self):
        """Verdict and kinds of breaks; each break is told with a path in the reader's schema."""
        cases = vectors("schema-compat-cases.jsonl")
        for case in cases:
            with self.subTest(id=case["id"], reader=case["reader"], writer=case["writer"]):
                files = self.schema("writer.avsc", case["writer"]), self.schema("reader.avsc", case["reader"])
                if case["id"] in FORBIDDEN:
                    self.assertIn(FORBIDDEN[case["id"]], self.ask("check", *files, expect=1))
                    continue
                found = json.loads(self.ask("check", "--json", "--need", "none", *files))["backward"]
                self.assertEqual(found["compatible"], case["compatible"], found)
                self.assertEqual({b["code"] for b in found["breaks"]}, set(case["incompatibilities"]), found)
                for b in found["breaks"]:
                    self.assertTrue(b["path"].startswith("schema") and b["text"], b)
                self.ask("check", "-n", "backward", *files, expect=0 if case["compatible"] else 3)
        self.assertGreaterEqual(len(cases), 79)

    def test_container_files(self):
        with open(suite.need_data("avro", "weather.json"), encoding="utf-8") as file:
            rows = [json.loads(line) for line in file]
        wanted = {}
        for row in rows:
            sum_, count = wanted.get(row["station"], (0, 0))
            wanted[row["station"]] = sum_ + row["temp"], count + 1
        self.write("weather.avsc", json.dumps({"type": "record", "name": "Weather", "namespace": "test", "fields": [
            {"name": "station", "type": "string"},
            {"name": "time", "type": {"type": "long", "logicalType": "timestamp-millis"}},
            {"name": "temp", "type": "int"}]}))
        config = self.write("c.yaml", suite.configuration(
            {"w": {"topic": "t", "schema": "weather.avsc", "time": "time", "lateness": "3650d"}},
            {"a": {"stream": "w", "by": ["station"], "window": {"all": True},
                   "stats": {"s": "sum(temp)", "n": "count(temp)"}}}, directory=self.directory))
        for name in CODEC_FILES:
            with self.subTest(file=name):
                raw, counts, _ = self.replay(config, "w", [suite.need_data("avro", name)], "--time-format", "ms")
                self.assertEqual(counts["applied"], len(rows))
                for station, (sum_, count) in wanted.items():
                    self.assertIn(f'{{"key":"rs:a:{station}","type":"hash","value":{{"s":"{sum_}","n":"{count}",', raw)


if __name__ == "__main__":
    suite.main()
