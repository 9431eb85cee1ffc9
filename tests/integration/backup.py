#!/usr/bin/python3
"""R22: a backup of the running instance, and a restore of it to another home, by the real programs and the stock age tool.

One story, in order of names: two recordings, a backup, one of them erased, the key turned over, another backup; then the
instance is lost, and what lived comes back and plays while what was erased does not, from the older backup neither.
"""
import json
import os
import pathlib
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "testlib"))
import aparte_client as client  # noqa: E402
import bad_disk  # noqa: E402


def age(identity, path):
    return subprocess.run(["age", "-d", "-i", identity, path], capture_output=True, check=True).stdout


class Backup(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.place = pathlib.Path(tempfile.mkdtemp(prefix="aparte-backup-"))
        cls.place.chmod(0o755)
        cls.addClassCleanup(shutil.rmtree, cls.place, ignore_errors=True)
        cls.directory, cls.journal, cls.operator = cls.place / "backup", cls.place / "journal", cls.place / "operator.key"
        subprocess.run(["age-keygen", "-o", cls.operator], check=True, capture_output=True)
        cls.recipient = subprocess.run(["age-keygen", "-y", cls.operator], check=True, capture_output=True, text=True).stdout.strip()
        cls.settings = {"gateway.rate_per_minute": 100000, "storage.floor_mib": 64, "backup.directory": cls.directory,
                        "backup.journal": cls.journal, "backup.recipient": cls.recipient}
        cls.instance = client.Instance(cls.settings, cls.make_directories)
        cls.addClassCleanup(cls.instance.stop)
        cls.kept = {}

    @classmethod
    def make_directories(cls, instance):
        for path in (cls.directory, cls.journal):
            path.mkdir(mode=0o700)
            if os.getuid() == 0:
                shutil.chown(path, "aparte-vault", "aparte-vault")

    def tearDown(self):
        if self._outcome.result.errors or self._outcome.result.failures:
            print("".join(f"    {line}\n" for line in self.instance.log().splitlines()[-12:]), flush=True)

    def aparte(self, *arguments, fails=False, env=None):
        done = subprocess.run([self.instance.bin / "aparte", *arguments], env=env or self.instance.env, capture_output=True,
                              text=True, timeout=120)
        self.assertEqual(fails, done.returncode != 0, f"{arguments}: {done.stdout}{done.stderr}{self.instance.log()[-2000:]}")
        return done.stderr if fails else done.stdout

    def record(self):
        call = bad_disk.Call(self.instance)
        try:
            recording = call.under_way(2)
            call.end()
            client.until("sealed", lambda: {"id": recording, "state": "sealed"} in call.recordings(), 30)
            return recording
        finally:
            call.close()

    def track(self, recording, name, env=None):
        """The coach's WebM, by our export and the stock age tool."""
        out = self.place / f"{name}-{recording}"
        self.aparte("export", "--recording", recording, "--identity", f"{out}.key", "--segments", out, "--reason", "test",
                    "--admin", "admin", env=env)
        numbers = sorted(int(path.stem) for path in (out / "coach").glob("*.age"))
        return b"".join(age(f"{out}.key", out / f"coach/{n}.age") for n in numbers)

    def parts(self, kind):
        return sorted((self.directory / kind).glob("*.json"))

    def test_10_two_recordings_and_a_backup_with_its_proof(self):
        for name in ("erased", "living"):
            self.kept[name] = self.record()
        self.kept["webm"] = self.track(self.kept["living"], "before")
        self.assertEqual(b"\x1aE\xdf\xa3", self.kept["webm"][:4])
        told = json.loads(self.aparte("backup", "--json"))
        self.assertEqual((True, True, 2, []), (told["last"]["ok"], told["proof"]["ok"], told["proof"]["living"], told["proof"]["problems"]))
        self.assertEqual((1, 1), (len(self.parts("vault")), len(self.parts("keys"))))

    def test_11_the_stock_age_tool_opens_it(self):
        part = json.loads(self.parts("vault")[-1].read_text())
        whole = self.place / "vault.db"
        whole.write_bytes(age(self.operator, self.parts("vault")[-1].with_suffix(".age")))
        database = sqlite3.connect(whole)
        self.assertEqual(("ok",), database.execute("PRAGMA integrity_check").fetchone())
        self.assertEqual((part["log_size"],), database.execute("SELECT count(*) FROM leaf").fetchone())
        database.close()
        keys = age(self.operator, self.parts("keys")[-1].with_suffix(".age"))
        magic, rest = keys.split(b"\n", 1)
        self.assertEqual(b"aparte/key-part/v1", magic)
        self.assertEqual((self.instance.home / "vault/kek").read_bytes(), rest[:32])
        self.assertEqual(b"SQLite format 3\0", rest[32:48])

    def test_12_doctor_restores_it_to_a_scratch_place(self):
        done = bad_disk.run(self.instance, "doctor", "--json")
        report = json.loads(done.stdout)
        checks = {check["check"]: check for check in report["checks"]}
        self.assertEqual("good", checks["backup"]["state"], checks["backup"])
        self.assertIn("2 recordings open", checks["backup"]["detail"])
        self.assertEqual("good", checks["journal"]["state"])
        self.assertEqual(2, report["backup"]["proof"]["living"])
        self.assertFalse((self.instance.home / "vault/proof").exists())

    def test_20_one_is_erased_the_key_turns_over_and_a_backup_follows(self):
        self.kept["old"] = (self.instance.home / "vault/kek").read_bytes()
        shutil.copytree(self.directory, self.place / "older")
        certificate = json.loads(self.aparte("erase", "--recording", self.kept["erased"], "--reason", "asked", "--admin", "admin"))
        self.assertIn("erased", certificate["body"])
        self.assertIn(self.kept["erased"], (self.journal / "journal").read_text())
        self.aparte("rotate", "--reason", "test", "--admin", "admin")
        client.until("the new key", lambda: (self.instance.home / "vault/kek").read_bytes() != self.kept["old"], 20)
        client.until("a key part", lambda: len(self.parts("keys")) == 2, 20)
        self.aparte("backup")
        self.assertFalse((self.directory / "recordings" / self.kept["erased"]).exists())

    def test_21_the_old_key_lies_nowhere_that_the_system_controls(self):
        old = self.kept["old"]
        found = [path for top in (self.instance.home, self.directory, self.journal) for path in top.rglob("*")
                 if path.is_file() and (old in path.read_bytes() or old.hex().encode() in path.read_bytes().lower())]
        self.assertEqual([], found)

    def lose(self):
        self.aparte("serve", "--stop")

    def restored(self, name, source, *more, settings=None):
        home = self.place / name
        env = dict(self.instance.env, APARTE_HOME=str(home))
        self.aparte("init", env=env)
        was, self.instance.home = self.instance.home, home
        self.instance.configure({**self.settings, **(settings or {})})
        self.instance.home = was
        told = json.loads(self.aparte("restore", "--from", source, "--identity", self.operator, "--to", home, "--json", *more))
        return env, told

    def served(self, env, what):
        self.aparte("serve", "--detach", env=env)
        try:
            client.until("the vault is ready", self.instance.vault_ready, 20)
            what()
        finally:
            self.aparte("serve", "--stop", env=env)

    def test_30_what_lived_comes_back_and_plays(self):
        self.lose()
        env, told = self.restored("new", self.directory, "--journal", self.journal)
        self.assertEqual((1, 0, 0, []), (told["living"], told["broken"], told["frozen"], told["problems"]))

        def look():
            self.assertEqual(self.kept["webm"], self.track(self.kept["living"], "after", env=env))
            refused = self.aparte("export", "--recording", self.kept["erased"], "--identity", self.place / "no.key", "--reason", "test",
                                  "--admin", "admin", fails=True, env=env)
            self.assertIn("erased", refused)
            self.aparte("ledger", "verify", env=env)
        self.served(env, look)

    def test_31_the_older_backup_does_not_bring_the_erased_one_back(self):
        env, told = self.restored("older-home", self.place / "older", "--journal", self.journal)
        self.assertEqual((1, 1, True), (told["living"], told["erased_again"], told["log_continued"]))
        self.assertRegex(told["origin"], r"/aparte/log/[2-9]$")

        def look():
            self.assertEqual(self.kept["webm"], self.track(self.kept["living"], "older", env=env))
            self.aparte("export", "--recording", self.kept["erased"], "--identity", self.place / "no.key", "--reason", "test",
                        "--admin", "admin", fails=True, env=env)
        self.served(env, look)

    def test_32_without_a_journal_everything_is_frozen(self):
        fresh = self.place / "fresh-journal"
        fresh.mkdir(mode=0o700)
        if os.getuid() == 0:
            shutil.chown(fresh, "aparte-vault", "aparte-vault")
        env, told = self.restored("frozen", self.place / "older", "--no-journal", settings={"backup.journal": fresh})
        self.assertGreaterEqual(told["frozen"], 2)

        def look():
            options = ("--recording", self.kept["living"], "--identity", self.place / "frozen.key", "--reason", "test", "--admin", "admin")
            self.assertIn("frozen", self.aparte("export", *options, fails=True, env=env))
            self.assertIn("reason", self.aparte("restore", "release", "--admin", "admin", fails=True, env=env))
            self.aparte("restore", "release", "--reason", "both persons were asked", "--admin", "admin", env=env)
            self.aparte("export", *options, env=env)
        self.served(env, look)

    def test_33_it_says_what_is_wrong(self):
        other = self.place / "other.key"
        subprocess.run(["age-keygen", "-o", other], check=True, capture_output=True)
        home = self.place / "wrong"
        env = dict(self.instance.env, APARTE_HOME=str(home))
        options = ("restore", "--from", self.directory, "--journal", self.journal, "--to", home, "--identity")
        self.assertIn("aparte init", self.aparte(*options, other, fails=True))
        self.aparte("init", env=env)
        self.assertIn("not for this identity", self.aparte(*options, other, fails=True))
        self.assertIn("not empty", self.aparte(*options[:6], self.place / "new", "--identity", self.operator, fails=True))
        self.assertFalse((home / "vault/vault.db").exists())


if __name__ == "__main__":
    if not shutil.which("age-keygen"):
        print("skipped: the age tool is not installed")
        sys.exit(77)
    unittest.main(verbosity=2, failfast=True)
