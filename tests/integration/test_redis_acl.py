"""deploy/redis-acl has the commands that the sources use and no other; deploy/redis-acl-reader lets a dashboard and rollstat-top read what is
shown, and nobody write."""
import glob
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import suite  # noqa: E402
import procs  # noqa: E402
import redis  # noqa: E402

WRITER = os.path.join(suite.ROOT, "deploy", "redis-acl")
READER = os.path.join(suite.ROOT, "deploy", "redis-acl-reader")


def words(path):
    with open(path, encoding="ascii") as file:
        return file.read().split()


def commands(path):
    return {word[1:] for word in words(path) if word.startswith("+")}


def used(server):
    """Words in capitals that the sources of the sink quote and the server knows as a command; of SCRIPT the one that is used."""
    known = {row[0].decode().upper() for row in server.call("COMMAND")}
    found = set()
    for path in glob.glob(os.path.join(suite.ROOT, "sink", "redis", "*.c")) + glob.glob(os.path.join(suite.ROOT, "sink", "redis", "*.lua")):
        if os.path.basename(path) != "sentinel.c":
            with open(path, encoding="utf-8") as file:
                found |= set(re.findall(r"[\"']([A-Z]{3,})[\"']", file.read()))
    return {"script|load" if word == "SCRIPT" else word.lower() for word in found & known}


class Acl(suite.Case):
    def setUp(self):
        super().setUp()
        self.redis = redis.Server(self.path("redis"))
        self.addCleanup(self.redis.stop)
        self.admin = self.redis.client()
        self.addCleanup(self.admin.close)

    def user(self, path, name):
        self.assertEqual(self.admin.call(*words(path), ">pw"), "OK")
        client = self.redis.client()
        self.addCleanup(client.close)
        self.assertEqual(client.call("AUTH", name, "pw"), "OK")
        return client

    def refused(self, client, *command):
        with self.assertRaises(redis.RedisError) as failure:
            client.call(*command)
        self.assertIn("NOPERM", str(failure.exception))

    def test_the_writer_has_what_is_used(self):
        self.assertEqual(commands(WRITER), used(self.admin))

    def test_the_reader_reads(self):
        self.admin.call("HSET", "rs:m:A", "n", "1")
        self.admin.call("ZADD", "rs:m:index", "1", "A")
        self.admin.call("SET", "other", "1")
        reader = self.user(READER, "dashboard")
        self.assertEqual(reader.hash("rs:m:A"), {"n": "1"})
        self.assertEqual(reader.call("ZREVRANGE", "rs:m:index", 0, 9), [b"A"])
        self.assertEqual(reader.call("SUBSCRIBE", "rs:m:updates")[0], b"subscribe")
        reader = self.user(READER, "dashboard")
        for command in (("GET", "other"), ("SUBSCRIBE", "other"), ("KEYS", "*"), ("CONFIG", "GET", "*"), ("ACL", "LIST")):
            with self.subTest(command):
                self.refused(reader, *command)

    def test_the_reader_writes_nothing(self):
        """None of the server's commands that write, and none of the writer's beside those that read."""
        writing = {row[0].decode() for row in self.admin.call("COMMAND") if "write" in row[2]}
        self.assertGreater(len(writing), 50)
        self.assertEqual(commands(READER) & writing, set())
        reader = self.user(READER, "dashboard")
        for command in (("SET", "rs:x", 1), ("DEL", "rs:m:A"), ("HSET", "rs:m:A", "n", 2), ("HDEL", "rs:m:A", "n"), ("ZADD", "rs:m:index", 1, "A"),
                        ("ZREM", "rs:m:index", "A"), ("PUBLISH", "rs:m:updates", "A"), ("EVALSHA", "0" * 40, 0), ("SCRIPT", "LOAD", "return 1"),
                        ("RENAMENX", "rs:a", "rs:b"), ("FLUSHALL",), ("MULTI",), ("WATCH", "rs:x")):
            with self.subTest(command):
                self.refused(reader, *command)
        self.assertEqual(self.admin.keys(), [])

    def test_rollstat_top_is_a_reader(self):
        """Whatever it sends to Redis is on the reader's list."""
        known = {row[0].decode().upper() for row in self.admin.call("COMMAND")}
        with open(os.path.join(suite.ROOT, "sink", "top", "source.c"), encoding="utf-8") as file:
            found = set(re.findall(r"\"([A-Z]{3,})\"", file.read())) & known
        self.assertGreater(len(found), 3)
        self.assertEqual({word.lower() for word in found} - commands(READER), set())


if __name__ == "__main__":
    suite.main()
