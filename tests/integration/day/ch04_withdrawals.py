"""Day 12: people change their minds: of the recording, of one purpose."""
import json
import time

import aparte_client as client
from ch03_use import begin, watch


def withdraw(story, name, role, purpose):
    party = story.meeting(name).parties[role]
    answer = party.consent(party.decide("ConsentWithdrawn", [purpose]))
    assert answer.status == 201, answer
    story.programme.withdraw(name, role, purpose)


def one_purpose(story):
    """R7: a viewing under way for it is cut, its grant is over; the recording lives as long as what is left says."""
    staff = story.kept["s1"] = story.staff("s1")
    access = begin(story, staff, "a12", "supervision", "a second look")
    assert access.status == 201 and watch(story, staff, "a12", access.json["id"]).status == 206, access
    at = time.monotonic()
    withdraw(story, "a12", "coachee", "supervision")
    assert watch(story, staff, "a12", access.json["id"]).error == "role"
    story.kept["cut after"] = time.monotonic() - at
    ended = client.until("the access is over", lambda: next(one for one in story.admin("GET", "/v1/accesses")["accesses"]
                                                            if one["id"] == access.json["id"]).get("ended"), 10)
    assert ended and begin(story, staff, "a12", "supervision", "once more").status in (403, 404)
    assert story.plays("a12") == b"\x1aE\xdf\xa3"
    withdraw(story, "b02", "coach", "supervision")


def refused_purpose(story):
    """R3: one person's no to one purpose is nothing to the others."""
    party = story.meeting("b05").coach
    answer = party.consent(party.decide("ConsentRefused", ["certification"]))
    assert answer.status == 201, answer
    story.programme.withdraw("b05", "coach", "certification")


def the_whole(story):
    """R7, R19: erased at once, certified, and the certificate holds offline under the key pinned on the first day."""
    before = story.plays("a10")
    assert before == b"\x1aE\xdf\xa3"
    withdraw(story, "a10", "coachee", "recording")
    story.programme.erase("a10", story.clock.now(), "withdrawal")
    certificate = client.until("the certificate", lambda: story.held("a10").get("certificate"), 30)
    body = json.loads(certificate["body"])
    assert (body["cause"], body["recording"]) == ("withdrawal", story.meeting("a10").recording), body
    assert "unrecoverable_at" not in certificate, "not before the key turned over"
    told = story.verify(certificate)
    assert told, told
    story.verify({**certificate, "body": certificate["body"].replace("withdrawal", "expiry")}, fails=True)
    assert story.plays("a10") == "erased"
    assert watch(story, story.kept["s1"], "a10", story.kept["grant a10"]).status in (403, 404, 410)


def chapter(story):
    story.clock.go(story.clock.at(12))
    story.agrees(terms=True)
    one_purpose(story)
    refused_purpose(story)
    the_whole(story)
    story.clock.settle()
    story.agrees(terms=True)
