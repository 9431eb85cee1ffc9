"""Day 66: the platform `sud` leaves. It takes its data along; then nothing of it is left but proofs under lock."""
import json
import subprocess

import aparte_client as client
import forensics
import model
import passing


def tenant(story, *arguments, admin="admin", fails=False):
    return story.cli("tenant", *arguments, "--admin", admin, fails=fails)


def status(story):
    return tenant(story, "status", "sud", "--json")


def order(story):
    """R30: by two admins, for a key of the leaver's own; from here on no session of theirs begins."""
    key = story.place / "leaver.key"
    subprocess.run(["age-keygen", "-o", key], check=True, capture_output=True)
    recipient = subprocess.run(["age-keygen", "-y", key], check=True, capture_output=True, text=True).stdout.strip()
    wish = tenant(story, "offboard", "sud", "--recipient", recipient, "--reason", "the contract ended", "--json")
    tenant(story, "offboard", "sud", "--confirm", wish["proposal"], fails=True)
    tenant(story, "offboard", "sud", "--confirm", wish["proposal"], admin="admin2")
    client.until("the last event of theirs", lambda: story.listener.of("sud", "tenant.left"), 30)
    body = story.meeting("b03").body()
    assert story.platform("sud", "POST", "/v1/sessions", body).status == 401
    assert story.platform("nord", "GET", f"/v1/sessions/{story.meeting('a03').session}").status == 200


def export(story):
    """R21, R25, R30: all recordings and data of theirs, whole by their own list, opened by stock tools with their key alone."""
    directory, out = story.place / "export", story.place / "opened"
    tenant(story, "export", "sud", "--to", directory)
    subprocess.run(["sha256sum", "--quiet", "-c", "SHA256SUMS"], cwd=directory, check=True)
    subprocess.run(["sh", directory / "open.sh", story.place / "leaver.key", out], check=True, capture_output=True)
    wanted = {f"{story.meeting(name).recording}-{role}.webm" for name in ("b03", "b05") for role in ("coach", "coachee")}
    assert {path.name for path in out.iterdir()} == wanted
    assert all(path.read_bytes()[:4] == b"\x1aE\xdf\xa3" for path in out.iterdir())
    taken = [one for one in story.admin("GET", "/v1/accesses")["accesses"] if one["recording"] == story.meeting("b03").recording]
    assert taken and taken[0]["purpose"] == "export", taken


def erase(story):
    """R19, R30: everything, by another hand than the one that exported; one certificate, in two parts once the key turned."""
    tenant(story, "erase", "sud", fails=True)
    tenant(story, "erase", "sud", admin="admin2")
    for name in ("b03", "b05"):
        story.programme.erase(name, story.clock.now(), "offboarding")
    client.until("all of it is erased", lambda: status(story)["certificate"], 60)
    story.clock.settle()
    certificate = json.loads(tenant(story, "certificate", "sud"))
    body = json.loads(certificate["body"])
    assert (body["event"], body["export_sha256"]) == ("tenant_erased", status(story)["export_sha256"]), body
    story.kept["proofs until"] = model.parse(body["proofs_until"])
    story.cli("rotate", "--reason", "a platform left", "--admin", "admin")
    certificate = client.until("its second part", lambda: (now := json.loads(tenant(story, "certificate", "sud"))).get("turnover") and now, 60)
    at = model.parse(certificate["unrecoverable_at"])
    assert at <= story.clock.now() + 7 * model.DAY, certificate
    story.verify(certificate)
    story.kept["left"] = certificate


def nothing_left(story):
    """R30, R41: of names and references no file has a trace, of the platform's own ids for its persons only vault.db, by which
    they read their receipts until the proofs end; the other platform's are where they were."""
    left = [meeting for meeting in story.meetings.values() if meeting.tenant == "sud"]
    gone = [trace.encode() for meeting in left for trace in meeting.traces() if trace not in meeting.ids()]
    passing.until(story, story.clock.at(67.5))  # within a day the database is written anew, without what its pages still held
    client.until("no file has a trace of them", lambda: forensics.found(gone, story.instance.home) == [], 30)
    ids = [one.encode() for meeting in left for one in meeting.ids()]
    assert {path.name for path in forensics.found(ids, story.instance.home)} <= {"vault.db", "vault.db-wal"}
    assert forensics.found([story.meeting("a03").body()["coach"]["id"].encode()], story.instance.home / "vault")
    story.agrees(terms=True)
    assert story.plays("a03") == b"\x1aE\xdf\xa3"


def chapter(story):
    order(story)
    export(story)
    erase(story)
    nothing_left(story)
