"""A gateway that lies about consents and media: what it may not have it does not get, and what it writes where it may not
is not recorded. Each attack has sessions of its own; the witness shows that the others are recorded as if nothing were.
"""
import json
import os
import struct
import time
import uuid

from lie_run import main
from lie_world import CAMERA, REPORT, SCREEN, Flow, Source, Tap, aparte_client, datagram, names, speak, write

SHORT = 0.3  # seconds in which a gate that could open would


def stays_shut(session, before=0):
    """No descriptor came, whatever is tried meanwhile, and the gate says that it is closed."""
    for _ in range(3):
        session.connect(there=False)
        session.connect()
        time.sleep(SHORT / 3)
    assert len(session.taps()) == before, "a gate was opened"
    assert session.gate()["state"] == "closed"


def refused(person, body, *errors):
    answer = person.consent(body)
    assert answer.error in errors, f"{answer.error} instead of {errors}"


# Consents.

def test_no_consent(w):
    s = w.session()
    stays_shut(s)
    for method, values in (("TapLost", (s.id, 1)), ("TapLost", (s.id, 0)), ("LegState", (s.id, "coach", 1))):
        w.gateway.ask(method, *values)
    stays_shut(s)
    s.end()
    assert s.coach.recordings() == []


def test_one_consent_and_forgeries_of_the_other(w):
    """Whatever is made of the one consent there is, and of another session's, the other person has not given."""
    s, other = w.session(), w.session()
    s.give("coach")
    given = other.coachee.give()
    assert not other.coachee.consent(given).error
    stays_shut(s)
    coach, coachee = s.coach, s.coachee
    own = coach.give()
    refused(coachee, own, "StatementParty", "StatementRole", "StatementKey", "Malformed", "StatementSignature")
    refused(coachee, given, "StatementParty", "StatementSession", "StatementKey", "Malformed", "StatementSignature")
    refused(coachee, coachee.give(key=coach.key), "StatementKey")
    other_key = coachee.give()
    other_key["key"] = coach.give()["key"]
    refused(coachee, other_key, "StatementKey", "StatementSignature")
    for twist in ({"session": other.id}, {"role": "coach"}, {"pii_principal": coach.principal}):
        refused(coachee, coachee.give(**twist), "StatementParty", "Malformed", "StatementSession", "ShareInvalid")
    stays_shut(s)
    s.end()
    assert s.coach.recordings() == []


def test_altered_statements(w):
    """What was signed is what counts: a changed text, an old time, another notice, a foreign share are no consent."""
    s = w.session()
    s.give("coach")
    person = s.coachee
    asked = person.decide("ConsentWithdrawn")
    asked["statement"] = asked["statement"].replace("ConsentWithdrawn", "ConsentGiven")
    altered = person.give(("supervision",))
    altered["statement"] = altered["statement"].replace('"supervision"', '"recording"')
    for body in (asked, altered):
        assert person.consent(body).error, "an altered statement was taken"
    for spoilt in (person.give(event_time=aparte_client.now(-3600)), person.give(event_time=aparte_client.now(3600)),
                   person.give(share=os.urandom(32)), person.give(sealed_for="coach"),
                   person.give(privacy_notice={"version": "1", "lang": "en", "sha256": "0" * 64}),
                   person.give(share_commitment=None), person.give(schema_version="2")):
        assert person.consent(spoilt).error, "a spoilt statement was taken"
    truncated = person.give()
    truncated["statement"] = truncated["statement"][:-1]
    assert person.consent(truncated).error
    assert w.gateway.ask("ConsentPut", person.token, "{" * 8000).error
    assert w.gateway.ask("ConsentPut", s.coach.token[:-1] + "x", json.dumps(person.give())).error
    stays_shut(s)
    s.end()
    assert person.recordings() == []


def test_withdrawal_and_replay(w):
    """After the answer to a withdrawal nothing enters, through no copy of the descriptor, and the old words do not count
    again; nothing of the session can be read."""
    s = w.session()
    bodies = {role: person.give() for role, person in s.persons.items()}
    for role, body in bodies.items():
        assert not s.persons[role].consent(body).error
    tap = s.wait_open()
    copy = tap._replace(fd=os.dup(tap.fd))
    speak(tap, "before", 10)
    assert not s.coachee.consent(s.coachee.decide()).error
    became = [speak(one, "after", 5) for one in (tap, copy)]
    assert all(set(one) == {"shut"} for one in became), became
    refused(s.coachee, bodies["coachee"], "StatementReplayed", "StatementReplay", "StatementTime", "Conflict")
    refused(s.coachee, bodies["coach"], "StatementParty", "StatementRole", "StatementKey", "StatementReplayed")
    stays_shut(s, 1)
    s.end()
    states = {one["state"] for one in s.coach.recordings()}
    assert states <= {"erased", "erasing"}, states
    assert names(s.recorded()) == set()


def test_pause(w):
    """Off the record is off the record for both, until both have resumed."""
    s = w.session()
    tap = s.open()
    speak(tap, "on", 15)
    assert json.loads(s.coach.pause(True).body)["state"] == "closed"
    assert set(speak(tap, "off", 5)) == {"shut"}
    stays_shut(s, 1)
    s.coach.pause(False)
    stays_shut(s, 1)
    s.coachee.pause(False)
    later = s.wait_open(more_than=1)
    assert later.generation != tap.generation
    speak(Tap(tap.fd, s.id, later.generation, 2), "late", 5)
    speak(later, "again", 15)
    s.end()
    assert names(s.recorded()) == {f"{name}-{role}" for name in ("on", "again") for role in s.persons}


def test_after_the_end(w):
    s = w.session()
    tap = s.open()
    speak(tap, "during", 15)
    s.end()
    assert set(speak(tap, "ended", 5)) == {"shut"}
    for role in s.persons:
        w.gateway.ask("LegState", s.id, role, 1)
        s.persons[role].consent(s.persons[role].give())
    s.coach.pause(False)
    time.sleep(SHORT)
    assert len(s.taps()) == 1, "a session that ended was recorded again"
    assert names(s.recorded()) == {f"during-{role}" for role in s.persons}


def test_claims_about_others(w):
    """Sessions that are not, roles that are not, generations of others: nothing comes of it for those that are."""
    nobody = str(uuid.uuid4())
    for method, values in (("LegState", (nobody, "coach", 1)), ("LegState", (w.witness.id, "supervisor", 1)),
                           ("LegState", ("../x", "coach", 1)), ("TapLost", (nobody, 7)),
                           ("SessionEnd", ("no-key", w.witness.id)), ("TokenRenew", ("", w.witness.id, "coach")),
                           ("PauseSet", ("x" * 40, 1)), ("TrackOpen", ("", str(uuid.uuid4()), "coach"))):
        assert w.gateway.ask(method, *values).error, f"{method} {values}"
    s = w.session()
    tap, witness = s.open(), w.witness.taps()[-1]
    before = len(w.witness.taps())
    assert not w.gateway.ask("TapLost", w.witness.id, tap.generation).error
    assert not w.gateway.ask("TapLost", w.witness.id, witness.generation ^ 1).error
    presence = s.coach.present(witness.generation)
    assert presence.error, "another session's generation was taken"
    speak(tap, "mine", 10)
    assert len(w.witness.taps()) == before
    s.end()
    assert w.gateway.ask("TrackOpen", w.witness.coach.token, s.coach.recordings()[0]["id"], "coach").error == "NotFound"
    assert names(s.recorded()) == {"mine-coach", "mine-coachee"}


# Datagrams.

def test_media_of_another_session(w):
    """What another session's gate was written for is not recorded here, nor there once that one is closed."""
    a, b = w.session(), w.session()
    tap_a, tap_b = a.open(), b.open()
    sources = {role: Source(f"b-{role}") for role in a.persons}
    for _ in range(20):
        for role, source in sources.items():
            packet = source.packet()
            write(tap_a.fd, datagram(tap_b.generation, role, packet))
            write(tap_b.fd, datagram(tap_b.generation, role, packet))
        time.sleep(0.02)
    speak(tap_a, "a", 15)
    for s in (a, b):
        s.end()
    assert names(a.recorded()) == {"a-coach", "a-coachee"}
    assert names(b.recorded()) == {"b-coach", "b-coachee"}


def broken_datagrams(tap):
    """None of them is a packet of this generation; each carries the mark of its kind."""
    def of(name, **change):
        given = {"generation": tap.generation, "role": "coach", **change}
        return datagram(given.pop("generation"), given.pop("role"), Source(f"bad-{name}").packet(), **given)
    yield from (of("version", version=v) for v in (0, 2, 255))
    yield from (of("kind", kind=k) for k in (0, 3, 255))
    yield from (of("role", role=r) for r in (0, 3, 255))
    yield from (of("line", line=n) for n in (3, 255))
    yield from (of("generation", generation=g) for g in (0, 1, tap.generation - 1, tap.generation + 1, 2**64 - 1))
    yield of("arrival", arrival=2**63)
    yield of("arrival", arrival=2**64 - 1)
    yield of("report", kind=REPORT)
    whole = of("cut")
    yield from (whole[:n] for n in range(1, 32))
    yield from (whole + bytes(n) for n in (1521 - len(whole), 4096, 60000))
    yield of("rtp")[:20] + b"\x00" + of("rtp")[21:]
    yield of("rtp")[:21] + b"\x60" + of("rtp")[22:]
    yield os.urandom(200)


def test_broken_datagrams(w):
    """Between them the honest ones are recorded, each of them."""
    s = w.session()
    tap = s.open()
    flow = Flow(s, "good")
    for _ in range(3):
        for data in broken_datagrams(tap):
            write(tap.fd, data)
            time.sleep(0.002)
    for line in (CAMERA, SCREEN):
        for _ in range(50):
            write(tap.fd, datagram(tap.generation, "coach", os.urandom(60), line=line))
            write(tap.fd, datagram(tap.generation, "coach", struct.pack(">BBHI", 0x80, 96, 1, 1) + os.urandom(99), line=line))
            write(tap.fd, datagram(tap.generation, "coach", b"\x80\xc8\0\6" + os.urandom(24), line=line, kind=REPORT))
    time.sleep(0.3)
    flow.stop()
    s.end()
    found = s.recorded()
    assert names(found) == {"good-coach", "good-coachee"}, names(found)
    for role, marks in found.items():
        lost = flow.missing(role, {n for _, n in marks})
        assert not lost, f"{role}: {lost} of {len(flow.sent[role])} are missing"


def directory_bytes(w):
    return sum(f.stat().st_size for f in (w.home / "recordings").rglob("*") if f.is_file())


def test_times_that_lie(w):
    """Arrival times of long ago and of the far future neither fill the disk nor keep the recording from its end."""
    s = w.session()
    tap, before = s.open(), directory_bytes(w)
    now, hour = time.monotonic_ns(), 3600 * 10**9
    for at in (0, 1, now - hour, now + 10**9, now + hour, now + 1000 * hour, 2**62, 2**63 - 1, 0):
        for role in s.persons:
            source = Source(f"lie-{role}")
            for i in range(10):
                write(tap.fd, datagram(tap.generation, role, source.packet(), arrival=min(2**63 - 1, at + i * 20_000_000)))
    speak(tap, "true", 30)
    began = time.monotonic()
    s.end()
    took, grown = time.monotonic() - began, directory_bytes(w) - before
    print(f"  ended in {took:.1f} s, {grown} bytes more on disk")
    assert took < 10 and grown < 4 << 20
    for one in s.coach.recordings():
        assert one["duration_ms"] < 10_000, one
    for role, marks in s.recorded().items():
        assert {n for name, n in marks if name == f"true-{role}"} == set(range(30)), f"{role}: {marks}"


def test_a_flooded_gate(w):
    """As many datagrams as fit, in one gate: it can still be closed at once, and what is written after is not recorded."""
    s = w.session()
    tap = s.open()
    over, count, source = time.monotonic() + 2, 0, Source("flood-coach")
    while time.monotonic() < over:
        count += write(tap.fd, datagram(tap.generation, "coach", source.packet())) == "taken"
    began = time.monotonic()
    answers = w.gateway.begin("PauseSet", s.coach.token, 1)
    while answers.empty() and time.monotonic() - began < 10:
        write(tap.fd, datagram(tap.generation, "coach", source.packet()))
    took = time.monotonic() - began
    print(f"  {count} datagrams in 2 s, closed in {took * 1000:.0f} ms")
    assert json.loads(answers.get(timeout=5).values[0])["state"] == "closed"
    assert took < 1.5
    assert set(speak(tap, "after", 5)) == {"shut"}
    s.end()
    assert names(s.recorded()) <= {"flood-coach"}


TESTS = [test_no_consent, test_one_consent_and_forgeries_of_the_other, test_altered_statements, test_withdrawal_and_replay,
         test_pause, test_after_the_end, test_claims_about_others, test_media_of_another_session, test_broken_datagrams,
         test_times_that_lie, test_a_flooded_gate]

if __name__ == "__main__":
    main(TESTS)
