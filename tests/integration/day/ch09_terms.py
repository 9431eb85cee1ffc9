"""Days 20 to 66: what ends, ends on its day and not an hour before; what was promised about old keys is kept."""
import aparte_client as client
import forensics
import model
import passing
from ch03_use import begin, grant, watch
from ch05_rights import clock_agrees, read


def archived(story):
    """R17: after current use an admin's word is needed, for everybody who is not one of the two speakers."""
    passing.until(story, story.clock.at(21))
    assert story.states()["c02"] == "archived"
    grant(story, "c02", "s1", "supervision", 27)
    staff = story.staff("s1")
    asked = begin(story, staff, "c02", "supervision", "a complaint")
    assert asked.status == 202, asked
    story.admin("POST", f"/v1/approvals/{asked.json['approval']}/approve", {"reason": "the complaint is real"})
    access = begin(story, staff, "c02", "supervision", "a complaint")
    assert access.status == 201 and watch(story, staff, "c02", access.json["id"]).status == 206, access


def no_key_is_left(story):
    """R19, R22: from the promised moment on, the restore operator with all that the system keeps cannot open what was erased."""
    passing.until(story, story.kept["beyond"] + model.HOUR)
    needles = [story.kept["old kek"], *(row[5] for row in story.kept["old rows"])]

    def gone():
        parts = list(forensics.opened_parts(story.backups, story.operator))
        return {path.parent.name for path, _ in parts} == {"keys", "vault"} and \
            not [path for path, data in parts for needle in needles if needle in data]
    client.until("no part of a backup has the old key or what it wrapped", gone, 60, 1)
    assert forensics.found([story.kept["old kek"]], story.instance.home, story.backups, story.journal) == []


def a_frozen_clock(story):
    """R16: a clock that leaps forty days ends nothing until an admin says that it is right; put right, it thaws by itself."""
    before, ahead = story.states(), story.clock.now()
    story.clock.put(ahead + 40 * model.DAY)
    client.until("the clock is not believed", lambda: story.metrics()["clock_frozen"], 20)
    assert story.admin("GET", "/v1/clock")["frozen"] and story.states() == before
    story.clock.put(ahead)
    story.clock.settle()
    assert not story.metrics()["clock_frozen"] and story.states() == before


def reminded(story):
    """R18: a week before it is due the platform is told; extended with a reason, it is due three months after it came."""
    request = story.kept["access"]
    due = model.parse(request["due"])
    passing.until(story, due - 7 * model.DAY - model.HOUR)
    assert request["id"] not in events(story, "request.due")
    passing.until(story, due - 7 * model.DAY + model.HOUR)
    told(story, "request.due", request["id"])
    later = story.admin("POST", f"/v1/requests/{request['id']}/extend", {"reason": "three archives are searched by hand"})
    clock_agrees(story, {**request, "due": later["due"]}, "a02", extended=True)
    seen = read(story, "a02", "coachee", request)
    assert (seen["state"], seen["extension"]) == ("extended", "three archives are searched by hand"), seen
    story.admin("POST", f"/v1/requests/{story.kept['held']['id']}/extend", {"reason": "the hold lasts"})
    passing.until(story, due + model.HOUR)
    late = {one["id"] for one in story.admin("GET", "/v1/requests?due=1")["requests"] if one["days_left"] < 0}
    assert late == {story.kept["short"]["id"]}, late
    for one in (request, story.kept["short"]):
        story.admin("POST", f"/v1/requests/{one['id']}/execute", {"reason": "sent by post"})
    assert story.metrics()["requests_overdue"] == 0


def events(story, kind, tenant="nord"):
    return {event["data"].get("request") or event["data"].get("recording") for event in story.listener.of(tenant, kind)}


def told(story, kind, what, tenant="nord"):
    client.until(f"{kind} of {what}", lambda: what in events(story, kind, tenant), 30)


def chapter(story):
    archived(story)
    no_key_is_left(story)
    a_frozen_clock(story)
    reminded(story)
    passing.until(story, story.clock.at(66))
    assert story.programme.living() == {"a02", "a03", "a04", "a07", "b03", "b05"}, story.programme.living()
