"""Floods of the media port, UDP and TCP."""
import re
import time

import floods_http


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
    tokens, w.used = w.sessions(500), 500
    before = w.gateway.memory()
    with w.more_peers() as others:
        def flood():
            for n, token in enumerate(tokens):
                others.join(w.instance, token, f"half{n}", half=True)
            time.sleep(0.5)
        w.endures("1,000 handshakes left half-way", flood)
        under_way, memory = w.metric("handshakes"), w.gateway.memory()
        print(f"     {others.state()[1]} said hello, {under_way:.0f} handshakes under way; "
              f"memory: {before} KiB before, {memory} KiB with them")
        assert 0 < under_way <= 200, under_way
        assert memory - before < 100000, memory
        print(f"     a new call was there after {join_within(w, 12):.1f} s")


def storm_of_another_call(w):
    with w.more_peers() as others:
        a, b = w.sessions(w.used + 1)[-2:]
        w.used += 1
        others.join(w.instance, a, "a")
        others.join(w.instance, b, "b")
        others.wait_ready(2)
        w.endures("another call's 100,000 packets a second",
                  lambda: print("     storm:", others.ask("storm", "a", 100000, w.span)))


def requests_for_keyframes(w):
    with w.more_peers() as others:
        a, b = w.sessions(1)
        ssrc = re.findall(r"a=ssrc:(\d+)", others.join(w.instance, a, "a")["sdp"].split("m=video")[1])[0]
        others.join(w.instance, b, "b")
        others.wait_ready(2)
        others.ask("storm", "b", 300, 1)  # the gateway asks only for what is sent
        before, begun = w.metric("keyframes_requested_total"), time.monotonic()
        w.endures("another call's 20,000 PLI a second",
                  lambda: print("     storm:", others.ask("storm", "a", 20000, w.span, ssrc)))
        asked, lasted = w.metric("keyframes_requested_total") - before, time.monotonic() - begun
        print(f"     {asked:.0f} were passed on in {lasted:.1f} s")
        # Each camera is asked every 300 ms at most: those of this call, and of the live one, whose persons are told of nothing.
        assert 1 <= asked <= 4 * (lasted / 0.3 + 1), asked


def join_within(w, seconds):
    """Somebody new gets into a call in time; gives how long it took."""
    with w.more_peers() as others:
        begun = time.monotonic()
        for token, name in zip(w.sessions(w.used + 1)[-2:], "ab"):
            others.join(w.instance, token, name)
        w.used += 1
        others.wait_ready(2)
        took = time.monotonic() - begun
        assert took < seconds, f"a new call took {took:.1f} s"
        return took


def idle_connections(w):
    """ICE-TCP connections that never say anything: they are few, and the newest gets in."""
    def flood():
        with floods_http.elsewhere(floods_http.drip, w.media_port, 3000, b"", b""):
            time.sleep(w.span + 1)
            with floods_http.dial(w.media_port, 1) as newest:
                newest.settimeout(0.5)
                try:
                    kept = newest.recv(1) != b""
                except TimeoutError:
                    kept = True
            print(f"     {w.metric('tcp_connections'):.0f} ICE-TCP connections")
            assert kept, "a connection that might be honest was closed at once"
            assert w.metric("tcp_connections") <= 1100
    w.endures("idle ICE-TCP connections", flood)


TESTS = [unknown_ufrags, wrong_password, client_hellos, media_of_nobody, every_class, half_open_handshakes, storm_of_another_call,
         requests_for_keyframes, idle_connections]
