"""Day 14: a hold, a restriction, and what people ask for: one erasure waits, one is refused, one is done at once."""
import subprocess
import zipfile

import aparte_client as client
import model


def ask(story, name, role, kind, **more):
    answer = story.meeting(name).parties[role].call("POST", "/v1/party/requests", {"type": kind, **more})
    assert answer.status == 201, answer
    return answer.json


def read(story, name, role, request):
    return story.meeting(name).parties[role].call("GET", f"/v1/party/requests/{request['id']}").json


def clock_agrees(story, request, name, extended=False):
    created = model.parse(request["created"])
    wanted = model.text(story.programme.due(story.meeting(name).policy, created, extended))
    assert request["due"] == wanted, (request, wanted)


def hold(story):
    """R20: two admins, a ground, an end; an erasure asked for meanwhile waits, and the person reads why and until when."""
    ends = story.clock.at(120)
    wish = {"recording": story.meeting("a07").recording, "ground": "GDPR art. 17(3)(e)", "reason": "claim 7 of the insurer",
            "ends": model.text(ends)}
    proposal = story.admin("POST", "/v1/holds", wish)["proposal"]
    story.refused("role", "POST", "/v1/holds", {"proposal": proposal})
    story.admin("POST", "/v1/holds", {"proposal": proposal}, "admin2")
    recording = story.programme.recordings["a07"]
    recording.held_until, recording.asked = ends, True
    story.kept["held"] = request = ask(story, "a07", "coachee", "erasure", detail="please")
    assert request["state"] == "open", request
    obstacle = request["waits_for"][0]
    assert (obstacle["why"], obstacle["ground"], obstacle["until"]) == ("held", wish["ground"], wish["ends"]), request
    clock_agrees(story, request, "a07")
    story.refused("held", "POST", "/v1/erasures", {"recording": wish["recording"]})


def executed(story):
    """R18, R19, R23: at once, with a certificate; what lies outside the system is ticked by a named person."""
    request = ask(story, "a08", "coachee", "erasure")
    story.programme.erase("a08", story.clock.now(), "request")
    client.until("it is done", lambda: read(story, "a08", "coachee", request)["state"] == "done", 30)
    clock_agrees(story, request, "a08")
    for item in story.admin("GET", f"/v1/requests/{request['id']}")["checklist"]:
        story.admin("POST", f"/v1/requests/{request['id']}/checklist/{item['number']}", {"note": "shredded"})
    ticked = read(story, "a08", "coachee", request)["checklist"]
    assert len(ticked) == 4 and all(item["ticked_by"] == "user:admin" for item in ticked), ticked
    story.verify(story.held("a08", "coachee")["certificate"])


def refused(story):
    """R18, R20: frozen by one, so that the other's erasure waits; the refusal names its article, and nothing is erased by it."""
    frozen = ask(story, "a09", "coach", "restriction", detail="the accuracy is contested")
    story.programme.recordings["a09"].restricted = True
    client.until("frozen", lambda: story.states()["a09"] == "restricted", 10)
    assert story.plays("a09") == "restricted"
    wish = ask(story, "a09", "coachee", "erasure")
    assert [obstacle["why"] for obstacle in wish["waits_for"]] == ["restricted"], wish
    path = f"/v1/requests/{wish['id']}/refuse"
    story.refused("invalid", "POST", path, {"reason": "no"})
    story.admin("POST", path, {"reason": "needed to defend a claim", "article": "GDPR art. 17(3)(e)"})
    told = read(story, "a09", "coachee", wish)
    assert (told["state"], told["article"], told["reason"]) == ("refused", "GDPR art. 17(3)(e)", "needed to defend a claim"), told
    story.kept["refused"] = wish
    lifted = story.admin("POST", f"/v1/requests/{frozen['id']}/lift", {"reason": "found accurate"})
    assert abs(model.parse(lifted["lifts"]) - story.clock.now() - 72 * model.HOUR) < 60_000, lifted
    story.kept["lifts"], story.kept["restriction"] = model.parse(lifted["lifts"]), frozen


def left_to_run(story):
    """R18, R21: a month, told a week before; three with a reason the person reads. Another policy's days are its own."""
    story.kept["access"] = request = ask(story, "a02", "coachee", "access")
    clock_agrees(story, request, "a02")
    story.kept["short"] = ask(story, "c02", "coachee", "access")
    clock_agrees(story, story.kept["short"], "c02")
    copy = story.meeting("a02").coachee.call("GET", f"/v1/party/requests/{request['id']}/copy")
    assert copy.status == 200 and story.meeting("a02").recording in copy.body.decode(), copy


def portability(story):
    """R21, R39: one archive for a recipient of the person's own, opened by the stock age tool; the other is not in it, but for
    one film of both where both share it."""
    key = story.place / "own.key"
    subprocess.run(["age-keygen", "-o", key], check=True, capture_output=True)
    recipient = subprocess.run(["age-keygen", "-y", key], check=True, capture_output=True, text=True).stdout.strip()
    for name in ("a06", "a02"):
        party, request = story.meeting(name).coachee, ask(story, name, "coachee", "portability")
        answer = party.call("POST", f"/v1/party/requests/{request['id']}/archive", {"recipient": recipient})
        assert answer.status == 202, answer
        client.until("the archive is ready", lambda: read(story, name, "coachee", request)["archive"]["state"] == "ready", 90)  # noqa: B023
        sealed = party.call("GET", f"/v1/party/requests/{request['id']}/archive").body
        path = story.place / f"{name}.zip"
        path.write_bytes(subprocess.run(["age", "-d", "-i", key], input=sealed, capture_output=True, check=True).stdout)
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            film = f"films/{story.meeting(name).recording}.webm"
            assert (film in names) == (name == "a06"), names
            if film in names:
                archive.extract(film, story.place)
                shown = subprocess.run(["ffprobe", "-v", "error", "-show_entries", "stream=codec_type,width", "-of", "csv=p=0",
                                        story.place / film], capture_output=True, check=True, text=True).stdout
                assert sorted(shown.split()) == ["audio", "video,1280"], shown
        tracks = [one for one in names if one.startswith("tracks/")]
        assert f"tracks/{story.meeting(name).recording}-coachee.webm" in tracks, names
        assert not [one for one in tracks if one.endswith("-coach.webm")], names


def chapter(story):
    story.clock.go(story.clock.at(14))
    story.agrees(terms=True)
    hold(story)
    executed(story)
    refused(story)
    left_to_run(story)
    portability(story)
    story.clock.settle()
    story.agrees()
    story.clock.go(story.kept["lifts"] - model.HOUR)
    story.agrees()
    story.clock.go(story.kept["lifts"] + model.HOUR)
    client.until("thawed", lambda: story.states()["a09"] != "restricted", 20)
    story.programme.recordings["a09"].restricted = False
    story.agrees(terms=True)
