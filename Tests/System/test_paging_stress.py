"""Guests that do with their page tables what is hardest for who keeps copies of them, with the kernel's page table
isolation (KPTI) and without. Only on QEMU: they count on a guest that is fast."""

import re
import shutil

from big_iron import GUESTS, SHADOW, SVM, BigIronTestCase, complaints, on_backends
from cluster.initramfs import with_libraries
from cluster.machine import Hardware

CPUS = 2
PAGING = (GUESTS / "paging", "/tests/paging")
SUBTESTS = {"fork", "protect", "large", "remap", "code", "tables", "bits", "files", "exec", "shootdown"}
SECONDS_PER_SUBTEST = 2

# What paging.c asks for. khugepaged looks more often than every ten seconds.
PREPARATION = """\
echo 0 >/proc/sys/vm/compact_unevictable_allowed
echo 16 >/proc/sys/vm/nr_hugepages
echo always >/sys/kernel/mm/transparent_hugepage/enabled
echo 100 >/sys/kernel/mm/transparent_hugepage/khugepaged/scan_sleep_millisecs
"""

MESSAGES = "dmesg -l warn,err,crit,alert,emerg"
# Linux says this where the host has run something else for long while it was to handle a timer's interrupt.
ONLY_A_BUSY_HOST = re.compile(r"\[ *[\d.]+\] hrtimer: interrupt took \d+ ns")


class StressTestCase(BigIronTestCase):
    def stress(self, command, isolates, files, timeout, options=()):
        """Runs a command, which has to succeed, in a guest; returns its output and the run."""
        run = self.boot(
            hardware=Hardware(cores=CPUS, memory=512), append="pti=on" if isolates else "nopti", files=files,
            timeout=timeout, options=options,
            command=f"echo == before; {MESSAGES}; echo == isolation; grep -cw pti /proc/cpuinfo\n"
            f"echo == command\n{command}\nstatus=$?\necho == after; {MESSAGES}; exit $status")
        self.assertEqual((run.result.status, run.result.reason), (0, "poweroff"), f"{run.output}\n{run.errors}")
        self.assertEqual(complaints(run.log), [])
        pieces = re.split(r"^== (\w+)\n", run.output, flags=re.MULTILINE)[1:]
        outputs = dict(zip(pieces[::2], pieces[1::2]))
        self.assertEqual(outputs["isolation"], f"{CPUS if isolates else 0}\n")
        news = set(outputs["after"].splitlines()) - set(outputs["before"].splitlines())
        self.assertEqual([line for line in news if not ONLY_A_BUSY_HOST.fullmatch(line)], [])
        for vcpu in run.result.report["vcpus"]:
            if self.backend is SHADOW:
                self.assertGreater(vcpu["shadowFill"], 1000)
            else:
                self.assertEqual(vcpu["shadowFill"], 0)
        return outputs["command"], run

    def run_program(self, isolates, options=()):
        """Runs Tests/Guests/paging, a process on each CPU."""
        output, run = self.stress(
            f"{PREPARATION}/tests/paging all {SECONDS_PER_SUBTEST} '' {CPUS}", isolates, [PAGING], 400, options)
        self.assertNotIn("paging:", run.errors)
        ended = re.findall(r"^(\w+) ok ([1-9]\d*)$", output, re.MULTILINE)
        self.assertEqual(sorted(name for name, _ in ended), sorted([*SUBTESTS] * CPUS))
        return run


@on_backends(SVM, SHADOW)
class PagingProgramTests(StressTestCase):
    seconds = 200

    def test_without_isolation(self):
        self.run_program(isolates=False)

    def test_with_isolation(self):
        self.run_program(isolates=True)


@on_backends(SHADOW)
class PagingWhilePagesMoveTests(StressTestCase):
    seconds = 200

    def test_no_leaf_keeps_a_page_that_has_moved(self):
        run = self.run_program(isolates=False, options=["debug.move=1000000"])
        self.assertGreater(run.result.report["movedPages"], 2000)


@on_backends(SVM, SHADOW)
class StressNGTests(StressTestCase):
    """Debian's stress-ng, which verifies what it writes. It ends after work, not after time: how much a guest does in a
    second is the host's affair. And alone: a vCPU without a core keeps the other one waiting at each shootdown."""

    seconds = 60
    alone = True
    stressors = {"vm": "--vm-bytes 4M", "mmap": "--mmap-bytes 2M", "fork": ""}
    operations = {"vm": 50, "mmap": 4, "fork": 60}

    def run_stressors(self, isolates):
        stressors = " ".join(
            f"--{name} {CPUS} {options} --{name}-ops {self.operations[name]}" for name, options in self.stressors.items())
        output, _ = self.stress(
            f"stress-ng {stressors} --verify --metrics-brief --timeout 0 2>&1", isolates,
            with_libraries(shutil.which("stress-ng")), timeout=400)
        self.assertNotRegex(output, r"(?i)fail|error|warn")
        self.assertIn("successful run completed", output)
        counts = {name: int(count) for name, count in re.findall(r"metrc: \[\d+\] (\w+) +(\d+) ", output)}
        self.assertEqual(counts.keys(), self.operations.keys())
        for name, count in self.operations.items():
            self.assertGreaterEqual(counts[name], count, output)

    def test_without_isolation(self):
        self.run_stressors(isolates=False)

    def test_with_isolation(self):
        self.run_stressors(isolates=True)
