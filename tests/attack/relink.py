#!/usr/bin/python3
"""The link between a running gateway and its vault is broken under a recorded call, again and again: the call loses nothing,
another link comes without any process being started again, the recording goes on in a new epoch, and who keeps breaking
links waits longer each time. As root: the gateway's own end of the link is taken out of the process and written to.
"""
import ctypes
import os
import pathlib
import re
import socket
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "testlib"))
import aparte_client as client  # noqa: E402
import bad_disk  # noqa: E402
from floods_world import Process  # noqa: E402
from lie_wire import to_vault  # noqa: E402

PIDFD_GETFD = 438
RESUME_S = 5
LIBC = ctypes.CDLL(None, use_errno=True)
NOBODY = "00000000-0000-4000-8000-00000000000f"


def link_of(pid):
    """A duplicate of the process's one stream socket of the Unix family, its link; None without."""
    process, found = os.pidfd_open(pid), None
    for name in os.listdir(f"/proc/{pid}/fd"):
        fd = LIBC.syscall(PIDFD_GETFD, process, int(name), 0)
        if fd < 0:
            continue
        try:
            one = socket.socket(fileno=fd)
        except OSError:  # no socket
            os.close(fd)
            continue
        if one.family == socket.AF_UNIX and one.type == socket.SOCK_STREAM:
            assert not found, "a second link"
            found = one
        else:
            one.close()
    os.close(process)
    return found


def say(data):
    return lambda link: link.sendall(data)


WAYS = {"bytes that are no message": say(b"no message of ours, and longer than a head"),
        "a call outside the permit table": say(to_vault(70001, "Hello", (1, NOBODY))),
        "the end of the stream": lambda link: link.shutdown(socket.SHUT_RDWR)}


class World:
    def __init__(self):
        self.instance, self.broken = client.Instance({"gateway.rate_per_minute": 100000}), None
        try:
            self.gateway, self.vault = Process(self.instance, "gateway"), Process(self.instance, "recorder")
            self.call = bad_disk.Call(self.instance)
        except BaseException:
            print(self.instance.log()[-4000:])
            self.instance.stop()
            raise

    def linked(self):
        return "aparte_vault_linked 1" in self.instance.gateway_call("GET", "/metrics").body.decode()

    def link(self):
        """The link, once the gateway has greeted on it; not the one that was broken before."""
        link = link_of(self.gateway.pid) if self.linked() else None
        if link and os.fstat(link.fileno()).st_ino == self.broken:
            link.close()
            return None
        return link

    def break_link(self, way):
        """Gives how long the launcher will wait before the next one, in ms."""
        with client.until("a link", self.link, 60, 0.02) as link:
            self.broken, seen = os.fstat(link.fileno()).st_ino, len(self.waits())
            way(link)
        return client.until("that the launcher hears of it", lambda: self.waits()[seen:], 5, 0.02)[0]

    def waits(self):
        """How long the launcher waited before each further link, in ms."""
        return [int(ms) for ms in re.findall(r"link_again wait_ms=(\d+)", self.instance.log())]

    def epoch(self):
        """0 while the gateway has no vault to ask."""
        return self.call.state().get("gate", {}).get("epoch", 0)

    def resumes(self, recording, epoch):
        """Open again as a newer epoch, and each track grows on disk."""
        client.until("a new epoch", lambda: self.epoch() > epoch, RESUME_S, 0.05)
        self.call.open(RESUME_S)
        took = time.monotonic()
        have = {role: len(names) for role, names in self.call.segments(recording).items()}
        client.until("more segments", lambda: all(len(names) > have[role] + 1 for role, names in
                                                  self.call.segments(recording).items()), 25)
        return took

    def same_processes(self):
        assert (self.gateway.pid, self.vault.pid) == tuple(Process(self.instance, name).pid for name in ("gateway", "recorder"))


def one_break(w, what):
    recording, epoch, mark = w.call.under_way(), w.epoch(), w.call.mark()
    with w.call.unharmed():
        begun = time.monotonic()
        w.break_link(WAYS[what])
        w.call.told(mark, lambda gate: gate["state"] == "closed", 3)
        took = w.resumes(recording, epoch) - begun
    assert [one["state"] for one in w.call.recordings()] == ["recording"], "it is the same recording"
    assert w.instance.session(), "new sessions are taken"
    print(f"     {what}: recorded again after {took:.2f} s", flush=True)


def abuse(w, times=3):
    """Broken as soon as it stands: each time the wait is twice as long, and nothing else suffers."""
    recording, begun = w.call.under_way(), time.monotonic()
    with w.call.unharmed():
        waits = [w.break_link(WAYS["a call outside the permit table"]) for _ in range(times)]
    assert all(later == 2 * sooner for sooner, later in zip(waits, waits[1:])), waits
    lasted = time.monotonic() - begun
    assert lasted * 1000 >= sum(waits[:-1]), "it did not wait"
    client.until("a link", w.link, 60).close()
    client.until("it is used", lambda: "gate" in w.call.coach.me(), RESUME_S)
    w.call.open(RESUME_S)
    assert w.call.under_way() == recording, "it is the same recording"
    print(f"     {times} breaks at once: waits of {waits} ms, {lasted:.1f} s")


def is_sealed(w):
    w.call.end()
    client.until("it is sealed", lambda: [one["state"] for one in w.call.recordings()] == ["sealed"], 20)
    w.same_processes()


def main():
    w = World()
    try:
        for what in WAYS:
            one_break(w, what)
        abuse(w)
        is_sealed(w)
    except BaseException:
        print(w.instance.log()[-6000:])
        print("0 passed, 1 failed")
        raise
    finally:
        w.call.close()
        w.instance.stop()
    print(f"{len(WAYS) + 2} passed, 0 failed")


if __name__ == "__main__":
    if os.getuid() != 0:
        print("skipped: needs root to reach into the gateway")
        sys.exit(77)
    main()
