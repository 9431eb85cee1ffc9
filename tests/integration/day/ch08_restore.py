"""Day 19, in the evening: the machine is lost. From backup and journal what lived comes back, and nothing else does."""
import os
import pathlib
import shutil
import signal

import aparte_client as client
from ch04_withdrawals import withdraw
from ch06_backup import back_up

ORIGIN = "127.0.0.1/aparte/log/"


def lose(story):
    """A person withdraws after the last backup; then everything dies at once, and the disk is gone."""
    back_up(story, "b3")
    withdraw(story, "a15", "coachee", "recording")
    story.programme.erase("a15", story.clock.now(), "withdrawal")
    client.until("a15's certificate", lambda: story.held("a15").get("certificate"), 30)  # so the journal has it
    launcher = int((story.instance.home / "run/serve.pid").read_text().split()[0])
    children = [int(pid) for pid in pathlib.Path(f"/proc/{launcher}/task/{launcher}/children").read_text().split()]
    for pid in (launcher, *children):
        os.kill(pid, signal.SIGKILL)
    client.until("all are dead", lambda: not any(pathlib.Path(f"/proc/{pid}/exe").exists() for pid in (launcher, *children)), 20)
    story.instance.home.rename(story.place / "lost")


def restored(story, home, source):
    """`aparte init` and `aparte restore` on another machine's disk, whose clock is right."""
    env = dict(story.instance.env, APARTE_HOME=str(home))
    story.cli("init", env=env)
    was, story.instance.home = story.instance.home, home
    try:
        story.instance.configure(story.settings)
        shutil.copy(story.place / "lost/vault/test-clock", home / "test-clock")
    finally:
        story.instance.home = was
    return story.cli("restore", "--from", source, "--journal", story.journal, "--identity", story.operator, "--to", home, "--json", env=env)


def older(story):
    """R22: the older backup, of before an erasure, a turnover and two withdrawals, does not bring those three back."""
    gone = story.kept["living at b1"] - story.programme.living()
    assert gone == {"a13", "a14", "a15"}, gone
    told = restored(story, story.place / "from-b1", story.place / "b1")
    assert (told["living"], told["frozen"]) == (len(story.programme.living()), 0), told
    assert (told["erased_again"], told["withdrawn_again"]) == (1, 2), told
    assert {path.name for path in (story.place / "from-b1/recordings").iterdir()} == \
        {story.meeting(name).recording for name in story.programme.living()}


def newest(story):
    """R22: what lived plays again, what was withdrawn after the backup stays gone by the journal alone."""
    told = restored(story, story.instance.home, story.backups)
    assert (told["living"], told["frozen"], told["problems"]) == (len(story.programme.living()), 0, []), told
    assert (told["erased_again"], told["withdrawn_again"]) == (0, 1) and told["log_continued"], told
    shutil.copy(story.place / "lost/vault/test-clock", story.instance.home / "vault/test-clock")
    story.instance.cli("serve", "--detach")
    client.until("the vault is ready", story.instance.vault_ready, 30)
    story.clock.settle()
    story.agrees(terms=True)
    for name in sorted(story.programme.living()):
        recording = story.programme.recordings[name]
        assert story.plays(name) == b"\x1aE\xdf\xa3", (name, story.plays(name), recording)
    for name in ("a13", "a14", "a15", "a10", "c01"):
        assert story.plays(name) == "erased", name


def log_goes_on(story):
    """R6, R22: under a name of its own, whose first leaf says where the old one ended; both keys are pinned from now on."""
    vkey = story.instance.vault_call("GET", "/v1/ledger/key").body.decode().strip()
    assert vkey.startswith(f"{ORIGIN}2+"), vkey
    story.kept["older vkey"], story.kept["vkey"] = story.kept["vkey"], vkey
    story.witness.trust(vkey)
    story.witnessed()
    story.cli("ledger", "verify")
    story.cli("rotate", "--reason", "the restore operator had it in hand", "--admin", "admin")
    story.verify(story.meeting("a03").receipts[0], key="older vkey")


def chapter(story):
    lose(story)
    older(story)
    newest(story)
    log_goes_on(story)
    report = story.cli("doctor", "--json", "--admin", "admin")
    assert not [check for check in report["checks"] if check["state"] == "bad"], report
