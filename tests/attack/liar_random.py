"""Random lies in random order. Every frame carries in its mark whether it may be recorded: `ok-` when it was written to a
gate that both persons' consents hold open, `no-` for everything else. At the end no track has a `no-`, and what a person
withdrew has nothing that can be read.

APARTE_TEST_SEED repeats a run; APARTE_TORTURE_SECONDS lasts so long, else STEPS acts are done.
"""
import os
import random
import time

import liar_link
from lie_run import begin, witness_unharmed
from lie_wire import Gone, to_vault
from lie_world import ROLES, Source, Tap, datagram, names, until, write

STEPS = 60
SESSIONS = 3


class Played:
    """A session and what is known of it: the reference that decides which frames may be recorded."""

    def __init__(self, w):
        self.session, self.gives, self.there = w.session(), set(), set(ROLES)
        self.paused, self.old_taps, self.old_bodies, self.count = set(), [], [], 0

    def may_record(self):
        return self.gives == set(ROLES) and self.there == set(ROLES) and not self.paused

    def tap(self, wait=True):
        """The open gate's, when there must be one."""
        if not self.may_record():
            assert self.session.gate()["state"] == "closed", "open without what it takes"
            return None
        known = {tap.generation for tap in self.old_taps}
        until("the gate", lambda: self.session.gate()["state"] == "open" and self.session.taps() and
              self.session.taps()[-1].generation not in known, 30, 0.03)
        return self.session.taps()[-1]

    def shut(self):
        """Whatever was open is not any more, once the vault has answered."""
        self.old_taps += [tap for tap in self.session.taps() if tap not in self.old_taps]

    def write(self, tap, name, generation=None):
        self.count += 1
        for role in ROLES:
            source = Source(f"{name}-{self.count}")
            for _ in range(3):
                write(tap.fd, datagram(generation or tap.generation, role, source.packet()))


class Lies:
    def __init__(self, w, rng):
        self.w, self.rng, self.played, self.all = w, rng, [], []
        for _ in range(SESSIONS):
            self.new()

    def new(self):
        one = Played(self.w)
        self.played.append(one)
        self.all.append(one)

    # What persons do.

    def give(self, one):
        role = self.rng.choice(ROLES)
        body = one.session.persons[role].give()
        assert not one.session.persons[role].consent(body).error
        one.old_bodies.append((role, body))
        one.gives.add(role)

    def withdraw(self, one):
        role = self.rng.choice(ROLES)
        person = one.session.persons[role]
        if role in one.gives:
            one.shut()
            assert not person.consent(person.decide()).error
            one.gives.discard(role)

    def pause(self, one):
        role = self.rng.choice(ROLES)
        if not one.paused:
            one.shut()
            assert not one.session.persons[role].pause(True).error
            one.paused = set(ROLES)
        else:
            assert not one.session.persons[role].pause(False).error
            one.paused.discard(role)

    def end(self, one):
        one.shut()
        one.session.end()
        self.played.remove(one)
        self.new()

    # What the gateway does.

    def come_and_go(self, one):
        role = self.rng.choice(ROLES)
        if role in one.there:
            one.shut()
        one.session.connect(role, role not in one.there)
        one.there ^= {role}

    def speak(self, one):
        tap = one.tap()
        if tap:
            one.write(tap, "ok")

    def write_late(self, one):
        for tap in one.old_taps[-3:]:
            one.write(tap, "no")

    def write_wrong(self, one):
        """To an open gate, of whatever generation but its own."""
        tap, others = one.tap(), [t.generation for p in self.all for t in p.session.taps() + p.old_taps]
        if tap:
            for generation in self.rng.sample(others, min(4, len(others))) + [self.rng.getrandbits(63) | 1]:
                if generation != tap.generation:
                    one.write(tap, "no", generation)
            for _ in range(10):
                write(tap.fd, self.rng.randbytes(self.rng.randrange(1, 1600)))

    def replay(self, one):
        for role, body in self.rng.sample(one.old_bodies, min(2, len(one.old_bodies))):
            other = self.rng.choice(self.played).session
            for person in (one.session.persons[role], *other.persons.values()):
                assert person.consent(body).error, "an old statement was taken"

    def forge(self, one):
        role = self.rng.choice(ROLES)
        person = one.session.persons[role]
        body = person.give()
        at = self.rng.randrange(len(body["statement"]))
        body["statement"] = body["statement"][:at] + chr(ord(body["statement"][at]) ^ 1) + body["statement"][at + 1:]
        assert person.consent(body).error, "a forged statement was taken"

    def claim(self, one):
        for generation in (self.rng.getrandbits(63), 0):
            self.w.gateway.ask("TapLost", one.session.id, generation)
        self.w.gateway.ask("LegState", one.session.id, "nobody", 1)

    def break_link(self, one):
        """Bytes outside the contract, or a call of it with some changed: whatever happens, another gateway follows."""
        known = [*liar_link.OUTSIDE.values(), *liar_link.BROKEN.values()]
        data = bytearray(self.rng.choice(known))
        if self.rng.random() < 0.5:
            data = bytearray(to_vault(9, "LegState", (one.session.id, "coach", 1)))
            for _ in range(self.rng.randrange(1, 4)):
                data[self.rng.randrange(len(data))] = self.rng.randrange(256)
        for played in self.played:
            played.shut()
        try:
            self.w.gateway.send(bytes(data))
            self.w.gateway.ended(0.1)
        except Gone:
            pass
        for played in self.played:
            played.there = set()
        liar_link.next_gateway(self.w)
        for played in self.played:
            played.session.connect()
            played.there = set(ROLES)

    ACTS = {give: 8, withdraw: 2, pause: 3, end: 1, come_and_go: 3, speak: 8, write_late: 4, write_wrong: 4, replay: 2,
            forge: 2, claim: 2, break_link: 1}

    def step(self):
        act = self.rng.choices(list(self.ACTS), self.ACTS.values())[0]
        one = self.rng.choice(self.played)
        act(self, one)
        return act.__name__

    def check(self):
        """Ends everything and reads it all."""
        for one in self.played:
            one.session.end()
        for one in self.all:
            strange = {name for name in names(one.session.recorded()) if not name.startswith("ok-")}
            assert not strange, f"recorded, and must not be: {strange}"
            if one.gives != set(ROLES):
                assert all(r["state"] == "erased" for r in one.session.coach.recordings()), "withdrawn, and there"


def play(w, rng):
    lies, history = Lies(w, rng), []
    seconds = float(os.environ.get("APARTE_TORTURE_SECONDS", 0))
    over = time.monotonic() + seconds
    try:
        while time.monotonic() < over if seconds else len(history) < STEPS:
            history.append(lies.step())
        lies.check()
    except BaseException:
        print("acts:", " ".join(history[-40:]))
        raise
    return len(history), len(lies.all)


def run():
    seed = int(os.environ.get("APARTE_TEST_SEED") or random.SystemRandom().getrandbits(64))
    print(f"APARTE_TEST_SEED={seed}", flush=True)
    w = begin()
    try:
        acts, sessions = play(w, random.Random(seed))
        witness_unharmed(w)
    except BaseException:
        print(w.log()[-4000:])
        print("0 passed, 1 failed", flush=True)
        raise
    finally:
        ends = w.stop()
    assert not any(ends), f"the processes ended with {ends}"
    print(f"{acts} acts on {sessions} sessions\n1 passed, 0 failed")


if __name__ == "__main__":
    run()
