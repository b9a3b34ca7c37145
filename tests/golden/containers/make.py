"""Writes the container files beside this one with fastavro 1.13.1, cramjam and backports.zstd: `PYTHONPATH=build/python python3 make.py`.

They are kept so that files of another tool are read wherever the tests run; test_containers.py knows the rows."""
import os
import sys

import fastavro

CODECS = ("deflate", "snappy", "zstandard", "bzip2", "xz")
SCHEMA = {"type": "record", "name": "Reading", "namespace": "test", "fields": [
    {"name": "station", "type": "string"},
    {"name": "time", "type": {"type": "long", "logicalType": "timestamp-millis"}},
    {"name": "temp", "type": "int"}]}


def rows(count):
    return [{"station": f"station-{i % 7}", "time": 1_767_225_600_000 + 1000 * i, "temp": i % 50 - 20} for i in range(count)]


def write(path, codec, count, **options):
    with open(path, "wb") as file:
        fastavro.writer(file, SCHEMA, rows(count), codec=codec, **options)


if __name__ == "__main__":
    for name in CODECS:
        write(os.path.join(os.path.dirname(os.path.abspath(sys.argv[0])), f"{name}.avro"), name, 300, sync_interval=1500,
              sync_marker=b"rollstat fixture")
