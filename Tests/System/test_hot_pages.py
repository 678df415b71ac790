"""scripts/hot-pages.py on a summary that was made up."""

import copy
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

from cluster import ROOT

_EMPTY = {"count": 0, "sumMicroseconds": 0, "maximumMicroseconds": 0, "buckets": []}

_REPORT = {
    "node": 0,
    "vcpus": [{"remoteIPIs": 7}, {"remoteIPIs": 5}],
    "pages": {
        "reads": 20, "writes": 10, "local": 1234, "retries": 3, "shootdowns": 4, "waitedMicroseconds": 2_500_000,
        "faults": {
            "joined": _EMPTY,
            # One of 3 us, 97 of 300 us, two of 5000 us.
            "read": {"count": 100, "sumMicroseconds": 39_103, "maximumMicroseconds": 5000,
                     "buckets": [0, 0, 1, 0, 0, 0, 0, 0, 0, 97, 0, 0, 0, 2]},
            "write": _EMPTY,
            "upgrade": _EMPTY,
        },
        "evictions": 9, "refusedEvictions": 2, "forgottenCopies": 1, "adoptions": 6,
    },
    "hotPages": [
        {"page": 0x2001, "reads": 1000, "writes": 500, "missed": 0, "instructions": [
            {"address": 0xFFFFFFFF81000123, "count": 900}, {"address": 0x401000, "count": 600}]},
        {"page": 0x77, "reads": 1, "writes": 0, "missed": 12, "instructions": [
            {"address": 0xFFFFFFFFC0000010, "count": 1}]},
    ],
    "links": [{"node": 1, "retransmissions": 8, "retransmittedBytes": 800, "framesSent": 5000}],
    "messages": {
        "all": {"heartbeat": {"sent": 11, "sentBytes": 1386, "received": 12, "receivedBytes": 1512}},
        "pages": {"getShared": {"sent": 100, "sentBytes": 10_200, "received": 90, "receivedBytes": 9180}},
        "guest": {
            "interrupt": {"sent": 20, "sentBytes": 2040, "received": 30, "receivedBytes": 3060},
            "device": {"sent": 0, "sentBytes": 0, "received": 44, "receivedBytes": 4488}},
    },
}

# In order of addresses, as in System.map, but for what is in a module and in each CPU's memory, as in kallsyms.
_SYMBOLS = """\
0000000000000010 A per_cpu_thing
ffffffff81000000 T _text
ffffffff81000100 T tick_one
ffffffff81000200 t tick_two
ffffffff82001000 D jiffies
ffffffff82001080 d lock
ffffffff82002000 d elsewhere
ffffffffc0000000 t probe\t[driver]
"""


class HotPagesTests(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = pathlib.Path(directory.name)

    def run_script(self, summary, symbols=None, *options):
        paths = [self.directory / "summary.json"]
        paths[0].write_text(summary if isinstance(summary, str) else json.dumps(summary))
        if symbols is not None:
            paths.append(self.directory / "symbols")
            paths[1].write_text(symbols)
        return subprocess.run(
            [sys.executable, ROOT / "scripts/hot-pages.py", *paths, *options], capture_output=True, text=True)

    def lines(self, *arguments):
        result = self.run_script(*arguments)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        return result.stdout.splitlines()

    @staticmethod
    def two_nodes():
        other = copy.deepcopy(_REPORT)
        other["node"] = 1
        other["hotPages"][1].update(reads=2000, writes=100)
        return {"nodes": [{"report": _REPORT}, {"report": other}, {"report": {}}]}

    def test_each_node_has_its_faults_and_how_long_they_took(self):
        lines = self.lines(self.two_nodes())
        self.assertEqual([line for line in lines if line.startswith("node")], ["node 0", "node 1"])
        self.assertIn("  vCPUs waited 2.500 s for pages; 1,234 faults were local", lines)
        rows = [line.split() for line in lines]
        self.assertIn(["read", "100", "391", "<512", "<8,192", "5,000"], rows)
        self.assertIn(["write", "0"], rows)

    def test_messages_interrupts_and_frames_are_there(self):
        lines = self.lines(self.two_nodes())
        rows = [line.split() for line in lines]
        self.assertIn(["heartbeat", "11", "1,386", "12", "1,512"], rows)
        self.assertIn(["pages:", "getShared", "100", "10,200", "90", "9,180"], rows)
        self.assertIn("  12 IPIs to other nodes; interrupts: 20 sent, 30 received;"
                      " accesses to devices: 0 made elsewhere, 44 for others", lines)
        self.assertIn("  8 frames sent again (800 bytes), of 5,000", lines)

    def test_pages_of_all_nodes_are_put_together_the_hottest_first(self):
        lines = self.lines(self.two_nodes())
        pages = [line for line in lines if line.startswith("  page ")]
        self.assertEqual(pages, ["  page 0x2001: 2,000 reads, 1,000 writes", "  page 0x77: 2,001 reads, 100 writes"])
        self.assertIn("    on node 1: 2,000 reads, 100 writes, at most 12 not counted", lines)
        self.assertIn("           900 at ffffffff81000123", lines)
        few = self.lines(self.two_nodes(), None, "--pages", "1")
        self.assertEqual([line for line in few if line.startswith("  page ")], pages[:1])

    def test_symbols_name_instructions_and_what_is_in_a_page(self):
        lines = self.lines(self.two_nodes(), _SYMBOLS)
        self.assertIn("  page 0x2001: 2,000 reads, 1,000 writes: jiffies, lock", lines)
        self.assertIn("  page 0x77: 2,001 reads, 100 writes", lines)
        self.assertIn("           900 at ffffffff81000123 tick_one+0x23", lines)
        self.assertIn("             1 at ffffffffc0000010 probe+0x10", lines)
        self.assertIn("           600 at 0000000000401000", lines)

    def test_a_kernel_that_was_moved_names_no_variables(self):
        moved = _SYMBOLS.replace("ffffffff8", "ffffffff9")
        self.assertIn("  page 0x2001: 1,000 reads, 500 writes", self.lines({"report": _REPORT}, moved))

    def test_what_is_no_summary_of_a_cluster_is_refused(self):
        for summary in ({"report": {"end": "poweroff"}}, {"nodes": []}, "{"):
            result = self.run_script(summary)
            self.assertEqual((result.returncode, result.stdout), (1, ""))
            self.assertRegex(result.stderr, r"\Ahot-pages\.py: .+\n\Z")
        result = self.run_script({"report": _REPORT}, "no symbols\n")
        self.assertEqual((result.returncode, result.stdout), (1, ""))
