import pathlib
import re
import subprocess
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]

# Configurations of docs/protocol.md with more states are left to whoever has the time.
_MOST_STATES = 8_000_000
_MOST_STATES_OF_LINKS = 1_000_000


def documented_checks(kind="--homes"):
    """The options of each such configuration in docs/protocol.md, with its states and transitions."""
    for line in (ROOT / "docs" / "protocol.md").read_text().splitlines():
        if match := re.match(rf"\| `({kind}[^`]*)` \|[^|]*\| ([\d,]+) \| ([\d,]+) \|", line):
            states, transitions = (int(number.replace(",", "")) for number in match.groups()[1:])
            yield match[1].split(), states, transitions


class SimulatorTests(unittest.TestCase):
    """What takes the simulator as it is used: compiled for release."""

    seconds = 400

    @classmethod
    def setUpClass(cls):
        build = ["swift", "build", "-c", "release", "--product", "Simulator"]
        subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
        # .build/release leads to what was built last, which may be the kernel.
        place = subprocess.run([*build, "--show-bin-path"], cwd=ROOT, check=True, capture_output=True, text=True)
        cls.simulator = pathlib.Path(place.stdout.strip()) / "Simulator"

    def simulate(self, *arguments):
        return subprocess.run([self.simulator, *arguments], capture_output=True, text=True)

    def test_engines_allocate_nothing_for_an_event(self):
        result = self.simulate("bench")
        print(result.stdout, end="", flush=True)
        self.assertEqual(result.returncode, 0, result.stdout)
        counts = re.findall(r"(\d+) events .* (\d+) allocations", result.stdout)
        self.assertEqual(len(counts), 2)
        for events, allocations in counts:
            self.assertGreaterEqual(int(events), 1_000_000)
            self.assertEqual(int(allocations), 0)

    def test_the_checker_finds_what_is_documented_and_nothing_wrong(self):
        checks = [check for check in documented_checks() if check[1] <= _MOST_STATES]
        self.assertGreaterEqual(len(checks), 5)
        began = time.monotonic()
        for options, states, transitions in checks:
            result = self.simulate("check", *options)
            print(f"check {' '.join(options)}: {result.stdout.splitlines()[0]}", flush=True)
            self.assertEqual(result.returncode, 0, result.stdout)
            self.assertIn(f"{states} states, {transitions} transitions", result.stdout)
        seconds = time.monotonic() - began
        print(f"all checks: {seconds:.0f} s", flush=True)
        self.assertLess(seconds, 15 * 60)

    def test_links_hide_losses_and_duplicates_from_the_protocol(self):
        checks = [check for check in documented_checks("--links") if check[1] <= _MOST_STATES_OF_LINKS]
        self.assertGreaterEqual(len(checks), 4)
        for options, states, transitions in checks:
            result = self.simulate("check", *options)
            print(f"check {' '.join(options)}: {result.stdout.splitlines()[0]}", flush=True)
            self.assertEqual(result.returncode, 0, result.stdout)
            self.assertIn(f"{states} states, {transitions} transitions", result.stdout)

    def test_a_faulty_link_is_found(self):
        for fault, steps in ("repeatsDuplicates", 3), ("skipsLostFrames", 6), ("neverSendsAgain", 2):
            result = self.simulate("check", "--links", "--in-order", "--break", fault)
            self.assertEqual(result.returncode, 1, result.stdout)
            self.assertIn(f"after {steps} steps", result.stdout)

    def test_pages_do_not_influence_each_other(self):
        options = ["--homes", "1,1", "--no-pins", "--no-stale-copies", "--no-evictions", "--independence"]
        result = self.simulate("check", *options)
        print(result.stdout, end="", flush=True)
        self.assertEqual(result.returncode, 0, result.stdout)
        states, alone = re.search(r"in (\d+) of the (\d+) states", result.stdout).groups()
        self.assertGreater(int(alone), 100)
        self.assertEqual(states, alone)

    def test_a_broken_protocol_is_found(self):
        result = self.simulate("check", "--homes", "1,0", "--break", "waitForAcknowledgements")
        self.assertEqual(result.returncode, 1)
        self.assertRegex(result.stdout, r"after \d+ steps")
