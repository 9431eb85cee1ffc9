"""Sessions with live media, several at a time: who gives, who refuses, what is recorded."""
import aparte_client as client
import model


def create(story, meeting):
    answer = story.platform(meeting.tenant, "POST", "/v1/sessions", meeting.body())
    assert answer.status == 201, answer
    meeting.session = answer.json["id"]
    meeting.bound = story.programme.in_force(meeting.tenant, meeting.policy)
    story.meetings[meeting.name] = meeting
    for role in ("coach", "coachee"):
        party = meeting.parties[role] = client.Party(story.instance, answer.json, role)
        party.enrol()
        story.secrets.append(party.token)
        story.media.call(party, f"{meeting.name}-{role}")


def gate(meeting):
    return meeting.coach.gate()


def decide(story, meeting):
    """R1, R3, R5: each person their own statement, for the purposes they choose; receipts are kept as a person would."""
    for role, party in meeting.parties.items():
        if role in meeting.refuses:
            answer = party.consent(party.decide("ConsentRefused", ["recording"]))
            assert answer.status == 201, answer
        elif meeting.gives[role]:
            body = party.give(meeting.gives[role])
            answer = party.consent(body)
            if meeting.shut == "policy":
                continue  # R14, R36: what may not be recorded needs no give; whether it is taken is no matter of the gate
            assert answer.status == 201, answer
            meeting.receipts.append(answer.json)
            meeting.statements.append(body["statement"])


def shut(meeting):
    """It is not recorded, for the reason the test knows, and both hear one another all the same (R2)."""
    state = gate(meeting)
    assert state["state"] == "closed" and meeting.shut in state["reasons"], (meeting.name, state)


def heard(story, batch):
    counts = story.media.count()
    return all(counts[f"{meeting.name}-{role}"][2] > 20 for meeting in batch for role in meeting.parties)


def recording_of(story, meeting):
    return story.platform(meeting.tenant, "GET", f"/v1/sessions/{meeting.session}").json["recordings"]


def written(story, meeting):
    """Each track has bytes on the disk."""
    meeting.recording = meeting.recording or next((one["id"] for one in recording_of(story, meeting)), None)
    top = story.instance.home / "recordings" / (meeting.recording or "none")
    return all(any((top / role).glob("*.age")) for role in meeting.parties)


def end(story, meeting):
    answer = story.platform(meeting.tenant, "DELETE", f"/v1/sessions/{meeting.session}")
    assert answer.status == 204, answer
    for role in meeting.parties:
        story.media.say("drop", f"{meeting.name}-{role}")


def sealed(story, meeting):
    """Sealed, and known to the model with the time the system told."""
    told = client.until(f"{meeting.name} is sealed", lambda: next((one for one in [story.held(meeting.name)] if "sealed" in one), None), 40)
    given = {role: set(purposes) for role, purposes in meeting.gives.items()}
    story.programme.add(model.Recording(meeting.name, meeting.tenant, meeting.policy, meeting.sensitivity, given, meeting.bound,
                                        model.parse(told["sealed"])))
    assert abs(model.parse(told["sealed"]) - story.clock.now()) < 120_000, told


def run(story, batch, during=None):
    """A batch of sessions from creation to seal; `during` is called while all are under way."""
    for meeting in batch:
        create(story, meeting)
    client.until("all are connected", lambda: all("disconnected" not in gate(meeting)["reasons"] for meeting in batch), 60)
    for meeting in batch:
        decide(story, meeting)
    recorded = [meeting for meeting in batch if meeting.recorded()]
    for meeting in recorded:
        client.until(f"{meeting.name} is recorded", lambda meeting=meeting: gate(meeting)["state"] == "open", 40)
    for meeting in recorded:
        client.until(f"bytes of {meeting.name}", lambda meeting=meeting: written(story, meeting), 60)
    client.until("they hear one another", lambda: heard(story, batch), 30)
    for meeting in batch:
        if not meeting.recorded():
            shut(meeting)
    if during:
        during()
    for meeting in batch:
        end(story, meeting)
    for meeting in recorded:
        if meeting.recording not in story.kept.get("gone", ()):
            sealed(story, meeting)
