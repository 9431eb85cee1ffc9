"""A running instance whose vault/ and recordings/ lie on a disk that fails when it is told to, and a recorded call on it.

Mounts are made in a mount namespace of the test's own, so that nothing is left behind. Needs root and /dev/fuse.
"""
import contextlib
import ctypes
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import time

import aparte_client as client

CLONE_NEWNS, MS_REC, MS_PRIVATE, MS_BIND = 0x20000, 0x4000, 1 << 18, 4096
PARTS = ("vault", "recordings")
ROLES = ("coach", "coachee")
LIBC = ctypes.CDLL(None, use_errno=True)


def own_mounts():
    """From here on nobody else sees our mounts; ends the test as skipped where that cannot be."""
    why = None
    if os.getuid() != 0:
        why = "needs root to mount"
    elif not os.path.exists("/dev/fuse") or not faultfs().exists():
        why = "no FUSE here"
    elif LIBC.unshare(CLONE_NEWNS) != 0 or LIBC.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None) != 0:
        why = "no mount namespace here"
    if why:
        print(f"skipped: {why}")
        sys.exit(77)


def faultfs():
    built = pathlib.Path(os.environ.get("APARTE_BIN", client.TOP / "build/dev/bin"))
    return built.parent / "tests/faultfs"


def mount(*arguments):
    subprocess.run(["mount", *map(str, arguments)], check=True)


class Disk:
    """The faulty file system; as `prepare` of an Instance it is put under its vault/ and recordings/."""

    def __init__(self, seed=0):
        self.seed, self.process, self.bound = seed, None, []

    def __call__(self, instance):
        place = instance.place
        self.back, self.top, self.control = place / "back", place / "disk", place / "control"
        for directory in (self.back, self.top):
            directory.mkdir()
        self.process = subprocess.Popen([faultfs(), self.back, self.top, self.control, str(self.seed)],
                                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert self.process.stdout.readline() == "ready\n", "faultfs did not start"
        for part in PARTS:
            subprocess.run(["cp", "-a", instance.home / part, self.back / part], check=True)
            mount("--bind", self.top / part, instance.home / part)
            self.bound.append(instance.home / part)

    def rules(self, *lines):
        """Replaces the rules; gives how often each of those before struck."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(self.control))
            connection.sendall("\n".join(lines).encode())
            connection.shutdown(socket.SHUT_WR)
            return [int(line) for line in connection.makefile().read().split()]

    @contextlib.contextmanager
    def failing(self, *lines):
        self.rules(*lines)
        try:
            yield
        finally:
            self.struck = self.rules()

    def stop(self):
        for path in [*self.bound, self.top]:
            subprocess.run(["umount", "-l", path], check=False)
        self.process.wait(10)
        self.process.stdout.close()


class Media:
    """The persons' sound and pictures, sent and counted by one small process (call_peers.c)."""

    def __init__(self):
        self.process = subprocess.Popen([faultfs().parent / "call_peers"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL, text=True)
        assert self.process.stdout.readline() == "ready\n", "call_peers did not start"

    def say(self, *words):
        self.process.stdin.write(" ".join(map(str, words)) + "\n")
        self.process.stdin.flush()

    def call(self, party, name):
        self.say("make", name, 0)
        _, _, ufrag, pwd, fingerprint = self.process.stdout.readline().split()
        answer = party.call("POST", "/v1/media", offer(ufrag, pwd, fingerprint), media="application/sdp")
        assert answer.status == 201, answer
        sdp = answer.body.decode()
        found = [re.search(pattern, sdp, re.I)[1] for pattern in ANSWERED]
        self.say("dial", name, *found)

    def count(self):
        """{name: (ready, next frame, packets received, packets lost, longest gap in ms)}; the last two since asked last."""
        self.say("count")
        lines = iter(self.process.stdout.readline, "counted\n")
        return {name: tuple(map(int, numbers)) for name, *numbers in (line.split() for line in lines)}

    def stop(self):
        self.process.stdin.close()
        self.process.wait(10)
        self.process.stdout.close()


ANSWERED = (r"a=ice-ufrag:(\S+)", r"a=ice-pwd:(\S+)", r"a=candidate:\S+ 1 udp \d+ 127\.0\.0\.1 (\d+)",
            r"a=fingerprint:sha-256 (\S+)")


def offer(ufrag, pwd, fingerprint):
    """One sound and one VP8 picture, on the numbers that call_peers sends with."""
    def line(mid, media, ssrc):
        return [*media, "c=IN IP4 0.0.0.0", f"a=ice-ufrag:{ufrag}", f"a=ice-pwd:{pwd}", f"a=fingerprint:sha-256 {fingerprint}",
                "a=setup:actpass", f"a=mid:{mid}", "a=sendrecv", "a=rtcp-mux", f"a=ssrc:{ssrc} cname:peer"]
    sound = ["m=audio 9 UDP/TLS/RTP/SAVPF 111", "a=rtpmap:111 opus/48000/2"]
    picture = ["m=video 9 UDP/TLS/RTP/SAVPF 96", "a=rtpmap:96 VP8/90000", "a=rtcp-fb:96 nack pli"]
    return "\r\n".join(["v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "t=0 0", "a=group:BUNDLE 0 1",
                        *line(0, sound, 0x11111111), *line(1, picture, 0x22222222), ""])


class Call:
    """Two persons with live media, both consents given, the gate open."""

    def __init__(self, instance, purposes=("recording", "supervision")):
        self.instance = instance
        self.session, *self.parties = instance.session()
        self.coach, self.coachee = self.parties
        self.media = Media()
        try:
            for party in self.parties:
                self.media.call(party, party.role)
            self.events = [party.listen() for party in self.parties]
            client.until("both are connected", lambda: "disconnected" not in self.coach.gate()["reasons"], 40)
            self.give(purposes)
            self.open()
        except BaseException:
            self.close()
            raise

    def give(self, purposes=("recording", "supervision"), parties=None):
        for party in parties or self.parties:
            answer = party.consent(party.give(purposes))
            assert answer.status == 201, answer

    def open(self, seconds=20):
        client.until("the gate is open", lambda: self.coach.gate()["state"] == "open", seconds)

    def state(self):
        return self.instance.platform("GET", f"/v1/sessions/{self.session}").json

    def recordings(self):
        return self.state()["recordings"]

    def segments(self, recording):
        return {role: sorted((self.instance.home / "recordings" / recording / role).glob("*.age")) for role in ROLES}

    def under_way(self, count=2):
        """The recording being made, once each track has so many segments on disk."""
        now = client.until("a recording", lambda: [one["id"] for one in self.recordings() if one["state"] == "recording"])[-1]
        client.until("segments", lambda: all(len(names) >= count for names in self.segments(now).values()), 25)
        return now

    def mark(self):
        return [len(events.seen) for events in self.events]

    def told(self, mark, wanted, seconds=10):
        """Both were told of such a gate since the mark; gives what both saw, and how long that took."""
        begun, found = time.monotonic(), []
        for events, start in zip(self.events, mark):
            def look(events=events, start=start):
                seen = [client.json.loads(data) for name, data in events.seen[start:] if name == "gate"]
                return [gate for gate in seen if wanted(gate)]
            found.append(client.until("a gate event", look, seconds, 0.02)[0])
        return found, time.monotonic() - begun

    @contextlib.contextmanager
    def unharmed(self):
        """Every packet of the call arrives all the while, at the pace it was sent."""
        before, begun = self.media.count(), time.monotonic()
        yield
        client.until("more packets", lambda: time.monotonic() - begun > 1, 3)
        after, lasted = self.media.count(), time.monotonic() - begun
        for role in ROLES:
            _, frame, received, lost, gap = after[role]
            sent = frame - before[role][1]
            got = received - before[role][2]
            assert lost == 0, f"{role}: {lost} packets lost"
            assert got > sent, f"{role}: {got} packets came while the other sent {sent} frames and twice as much sound"
            assert gap < 1500, f"{role}: nothing came for {gap} ms"
            assert sent > lasted * 5, f"{role}: only {sent} frames in {lasted:.1f} s"

    def end(self):
        answer = self.instance.platform("DELETE", f"/v1/sessions/{self.session}")
        assert answer.status == 204, answer

    def close(self):
        for events in getattr(self, "events", []):
            events.close()
        self.media.stop()


def run(instance, *arguments):
    """`aparte …`, whatever comes of it."""
    return subprocess.run([instance.bin / "aparte", *arguments], env=instance.env, capture_output=True, text=True, timeout=90)


def vault_process(instance):
    """The pid of the vault below this instance's launcher."""
    launcher = int((instance.home / "run/serve.pid").read_text().split()[0])
    children = pathlib.Path(f"/proc/{launcher}/task/{launcher}/children").read_text().split()
    names = {pathlib.Path(f"/proc/{pid}/cmdline").read_text().split("\0")[0]: int(pid) for pid in children}
    return next((pid for name, pid in names.items() if name.endswith("aparte-recorder")), None)


def kill_vault(instance):
    os.kill(vault_process(instance), signal.SIGKILL)


def supervisor(instance):
    """Logged in; a code that grew too old on its way is followed by the next one."""
    staff = client.Staff(instance, instance.demo["supervisor"])
    try:
        return staff.login()
    except AssertionError:
        return staff.login()
