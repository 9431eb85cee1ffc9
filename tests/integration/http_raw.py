#!/usr/bin/python3
"""HTTP as no library would send it, to both listeners of a running instance: every request gets its answer in order, or the
connection is closed, and the next one is served.

    APARTE_BIN=build/dev/bin http_raw.py [-v]
"""
import json
import os
import pathlib
import re
import socket
import sys
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "testlib"))
from aparte_client import Instance  # noqa: E402

HOST = b"Host: localhost\r\n"
GET = b"GET /healthz HTTP/1.1\r\n" + HOST + b"\r\n"
IDLE_SECONDS = 30


def post(headers, body=b"", path=b"/v1/login"):
    return b"POST " + path + b" HTTP/1.1\r\n" + HOST + b"Content-Type: application/json\r\n" + headers + b"\r\n" + body


def resident_kib(port):
    """Of all processes that hold the listening socket of that port."""
    lines = [line.split() for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]]
    sockets = {f"socket:[{fields[9]}]" for fields in lines if fields[1].endswith(f":{port:04X}") and fields[3] == "0A"}
    total = 0
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            if any(str(fd.readlink()) in sockets for fd in (process / "fd").iterdir()):
                total += int(re.search(r"VmRSS:\s+(\d+)", (process / "status").read_text())[1])
        except OSError:
            pass
    return total


class Answer:
    def __init__(self, head, body):
        lines = head.decode("ascii").split("\r\n")
        self.status = int(lines[0].split(" ")[1])
        self.headers = {name.lower(): value.strip() for name, value in (line.split(":", 1) for line in lines[1:])}
        self.body = body

    @property
    def error(self):
        return json.loads(self.body)["type"] if self.headers.get("content-type") == "application/problem+json" else None


class Connection:
    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), 10)
        self.held = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def more(self):
        """False at the end of the connection, however it came."""
        try:
            piece = self.socket.recv(65536)
        except ConnectionError:
            piece = b""
        self.held += piece
        return bool(piece)

    def answer(self):
        """The next one, or None when the connection ended before it."""
        while b"\r\n\r\n" not in self.held:
            if not self.more():
                return None
        head, self.held = self.held.split(b"\r\n\r\n", 1)
        length = int((re.search(rb"content-length: *(\d+)", head, re.I) or [0, 0])[1])
        while len(self.held) < length:
            if not self.more():
                return None
        body, self.held = self.held[:length], self.held[length:]
        return Answer(head, body)


class Raw(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.instance = Instance({"gateway.rate_per_minute": 1000000})
        cls.ports = (cls.instance.port, cls.instance.vault)
        cls.slow = [threading.Thread(target=cls.stall, args=(port, sent)) for port in cls.ports
                    for sent in (b"", b"GET /hea", b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-A: ", post(b"Content-Length: 999\r\n", b"{"))]
        cls.stalled = []
        for thread in cls.slow:
            thread.start()

    @classmethod
    def tearDownClass(cls):
        for thread in cls.slow:
            thread.join()
        cls.instance.stop()

    @classmethod
    def stall(cls, port, sent):
        """Never sends the rest, but a byte of it now and then."""
        begun = time.monotonic()
        with Connection(port) as c:
            c.socket.settimeout(1)
            c.send(sent)
            while time.monotonic() < begun + 2 * IDLE_SECONDS:
                try:
                    if not c.more():
                        break
                except TimeoutError:
                    try:
                        c.send(b"x" if sent else b"")
                    except ConnectionError:
                        break
        cls.stalled.append((sent, time.monotonic() - begun, c.held))

    def each(self):
        for port in self.ports:
            yield port
            with Connection(port) as c:
                c.send(GET)
                self.assertEqual(c.answer().status, 200)

    def assert_refused(self, answer, status=400, error="urn:aparte:error:malformed"):
        self.assertEqual((answer.status, answer.error, answer.headers.get("connection")), (status, error, "close"))

    def test_a_connection_ends_with_its_answer_and_says_so(self):
        for port in self.each():
            with Connection(port) as c:
                c.send(GET)
                answer = c.answer()
                self.assertEqual((answer.status, answer.headers.get("connection")), (200, "close"))
                self.assertIsNone(c.answer())

    def test_of_pipelined_requests_the_first_is_answered(self):
        """The others are the client's to send again: it was told that the connection ends (RFC 9112, 9.6)."""
        several = GET + post(b"Content-Length: 2\r\n", b"{}", b"/v1/nothing") + GET
        for port in self.each():
            for step in (len(several), 37):
                with Connection(port) as c:
                    c.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    for at in range(0, len(GET), step):
                        c.send(several[at:at + step])
                    answer = c.answer()
                    self.assertEqual((answer.status, answer.headers.get("connection")), (200, "close"))
                    self.assertIsNone(c.answer())

    def test_what_is_no_request(self):
        for port in self.each():
            for line in (b"HELLO", b"GET /", b"GET / HTTP/1.1 x", b" GET / HTTP/1.1", b"GET /a b HTTP/1.1", b"G\0T / HTTP/1.1"):
                with Connection(port) as c:
                    c.send(line + b"\r\n" + HOST + b"\r\n" + GET)
                    self.assert_refused(c.answer())
                    self.assertIsNone(c.answer())
            for request, status in ((b"GET / HTTP/9.9\r\n" + HOST + b"\r\n", 505), (b"GET / HTTP/1.1\r\n\r\n", 400),
                                    (post(b"Transfer-Encoding: gzip, chunked\r\n", b"0\r\n\r\n"), 501)):
                with Connection(port) as c:
                    c.send(request)
                    self.assert_refused(c.answer(), status)

    def test_another_protocol(self):
        for port in self.each():
            with Connection(port) as c:
                c.send(bytes(range(256)) * 4 + b"\r\n\r\n")
                self.assert_refused(c.answer())

    def test_paths_that_are_none(self):
        for port in self.each():
            for path in (b"/%ff%fe", b"/%00", b"//", b"/../../etc/passwd", b"/web/%2e%2e/%2e%2e/etc/passwd", b"/v1/%2f%2f"):
                with Connection(port) as c:
                    c.send(b"GET " + path + b" HTTP/1.1\r\n" + HOST + b"\r\n")
                    self.assertIn(c.answer().status, (400, 401, 404))

    def test_header_floods_end_the_connection(self):
        for port in self.each():
            for flood in (b"X: y\r\n" * 50000, b"X: " + b"y" * 300000):
                with Connection(port) as c:
                    try:
                        c.send(b"GET /healthz HTTP/1.1\r\n" + HOST + flood + b"\r\n\r\n")
                    except ConnectionError:
                        pass
                    self.assertIsNone(c.answer())

    def test_a_request_that_ends_in_two_places(self):
        """Nothing is served from behind it."""
        inner = GET
        for port in self.each():
            for headers in (b"Content-Length: 0\r\nContent-Length: %d\r\n" % len(inner),
                            b"Content-Length: %d, %d\r\n" % (len(inner), len(inner)), b"Content-Length: -1\r\n",
                            b"Content-Length: +5\r\n", b"Content-Length: 0x5\r\n", b"Content-Length: 99999999999999999999\r\n",
                            b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"):
                with Connection(port) as c:
                    c.send(post(headers, b"0\r\n\r\n" + inner if b"chunked" in headers else inner))
                    c.socket.shutdown(socket.SHUT_WR)
                    answer = c.answer()
                    if answer:
                        self.assert_refused(answer)
                    self.assertIsNone(c.answer(), headers)

    @unittest.skipIf("ASAN_OPTIONS" in os.environ, "AddressSanitizer keeps what was freed")
    def test_requests_without_an_end_leave_nothing_behind(self):
        """libsoup 3.2 never frees the path of a request whose body it cannot delimit: 60 kB for each of these."""
        path = b"/" + b"a" * 60000
        for port in self.each():
            for headers, status in ((b"Transfer-Encoding: gzip\r\n", 501), (b"Content-Length: )\r\n", 400),
                                    (b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", 501),
                                    (b"Content-Length: 1\r\n )\r\n", 400), (b"Content-Length: 14\x0c\r\n", 400), (b"Content-\0Length: x\r\n", 400)):
                before = resident_kib(port)
                self.assertGreater(before, 0)
                for _ in range(200):
                    with Connection(port) as c:
                        c.send(b"\r\n" + post(headers, path=path))
                        self.assert_refused(c.answer(), status)
                self.assertLess(resident_kib(port) - before, 6000, headers)
            before = resident_kib(port)
            for _ in range(200):  # where the head ends with the connection
                with Connection(port) as c:
                    c.send(post(b"Content-Length: )\r\n", path=path)[:-2])
                    c.socket.shutdown(socket.SHUT_WR)
                    while c.more():
                        pass
            self.assertLess(resident_kib(port) - before, 6000)

    def test_a_body_over_the_limit(self):
        chunk = b"8000\r\n" + b" " * 0x8000 + b"\r\n"
        for port in self.each():
            with Connection(port) as c:
                c.send(post(b"Transfer-Encoding: chunked\r\n", chunk * 4 + b"0\r\n\r\n", self.path(port)) + GET)
                answer = c.answer()
                self.assertEqual((answer.status, answer.error), (413, "urn:aparte:error:too-large"))
                self.assertIsNone(c.answer())

    def path(self, port):
        return b"/v1/sessions" if port == self.instance.port else b"/v1/login"

    def test_an_endless_body_is_cut(self):
        piece = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
        for port in self.each():
            for headers, part in ((b"Transfer-Encoding: chunked\r\n", piece), (b"Content-Length: 99999999999\r\n", piece)):
                with Connection(port) as c:
                    sent, begun = 0, time.monotonic()
                    c.send(post(headers, b"", self.path(port)))
                    with self.assertRaises(ConnectionError):
                        while sent < 1 << 26:
                            c.send(part)
                            sent += len(part)
                    self.assertLess(time.monotonic() - begun, 5)

    def test_expect_continue(self):
        body = b'{"user":"nobody","password":"x","totp":"000000"}'
        for port in self.each():
            with Connection(port) as c:
                c.send(post(b"Expect: 100-continue\r\nContent-Length: %d\r\n" % len(body), b"", self.path(port)))
                self.assertEqual(c.answer().status, 100)
                c.send(body)
                self.assertEqual(c.answer().status, 401)
            with Connection(port) as c:
                c.send(post(b"Expect: 100-continue\r\nContent-Length: 9999999\r\n", b"", self.path(port)))
                self.assert_refused(c.answer(), 413, "urn:aparte:error:too-large")
                self.assertIsNone(c.answer())

    def test_methods(self):
        for port in self.each():
            with Connection(port) as c:
                c.send(GET.replace(b"GET", b"BREW"))
                answer = c.answer()
                self.assertEqual((answer.status, answer.headers["allow"]), (405, "GET, OPTIONS"))
            with Connection(port) as c:
                c.send(b"CONNECT example.org:443 HTTP/1.1\r\n" + HOST + b"\r\n")
                self.assertIn(c.answer().status, (400, 404, 405))
            with Connection(port) as c:
                c.send(GET.replace(b"GET", b"HEAD"))
                while c.more() and b"\r\n\r\n" not in c.held:
                    pass
                self.assertTrue(c.held.startswith(b"HTTP/1.1 200") and c.held.endswith(b"\r\n\r\n"))

    def test_leaving_at_any_moment(self):
        request = post(b"Content-Length: 40\r\n", b" " * 40, b"/v1/login") + GET
        for port in self.each():
            for at in range(0, len(request), 7):
                with Connection(port) as c:
                    c.send(request[:at])
                    if at % 2:  # with a reset instead of an orderly end
                        c.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")

    def test_silent_connections_keep_nobody_waiting(self):
        for port in self.each():
            silent = [Connection(port) for _ in range(100)]
            begun = time.monotonic()
            with Connection(port) as c:
                c.send(GET)
                self.assertEqual(c.answer().status, 200)
            self.assertLess(time.monotonic() - begun, 1)
            for one in silent:
                one.socket.close()

    def test_zz_who_never_finishes_is_cut(self):
        for thread in self.slow:
            thread.join()
        self.assertEqual(len(self.stalled), 8)
        for sent, seconds, told in self.stalled:
            self.assertTrue(IDLE_SECONDS - 2 < seconds < IDLE_SECONDS + 8, (sent, seconds))
            self.assertEqual(told, b"")

    def test_zzz_nothing_broke(self):
        log = self.instance.log()
        self.assertNotRegex(log, "CRITICAL|process_ended|Sanitizer")


if __name__ == "__main__":
    unittest.main()
