"""A stranger's clients for a running Aparté, from its API alone: an instance of its own, the platform, a party, staff, the
admin socket, and an optional media peer.

Nothing here asserts what an answer should be; tests do.
"""
import base64
import hmac
import http.client
import json
import os
import pathlib
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time
import uuid
from datetime import datetime, timedelta, timezone

import nacl.signing

import aparte_format as fmt

TOP = pathlib.Path(__file__).resolve().parents[2]
PROBLEM = "urn:aparte:error:"


def until(what, check, seconds=15, every=0.1):
    """Waits until `check` gives something true, and gives that."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        value = check()
        if value:
            return value
        time.sleep(every)
    raise AssertionError(f"not within {seconds} s: {what}")


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def media(self):
        return (self.headers.get("Content-Type") or "").split(";")[0]

    @property
    def json(self):
        return json.loads(self.body) if "json" in self.media else None

    @property
    def error(self):
        """The name of the problem that was answered, or None."""
        kind = (self.json or {}).get("type", "") if self.media == "application/problem+json" else ""
        return kind.removeprefix(PROBLEM) if kind.startswith(PROBLEM) else None

    def __repr__(self):
        return f"{self.status} {self.media} {self.body[:600]!r}"


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=30)
        self.path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.path)


def call(where, method, path, body=None, token=None, media="application/json", headers=None):
    """One request on a connection of its own. `where` is a port or a socket's path; a body that is no text is sent as JSON."""
    connection = http.client.HTTPConnection("127.0.0.1", where, timeout=40) if isinstance(where, int) else UnixConnection(where)
    sent = dict(headers or {})
    if token is not None:
        sent["Authorization"] = f"Bearer {token}"
    if body is not None:
        if media:
            sent.setdefault("Content-Type", media)
        body = body if isinstance(body, (str, bytes)) else json.dumps(body)
        body = body.encode() if isinstance(body, str) else body
    try:
        connection.request(method, path, body, sent)
        answer = connection.getresponse()
        return Answer(answer.status, answer.headers, answer.read())
    finally:
        connection.close()


def _reachable(directory):
    """Under root every process has a Unix user of its own, which must reach the programs."""
    command = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "test", "-x", f"{directory}/aparte"]
    return os.getuid() != 0 or subprocess.run(command, stderr=subprocess.DEVNULL).returncode == 0


def _free_ports(count):
    first = int(os.environ.get("APARTE_TEST_PORTS", 27000 + os.getpid() % 400 * 10))
    for base in range(first, 32000, 10):
        held = []
        try:
            for port in range(base, base + count):
                held.append(socket.socket())
                held[-1].bind(("127.0.0.1", port))
            return base
        except OSError:
            continue
        finally:
            for one in held:
                one.close()
    raise AssertionError("no free ports")


class Instance:
    """The real processes under the real launcher, on a home and ports of their own."""

    def __init__(self, config=None, prepare=None):
        """`prepare` is called with the instance before it is served for the first time."""
        self.place = pathlib.Path(tempfile.mkdtemp(prefix="aparte-conformance-"))
        self.place.chmod(0o755)
        self.home = self.place / "home"
        self.bin = pathlib.Path(os.environ.get("APARTE_BIN", TOP / "build/dev/bin"))
        if not _reachable(self.bin):
            subprocess.run(["cmake", "--install", self.bin.parent, "--prefix", self.place / "opt"], check=True,
                           stdout=subprocess.DEVNULL)
            self.bin = self.place / "opt/bin"
        self.port = _free_ports(6)
        self.vault = self.port + 1
        self.admin_socket = self.home / "run/admin.sock"
        self.env = dict(os.environ, APARTE_HOME=str(self.home), APARTE_GATEWAY_PORT=str(self.port),
                        APARTE_VAULT_PORT=str(self.vault), APARTE_MEDIA_PORT=str(self.port + 2),
                        APARTE_ADVERTISE="127.0.0.1")
        try:
            self.cli("init")
            self.configure(config or {})
            if prepare:
                prepare(self)
            self.cli("serve", "--detach")
            self.cli("demo")
        except BaseException:
            self.stop()
            raise
        self.demo = json.loads((self.home / "demo.json").read_text())

    def cli(self, *arguments):
        done = subprocess.run([self.bin / "aparte", *arguments], env=self.env, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, f"aparte {' '.join(arguments)}: {done.stderr}\n{self.log()[-3000:]}"
        return done.stdout

    def configure(self, values):
        """Replaces values of aparte.conf: {"gateway.rate_per_minute": 1}."""
        path, section, lines = self.home / "aparte.conf", "", []
        for line in path.read_text().splitlines():
            section = line[1:-1] if line.startswith("[") else section
            key = line.split("=")[0]
            lines.append(f"{key}={values[f'{section}.{key}']}" if f"{section}.{key}" in values else line)
        path.write_text("\n".join(lines) + "\n")

    def log(self):
        path = self.home / "run/aparte.log"
        return path.read_text() if path.exists() else ""

    def gateway_call(self, method, path, body=None, **more):
        return call(self.port, method, path, body, **more)

    def vault_call(self, method, path, body=None, **more):
        return call(self.vault, method, path, body, **more)

    def admin_call(self, method, path, body=None, admin="admin", headers=None):
        named = {"Aparte-Admin": admin, "Aparte-Reason": "conformance"} if admin else {}
        return call(self.admin_socket, method, path, body, headers={**named, **(headers or {})})

    def vault_ready(self):
        """Whether the vault answers and has its gateway and captures."""
        try:
            return self.vault_call("GET", "/readyz").status == 200
        except OSError:
            return False

    def ready(self):
        """Whether persons are served: the vault is ready, and the gateway knows it."""
        try:
            return self.vault_ready() and self.gateway_call("GET", "/readyz").status == 200
        except OSError:
            return False

    def platform(self, method, path, body=None, **more):
        more.setdefault("token", self.demo["api_key"])
        return self.gateway_call(method, path, body, **more)

    def session_body(self, **changes):
        return {"reference": "conformance", "coach": {"id": "c-1", "name": "Claire Delorme", "locale": "fr"},
                "coachee": {"id": "p-1", "name": "Sam Okafor", "locale": "en"}, "policy": "default",
                "sensitivity": "standard", "e2ee": "off", **changes}

    def session(self, **changes):
        """A fresh session: (id, coach, coachee), both devices enrolled unless the platform gave the keys."""
        answer = self.platform("POST", "/v1/sessions", self.session_body(**changes))
        assert answer.status == 201, answer
        parties = [Party(self, answer.json, role) for role in ("coach", "coachee")]
        for party in parties:
            party.enrol()
        return answer.json["id"], *parties

    def stop(self):
        try:
            subprocess.run([self.bin / "aparte", "serve", "--stop"], env=self.env, capture_output=True, timeout=60)
        finally:
            if os.environ.get("APARTE_KEEP"):
                print("kept", self.place)
            else:
                shutil.rmtree(self.place, ignore_errors=True)


class Ahead:
    """How far persons and staff are ahead of this machine's clock: as far as the test put the vault's."""
    seconds = 0.0


def now(seconds=0):
    """RFC 3339 UTC with milliseconds, so many seconds from now."""
    at = datetime.now(timezone.utc) + timedelta(seconds=seconds + Ahead.seconds)
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"


class Party:
    """A person's device: token, key, statements, events."""

    def __init__(self, instance, session, role):
        self.instance, self.role, self.session = instance, role, session["id"]
        self.token = session["parties"][role]["token"]
        self.key = nacl.signing.SigningKey.generate()
        self.principal = None
        self.counter = int(time.time() * 1000)

    def call(self, method, path, body=None, **more):
        more.setdefault("token", self.token)
        return self.instance.gateway_call(method, path, body, **more)

    def enrol(self, key=None):
        self.principal = self.me()["pii_principal"]
        return self.call("PUT", "/v1/party/device", {"key": fmt.b64u(bytes((key or self.key).verify_key))})

    def me(self):
        return self.call("GET", "/v1/party").json

    def gate(self):
        return self.me()["gate"]

    def notice(self, lang="en"):
        return self.call("GET", f"/v1/notice?lang={lang}").json

    def statement(self, event, purposes=("recording",), notice=None, /, **changes):
        """Members of a statement that would be taken now; a change of None takes a member out."""
        notice = notice or self.notice()
        members = {"event": event, "schema_version": "1", "record_id": str(uuid.uuid4()), "session": self.session,
                   "pii_principal": self.principal, "role": self.role, "purposes": list(purposes),
                   "privacy_notice": {name: notice[name] for name in ("version", "lang", "sha256")},
                   "event_time": now(), "indication_method": "api", **changes}
        return {name: value for name, value in members.items() if value is not None}

    def sign(self, text, key=None):
        return fmt.b64u((key or self.key).sign(text.encode()).signature)

    def evidence(self, text, key=None):
        """A statement's text as the body of POST /v1/consents."""
        return {"statement": text, "key": fmt.b64u(bytes((key or self.key).verify_key)), "signature": self.sign(text, key)}

    def give(self, purposes=("recording",), key=None, share=None, sealed_for=None, **changes):
        """The body of a give; what is passed spoils it: another key, another share than committed to, another role."""
        notice, real = self.notice(), os.urandom(32)
        if "recording" in purposes:
            changes.setdefault("share_commitment", fmt.b64u(fmt.commitment(self.session, self.role, real)))
            changes.setdefault("seal", fmt.sha256(fmt.unb64u(notice["seal"])).hex())
        text = fmt.canonical(self.statement("ConsentGiven", purposes, notice, **changes))
        body = self.evidence(text, key)
        if "recording" in purposes:
            enc, ct = fmt.seal_share(fmt.unb64u(notice["seal"]), self.session, sealed_for or self.role, text, share or real)
            body["share"] = {"enc": fmt.b64u(enc), "ct": fmt.b64u(ct)}
        return body

    def decide(self, event="ConsentWithdrawn", purposes=("recording",), key=None, **changes):
        return self.evidence(fmt.canonical(self.statement(event, purposes, **changes)), key)

    def consent(self, body):
        return self.call("POST", "/v1/consents", body)

    def present(self, generation, key=None, counter=None):
        self.counter += 1
        number = self.counter if counter is None else counter
        signature = (key or self.key).sign(fmt.presence_bytes(self.session, int(generation), number)).signature
        return self.call("POST", "/v1/party/presence",
                         {"generation": str(generation), "counter": number, "signature": fmt.b64u(signature)})

    def listen(self):
        return Events(self)


class Events:
    """Server-sent events as they come, in `seen` as (event, data)."""

    def __init__(self, party):
        self.seen, self.over = [], threading.Event()
        self.connection = http.client.HTTPConnection("127.0.0.1", party.instance.port, timeout=120)
        self.connection.request("GET", "/v1/events", headers={"Authorization": f"Bearer {party.token}"})
        self.answer = self.connection.getresponse()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        event, data = None, []
        try:
            for line in self.answer:
                line = line.decode().rstrip("\r\n")
                if line.startswith("event:"):
                    event = line[6:].strip()
                elif line.startswith("data:"):
                    data.append(line[5:].removeprefix(" "))
                elif not line and event:
                    self.seen.append((event, "\n".join(data)))
                    event, data = None, []
        except (OSError, ValueError, AttributeError, http.client.HTTPException):
            pass
        self.over.set()

    def of(self, name):
        return [json.loads(data) for event, data in list(self.seen) if event == name]

    def names(self):
        return {event for event, _ in list(self.seen)}

    def wait(self, what, check=lambda data: True, seconds=10):
        return until(f"event {what}", lambda: [data for data in self.of(what) if check(data)], seconds)[-1]

    def close(self):
        if self.connection.sock:
            self.connection.sock.shutdown(socket.SHUT_RDWR)
        self.connection.close()


def totp(secret, step):
    """RFC 6238: SHA-1, 30 s, 6 digits."""
    mac = hmac.digest(base64.b32decode(secret + "=" * (-len(secret) % 8)), struct.pack(">Q", step), "sha1")
    at = mac[19] & 15
    return f"{(struct.unpack('>I', mac[at:at + 4])[0] & 0x7fffffff) % 1000000:06d}"


class Staff:
    """A staff user who logs in once; codes work once, so the last step spent is remembered."""
    spent = {}

    def __init__(self, instance, user):
        self.instance, self.user, self.token, self.cookie = instance, user, None, None

    def code(self, ahead=-1):
        """One that was not used: the last step, this one or the next, which a server's usual window takes; of the steps from
        `ahead` on (0: good for half a minute at least)."""
        def fresh():
            present = int(time.time() + Ahead.seconds) // 30
            after = Staff.spent.get(self.user["totp_secret"], 0)
            return next((step for step in range(present + ahead, present + 2) if step > after), None)
        step = until("a fresh code", fresh, 40, 0.3)
        Staff.spent[self.user["totp_secret"]] = step
        return totp(self.user["totp_secret"], step)

    def try_login(self, **changes):
        body = {"user": self.user["user"], "password": self.user["password"], **changes}
        if "totp" not in body:
            body["totp"] = self.code()
        return self.instance.vault_call("POST", "/v1/login", body)

    def login(self):
        """A code may be too late by the time the server comes to it; the next one is then tried."""
        answer = self.try_login()
        if answer.status == 401:
            answer = self.try_login()
        assert answer.status == 200, answer
        self.token, self.cookie = answer.json["token"], answer.headers["Set-Cookie"].split(";")[0]
        return self

    def call(self, method, path, body=None, **more):
        more.setdefault("token", self.token)
        return self.instance.vault_call(method, path, body, **more)


class Peer:
    """A person's media, by the aiortc client of the end-to-end tests in a process of its own."""

    def __init__(self, party):
        command = ["/usr/bin/python3", TOP / "tests/e2e/clients/aiortc_peer.py", f"http://127.0.0.1:{party.instance.port}", party.role]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                        text=True)
        self.process.stdin.write(party.token + "\n")
        self.process.stdin.flush()
        self.told = []
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            self.told.append(json.loads(line))

    def close(self):
        self.process.stdin.close()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
        self.process.stdout.close()
