"""Runs a list of attacks against one world with a witness: a session that is honestly recorded all the while."""
import sys

from attack_case import run_one
from lie_world import Flow, World, until


def begin():
    w = World()
    try:
        w.witness = w.session()
        w.witness.open()
        w.flow = Flow(w.witness, "witness")
        until("the witness is recorded", lambda: len(w.flow.sent["coach"]) > 30)
    except BaseException:
        print(w.log()[-2000:])
        w.stop()
        raise
    return w


def missing(found, flow):
    """What the gates took of the witness and its tracks do not have, by role."""
    kept = {role: {number for name, number in marks if name.startswith("witness-")} for role, marks in found.items()}
    return {role: flow.missing(role, kept[role]) for role in flow.sent}


def finish(w):
    """Everything of the witness that its gates took is in its one recording, and nothing else is."""
    w.flow.stop()
    w.witness.end()
    found = w.witness.recorded()
    strange = {name for marks in found.values() for name, _ in marks} - {f"witness-{role}" for role in found}
    assert not strange, f"in the witness's recording: {strange}"
    return missing(found, w.flow)


def witness_unharmed(w):
    """Whatever was attempted meanwhile: of all that its gates took, not one frame is missing."""
    lost = finish(w)
    taken = sum(map(len, w.flow.sent.values()))
    print(f"  witness: {taken} frames taken, {w.flow.refused} refused")
    assert not any(lost.values()), f"frames of the witness are missing: {lost}"


def main(tests):
    wanted = [test for test in tests if len(sys.argv) < 2 or sys.argv[1] in test.__name__]
    w, results = begin(), []
    try:
        for test in wanted:
            results.append(run_one(w, test))
            if not w.vault.alive():
                print(f"the vault fell: {w.vault.process.returncode}")
                break
        results.append(w.vault.alive() and run_one(w, witness_unharmed))
    finally:
        log, ends = w.log(), w.stop()
    if not all(results) or any(ends):
        print(log[-6000:])
    results.append(not any(ends))
    print(f"{sum(results)} passed, {len(results) - sum(results)} failed")
    sys.exit(not all(results))
