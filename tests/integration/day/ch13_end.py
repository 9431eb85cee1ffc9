"""The end: the log verifies from the first day to the last, every clock was right, and nothing readable remains."""
import base64
import json

import aparte_client as client
import aparte_format as fmt
import forensics
import model
from ch01_beginning import STAFF


def log(story):
    """R6: whole, as a saved copy too, offline, seen by a witness through all those years, and one with the checkpoint of the first day, whatever name it bears by now."""
    story.cli("ledger", "verify")
    saved = story.place / "log"
    story.witnessed()
    story.cli("ledger", "save", saved)
    story.cli("ledger", "verify", "--log", saved, "--vkey", story.kept["vkey"], "--witness", story.witness.vkey)
    story.cli("ledger", "verify", "--log", saved, "--vkey", story.kept["older vkey"], fails=True)
    first, now = story.kept["first checkpoint"], story.instance.vault_call("GET", "/v1/ledger/checkpoint").body.decode()
    sizes, roots = zip(*((int(note.split("\n")[1]), base64.b64decode(note.split("\n")[2])) for note in (first, now)), strict=True)
    proof = story.instance.vault_call("GET", f"/v1/ledger/consistency?from={sizes[0]}&to={sizes[1]}").json
    fmt.check_consistency(*sizes, *roots, [base64.b64decode(part) for part in proof["hashes"]])
    fmt.check_checkpoint(now, story.kept["vkey"])


def nothing_remains(story):
    """R19, R22, R40: no bytes, no shares, no names; not in the instance, and after the horizon in no backup either."""
    assert story.programme.living() == set() and list((story.instance.home / "recordings").iterdir()) == []
    told = story.cli("backup", "--json")
    assert told["proof"]["living"] == 0, told
    staff = {user.get("party_id") for user in STAFF.values()}  # an account of one who still works here
    traces = [trace.encode() for meeting in story.meetings.values() for trace in meeting.traces() if trace not in staff]
    ids = [meeting.session.encode() for meeting in story.meetings.values()]
    story.clock.go(story.clock.now() + 8 * model.DAY)  # what rewritten pages still held goes within a day, old parts in seven
    client.until("no file has a trace of them", lambda: forensics.found([*traces, *ids], story.instance.home / "vault") == [], 30)

    def in_backups():
        return [path for path, data in forensics.opened_parts(story.backups, story.operator) for trace in traces if trace in data]
    client.until("no part of a backup has one", lambda: not in_backups(), 60, 1)
    for owners in (forensics.owners(meeting) for meeting in story.meetings.values() if meeting.recording):
        assert forensics.shares(forensics.copied(story.instance.home / "vault/keys.db", story.place / "keys-end"), owners) == []


def no_secret_was_told(story):
    """No token, password or passphrase, no person's name and none of a platform's ids for them, in the logs of all those years."""
    texts = [path.read_text(errors="replace") for home in (story.instance.home, story.place / "lost") for path in (home / "run").glob("*.log")]
    words = [*story.secrets, *(trace for meeting in story.meetings.values() for trace in meeting.traces())]
    assert texts and not [word for word in words for text in texts if word in text]


def hooks(story):
    """R41: signed, at least once, of what happened and to whom it belongs; no person is named."""
    assert story.listener.wrong == [], story.listener.wrong
    for name, recording in story.programme.recordings.items():
        if recording.tenant != "nord":
            continue
        kinds = {event["type"] for event in story.listener.of("nord") if event["data"].get("recording") == story.meeting(name).recording}
        assert {"recording.started", "recording.sealed", "recording.erased"} <= kinds, (name, kinds)
    kinds = {event["type"] for event in story.listener.of("nord")}
    assert {"session.created", "session.ended", "consent.changed", "gate.opened", "gate.closed", "request.created", "request.due",
            "request.extended", "request.refused", "request.done", "request.lifted", "erasure.ordered", "erasure.unrecoverable"} <= kinds, kinds
    assert len(story.listener.of("sud", "tenant.left")) == 1 and not story.listener.of("nord", "tenant.left")
    text = json.dumps(story.listener.told)
    assert not [trace for meeting in story.meetings.values() for trace in meeting.traces() if trace in text]


def in_order(story):
    """Every request was answered, every hold is over, every incident closed; the doctor finds nothing bad."""
    report = story.cli("doctor", "--json", "--admin", "admin")
    assert not [check for check in report["checks"] if check["state"] == "bad"], report
    metrics = story.metrics()
    assert [metrics[name] for name in ("erasures_open", "accesses_open", "log_healthy", "clock_frozen", "lockdown")] == [0, 0, 1, 0, 0]
    holds = story.admin("GET", "/v1/holds")["holds"]
    assert not [hold for hold in holds if hold["state"] == "in_force"], holds
    assert all(one["state"] == "closed" for one in story.admin("GET", "/v1/incidents")["incidents"])
    client.until("no webhook waits", lambda: story.metrics()["webhooks_waiting"] == 0, 30)


def chapter(story):
    log(story)
    nothing_remains(story)
    no_secret_was_told(story)
    hooks(story)
    in_order(story)
