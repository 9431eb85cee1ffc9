"""One attack: run, timed, and told whether it was withstood."""
import sys
import time
import traceback


def run_one(w, test):
    began = time.monotonic()
    try:
        test(w)
    except Exception as e:
        print(f"FAIL {test.__name__}: {e!r}")
        traceback.print_exc(file=sys.stdout)
        return False
    print(f"ok   {test.__name__} ({time.monotonic() - began:.1f} s)", flush=True)
    return True
