#!/usr/bin/python3
"""Floods against a running instance, each with a live call whose loss stays 0 and whose p99 stays below 5 ms.

    floods.py [part of a test's name …]
"""
import os
import sys
import time

import floods_http
import floods_media
from attack_case import run_one
from floods_world import World


# Much like another one; left out where time is short.
LONGER = (floods_media.media_of_nobody, floods_http.bodies_without_end, floods_http.silent_connections)


def main():
    budget = float(os.environ.get("APARTE_TORTURE_SECONDS", 0))
    tests = floods_media.TESTS + floods_http.TESTS
    if len(sys.argv) > 1:
        tests = [t for t in tests if any(word in t.__name__ for word in sys.argv[1:])]
    elif not budget:
        tests = [t for t in tests if t not in LONGER]
    began, results, w = time.monotonic(), [], World()
    w.span, w.used = 3 if budget else 1, 500
    try:
        while True:
            results += [run_one(w, test) for test in tests]
            if not all(results) or time.monotonic() - began >= budget:
                break
    finally:
        w.stop()
    print(f"{sum(results)} passed, {len(results) - sum(results)} failed")
    sys.exit(not all(results))


main()
