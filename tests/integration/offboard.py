#!/usr/bin/python3
"""R30: a platform leaves a running instance. Its export is opened by the stock age tool and its recordings play; then everything
of it is erased with one certificate, verified offline; the other platform notices nothing.

    APARTE_BIN=build/dev/bin offboard.py
"""
import csv
import datetime
import io
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest
import zipfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "testlib"))
import aparte_client as client  # noqa: E402
import bad_disk  # noqa: E402

NAMES = ("Nordine Einmalig", "Solveig Unicum")
REFERENCE = "programme-nord-4711"


def age(identity, path):
    return subprocess.run(["age", "-d", "-i", identity, path], capture_output=True, check=True).stdout


def streams(path):
    out = subprocess.run(["ffprobe", "-v", "error", "-show_entries", "stream=codec_type", "-of", "csv=p=0", path], capture_output=True,
                         check=True, text=True).stdout
    return sorted(out.split())


class Leaving(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.place = pathlib.Path(tempfile.mkdtemp(prefix="aparte-offboard-"))
        cls.addClassCleanup(shutil.rmtree, cls.place, ignore_errors=True)
        cls.key, cls.export = cls.place / "leaver.key", cls.place / "export"
        subprocess.run(["age-keygen", "-o", cls.key], check=True, capture_output=True)
        cls.recipient = subprocess.run(["age-keygen", "-y", cls.key], check=True, capture_output=True, text=True).stdout.strip()
        cls.instance = client.Instance({"gateway.rate_per_minute": 100000, "storage.floor_mib": 64, "retention.scan_seconds": 1})
        cls.addClassCleanup(cls.instance.stop)
        cls.kept = {}

    def tearDown(self):
        if self._outcome.result.errors or self._outcome.result.failures:
            print("".join(f"    {line}\n" for line in self.instance.log().splitlines()[-15:]), flush=True)

    def aparte(self, *arguments, admin="admin", fails=False):
        done = subprocess.run([self.instance.bin / "aparte", *map(str, arguments), "--admin", admin], env=self.instance.env,
                              capture_output=True, text=True, timeout=120)
        self.assertEqual(fails, done.returncode != 0, f"{arguments}: {done.stdout}{done.stderr}{self.instance.log()[-2000:]}")
        return done.stderr if fails else done.stdout

    def record(self, key, **changes):
        """A sealed recording of the platform with that API key."""
        body, was = client.Instance.session_body, self.instance.demo["api_key"]
        self.instance.demo["api_key"] = key
        self.instance.session_body = lambda **more: body(self.instance, **{**changes, **more})
        try:
            call = bad_disk.Call(self.instance)
            try:
                recording = call.under_way(2)
                call.end()
                client.until("sealed", lambda: {"id": recording, "state": "sealed"} in call.recordings(), 30)
                return recording, call
            finally:
                call.close()
        finally:
            self.instance.demo["api_key"] = was
            del self.instance.session_body

    def status(self):
        return json.loads(self.aparte("tenant", "status", "nord", "--json"))

    def test_10_two_platforms_with_recordings(self):
        self.aparte("user", "add", "second", "--role", "admin")
        self.aparte("conduct", "record", "second")
        self.aparte("tenant", "add", "nord")
        self.kept["api_key"] = key = self.aparte("tenant", "key", "nord").strip()
        persons = {"reference": REFERENCE, "coach": {"id": "n-1", "name": NAMES[0]}, "coachee": {"id": "n-2", "name": NAMES[1]}}
        self.kept["first"], call = self.record(key, **persons)
        refused = call.coachee.consent(call.coachee.decide("ConsentRefused", ["quality"]))
        self.assertEqual(201, refused.status, refused)
        self.kept["held"], _ = self.record(key, **persons, sensitivity="protected")
        self.kept["other"], _ = self.record(self.instance.demo["api_key"])
        ends = (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=30)).strftime("%Y-%m-%dT%H:%M:%SZ")
        proposal = json.loads(self.aparte("hold", "add", self.kept["held"], "--ground", "art. 17(3)(e)", "--ends", ends, "--reason", "a dispute",
                                          "--json"))["proposal"]
        self.kept["hold"] = json.loads(self.aparte("hold", "confirm", proposal, "--json", admin="second"))["id"]

    def test_20_two_admins_order_it(self):
        proposal = json.loads(self.aparte("tenant", "offboard", "nord", "--recipient", self.recipient, "--reason", "the contract ended", "--json"))
        self.assertIn("another admin", self.aparte("tenant", "offboard", "nord", "--confirm", proposal["proposal"], fails=True))
        self.aparte("tenant", "offboard", "nord", "--confirm", proposal["proposal"], admin="second")
        refused = self.instance.platform("POST", "/v1/sessions", self.instance.session_body(), token=self.kept["api_key"])
        self.assertEqual(401, refused.status, refused)
        self.assertIn("leaves", self.aparte("tenant", "key", "nord", fails=True))
        self.assertEqual(201, self.instance.platform("POST", "/v1/sessions", self.instance.session_body()).status)
        self.assertIn("export it first", self.aparte("tenant", "erase", "nord", admin="second", fails=True))

    def test_30_an_export_that_is_killed_goes_on(self):
        command = [self.instance.bin / "aparte", "tenant", "export", "nord", "--to", self.export, "--admin", "admin"]
        begun = subprocess.Popen(command, env=self.instance.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        client.until("a recording is there", lambda: list(self.export.glob("recordings/*/identities.age")), 30, 0.005)
        begun.kill()
        begun.wait()
        before = {path: path.stat().st_mtime_ns for path in self.export.glob("recordings/*/identities.age")}
        stale = self.export / "recordings" / "00000000-0000-4000-8000-000000000000"
        stale.mkdir()
        (stale / "identities.age").write_text("of one that was erased since")
        told = self.aparte("tenant", "export", "nord", "--to", self.export)
        self.assertIn("2 recordings", told)
        self.assertFalse(stale.exists())
        self.assertEqual(before, {path: path.stat().st_mtime_ns for path in before}, "what was whole is not fetched again")
        self.assertIn("not empty", self.aparte("tenant", "export", "nord", "--to", self.place, fails=True))
        self.assertEqual("exported", self.status()["state"])
        self.assertFalse(list((self.instance.home / "vault/offboard").glob("*")))

    def test_31_the_stock_tools_open_it_and_every_recording_plays(self):
        subprocess.run(["sha256sum", "--quiet", "-c", "SHA256SUMS"], cwd=self.export, check=True)
        listed = {line.split("  ", 1)[1] for line in (self.export / "SHA256SUMS").read_text().splitlines()}
        files = {str(path.relative_to(self.export)) for path in self.export.rglob("*") if path.is_file()}
        self.assertEqual(files - {"SHA256SUMS"}, listed)
        self.assertEqual(self.status()["export_sha256"],
                         subprocess.run(["sha256sum", self.export / "SHA256SUMS"], capture_output=True, text=True, check=True).stdout.split()[0])
        out = self.place / "opened"
        subprocess.run(["sh", self.export / "open.sh", self.key, out], check=True)
        wanted = {f"{self.kept[name]}-{role}.webm" for name in ("first", "held") for role in ("coach", "coachee")}
        self.assertEqual(wanted, {path.name for path in out.iterdir()})
        for path in out.iterdir():
            self.assertEqual(["audio", "video"], streams(path))
            subprocess.run(["ffmpeg", "-v", "error", "-xerror", "-i", path, "-f", "null", "-"], check=True, timeout=60)
        self.assertNotIn(NAMES[0].encode(), b"".join(path.read_bytes() for path in self.export.rglob("*") if path.is_file()))

    def test_32_the_data_are_there_without_who_refused(self):
        """R34: of decisions only what was given."""
        with zipfile.ZipFile(io.BytesIO(age(self.key, self.export / "data.age"))) as data:
            self.assertIsNone(data.testzip())
            names = data.namelist()
            whole = b"".join(data.read(name) for name in names)
            sessions = list(csv.DictReader(io.StringIO(data.read("sessions.csv").decode(), newline="")))
            coachees = [json.loads(data.read(name)) for name in names if name.endswith("/coachee.json")]
            recordings = [one for name in names if name.endswith("/recordings.json") for one in json.loads(data.read(name))["recordings"]]
            receipt = next(data.read(name) for name in names if "/receipts/" in name)
        self.assertEqual([REFERENCE] * 2, [row["reference"] for row in sessions])
        self.assertEqual({NAMES[1]}, {copy["person"]["name"] for copy in coachees})
        self.assertNotIn(b"ConsentRefused", whole)
        self.assertEqual({"ConsentUnknown"}, {copy["consents"]["quality"] for copy in coachees})
        self.assertTrue(all(len(copy["statements"]) == 1 for copy in coachees), "what was given")
        self.assertEqual({self.kept["first"], self.kept["held"]}, {one["recording"] for one in recordings})
        self.assertTrue(all(one["manifest"] and one["manifest_signature"] for one in recordings))
        path = self.place / "receipt.json"
        path.write_bytes(receipt)
        self.verify(path)

    def verify(self, path):
        if "vkey" not in self.kept:
            self.kept["vkey"] = self.instance.vault_call("GET", "/v1/ledger/key").body.decode().strip()
        done = bad_disk.run(self.instance, "ledger", "verify", "--receipt", path, "--vkey", self.kept["vkey"], "--json")
        self.assertEqual(0, done.returncode, done.stderr)
        return json.loads(done.stdout)

    def test_40_the_held_one_waits_and_a_killed_vault_goes_on(self):
        self.assertIn("another admin", self.aparte("tenant", "erase", "nord", fails=True))
        self.aparte("tenant", "erase", "nord", admin="second")
        told = client.until("the first is erased", lambda: (now := self.status())["recordings_erased"] == 1 and now, 20)
        self.assertEqual(("erasing", [(self.kept["held"], "held", "art. 17(3)(e)")]),
                         (told["state"], [(one["recording"], one["why"], one["ground"]) for one in told["waiting"]]))
        self.assertIn("art. 17(3)(e)", self.aparte("tenant", "status", "nord"))
        bad_disk.kill_vault(self.instance)
        client.until("the vault is back", self.instance.vault_ready, 30)
        self.assertEqual("erasing", self.status()["state"])
        self.aparte("hold", "lift", self.kept["hold"], "--reason", "settled")
        self.aparte("hold", "lift", self.kept["hold"], "--reason", "settled", admin="second")
        client.until("all of it is erased", lambda: self.status()["certificate"], 30)
        self.assertEqual("erased", self.status()["state"])
        left = {path.parent.parent.name for path in (self.instance.home / "recordings").rglob("*.age")}
        self.assertEqual({self.kept["other"]}, left)

    def test_41_the_certificate_has_two_parts(self):
        path = self.place / "certificate.json"
        path.write_text(self.aparte("tenant", "certificate", "nord"))
        first = self.verify(path)
        body = json.loads(first["body"])
        self.assertEqual(("tenant_erased", 2, self.status()["export_sha256"]), (body["event"], body["recordings"], body["export_sha256"]))
        self.assertGreater(body["proofs_until"], body["erased_at"])
        self.assertNotIn("unrecoverable_at", first)
        self.aparte("rotate", "--reason", "a platform left")
        client.until("the second part", lambda: "turnover" in json.loads(self.aparte("tenant", "certificate", "nord")), 20)
        path.write_text(self.aparte("tenant", "certificate", "nord"))
        self.assertEqual(json.loads(path.read_text())["unrecoverable_at"], self.verify(path)["unrecoverable_at"])

    def test_42_nothing_of_it_is_left_and_the_other_plays(self):
        self.assertEqual(0, bad_disk.run(self.instance, "serve", "--stop").returncode)
        for word in (*NAMES, REFERENCE):
            found = [str(path) for path in self.instance.home.rglob("*") if path.is_file() and word.encode() in path.read_bytes()]
            self.assertEqual([], found, word)
        self.assertEqual(0, bad_disk.run(self.instance, "serve", "--detach").returncode)
        client.until("the vault is ready", self.instance.vault_ready, 20)
        out = self.place / "other"
        self.aparte("export", "--recording", self.kept["other"], "--identity", f"{out}.key", "--segments", out, "--reason", "test")
        numbers = sorted(int(path.stem) for path in (out / "coach").glob("*.age"))
        (self.place / "other.webm").write_bytes(b"".join(age(f"{out}.key", out / f"coach/{n}.age") for n in numbers))
        self.assertEqual(["audio", "video"], streams(self.place / "other.webm"))
        self.assertEqual(201, self.instance.platform("POST", "/v1/sessions", self.instance.session_body()).status)
        self.assertEqual(0, bad_disk.run(self.instance, "ledger", "verify").returncode)


if __name__ == "__main__":
    if not all(map(shutil.which, ("age-keygen", "ffprobe", "ffmpeg"))):
        print("skipped: the age tool or ffmpeg is not installed")
        sys.exit(77)
    unittest.main(verbosity=2, failfast=True)
