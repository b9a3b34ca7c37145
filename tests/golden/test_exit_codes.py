"""Exit codes as the manual pages say, for every option of every program that takes a file: what cannot be opened,
read or written is 2, and is named; what is in it or wrong in its use is 1; bad rows are 3."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import suite  # noqa: E402
import procs  # noqa: E402

CONFIG = """\
kafka: {bootstrap.servers: 127.0.0.1:9}
redis: {url: redis://127.0.0.1:9/0}
schemas: {directory: SCHEMAS}
http: off
streams: {trades: {topic: t, schema: FILE, time: executed_at}}
aggregates: {a: {stream: trades, window: {all: true}, stats: {n: count()}}}
"""
HEADER = "trade_id,exchange,product,price,quantity,currency,executed_at\n"
GOOD = HEADER + "a,X,P,1,1,CNY,2026-01-01T00:00:00Z\n"
BAD = HEADER + "a,X,P,one,1,CNY,2026-01-01T00:00:00Z\n"
DRY = "--dry-run --stream trades"

# Each place where a program takes a file to read; {} is where the file's name goes.
READ = {
    "rollstatd": ["-c {}", "-c {} --check", "-c {} --explain", "-c {} --replay --stream trades GOOD", "-c {} --rebuild",
                  "-c CONFIG --check --sample {}", "-c CONFIG --replay --stream trades {}", "-c CONFIG --replay --stream trades GOOD {}"],
    "rollstat-publish": ["-c {} " + DRY + " GOOD", "-c CONFIG " + DRY + " {}", "-c CONFIG " + DRY + " GOOD {}"],
    "rollstat-state": ["-c {}"],
    "rollstat-dlq": ["-c {} list", "-c {} show"],
    "rollstat-tap": ["-c {} trades"],
    "rollstat-top": ["-c {} --once", "--password-file {} --once"],
    "rollstat-schema": ["canonical {}", "fingerprint {}", "explain {}", "decode -s {}", "decode -s SCHEMA {}"],
}
# Each place where one is written.
WRITTEN = {
    "rollstatd": ["-c CONFIG --replay --stream trades --rejects {} GOOD"],
    "rollstat-publish": ["-c CONFIG " + DRY + " --rejects {} GOOD"],
}
# Programs that load streams, with a file named inside of the configuration.
INSIDE = {
    "rollstatd": ["-c {} --check", "-c {} --explain", "-c {} --replay --stream trades GOOD"],
    "rollstat-publish": ["-c {} " + DRY + " GOOD"],
    "rollstat-state": ["-c {}"],
    "rollstat-dlq": ["-c {} list"],
    "rollstat-tap": ["-c {} trades"],
}
# Arguments, exit code, what stderr says.
CONTENT = {
    "rollstatd": [
        ("-c CONFIG --check", 0, ""),
        ("-c CONFIG --replay --stream trades GOOD", 0, "rows: 1 read, 0 bad"),
        ("-c CONFIG --check --sample GOOD", 0, ""),
        ("-c CONFIG --check --sample BAD", 3, "price: "),
        ("-c CONFIG --replay --stream trades BAD", 3, "price: "),
        ("-c CONFIG --replay --stream trades OTHER", 1, "no column supplies: "),
        ("-c CONFIG --replay --stream trades --format avro GOOD", 1, "is not an Avro container file"),
        ("-c CONFIG --replay --stream trades CUT", 2, "the gzip data is cut off"),
        ("-c CONFIG --replay --stream trades --rejects GOOD GOOD", 1, "is one of the files to read"),
        ("-c OTHER --check", 1, ""),
    ],
    "rollstat-publish": [
        ("-c CONFIG " + DRY + " GOOD", 0, "checked 1 rows"),
        ("-c CONFIG " + DRY + " BAD", 3, "price: "),
        ("-c CONFIG " + DRY + " OTHER", 1, "no column supplies: "),
        ("-c CONFIG " + DRY + " --format avro GOOD", 1, "is not an Avro container file"),
        ("-c CONFIG " + DRY + " CUT", 2, "the gzip data is cut off"),
        ("-c CONFIG " + DRY + " --rejects GOOD GOOD", 1, "is one of the files to read"),
        ("-c OTHER " + DRY + " GOOD", 1, ""),
    ],
    "rollstat-state": [("-c OTHER", 1, "")],
    "rollstat-dlq": [("-c OTHER list", 1, ""), ("-c OTHER show", 1, "")],
    "rollstat-tap": [("-c OTHER trades", 1, ""), ("-c CONFIG trade", 1, "has no stream")],
    "rollstat-top": [("-c OTHER --once", 1, ""), ("--password-file EMPTY --once", 1, "is empty"),
                     ("--password-file LONG --once", 1, "is larger than the limit of"),
                     ("-c CONFIG --once", 2, "cannot connect")],
    "rollstat-schema": [("canonical OTHER", 1, "not valid JSON"), ("decode -s SCHEMA GOOD", 3, "the message is refused"),
                        ("decode -x -s SCHEMA GOOD", 1, "is not a hexadecimal digit")],
}


class ExitCodes(suite.Case):
    def setUp(self):
        super().setUp()
        os.mkdir(self.path("directory"))
        config = CONFIG.replace("SCHEMAS", suite.yaml(suite.SCHEMAS))
        self.files = {
            "CONFIG": self.write("c.yaml", config.replace("FILE", "trade.avsc")),
            "GOOD": self.write("good.csv", GOOD),
            "BAD": self.write("bad.csv", BAD),
            "OTHER": self.write("other.csv", "nothing,of,this\n1,2,3\n"),
            "CUT": self.write("cut.csv.gz", b"\x1f\x8b\x08\0\0\0\0\0\0\3abc"),
            "EMPTY": self.write("empty", "\n"),
            "LONG": self.write("long", "x" * 100000),
            "SCHEMA": os.path.join(suite.SCHEMAS, "trade.avsc"),
        }

    def expect(self, program, arguments, code, text):
        words = [self.files.get(word, word) for word in arguments.split()]
        with self.subTest(program=program, arguments=arguments):
            status, _, err = procs.run([suite.program(program), *words])
            self.assertEqual(status, code, err.decode())
            self.assertIn(text, err.decode())

    def test_files_that_cannot_be_read(self):
        for program, places in READ.items():
            for place in places:
                for path, why in (("missing", "No such file or directory"), ("directory", "s a directory"),
                                  ("good.csv/under", "Not a directory")):
                    self.files["PLACE"] = self.path(path)
                    self.expect(program, place.replace("{}", "PLACE"), 2, why)
                    self.expect(program, place.replace("{}", "PLACE"), 2, self.path(path))

    def test_files_that_cannot_be_written(self):
        for program, places in WRITTEN.items():
            for place in places:
                for path, why in (("missing/rejects", "No such file or directory"), ("directory", "Is a directory")):
                    self.files["PLACE"] = self.path(path)
                    self.expect(program, place.replace("{}", "PLACE"), 2, f"--rejects {self.path(path)}: cannot be written: {why}")

    def test_files_a_configuration_names(self):
        text = CONFIG.replace("SCHEMAS", suite.yaml(suite.SCHEMAS))
        for program, places in INSIDE.items():
            for place in places:
                self.files["PLACE"] = self.write("inside.yaml", text.replace("FILE", "missing.avsc"))
                self.expect(program, place.replace("{}", "PLACE"), 1, "inside.yaml:5:38: cannot open")

    def test_content(self):
        for program, cases in CONTENT.items():
            for arguments, code, text in cases:
                self.expect(program, arguments, code, text)


if __name__ == "__main__":
    suite.main()
