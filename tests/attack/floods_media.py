"""Floods of the media port."""
import threading
import time


def unknown_ufrags(w):
    w.endures("STUN of unknown ufrags", lambda: w.generate("stun", 100000, w.span))


def wrong_password(w):
    w.endures("STUN of a known ufrag", lambda: w.generate("known", 100000, w.span, w.legs[0]["ufrags"]))


def client_hellos(w):
    w.endures("ClientHellos from nowhere", lambda: w.generate("hello", 100000, w.span))


def media_of_nobody(w):
    w.endures("media of no source", lambda: w.generate("rtp", 100000, w.span))


def every_class(w):
    w.endures("bytes of every class", lambda: w.generate("mixed", 100000, w.span))


def half_open_handshakes(w):
    tokens = w.sessions(500)
    before = w.gateway.memory()
    with w.more_peers() as others:
        def flood():
            for n, token in enumerate(tokens):
                others.join(w.instance, token, f"half{n}", half=True)
            time.sleep(2)
        w.endures("1,000 handshakes left half-way", flood)
        print("     ", others.state(), w.metric("handshakes"))
    print(f"     memory: {before} KiB before, {w.gateway.memory()} KiB with them")


def storm_of_another_call(w):
    with w.more_peers() as others:
        a, b = w.sessions(1)
        others.join(w.instance, a, "a")
        others.join(w.instance, b, "b")
        others.wait_ready(2)
        w.endures("another call's 100,000 packets a second", lambda: print("     storm:", others.ask("storm", "a", 100000, w.span)))


TESTS = [unknown_ufrags, wrong_password, client_hellos, media_of_nobody, every_class, half_open_handshakes, storm_of_another_call]
