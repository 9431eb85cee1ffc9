#!/usr/bin/python3
"""The vault is started over a disk or databases that are not what it left: refused with words, or no gate; nothing is
mended in silence, nothing is lost, and what was there is there again once the trouble is over.
"""
import hashlib
import os
import pathlib
import signal
import sqlite3
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "testlib"))
import aparte_client as client  # noqa: E402
import bad_disk  # noqa: E402


class Start(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.disk = bad_disk.Disk()
        cls.instance = client.Instance({"gateway.rate_per_minute": 100000, "storage.floor_mib": 0}, cls.disk)
        cls.addClassCleanup(cls.disk.stop)
        cls.addClassCleanup(cls.instance.stop)
        cls.session, cls.coach, cls.coachee = cls.instance.session()
        answer = cls.coach.consent(cls.coach.give())
        assert answer.status == 201, answer
        cls.halt()
        cls.vault = cls.disk.back / "vault"

    @classmethod
    def halt(cls):
        bad_disk.run(cls.instance, "serve", "--stop")

    def setUp(self):
        self.saved = {path: path.read_bytes() for path in self.vault.rglob("*") if path.is_file()}
        self.owner = {path: path.stat() for path in self.saved}
        self.addCleanup(self.restore)

    def restore(self):
        """Everything as it was before the test, by the operator's hand."""
        self.disk.rules()
        self.halt()
        for path in self.vault.rglob("*"):
            if path.is_file() and path not in self.saved:
                path.unlink()
        for path, was in self.saved.items():
            path.write_bytes(was)
            os.chown(path, self.owner[path].st_uid, self.owner[path].st_gid)
            path.chmod(0o600)

    def serve(self):
        return bad_disk.run(self.instance, "serve", "--detach")

    def stops_its_log(self):
        """It serves, as `aparte serve` in the foreground does, but signs and records nothing; then it is ended."""
        path = self.instance.place / "foreground.log"
        with open(path, "w", encoding="utf-8") as log:
            server = subprocess.Popen([self.instance.bin / "aparte", "serve"], env=self.instance.env, stdout=log, stderr=log)
        try:
            client.until("the vault serves", self.answers, 20)
            self.assertIn("ledger_stopped advice=", path.read_text())
            self.assertFalse(self.instance.vault_ready())
            client.until("the gateway is linked", lambda: "gate" in (self.coach.me() or {}), 10)
            self.assertIn("ledger", self.coach.gate()["reasons"])
            told = {check["check"]: check for check in self.instance.admin_call("GET", "/v1/doctor").json["checks"]}
            self.assertEqual("bad", told["log"]["state"])
            answer = self.coachee.consent(self.coachee.decide("ConsentRefused"))
            self.assertEqual(201, answer.status, "a refusal is taken all the same")
        finally:
            server.terminate()
            server.wait(30)

    def is_refused(self, words, untouched=("vault.db", "keys.db", "kek")):
        """No start, the words say what to do, and not a byte was changed."""
        before = {name: self.digest(name) for name in untouched}
        done = self.serve()
        self.assertNotEqual(0, done.returncode)
        self.assertRegex(done.stdout + done.stderr, words)
        self.assertEqual(before, {name: self.digest(name) for name in untouched})
        self.assertFalse(self.answers())

    def digest(self, name):
        path = self.vault / name
        return hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else None

    def answers(self):
        try:
            return self.instance.vault_call("GET", "/healthz").status == 200
        except OSError:
            return False

    def starts_with_all_there(self):
        done = self.serve()
        self.assertEqual(0, done.returncode, done.stderr)
        self.assertEqual("ConsentGiven", self.coach.me()["consents"]["recording"])
        verified = bad_disk.run(self.instance, "ledger", "verify")
        self.assertEqual(0, verified.returncode, verified.stdout + verified.stderr)

    def test_01_as_it_was_left(self):
        self.starts_with_all_there()

    def spoil(self, name, offset, length=64):
        path = self.vault / name
        with open(path, "r+b") as file:
            file.seek(offset)
            was = file.read(length)
            file.seek(offset)
            file.write(bytes(byte ^ 0xff for byte in was))

    def test_02_a_database_whose_first_page_is_damaged(self):
        for name in ("vault.db", "keys.db"):
            with self.subTest(name):
                self.spoil(name, 0)
                self.is_refused("damaged.*restore vault/ from a backup")
                self.restore()

    def test_03_a_database_with_a_damaged_page_inside(self):
        for name in ("vault.db", "keys.db"):
            with self.subTest(name):
                size = (self.vault / name).stat().st_size
                for page in range(1, size // 4096):
                    self.spoil(name, page * 4096, 8)
                self.is_refused("damaged.*restore vault/ from a backup")
                self.restore()

    def test_04_a_database_cut_in_the_middle(self):
        path = self.vault / "vault.db"
        os.truncate(path, path.stat().st_size // 8192 * 4096)
        self.is_refused("damaged.*restore vault/ from a backup")

    def test_05_keys_or_their_key_are_missing(self):
        for name, words in (("keys.db", "keys.db is missing.*restore vault/ from a backup"), ("kek", "key-encryption key")):
            with self.subTest(name):
                (self.vault / name).unlink()
                self.is_refused(words)
                self.assertFalse((self.vault / name).exists(), "nothing was made in its place")
                self.restore()

    def test_06_the_log_was_put_back(self):
        """A log that is behind what keys.db knows was signed."""
        database = sqlite3.connect(self.vault / "vault.db")
        database.execute("DELETE FROM leaf WHERE idx = (SELECT max(idx) FROM leaf)")
        database.execute("DELETE FROM node WHERE level = 0 AND idx > (SELECT max(idx) FROM leaf)")
        database.commit()
        database.close()
        self.stops_its_log()

    def test_07_a_leaf_was_altered(self):
        for change in ("UPDATE leaf SET body = replace(body, 'ConsentGiven', 'ConsentTaken') WHERE body LIKE '%ConsentGiven%'",
                       "UPDATE leaf SET leaf = CAST(x'0101' || zeroblob(32) AS BLOB) WHERE idx = 2",
                       "UPDATE node SET hash = zeroblob(32) WHERE level = 0 AND idx = 1",
                       "DELETE FROM leaf WHERE idx = 1"):
            with self.subTest(change):
                database = sqlite3.connect(self.vault / "vault.db")
                self.assertEqual(1, database.execute(change).rowcount)
                database.commit()
                database.close()
                self.stops_its_log()
                self.restore()

    def test_08_a_write_ahead_log_cut_after_a_crash(self):
        """What was answered stood in it; the databases know of each other, so the loss is seen."""
        self.assertEqual(0, self.serve().returncode)
        answer = self.coachee.consent(self.coachee.give())
        self.assertEqual(201, answer.status, answer)
        launcher = int((self.instance.home / "run/serve.pid").read_text().split()[0])
        vault = bad_disk.vault_process(self.instance)
        os.kill(launcher, signal.SIGKILL)
        os.kill(vault, signal.SIGKILL)
        time.sleep(1)
        self.assertGreater((self.vault / "vault.db-wal").stat().st_size, 4096)
        os.truncate(self.vault / "vault.db-wal", 100)
        self.stops_its_log()

    def test_09_another_process_holds_a_database(self):
        other = sqlite3.connect(self.instance.home / "vault/vault.db", isolation_level=None)
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        self.is_refused("another process holds a database", untouched=("kek",))
        other.execute("ROLLBACK")
        other.close()
        self.starts_with_all_there()

    def test_10_a_disk_that_is_read_only_or_full(self):
        for error in ("EROFS", "EIO"):
            with self.subTest(error):
                self.disk.rules(*[f"{what} vault/* errno={error}" for what in ("open", "write", "create", "unlink")])
                self.is_refused("see to (its disk|the disk of vault/)")
                self.disk.rules()
        self.starts_with_all_there()


if __name__ == "__main__":
    bad_disk.own_mounts()
    unittest.main(verbosity=2)
