"""One guest on two emulated PCs: Debian's kernel sees both, memory is coherent between them, and they end together.

On QEMU that is AMD-V with shadow tables, on Bochs VT-x with EPT.
"""

import json
import re
import subprocess
import sys

from big_iron import GUESTS, BigIronTestCase, fresh_directory
from cluster import ROOT, programs
from cluster.cluster import Cluster
from cluster.cpio import Archive
from cluster.guest import make_modules
from cluster.image import Module
from cluster.initramfs import CommandOutput
from cluster.machine import Hardware
from cluster.qemu import InterpretingQEMU
from cluster.run import Job, Status
from cluster.sections import make_script, split
from main_job import EXIT_STATUS, SECONDS_TO_BOOT

CPUS = 2

_HARDWARE = Hardware(cores=1, memory=512)
_MESSAGES_UNDER_WAY = 64
_SECONDS_TO_WORK = 600
_SECONDS_TO_END = 60

# What /proc/cpuinfo has of each CPU for itself is left out.
PROCESSORS = "grep -vE '^(processor|physical id|core id|(initial )?apicid|cpu MHz|bogomips)?[[:space:]]*(:|$)' \
    /proc/cpuinfo | sort | uniq -c"


def processors(of_section):
    """What all CPUs have in common, by name; what one alone has is a failure."""
    common = {}
    for line in of_section.splitlines():
        count, name, value = re.fullmatch(r" *(\d+) (.*?)\s*: ?(.*)", line).groups()
        if name in common or int(count) != CPUS:
            raise AssertionError(f"not alike: {of_section}")
        common[name] = value
    return common


def sections(of_programs):
    """What the guest runs, by name. Its clock and what it had to complain of come after all the work."""
    return {
        "cpus": "nproc",
        "nodes": """
            cd /sys/devices/system/node
            cat online
            for node in node*; do echo $node: cpus $(cat $node/cpulist), $(grep MemTotal $node/meminfo); done""",
        "distances": "cat /sys/devices/system/node/node*/distance",
        "processors": PROCESSORS,
        **{program.name: program.script for program in of_programs},
        "clock source": "cat /sys/devices/system/clocksource/clocksource0/current_clocksource",
        "messages": "dmesg",
        "end": f"exit {EXIT_STATUS}",
    }


class TwoNodes:
    """One run by the command that users start. A section that did not come fails the test that looks at it."""

    alone = True

    machine: str
    memory: int
    """MiB of each node."""
    percent: int
    """Of the guest's memory that is filled."""
    programs: list
    known_complaint = "(?!)"
    """A regular expression of what Linux has reason to say."""

    @classmethod
    def setUpClass(cls):
        directory = cls.directory = fresh_directory(f"{cls.__module__}.{cls.__qualname__}")
        initrd = directory / "tests.cpio"
        archive = Archive()
        for source, path in (file for program in cls.programs for file in program.files):
            archive.add_file(path, source.read_bytes(), 0o755)
        initrd.write_bytes(archive.finish())
        # As it comes, for a look at where it stands.
        with open(directory / "output", "wb") as output:
            cls.launcher = subprocess.run(
                [ROOT / "scripts/qemu-cluster.sh", "--machine", cls.machine, "--no-kvm", "--nodes", "2", "--cores", "1",
                 "--memory", str(cls.memory), "--initrd", initrd, "--run-directory", directory,
                 "--timeout", str(SECONDS_TO_BOOT + _SECONDS_TO_WORK), "--exec", make_script(sections(cls.programs))],
                stdout=output, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL)
        pieces = split((directory / "output").read_bytes())
        cls.outputs = {name: piece.decode(errors="replace") for name, piece in pieces.items()}
        cls.errors = cls.launcher.stderr.decode(errors="replace")
        cls.summary = json.loads((directory / "summary.json").read_text())

    def output(self, section):
        self.assertIn(section, self.outputs, self.errors)
        return self.outputs[section]

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
            self.assertGreater(sizes[-1], self.memory * 2**20 // 2)
        # Nine tenths of the PCs' memory, with what Linux keeps to itself left out.
        self.assertGreaterEqual(10 * sum(sizes), 9 * 2 * self.memory * 2**20)

    def test_the_cpus_are_alike_and_have_what_both_nodes_have(self):
        flags = processors(self.output("processors"))["flags"].split()
        self.assertLessEqual({"xsave", "avx", "avx2", "fma", "rdrand", "smep"}, set(flags))

    def test_each_node_is_near_to_itself_and_far_from_the_other(self):
        self.assertEqual(self.output("distances"), "10 40\n40 10\n")
        # A load takes less than a round trip, and both have been measured.
        latencies = dict(re.findall(r"Initiator-Target\[(\d-\d)\]:(\d+) nsec", self.output("messages")))
        self.assertEqual(latencies["0-1"], latencies["1-0"])
        for own in (latencies["0-0"], latencies["1-1"]):
            self.assertIn(int(own), range(1, int(latencies["0-1"])))

    def test_the_kernel_complains_of_no_lockup_no_stall_and_no_clock(self):
        messages = self.output("messages")
        self.assertIn("Linux version", messages)
        complaints = [line for line in programs.complaints(messages) if not re.search(self.known_complaint, line)]
        self.assertEqual(complaints, [])

    def test_the_programs_find_nothing_wrong(self):
        for program in self.programs:
            with self.subTest(program=program.name):
                output = self.output(program.name)
                self.assertEqual(program.problems(output), [], output)

    def test_the_programs_run_on_the_cpus_of_both(self):
        for name, line in (("count", "cpu {0} on node {0}"), ("straddle-lock", "cpu {0} on node {0}"),
                           ("litmus", "thread {0}: cpu {0} on node {0}")):
            output = self.output(name).splitlines()
            self.assertEqual(output[:CPUS], [line.format(cpu) for cpu in range(CPUS)])
        self.assertIn("IRIW: skipped, it needs 4 CPUs\n", self.output("litmus"))

    def test_as_much_of_all_ram_is_filled_as_was_asked_for(self):
        filled, ram = programs.filled(self.output("fill"))
        self.assertGreater(ram, self.memory * 1024 * 3 // 2)
        self.assertGreaterEqual(filled, ram * self.percent / 100)

    def test_the_commands_status_is_the_launchers(self):
        self.assertEqual(self.launcher.returncode, EXIT_STATUS, self.errors)

    def test_a_power_off_leaves_a_report_of_each_node(self):
        self.assertEqual(self.summary["reason"], "poweroff", self.errors)
        self.assertEqual([node["report"].get("end") for node in self.summary["nodes"]], ["poweroff"] * 2)

    def reports(self):
        return [node["report"] for node in self.summary["nodes"]]

    def test_what_one_has_sent_the_other_has_received(self):
        reports = self.reports()
        for sender, receiver in (reports, reports[::-1]):
            messages = sender["messages"]
            for group, name in [("all", "coherence"), ("all", "guest"), ("all", "adoption"),
                                *((group, name) for group in ("pages", "guest") for name in messages[group])]:
                with self.subTest(node=sender["node"], group=group, name=name):
                    sent = messages[group].get(name, {"sent": 0, "sentBytes": 0})
                    received = receiver["messages"][group].get(name, {"received": 0, "receivedBytes": 0})
                    # As many as a link holds may be under way when a node stops to look.
                    self.assertIn(sent["sent"] - received["received"], range(_MESSAGES_UNDER_WAY + 1))
                    if sent["sent"] == received["received"]:
                        self.assertEqual(sent["sentBytes"], received["receivedBytes"])
            for group, whole in (("pages", "coherence"), ("guest", "guest")):
                for key in ("sent", "sentBytes", "received", "receivedBytes"):
                    self.assertEqual(sum(each[key] for each in messages[group].values()), messages["all"][whole][key])
            self.assertGreater(messages["all"]["heartbeat"]["sent"], 0)
            self.assertGreater(messages["pages"]["data"]["sent"], 1000)
        # The second node's CPU asks for devices, and each sends the other interrupts.
        self.assertGreater(reports[1]["messages"]["guest"]["device"]["sent"], 0)
        for report in reports:
            ipis = sum(vcpu["remoteIPIs"] for vcpu in report["vcpus"])
            self.assertIn(ipis, range(1, report["messages"]["guest"]["interrupt"]["sent"] + _MESSAGES_UNDER_WAY + 1))

    def test_faults_are_counted_by_kind_with_their_latency(self):
        for report in self.reports():
            pages = report["pages"]
            for kind, histogram in pages["faults"].items():
                with self.subTest(node=report["node"], kind=kind):
                    self.assertEqual(sum(histogram["buckets"]), histogram["count"])
                    if kind != "joined":  # One vCPU on each node: there is nobody to join.
                        self.assertGreater(histogram["count"], 0)
                    if histogram["count"]:
                        least = sum(count << bucket - 1 for bucket, count in enumerate(histogram["buckets"]) if bucket)
                        self.assertIn(histogram["sumMicroseconds"], range(least, 2 * least + 1))
                        self.assertEqual(len(histogram["buckets"]), histogram["maximumMicroseconds"].bit_length() + 1)
            settled = pages["local"] + sum(histogram["count"] for histogram in pages["faults"].values())
            # A fault that a vCPU was at when the guest ended was not settled.
            self.assertIn(pages["reads"] + pages["writes"] - settled, range(len(report["vcpus"]) + 1))
            self.assertGreater(pages["local"], 0)

    def test_each_node_names_its_hottest_pages(self):
        for report in self.reports():
            pages = report["hotPages"]
            self.assertEqual(len(pages), 32)
            totals = [page["reads"] + page["writes"] for page in pages]
            self.assertEqual(totals, sorted(totals, reverse=True))
            self.assertGreater(totals[0], 10)
            self.assertEqual(len({page["page"] for page in pages}), len(pages))
            faults = report["pages"]["faults"]
            for key, kinds in (("reads", ["read"]), ("writes", ["write", "upgrade"])):
                self.assertLessEqual(sum(page[key] for page in pages), sum(faults[kind]["count"] for kind in kinds))
            for page, total in zip(pages, totals):
                counts = [instruction["count"] for instruction in page["instructions"]]
                self.assertIn(len(counts), range(1, 5))
                self.assertLessEqual(sum(counts), total)
                self.assertEqual(counts, sorted(counts, reverse=True))
            # What the kernel's own code waits for is among them.
            self.assertTrue(any(
                instruction["address"] >> 31 == 0x1_FFFF_FFFF
                for page in pages for instruction in page["instructions"]))

    def test_the_counters_can_be_read_by_people(self):
        result = subprocess.run(
            [sys.executable, ROOT / "scripts/hot-pages.py", self.directory / "summary.json"], capture_output=True,
            text=True)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.assertEqual(len(re.findall(r"^node \d$", result.stdout, re.MULTILINE)), 2)


class TwoNodeTests(TwoNodes, BigIronTestCase):
    seconds = 200
    machine = "qemu"
    memory = 512
    percent = 3
    programs = [
        programs.count(CPUS, 20_000), programs.straddle_lock(CPUS, 100), programs.litmus(CPUS, 20),
        programs.fill(CPUS, percent)]

    def test_the_clock_source_is_the_tsc(self):
        self.assertEqual(self.output("clock source"), "tsc\n")


class BochsTests(TwoNodes, BigIronTestCase):
    """A page takes some four milliseconds from node to node, so that there are fewer of them.

    The clocks of two Bochs processes, which follow the host's in steps, differ by more than that now and then.
    """

    seconds = 250
    machine = "bochs"
    memory = 384
    known_complaint = "Marking TSC unstable due to check_tsc_sync_source failed"
    percent = 1
    programs = [
        programs.count(CPUS, 2_000), programs.straddle_lock(CPUS, 10), programs.litmus(CPUS, 4),
        programs.fill(CPUS, percent)]


class UnlikeProcessorTests(BigIronTestCase):
    """The second PC has another CPU, of the same maker: one with features that the first one lacks, and without some."""

    seconds = 100
    alone = True

    FIRST = "EPYC,-rdrand"
    SECOND = "EPYC-Rome,-avx,-sse4a,-smep,phys-bits=39"

    @classmethod
    def setUpClass(cls):
        directory = fresh_directory(f"{cls.__module__}.{cls.__qualname__}")
        launcher = subprocess.run(
            [ROOT / "scripts/qemu-cluster.sh", "--machine", "qemu", "--no-kvm", "--nodes", "2", "--memory", "384",
             "--cpu", cls.FIRST, "--cpu", f"1:{cls.SECOND}", "--run-directory", directory,
             "--timeout", str(SECONDS_TO_BOOT), "--exec", f"{PROCESSORS}; exit {EXIT_STATUS}"],
            capture_output=True, text=True, stdin=subprocess.DEVNULL)
        cls.status, cls.errors = launcher.returncode, launcher.stderr
        cls.output = launcher.stdout
        cls.logs = [(directory / f"node{number}.log").read_text(errors="replace") for number in range(2)]

    def test_they_run_one_guest(self):
        self.assertEqual(self.status, EXIT_STATUS, self.errors)

    def test_no_cpu_has_a_feature_that_one_node_lacks(self):
        flags = set(processors(self.output)["flags"].split())
        self.assertEqual(
            flags & {"rdrand", "avx", "avx2", "fma", "f16c", "sse4a", "smep"}, set())
        # Only the second one has them.
        self.assertEqual(flags & {"clwb", "umip", "rdpid", "wbnoinvd"}, set())

    def test_what_both_nodes_have_is_there(self):
        flags = set(processors(self.output)["flags"].split())
        self.assertLessEqual({"xsave", "sse4_2", "aes", "smap", "fsgsbase", "bmi2", "clflushopt", "rdtscp"}, flags)

    def test_addresses_are_as_long_as_on_the_node_with_the_shorter_ones(self):
        self.assertEqual(processors(self.output)["address sizes"], "39 bits physical, 48 bits virtual")

    def test_all_cpus_say_that_they_are_the_first_nodes(self):
        common = processors(self.output)
        self.assertEqual((common["cpu family"], common["model"], common["stepping"]), ("23", "1", "2"))
        self.assertEqual(common["model name"], "AMD EPYC Processor")

    def test_each_node_says_what_it_hides(self):
        for number, log in enumerate(self.logs):
            with self.subTest(node=number):
                self.assertIn("cluster: the guest sees only what all nodes' processors have", log)


class DeathTests(BigIronTestCase):
    """A node whose power fails takes the guest with it. The other one says so.

    Both have booted with a guest's kernel, as PCs do that boot copies of one stick.
    """

    seconds = 60
    alone = True

    def start_counting(self):
        """A cluster whose guest counts on both CPUs, without end."""
        directory = fresh_directory(self.id())
        job = Job(
            InterpretingQEMU, _HARDWARE, nodes=2, directory=directory, files=[(GUESTS / "count", "/tests/count")],
            modules_everywhere=True, command="echo it counts >&2; /tests/count 1000000000000")
        cluster = Cluster(job, make_modules(job, CommandOutput()))
        self.addCleanup(cluster.stop)
        cluster.start()
        cluster.needs_all = True
        console = directory / "guest0.log"
        cluster.wait_until(lambda: b"it counts\n" in console.read_bytes(), "the guest's command", SECONDS_TO_BOOT)
        cluster.needs_all = False
        self.assertNotIn("boot modules", cluster.nodes[0].log)
        self.assertIn("boot modules are not used: node 0 loads the guest", cluster.nodes[1].log)
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


class EndTests(BigIronTestCase):
    """However a guest ends that powers nothing off, all nodes end with it, and say how."""

    seconds = 50
    alone = True

    def assert_all_end(self, end, line, **job):
        run = self.boot(machine=InterpretingQEMU, nodes=2, **job)
        self.assertEqual((run.result.status, run.result.reason), (Status.GUEST_FAILED, end), run.errors)
        lines = [line, f"node 0 says that the guest has ended: {end}\n"]
        for number, node in enumerate(run.result.nodes):
            self.assertEqual((node.reason, node.report["end"]), (end, end))
            self.assertIn(lines[number], (run.directory / f"node{number}.log").read_text())

    def test_a_reset(self):
        self.assert_all_end("reset", "guest reset\n", hardware=_HARDWARE, command="reboot -f", timeout=SECONDS_TO_BOOT)

    def test_a_triple_fault(self):
        self.assert_all_end("fault", "guest stopped: vCPU 0: triple fault\n", modules=[Module(GUESTS / "triple-fault")])
