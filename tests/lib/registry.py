"""A schema registry that speaks the REST calls of Confluent's, and misbehaves on command."""
import base64
import gzip
import http.server
import json
import os
import re
import ssl
import threading
import urllib.parse

import procs

MEGABYTE = b" " * (1 << 20)
BOMB = gzip.compress(b'{"schema": "' + 50 * MEGABYTE + b'"}')


class Registry:
    """`mode` is what it does next: a word of `answers` below, or "ok". It may be changed at any time; `modes` does so for
    single ids. `asked` are the paths that came."""

    def __init__(self, tls=None, user=None, token=None, port=0):
        self.schemas, self.subjects, self.guids = {}, {}, {}
        self.registered = {}  # by subject: {id: schema}, of what was sent
        self.mode, self.modes, self.asked, self.lock = "ok", {}, [], threading.Lock()
        self.words = "Schema being registered is incompatible with an earlier schema for subject"
        self.user, self.token, self.let_go = user, token, threading.Event()
        registry = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = 1 << 16  # headers and body in one packet: else each answer waits for an acknowledgement
            disable_nagle_algorithm = True

            def do_GET(self):
                registry.serve(self)

            def do_POST(self):
                registry.serve(self, json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_):
                pass  # clients that hang up are what is tested

        self.server = Server(("127.0.0.1", port), Handler)
        if tls:
            self.server.socket = tls.wrap_socket(self.server.socket, server_side=True)
        self.tls, self.port = tls, self.server.server_address[1]
        self.url = f"{'https' if tls else 'http'}://localhost:{self.port}"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def stop(self):
        self.let_go.set()
        self.server.shutdown()
        self.server.server_close()

    # ---- what it has ----

    def put(self, number, schema, **more):
        """`more`: schemaType, references."""
        text = schema if isinstance(schema, str) else json.dumps(schema)
        self.schemas[number] = {"schema": text, **more}

    def put_subject(self, subject, version, schema, **more):
        text = schema if isinstance(schema, str) else json.dumps(schema)
        self.subjects[subject, version] = {"subject": subject, "version": version, "id": 1, "schema": text, **more}

    def questions(self, pattern):
        with self.lock:
            return [path for path in self.asked if re.fullmatch(pattern, path)]

    # ---- answers ----

    def serve(self, handler, sent=None):
        path = urllib.parse.urlsplit(handler.path).path
        with self.lock:
            self.asked.append(path if sent is None else f"POST {path}")
        number = re.fullmatch(r"/schemas/ids/(\d+)", path)
        mode = self.modes.get(int(number.group(1)), self.mode) if number else self.mode
        if not self.allowed(handler):
            self.send(handler, 401, {"error_code": 401, "message": "Unauthorized"})
        elif mode == "ok":
            self.send(handler, *(self.look_up(path) if sent is None else self.look_up_sent(path, sent)))
        else:
            getattr(self, "answer_" + mode)(handler, path)

    def allowed(self, handler):
        told = handler.headers.get("Authorization", "")
        if self.user:
            return told == "Basic " + base64.b64encode(":".join(self.user).encode()).decode()
        return told == f"Bearer {self.token}" if self.token else True

    def look_up(self, path):
        parts = [urllib.parse.unquote(part) for part in path.split("/")[1:]]
        if parts[:2] == ["schemas", "ids"] and int(parts[2]) in self.schemas:
            return 200, self.schemas[int(parts[2])]
        if parts[:2] == ["schemas", "guids"] and parts[2] in self.guids:
            return 200, self.guids[parts[2]]
        if parts[0] == "subjects" and (parts[1], int(parts[3])) in self.subjects:
            return 200, self.subjects[parts[1], int(parts[3])]
        return 404, {"error_code": 40403 if parts[0] == "schemas" else 40402, "message": "Schema not found"}

    def look_up_sent(self, path, sent):
        """POST /subjects/NAME says which id the schema has, POST /subjects/NAME/versions gives it one."""
        parts = [urllib.parse.unquote(part) for part in path.split("/")[1:]]
        with self.lock:
            mine = self.registered.get(parts[1], {})
            same = [number for number, text in mine.items() if json.loads(text) == json.loads(sent["schema"])]
            if parts[2:] == [] and not mine:
                return 404, {"error_code": 40401, "message": f"Subject '{parts[1]}' not found."}
            if parts[2:] == [] and not same:
                return 404, {"error_code": 40403, "message": "Schema not found"}
            if parts[2:] == ["versions"] and not same:
                same = [1 + max(self.schemas, default=0)]
                self.registered.setdefault(parts[1], {})[same[0]] = sent["schema"]
                self.put(same[0], sent["schema"])
        return 200, {"subject": parts[1], "id": same[0], "version": 1, "schema": sent["schema"]} if parts[2:] == [] else {"id": same[0]}

    @staticmethod
    def send(handler, status, body, kind="application/vnd.schemaregistry.v1+json", **headers):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        handler.send_response(status)
        handler.send_header("Content-Type", kind)
        handler.send_header("Content-Length", str(len(data)))
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(data)

    def answer_500(self, handler, _):
        self.send(handler, 500, {"error_code": 50001, "message": "Error in the backend data store"})

    def refuse(self, handler, path, status, code, message):
        """A registration; what is looked up is not there."""
        if not path.endswith("/versions"):
            status, code, message = 404, 40403, "Schema not found"
        self.send(handler, status, {"error_code": code, "message": message})

    def answer_incompatible(self, handler, path):
        self.refuse(handler, path, 409, 409, self.words)

    def answer_read_only(self, handler, path):
        self.refuse(handler, path, 422, 42205, "Subject is in read-only mode")

    def answer_forbidden(self, handler, path):
        self.refuse(handler, path, 403, 40301, "User is denied operation Write")

    def answer_no_id(self, handler, _):
        self.send(handler, 200, {"version": 1})

    def answer_odd_id(self, handler, _):
        self.send(handler, 200, {"id": self.words})

    def answer_404_page(self, handler, _):
        self.send(handler, 404, b"<html>not here</html>", "text/html")

    def answer_404_other_code(self, handler, _):
        self.send(handler, 404, {"error_code": 40401, "message": "Subject not found"})

    def answer_redirect(self, handler, path):
        self.send(handler, 302, b"", Location=f"http://127.0.0.1:{self.port}/elsewhere{path}")

    def answer_page(self, handler, _):
        self.send(handler, 200, b"<html>{ welcome }</html>", "text/html")

    def answer_no_schema(self, handler, _):
        self.send(handler, 200, {"id": 7})

    def answer_hang(self, handler, path):
        self.let_go.wait(120)
        self.send(handler, *self.look_up(path))

    def answer_drip(self, handler, path):
        """A byte at a time, for ever: each read brings something, so only a time-out for the whole helps."""
        handler.send_response(200)
        handler.send_header("Content-Length", "1000000")
        handler.end_headers()
        handler.wfile.flush()
        while not self.let_go.wait(0.05):
            handler.wfile.write(b" ")
            handler.wfile.flush()

    def answer_cut(self, handler, path):
        handler.send_response(200)
        handler.send_header("Content-Length", "100000")
        handler.end_headers()
        handler.wfile.write(json.dumps(self.look_up(path)[1]).encode()[:-2])
        handler.close_connection = True

    def stream(self, handler, first, last, megabytes):
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(first) + megabytes * len(MEGABYTE) + len(last)))
        handler.end_headers()
        handler.wfile.write(first)
        for _ in range(megabytes):
            handler.wfile.write(MEGABYTE)
        handler.wfile.write(last)

    def answer_huge(self, handler, _):
        self.stream(handler, b'{"schema": "', b'\\"string\\""}', 100)

    def answer_huge_page(self, handler, _):
        self.stream(handler, b"<html>", b"</html>", 100)

    def answer_gzip_bomb(self, handler, _):
        self.send(handler, 200, BOMB, Content_Encoding="gzip")

    def answer_headers(self, handler, path):
        status, body = self.look_up(path)
        self.send(handler, status, body, **{f"X_{i}": "x" * 1000 for i in range(95)})

    def answer_deep(self, handler, _):
        self.send(handler, 200, b'{"schema": ' + b"[" * 1000000 + b"]" * 1000000 + b"}")

    def answer_deep_schema(self, handler, _):
        self.send(handler, 200, {"schema": '{"type": "array", "items": ' * 5000 + '"int"' + "}" * 5000})

    def answer_large_schema(self, handler, _):
        self.send(handler, 200, {"schema": '"string"' + " " * (2 << 20)})


def certificates(directory):
    """A CA, and what it has signed: {name: (certificate, key)} with "ca", "localhost", "elsewhere.test", "client", and
    "broker", which is localhost and 127.0.0.1; "stranger" has signed itself."""
    made = {}

    def openssl(*arguments):
        procs.check(["openssl", *arguments], cwd=directory)

    def make(name, *sign):
        pem, key = os.path.join(directory, f"{name}.pem"), os.path.join(directory, f"{name}.key")
        openssl("req", "-x509" if not sign else "-new", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-subj", f"/CN={name}",
                "-days", "30", "-out", pem if not sign else f"{name}.csr",
                *(["-addext", f"subjectAltName=DNS:{name}"] if not sign and "." in name or name == "stranger" else []))
        if sign:
            names = "DNS:localhost,IP:127.0.0.1" if name == "broker" else f"DNS:{name}"
            with open(os.path.join(directory, f"{name}.ext"), "w", encoding="ascii") as file:
                file.write(f"subjectAltName={names}\n")
            openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "30",
                    "-extfile", f"{name}.ext", "-out", pem)
        made[name] = (pem, key)

    make("ca")
    make("stranger")
    for name in ("localhost", "elsewhere.test", "client", "broker"):
        make(name, "by the ca")
    return made


AUTHORITY = """[ca]
default_ca = tests
[tests]
new_certs_dir = .
database = index.txt
serial = serial.txt
default_md = sha256
policy = any
[any]
commonName = supplied
"""


def expired(directory):
    """(certificate, key) of "broker" as the CA of `certificates` signed it for a day long ago."""
    pem, key = os.path.join(directory, "expired.pem"), os.path.join(directory, "expired.key")
    for name, text in (("authority.cnf", AUTHORITY), ("index.txt", ""), ("serial.txt", "4711\n"),
                       ("expired.ext", "subjectAltName=DNS:localhost,IP:127.0.0.1\n")):
        with open(os.path.join(directory, name), "w", encoding="ascii") as file:
            file.write(text)
    for arguments in (["req", "-new", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-subj", "/CN=expired", "-out", "expired.csr"],
                      ["ca", "-batch", "-notext", "-config", "authority.cnf", "-cert", "ca.pem", "-keyfile", "ca.key", "-in", "expired.csr",
                       "-out", pem, "-startdate", "20200101000000Z", "-enddate", "20200102000000Z", "-extfile", "expired.ext"]):
        procs.check(["openssl", *arguments], cwd=directory)
    return pem, key


def tls_server(certificate, key, ask_for=None):
    """`ask_for`: the CA of the certificates that clients have to show."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    if ask_for:
        context.load_verify_locations(ask_for)
        context.verify_mode = ssl.CERT_REQUIRED
    return context
