"""Day 10: who may look does, and nobody else; a shorter policy is previewed and set, a longer one changes nothing."""
import copy
import json
from collections import Counter

import aparte_client as client
import model
from ch01_beginning import SHORT

WORDS = "he went quiet when the brother was named"


def grant(story, name, user, purpose, day=175):
    return story.admin("POST", "/v1/grants", {"recording": story.meeting(name).recording, "supervisor": user, "purpose": purpose,
                                              "expires": model.text(story.clock.at(day))})


def leaves(story):
    return int(story.instance.vault_call("GET", "/v1/ledger/checkpoint").body.decode().split("\n")[1])


def begin(story, staff, name, purpose, why):
    return staff.call("POST", f"{story.path(name)}/accesses", {"purpose": purpose, "reason": why})


def watch(story, staff, name, access, role="coach"):
    return staff.call("GET", f"{story.path(name)}/tracks/{role}?access={access}", headers={"Range": "bytes=0-3"})


def supervisor(story):
    """R10, R12: by grant, for its purpose; the leaf is there before the first byte, and both persons read who and why."""
    staff = story.kept["s1"] = story.staff("s1")
    assert staff.call("GET", "/v1/recordings").json["recordings"] == []
    for name, day in (("a03", 175), ("a12", 30), ("a10", 30), ("a15", 20)):
        story.kept[f"grant {name}"] = grant(story, name, "s1", "supervision", day)["id"]
    seen = {one["id"] for one in staff.call("GET", "/v1/recordings").json["recordings"]}
    assert seen == {story.meeting(name).recording for name in ("a03", "a12", "a10", "a15")}
    assert begin(story, staff, "a02", "supervision", "curious").status == 404
    assert begin(story, staff, "a03", "quality", "curious").error == "role"
    before = leaves(story)
    access = begin(story, staff, "a03", "supervision", "the case of the week")
    assert access.status == 201 and leaves(story) > before, access
    logged = [one for one in story.admin("GET", "/v1/accesses")["accesses"] if one["id"] == access.json["id"]]
    assert [(one["bytes"], one["reason"]) for one in logged] == [(0, "the case of the week")]
    assert watch(story, staff, "a03", access.json["id"]).status == 206
    for party in story.meeting("a03").parties.values():
        told = party.call("GET", "/v1/party/accesses").json["accesses"]
        assert [(one["who"], one["role"], one["reason"]) for one in told] == [("s1", "supervisor", "the case of the week")]
    note = staff.call("POST", f"{story.path('a03')}/notes?access={access.json['id']}", {"at_ms": 0, "text": WORDS})
    assert note.status == 201, note
    story.kept["notes"] = [WORDS]


def four_eyes(story):
    """R14: a protected one waits for another person's word."""
    asked = begin(story, story.kept["s1"], "a15", "supervision", "the same case")
    assert asked.status == 202, asked
    story.admin("POST", f"/v1/approvals/{asked.json['approval']}/approve", {"reason": "seen with the coach"})
    access = begin(story, story.kept["s1"], "a15", "supervision", "the same case")
    assert access.status == 201 and watch(story, story.kept["s1"], "a15", access.json["id"]).status == 206, access


def sponsor_coach_admin(story):
    """R8, R15, R38, R41: the sponsor what was disclosed, the coach their own, the two speakers theirs, an admin nothing."""
    sponsor = story.staff("h1")
    assert sponsor.call("GET", "/v1/recordings").json["recordings"] == []
    grant(story, "a05", "h1", "disclosure", 30)
    assert [one["id"] for one in sponsor.call("GET", "/v1/recordings").json["recordings"]] == [story.meeting("a05").recording]
    story.refused("not-found", "POST", "/v1/grants", {"recording": story.meeting("a03").recording, "supervisor": "h1",
                                                      "purpose": "supervision", "expires": model.text(story.clock.at(20))})
    coach = story.staff("c1")
    assert [one["id"] for one in coach.call("GET", "/v1/recordings").json["recordings"]] == [story.meeting("a12").recording]
    assert story.plays("a01") == b"\x1aE\xdf\xa3" and story.plays("a01", "coach") == b"\x1aE\xdf\xa3"
    admin = story.staff("admin")
    assert begin(story, admin, "a01", "recording", "curious").error == "role"


def shorter(story):
    """R16: what it would erase is told by day, and done only with the preview's token; then exactly that goes."""
    document = copy.deepcopy(SHORT)
    document["purposes"]["recording"] = {"days": 1, "reason": "The pilot looks back the next morning."}
    path = story.place / "short-2.json"
    path.write_text(json.dumps(document))
    told = story.cli("policy", "preview", "short", path, "--json", "--admin", "admin")
    after = copy.deepcopy(story.programme)
    after.set_document(document)
    sooner = {name: after.recordings[name].expires for name in after.living()
              if after.recordings[name].expires < story.programme.recordings[name].expires}
    assert set(sooner) == {"c01"}, sooner
    assert {one["recording"]: one["would_expire"] for one in told["recordings"]} == \
        {story.meeting(name).recording: model.text(at) for name, at in sooner.items()}, told
    assert (told["total"], told["at_once"]) == (1, 1), told
    days = Counter(model.text(max(at, model.parse(told["as_of"])))[:10] for at in sooner.values())
    assert {one["day"]: one["count"] for one in told["days"]} == days, told
    assert "preview" in story.cli("policy", "set", "short", path, "--admin", "admin", fails=True)
    story.agrees()
    story.cli("policy", "set", "short", path, "--token", told["token"], "--admin", "admin")
    story.programme.set_document(document)
    story.programme.pass_until(story.clock.now())
    story.clock.settle()
    client.until("it is gone", lambda: story.states()["c01"] == "erased", 30)
    story.agrees(terms=True)


def longer(story):
    """R37: who consented before is not kept longer."""
    document = copy.deepcopy(SHORT)
    document["purposes"]["recording"] = {"days": 60, "reason": "The pilot goes on."}
    document["purposes"]["supervision"] = {"days": 90, "reason": "So does the team."}
    story.admin("PUT", "/v1/policies/short", document)
    story.programme.set_document(document)
    story.agrees(terms=True)


def chapter(story):
    story.clock.go(story.clock.at(10))
    story.agrees(terms=True)
    supervisor(story)
    four_eyes(story)
    sponsor_coach_admin(story)
    shorter(story)
    longer(story)
