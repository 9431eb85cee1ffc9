"""What takes seconds: a gateway that hears nothing, one that floods while a person's presence runs out, and what staff see
of a playback meanwhile. Each has its own bound, and none waits for the other.
"""
import subprocess
import sys
import threading
import time

from lie_run import main
from lie_wire import to_vault
from lie_world import speak
from liar_link import longest_of, next_gateway

PRESENCE_S = 12  # AP_PRESENCE_MS
DEAF_S = 10      # AP_LINK_DEAF_MS


def is_closed(w, session):
    """Whether the log says that this session's gate closed."""
    return any("gate_closed" in line and session.id in line for line in w.log().splitlines())


def presence_runs_out_in_a_flood(w):
    """Promised presence that does not come closes the gate in time, however much the gateway has to say."""
    s = w.session()
    s.give(presence=5)
    tap = s.wait_open()
    began = time.monotonic()
    assert s.coach.present(int(tap.generation)).error is None
    over, token = threading.Event(), s.coach.token
    watched = [longest_of(lambda: w.staff_call("GET", "/readyz"), over),
               longest_of(lambda: w.admin_call("GET", "/v1/users"), over)]
    calls = b"".join(to_vault(serial, method, values) for serial in range(10, 100) for method, values in
                     (("PartyGet", (token,)), ("PartyRecordings", (token,)), ("LegState", (s.id, "coach", 1))))
    w.gateway.socket.settimeout(0.2)
    while not is_closed(w, s) and time.monotonic() < began + 2 * PRESENCE_S:
        try:
            w.gateway.socket.send(calls)
        except TimeoutError:
            pass
    took = time.monotonic() - began
    over.set()
    for _, thread in watched:
        thread.join(60)
    waits = [round(worst[0], 2) for worst, _ in watched]
    print(f"  closed after {took:.1f} s; staff waited {waits[0]} s, the command line {waits[1]} s")
    assert PRESENCE_S - 1 < took < PRESENCE_S + 3, f"{took} s"
    assert max(waits) < 5
    assert set(speak(tap, "absent", 5)) == {"shut"}


def test_presence_runs_out_in_a_flood(w):
    presence_runs_out_in_a_flood(w)
    next_gateway(w)


def test_a_gateway_that_hears_nothing(w):
    """It asks and reads no answer: its calls wait with it, and its link ends. The vault keeps little for it."""
    before, raw = w.vault_memory(), w.link(greet=False).socket
    raw.sendall(b"\0AUTH ANONYMOUS 00\r\nNEGOTIATE_UNIX_FD\r\nBEGIN\r\n" + to_vault(1, "Hello", (1, "x")))
    raw.settimeout(0.5)
    began, ended = time.monotonic(), False
    calls = b"".join(to_vault(serial, "LedgerGet", ("key", "")) for serial in range(10, 100))
    while not ended and time.monotonic() < began + 3 * DEAF_S:
        try:
            raw.send(calls)
        except TimeoutError:
            pass
        except OSError:
            ended = True
    took, grown = time.monotonic() - began, w.vault_memory() - before
    print(f"  ended after {took:.1f} s, {grown} KiB")
    assert ended and took > DEAF_S - 1 and grown < 48 * 1024
    next_gateway(w)


TESTS = [test_presence_runs_out_in_a_flood, test_a_gateway_that_hears_nothing]


def both_at_once():
    """Each before a vault of its own, since they mostly wait."""
    runs = [subprocess.Popen([sys.executable, __file__, test.__name__]) for test in TESTS]
    sys.exit(any([run.wait() for run in runs]))


if __name__ == "__main__":
    main(TESTS) if len(sys.argv) > 1 else both_at_once()
