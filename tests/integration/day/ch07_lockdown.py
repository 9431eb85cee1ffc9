"""Day 19, later: a laptop is stolen. One command shuts everything; two admins bring the key back; the incident is told."""
import os
import pathlib

import aparte_client as client
import bad_disk
import forensics
import model
from ch04_withdrawals import withdraw
from ch06_backup import kek
from story import PASSPHRASES


def in_memory(pid, needle):
    """Does the process hold these bytes anywhere it can read?"""
    with open(f"/proc/{pid}/mem", "rb", 0) as memory:
        for line in pathlib.Path(f"/proc/{pid}/maps").read_text().splitlines():
            span, rights, *rest = line.split()
            if "r" not in rights or rest[-1:] in (["[vvar]"], ["[vsyscall]"]):
                continue
            start, end = (int(part, 16) for part in span.split("-"))
            try:
                memory.seek(start)
                if needle in memory.read(end - start):
                    return True
            except OSError:
                continue
    return False


def lock(story):
    """R28: staff, persons' playbacks and the key itself, at once."""
    staff, key = story.staff("a3"), kek(story)
    searched = os.getuid() == 0
    assert not searched or in_memory(bad_disk.vault_process(story.instance), key), "the search sees the vault's memory"
    state = story.cli("lockdown", "--reason", "a laptop was stolen", "--admin", "admin", "--json")
    assert (state["locked"], state["sealed"]) == (True, True), state
    story.kept["locked"] = story.clock.now()
    assert staff.call("GET", "/v1/accesses").error == "lockdown"
    assert story.plays("a01") == "lockdown"
    assert not (story.instance.home / "vault/kek").exists()
    assert forensics.found([key], story.instance.home, story.backups, story.journal) == []
    assert not searched or not in_memory(bad_disk.vault_process(story.instance), key)


def rights_go_on(story):
    """R7, R18: a withdrawal erases, key or no key."""
    withdraw(story, "a14", "coachee", "recording")
    story.programme.erase("a14", story.clock.now(), "withdrawal")
    client.until("a14's certificate", lambda: story.held("a14").get("certificate"), 30)


def lift(story, admin, words, fails=False):
    return story.cli("lockdown", "lift", "--admin", admin, "--passphrase-fd", "0", "--json", words=words + "\n", fails=fails)


def unlock(story):
    """R28: not by a wrong passphrase, not by one admin; by two, and the key that was typed in is turned over."""
    lift(story, "admin", "not this one at all", fails=True)
    assert lift(story, "admin", PASSPHRASES["admin"])["locked"]
    assert not lift(story, "admin2", PASSPHRASES["admin2"])["locked"]
    turned = client.until("a new key", lambda: next((one for one in story.admin("GET", "/v1/turnovers")["turnovers"]
                                                     if one["cause"] == "lockdown" and one["state"] == "done"), None), 60)
    assert turned and story.plays("a01") == b"\x1aE\xdf\xa3"


def incident(story):
    """R28: 72 hours from when it was known, and who was affected."""
    [one] = story.cli("incident", "list", "--json", "--admin", "admin")["incidents"]
    assert one["lockdown"] and model.parse(one["due"]) - model.parse(one["aware"]) == 72 * model.HOUR, one
    assert abs(model.parse(one["aware"]) - story.kept["locked"]) < 60_000, one
    report = story.cli("incident", "report", one["id"], "--from", model.text(story.clock.at(9)), "--json", "--admin", "admin")
    seen = {row["recording"] for row in report["recordings"]}
    assert {story.meeting("a03").recording, story.meeting("a12").recording} <= seen, report
    assert "coachee-nord-a03" in {person["person"] for person in report["persons"]}, report
    closed = story.cli("incident", "close", one["id"], "--outcome", "no-risk", "--reason", "the disk was encrypted", "--json",
                       "--admin", "admin")
    assert closed["state"] == "closed" and model.parse(closed["closed"]) < model.parse(one["due"]), closed


def chapter(story):
    lock(story)
    rights_go_on(story)
    unlock(story)
    incident(story)
    story.clock.settle()
    story.agrees(terms=True)
