"""A witness (C2SP tlog-witness, tlog-cosignature) written from the specification; shares no code with Aparté.

    witness = Witness("witness.example/w1", port); witness.trust(vkey_of_the_log); … ; witness.stop()

`mood` makes it one that is away or lies: "fair", "hang", "drip" (a byte a second), "huge", "garbage", "forge" (a signature
that does not hold), "ahead" (it claims to know more), "refuse" (422), "error" (500).
"""
import base64
import http.server
import threading
import time

import nacl.exceptions
import nacl.signing

import aparte_format as fmt


class Refusal(Exception):
    def __init__(self, status, body=b"", kind="text/plain"):
        super().__init__(status)
        self.status, self.body, self.kind = status, body, kind


class Witness:
    def __init__(self, name, port, seed=None):
        self.name, self.key = name, nacl.signing.SigningKey(seed) if seed else nacl.signing.SigningKey.generate()
        public = bytes(self.key.verify_key)
        self.key_id = fmt.sha256(name.encode() + b"\n\x04" + public)[:4]
        self.vkey = f"{name}+{self.key_id.hex()}+{base64.b64encode(bytes([4]) + public).decode()}"
        self.logs = {}      # origin -> verifier key
        self.latest = {}    # origin -> (size, root), of the newest checkpoint cosigned
        self.mood, self.asked, self.lock = "fair", 0, threading.Lock()
        self.over = threading.Event()
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), self._handler())
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{port}/witness"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def trust(self, vkey):
        self.logs[fmt.parse_vkey(vkey)[0]] = vkey

    def cosign(self, note_text):
        """The signature line over a checkpoint's text."""
        at = int(time.time())
        signed = self.key.sign(f"cosignature/v1\ntime {at}\n".encode() + note_text.encode()).signature
        return f"— {self.name} {base64.b64encode(self.key_id + at.to_bytes(8, 'big') + signed).decode()}\n"

    def add_checkpoint(self, body):
        """The answer's body, or Refusal."""
        head, _, note = body.partition("\n\n")
        old_line, *proof_lines = head.split("\n")
        if not old_line.startswith("old ") or old_line[4:] != str(int(old_line[4:])) or len(proof_lines) > 63:
            raise Refusal(400)
        old, proof = int(old_line[4:]), [base64.b64decode(line, validate=True) for line in proof_lines]
        text = note.split("\n\n")[0] + "\n"
        origin = text.split("\n")[0]
        if origin not in self.logs:
            raise Refusal(404)
        try:
            size, root = fmt.check_checkpoint(note, self.logs[origin])
        except (AssertionError, StopIteration, nacl.exceptions.BadSignatureError):
            raise Refusal(403) from None
        if old > size:
            raise Refusal(400)
        with self.lock:
            known, known_root = self.latest.get(origin, (0, None))
            if old != known:
                raise Refusal(409, f"{known}\n".encode(), "text/x.tlog.size")
            if old == 0:
                if proof:
                    raise Refusal(422)
            else:
                try:
                    fmt.check_consistency(old, size, known_root, root, proof)
                except AssertionError:
                    raise Refusal(422) from None
            self.latest[origin] = (size, root)
        return self.cosign(text)

    def size_of(self, vkey):
        return self.latest.get(fmt.parse_vkey(vkey)[0], (0, None))[0]

    def stop(self):
        self.over.set()
        self.server.shutdown()
        self.server.server_close()

    # What it does when it is not fair.

    def _answer(self, body):
        """(status, kind, bytes)."""
        if self.mood == "garbage":
            return 200, "text/plain", b"\xe2\x80\x94 \xff\xfe<html>\n\n\x00"
        if self.mood == "huge":
            return 200, "text/plain", self.cosign("x\n").encode() * 100000
        if self.mood == "ahead":
            return 409, "text/x.tlog.size", b"1000000\n"
        if self.mood == "refuse":
            return 422, "text/plain", b""
        if self.mood == "error":
            return 500, "text/plain", b"no"
        try:
            line = self.add_checkpoint(body)
        except Refusal as refusal:
            return refusal.status, refusal.kind, refusal.body
        if self.mood == "forge":
            line = self.cosign("another text\n")
        return 200, "text/plain", line.encode()

    def _handler(witness):  # noqa: N805
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                witness.asked += 1
                if self.path != "/witness/add-checkpoint":
                    self.send_error(404)
                    return
                if witness.mood == "hang":
                    witness.over.wait(120)
                    return
                status, kind, content = witness._answer(body)
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                try:
                    if witness.mood == "drip":
                        for byte in content:
                            self.wfile.write(bytes([byte]))
                            if witness.over.wait(1):
                                return
                    else:
                        self.wfile.write(content)
                except OSError:
                    pass
        return Handler
