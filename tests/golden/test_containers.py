"""Container files of another tool, in every codec, read by rollstat-publish and by --replay; packed files of rows; bombs, whose memory
stays bounded.

Files that fastavro wrote are in tests/golden/containers (make.py tells how); where fastavro is at hand, as for test_resolution.py, it
also writes new ones."""
import bz2
import gzip
import json
import lzma
import os
import struct
import sys
import zlib

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "lib"), os.path.join(HERE, "containers")]
import suite  # noqa: E402
import avro  # noqa: E402
import procs  # noqa: E402

sys.path.append(os.path.join(suite.ROOT, "build", "python"))
try:
    import make  # needs fastavro
except ImportError:
    make = None

CODECS = ("deflate", "snappy", "zstandard", "bzip2", "xz")
NEEDS = {"snappy": "cramjam", "zstandard": "backports.zstd"}  # of fastavro, besides itself
SCHEMA = {"type": "record", "name": "Reading", "namespace": "test", "fields": [
    {"name": "station", "type": "string"},
    {"name": "time", "type": {"type": "long", "logicalType": "timestamp-millis"}},
    {"name": "temp", "type": "int"}]}
BOMB = 1 << 28  # bytes once unpacked
# Blocks of 64 MiB in a buffer that doubles, what zstd refers back to (128 MiB), and the program itself.
MEMORY = 400 << 20


def zstd_zeros(size):
    """A zstd frame (RFC 8878) of zeros: blocks of 128 KiB that hold one byte and how often it stands."""
    blocks = size // (128 * 1024)
    block = lambda last: struct.pack("<I", last | 1 << 1 | (128 * 1024) << 3)[:3] + b"\0"  # noqa: E731
    return b"\x28\xb5\x2f\xfd\x00\x38" + block(0) * (blocks - 1) + block(1)


def deflated_zeros(size, window):
    packer = zlib.compressobj(9, zlib.DEFLATED, window)
    piece = b"\0" * (1 << 20)
    return b"".join(packer.compress(piece) for _ in range(size >> 20)) + packer.flush()


def container(codec, *blocks):
    """A file with blocks of (records, bytes)."""
    head = b"Obj\x01" + avro.long(2) + avro.data(b"avro.schema") + avro.data(json.dumps(SCHEMA).encode()) + \
        avro.data(b"avro.codec") + avro.data(codec.encode()) + avro.long(0)
    sync = b"sixteen bytes..."
    return head + sync + b"".join(avro.long(n) + avro.data(data) + sync for n, data in blocks)


class Containers(suite.Case):
    def setUp(self):
        super().setUp()
        self.write("reading.avsc", json.dumps(SCHEMA))
        self.config = self.write("c.yaml", suite.configuration(
            {"r": {"topic": "t", "schema": "reading.avsc", "time": "time", "lateness": "1h"}},
            {"a": {"stream": "r", "by": ["station"], "window": {"all": True},
                   "stats": {"s": "sum(temp)", "n": "count(temp)"}}}, directory=self.directory))

    def expect_rows(self, path, count):
        wanted = {}
        for i in range(count):
            s, n = wanted.get(i % 7, (0, 0))
            wanted[i % 7] = s + i % 50 - 20, n + 1
        raw, counts, _ = self.replay(self.config, "r", [path])
        self.assertEqual(counts["applied"], count)
        for station, (s, n) in wanted.items():
            self.assertIn(f'{{"key":"rs:a:station-{station}","type":"hash","value":{{"s":"{s}","n":"{n}",', raw)

    def publish(self, path, expect):
        """(what is said, the most memory that it took)"""
        argv = [suite.program("rollstat-publish"), "-c", self.config, "--stream", "r", "--dry-run", path]
        read_end, write_end = os.pipe()
        pid = os.posix_spawn(argv[0], argv, os.environ, file_actions=[
            (os.POSIX_SPAWN_DUP2, write_end, 2), (os.POSIX_SPAWN_CLOSE, read_end)])
        os.close(write_end)
        with os.fdopen(read_end, "rb") as stderr:
            text = stderr.read().decode()
        _, status, usage = os.wait4(pid, 0)
        self.assertEqual(os.waitstatus_to_exitcode(status), expect, text)
        return text, usage.ru_maxrss * 1024

    def test_files_of_another_tool(self):
        for codec in CODECS:
            with self.subTest(codec=codec):
                path = os.path.join(HERE, "containers", f"{codec}.avro")
                with open(path, "rb") as file:
                    self.assertIn(f"avro.codec{chr(2 * len(codec))}{codec}".encode(), file.read())
                self.expect_rows(path, 300)

    def test_new_files_of_another_tool(self):
        if not make:
            self.skipTest("no fastavro here nor in build/python")
        written = 0
        for codec in CODECS:
            for count, options in ((0, {}), (1, {}), (5000, {}), (5000, {"sync_interval": 100_000_000}), (500, {"sync_interval": 1})):
                with self.subTest(codec=codec, count=count):
                    path = self.path("new.avro")
                    try:
                        make.write(path, codec, count, **options)
                    except ValueError as e:
                        self.assertIn(f"{codec} codec is supported but you need to install", str(e))
                        self.assertIn(codec, NEEDS)
                        continue
                    self.expect_rows(path, count)
                    written += 1
        self.assertGreaterEqual(written, 15)  # deflate, bzip2 and xz need nothing besides fastavro

    def test_packed_rows(self):
        rows = "station,time,temp\n" + "".join(f"station-{i % 7},2026-01-01T00:00:00Z,{i % 50 - 20}\n" for i in range(1000))
        for name, pack in (("r.csv.gz", gzip.compress), ("r.csv.bz2", bz2.compress), ("r.csv.xz", lzma.compress)):
            with self.subTest(name=name):
                self.expect_rows(self.write(name, pack(rows.encode())), 1000)
        tabs = self.write("r.tsv.xz", lzma.compress(rows.replace(",", "\t").encode()))
        self.assertNotIn("note:", self.publish(tabs, 0)[0])

    def test_files_that_are_named(self):
        for name, content, said in (
                ("book.csv", b"PK\x03\x04" + b"\0" * 26 + b"xl/workbook.xml", "is an Excel workbook (xlsx); save the sheet as CSV"),
                ("rows.ndjson", b"\x04\x22\x4d\x18....", "is an lz4 file; unpack it first (lz4 -dc)"),
                ("rows.avro", b"PAR1\x15\x04", "is a Parquet file; write it as CSV or Avro first")):
            with self.subTest(name=name):
                path = self.write(name, content)
                self.assertIn(f"rollstat-publish: {path}: {said}", self.publish(path, 1)[0])

    def test_bombs_in_blocks(self):
        """A block that would grow to 256 MiB is refused by name, the one behind it is read, and memory stays bounded."""
        row = avro.long(9) + b"station-0" + avro.long(1_767_225_600_000) + avro.long(-20)
        raw = zlib.compressobj(9, zlib.DEFLATED, -15)
        good = raw.compress(row) + raw.flush()
        small = b"\x28\xb5\x2f\xfd\x00\x38" + struct.pack("<I", 1 | len(row) << 3)[:3] + row
        for codec, bomb, block in (("deflate", deflated_zeros(BOMB, -15), good), ("zstandard", zstd_zeros(BOMB), small)):
            with self.subTest(codec=codec, size=len(bomb)):
                path = self.write("bomb.avro", container(codec, (5, bomb), (1, block)))
                text, memory = self.publish(path, 3)
                self.assertIn("record 1: a block holds more than 67108864 bytes once it is unpacked; the 5 records from here to the end "
                              "of the block are lost", text)
                self.assertIn("checked 1 rows, 5 rejected", text)
                print(f"   {codec}: {len(bomb)} bytes for {BOMB}, {memory >> 20} MiB of memory at most")
                self.assertLess(memory, MEMORY)

    def test_bombs_in_files(self):
        """The row is refused once it is longer than a row may be, whatever is still to come of it."""
        for name, bomb in (("b.csv.gz", deflated_zeros(BOMB, 31)), ("b.csv.zst", zstd_zeros(BOMB)),
                           ("b.ndjson.zst", zstd_zeros(BOMB))):
            with self.subTest(name=name, size=len(bomb)):
                text, memory = self.publish(self.write(name, bomb), 3 if "ndjson" in name else 1)
                self.assertIn("the row is longer than 1048576 bytes", text)
                print(f"   {name}: {len(bomb)} bytes for {BOMB}, {memory >> 20} MiB of memory at most")
                self.assertLess(memory, MEMORY)


if __name__ == "__main__":
    suite.main()
