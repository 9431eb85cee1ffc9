"""A gateway that does not keep to the link's protocol: calls outside the permit table, forged and broken messages,
descriptors nobody asked for, floods. What may end is the link. The vault lives on, serves the next gateway, holds no more
memory or descriptors for it, and the recording that another session has goes on with the next gateway.
"""
import os
import struct
import threading
import time

from lie_run import main
from lie_wire import CALL, ERROR, PATH, RETURN, SIGNAL, VAULT, Gone, message, to_vault
from lie_world import Liar, until

MIB = 1024
NOBODY = "00000000-0000-4000-8000-00000000000f"


def next_gateway(w):
    """Another one is served at once, and the witness is recorded again."""
    assert w.vault.alive(), "the vault fell"
    before = len(w.flow.sent["coach"])
    w.link()
    assert not w.gateway.ask("LedgerGet", "key", "").error
    w.witness.connect()
    w.witness.wait_open()
    until("the witness is recorded", lambda: len(w.flow.sent["coach"]) > before + 30)


def ends(w, what, *data, **how):
    """These bytes, sent to a link that stands, end it."""
    link = w.link(**how)
    try:
        for one in data:
            link.send(one)
    except Gone:
        pass
    assert link.ended(), f"the link outlived: {what}"


def call_of(serial=77, method="LedgerGet", values=("key", ""), **more):
    return to_vault(serial, method, values, **more)


OUTSIDE = {
    "an unknown method": call_of(method="RecordAll", values=()),
    "another letter case": call_of(method="legState", values=(NOBODY, "coach", 1), signature="ssb"),
    "another interface": call_of(interface="fr.aparte.Vault2"),
    "the gateway's own interface": call_of(method="TapOpen", values=(NOBODY, 1, 1), signature="stu",
                                           interface="fr.aparte.Gateway1"),
    "no interface": call_of(interface=None),
    "another object": call_of(path="/fr/aparte/other"),
    "the root object": call_of(path="/"),
    "a ping": call_of(method="Ping", values=(), signature="", interface="org.freedesktop.DBus.Peer"),
    "the machine's id": call_of(method="GetMachineId", values=(), signature="", interface="org.freedesktop.DBus.Peer"),
    "introspection": call_of(method="Introspect", values=(), signature="",
                             interface="org.freedesktop.DBus.Introspectable"),
    "properties": call_of(method="GetAll", values=(VAULT,), signature="s", interface="org.freedesktop.DBus.Properties"),
    "a property set": call_of(method="Set", values=(VAULT, "x"), signature="ss",
                              interface="org.freedesktop.DBus.Properties"),
    "object manager": call_of(method="GetManagedObjects", values=(), signature="",
                              interface="org.freedesktop.DBus.ObjectManager"),
    "the bus itself": call_of(method="Hello", values=(), signature="", path="/org/freedesktop/DBus",
                              interface="org.freedesktop.DBus"),
    "a signal": message(SIGNAL, 77, path=PATH, interface=VAULT, member="LegState"),
    "a second Hello": call_of(method="Hello", values=(1, NOBODY)),
    "too large": call_of(values=("key", "x" * 2000)),
    "too large a statement": call_of(method="ConsentPut", values=("t", "x" * 20000)),
    "no arguments": call_of(method="LegState", values=(), signature=""),
    "arguments of another type": call_of(method="LegState", values=(7, 7, 7), signature="uuu"),
    "an argument too many": call_of(values=("key", "", ""), signature="sss"),
    "an argument too few": call_of(values=("key",), signature="s"),
    "a call that wants no answer": call_of(flags=1),
}


def test_outside_the_permit_table(w):
    for what, data in OUTSIDE.items():
        ends(w, what, data)
    next_gateway(w)


def test_before_hello(w):
    for method, values in (("LedgerGet", ("key", "")), ("LegState", (w.witness.id, "coach", 1)),
                           ("SessionEnd", (w.api_key, w.witness.id)), ("PartyRecordings", (w.witness.coach.token,))):
        ends(w, f"{method} before Hello", to_vault(1, method, values), hello=False)
    next_gateway(w)


def patched(at, bytes_, data=None):
    data = bytearray(data or call_of())
    data[at:at + len(bytes_)] = bytes_
    return bytes(data)


BROKEN = {
    "another byte order mark": patched(0, b"x"),
    "type 0": patched(1, b"\0"),
    "type 9": patched(1, b"\x09"),
    "protocol 2": patched(3, b"\x02"),
    "serial 0": call_of(serial=0),
    "a body of 100 MiB announced": patched(4, struct.pack("<I", 100 << 20)),
    "a header of 100 MiB announced": patched(12, struct.pack("<I", 100 << 20)),
    "4 GiB announced": patched(4, b"\xff\xff\xff\xff") + b"x" * 4096,
    "both announced to overflow": patched(12, b"\xf8\xff\xff\xff", patched(4, b"\xf8\xff\xff\xff")),
    "no text after the handshake": os.urandom(4096),
    "broken UTF-8": call_of(values=(b"\xff\xfe", b"key")),
    "a string that is longer than the body": patched(-8, b"\xff\xff\xff\x7f"),
    "a call without a path": message(CALL, 7, "ss", ("key", ""), interface=VAULT, member="LedgerGet"),
    "a forged sender": call_of(sender=":1.1"),
    "a forged destination": call_of(destination="fr.aparte.Vault1"),
    "an answer that answers nothing": message(RETURN, 7, "tt", (1, 1)),
    "an answer to 0": message(RETURN, 7, "tt", (1, 1), reply_to=0),
    "an error without a name": message(ERROR, 7, "s", ("x",), reply_to=1),
    "an error with a name that is none": message(ERROR, 7, "s", ("x",), reply_to=1, error="no name"),
    "a signature of what we never have": message(RETURN, 7, "g", ("a{sv}",), reply_to=1),
    "descriptors announced that do not come": call_of(fds=3),
}


def test_broken_messages(w):
    for what, data in BROKEN.items():
        ends(w, what, data)
    next_gateway(w)


def test_answers_nobody_asked_for(w):
    """Unasked answers change nothing, whatever they claim."""
    w.link()
    session = w.session()
    for serial in range(1, 200):
        w.gateway.send(message(RETURN, w.gateway.next(), "tt", (1, 1), reply_to=serial))
        w.gateway.send(message(ERROR, w.gateway.next(), "s", ("x",), reply_to=serial + 1000, error="fr.aparte.Error.X"))
    assert session.gate()["state"] == "closed" and not session.taps()
    next_gateway(w)


def test_half_a_message_then_silence(w):
    """Nothing waits for the rest: the next gateway takes the link's place."""
    for data in (call_of()[:9], call_of()[:-1], patched(4, struct.pack("<I", 8000))):
        link = w.link()
        link.send(data)
    link = Liar(w.raw_link(), greet=False)
    link.send(b"\0AUTH ANON")
    next_gateway(w)


def test_an_endless_handshake(w):
    """A line without an end is not kept."""
    before = w.vault_memory()
    link = Liar(w.raw_link(), greet=False)
    link.socket.settimeout(10)
    try:
        for _ in range(64):
            link.socket.sendall(b"A" * (1 << 20))
        ended = False
    except OSError:
        ended = True
    grown = w.vault_memory() - before
    assert ended and grown < 16 * MIB, f"{grown} KiB kept of a line without an end"
    link.close()
    next_gateway(w)


def test_descriptors_nobody_asked_for(w):
    """The vault keeps none: not of whole messages, nor of one that never ends."""
    before = w.vault_open_files()
    null = os.open("/dev/null", os.O_RDONLY)
    link = w.link()
    try:
        for i in range(40):
            link.send(call_of(serial=1000 + i, fds=16), [null] * 16)
        rest = call_of(serial=2000)
        for at in range(len(rest) - 1):
            link.send(rest[at:at + 1], [null] * 200)
    except Gone:
        pass
    time.sleep(0.5)
    held = w.vault_open_files() - before
    os.close(null)
    assert held < 32, f"{held} descriptors of the gateway's are open in the vault"
    session = w.session() if not link.over.is_set() else None
    if session:
        session.open()
    next_gateway(w)


def test_the_launcher_is_told(w):
    """Of each link that ended, by number, so that another can be had; not of one that another took the place of."""
    w.told_over()
    replaced, w.gateway = w.gateway, Liar(w.raw_link())  # at no time is there none: the witness asks it
    w.gateway.send(OUTSIDE["an unknown method"])
    assert until("the vault's word", w.told_over) == [w.links] and replaced.ended()
    before_hello = call_of(method="LegState", values=(NOBODY, "coach", 1))
    for data, greet in ((b"\0NO HANDSHAKE\r\n" + b"x" * 2000, False), (before_hello, True)):
        link = Liar(w.raw_link(), greet, hello=False)
        link.send(data)
        assert until("the vault's word", w.told_over) == [w.links]
        link.close()
    next_gateway(w)


def flood(w, seconds, call):
    """As many of these as the link takes, nothing read; gives how many went."""
    link, count, over = w.link(), 0, time.monotonic() + seconds
    link.socket.settimeout(0.2)
    batch = b"".join(call)
    while time.monotonic() < over and not link.over.is_set():
        try:
            link.socket.send(batch)
            count += len(call)
        except TimeoutError:
            pass
        except OSError:
            break
    return count


def longest_of(what, over):
    """Asks on a connection of its own until told otherwise; the longest wait."""
    worst = [0.0]

    def run():
        while not over.is_set():
            began = time.monotonic()
            what()
            worst[0] = max(worst[0], time.monotonic() - began)
            over.wait(0.1)
    thread = threading.Thread(target=run)
    thread.start()
    return worst, thread


def test_floods(w):
    """A flood of calls of either thread: staff and the command line are answered, the memory stays what it was."""
    before = w.vault_memory()
    token = w.witness.coach.token
    for method, values in (("LegState", (w.witness.id, "coach", 1)), ("PartyRecordings", (token,)),
                           ("PartyGet", (token,)), ("PartyReceipts", (token,))):
        over = threading.Event()
        watched = [longest_of(lambda: w.staff_call("GET", "/readyz"), over),
                   longest_of(lambda: w.admin_call("GET", "/v1/users"), over)]
        calls = [to_vault(serial, method, values) for serial in range(10, 200)]
        count = flood(w, 1, calls)
        over.set()
        for worst, thread in watched:
            thread.join(60)
        waits = [round(worst[0], 2) for worst, _ in watched]
        grown = w.vault_memory() - before
        print(f"  {method}: {count} calls in 1 s, staff {waits[0]} s, admin {waits[1]} s, {grown} KiB")
        assert max(waits) < 5, f"{method}: staff waited {waits} s"
        assert grown < 48 * MIB, f"{method}: {grown} KiB"
    began = time.monotonic()
    next_gateway(w)
    assert time.monotonic() - began < 10


TESTS = [test_outside_the_permit_table, test_before_hello, test_broken_messages, test_answers_nobody_asked_for,
         test_half_a_message_then_silence, test_an_endless_handshake, test_descriptors_nobody_asked_for,
         test_the_launcher_is_told, test_floods]

if __name__ == "__main__":
    main(TESTS)
