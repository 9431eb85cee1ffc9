"""The world of the day in the life: one instance, its clock, the programme's people, and what chapters remember for later ones."""
import json
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import time

import aparte_client as client
import aparte_format as fmt
import bad_disk
import model
from listener import Listener
from witness import Witness

ADMINS = ("admin", "admin2")
PASSPHRASES = {"admin": "four candles on the window sill", "admin2": "a bicycle painted in two colours"}


class Clock:
    """The vault's wall clock, put ahead of this machine's; persons and staff follow it."""

    def __init__(self, story):
        self.story = story
        self.begun = self.now()

    def now(self):
        return round((time.time() + client.Ahead.seconds) * 1000)

    def at(self, day):
        return self.begun + round(day * model.DAY)

    def date(self):
        return model.text(self.now())[:10]

    def put(self, ms):
        """Only the clock: what the vault makes of it is another matter."""
        path = self.story.instance.home / "vault/test-clock"
        client.Ahead.seconds = ms / 1000 - time.time()
        fresh = path.with_suffix(".new")
        fresh.write_text(str(round(client.Ahead.seconds * 1000)))
        fresh.chmod(0o644)
        if os.getuid() == 0:
            owner = path.parent.stat()
            os.chown(fresh, owner.st_uid, owner.st_gid)
        fresh.rename(path)
        client.until("the vault reads the time", lambda: abs(self.told() - self.now()) < 60_000, 20, 0.02)

    def told(self):
        return model.parse(self.story.admin("GET", "/v1/clock")["time"])

    def go(self, ms, confirm=True):
        """Time goes on to then, and what is due happens; a leap of more than ten days is confirmed, as an admin would."""
        assert ms >= self.now() - model.HOUR, f"back in time, to {model.text(ms)} from {model.text(self.now())}"
        far = ms - self.now() > 9 * model.DAY
        since = max(ms, self.now())
        leaps = since - self.now() > 2000
        self.put(since)
        if far and confirm:
            self.story.admin("POST", "/v1/clock/confirm", {})
        self.story.programme.pass_until(self.now())
        self.settle(since // 1000 if leaps else None)

    def settle(self, since=None):
        """A whole scan by that time, or one that begins later than this, has been, and no erasure is under way."""
        since = since or self.now() // 1000 + 1

        def done():
            told = self.story.metrics()
            return told["retention_scanned_seconds"] >= since and told["erasures_open"] == 0
        client.until("what is due is done", done, 60)


class Meeting:
    """One session of the programme, as its platform and its two persons have it."""

    def __init__(self, name, tenant, policy="default", coach=("recording",), coachee=("recording",), sensitivity="standard",
                 refuses=(), shut=None, minor=()):
        self.name, self.tenant, self.policy, self.sensitivity = name, tenant, policy, sensitivity
        self.gives = {"coach": coach, "coachee": coachee}
        self.refuses, self.shut, self.minor = refuses, shut, minor
        self.session = self.recording = None
        self.parties, self.receipts, self.statements = {}, [], []

    def body(self):
        def person(role):
            return {"id": f"{role}-{self.tenant}-{self.name}", "name": f"{role.title()} {self.name.title()}",
                    "locale": {"coach": "fr", "coachee": "en"}[role], "minor": role in self.minor}
        return {"reference": f"ref-{self.tenant}-{self.name}", "coach": person("coach"), "coachee": person("coachee"),
                "policy": self.policy, "sensitivity": self.sensitivity, "e2ee": "off"}

    @property
    def coach(self):
        return self.parties["coach"]

    @property
    def coachee(self):
        return self.parties["coachee"]

    def recorded(self):
        return self.shut is None

    def ids(self):
        """The platform's own of its two persons."""
        body = self.body()
        return [body[role]["id"] for role in ("coach", "coachee")]

    def traces(self):
        """What names its two persons or itself to a reader of files."""
        body = self.body()
        return [body["reference"], *(body[role][part] for role in ("coach", "coachee") for part in ("id", "name"))]


class Story:
    def __init__(self):
        self.place = pathlib.Path(tempfile.mkdtemp(prefix="aparte-day-"))
        self.place.chmod(0o755)
        self.backups, self.journal, self.operator = self.place / "backup", self.place / "journal", self.place / "operator.key"
        subprocess.run(["age-keygen", "-o", self.operator], check=True, capture_output=True)
        recipient = subprocess.run(["age-keygen", "-y", self.operator], check=True, capture_output=True, text=True).stdout.strip()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.witness = Witness("witness.example/day", port)
        self.settings = {"witness.list": f"{self.witness.vkey} {self.witness.url}/", "witness.interval_seconds": 1,
                         "witness.allow_http": "true", "gateway.rate_per_minute": 1000000, "storage.floor_mib": 64, "storage.label": "eu-fr",
                         "retention.jump_seconds": 864000, "operator.controller_name": "Programme",
                         "webhooks.allow_http": "true",
                         "webhooks.private_hosts": "127.0.0.1", "backup.directory": self.backups,
                         "backup.journal": self.journal, "backup.recipient": recipient}
        self.instance = self.media = self.listener = None
        self.programme = model.Programme()
        self.meetings, self.keys, self.kept, self.staff_users, self.secrets = {}, {}, {}, {}, []
        try:
            self.instance = client.Instance(self.settings, self.make_directories)
            self.clock = Clock(self)
            self.media = bad_disk.Media()
            self.listener = Listener()
        except BaseException:
            self.stop()
            raise

    def make_directories(self, instance):
        for path in (self.backups, self.journal):
            path.mkdir(mode=0o700)
            if os.getuid() == 0:
                shutil.chown(path, "aparte-vault", "aparte-vault")

    def stop(self):
        for one in (self.media, self.listener, self.instance, self.witness):
            if one:
                one.stop()
        if not os.environ.get("APARTE_KEEP"):
            shutil.rmtree(self.place, ignore_errors=True)

    # ---- asking ----

    def admin(self, method, path, body=None, admin="admin", status=(200, 201, 202, 204)):
        """One call at the admin socket; its JSON."""
        answer = self.instance.admin_call(method, path, body, admin)
        assert answer.status in (status if isinstance(status, tuple) else (status,)), f"{method} {path}: {answer}"
        return answer.json

    def refused(self, name, method, path, body=None, admin="admin"):
        answer = self.instance.admin_call(method, path, body, admin)
        assert answer.error == name, f"{method} {path}: {answer}, not {name}"
        return answer

    def cli(self, *arguments, words=None, fails=False, env=None):
        done = subprocess.run([self.instance.bin / "aparte", *map(str, arguments)], env=env or self.instance.env, text=True,
                              capture_output=True, timeout=300, input=words)
        assert fails == (done.returncode != 0), f"aparte {arguments}: {done.returncode} {done.stdout}{done.stderr}"
        if fails:
            return done.stderr
        return json.loads(done.stdout) if "--json" in arguments else done.stdout

    def platform(self, tenant, method, path, body=None):
        return self.instance.platform(method, path, body, token=self.keys[tenant])

    def metrics(self):
        text = self.instance.vault_call("GET", "/metrics").body.decode()
        pairs = (line.removeprefix("aparte_").split(" ") for line in text.splitlines() if not line.startswith("#"))
        return {name: float(value) for name, value in pairs}

    def staff(self, name):
        """That member of staff, logged in at the present time."""
        return client.Staff(self.instance, self.staff_users[name]).login()

    def meeting(self, name):
        return self.meetings[name]

    def path(self, name):
        return f"/v1/recordings/{self.meetings[name].recording}"

    def held(self, name, role="coach"):
        """The recording as its person sees it."""
        answer = self.meetings[name].parties[role].call("GET", "/v1/party/recordings")
        assert answer.status == 200, answer
        return answer.json["recordings"][0]

    def certificate(self, name):
        return self.admin("GET", f"/v1/erasures/{self.meetings[name].recording}")

    def plays(self, name, role="coachee"):
        """The first bytes of a track as the person gets them, or the name of the refusal."""
        answer = self.meetings[name].coach.call("GET", f"/v1/party/recordings/{self.meetings[name].recording}/tracks/{role}",
                                                headers={"Range": "bytes=0-3"})
        return answer.body if answer.status == 206 else answer.error

    # ---- comparing ----

    def states(self):
        """Of every recording, as an admin sees it."""
        names = {meeting.recording: name for name, meeting in self.meetings.items() if meeting.recording}
        listed = self.admin("GET", "/v1/recordings")["recordings"]
        return {names[one["id"]]: one["state"] for one in listed if one["id"] in names}

    def agrees(self, terms=False):
        """Model and system say the same of every recording; with `terms`, of every end of every purpose too."""
        now = self.clock.now()
        said, told = self.programme.states(now), self.states()
        differ = {name: (said[name], told.get(name, "forgotten")) for name in said
                  if said[name] != told.get(name, "erased" if said[name] == "erased" else "forgotten")}
        assert not differ, f"at {model.text(now)} the model and the system differ: {differ}"
        on_disk = {path.name for path in (self.instance.home / "recordings").iterdir()}
        wanted = {self.meetings[name].recording for name in self.programme.living()}
        assert on_disk == wanted, f"on disk {on_disk - wanted} too many, {wanted - on_disk} too few"
        for name in self.programme.living() if terms else ():
            self.terms_agree(name)

    def terms_agree(self, name):
        told = self.admin("GET", f"{self.path(name)}/terms")
        recording = self.programme.recordings[name]
        dates = {"expires": recording.expires, "archives": recording.archives}
        assert {part: told[part] for part in dates} == {part: model.text(ms) for part, ms in dates.items()}, (name, told, recording)
        for row in told["purposes"]:
            end, archive = recording.terms[row["purpose"]]
            assert (row["ends"], row["archives"]) == (model.text(end), model.text(archive)), (name, row, recording)
            assert row["given"] == (row["purpose"] in recording.both()), (name, row)

    def verify(self, receipt, fails=False, key="vkey"):
        """`aparte ledger verify` of one receipt or certificate, with the log's key as it was pinned; and by our own means."""
        path = self.place / "receipt.json"
        path.write_text(json.dumps(receipt))
        told = self.cli("ledger", "verify", "--receipt", path, "--vkey", self.kept[key], "--json", fails=fails)
        if not fails:
            fmt.check_receipt(receipt, self.kept[key])
        return told

    def witnessed(self):
        """The witness has seen the log as it is now."""
        def seen():
            size = int(self.instance.vault_call("GET", "/v1/ledger/checkpoint").body.decode().split("\n")[1])
            return self.witness.size_of(self.kept["vkey"]) == size
        client.until("the witness saw it all", seen, 60)

    def log(self):
        return self.instance.log()
