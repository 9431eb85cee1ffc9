"""The permit table of docs/PROCESSES.md, row by row, against the vault: which call may come in which state of the link, up
to which size, from whom, and what the rest does to the link. The table is read from the document, the calls from the
contract, so neither can drift from what the vault does.
"""
import json
import re
import uuid

from lie_run import main
from lie_wire import CONTRACT, Gone, signatures

DOCUMENT = CONTRACT.parents[2] / "docs/PROCESSES.md"
ROW = re.compile(r"^\| (\w+) \| (gateway|platform|person|anyone) \| (fresh|greeted) \| (\d+) \| (gate|main) \|$", re.M)
SIZES = {"s": 0, "b": 1, "u": 4, "t": 8}
NO_RIGHT = {"TokenInvalid", "ApiKeyInvalid", "KeyInvalid", "Unauthorized"}


def table():
    return {name: (who, state, int(most), thread) for name, who, state, most, thread in ROW.findall(DOCUMENT.read_text())}


def gvariant_size(signature, values):
    """Bytes of the tuple as the vault counts them: values aligned, an offset for each text but a last one."""
    at, offsets = 0, 0
    for i, (kind, value) in enumerate(zip(signature, values)):
        at += -at % max(SIZES[kind], 1)
        at += SIZES[kind] or len(value) + 1
        offsets += kind == "s" and i < len(signature) - 1
    return next(at + offsets * width for width in (1, 2, 4) if at + offsets * width < 1 << 8 * width)


def values_for(signature, first="", padding=0):
    """Arguments of these types, the first text being so, the last one longer by so much."""
    values = ["x" if kind == "s" else 1 for kind in signature]
    if "s" in signature:
        values[signature.index("s")] = first
        values[signature.rindex("s")] += "x" * padding
    return values


def around(signature, most):
    """The largest arguments that fit, and the smallest that do not (sizes come in steps where numbers are aligned)."""
    padding = next(n for n in range(most, -1, -1) if gvariant_size(signature, values_for(signature, padding=n)) <= most)
    return values_for(signature, padding=padding), values_for(signature, padding=padding + 1)


def link_in(w, state):
    return w.link(hello=state == "greeted")


def stands(link, method, values):
    """Whether the call was answered and the link still serves."""
    try:
        link.ask(method, *values)
        return not link.ended(0.02)
    except Gone:
        return False


def test_the_table_is_whole(w):
    """One row for each method of the contract, and no other."""
    rows = [name for name, *_ in ROW.findall(DOCUMENT.read_text())]
    assert sorted(rows) == sorted(signatures()), set(rows) ^ set(signatures())
    assert len(rows) == len(set(rows)) == len(signatures())


def test_every_call_in_every_state(w):
    for method, signature in signatures().items():
        _, wanted, _, _ = table()[method]
        for state in ("fresh", "greeted"):
            stood = stands(link_in(w, state), method, values_for(signature))
            assert stood == (state == wanted), f"{method} on a {state} link: {'served' if stood else 'ended'}"


def test_every_call_at_its_size(w):
    for method, signature in signatures().items():
        _, state, most, _ = table()[method]
        fits, beyond = around(signature, most)
        assert stands(link_in(w, state), method, fits), f"{method} of {most} bytes ended the link"
        assert not stands(link_in(w, state), method, beyond), f"{method} of more than {most} bytes was served"


def test_every_call_by_everyone(w):
    """Only the right credential gets beyond the refusal of a wrong one, in each state of the session."""
    w.link()
    fresh, active, ended, stranger = w.session(connect=False), w.session(), w.session(), w.session()
    ended.end()
    credentials = {"nobody": "", "a wrong one": "x" * 43, "platform": w.api_key}
    credentials |= {f"person/{name}": s.coach.token for name, s in
                    (("new", fresh), ("active", active), ("ended", ended), ("other", stranger))}
    for method, signature in signatures().items():
        who = table()[method][0]
        for name, credential in credentials.items() if who in ("platform", "person") else ():
            error = w.gateway.ask(method, *values_for(signature, credential)).error
            assert (error in NO_RIGHT) == (name.partition("/")[0] != who), f"{method} by {name}: {error}"


def test_the_rest_of_a_session(w):
    """What the token of one session says changes nothing in another, and an ended session is not begun again."""
    w.link()
    ended, other = w.session(), w.session()
    ended.end()
    opened = w.gateway.ask("PartyOpen", ended.coach.token).values
    assert opened[0] == ended.id and opened[2] == 0, "an ended session may be joined"
    assert w.gateway.ask("PartyOpen", other.coach.token).values[2] == 1
    assert w.gateway.ask("SessionGet", w.api_key, str(uuid.uuid4())).error == "NotFound"
    body = json.dumps({"generation": "1", "counter": 1, "signature": "A" * 86})
    assert w.gateway.ask("PresencePut", ended.coach.token, body).error
    state = json.loads(w.gateway.ask("SessionGet", w.api_key, ended.id).values[0])
    assert state["state"] == "ended" and state["gate"]["state"] == "closed"


TESTS = [test_the_table_is_whole, test_every_call_in_every_state, test_every_call_at_its_size, test_every_call_by_everyone,
         test_the_rest_of_a_session]

if __name__ == "__main__":
    main(TESTS)
