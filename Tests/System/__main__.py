"""Runs the system tests: `python3 Tests/System [PATTERN ...]`. Two at a time, since most of them wait for an emulator.

What runs at once is one test, or all tests of a class one after the other where the class has a setUpClass: they share
what that makes. A class says by `seconds` that its tests are long: those start first, and say so.

Where many have failed, the rest isn't run: what waits in vain for an emulator takes minutes each time.

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
_MAXIMUM_FAILURES = 8


def flatten(suite):
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from flatten(test)
        else:
            yield test


def is_shared(kind):
    return kind.setUpClass.__func__ is not unittest.TestCase.setUpClass.__func__


def group(tests):
    """`tests` as lists of those that run one after the other, the longest first."""
    groups = {}
    for test in tests:
        groups.setdefault(type(test) if is_shared(type(test)) else test, []).append(test)
    return sorted(groups.values(), key=lambda tests: -expected_seconds(tests[0]))


def is_alone(tests):
    """Whether they need all of the host, as machines do that run one guest together."""
    return getattr(tests[0], "alone", False)


def expected_seconds(test):
    return getattr(test, "seconds", 0)


class Result(unittest.TestResult):
    """Says how each test ended, and keeps what was wrong with those that failed."""

    def __init__(self):
        super().__init__()
        self.passed = 0
        self.problems = []
        self._began = None
        self._failed = False

    def startTest(self, test):
        super().startTest(test)
        self._began = time.monotonic()
        self._failed = False

    def stopTest(self, test):
        super().stopTest(test)
        self.passed += not self._failed
        seconds = time.monotonic() - self._began
        self._began = None
        say(f"{'failed' if self._failed else 'passed'} {test.id()} ({seconds:.1f} s)")

    def addError(self, test, error):
        super().addError(test, error)
        self._add_problem(test, self.errors[-1][1])

    def addFailure(self, test, error):
        super().addFailure(test, error)
        self._add_problem(test, self.failures[-1][1])

    def addSubTest(self, test, subtest, error):
        super().addSubTest(test, subtest, error)
        if error:
            problems = self.failures if issubclass(error[0], test.failureException) else self.errors
            self._add_problem(subtest, problems[-1][1])

    def addUnexpectedSuccess(self, test):
        super().addUnexpectedSuccess(test)
        self._add_problem(test, "unexpected success\n")

    def _add_problem(self, test, text):
        self._failed = True
        reason = text.strip().rpartition("\n")[2]
        say(f"wrong in {test.id()}: {reason}")
        self.problems.append(f"{test.id()}\n{text}")


def say(text):
    print(text, flush=True)


class Runner:
    """Runs tests until too many have failed."""

    def __init__(self):
        self.results = []

    def run(self, tests):
        problems = sum(len(result.problems) for result in self.results)
        if problems < _MAXIMUM_FAILURES:
            self.results.append(run(tests))
        else:
            say(f"not run, for {problems} have failed: {name_of(tests)}")


def name_of(tests):
    kind = type(tests[0])
    return tests[0].id() if len(tests) == 1 else f"{kind.__module__}.{kind.__qualname__}"


def run(tests):
    result = Result()
    name = name_of(tests)
    if expected_seconds(tests[0]):
        say(f"starting {name}")
    began = time.monotonic()
    unittest.TestSuite(tests).run(result)
    if len(tests) > 1:
        say(f"finished {name} ({time.monotonic() - began:.1f} s)")
    return result


def main():
    sys.path[:0] = SEARCH_PATH
    os.environ["PYTHONPATH"] = os.pathsep.join(SEARCH_PATH)  # for the processes that tests start
    patterns = sys.argv[1:]
    tests = [
        test for test in flatten(unittest.defaultTestLoader.discover(DIRECTORY))
        if not patterns or any(pattern in test.id() for pattern in patterns)
    ]
    groups = group(tests)
    runner = Runner()
    for tests_alone in filter(is_alone, groups):
        runner.run(tests_alone)
    with concurrent.futures.ThreadPoolExecutor(_AT_A_TIME) as pool:
        list(pool.map(runner.run, [tests for tests in groups if not is_alone(tests)]))
    for problem in (problem for result in runner.results for problem in result.problems):
        print(f"\n{problem}")
    passed = sum(result.passed for result in runner.results)
    print(f"{passed} passed, {len(tests) - passed} failed")
    sys.exit(passed < len(tests) or not tests)


if __name__ == "__main__":
    main()
