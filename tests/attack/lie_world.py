"""The real vault and the real zygote, started as the launcher starts them, with the gateway's place left to the test.

Persons take part as in testlib/aparte_client.py, but through whatever gateway there is now. Media carries marks, so that
what was recorded can be told apart byte by byte: `recorded()` reads the tracks as a person would, every segment decrypted.
"""
import array
import collections
import fcntl
import json
import os
import pathlib
import re
import resource
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "testlib"))

import aparte_client
import aparte_format as fmt
from aparte_client import until
from lie_wire import GATEWAY, Gone, Link

# Freed memory that a sanitizer keeps is no memory of the vault's.
os.environ["ASAN_OPTIONS"] = os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=8"

BIN = pathlib.Path(os.environ.get("APARTE_BIN", aparte_client.TOP / "build/dev/bin"))
ROLES = ("coach", "coachee")
RTP, REPORT = 1, 2
AUDIO, CAMERA, SCREEN = 0, 1, 2
MARK = re.compile(rb"MARK<([a-z0-9-]+)/(\d+)>")
FRAME_NS = 20_000_000

Tap = collections.namedtuple("Tap", "fd session generation epoch")


class Liar(Link):
    """A gateway that answers the vault as an honest one would, keeps every descriptor, and says what the test wants."""

    def __init__(self, end, greet=True, hello=True):
        self.taps, self.events, self.hung_up, self.mute = [], [], [], False
        super().__init__(end, self.on_call, greet)
        if greet and hello:
            self.ask("Hello", 1, "00000000-0000-4000-8000-000000000001")

    def on_call(self, m):
        if self.mute or m.fields.get(2) != GATEWAY:
            return None
        if m.member == "TapOpen":
            self.taps.append(Tap(m.fds[0], m.values[0], m.values[1], m.values[2]))
        elif m.member == "TapClose":
            return "tt", (0, 0)
        elif m.member == "Event":
            self.events.append(tuple(m.values))
        elif m.member == "SessionClose":
            self.hung_up.append(m.values[0])
        return "", ()

    def taps_of(self, session):
        return [tap for tap in self.taps if tap.session == session]


class Process:
    """One of the product's programs, handed its sockets over descriptor 3 as include/aparte/handoff.h says."""

    def __init__(self, name, log, limits=None):
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.control = ours

        def equip():
            if limits:
                resource.setrlimit(resource.RLIMIT_NOFILE, (limits, limits))
            # Descriptor 3 may be anything of ours here: the end is moved there, whatever it was.
            os.dup2(theirs.fileno(), 3, inheritable=True)

        self.process = subprocess.Popen([BIN / name], stdin=subprocess.DEVNULL, stdout=log, stderr=log, close_fds=False,
                                        pass_fds=(), preexec_fn=lambda: (equip(), os.closerange(4, 4096)))
        theirs.close()
        self.pid = self.process.pid

    def hand(self, kind, text="", fd=None):
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [fd]))] if fd is not None else []
        self.control.sendmsg([kind.encode() + text.encode()], rights)

    def wait_ready(self):
        self.control.settimeout(30)
        said = self.control.recv(4096)
        assert said[:1] == b"R", f"it did not start: {said!r}"

    def alive(self):
        return self.process.poll() is None

    def stop(self):
        if self.alive():
            try:
                self.hand("T")
                self.process.wait(20)
            except (OSError, subprocess.TimeoutExpired):
                self.process.kill()
        self.process.wait()
        self.control.close()
        return self.process.returncode


def listener(family, address):
    s = socket.socket(family)
    if family == socket.AF_INET:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(address)
    s.listen(64)
    s.setblocking(False)
    return s


class World:
    """One vault, one zygote, one platform. `gateway` is the present liar; `descriptors` bounds what the vault may open."""

    def __init__(self, descriptors=1024):
        place = pathlib.Path(tempfile.mkdtemp(prefix="aparte-liar-"))
        place.chmod(0o755)
        self.home = place / "home"
        self.descriptors, self.gateway, self.vault, self.zygote = descriptors, None, None, None
        self.links = 0  # handed over so far; the last one's number
        env = dict(os.environ, APARTE_HOME=str(self.home))
        subprocess.run([BIN / "aparte", "init"], env=env, check=True, stdout=subprocess.DEVNULL)
        # Under root an instance has users of its own; these processes all run as the test does.
        subprocess.run(["chown", "-R", f"{os.getuid()}:{os.getgid()}", self.home], check=True)
        self.log_path = self.home / "run/aparte.log"
        self.log_file = open(self.log_path, "ab")
        self.http = listener(socket.AF_INET, ("127.0.0.1", 0))
        self.http_port = self.http.getsockname()[1]
        self.admin_path = self.home / "run/admin.sock"
        self.admin_path.unlink(missing_ok=True)
        self.admin = listener(socket.AF_UNIX, str(self.admin_path))
        try:
            self.start()
            self.make_platform()
        except BaseException:
            self.stop()
            raise

    # Processes.

    def start(self):
        zygote_ends = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.zygote = Process("aparte-capture", self.log_file)
        self.vault = Process("aparte-recorder", self.log_file, self.descriptors)
        config = os.memfd_create("aparte.conf", os.MFD_ALLOW_SEALING)
        os.write(config, (self.home / "aparte.conf").read_bytes())
        fcntl.fcntl(config, 1033, 0xF)  # F_ADD_SEALS, all four
        greeting = f"home={self.home}\nweb={aparte_client.TOP}/web\nadmin_uid={os.geteuid()}\n"
        for process in (self.zygote, self.vault):
            process.hand("C", greeting, config)
        self.vault.hand("H", fd=self.http.fileno())
        self.vault.hand("A", fd=self.admin.fileno())
        for process, end in zip((self.vault, self.zygote), zygote_ends):
            process.hand("Z", fd=end.fileno())
            end.close()
        os.close(config)
        for process in (self.zygote, self.vault):
            process.hand("G")
            process.wait_ready()
        self.link()

    def raw_link(self):
        """The gateway's end of a new link, nothing said on it yet; the vault's end takes the old one's place."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        self.links += 1
        self.vault.hand("L", str(self.links), theirs.fileno())
        theirs.close()
        return ours

    def told_over(self):
        """The numbers of links that the vault has told its launcher are over, since asked last."""
        numbers = []
        self.vault.control.settimeout(0)
        try:
            while said := self.vault.control.recv(4096):
                numbers += [int(said[1:])] if said[:1] == b"U" else []
        except BlockingIOError:
            pass
        return numbers

    def link(self, **how):
        """A gateway that was started again."""
        if self.gateway:
            self.gateway.close()
        self.gateway = Liar(self.raw_link(), **how)
        return self.gateway

    def stop(self):
        if self.gateway:
            self.gateway.close()
        ends = [p.stop() for p in (self.vault, self.zygote) if p]
        self.log_file.close()
        self.http.close()
        self.admin.close()
        if os.environ.get("APARTE_KEEP"):
            print("kept", self.home.parent)
        else:
            shutil.rmtree(self.home.parent, ignore_errors=True)
        return ends

    def log(self):
        return self.log_path.read_text()

    # The vault from other sides.

    def admin_call(self, method, path, body=None, admin="admin"):
        headers = {"Aparte-Admin": admin, "Aparte-Reason": "liar"} if admin else {}
        return aparte_client.call(self.admin_path, method, path, body, headers=headers)

    def staff_call(self, method, path, body=None):
        return aparte_client.call(self.http_port, method, path, body)

    def make_platform(self):
        assert self.admin_call("POST", "/v1/users", {"user": "admin", "role": "admin"}, admin=None).status in (200, 201)
        assert self.admin_call("POST", "/v1/tenants", {"name": "liar"}).status in (200, 201)
        answer = self.admin_call("POST", "/v1/tenants/liar/keys", {"label": "liar"})
        assert answer.status in (200, 201), answer
        self.api_key = answer.json["api_key"]

    def session(self, connect=True):
        """A fresh session whose two persons have enrolled and, unless told otherwise, are said to be connected."""
        body = {"reference": "liar", "coach": {"id": "c", "name": "Claire", "locale": "fr"},
                "coachee": {"id": "p", "name": "Sam", "locale": "en"}, "policy": "default", "sensitivity": "standard",
                "e2ee": "off"}
        answer = self.gateway.ask("SessionCreate", self.api_key, "", json.dumps(body))
        assert not answer.error, answer.values
        return Session(self, json.loads(answer.values[0]), connect)

    def vault_open_files(self):
        return len(os.listdir(f"/proc/{self.vault.pid}/fd"))

    def vault_memory(self):
        """Resident KiB."""
        for line in open(f"/proc/{self.vault.pid}/status"):
            if line.startswith("VmRSS"):
                return int(line.split()[1])
        return 0


class Reply:
    """An answer of the vault in the shape that aparte_client.Party reads."""

    def __init__(self, m):
        self.error, self.status = m.error, 200 if not m.error else 400
        self.body = m.values[0] if m.values else ""

    @property
    def json(self):
        return json.loads(self.body)


class Person(aparte_client.Party):
    """One person, whose words all pass through the gateway there is."""
    CALLS = {("GET", "/v1/party"): "PartyGet", ("PUT", "/v1/party/device"): "DevicePut",
             ("POST", "/v1/consents"): "ConsentPut", ("POST", "/v1/party/presence"): "PresencePut"}

    def call(self, method, path, body=None, **more):
        gateway = self.instance.gateway
        if path.startswith("/v1/notice"):
            return Reply(gateway.ask("NoticeGet", self.token, path[-2:], ""))
        values = [self.token] if body is None else [self.token, json.dumps(body)]
        return Reply(gateway.ask(self.CALLS[method, path], *values))

    def pause(self, paused):
        return Reply(self.instance.gateway.ask("PauseSet", self.token, int(paused)))

    def recordings(self):
        return Reply(self.instance.gateway.ask("PartyRecordings", self.token)).json["recordings"]


class Source:
    """One Opus stream whose every frame carries its name and number."""

    def __init__(self, name, ssrc=None):
        self.name, self.ssrc = name, ssrc or int.from_bytes(os.urandom(4), "big")
        self.number, self.stamp = 0, int.from_bytes(os.urandom(3), "big")

    def packet(self):
        mark = b"MARK<%s/%d>" % (self.name.encode(), self.number)
        head = struct.pack(">BBHII", 0x80, 111, self.number & 0xFFFF, self.stamp, self.ssrc)
        self.number += 1
        self.stamp = (self.stamp + 960) & 0xFFFFFFFF
        return head + b"\xf8" + mark

    def skip(self, seconds):
        """Nothing was said for so long: its clock went on."""
        self.stamp = (self.stamp + int(seconds * 48000)) & 0xFFFFFFFF


def datagram(generation, role, packet, line=AUDIO, kind=RTP, arrival=None, version=1):
    number = ROLES.index(role) + 1 if isinstance(role, str) else role
    arrival = time.monotonic_ns() if arrival is None else arrival
    return struct.pack(">BBBBQQ", version, kind, number, line, generation, arrival) + packet


def write(fd, data):
    """What became of it: "taken", "full" (the gate does not take it at once), or "shut"."""
    try:
        socket.socket.send(_socket(fd), data, socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)
        return "taken"
    except BlockingIOError:
        return "full"
    except OSError:
        return "shut"


_sockets = {}


def _socket(fd):
    """Gates are kept open on purpose, by number; a socket object to each."""
    if fd not in _sockets:
        _sockets[fd] = socket.socket(fileno=os.dup(fd))
    return _sockets[fd]


class Session:
    def __init__(self, world, created, connect=True):
        self.world, self.id = world, created["id"]
        self.persons = {role: Person(world, created, role) for role in ROLES}
        self.coach, self.coachee = self.persons["coach"], self.persons["coachee"]
        for person in self.persons.values():
            assert not person.enrol().error
        if connect:
            self.connect()

    def connect(self, role=None, there=True):
        for one in [role] if role else ROLES:
            answer = self.world.gateway.ask("LegState", self.id, one, int(there))
            assert not answer.error, answer.error

    def give(self, *roles, **changes):
        for role in roles or ROLES:
            answer = self.persons[role].consent(self.persons[role].give(**changes))
            assert not answer.error, answer.error

    def gate(self):
        return self.coach.gate()

    def taps(self):
        return self.world.gateway.taps_of(self.id)

    def wait_open(self, more_than=0, seconds=20):
        """The newest tap, once there are more of them than so many and the gate says that it is open."""
        until("a gate", lambda: len(self.taps()) > more_than and self.gate()["state"] == "open", seconds, 0.03)
        return self.taps()[-1]

    def open(self):
        self.give()
        return self.wait_open()

    def end(self):
        answer = self.world.gateway.ask("SessionEnd", self.world.api_key, self.id, seconds=30)
        assert not answer.error, answer.error

    def recorded(self):
        """{role: [(name, number)]} of everything that can be read of this session's recordings, in order."""
        found, gateway = {role: [] for role in ROLES}, self.world.gateway
        for recording in self.coach.recordings():
            for role in ROLES if recording["state"] not in ("erased", "recording") else ():
                found[role] += [(name.decode(), int(n)) for name, n in MARK.findall(self.track(gateway, recording["id"], role))]
        return found

    def track(self, gateway, recording, role):
        opened = gateway.ask("TrackOpen", self.coach.token, recording, role)
        assert not opened.error, f"{opened.error} {opened.values}"
        access, size = opened.values
        data = b""
        while len(data) < size:
            part = gateway.ask("TrackRead", self.coach.token, access, recording, role, len(data), 1 << 20).values[0]
            assert part, "a track ends before its size"
            data += part
        return data


class Flow:
    """Both persons of a session speak, 50 frames a second each, until stopped. `sent` counts by role what the gate took."""
    LATE = 0.1  # s: who gets no processor for longer than this said nothing meanwhile, as a microphone would not have
    FIRST, LAST = 8, 15  # frames at a gate's beginning and end that may be lost to them

    def __init__(self, session, name):
        self.session, self.name, self.over = session, name, threading.Event()
        self.sent, self.refused = {role: [] for role in ROLES}, 0
        self.tap_of, self.shut = {}, set()  # number: generation of the gate that took it; generations that ended
        self.sources = {role: Source(f"{name}-{role}") for role in ROLES}
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _say(self, tap):
        for role, source in self.sources.items():
            number, packet = source.number, source.packet()
            became = write(tap.fd, datagram(tap.generation, role, packet))
            if became == "taken":
                self.sent[role].append(number)
                self.tap_of[number] = tap.generation
            elif became == "shut":
                self.shut.add(tap.generation)
            self.refused += became != "taken"

    def _keep_silent(self, seconds):
        for source in self.sources.values():
            source.skip(seconds)

    def _run(self):
        due = time.monotonic()
        while not self.over.is_set():
            taps = self.session.taps()
            if taps:
                self._say(taps[-1])
            else:
                self._keep_silent(FRAME_NS / 1e9)
            due += FRAME_NS / 1e9
            late = time.monotonic() - due
            if late > self.LATE:
                self._keep_silent(late)
                due += late
            self.over.wait(max(0, due - time.monotonic()))

    def missing(self, role, kept):
        """What its gates took and `kept` has not. A gate takes sounds from when it is made until it is shut; recorded is what
        was said from when the capture opened its end until it looked for the last time. So the first of a gate, and the last
        of one that was shut, may be missing: few, and all of them up to the first or from the last that is there."""
        lost, newest = [], self.tap_of[max(self.tap_of)] if self.tap_of else None
        for generation in set(self.tap_of.values()):
            numbers = [n for n in self.sent[role] if self.tap_of[n] == generation]
            there = [i for i, n in enumerate(numbers) if n in kept]
            first = there[0] if there and there[0] <= self.FIRST else 0
            ended = generation != newest or generation in self.shut
            last = there[-1] + 1 if there and ended else len(numbers)
            last = last if len(numbers) - last <= self.LAST else len(numbers)
            lost += [n for n in numbers[first:last] if n not in kept]
        return sorted(lost)

    def stop(self):
        self.over.set()
        self.thread.join()


def speak(tap, name, frames=25, roles=ROLES, generation=None, **more):
    """So many frames of each, in step with the clock, and what became of the datagrams."""
    sources, became = {role: Source(f"{name}-{role}") for role in roles}, collections.Counter()
    for _ in range(frames):
        for role, source in sources.items():
            became[write(tap.fd, datagram(generation or tap.generation, role, source.packet(), **more))] += 1
        time.sleep(FRAME_NS / 1e9)
    return became


def names(found):
    return {name for marks in found.values() for name, _ in marks}
