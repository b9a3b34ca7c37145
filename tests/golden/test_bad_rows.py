"""Broken rows: each is reported with its file, line, column and reason, kept by --rejects, and the good rows around it are all taken, by
rollstat-publish and by --replay alike."""
import gzip
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import suite  # noqa: E402
import procs  # noqa: E402

HEADER = "trade_id,exchange,product,side,status,price,quantity,currency,executed_at\n"
T = "2026-01-01T00:00:00Z"
GOOD = f"good,X,P,BUY,EXECUTED,1.5,1,CNY,{T}\n"
NOT_ISO = "not a time in ISO 8601, such as 2026-01-31 or 2026-01-31T23:59:59.5Z"

# row, column of the fault, reason
CSV = [
    (f"b,X,P,BUY,EXECUTED,,1,CNY,{T}\n", 20, "price: is empty; a decimal number is needed"),
    (f"c,X,P,BUY,EXECUTED,abc,1,CNY,{T}\n", 20, "price: not a number"),
    (f"d,X,P,BUY,EXECUTED,1.123456789,1,CNY,{T}\n", 20, "price: more than 8 digits after the point"),
    (f"e,X,P,BUY,EXECUTED,12345678901,1,CNY,{T}\n", 20, "price: has more than 18 digits, 8 of them behind the point"),
    (f"f,X,P,BUY,EXECUTED,1e400,1,CNY,{T}\n", 20, "price: more than 38 digits"),
    (f"g,X,P,bUY,EXECUTED,1,1,CNY,{T}\n", 7, "side: is not a symbol of rollstat.Side; did you mean BUY?"),
    (f"h,X,P,BUY,DONE,1,1,CNY,{T}\n", 11, "status: is not a symbol of rollstat.TradeStatus"),
    ("i,X,P,BUY,EXECUTED,1,1,CNY,2026-02-30T00:00:00Z\n", 28, "executed_at: the date does not exist in the calendar"),
    ("j,X,P,BUY,EXECUTED,1,1,CNY,2026-01-01T25:00:00Z\n", 28,
     "executed_at: the time of day does not exist (00:00:00 to 23:59:59)"),
    ("k,X,P,BUY,EXECUTED,1,1,CNY,2026-01-01T00:00:60Z\n", 28,
     "executed_at: the time of day does not exist (00:00:00 to 23:59:59)"),
    ("l,X,P,BUY,EXECUTED,1,1,CNY,yesterday\n", 28, f"executed_at: {NOT_ISO}"),
    ("m,X,P,BUY,EXECUTED,1,1,CNY,10000-01-01T00:00:00Z\n", 28, f"executed_at: {NOT_ISO}"),
    ("n,X,P,BUY,EXECUTED,1,1,CNY,2026-01-01T00:00:00+25:00\n", 28, f"executed_at: {NOT_ISO}"),
    ("o,X,P,BUY,EXECUTED,1,1,CNY,\n", 28, "executed_at: is empty; a time is needed"),
    ("p,X,P,BUY,EXECUTED,1,1,CNY\n", 27, "the row has 8 cells, the header 9"),
    (f"q,X,P,BUY,EXECUTED,1,1,CNY,{T},extra\n", 49, "the row has 10 cells, the header 9"),
    (f'r,X,"P"x,BUY,EXECUTED,1,1,CNY,{T}\n', 8,
     "text behind a closing quote; double the quotes that belong to the cell"),
    (f'q,X,P"q,BUY,EXECUTED,1,1,CNY,{T}\n', 6,
     "a quote inside a cell that does not begin with one; quote the whole cell and double the quotes in it"),
    (f"s,X,P,BUY,EXECUTED,1 2,1,CNY,{T}\n", 20, "price: not a number"),
    (f"t,X,P,BUY,EXECUTED,0x10,1,CNY,{T}\n", 20, "price: not a number"),
    (f"u,X,P,BUY,EXECUTED,NaN,1,CNY,{T}\n", 20, "price: not a number"),
    (f'v,X,P,BUY,EXECUTED,"1,5",1,CNY,{T}\n', 20, "price: not a number"),
    (f"w,X,P,BUY,EXECUTED,--1,1,CNY,{T}\n", 20, "price: not a number"),
    (f"x,X,P\udcff,BUY,EXECUTED,1,1,CNY,{T}\n", 5, "product: is not valid UTF-8"),
]

GOOD_JSON = ('{"trade_id":"a","exchange":"X","product":"P","price":1.5,"quantity":1,"currency":"CNY",'
             f'"executed_at":"{T}"}}\n')


def json_row(old, new):
    assert old in GOOD_JSON
    return GOOD_JSON.replace(old, new)


NDJSON = [
    (json_row(f',"executed_at":"{T}"', ""), 1, "executed_at: is missing"),
    (json_row('}', ',"colour":1}'), None, 'no field takes the key "colour" (--ignore-unknown passes such keys by)'),
    (json_row("1.5", "true"), 54, "price: is not a decimal number"),
    (json_row('"price":1.5', '"price":1.5,"price":2'), None, "the object has the same key twice"),
    (GOOD_JSON.replace("}", ""), None, "the JSON value is not complete"),
    (json_row('"trade_id":"a"', '"trade_id":5'), 13, "trade_id: is not a string"),
    ("[1,2]\n", 1, "a row is one JSON object per line, this is something else"),
    ("nonsense\n", 1, "this is not JSON"),
    (json_row('"X"', "null"), 28, "exchange: is null, which the schema does not allow; a string is needed"),
    (json_row('"P"', '["P"]'), 42, "product: is not a string"),
    (json_row("1.5", "01.5"), 54, "this is not JSON"),
    (json_row('}', "} x"), None, "this is not JSON"),
    (json_row('"P"', '"\\ud800"'), None, "half of a surrogate pair is missing"),
    (json_row("1.5", "1.123456789"), 54, "price: more than 8 digits after the point"),
]


class BadRows(suite.Case):
    def setUp(self):
        super().setUp()
        self.config = self.write("config.yaml", suite.configuration(
            {"trades": {"topic": "t", "schema": "trade.avsc", "time": "executed_at"}},
            {"a": {"stream": "trades", "by": ["exchange"], "window": {"all": True}, "stats": {"n": "count()"}}}))

    def publish(self, *arguments, expect=0):
        argv = [suite.program("rollstat-publish"), "-c", self.config, "--stream", "trades", "--dry-run", *arguments]
        _, err = procs.check(argv, expect=expect)
        return err.decode("utf-8", "replace")

    def check_rows(self, name, head, good, cases):
        """Good rows before, between and after the broken ones."""
        content, line, wanted = head + good, head.count("\n") + 2, []
        for row, column, reason in cases:
            wanted.append((line, column, reason))
            content += row + good
            line += 2
        path = self.write(name, content.encode("utf-8", "surrogateescape"))
        text = self.publish(path, "--rejects", self.path("rejects"), "--show", "0", expect=3)
        self.check_report(path, text, wanted)
        self.assertRegex(text, rf"checked {len(cases) + 1} rows, {len(cases)} rejected")
        with open(self.path("rejects"), "rb") as file:
            kept = file.read()
        for row, _, reason in cases:
            self.assertIn(row.encode("utf-8", "surrogateescape"), kept, reason)
        raw, counts, text = self.replay(self.config, "trades", [path], expect=3)
        self.check_report(path, text, wanted)
        self.assertEqual((counts["consumed"], counts["applied"]), (len(cases) + 1, len(cases) + 1))
        self.assertIn(f'"n":"{len(cases) + 1}"', raw)

    def check_report(self, path, text, wanted):
        reported = [line for line in text.splitlines() if line.startswith(path + ":")]
        self.assertEqual(len(reported), len(wanted), text)
        for line, (number, column, reason) in zip(reported, wanted):
            with self.subTest(reason=reason, line=number):
                where, _, what = line.partition(": ")
                self.assertEqual(where.split(":")[-2], str(number))
                if column is not None:
                    self.assertEqual(where.split(":")[-1], str(column), what)
                self.assertTrue(what.startswith(reason), f"{what!r} is not {reason!r}")

    def test_csv(self):
        self.check_rows("bad.csv", HEADER, GOOD, CSV)

    def test_ndjson(self):
        self.check_rows("bad.ndjson", "", GOOD_JSON, NDJSON)

    def test_quote_open_at_the_end(self):
        path = self.write("open.csv", HEADER + GOOD + 'z,X,"P,BUY,EXECUTED\n')
        self.assertIn(f"{path}:3:", self.publish(path, expect=3))
        self.assertIn("a quoted cell is not closed before the end of the file", self.publish(path, expect=3))

    def test_gzip_alike(self):
        path = self.path("bad.csv.gz")
        with gzip.open(path, "wb") as file:
            file.write((HEADER + GOOD + CSV[1][0] + GOOD).encode())
        self.assertIn(f"{path}:3:20: price: not a number", self.publish(path, expect=3))

    def test_files_that_are_none(self):
        for name, content, reason in (("x.avro", b"Objgarbage", "is not an Avro container file"),
                                      ("x.csv.gz", b"\x1f\x8bgarbage", "the gzip data is damaged"),
                                      ("dup.csv", (HEADER.strip() + ",price\n").encode(), 'the column "price" is there twice'),
                                      ("miss.csv", b"trade_id,exchange\n",
                                       "no column supplies: product, price, quantity, currency, executed_at")):
            with self.subTest(file=name):
                path = self.write(name, content)
                status, _, err = procs.run([suite.program("rollstat-publish"), "-c", self.config, "--stream", "trades",
                                            "--dry-run", path])
                self.assertIn(status, (1, 2))
                self.assertIn(f"{name}: {reason}", err.decode())

    def test_rows_that_the_daemon_would_reject(self):
        """Of a time that the schema lets be null: told before it is sent, as the daemon tells it afterwards."""
        self.write("t.avsc", json.dumps({"type": "record", "name": "T", "fields": [
            {"name": "g", "type": "string"},
            {"name": "at", "type": ["null", {"type": "long", "logicalType": "timestamp-micros"}]}]}))
        config = self.write("t.yaml", suite.configuration(
            {"t": {"topic": "t", "schema": "t.avsc", "time": "at"}},
            {"a": {"stream": "t", "by": ["g"], "window": {"all": True}, "stats": {"n": "count()"}}}, directory=self.directory))
        path = self.write("t.csv", f"g,at\nx,{T}\ny,\nz,{T}\n")
        argv = [suite.program("rollstat-publish"), "-c", config, "-s", "t", "--dry-run", "--rejects", self.path("kept"), path]
        text = procs.check(argv, expect=3)[1].decode()
        self.assertIn(f"{path}:3:1: at: is null, and it is the time of the event (rollstatd would reject the event: field_null)\n", text)
        self.assertIn("checked 2 rows, 1 rejected", text)
        with open(self.path("kept"), encoding="utf-8") as file:
            self.assertEqual(file.read(), "g,at\ny,\n")
        _, counts, text = self.replay(config, "t", [path], expect=3)
        self.assertEqual((counts["applied"], counts["rejected"]), (2, 1), text)

    def test_quoted_rows_of_many_lines(self):
        """RFC 4180: quotes, delimiters and line ends inside a cell; the reject names the line of the cell."""
        rows = ('a,X,"P, ""q""\nand more",BUY,EXECUTED,1,1,CNY,' + T + '\r\n'
                'b,X,"P\n\nP",BUY,EXECUTED,nothing,1,CNY,' + T + "\n" + GOOD)
        path = self.write("quoted.csv", HEADER + rows)
        text = self.publish(path, expect=3)
        self.assertIn(f"{path}:6:17: price: not a number", text)
        self.assertIn("checked 2 rows, 1 rejected", text)


if __name__ == "__main__":
    suite.main()
