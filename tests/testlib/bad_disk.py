"""A running instance whose vault/ and recordings/ lie on a disk that fails when it is told to, and a recorded call on it.

Mounts are made in a mount namespace of the test's own, so that nothing is left behind. Needs root and /dev/fuse.
"""
import contextlib
import ctypes
import os
import pathlib
import socket
import subprocess
import sys
import threading
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


class TimedPeer(client.Peer):
    """Media that notes when each second of sound was heard."""

    def __init__(self, party):
        self.heard = []
        super().__init__(party)

    def _read(self):
        for line in self.process.stdout:
            if '"audio"' in line:
                self.heard.append(time.monotonic())
            self.told.append(client.json.loads(line))


class TimedEvents(client.Events):
    """Events that note when each came, for the next that are like it."""

    def gates(self):
        return self.of("gate")


class Call:
    """Two persons with live media, both consents given, the gate open."""

    def __init__(self, instance, purposes=("recording", "supervision")):
        self.instance = instance
        self.session, *self.parties = instance.session()
        self.coach, self.coachee = self.parties
        self.peers = [TimedPeer(party) for party in self.parties]
        try:
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
        """The call's sound goes on both ways all the while: no gap, about fifty frames a second."""
        begun = time.monotonic()
        yield
        ended = time.monotonic()
        for peer in self.peers:
            client.until("sound goes on", lambda peer=peer: peer.heard[-1] > ended, 4)
            times = [begun, *[at for at in peer.heard if at > begun]]
            worst = max(b - a for a, b in zip(times, times[1:]))
            assert worst < 3, f"no sound for {worst:.1f} s"
            expected = (times[-1] - begun) * 0.8 - 1
            assert len(times) - 1 >= expected, f"{len(times) - 1} s of sound in {times[-1] - begun:.1f} s"

    def end(self):
        answer = self.instance.platform("DELETE", f"/v1/sessions/{self.session}")
        assert answer.status == 204, answer

    def close(self):
        for events in getattr(self, "events", []):
            events.close()
        threads = [threading.Thread(target=peer.close) for peer in self.peers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
