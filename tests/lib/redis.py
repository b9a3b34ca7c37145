"""A redis-server of the test's own and a small RESP2 client."""
import os
import socket
import time

import procs


class RedisError(Exception):
    pass


class Client:
    def __init__(self, port, timeout=30):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout)
        self.file = self.socket.makefile("rb")

    def close(self):
        self.file.close()
        self.socket.close()

    def send(self, *args):
        out = [b"*%d\r\n" % len(args)]
        for arg in args:
            if not isinstance(arg, bytes):
                arg = str(arg).encode()
            out.append(b"$%d\r\n%s\r\n" % (len(arg), arg))
        self.socket.sendall(b"".join(out))

    def read(self):
        line = self.file.readline()
        if not line.endswith(b"\r\n"):
            raise RedisError("connection closed")
        kind, rest = line[:1], line[1:-2]
        if kind == b"+":
            return rest.decode()
        if kind == b":":
            return int(rest)
        if kind == b"-":
            raise RedisError(rest.decode())
        if kind == b"$":
            size = int(rest)
            if size < 0:
                return None
            bulk = self.file.read(size + 2)
            if len(bulk) != size + 2:
                raise RedisError("connection closed")
            return bulk[:-2]
        if kind == b"*":
            return [self.read() for _ in range(int(rest))] if int(rest) >= 0 else None
        raise RedisError(f"not RESP: {line!r}")

    def call(self, *args):
        self.send(*args)
        return self.read()

    def pipeline(self, commands):
        for start in range(0, len(commands), 500):
            part = commands[start:start + 500]
            for command in part:
                self.send(*command)
            for _ in part:
                yield self.read()

    def keys(self, pattern="*"):
        cursor, found = b"0", set()
        while True:
            cursor, part = self.call("SCAN", cursor, "MATCH", pattern, "COUNT", 5000)
            found.update(part)
            if cursor == b"0":
                return sorted(found)

    def hash(self, key):
        flat = self.call("HGETALL", key)
        return {flat[i].decode(): flat[i + 1].decode() for i in range(0, len(flat), 2)}

    def zset(self, key):
        """[(score text, member text)] by score, then member."""
        flat = self.call("ZRANGE", key, 0, -1, "WITHSCORES")
        return [(flat[i + 1].decode(), flat[i].decode()) for i in range(0, len(flat), 2)]


class Server:
    def __init__(self, directory, *options):
        self.directory = str(directory)
        os.makedirs(self.directory, exist_ok=True)
        self.options = options
        self.port = procs.free_port()
        self.start()

    def start(self):
        self.process = procs.Process(
            ["redis-server", "--port", self.port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no",
             "--dir", self.directory, *self.options], os.path.join(self.directory, "redis.log"))
        deadline = time.monotonic() + procs.PATIENCE
        while True:
            try:
                client = Client(self.port)
                if client.call("PING") == "PONG":
                    client.close()
                    return
            except (OSError, RedisError):
                pass
            if not self.process.alive() or time.monotonic() > deadline:
                self.process.fail("redis-server did not answer")
            time.sleep(0.02)

    @property
    def url(self):
        return f"redis://127.0.0.1:{self.port}/0"

    def client(self, timeout=30):
        return Client(self.port, timeout)

    def stop(self):
        self.process.stop()
