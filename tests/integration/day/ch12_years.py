"""Six years on: what proved the consents is kept under two keys of two hands, and then goes as well (R40)."""
import json

import aparte_client as client
import model


def proofs(story):
    return story.admin("GET", "/v1/proofs")


def archived(story):
    """R40: a proof for every session of ours, until the day that the model says, for recordings counted from their erasure."""
    listed = {one["session"]: one for one in proofs(story)["proofs"]}
    wanted = {meeting.session: name for name, meeting in story.meetings.items()}
    assert set(wanted) <= set(listed), (len(listed), [name for session, name in wanted.items() if session not in listed])
    for session, name in wanted.items():
        if name not in story.programme.recordings:
            continue
        until = model.parse(listed[session]["until"])
        wanted = story.programme.proof_until(name, story.programme.recordings[name].erased)
        assert abs(until - wanted) < model.HOUR / 4, (name, listed[session], model.text(wanted))
    return max(model.parse(one["until"]) for one in listed.values())


def two_hands(story):
    """R6, R40: years later the proof of a give is there, for two admins together, with the statement that was signed."""
    meeting = story.meeting("a01")
    wish = story.admin("POST", "/v1/proofs", {"session": meeting.session, "reason": "a court asks"})
    story.refused("role", "POST", "/v1/proofs", {"proposal": wish["proposal"]})
    proof = story.admin("POST", "/v1/proofs", {"proposal": wish["proposal"]}, "admin2")
    text = json.dumps(proof)
    assert all(json.dumps(statement)[1:-1] in text or statement in text for statement in meeting.statements), text[:2000]


def destroyed(story, last):
    """R40: at the end their opening is destroyed: no proof, no row, and an old receipt still says what it said."""
    story.clock.go(last - model.DAY)
    assert proofs(story)["total"] > 0
    story.clock.go(last + model.DAY)
    client.until("no proof is left", lambda: proofs(story)["total"] == 0, 60)
    story.clock.settle()
    for name in ("a01", "b05"):
        for receipt in story.meeting(name).receipts:
            story.verify(receipt, key="older vkey")


def chapter(story):
    last = archived(story)
    two_hands(story)
    destroyed(story, last)
