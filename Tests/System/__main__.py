"""Runs the system tests: `python3 Tests/System [PATTERN ...]`. Two at a time, since most of them wait for an emulator.

The last line is "N passed, N failed"; the exit status is 1 where a test failed or none ran.
"""

import concurrent.futures
import os
import pathlib
import sys
import time
import unittest

DIRECTORY = pathlib.Path(__file__).resolve().parent
SEARCH_PATH = [str(DIRECTORY), str(DIRECTORY.parents[1] / "scripts")]

_AT_A_TIME = 2


def flatten(suite):
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from flatten(test)
        else:
            yield test


def run(test):
    result = unittest.TestResult()
    began = time.monotonic()
    test.run(result)
    problems = [text for _, text in result.errors + result.failures]
    problems += [f"unexpected success: {test}" for test in result.unexpectedSuccesses]
    outcome = "failed" if problems else "passed"
    print(f"{outcome} {test.id()} ({time.monotonic() - began:.1f} s)", flush=True)
    return problems


def main():
    sys.path[:0] = SEARCH_PATH
    os.environ["PYTHONPATH"] = os.pathsep.join(SEARCH_PATH)  # for the processes that tests start
    patterns = sys.argv[1:]
    tests = [
        test for test in flatten(unittest.defaultTestLoader.discover(DIRECTORY))
        if not patterns or any(pattern in test.id() for pattern in patterns)
    ]
    with concurrent.futures.ThreadPoolExecutor(_AT_A_TIME) as pool:
        results = list(pool.map(run, tests))
    for problem in (problem for problems in results for problem in problems):
        print(f"\n{problem}")
    failed = sum(1 for problems in results if problems)
    print(f"{len(tests) - failed} passed, {failed} failed")
    sys.exit(failed > 0 or not tests)


if __name__ == "__main__":
    main()
