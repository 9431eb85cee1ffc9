"""Days 0 to 8: thirty sessions. Twenty-two are recorded; eight are not, and nobody can tell a refusal from silence."""
import json
import subprocess
import time

import aparte_client as client
import aparte_format as fmt
import calls
from story import Meeting

R, SUP, CERT, QUAL, DISC, COPY = "recording", "supervision", "certification", "quality", "disclosure", "share_copy"
PROGRAMME = "supervised-programme"


def both(name, tenant, *more, **changes):
    return Meeting(name, tenant, coach=(R, *more), coachee=(R, *more), **changes)


def cast():
    """Five batches, two days apart."""
    nord, sud = "nord", "sud"
    return [
        [both("a01", nord), both("a02", nord, QUAL), both("a03", nord, SUP), both("a04", nord, CERT, SUP),
         Meeting("d01", nord, refuses=("coachee",), coachee=(), shut="consent_missing"), both("a05", nord, DISC)],
        [both("a06", nord, COPY), both("a07", nord), both("a08", nord), both("a09", nord),
         Meeting("d02", nord, refuses=("coach",), coach=(), shut="consent_missing"), both("a10", nord, SUP)],
        [both("a11", nord, SUP), both("a12", nord, SUP), both("a13", nord), both("a14", nord),
         Meeting("d03", sud, PROGRAMME, refuses=("coachee",), coachee=(), shut="consent_missing"),
         Meeting("d04", sud, PROGRAMME, coachee=(), shut="consent_missing")],
        [both("b01", sud, policy=PROGRAMME), both("b02", sud, SUP, policy=PROGRAMME), both("b03", sud, CERT, policy=PROGRAMME),
         both("b05", sud, SUP, CERT, policy=PROGRAMME),
         both("e01", nord, sensitivity="unrecorded", shut="policy"), both("e02", sud, policy=PROGRAMME, sensitivity="unrecorded", shut="policy")],
        [both("b04", sud, SUP, policy=PROGRAMME, sensitivity="protected"), both("a15", nord, SUP, sensitivity="protected"),
         both("c01", nord, policy="short"), both("c02", nord, SUP, policy="short"), both("f01", "ouest", shut="policy"),
         both("g01", nord, minor=("coachee",), shut="policy")],
    ]


def withdrawn_midway(story):
    """R7: during the call, by one person alone: the gate closes at once and nothing of it stays."""
    meeting = story.meeting("a11")
    story.kept["gone"] = [meeting.recording]
    at = time.monotonic()
    answer = meeting.coachee.consent(meeting.coachee.decide("ConsentWithdrawn", ["recording"]))
    assert answer.status == 201, answer
    state = calls.gate(meeting)
    assert state["state"] == "closed" and "consent_missing" in state["reasons"], state
    story.kept["withdrawal took"] = time.monotonic() - at
    client.until("its bytes are gone", lambda: not (story.instance.home / "recordings" / meeting.recording).exists(), 30)
    body = json.loads(client.until("its certificate", lambda: story.held("a11").get("certificate"), 30)["body"])
    assert body["cause"] == "withdrawal", body


def a_refusal_looks_like_silence(story):
    """R34: what the platform reads and hears of those who refused is what it does of one who never answered."""
    def told(name):
        meeting = story.meeting(name)
        state = story.platform(meeting.tenant, "GET", f"/v1/sessions/{meeting.session}").json
        roles = sorted((party["consents"].get("recording"), party["connected"]) for party in state["parties"].values())
        heard = [event for event in story.listener.of(meeting.tenant) if event["data"].get("session") == meeting.session]
        return state["state"], roles, state["recordings"], [(event["type"], sorted(event["data"])) for event in heard]
    silent = told("d04")
    for name in ("d01", "d02", "d03"):
        assert told(name) == silent, (name, told(name), silent)
    text = json.dumps(story.listener.told)
    assert "efus" not in text, "no event names a refusal"


def decodes(story, name):
    """Both tracks are whole WebMs with sound and picture."""
    for role in ("coach", "coachee"):
        meeting = story.meeting(name)
        answer = meeting.coach.call("GET", f"/v1/party/recordings/{meeting.recording}/tracks/{role}")
        assert answer.status == 200, answer
        done = subprocess.run(["ffprobe", "-v", "error", "-show_entries", "stream=codec_name", "-of", "csv=p=0", "-"],
                              input=answer.body, capture_output=True, check=True)
        assert sorted(done.stdout.decode().split()) == ["opus", "vp8"], done


def chapter(story):
    """R1, R2, R3, R5: what is recorded is what both gave, each by a statement of their own; nobody's call depends on it. R14,
    R27, R36: not where a tier, the place of the disks or a person's age forbids it."""
    for number, batch in enumerate(cast()):
        if number:
            story.clock.go(story.clock.at(2 * number))
        calls.run(story, batch, lambda: withdrawn_midway(story) if "a11" in story.meetings and "gone" not in story.kept else None)
        story.agrees(terms=True)
    assert len(story.meetings) == 30
    assert len(story.programme.recordings) == 21  # and the one that was withdrawn while it was made
    assert {meeting.name for meeting in story.meetings.values() if meeting.recording} == set(story.programme.recordings) | {"a11"}
    a_refusal_looks_like_silence(story)
    for name in ("a01", "b03", "c02"):
        decodes(story, name)
    for name in ("a01", "b05"):  # R6: what a person kept is checked by the log's pinned key alone
        meeting = story.meeting(name)
        for receipt, statement in zip(meeting.receipts, meeting.statements, strict=True):
            fmt.check_receipt(receipt, story.kept["vkey"], statement)
    assert story.kept["withdrawal took"] < 5, story.kept["withdrawal took"]
