"""One guest on two emulated PCs: Debian's kernel sees both, memory is coherent between them, and they end together."""

import json
import re
import subprocess

from big_iron import GUESTS, BigIronTestCase, fresh_directory
from cluster import ROOT
from cluster.cluster import Cluster
from cluster.cpio import Archive
from cluster.guest import make_modules
from cluster.initramfs import CommandOutput
from cluster.machine import Hardware
from cluster.qemu import InterpretingQEMU
from cluster.run import Job
from main_job import EXIT_STATUS, SECONDS_TO_BOOT

PROGRAMS = ("count", "litmus", "fill")
ADDITIONS = 20_000
ROUNDS = 20
PERCENT = 20

_HARDWARE = Hardware(cores=1, memory=512)
_SECONDS_TO_WORK = 600
_SECONDS_TO_END = 60

# What Linux says where a CPU or the clock was away for too long, or worse.
_COMPLAINTS = re.compile(
    r"soft lockup|hard LOCKUP|rcu.*stall|blocked for more than|Marking TSC unstable|Marking clocksource"
    r"|BUG:|Oops|WARNING: CPU")

# What the guest runs, by name. Its clock and what it had to complain of come after all the work.
_SECTIONS = {
    "cpus": "nproc",
    "nodes": """
        cd /sys/devices/system/node
        cat online
        for node in node*; do echo $node: cpus $(cat $node/cpulist), $(grep MemTotal $node/meminfo); done""",
    "count": f"/tests/count {ADDITIONS}; echo status $?",
    "litmus": f"/tests/litmus {ROUNDS}; echo status $?",
    "fill": f"/tests/fill {PERCENT} 2>&1; echo status $?",
    "clock source": "cat /sys/devices/system/clocksource/clocksource0/current_clocksource",
    "messages": "dmesg",
    "end": f"exit {EXIT_STATUS}",
}


class TwoNodeTests(BigIronTestCase):
    """One run by the command that users start. A section that did not come fails the test that looks at it."""

    seconds = 180
    alone = True

    @classmethod
    def setUpClass(cls):
        directory = fresh_directory(f"{cls.__module__}.{cls.__qualname__}")
        initrd = directory / "tests.cpio"
        archive = Archive()
        for name in PROGRAMS:
            archive.add_file(f"/tests/{name}", (GUESTS / name).read_bytes(), 0o755)
        initrd.write_bytes(archive.finish())
        command = "\n".join(f"echo '== {section}'; {script}" for section, script in _SECTIONS.items())
        cls.launcher = subprocess.run(
            [ROOT / "scripts/qemu-cluster.sh", "--no-kvm", "--nodes", "2", "--cores", str(_HARDWARE.cores),
             "--memory", str(_HARDWARE.memory), "--initrd", initrd, "--run-directory", directory,
             "--timeout", str(SECONDS_TO_BOOT + _SECONDS_TO_WORK), "--exec", command],
            capture_output=True, text=True, errors="replace", stdin=subprocess.DEVNULL)
        (directory / "output").write_text(cls.launcher.stdout)
        pieces = re.split(r"^== (.*)\n", cls.launcher.stdout, flags=re.MULTILINE)[1:]
        cls.outputs = dict(zip(pieces[::2], pieces[1::2]))
        cls.summary = json.loads((directory / "summary.json").read_text())

    def output(self, section):
        self.assertIn(section, self.outputs, self.launcher.stderr)
        return self.outputs[section]

    def assert_succeeded(self, section):
        self.assertTrue(self.output(section).endswith("status 0\n"), self.outputs[section])

    def test_the_guest_has_the_cpus_of_both(self):
        self.assertEqual(self.output("cpus"), "2\n")

    def test_each_node_is_a_numa_node_with_a_cpu_and_memory(self):
        online, *nodes = self.output("nodes").splitlines()
        self.assertEqual(online, "0-1")
        self.assertEqual(len(nodes), 2, nodes)
        sizes = []
        for number, line in enumerate(nodes):
            match = re.fullmatch(rf"node{number}: cpus {number}, Node {number} MemTotal: (\d+) kB", line)
            self.assertTrue(match, line)
            sizes.append(int(match[1]) * 1024)
            self.assertGreater(sizes[-1], _HARDWARE.memory * 2**20 // 2)
        # Nine tenths of the PCs' memory, with what Linux keeps to itself left out.
        self.assertGreaterEqual(10 * sum(sizes), 9 * 2 * _HARDWARE.memory * 2**20)

    def test_the_clock_source_is_the_tsc(self):
        self.assertEqual(self.output("clock source"), "tsc\n")

    def test_the_kernel_complains_of_no_lockup_no_stall_and_no_clock(self):
        messages = self.output("messages")
        self.assertIn("Linux version", messages)
        self.assertEqual([line for line in messages.splitlines() if _COMPLAINTS.search(line)], [])

    def test_the_cpus_of_both_count_exactly(self):
        output = self.output("count")
        self.assertEqual(
            sorted(re.findall(r"^cpu (\d) on node (\d)$", output, re.MULTILINE)), [("0", "0"), ("1", "1")])
        for kind in ("added", "exchanged", "guarded"):
            self.assertIn(f"{kind}: {2 * ADDITIONS} of {2 * ADDITIONS}\n", output)
        self.assert_succeeded("count")

    def test_the_cpus_of_both_see_no_order_that_x86_forbids(self):
        output = self.output("litmus")
        for name in ("SB", "MP", "LB", r"2\+2W", "CoRR"):
            for placement in ("one page", "two pages"):
                line = rf"^{name} on {placement}: forbidden (\d+) of {ROUNDS * 32}, outcomes (.*)$"
                match = re.search(line, output, re.MULTILINE)
                self.assertTrue(match, output)
                self.assertEqual(match[1], "0", output)
                # The threads do meet: now one is first, now the other.
                self.assertGreater(len(match[2].split(", ")), 1, output)
        self.assertIn("IRIW: skipped, it needs 4 CPUs\n", output)
        self.assert_succeeded("litmus")

    def test_what_either_has_written_the_other_reads(self):
        output = self.output("fill")
        pages = [int(count) for count in re.findall(r": (\d+) pages, read by 1 others$", output, re.MULTILINE)]
        self.assertEqual(len(pages), 2, output)
        # PERCENT of what is available, which is most of both PCs' memory.
        self.assertGreater(sum(pages) * 4096, 2 * _HARDWARE.memory * 2**20 * PERCENT // 100 // 2)
        self.assertRegex(output, r"(?m)^mismatches: 0 of [1-9]\d* words$")
        self.assert_succeeded("fill")

    def test_the_commands_status_is_the_launchers(self):
        self.assertEqual(self.launcher.returncode, EXIT_STATUS, self.launcher.stderr)

    def test_a_power_off_leaves_a_report_of_each_node(self):
        self.assertEqual(self.summary["reason"], "poweroff", self.launcher.stderr)
        self.assertEqual([node["report"].get("end") for node in self.summary["nodes"]], ["poweroff"] * 2)


class DeathTests(BigIronTestCase):
    """A node whose power fails takes the guest with it. The other one says so."""

    seconds = 60
    alone = True

    def start_counting(self):
        """A cluster whose guest counts on both CPUs, without end."""
        directory = fresh_directory(self.id())
        job = Job(
            InterpretingQEMU, _HARDWARE, nodes=2, directory=directory, files=[(GUESTS / "count", "/tests/count")],
            command="echo it counts >&2; /tests/count 1000000000000")
        cluster = Cluster(job, make_modules(job, CommandOutput()))
        self.addCleanup(cluster.stop)
        cluster.start()
        cluster.needs_all = True
        console = directory / "guest0.log"
        cluster.wait_until(lambda: b"it counts\n" in console.read_bytes(), "the guest's command", SECONDS_TO_BOOT)
        cluster.needs_all = False
        return cluster

    def assert_death_is_noticed(self, dead, living):
        cluster = self.start_counting()
        start = len(cluster.nodes[living].log)
        cluster.kill(dead)
        cluster.wait_until(lambda: cluster.has_ended, "the end of both nodes", _SECONDS_TO_END)
        node = cluster.nodes[living]
        self.assertEqual((node.reason, node.report["end"]), ("fault", "fault"), node.log)
        self.assertRegex(node.log[start:], rf"\bnode {dead}\b")

    def test_the_death_of_the_second_node_ends_the_first(self):
        self.assert_death_is_noticed(1, 0)

    def test_the_death_of_the_first_node_ends_the_second(self):
        self.assert_death_is_noticed(0, 1)
