#!/usr/bin/python3
"""A stranger's check of the running system against its contract: docs/openapi.yaml's routes and docs/FORMAT.md's encodings,
by code that shares nothing with Aparté's. The tests stand in conformance/, one file per part of the contract.

    APARTE_BIN=build/dev/bin conformance.py [-v] [module.Class.test …]
"""
import pathlib
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE / "conformance"), str(HERE.parent / "testlib")]
MODULES = ["gateway_routes", "statements", "log", "staff", "recorded", "traces"]  # traces last: it reads what the others left

if __name__ == "__main__":
    import world  # found by the path above
    world.instance()  # without it nothing can be said
    named = [argument for argument in sys.argv[1:] if not argument.startswith("-")]
    unittest.main(module=None, argv=[sys.argv[0], *[a for a in sys.argv[1:] if a.startswith("-")], *(named or MODULES)])
