"""A recording's life: the gate opens, pauses, loses presence; staff watch by grant, hold, erase; everything is proved.

Media comes from the aiortc client of the end-to-end tests; without it these tests are skipped.
"""
import importlib.util
import re
import time
import unittest
import uuid

import nacl.signing

import aparte_client as client
import aparte_format as fmt
from world import GATE, RECEIPT, Case, instance, is_count, is_id, is_text, is_time, list_of, misfits, one_of, staff, vkey

HAS_AIORTC = importlib.util.find_spec("aiortc") is not None


def open_session(test_class, purposes=("recording",), **members):
    """Both connected, both consenting, the gate open; the peers end with the class."""
    session, coach, coachee = instance().session()
    for party in (coach, coachee):
        test_class.addClassCleanup(client.Peer(party).close)
    client.until("both are connected", lambda: "disconnected" not in coach.gate()["reasons"], 30)
    for party in (coach, coachee):
        answer = party.consent(party.give(purposes, **members))
        assert answer.status == 201, answer
    client.until("the gate is open", lambda: coach.gate()["state"] == "open")
    return session, coach, coachee


@unittest.skipUnless(HAS_AIORTC, "python3-aiortc is missing")
class Life(Case):
    """One recording from its opening to its certificate; the tests go on from each other, in the order of their names."""

    @classmethod
    def setUpClass(cls):
        cls.session, cls.coach, cls.coachee = open_session(cls, ["recording", "supervision"])
        cls.events = [cls.coach.listen(), cls.coachee.listen()]
        cls.kept = {}

    def recording(self):
        return instance().platform("GET", f"/v1/sessions/{self.session}").json["recordings"][0]

    def track(self, where="coach", access=None, headers=None, user=None, **more):
        query = f"?access={access or self.kept['access']}"
        return (user or staff("supervisor")).call("GET", f"/v1/recordings/{self.kept['id']}/tracks/{where}{query}", headers=headers, **more)

    def test_01_open_and_shown_to_both(self):
        for party in (self.coach, self.coachee):
            gate = party.gate()
            self.assertEqual(([], "open", []), (misfits(gate, GATE), gate["state"], gate["reasons"]))
        shown = self.recording()
        self.assertEqual("recording", shown["state"])
        self.kept["id"] = shown["id"]
        self.assertIn(shown["id"], [one["id"] for one in self.coachee.call("GET", "/v1/party/recordings").json["recordings"]])

    def test_02_pause_by_one_resume_by_both(self):
        before = self.coach.gate()
        answer = self.coach.call("POST", "/v1/party/pause")
        self.assertIn(answer.status, (200, 204))
        for party in (self.coach, self.coachee):
            self.assertEqual(("closed", ["paused"]), (party.gate()["state"], party.gate()["reasons"]))
        for events in self.events:
            events.wait("gate", lambda gate: gate["state"] == "closed" and gate["reasons"] == ["paused"])
        self.coach.call("DELETE", "/v1/party/pause")
        time.sleep(0.5)
        self.assertEqual("closed", self.coach.gate()["state"], "both must resume")
        self.coachee.call("DELETE", "/v1/party/pause")
        client.until("open again", lambda: self.coach.gate()["state"] == "open")
        after = self.coach.gate()
        self.assertGreater(after["epoch"], before["epoch"], "another epoch of the same recording")
        self.assertNotEqual(after["generation"], before["generation"])
        self.assertEqual(self.kept["id"], self.recording()["id"])
        for events in self.events:
            events.wait("gate", lambda gate: gate["state"] == "open" and gate["generation"] == after["generation"])
            self.assertLessEqual(events.names(), {"party", "consent", "gate", "recording", "peer", "end"})

    def test_03_refusing_another_purpose_interrupts_at_most(self):
        self.good(self.coach.consent(self.coach.decide("ConsentRefused", ["research"])), 201, RECEIPT)
        client.until("open again", lambda: self.coach.gate()["state"] == "open", 5)
        self.assertEqual(self.kept["id"], self.recording()["id"])

    def test_04_end_seals(self):
        time.sleep(3)
        self.assertEqual(204, instance().platform("DELETE", f"/v1/sessions/{self.session}").status)
        self.assertEqual("sealed", self.recording()["state"])
        self.assertTrue(all("end" in events.names() for events in self.events))
        shown = self.coach.call("GET", "/v1/party/recordings")
        self.good(shown, 200, {"recordings": list_of({"id": is_id, "state": one_of("sealed"), "created": is_time})})

    def test_05_both_speakers_watch(self):
        for party in (self.coach, self.coachee):
            answer = party.call("GET", f"/v1/party/recordings/{self.kept['id']}/tracks/coachee")
            self.assertEqual((200, "video/webm", b"\x1aE\xdf\xa3"), (answer.status, answer.media, answer.body[:4]))
            self.assertEqual("no-store", answer.headers["Cache-Control"])
        _, stranger, _ = instance().session()
        self.problem(stranger.call("GET", f"/v1/party/recordings/{self.kept['id']}/tracks/coach"), "not-found")

    def test_06_nothing_without_a_grant(self):
        supervisor, path = staff("supervisor"), f"/v1/recordings/{self.kept['id']}"
        self.assertNotIn(self.kept["id"], supervisor.call("GET", "/v1/recordings").body.decode())
        self.problem(supervisor.call("GET", path), "not-found")
        self.problem(supervisor.call("POST", path + "/accesses", {"purpose": "supervision", "reason": "r"}), "not-found")
        self.problem(staff("admin").call("POST", path + "/accesses", {"purpose": "supervision", "reason": "r"}), "role")
        self.problem(supervisor.call("GET", path + "/tracks/coach"), "access-reason-required")
        seen = self.good(staff("admin").call("GET", path), 200, {"id": is_id, "state": is_text})
        self.assertNotRegex(str(seen), "Claire|Sam Okafor", "R41: metadata is minimal")

    def test_07_grants(self):
        wish = {"recording": self.kept["id"], "supervisor": "supervisor", "purpose": "supervision", "expires": client.now(3600)}
        for changes, error in (({"purpose": "research"}, "role"), ({"purpose": "recording"}, "invalid"), ({"expires": client.now(-5)}, "invalid"),
                               ({"supervisor": "admin"}, "not-found"), ({"recording": str(uuid.uuid4())}, "not-found")):
            self.problem(staff("admin").call("POST", "/v1/grants", {**wish, **changes}), error)
        made = self.good(instance().admin_call("POST", "/v1/users", {"user": f"coach-{uuid.uuid4().hex[:6]}", "role": "coach",
                                                                     "party_id": "c-1", "tenant": "demo"}), 201)
        type(self).coach_user = client.Staff(instance(), made).login()
        self.assertIn(self.kept["id"], self.coach_user.call("GET", "/v1/recordings").body.decode(), "R15: the coach's own")
        first = self.good(self.coach_user.call("POST", "/v1/grants", wish), 201, {"id": is_id})
        self.assertEqual(204, self.coach_user.call("DELETE", f"/v1/grants/{first['id']}").status)
        self.kept["grant"] = self.good(staff("admin").call("POST", "/v1/grants", wish), 201, {"id": is_id})["id"]
        self.assertIn(self.kept["id"], staff("supervisor").call("GET", "/v1/recordings").body.decode())

    def test_08_access_has_purpose_and_reason(self):
        path, supervisor = f"/v1/recordings/{self.kept['id']}/accesses", staff("supervisor")
        for body in ({}, {"purpose": "supervision"}, {"purpose": "supervision", "reason": ""}, {"purpose": "supervision", "reason": "  "},
                     {"reason": "r"}):
            self.problem(supervisor.call("POST", path, body), "access-reason-required")
        self.problem(supervisor.call("POST", path, {"purpose": "research", "reason": "r"}), "role")
        self.problem(supervisor.call("POST", path, {"purpose": "gossip", "reason": "r"}), "invalid")
        before = fmt.check_checkpoint(instance().vault_call("GET", "/v1/ledger/checkpoint").body.decode(), vkey())[0]
        made = self.good(supervisor.call("POST", path, {"purpose": "supervision", "reason": "session of March"}), 201, {"id": is_id, "expires": is_time})
        after = fmt.check_checkpoint(instance().vault_call("GET", "/v1/ledger/checkpoint").body.decode(), vkey())[0]
        leaves = instance().vault_call("GET", f"/v1/ledger/leaves?from={before}&count={after - before}").json
        leaves = leaves["leaves"] if isinstance(leaves, dict) else leaves
        kinds = [fmt.unb64u(leaf if isinstance(leaf, str) else leaf["leaf"])[1] for leaf in leaves]
        self.assertIn(5, kinds, "its leaf is durable before the answer")
        self.kept["access"] = made["id"]

    def test_09_track_and_ranges(self):
        whole = self.track()
        self.assertEqual((200, "video/webm", "bytes"), (whole.status, whole.media, whole.headers["Accept-Ranges"]))
        data, size = whole.body, len(whole.body)
        self.assertEqual((b"\x1aE\xdf\xa3", str(size)), (data[:4], whole.headers["Content-Length"]))
        for asked, first, last in (("0-0", 0, 0), ("0-99", 0, 99), (f"{size - 7}-", size - 7, size - 1), ("-10", size - 10, size - 1),
                                   ("5-9", 5, 9), (f"100-{size * 9}", 100, size - 1), (f"-{size * 9}", 0, size - 1), ("0-", 0, size - 1),
                                   ("0-18446744073709551615", 0, size - 1)):
            part = self.track(headers={"Range": f"bytes={asked}"})
            self.assertEqual((206, f"bytes {first}-{last}/{size}"), (part.status, part.headers["Content-Range"]), asked)
            self.assertEqual(data[first:last + 1], part.body, asked)
        for asked in (f"{size}-", f"{size * 2}-{size * 3}", "-0"):
            part = self.track(headers={"Range": f"bytes={asked}"})
            self.assertEqual((416, f"bytes */{size}"), (part.status, part.headers["Content-Range"]), asked)
        for asked in ("bytes=9-5", "bytes=x-y", "apples=1-2", "bytes=", "bytes=1-2,4-5"):
            self.assertIn(self.track(headers={"Range": asked}).status, (200, 206, 416), asked)
        own = self.coach.call("GET", f"/v1/party/recordings/{self.kept['id']}/tracks/coach", headers={"Range": "bytes=3-8"})
        self.assertEqual((206, data[3:9]), (own.status, own.body))

    def test_10_access_belongs_to_who_began_it(self):
        self.problem(self.track(access=uuid.uuid4()), "access-reason-required")
        self.problem(self.track(user=self.coach_user), "access-reason-required")
        self.problem(self.track(user=staff("admin")), "role")
        self.problem(self.track(where="notes"), "not-found")

    def test_11_everyone_concerned_sees_it(self):
        rows = {"accesses": list_of({"id": is_id, "recording": is_id, "purpose": is_text, "reason": is_text, "begun": is_time})}
        for party in (self.coach, self.coachee):
            seen = self.good(party.call("GET", "/v1/party/accesses"), 200, rows)["accesses"]
            self.assertIn(("supervision", "session of March"), [(one["purpose"], one["reason"]) for one in seen])
        for name in ("auditor", "admin"):
            seen = self.good(staff(name).call("GET", "/v1/accesses"), 200, rows)["accesses"]
            self.assertIn(self.kept["access"], [one["id"] for one in seen])

    def test_12_receipts_are_still_good(self):
        for party in (self.coach, self.coachee):
            for receipt in self.good(party.call("GET", "/v1/party/receipts"), 200, {"receipts": list_of(RECEIPT)})["receipts"]:
                fmt.check_receipt(receipt, vkey())

    def test_13_revoking_a_grant_ends_its_access(self):
        self.assertEqual(204, staff("admin").call("DELETE", f"/v1/grants/{self.kept['grant']}").status)
        self.assertIn(self.track().error, ("not-found", "role", "access-reason-required"))

    def test_14_an_ended_grant_shows_nothing_more(self):
        self.problem(staff("supervisor").call("GET", f"/v1/recordings/{self.kept['id']}"), "not-found")
        self.assertNotIn(self.kept["id"], staff("supervisor").call("GET", "/v1/recordings").body.decode())

    def test_15_restriction_freezes(self):
        made = self.coachee.call("POST", "/v1/party/requests", {"type": "restriction", "detail": "wait"})
        self.good(made, 201)
        if self.recording()["state"] != "restricted":
            self.good(staff("admin").call("POST", f"/v1/requests/{made.json['id']}/execute", {"reason": "asked for"}))
        self.assertEqual("restricted", self.recording()["state"])
        self.problem(self.coach.call("GET", f"/v1/party/recordings/{self.kept['id']}/tracks/coach"), "restricted")
        self.problem(self.coach_user.call("POST", f"/v1/recordings/{self.kept['id']}/accesses", {"purpose": "supervision", "reason": "r"}), "restricted")
        self.problem(staff("admin").call("POST", "/v1/erasures", {"recording": self.kept["id"]}), "restricted")
        self.good(staff("admin").call("POST", f"/v1/requests/{made.json['id']}/lift", {"reason": "settled"}))
        self.assertEqual("sealed", self.recording()["state"])  # at once: this instance announces nothing ahead

    def test_16_holds_need_two_admins(self):
        admin, other = staff("admin"), staff("admin2")
        wish = {"recording": self.kept["id"], "ground": "art. 17(3)(e)", "reason": "a claim", "ends": client.now(86400)}
        self.problem(admin.call("POST", "/v1/holds", {**wish, "ends": client.now(-1)}), "invalid")
        self.problem(admin.call("POST", "/v1/holds", {**wish, "reason": ""}), "invalid")
        first = self.good(admin.call("POST", "/v1/holds", wish), 202, {"proposal": is_id})
        self.problem(admin.call("POST", "/v1/holds", {"proposal": first["proposal"]}), "role")
        held = self.good(other.call("POST", "/v1/holds", {"proposal": first["proposal"]}), 201, {"id": is_id})
        self.problem(admin.call("POST", "/v1/erasures", {"recording": self.kept["id"]}), "held")
        self.assertEqual(202, admin.call("DELETE", f"/v1/holds/{held['id']}").status)
        self.problem(admin.call("DELETE", f"/v1/holds/{held['id']}"), "role")
        self.assertEqual(204, other.call("DELETE", f"/v1/holds/{held['id']}").status)

    def test_17_erased_for_everyone_and_certified(self):
        answer = staff("admin").call("POST", "/v1/erasures", {"recording": self.kept["id"]})
        certificate = self.good(answer, 201, RECEIPT)
        said = fmt.check_receipt(certificate, vkey())
        self.assertEqual((11, self.kept["id"]), (certificate["type"], said["recording"]))
        self.assertTrue(is_time(said["erased_at"]), said)
        path = f"/v1/recordings/{self.kept['id']}"
        for one in (self.coach.call("GET", f"/v1/party/recordings/{self.kept['id']}/tracks/coach"),
                    self.coach_user.call("POST", path + "/accesses", {"purpose": "supervision", "reason": "r"}),
                    instance().admin_call("POST", path + "/export", {"reason": "r"}),
                    staff("admin").call("POST", "/v1/grants", {"recording": self.kept["id"], "supervisor": "supervisor",
                                                               "purpose": "supervision", "expires": client.now(99)})):
            self.problem(one, "erased")
        self.assertEqual("erased", self.recording()["state"])
        self.assertEqual([], list((instance().home / "recordings").glob(f"{self.kept['id']}/**/*")))
        self.good(self.coach.call("GET", "/v1/party/receipts"), 200, {"receipts": list_of(RECEIPT)})

    def test_18_bulk_erasure_of_one_session_or_subject(self):
        self.assertIn(staff("admin").call("POST", "/v1/erasures", {"session": self.session}).status, (201, 410))
        self.assertIn(staff("admin").call("POST", "/v1/erasures", {}).error, ("malformed", "invalid"))


@unittest.skipUnless(HAS_AIORTC, "python3-aiortc is missing")
class Presence(Case):
    """Presence, devices, and the withdrawal during a recording; in the order of their names."""

    @classmethod
    def setUpClass(cls):
        cls.session, cls.coach, cls.coachee = open_session(cls, presence=5)

    def keep(self, seconds=0.0):
        """Both are present for so long."""
        end = time.monotonic() + seconds
        while True:
            for party in (self.coach, self.coachee):
                answer = party.present(self.coach.gate()["generation"])
                self.assertIn(answer.status, (200, 204), answer)
            if time.monotonic() >= end:
                return
            time.sleep(min(2.0, max(0.0, end - time.monotonic())))

    def test_1_present_it_stays_open(self):
        self.keep(13)
        self.assertEqual("open", self.coach.gate()["state"])

    def test_2_a_wrong_presence_is_refused(self):
        generation = int(self.coach.gate()["generation"])
        self.problem(self.coach.present(generation, key=nacl.signing.SigningKey.generate()), "statement-signature")
        number = self.coach.counter
        for answer in (self.coach.present(generation ^ 1), self.coach.present(generation, counter=number)):
            self.assertIn(answer.status, (204, 409, 422, 403), answer)

    def test_3_absent_it_closes(self):
        self.keep()
        begun = time.monotonic()
        stale = self.coachee.counter
        while self.coach.gate()["state"] == "open":
            self.coach.present(self.coach.gate()["generation"])
            self.coachee.present(self.coach.gate()["generation"], counter=stale)  # a replay keeps nobody present
            self.assertLess(time.monotonic() - begun, 16)
            time.sleep(1)
        self.assertGreater(time.monotonic() - begun, 9)
        self.assertEqual(["presence"], self.coach.gate()["reasons"])
        client.until("open again", lambda: self.keep() or self.coach.gate()["state"] == "open")

    def test_4_another_device_closes_it(self):
        self.keep()
        self.coach.key = nacl.signing.SigningKey.generate()
        self.coach.enrol()
        self.assertIn("device", self.coachee.gate()["reasons"])
        self.good(self.coach.consent(self.coach.give(presence=5)), 201)
        client.until("open again", lambda: self.coach.gate()["state"] == "open")

    def test_5_a_broken_withdrawal_stops_and_erases(self):
        events = self.coach.listen()
        recording = [one for one in instance().platform("GET", f"/v1/sessions/{self.session}").json["recordings"] if one["state"] == "recording"][0]["id"]
        answer = self.coachee.consent({"statement": '{"event":"ConsentWithdrawn"}'})
        self.assertEqual(("unsigned", 201), (answer.json["evidence"], answer.status))
        self.assertNotEqual("open", self.coach.gate()["state"])
        events.wait("gate", lambda gate: gate["state"] == "closed" and "consent_missing" in gate["reasons"])

        def erased():
            return {one["id"]: one["state"] for one in instance().platform("GET", f"/v1/sessions/{self.session}").json["recordings"]}[recording] == "erased"
        client.until("it is erased", erased)
        self.problem(self.coach.call("GET", f"/v1/party/recordings/{recording}/tracks/coach"), "erased")
        self.assertFalse((instance().home / "recordings" / recording).exists())
        mine = [one for one in self.coach.call("GET", "/v1/party/recordings").json["recordings"] if one["id"] == recording][0]
        if "certificate" in mine:
            self.assertEqual(recording, fmt.check_receipt(mine["certificate"], vkey())["recording"])
        events.close()
