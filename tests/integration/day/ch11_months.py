"""Days 66 to 440: reviews, the end of the hold, a decision; the last recording goes, and long after it who saw what."""
import json

import aparte_client as client
import model
import passing
from ch05_rights import read
from ch09_terms import told


def review(story):
    """R11: what nobody confirmed ends by itself; everybody else is confirmed by another hand than their own."""
    passing.until(story, story.clock.at(101))
    items = {one["item"]: one for one in story.admin("GET", "/v1/review")["items"]}
    [unconfirmed] = [name for name in items if name.startswith("grant:")]
    assert items[unconfirmed]["recording"] == story.meeting("a03").recording, items
    for admin, names in (("admin", [name for name in items if name != "user:admin"]), ("admin2", ["user:admin"])):
        story.admin("POST", "/v1/review/confirm", {"items": [name for name in names if name != unconfirmed]}, admin)
    story.refused("role", "POST", "/v1/review/confirm", {"items": ["user:admin"]})
    passing.until(story, model.parse(items[unconfirmed]["expires"]) - model.HOUR)
    assert open_grants(story) == {story.meeting("a03").recording}
    passing.until(story, model.parse(items[unconfirmed]["expires"]) + model.HOUR)
    client.until("the grant ended", lambda: open_grants(story) == set(), 20)
    assert story.staff("s1").call("GET", "/v1/recordings").json["recordings"] == []


def open_grants(story):
    now = story.clock.now()
    return {one["recording"] for one in story.admin("GET", "/v1/grants")["grants"]
            if "revoked" not in one and model.parse(one["expires"]) > now}


def restart(story):
    """The guard of the clock holds across a stop; from here on reviews are of another scale than years."""
    story.cli("serve", "--stop")
    story.instance.configure({"access.review_days": 3650})
    story.instance.cli("serve", "--detach")
    client.until("the vault is ready", story.instance.vault_ready, 30)
    story.clock.settle()


def hold_ends(story):
    """R20: the day after the hold's end what was asked for meanwhile is done, without another word."""
    end = story.programme.recordings["a07"].held_until
    passing.until(story, end - 2 * model.HOUR)
    assert read(story, "a07", "coachee", story.kept["held"])["state"] == "extended" and "a07" in story.programme.living()
    passing.until(story, end + 2 * model.HOUR)
    client.until("the request is done", lambda: read(story, "a07", "coachee", story.kept["held"])["state"] == "done", 30)
    assert json.loads(story.held("a07")["certificate"]["body"])["cause"] == "request"
    told(story, "recording.erased", story.meeting("a07").recording)


def decided(story):
    """R16: the file was examined; two months later nothing needs the recording any more, unless another purpose does."""
    passing.until(story, story.clock.at(150))
    terms = story.admin("POST", f"{story.path('a04')}/decision", {})
    story.programme.decide("a04", model.parse(terms["decided"]))
    story.agrees(terms=True)
    assert story.programme.recordings["a04"].expires < model.add_months(story.clock.now(), 3)
    story.refused("conflict", "POST", f"{story.path('a04')}/decision", {})


def forgotten(story):
    """R12, R16: while a recording lives, who saw it is known; a year after an access to an erased one it is not."""
    passing.until(story, story.clock.at(230))
    assert story.programme.living() == set()
    client.until("the last one is gone", lambda: not list((story.instance.home / "recordings").iterdir()), 30)
    accesses = story.admin("GET", "/v1/accesses")["accesses"]
    assert {story.meeting("a03").recording, story.meeting("a12").recording} <= {one["recording"] for one in accesses}
    passing.until(story, max(model.parse(one["begun"]) for one in accesses) + 367 * model.DAY)
    client.until("the accesses are forgotten", lambda: story.admin("GET", "/v1/accesses")["accesses"] == [], 30)
    for words in story.kept["notes"]:
        assert words.encode() not in b"".join(path.read_bytes() for path in (story.instance.home / "vault").glob("vault.db*"))


def chapter(story):
    review(story)
    restart(story)
    hold_ends(story)
    decided(story)
    forgotten(story)
    story.cli("ledger", "verify")
