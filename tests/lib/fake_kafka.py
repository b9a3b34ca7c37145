"""One broker that speaks as much of Kafka's protocol as is asked about topics, their settings and rights (what librdkafka's mock cluster
lacks), with each refusal at will. Formats: kafka.apache.org/protocol. It keeps what it was asked to do."""
import socket
import socketserver
import struct
import threading

NONE, UNKNOWN_TOPIC, TOPIC_AUTHORIZATION, GROUP_AUTHORIZATION, CLUSTER_AUTHORIZATION = 0, 3, 29, 30, 31
UNSUPPORTED_VERSION, TOPIC_EXISTS, INVALID_REPLICATION_FACTOR, SASL_FAILED = 35, 36, 38, 58
# What it has: key, least and highest version.
APIS = [(2, 1, 1), (3, 1, 2), (8, 2, 2), (10, 0, 0), (17, 0, 1), (18, 0, 0), (19, 0, 4), (32, 0, 0), (36, 0, 0)]


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, form):
        values = struct.unpack_from(">" + form, self.data, self.at)
        self.at += struct.calcsize(">" + form)
        return values[0] if len(values) == 1 else values

    def text(self):
        size = self.take("h")
        return None if size < 0 else self.raw(size).decode()

    def raw(self, size):
        self.at += size
        return self.data[self.at - size:self.at]

    def items(self, item):
        count = self.take("i")
        return None if count < 0 else [item() for _ in range(count)]


def text(value):
    return struct.pack(">h", -1) if value is None else struct.pack(">h", len(value.encode())) + value.encode()


def items(values):
    return struct.pack(">i", len(values)) + b"".join(values)


class Broker:
    """topics: name to {"partitions", "settings"}. refuse: (what, name) to an error, where `what` is one of metadata, create, describe, read,
    offsets, group. user: (name, password) where SASL PLAIN is wanted. silent: API keys that are not answered."""

    def __init__(self, topics=None, user=None):
        self.topics = {name: {"partitions": 1, "settings": {}, **topic} for name, topic in (topics or {}).items()}
        self.refuse, self.silent, self.user = {}, set(), user
        self.asked, self.made, self.committed, self.lock = [], [], [], threading.Lock()
        broker = self

        class Connection(socketserver.BaseRequestHandler):
            def handle(self):
                self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                try:
                    broker.serve(self.request)
                except (OSError, struct.error):
                    pass

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True
            allow_reuse_address = True

        self.server = Server(("127.0.0.1", 0), Connection)
        self.port = self.server.server_address[1]
        self.bootstrap = f"127.0.0.1:{self.port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()

    def serve(self, connection):
        stream = connection.makefile("rb")
        while True:
            head = stream.read(4)
            if len(head) < 4:
                return
            request = Reader(stream.read(struct.unpack(">i", head)[0]))
            api, version, correlation = request.take("hhi")
            request.text()  # who asks
            with self.lock:
                self.asked.append(api)
                body = self.answer(api, version, request)
            if body is not None:
                connection.sendall(struct.pack(">ii", len(body) + 4, correlation) + body)

    def error(self, what, name):
        return self.refuse.get((what, name), NONE)

    def answer(self, api, version, request):
        if api in self.silent:
            return None
        if api == 18:
            return struct.pack(">h", UNSUPPORTED_VERSION if version > 0 else NONE) + items([struct.pack(">hhh", *row) for row in APIS])
        return {2: self.offsets, 3: self.metadata, 8: self.commit, 10: self.coordinator, 17: self.handshake, 19: self.create,
                32: self.describe, 36: self.authenticate}[api](version, request)

    def handshake(self, _version, request):
        request.text()
        return struct.pack(">h", NONE) + items([text("PLAIN")])

    def authenticate(self, _version, request):
        _, name, password = request.raw(request.take("i")).decode().split("\0")
        good = (name, password) == self.user
        return struct.pack(">h", NONE if good else SASL_FAILED) + text(None if good else "Invalid username or password") + struct.pack(">i", 0)

    def topic(self, name):
        error = self.error("metadata", name) or (NONE if name in self.topics else UNKNOWN_TOPIC)
        count = self.topics[name]["partitions"] if error == NONE else 0
        parts = [struct.pack(">hii", NONE, number, 1) + items([struct.pack(">i", 1)]) * 2 for number in range(count)]
        return struct.pack(">h", error) + text(name) + b"\0" + items(parts)

    def metadata(self, version, request):
        names = request.items(request.text)
        brokers = items([struct.pack(">i", 1) + text("127.0.0.1") + struct.pack(">i", self.port) + text(None)])
        cluster = text("fake-cluster") if version >= 2 else b""
        return brokers + cluster + struct.pack(">i", 1) + items([self.topic(name) for name in (sorted(self.topics) if names is None else names)])

    def coordinator(self, _version, request):
        error = self.error("coordinator", request.text())
        return struct.pack(">hi", error, 1) + text("127.0.0.1") + struct.pack(">i", self.port)

    def commit(self, _version, request):
        group = request.text()
        request.take("i"), request.text(), request.take("q")
        answers = []
        for name, numbers in request.items(lambda: (request.text(), request.items(lambda: (request.take("iq"), request.text())))):
            error = self.error("group", group) or self.error("read", name) or UNKNOWN_TOPIC
            for (number, offset), _ in numbers:
                if number < self.topics.get(name, {"partitions": 0})["partitions"] and not self.error("group", group):
                    self.committed.append((name, number, offset))
            answers.append(text(name) + items([struct.pack(">ih", number, error) for (number, _), _ in numbers]))
        return items(answers)

    def offsets(self, _version, request):
        request.take("i")
        asked = request.items(lambda: (request.text(), request.items(lambda: request.take("iq"))))
        return items([text(name) + items([struct.pack(">ihqq", number, self.error("offsets", name), -1, 0) for number, _ in numbers])
                      for name, numbers in asked])

    def create(self, version, request):
        wanted = request.items(lambda: (request.text(), request.take("ih"), request.items(lambda: None), request.items(lambda: (request.text(), request.text()))))
        only_judged = request.take("ib")[1]
        answers = []
        for name, (partitions, factor), _, settings in wanted:
            error = TOPIC_EXISTS if name in self.topics else self.error("create", name)
            error = INVALID_REPLICATION_FACTOR if error == NONE and factor > 1 else error
            if error == NONE and not only_judged:
                self.topics[name] = {"partitions": max(partitions, 1), "settings": dict(settings)}
                self.made.append((name, partitions, factor, dict(settings)))
            answers.append(text(name) + struct.pack(">h", error) + text("refused by the test" if error else None))
        return (struct.pack(">i", 0) if version >= 2 else b"") + items(answers)

    def describe(self, _version, request):
        answers = []
        for kind, name, _ in request.items(lambda: (request.take("b"), request.text(), request.items(request.text))):
            error = self.error("describe", name)
            settings = {} if error else {"cleanup.policy": "delete", "retention.ms": "604800000", "retention.bytes": "-1",
                                         "max.message.bytes": "1048588", **self.topics[name]["settings"]}
            answers.append(struct.pack(">h", error) + text(None) + struct.pack(">b", kind) + text(name)
                           + items([text(key) + text(value) + b"\0\0\0" for key, value in settings.items()]))
        return struct.pack(">i", 0) + items(answers)
