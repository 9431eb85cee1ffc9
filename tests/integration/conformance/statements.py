"""Consent statements: the documented order of a give's checks, withdrawals that always count, receipts, privacy of a refusal."""
import json
import os
import time
import uuid

import nacl.signing

import aparte_client as client
import aparte_format as fmt
from world import RECEIPT, Case, instance, misfits, vkey

# One way to break each check of a give, in the contract's order: (error, changes to Party.give(), what is done to the body).
SPOILT = [
    ("statement-malformed", {"indication_method": "telepathy"}, None),
    ("statement-party", {"pii_principal": "someone-else"}, None),
    ("statement-key", {}, "key"),
    ("statement-signature", {}, "signature"),
    ("statement-replayed", {"record_id": "REPLAY"}, None),
    ("statement-stale", {"event_time": "STALE"}, None),
    ("statement-notice", {"privacy_notice": {"version": "1", "lang": "en", "sha256": "0" * 64}}, None),
    ("statement-purpose", {"purposes": ("recording", "advertising")}, None),
    ("statement-share", {"share": os.urandom(32)}, None),
]


def spoil(party, *wrongs):
    """A give in which all of these are wrong at once."""
    changes = {}
    for _, change, _ in wrongs:
        changes.update(change)
    if changes.get("record_id") == "REPLAY":
        changes["record_id"] = party.replayed
    if changes.get("event_time") == "STALE":
        changes["event_time"] = client.now(-400)
    damages = {damage for _, _, damage in wrongs}
    body = party.give(key=nacl.signing.SigningKey.generate() if "key" in damages else None, **changes)
    if "signature" in damages:
        body["signature"] = fmt.b64u(os.urandom(64))
    return body


def stranger_in_session():
    """A coach who has one accepted statement (a refusal, whose record_id can be replayed)."""
    session, coach, coachee = instance().session()
    refusal = coach.decide("ConsentRefused", ["quality"])
    assert coach.consent(refusal).status == 201
    coach.replayed = json.loads(refusal["statement"])["record_id"]
    time.sleep(0.002)  # later than the last accepted statement
    return session, coach, coachee


class Give(Case):
    def stays_closed(self, party):
        me = party.me()
        self.assertEqual("closed", me["gate"]["state"])
        self.assertIn("consent_missing", me["gate"]["reasons"])
        self.assertNotEqual("ConsentGiven", me["consents"]["recording"])

    def test_receipt_of_a_good_one(self):
        _, coach, _ = instance().session()
        seal = coach.notice()["seal"]
        body = coach.give(["recording", "supervision"], presence=5)
        receipt = self.good(coach.consent(body), 201, RECEIPT)
        said = fmt.check_receipt(receipt, vkey(), body["statement"])
        self.assertEqual(1, receipt["type"])
        self.assertEqual(("ConsentGiven", coach.session, "coach"), (said["event"], said["session"], said["role"]))
        self.assertEqual({"recording", "supervision"}, set(said["purposes"]))
        self.assertNotIn("c-1", receipt["body"])
        states = coach.me()["consents"]
        self.assertEqual(["ConsentGiven", "ConsentGiven", "ConsentUnknown"], [states[p] for p in ("recording", "supervision", "research")])
        kept = self.good(coach.call("GET", "/v1/party/receipts"))["receipts"]
        self.assertEqual(1, len(kept))
        self.assertEqual(said, fmt.check_receipt(kept[0], vkey(), body["statement"]))
        self.assertNotEqual(seal, coach.notice()["seal"], "its private half was destroyed after use")

    def test_each_wrong_thing_alone(self):
        for wrong in SPOILT:
            with self.subTest(wrong[0]):
                _, coach, _ = stranger_in_session()
                self.problem(coach.consent(spoil(coach, wrong)), wrong[0])
                self.stays_closed(coach)

    def test_of_two_wrong_things_the_earlier_is_named(self):
        _, coach, _ = stranger_in_session()
        for first, wrong in enumerate(SPOILT):
            for later in SPOILT[first + 1:]:
                with self.subTest(f"{wrong[0]} and {later[0]}"):
                    self.problem(coach.consent(spoil(coach, wrong, later)), wrong[0])
        self.stays_closed(coach)

    def test_token_comes_before_form_and_size_before_token(self):
        _, coach, _ = instance().session()
        self.problem(coach.call("POST", "/v1/consents", coach.evidence('{"event":"ConsentGiven"}'), token="nobody"), "token-invalid")
        large = coach.give(padding="x" * 9000)
        self.problem(coach.call("POST", "/v1/consents", large), "too-large")
        self.problem(coach.call("POST", "/v1/consents", large, token="nobody"), "too-large")
        self.problem(coach.call("POST", "/v1/consents", json.dumps(coach.give()) + " " * 70000, token="nobody"), "too-large")

    def test_form(self):
        _, coach, _ = instance().session()
        wrong = {"schema_version": "2", "record_id": "x", "session": "x", "role": "sponsor", "event": "ConsentImplied",
                 "event_time": "2026-01-01", "indication_method": "silence", "presence": "5", "pii_principal": None,
                 "privacy_notice": "1", "share_commitment": None, "seal": None}
        for name, value in wrong.items():
            with self.subTest(name):
                self.problem(coach.consent(coach.give(**{name: value})), "statement-malformed")
        for name in ("schema_version", "record_id", "session", "event", "privacy_notice", "event_time", "indication_method"):
            with self.subTest(f"without {name}"):
                self.problem(coach.consent(coach.give(**{name: None})), "statement-malformed")
        for purposes in ([], ["recording", "recording"], ["recording", 7]):
            with self.subTest(purposes):
                self.problem(coach.consent(coach.give(purposes)), "statement-malformed")
        self.problem(coach.consent(coach.give(["supervision"], share_commitment="A" * 43, seal="0" * 64)), "statement-malformed")
        self.stays_closed(coach)

    def test_not_canonical(self):
        _, coach, _ = instance().session()
        text = coach.give()["statement"]
        other = {"space": text.replace(":", ": ", 1), "order": json.dumps(dict(reversed(json.loads(text).items())), separators=(",", ":")),
                 "twice": text.replace("{", '{"event":"ConsentGiven",', 1), "escape": text.replace("coach", "\\u0063oach", 1),
                 "float": text[:-1] + ',"z":1.5}', "null": text[:-1] + ',"z":null}', "after": text + " ", "number": text[:-1] + ',"z":1e2}'}
        for name, changed in other.items():
            with self.subTest(name):
                self.problem(coach.consent(coach.evidence(changed)), "statement-malformed")

    def test_unknown_members_are_kept_and_signed_over(self):
        _, coach, _ = instance().session()
        body = coach.give(zz_device="tablette é", a_number=7)
        receipt = self.good(coach.consent(body), 201, RECEIPT)
        fmt.check_receipt(receipt, vkey(), body["statement"])

    def test_body_around_the_statement(self):
        _, coach, _ = instance().session()
        for body in ("[]", "{}", '{"statement":7}'):
            self.assertIn(coach.consent(body).error, ("malformed", "statement-malformed"), body)
        self.problem(coach.call("POST", "/v1/consents", coach.give(), media="text/plain"), "media-type")
        give = coach.give()
        for name, error in (("share", "statement-share"), ("signature", "statement-signature"), ("key", "statement-key")):
            self.problem(coach.consent({key: value for key, value in give.items() if key != name}), error)

    def test_time_is_within_five_minutes_and_later_than_the_last(self):
        for seconds, status in ((-280, 201), (280, 201), (-320, 422), (320, 422)):
            with self.subTest(seconds):
                _, coach, _ = instance().session()
                self.assertEqual(status, coach.consent(coach.give(event_time=client.now(seconds))).status)
        _, coach, _ = instance().session()
        self.good(coach.consent(coach.give()), 201)
        self.problem(coach.consent(coach.give(["quality"], event_time=client.now(-30))), "statement-stale")

    def test_replay_across_sessions_and_persons(self):
        _, coach, coachee = instance().session()
        record = str(uuid.uuid4())
        self.good(coach.consent(coach.give(record_id=record)), 201)
        self.problem(coachee.consent(coachee.give(record_id=record)), "statement-replayed")
        _, other, _ = instance().session()
        self.problem(other.consent(coach.give()), "statement-party")

    def test_share_wrong_in_every_way(self):
        _, coach, coachee = instance().session()
        give = coach.give()
        wrong = {"another role": coach.give(sealed_for="coachee"), "another's seal": coach.give(seal=fmt.sha256(fmt.unb64u(coachee.notice()["seal"])).hex()),
                 "altered": {**give, "share": {**give["share"], "ct": fmt.b64u(os.urandom(48))}}, "no object": {**give, "share": "x"},
                 "a low-order point": {**give, "share": {**give["share"], "enc": fmt.b64u(bytes(32))}}, "empty": {**give, "share": {}},
                 "31 bytes": coach.give(share=bytes(31)), "33 bytes": coach.give(share=bytes(33))}
        for name, body in wrong.items():
            with self.subTest(name):
                self.problem(coach.consent(body), "statement-share")
        self.stays_closed(coach)

    def test_other_purposes_count_only_with_recording(self):
        session, coach, coachee = instance().session()
        self.good(coach.consent(coach.give(["supervision"])), 201)
        self.assertEqual("ConsentUnknown", coachee.me()["peer"].get("consents", {}).get("supervision", "ConsentUnknown"))
        self.good(coach.consent(coach.give(["recording"])), 201)
        seen = instance().platform("GET", f"/v1/sessions/{session}").json["parties"]["coach"]["consents"]
        self.assertEqual(("ConsentGiven", "ConsentGiven"), (seen["recording"], seen["supervision"]))
        self.good(coach.consent(coach.decide("ConsentWithdrawn", ["supervision"])), 201)
        self.assertEqual(("ConsentGiven", "ConsentWithdrawn"), tuple(coach.me()["consents"][p] for p in ("recording", "supervision")))
        self.good(coach.consent(coach.give(["quality"])), 201)
        self.good(coach.consent(coach.decide("ConsentWithdrawn", ["recording"])), 201)
        self.assertNotIn("ConsentGiven", coach.me()["consents"].values(), "withdrawing recording withdraws all")


class Withdraw(Case):
    """Whatever is wrong with it, it counts."""

    def broken(self, party):
        good = party.decide()
        other = party.evidence(good["statement"], nacl.signing.SigningKey.generate())
        yield "a wrong signature", {**good, "signature": "A" * 86}
        yield "a signature of a wrong type", {**good, "signature": 7}
        yield "no key and no signature", {"statement": good["statement"]}
        yield "another key", other
        yield "an old clock", party.decide(event_time="1999-01-01T00:00:00.000Z")
        yield "a fast clock", party.decide(event_time="2999-01-01T00:00:00.000Z")
        yield "no clock", party.decide(event_time=None)
        yield "an unknown notice", party.decide(privacy_notice={"version": "9", "lang": "xx", "sha256": "f" * 64})
        yield "another person", party.decide(pii_principal="nobody")
        yield "another session", party.decide(session=str(uuid.uuid4()))
        yield "another role", party.decide(role="coachee" if party.role == "coach" else "coach")
        yield "an unknown purpose besides", party.decide(purposes=["recording", "advertising"])
        yield "no purposes", party.decide(purposes=[])
        yield "purposes of a wrong type", party.decide(purposes=[7])
        yield "nothing but the event", {"statement": '{"event":"ConsentWithdrawn"}'}
        yield "a refusal of nothing", {"statement": '{"event":"ConsentRefused"}'}
        yield "the event outside", {"event": "ConsentWithdrawn"}
        yield "a form that is not canonical", party.evidence(good["statement"].replace(":", " : "))
        yield "text that is cut", {"statement": good["statement"][:-20]}
        yield "JSON that is cut", json.dumps(good)[:-9]
        yield "a long statement", party.decide(padding="x" * 9000)
        yield "a byte that is no UTF-8", json.dumps(good).encode() + b"\xff"

    def test_broken_in_every_way(self):
        _, probe, _ = instance().session()
        for number, (name, _) in enumerate(list(self.broken(probe))):
            with self.subTest(name):
                session, coach, coachee = instance().session()
                self.good(coach.consent(coach.give(["recording", "supervision"])), 201)
                body = list(self.broken(coach))[number][1]
                answer = coach.consent(body)
                self.assertEqual(201, answer.status, answer)
                self.assertEqual("unsigned", answer.json.get("evidence"), answer)
                if "leaf" in answer.json:
                    self.assertEqual("unsigned", fmt.check_receipt(answer.json, vkey())["evidence"])
                self.assertIn("consent_missing", coachee.gate()["reasons"])
                self.assertNotIn("ConsentGiven", coach.me()["consents"].values())
                self.assertEqual(201, coach.consent(coach.give()).status, "and consent can be given anew")

    def test_under_another_media_type(self):
        for media in ("text/plain", "application/x-www-form-urlencoded", None):
            _, coach, _ = instance().session()
            self.good(coach.consent(coach.give()), 201)
            answer = coach.call("POST", "/v1/consents", coach.decide(), media=media)
            self.assertEqual(201, answer.status, f"{media} {answer}")
            self.assertEqual("ConsentWithdrawn", coach.me()["consents"]["recording"])

    def test_a_good_one_is_signed(self):
        _, coach, _ = instance().session()
        self.good(coach.consent(coach.give()), 201)
        body = coach.decide()
        receipt = self.good(coach.consent(body), 201, RECEIPT)
        self.assertEqual("signed", fmt.check_receipt(receipt, vkey(), body["statement"])["evidence"])
        self.assertNotIn("evidence", receipt)

    def test_replayed_it_counts_again(self):
        _, coach, _ = instance().session()
        self.good(coach.consent(coach.give()), 201)
        body = coach.decide()
        self.good(coach.consent(body), 201)
        self.good(coach.consent(coach.give()), 201)
        self.assertEqual("unsigned", self.good(coach.consent(body), 201)["evidence"])
        self.assertNotEqual("ConsentGiven", coach.me()["consents"]["recording"])

    def test_not_with_another_ones_token(self):
        _, coach, coachee = instance().session()
        self.good(coach.consent(coach.give()), 201)
        self.problem(coach.call("POST", "/v1/consents", coach.decide(), token="nobody"), "token-invalid")
        self.assertEqual("ConsentGiven", coach.me()["consents"]["recording"])
        self.assertEqual(201, coachee.consent(coach.decide()).status, "it withdraws for who sent it")
        self.assertEqual("ConsentGiven", coach.me()["consents"]["recording"])

    def test_after_the_session(self):
        session, coach, _ = instance().session()
        self.good(coach.consent(coach.give()), 201)
        instance().platform("DELETE", f"/v1/sessions/{session}")
        self.good(coach.consent(coach.decide()), 201, RECEIPT)
        self.problem(coach.consent(coach.give()), "statement-purpose")


class Refusal(Case):
    """R34: nobody but the person learns of it."""

    def test_platform_and_peer_never_see_it(self):
        session, coach, coachee = instance().session()
        events, own = coachee.listen(), coach.listen()
        events.wait("gate")
        before = coachee.me(), instance().platform("GET", f"/v1/sessions/{session}").json
        number = len(events.seen)
        self.good(coach.consent(coach.decide("ConsentRefused", ["recording", "supervision"])), 201, RECEIPT)
        self.assertEqual("ConsentRefused", coach.me()["consents"]["recording"])
        own.wait("consent", lambda data: data["consents"]["recording"] == "ConsentRefused")
        time.sleep(1)
        after = coachee.me(), instance().platform("GET", f"/v1/sessions/{session}").json
        for one in (*before, *after):
            one.pop("time", None)
        self.assertEqual(before, after)
        self.assertEqual([], events.seen[number:], "not even an event")
        for part in ("recordings", "accesses", "receipts"):
            self.assertNotIn("ConsentRefused", coachee.call("GET", f"/v1/party/{part}").body.decode())
        metrics = instance().gateway_call("GET", "/metrics").body + instance().vault_call("GET", "/metrics").body
        self.assertNotRegex(metrics.decode().lower(), r"refus\w*[^\n]*consent|consent\w*[^\n]*refus")
        events.close(), own.close()

    def test_a_withdrawal_looks_like_no_consent(self):
        session, coach, coachee = instance().session()
        events = coachee.listen()
        self.good(coach.consent(coach.give()), 201)
        events.wait("consent", lambda data: data["consents"]["recording"] == "ConsentGiven")
        self.good(coach.consent(coach.decide("ConsentWithdrawn")), 201)
        events.wait("consent", lambda data: data["consents"]["recording"] == "ConsentUnknown")
        seen = json.dumps([coachee.me(), events.seen, instance().platform("GET", f"/v1/sessions/{session}").json])
        self.assertNotRegex(seen, "ConsentWithdrawn|ConsentRefused")
        events.close()

    def test_the_call_goes_on(self):
        _, coach, coachee = instance().session()
        coach.consent(coach.decide("ConsentRefused"))
        offer = (client.TOP / "tests/vectors/sdp/chromium-av.sdp").read_bytes()
        for party in (coach, coachee):
            self.assertEqual(201, party.call("POST", "/v1/media", offer, media="application/sdp").status)
