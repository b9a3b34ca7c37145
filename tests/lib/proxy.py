"""A TCP proxy between an instance and a server that can be cut, in one direction or both, slowed down, and reset.

One thread turns over all of its connections. What a cut direction does not carry stays in the kernel's buffers, as with a network
that drops: nobody is told, and it arrives after healing unless a side has given up by then.
"""
import selectors
import socket
import struct
import threading
import time

import procs

CHUNK = 65536
NEW = "new"


class _Link:
    """One accepted connection and its way on."""

    def __init__(self, client, server):
        self.sides = {client: server, server: client}
        self.client, self.server = client, server
        self.waiting = {client: b"", server: b""}  # bytes that go out to this side
        self.ended = set()                         # sides that have said all
        self.told = set()                          # of these, passed on to the other side
        self.due = {client: 0.0, server: 0.0}      # when what waits may go out


class Proxy:
    def __init__(self, target_port):
        self.port = procs.free_port()
        self.target_port = target_port
        self.up = self.down = True  # client to server, server to client
        self.delay_s = 0.0
        self.links = []
        self.listener = self._listen()
        self.selector = selectors.DefaultSelector()
        self.wake_out, self.wake_in = socket.socketpair()
        self.wake_in.setblocking(False)
        self.selector.register(self.wake_in, selectors.EVENT_READ, "wake")
        self.selector.register(self.listener, selectors.EVENT_READ, NEW)
        self.orders, self.held = [], False
        self.lock = threading.Lock()
        self.running = True
        self.thread = threading.Thread(target=self._turn, daemon=True)
        self.thread.start()

    def _listen(self):
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self.port))
        listener.listen(64)
        listener.setblocking(False)
        return listener

    # ---- orders, from any thread; done when they return ----

    def cut(self, up=True, down=True):
        """Carries nothing in these directions; connections stay, new ones are accepted and hang."""
        self._order(lambda: self._carry(not up, not down))

    def slow(self, delay_s):
        """Whatever passes is that late, in each direction."""
        self._order(lambda: setattr(self, "delay_s", delay_s))

    def heal(self):
        def healed():
            self.delay_s = 0.0
            self._carry(True, True)
        self._order(healed)

    def reset(self):
        """Every connection ends with RST on both sides."""
        self._order(self._reset_all)

    def move(self, target_port):
        """From now on another server stands behind the address; connections to the old one are reset."""
        def moved():
            self.target_port = target_port
            self._reset_all()
        self._order(moved)

    def stop(self):
        if self.running:
            self._order(self._end)
            self.thread.join(10)

    def _order(self, function):
        done = threading.Event()
        with self.lock:
            self.orders.append((function, done))
        self.wake_out.send(b".")
        if not done.wait(60):
            raise procs.Failure("the proxy does not turn")

    # ---- its own thread from here on ----

    def _turn(self):
        while self.running:
            for key, mask in self.selector.select(self._next_due()):
                if key.data == "wake":
                    self._serve_orders()
                elif key.data == NEW:
                    self._accept()
                elif key.data in self.links:
                    self._move_bytes(key.fileobj, key.data, mask)
            for link in list(self.links) if self.held else ():
                self._watch(link)

    def _next_due(self):
        """Seconds until something that was held back may go out."""
        times = [link.due[side] for link in self.links for side in link.sides if link.waiting[side]]
        now = time.monotonic()
        self.held = any(due > now for due in times)
        return min([1.0] + [max(0.0, due - now) for due in times if due > now])

    def _serve_orders(self):
        self.wake_in.recv(4096)
        with self.lock:
            orders, self.orders = self.orders, []
        for function, done in orders:
            function()
            done.set()

    def _accept(self):
        try:
            client, _ = self.listener.accept()
        except OSError:
            return
        server = socket.socket()
        try:
            server.settimeout(2)
            server.connect(("127.0.0.1", self.target_port))
        except OSError:
            self._abort(client)
            server.close()
            return
        link = _Link(client, server)
        for side in link.sides:
            side.setblocking(False)
            side.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.links.append(link)
        self._watch(link)

    def _carries(self, link, source):
        return self.up if source is link.client else self.down

    def _watch(self, link):
        """Reads only what can go on at once, so that each direction holds one chunk at most."""
        for side, other in link.sides.items():
            mask = 0
            if side not in link.ended and not link.waiting[other] and self._carries(link, side):
                mask |= selectors.EVENT_READ
            if link.waiting[side] and self._carries(link, other) and link.due[side] <= time.monotonic():
                mask |= selectors.EVENT_WRITE
            known = side in self.selector.get_map()
            if mask and known:
                self.selector.modify(side, mask, link)
            elif mask:
                self.selector.register(side, mask, link)
            elif known:
                self.selector.unregister(side)

    def _move_bytes(self, side, link, mask):
        other = link.sides[side]
        try:
            if mask & selectors.EVENT_READ and not link.waiting[other]:
                link.waiting[other] = side.recv(CHUNK)
                link.due[other] = time.monotonic() + self.delay_s
                if not link.waiting[other]:
                    link.ended.add(side)
                self._send(link, other)
            if mask & selectors.EVENT_WRITE:
                self._send(link, side)
            self._pass_on_ends(link)
        except OSError:
            self._close(link)
        if link in self.links:
            self._watch(link)

    def _send(self, link, side):
        if link.waiting[side] and self._carries(link, link.sides[side]) and link.due[side] <= time.monotonic():
            try:
                link.waiting[side] = link.waiting[side][side.send(link.waiting[side]):]
            except BlockingIOError:
                pass

    def _pass_on_ends(self, link):
        for side in link.ended - link.told:
            if not link.waiting[link.sides[side]]:
                link.sides[side].shutdown(socket.SHUT_WR)
                link.told.add(side)
        if len(link.told) == 2:
            self._close(link, abort=False)

    def _carry(self, up, down):
        self.up, self.down = up, down
        for link in list(self.links):
            self._watch(link)

    @staticmethod
    def _abort(side):
        try:
            side.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        except OSError:
            pass
        side.close()

    def _close(self, link, abort=True):
        if link in self.links:
            self.links.remove(link)
        for side in link.sides:
            if side in self.selector.get_map():
                self.selector.unregister(side)
            if abort:
                self._abort(side)
            else:
                side.close()

    def _reset_all(self):
        for link in list(self.links):
            self._close(link)

    def _end(self):
        self.running = False
        self._reset_all()
        self.selector.unregister(self.listener)
        self.listener.close()
