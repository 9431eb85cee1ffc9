"""Day 19: a backup, an erasure, a new key. What was erased cannot be had from the older backup and the present key."""
import json
import shutil

import aparte_client as client
import forensics
import model
from ch05_rights import read


def kek(story):
    return (story.instance.home / "vault/kek").read_bytes()


def back_up(story, name):
    """R22: proven by restoring, every living recording opens; a copy of it is put aside, as a thief would."""
    told = story.cli("backup", "--json")
    assert told["last"]["ok"] and told["proof"]["ok"] and told["proof"]["problems"] == [], told
    assert told["proof"]["living"] == len(story.programme.living()), (told, story.programme.living())
    shutil.copytree(story.backups, story.place / name)


def wrapped(story, name, meeting):
    return forensics.shares(forensics.copied(story.instance.home / "vault/keys.db", story.place / name), forensics.owners(story.meeting(meeting)))


def erase(story, name):
    """R19: by an admin, with a reason; the certificate waits for the key."""
    story.kept["old rows"] = wrapped(story, "keys-before", name)
    assert {row[1] for row in story.kept["old rows"]} == {1, 2, 3}
    story.kept["old kek"] = kek(story)
    assert all(forensics.opens(row, story.kept["old kek"], story.meeting(name)) for row in story.kept["old rows"])
    story.cli("erase", "--recording", story.meeting(name).recording, "--reason", "asked by letter", "--admin", "admin")
    story.programme.erase(name, story.clock.now(), "admin")
    assert "unrecoverable_at" not in story.certificate(name)


def turn(story, name):
    """R19: the old key goes; the certificate says from when on no backup helps, at most the horizon away."""
    story.cli("rotate", "--reason", "after an erasure", "--admin", "admin")
    assert kek(story) != story.kept["old kek"]
    certificate = story.certificate(name)
    at = model.parse(certificate["unrecoverable_at"])
    assert story.clock.now() - model.HOUR < at <= story.clock.now() + 7 * model.DAY, certificate
    story.kept["beyond"] = at
    story.verify(certificate)
    body, turnover = json.loads(certificate["body"]), json.loads(certificate["turnover"]["body"])
    assert (body["kek_id"], turnover["unrecoverable_at"]) == (turnover["kek_id"], certificate["unrecoverable_at"]), (body, turnover)


def attack(story, name):
    """R22: old wrapped shares under the present key, and a copy of all there is now: nothing opens. A living one's do."""
    rows, present = story.kept["old rows"], kek(story)
    assert not any(forensics.opens(row, present, story.meeting(name)) for row in rows)
    assert wrapped(story, "keys-after", name) == []
    living = wrapped(story, "keys-after", "a03")
    assert len(living) == 3 and all(forensics.opens(row, present, story.meeting("a03")) for row in living)
    assert forensics.found([row[5] for row in rows], story.instance.home, story.journal) == []
    assert forensics.found([story.kept["old kek"]], story.instance.home, story.backups, story.journal) == []


def chapter(story):
    story.clock.go(story.clock.at(19))
    story.agrees(terms=True)
    back_up(story, "b1")
    story.kept["living at b1"] = story.programme.living()
    erase(story, "a13")
    turn(story, "a13")
    attack(story, "a13")
    client.until("the backup that follows a turnover", lambda: json.loads(
        story.instance.admin_call("GET", "/v1/backups").body)["last"]["ok"], 60)
    back_up(story, "b2")
    assert not (story.backups / "recordings" / story.meeting("a13").recording).exists()
    story.agrees()
    assert read(story, "a02", "coachee", story.kept["access"])["state"] == "open"
