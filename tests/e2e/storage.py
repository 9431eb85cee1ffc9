#!/usr/bin/python3
"""The vault's disk fails under a recorded call: a running instance on tests/testlib/faultfs.c. One story, in order of names.

What is asserted of every failure: both are told within moments, with a reason that names the disk or the log; not one
packet of the call is lost; withdrawals are answered; when the disk is good again recording goes on by itself.
"""
import hashlib
import http.client
import pathlib
import re
import sqlite3
import sys
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "testlib"))
import aparte_client as client  # noqa: E402
import bad_disk  # noqa: E402

SOON = 2.5  # s: half a second between two looks and a tick, on a machine that does other things too
FLOOR_MIB = 64
DISK_REASONS = {"storage", "ledger"}


def closed(gate):
    return gate["state"] == "closed" and DISK_REASONS & set(gate["reasons"])


class Storage(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.disk = bad_disk.Disk()
        cls.instance = client.Instance({"gateway.rate_per_minute": 100000, "storage.floor_mib": FLOOR_MIB,
                                        "webhooks.private_hosts": "127.0.0.1"}, cls.disk)
        cls.addClassCleanup(cls.disk.stop)
        cls.addClassCleanup(cls.instance.stop)
        cls.call = bad_disk.Call(cls.instance)
        cls.addClassCleanup(cls.call.close)
        cls.supervisor = bad_disk.supervisor(cls.instance)
        cls.kept = {}

    def tearDown(self):
        self.disk.rules()
        if self._outcome.result.errors or self._outcome.result.failures:
            print("".join(f"    {line}\n" for line in self.instance.log().splitlines()[-12:]), flush=True)

    def opened(self):
        self.call.open()
        return client.until("a recording", lambda: [r["id"] for r in self.call.recordings() if r["state"] == "recording"])[-1]

    def fails(self, *rules, seconds=SOON, meanwhile=lambda: None):
        """The gate closes for the disk while these rules hold, the call goes on, and afterwards all is as before."""
        self.opened()
        mark = self.call.mark()
        with self.call.unharmed():
            with self.disk.failing(*rules):
                gates, took = self.call.told(mark, closed, seconds)
                print(f"    told after {took:.2f} s: {gates[0]['reasons']}", flush=True)
                # With a dead disk under its databases the vault may know nothing to answer, which a page takes as closed.
                self.assertEqual("closed", self.call.coach.me().get("gate", {"state": "closed"})["state"])
                meanwhile()
            self.opened()
        self.assertTrue(any(self.disk.struck), "the rules struck")

    # ---- what fails, and is told ----

    def test_10_segments_cannot_be_written(self):
        def capture_failed():
            """It writes what it has when the gate closes: with a disk that is good again by then nothing would be lost."""
            client.until("the capture's write fails", lambda: "capture_failed" in self.instance.log())
        self.kept["first"] = self.call.under_way()
        self.fails("write recordings/* errno=EIO", meanwhile=capture_failed)
        client.until("what was recorded is sealed", lambda: {"id": self.kept["first"], "state": "sealed"} in self.call.recordings())

    def test_11_segments_cannot_be_synced(self):
        self.fails("fsync recordings/* errno=EIO")

    def test_12_names_cannot_be_made_or_taken_away(self):
        self.fails("create * errno=EIO", "unlink * errno=EIO", "rename * errno=EIO", "mkdir * errno=EIO", "open * errno=EIO")

    def test_13_the_disk_became_read_only(self):
        self.fails(*[f"{what} * errno=EROFS" for what in ("write", "create", "unlink", "rename", "mkdir", "truncate")])

    def test_14_the_disk_is_full_half_way_in_a_write(self):
        self.fails("write recordings/*.tmp short times=1", "write recordings/*.tmp errno=ENOSPC after=1", seconds=8)
        self.fails("write * errno=ENOSPC")

    def test_15_the_databases_disk_dies(self):
        self.fails("* vault/* errno=EIO")

    def test_16_each_fsync_takes_seconds(self):
        self.fails("fsync * delay=4000", seconds=8)

    def test_17_free_space_reaches_the_floor_before_the_disk_is_full(self):
        mark = self.call.mark()
        self.opened()
        with self.disk.failing(f"write nothing room={(FLOOR_MIB << 20) - 4096}"):
            gates, took = self.call.told(mark, lambda gate: gate["reasons"] == ["storage"], SOON)
            print(f"    told after {took:.2f} s")
            time.sleep(1)
            self.assertEqual(["storage"], self.call.coach.gate()["reasons"], "it stays closed")
            report = self.instance.admin_call("GET", "/v1/doctor").json
            told = {check["check"]: check for check in report["checks"]}["storage"]
            self.assertEqual("bad", told["state"])
            self.assertRegex(told["detail"], r"floor .*(free|more) .*space")
        self.opened()

    def test_18_short_writes_are_no_failure(self):
        self.opened()
        mark = self.call.mark()
        with self.disk.failing("write recordings/* short one-in=2"):
            now = self.call.under_way(2)
        self.assertEqual([[], []], [[d for n, d in e.seen[m:] if n == "gate"] for e, m in zip(self.call.events, mark)])
        self.kept["short"] = now

    # ---- consents and withdrawals meanwhile ----

    def give_again(self):
        self.call.give()
        self.opened()

    def withdraw(self, limit, body=None):
        """The coachee withdraws; answered in time, closed for both."""
        body = body or self.call.coachee.decide()
        begun = time.monotonic()
        answer = self.call.coachee.consent(body)
        took = time.monotonic() - begun
        print(f"    answered after {took:.2f} s: {answer.json.get('evidence', 'receipt')}", flush=True)
        self.assertEqual(201, answer.status, answer)
        self.assertLess(took, limit)
        self.assertEqual("closed", self.call.coach.gate()["state"])
        self.assertIn("consent_missing", self.call.coach.gate()["reasons"])

    def withdrawn_for_good(self, recording):
        client.until("erased", lambda: {"id": recording, "state": "erased"} in self.call.recordings(), 20)
        self.assertEqual("ConsentWithdrawn", self.call.coachee.me()["consents"]["recording"])
        self.assertFalse((self.instance.home / "recordings" / recording).exists())

    def test_20_a_withdrawal_while_all_writing_fails(self):
        recording, body = self.call.under_way(1), self.call.coachee.decide()
        with self.disk.failing("write * errno=EIO", "fsync * errno=EIO", "create * errno=EIO"):
            self.withdraw(4, body)
        self.withdrawn_for_good(recording)

    def test_21_a_withdrawal_on_a_full_disk_outlives_the_vault(self):
        self.give_again()
        recording, body = self.call.under_way(1), self.call.coachee.decide()
        with self.disk.failing("write vault/*.db* errno=ENOSPC", "write recordings/* errno=ENOSPC", "create * errno=ENOSPC"):
            self.withdraw(4, body)
            bad_disk.kill_vault(self.instance)
            time.sleep(0.5)
        client.until("the vault is back", self.instance.ready, 60)
        self.withdrawn_for_good(recording)

    def test_22_a_withdrawal_while_a_segment_hangs(self):
        self.give_again()
        recording = self.call.under_way(1)
        with self.disk.failing("fsync recordings/* delay=4000"):
            time.sleep(2)
            self.withdraw(2)
        self.withdrawn_for_good(recording)

    def test_23_a_withdrawal_while_the_main_thread_hangs_in_a_commit(self):
        self.give_again()
        recording = self.call.under_way(1)
        body = {"url": "https://127.0.0.1:9/", "events": ["recording.sealed"]}
        with self.disk.failing("fsync vault/vault.db-wal delay=4000 times=1"):
            hanging = threading.Thread(target=self.instance.platform, args=("PUT", "/v1/webhooks/slow", body))
            hanging.start()
            time.sleep(0.5)
            self.withdraw(3)
            hanging.join()
        self.withdrawn_for_good(recording)

    def test_24_a_withdrawal_while_another_process_holds_the_database(self):
        self.give_again()
        recording = self.call.under_way(1)
        other = sqlite3.connect(self.instance.home / "vault/vault.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with self.call.unharmed():
            self.withdraw(4)
            answer = self.call.coachee.consent(self.call.coachee.give())
            self.assertEqual((503, "vault-unavailable"), (answer.status, answer.error))
        other.execute("ROLLBACK")
        other.close()
        self.withdrawn_for_good(recording)

    def test_25_a_give_that_could_not_be_kept_is_no_consent(self):
        body = self.call.coachee.give()
        with self.disk.failing("write vault/*.db* errno=ENOSPC"):
            answer = self.call.coachee.consent(body)
            self.assertEqual((503, "vault-unavailable"), (answer.status, answer.error))
            self.assertRegex(answer.json["detail"], "disk|again")
            self.assertNotIn("Sam", answer.body.decode())
        self.assertNotEqual("ConsentGiven", self.call.coachee.me()["consents"]["recording"])

    def test_26_a_give_that_was_answered_outlives_the_vault(self):
        self.call.give(parties=[self.call.coachee])
        bad_disk.kill_vault(self.instance)
        client.until("the vault is back", self.instance.ready, 60)
        self.assertEqual("ConsentGiven", self.call.coachee.me()["consents"]["recording"])
        self.opened()
        self.kept["last"] = self.call.under_way(2)

    # ---- what is played ----

    def track(self, recording, role="coach", headers=None):
        access = self.supervisor.call("POST", f"/v1/recordings/{recording}/accesses",
                                      {"purpose": "supervision", "reason": "storage test"})
        self.assertEqual(201, access.status, access)
        return self.supervisor.call("GET", f"/v1/recordings/{recording}/tracks/{role}?access={access.json['id']}", headers=headers)

    def export(self, recording):
        out = self.instance.place / f"out-{time.monotonic_ns()}"
        return bad_disk.run(self.instance, "export", "--recording", recording, "--identity", f"{out}.key", "--segments", out,
                            "--reason", "test", "--admin", "admin"), out

    def test_30_what_was_recorded_before_and_between_plays(self):
        self.call.end()
        self.instance.admin_call("POST", "/v1/grants", {"recording": self.kept["last"], "supervisor": "supervisor",
                                                        "purpose": "supervision", "expires": client.now(3600)})
        whole = self.track(self.kept["last"])
        self.assertEqual((200, "video/webm"), (whole.status, whole.media), whole)
        self.kept["sha256"] = hashlib.sha256(whole.body).hexdigest()
        self.kept["size"] = len(whole.body)
        exported, _ = self.export(self.kept["last"])
        self.assertEqual(0, exported.returncode, exported.stderr)

    def spoiled(self, number, change):
        """The segment's bytes, changed on the disk itself; gives a way back."""
        path = self.disk.back / "recordings" / self.kept["last"] / "coach" / f"{number}.age"
        was = path.read_bytes()
        change(path, was)
        self.addCleanup(path.write_bytes, was)

    def refused(self, answer):
        self.assertEqual((500, "segment-altered"), (answer.status, answer.error), answer)
        self.assertRegex(answer.json["detail"], "restore|disk")

    def test_31_an_altered_first_segment_is_a_problem_and_no_byte(self):
        self.spoiled(0, lambda path, was: path.write_bytes(was[:-9] + bytes([was[-9] ^ 1]) + was[-8:]))
        self.refused(self.track(self.kept["last"]))
        exported, out = self.export(self.kept["last"])
        self.assertEqual(1, exported.returncode)
        self.assertIn("restore it from a backup", exported.stderr)
        self.assertFalse((out / "coach/0.age").exists())

    def test_32_a_stream_ends_where_the_damage_begins(self):
        self.spoiled(2, lambda path, was: path.write_bytes(was[:len(was) // 2]))
        try:
            got = self.track(self.kept["last"])
            self.refused(got)
        except http.client.IncompleteRead as cut:
            self.assertLess(len(cut.partial), self.kept["size"])
        head = self.track(self.kept["last"], headers={"Range": "bytes=0-99"})
        self.assertEqual((206, 100), (head.status, len(head.body)))

    def test_33_a_missing_segment_and_one_that_cannot_be_read(self):
        self.spoiled(1, lambda path, was: path.unlink())
        self.refused(self.track(self.kept["last"]))
        with self.disk.failing("read recordings/*/0.age errno=EIO"):
            self.refused(self.track(self.kept["last"]))

    def test_34_mended_it_plays_again(self):
        whole = self.track(self.kept["last"])
        self.assertEqual(self.kept["sha256"], hashlib.sha256(whole.body).hexdigest())

    # ---- afterwards ----

    def test_40_nothing_stays_unsealed_and_the_log_is_whole(self):
        client.until("sealed or erased", lambda: {r["state"] for r in self.call.recordings()} <= {"sealed", "erased"}, 40)
        verified = bad_disk.run(self.instance, "ledger", "verify")
        self.assertEqual(0, verified.returncode, verified.stdout + verified.stderr)

    def test_41_nothing_is_left_behind(self):
        kept = {r["id"] for r in self.call.recordings() if r["state"] != "erased"}
        lying = {path.name for path in (self.disk.back / "recordings").iterdir()}
        self.assertLessEqual(lying, kept | {".probe"})
        self.assertEqual([], list((self.disk.back / "recordings").glob("*/*/*.tmp")))

    def test_42_the_log_says_what_to_do_and_names_nobody(self):
        log = self.instance.log()
        self.assertRegex(log, r"recording_stopped .*advice=")
        self.assertRegex(log, r"disk recordings=failing")
        secrets = [self.call.coach.token, self.call.coachee.token, "Claire", "Sam Okafor", "AGE-SECRET-KEY"]
        self.assertEqual([], [secret for secret in secrets if re.search(re.escape(secret), log)])


if __name__ == "__main__":
    bad_disk.own_mounts()
    unittest.main(verbosity=2)
