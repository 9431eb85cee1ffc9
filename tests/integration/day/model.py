"""What a programme's documents say about its recordings, a second time: an independent model of docs/POLICIES.md.

Pure: no clock, no instance. Times are ms since 1970, UTC. It shares nothing with Aparté but the documents that an admin set,
and is told what people did; it says when each purpose ends, when a recording is archived and erased, and when an answer is due.
"""
import calendar
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone

DAY = 86_400_000
HOUR = 3_600_000
PURPOSES = ("recording", "supervision", "certification", "quality", "research", "ai_training", "disclosure", "share_copy")
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def moment(ms):
    return EPOCH + timedelta(milliseconds=ms)


def text(ms):
    """RFC 3339 as Aparté writes it."""
    return moment(ms).strftime("%Y-%m-%dT%H:%M:%S.") + f"{ms % 1000:03d}Z"


def parse(stamp):
    return round((datetime.fromisoformat(stamp.replace("Z", "+00:00")) - EPOCH) / timedelta(milliseconds=1))


def add_months(ms, months):
    """The same day so many months on, or the month's last one."""
    at = moment(ms)
    whole = at.year * 12 + at.month - 1 + months
    year, month = whole // 12, whole % 12 + 1
    day = min(at.day, calendar.monthrange(year, month)[1])
    return round((at.replace(year=year, month=month, day=day) - EPOCH) / timedelta(milliseconds=1))


def later(period, ms, sign=1):
    if "months" in period:
        return add_months(ms, sign * period["months"])
    return ms + sign * (period.get("days", 0) * DAY + period.get("seconds", 0) * 1000)


def is_off(document, purpose):
    listed = document.get("purposes", {}).get(purpose)
    if listed is None:
        return document["kind"] == "policy"  # a region limits only what it lists
    return listed.get("off", False)


def end_of(documents, purpose, recording):
    """(end, archive) of one purpose: the earliest that any document says."""
    sealed, ends = recording.sealed, []
    for document in documents:
        if is_off(document, purpose):
            ends.append(sealed)
            continue
        listed = document.get("purposes", {}).get(purpose, {})
        if any(unit in listed for unit in ("days", "months", "seconds")):
            ends.append(later(listed, sealed))
        if recording.decided and "after_decision" in listed:
            ends.append(later(listed["after_decision"], recording.decided))
        if recording.sensitivity == "protected" and "protected" in document:
            ends.append(later(document["protected"], sealed))
    end, archive = min(ends), min(ends)
    for document in documents:
        listed = document.get("purposes", {}).get(purpose, {})
        if "archive_after" in listed and not is_off(document, purpose):
            archive = min(archive, later(listed["archive_after"], sealed))
        if "archive" in document:
            archive = min(archive, max(sealed, later(document["archive"], end, -1)))
    return end, archive


@dataclass
class Recording:
    name: str
    tenant: str
    policy: str
    sensitivity: str
    given: dict                    # role: set of purposes
    bound: list                    # (name, version) of the documents in force when the session was made
    sealed: int
    decided: int = 0
    terms: dict = field(default_factory=dict)  # purpose: (end, archive), which only ever come closer
    expires: int = 0
    archives: int = 0
    held_until: int = 0
    asked: bool = False            # its erasure was asked for and waits
    restricted: bool = False
    erased: int = 0
    cause: str = ""

    def both(self):
        return self.given["coach"] & self.given["coachee"]


class Programme:
    def __init__(self):
        self.documents = {}        # name: [document, …], version n at n - 1
        self.tenants = {}          # name: {"policy", "region"}
        self.recordings = {}

    def set_document(self, document):
        self.documents.setdefault(document["name"], []).append(document)
        self.look_again()

    def set_tenant(self, name, **rules):
        self.tenants.setdefault(name, {"policy": "default", "region": ""}).update(rules)
        self.look_again()

    def in_force(self, tenant, policy):
        names = [policy, self.tenants[tenant]["policy"], self.tenants[tenant]["region"]]
        return list(dict.fromkeys((name, len(self.documents[name])) for name in names if name))

    def of(self, recording):
        """The documents that bind it: those of when its session was made, and those of now."""
        versions = dict.fromkeys([*recording.bound, *self.in_force(recording.tenant, recording.policy)])
        return [self.documents[name][version - 1] for name, version in versions]

    def add(self, recording):
        self.recordings[recording.name] = recording
        self.draw(recording)

    def look_again(self):
        for recording in self.recordings.values():
            self.draw(recording)

    def draw(self, recording):
        """Terms anew: an end that is kept only comes closer, and the recording ends with the last purpose both give."""
        if recording.erased:
            return
        documents = self.of(recording)
        for purpose in PURPOSES:
            end, archive = end_of(documents, purpose, recording)
            if purpose in recording.terms:
                kept = recording.terms[purpose]
                end, archive = min(end, kept[0]), min(archive, kept[1])
            recording.terms[purpose] = (end, min(archive, end))
        both = [recording.terms[purpose] for purpose in recording.both()]
        if "recording" not in recording.both():
            return
        expires = max([recording.sealed, *(end for end, _ in both)])
        archives = max([recording.sealed, *(archive for _, archive in both)])
        recording.expires = min(expires, recording.expires or expires)
        recording.archives = min(archives, recording.archives or archives, recording.expires)

    def withdraw(self, name, role, purpose):
        recording = self.recordings[name]
        recording.given[role] = set() if purpose == "recording" else recording.given[role] - {purpose}
        self.draw(recording)

    def decide(self, name, at):
        self.recordings[name].decided = at
        self.draw(self.recordings[name])

    def erase(self, name, at, cause):
        recording = self.recordings[name]
        recording.erased, recording.cause = recording.erased or at, recording.cause or cause

    def pass_until(self, now):
        """Time went by: what was due is erased."""
        for recording in self.recordings.values():
            if recording.erased or recording.restricted or now < recording.held_until:
                continue
            if recording.asked:
                self.erase(recording.name, now, "request")
            elif recording.expires <= now:
                self.erase(recording.name, now, "expiry")

    def state(self, recording, now):
        if recording.erased:
            return "erased"
        if recording.restricted:
            return "restricted"
        # One without an archive phase has none either while a hold keeps it beyond its end.
        return "archived" if recording.archives <= now and recording.archives < recording.expires else "sealed"

    def states(self, now):
        return {name: self.state(recording, now) for name, recording in self.recordings.items()}

    def living(self):
        return {name for name, recording in self.recordings.items() if not recording.erased}

    def dates(self, now):
        """Every moment to come at which something happens to a recording by itself, in order."""
        found = set()
        for recording in self.recordings.values():
            if not recording.erased:
                found |= {recording.archives, max(recording.expires, recording.held_until), recording.held_until}
        return sorted(at for at in found if at > now)

    def due(self, policy, created, extended=False):
        """When a request must be answered: a month or the policy's days, whichever is sooner; three months once extended."""
        if extended:
            return add_months(created, 3)
        return min(add_months(created, 1), created + self.documents[policy][-1].get("request_days", 30) * DAY)

    def proof_until(self, name, erased):
        """When the proof of consent goes as well (R40)."""
        documents = self.of(self.recordings[name])
        return erased + min(document.get("consent_proof_days", 1826) for document in documents) * DAY
