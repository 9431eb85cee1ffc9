"""D-Bus by hand on a stream socket: what a gateway says that keeps to the protocol, and every way of not keeping to it.

Only the types of include/aparte/vault.xml are known: s o g u t b h y, and ay in answers. Numbers are little endian.
"""
import array
import pathlib
import queue
import socket
import struct
import threading
import xml.etree.ElementTree

CONTRACT = pathlib.Path(__file__).resolve().parents[2] / "include/aparte/vault.xml"
PATH, VAULT, GATEWAY = "/fr/aparte", "fr.aparte.Vault1", "fr.aparte.Gateway1"
CALL, RETURN, ERROR, SIGNAL = 1, 2, 3, 4
NO_REPLY = 1
FIELD_TYPES = {1: "o", 2: "s", 3: "s", 4: "s", 5: "u", 6: "s", 7: "s", 8: "g", 9: "u"}
FIELDS = {"path": 1, "interface": 2, "member": 3, "error": 4, "reply_to": 5, "destination": 6, "sender": 7, "signature": 8,
          "fds": 9}


def signatures(interface=VAULT):
    """{method: signature of its arguments} of the contract."""
    tree = xml.etree.ElementTree.parse(CONTRACT)
    return {method.get("name"): "".join(arg.get("type") for arg in method.iter("arg") if arg.get("direction") == "in")
            for method in tree.findall(f"interface[@name='{interface}']/method")}


# Values to bytes and back.

def _pad(data, to):
    return data + bytes(-len(data) % to)


def put(data, kind, value):
    """Appends one value to what stands before it, whose length is what it aligns to."""
    if kind in "so":
        text = value.encode() if isinstance(value, str) else value
        return _pad(data, 4) + struct.pack("<I", len(text)) + text + b"\0"
    if kind == "g":
        return data + bytes([len(value)]) + value.encode() + b"\0"
    if kind == "y":
        return data + bytes([value])
    size, code = {"u": (4, "<I"), "h": (4, "<I"), "b": (4, "<I"), "t": (8, "<Q")}[kind]
    return _pad(data, size) + struct.pack(code, value)


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def align(self, to):
        self.at += -self.at % to

    def number(self, size):
        self.align(size)
        self.at += size
        return int.from_bytes(self.data[self.at - size:self.at], "little")

    def take(self, kind):
        if kind in "so":
            size = self.number(4)
        elif kind == "g":
            size = self.number(1)
        else:
            return self.number({"y": 1, "u": 4, "h": 4, "b": 4, "t": 8}[kind])
        self.at += size + 1
        return self.data[self.at - size - 1:self.at - 1].decode()

    def array(self):
        size = self.number(4)
        self.at += size
        return self.data[self.at - size:self.at]


def message(kind, serial, signature="", values=(), flags=0, body=None, **fields):
    """The bytes of one message; fields by their names in FIELDS, None leaves one out. `body` replaces the values."""
    if body is None:
        body = b""
        for code, value in zip(signature, values):
            body = put(body, code, value)
    if signature:
        fields.setdefault("signature", signature)
    head = struct.pack("<cBBBII", b"l", kind, flags, 1, len(body), serial)
    listed = b""
    for name, value in fields.items():
        if value is not None:
            code = FIELDS[name]
            # An entry is aligned to 8, and the array itself starts at 16.
            listed = put(put(put(_pad(listed, 8), "y", code), "g", FIELD_TYPES[code]), FIELD_TYPES[code], value)
    return _pad(head + struct.pack("<I", len(listed)) + listed, 8) + body


def to_vault(serial, method, values=(), flags=0, signature=None, path=PATH, interface=VAULT, **more):
    wanted = signatures().get(method, "") if signature is None else signature
    return message(CALL, serial, wanted, values, flags, path=path, interface=interface, member=method, **more)


class Message:
    def __init__(self, data, fds):
        r = Reader(data)
        _, self.kind, self.flags, _ = (r.number(1) for _ in range(4))
        r.number(4)
        self.serial = r.number(4)
        end, self.fields = r.number(4) + 16, {}
        while r.at < end:
            r.align(8)
            code = r.number(1)
            self.fields[code] = r.take(r.take("g"))
        r.align(8)
        self.fds, self.values = fds, []
        body = Reader(data[r.at:])
        signature = self.fields.get(8, "")
        if signature == "ay":
            self.values.append(body.array())
        else:
            self.values = [body.take(code) for code in signature]

    @property
    def member(self):
        return self.fields.get(3)

    @property
    def error(self):
        """The error's last word, or None."""
        return self.fields.get(4, "").rpartition(".")[2] or None


class Gone(Exception):
    """The vault ended the link."""


class Link:
    """One end of a link. With `serve` messages are read by a thread, the vault's calls go to `serve(message)`, which gives
    (signature, values) for the answer, or None to leave it unanswered."""

    def __init__(self, end, serve=None, greet=True):
        self.socket, self.serve, self.serial = end, serve, 0
        self.answers, self.lock, self.over = {}, threading.Lock(), threading.Event()
        if greet:
            self.handshake()
            threading.Thread(target=self._run, daemon=True).start()

    def handshake(self):
        """Any of the ways in that the vault offers; it is the socket itself that proves who we are."""
        line = b""
        for words in (b"\0AUTH ANONYMOUS 6c696172\r\n", b"NEGOTIATE_UNIX_FD\r\n"):
            self.socket.sendall(words)
            line = b""
            while not line.endswith(b"\n"):
                part = self.socket.recv(1)
                if not part:
                    raise Gone
                line += part
            if not line.startswith((b"OK", b"AGREE")):
                raise Gone(line)
        self.socket.sendall(b"BEGIN\r\n")

    # What comes.

    def _receive(self, buffered, fds, wanted):
        space = socket.CMSG_SPACE(16 * 4)
        while len(buffered) < wanted:
            data, control, _, _ = self.socket.recvmsg(65536, space)
            for level, kind, content in control:
                if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                    got = array.array("i")
                    got.frombytes(content[:len(content) // 4 * 4])
                    fds.extend(got)
            if not data:
                raise Gone
            buffered += data
        return buffered

    def _run(self):
        buffered, fds = b"", []
        try:
            while True:
                buffered = self._receive(buffered, fds, 16)
                body, listed = struct.unpack_from("<I", buffered, 4)[0], struct.unpack_from("<I", buffered, 12)[0]
                size = 16 + listed + -listed % 8 + body
                buffered = self._receive(buffered, fds, size)
                data, buffered = buffered[:size], buffered[size:]
                self._take(Message(data, fds))
                fds = []
        except (OSError, Gone):
            pass
        self.over.set()
        for waiting in list(self.answers.values()):
            waiting.put(None)

    def _take(self, m):
        if m.kind in (RETURN, ERROR):
            waiting = self.answers.pop(m.fields[5], None)
            if waiting:
                waiting.put(m)
            return
        answer = self.serve(m) if self.serve else None
        if answer is not None and not m.flags & NO_REPLY:
            self.send(message(RETURN, self.next(), *answer, reply_to=m.serial))

    # What goes.

    def next(self):
        with self.lock:
            self.serial += 1
            return self.serial

    def send(self, data, fds=()):
        control = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
        try:
            with self.lock:
                sent = self.socket.sendmsg([data], control)
                if sent < len(data):
                    self.socket.sendall(data[sent:])
        except OSError as e:
            raise Gone from e

    def begin(self, method, *values, **more):
        """Asks and does not wait: a queue that the answer comes to, or None when the link ends first."""
        serial, waiting = self.next(), queue.Queue()
        self.answers[serial] = waiting
        if self.over.is_set():
            waiting.put(None)
        self.send(to_vault(serial, method, values, **more))
        return waiting

    def ask(self, method, *values, seconds=15, **more):
        answer = self.begin(method, *values, **more).get(timeout=seconds)
        if answer is None:
            raise Gone
        return answer

    def ended(self, seconds=5):
        return self.over.wait(seconds)

    def close(self):
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.socket.close()
