"""What the conformance tests share: one instance, its logged-in staff, and how answers are judged."""
import atexit
import re
import unittest
import uuid
from datetime import datetime

import aparte_client as client

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")

# Name -> status, as the API's contract lists them.
PROBLEMS = {
    "malformed": 400, "statement-malformed": 400, "token-invalid": 401, "credentials": 401, "totp-replayed": 401,
    "role": 403, "csrf": 403, "statement-signature": 403, "statement-key": 403, "statement-party": 403,
    "statement-purpose": 403, "statement-share": 403, "access-reason-required": 403, "not-found": 404,
    "statement-replayed": 409, "conflict": 409, "token-expired": 410, "erased": 410, "too-large": 413, "media-type": 415,
    "sdp-malformed": 422, "no-common-codec": 422, "statement-stale": 422, "statement-notice": 422, "invalid": 422,
    "restricted": 423, "held": 423, "lockdown": 423, "rate": 429, "segment-altered": 500, "vault-unavailable": 503,
}
PURPOSES = ["recording", "supervision", "certification", "quality", "research", "ai_training", "disclosure", "share_copy"]
STATES = {"ConsentGiven", "ConsentRefused", "ConsentWithdrawn", "ConsentUnknown"}
REASONS = {"consent_missing", "disconnected", "paused", "presence", "device", "policy", "storage", "ledger", "sandbox",
           "vault", "lockdown", "ended"}


def is_id(value):
    return isinstance(value, str) and str(uuid.UUID(value)) == value


def is_time(value):
    return isinstance(value, str) and TIME.fullmatch(value) and datetime.fromisoformat(value[:-1])


def is_token(value):
    return isinstance(value, str) and re.fullmatch(r"[A-Za-z0-9_-]{22,}", value)


def is_hex32(value):
    return isinstance(value, str) and re.fullmatch(r"[0-9a-f]{64}", value)


def is_text(value):
    return isinstance(value, str)


def is_count(value):
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def is_flag(value):
    return isinstance(value, bool)


def one_of(*values):
    return lambda value: value in values


def list_of(shape):
    return lambda value: isinstance(value, list) and all(not misfits(one, shape) for one in value)


def misfits(value, shape, where=""):
    """Complaints about a value: a shape is a predicate, or the members of an object (`name?`: may be absent)."""
    if callable(shape):
        try:
            return [] if shape(value) else [f"{where or '.'}: {value!r}"]
        except (ValueError, TypeError, AttributeError):
            return [f"{where or '.'}: {value!r}"]
    if not isinstance(value, dict):
        return [f"{where or '.'}: no object: {value!r}"]
    found = []
    for name, inner in shape.items():
        plain = name.rstrip("?")
        if plain in value:
            found += misfits(value[plain], inner, f"{where}.{plain}")
        elif plain == name:
            found.append(f"{where}.{plain}: absent")
    return found


GATE = {"state": one_of("open", "closed", "opening"), "epoch": is_count,
        "reasons": lambda value: isinstance(value, list) and set(value) <= REASONS,
        "generation": lambda value: isinstance(value, str) and 0 <= int(value) < 1 << 64}
RECEIPT = {"leaf_index": is_count, "tree_size": is_count, "leaf": is_text, "type": is_count, "body": is_text,
           "salt": is_text, "inclusion_proof": list_of(is_text), "checkpoint": is_text, "log_key": is_text}

_shared = {}


def instance():
    """The instance that all tests share; it ends with the process."""
    if "instance" not in _shared:
        _shared["instance"] = client.Instance({"gateway.rate_per_minute": 100000, "requests.lift_notice_hours": 0,
                                                "webhooks.allow_http": "true", "webhooks.private_hosts": "127.0.0.1"})
        atexit.register(_shared["instance"].stop)
    return _shared["instance"]


def staff(name):
    if name not in _shared:
        _shared[name] = client.Staff(instance(), instance().demo[name]).login()
    return _shared[name]


def vkey():
    """The log's verifier key, as anyone would pin it."""
    return instance().gateway_call("GET", "/v1/ledger/key").body.decode().strip()


class Case(unittest.TestCase):
    maxDiff = None

    def problem(self, answer, name, status=None):
        """The answer is this problem, in the form of RFC 9457."""
        self.assertEqual(name, answer.error, answer)
        self.assertEqual(status or PROBLEMS[name], answer.status, answer)
        body = answer.json
        self.assertEqual(answer.status, body["status"])
        self.assertTrue(body["title"])
        self.assertGreater(len(body["detail"]), 8, "the detail says what to do")
        if answer.status in (429, 503):
            self.assertTrue(answer.headers["Retry-After"])

    def good(self, answer, status=200, shape=None):
        """A success with this status whose JSON has this shape; gives the JSON."""
        self.assertEqual(status, answer.status, answer)
        if shape is not None:
            self.assertEqual("application/json", answer.media, answer)
            self.assertEqual([], misfits(answer.json, shape))
        return answer.json
