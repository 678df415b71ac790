"""Whatever runs the guest, it sees the same machine. What differs is what follows from the CPU's vendor and model."""

import re
import unittest

from big_iron import BACKENDS
from main_job import main_job

# What Linux finds by CPUID, and what the hyperkernel puts there itself.
OF_THE_CPU_MODEL = (
    "vendor_id", "cpu family", "model", "model name", "stepping", "microcode", "cpu MHz", "cache size", "cpuid level",
    "flags", "vmx flags", "bugs", "bogomips", "TLB size", "clflush size", "cache_alignment", "address sizes")
OF_THE_HYPERKERNEL = {"hypervisor", "x2apic", "tsc_deadline_timer", "constant_tsc", "nonstop_tsc", "tsc_adjust", "arat"}


class AlikeTests(unittest.TestCase):
    """Compares the outputs of the main job on the first back end and on each other one."""

    @classmethod
    def setUpClass(cls):
        cls.jobs = [main_job(backend) for backend in BACKENDS]

    def assert_alike(self, section, view=str.splitlines):
        """`view` takes out of the section what must be the same."""
        first, *others = [view(job.output(section)) for job in self.jobs]
        self.assertTrue(first, section)
        for other, backend in zip(others, BACKENDS[1:]):
            with self.subTest(f"{section} on {backend.name}"):
                self.assertEqual(other, first)

    def test_firmware_tells_the_same(self):
        self.assert_alike("ACPI tables")
        self.assert_alike("memory map")

    def test_memory_and_ports_are_the_same(self):
        self.assert_alike("memory")
        self.assert_alike("ports")

    def test_devices_are_the_same(self):
        self.assert_alike("devices")

    def test_interrupts_come_by_the_same_controllers(self):
        self.assert_alike("interrupts", sources_of_interrupts)

    def test_clocks_and_timers_are_the_same(self):
        self.assert_alike("clock source")
        self.assert_alike("timers")

    def test_processors_are_in_the_same_places(self):
        self.assert_alike("topology", topology)

    def test_processors_differ_by_their_model_alone(self):
        self.assert_alike("processors", lambda output: processors(output)[0])
        for job, backend in zip(self.jobs, BACKENDS):
            for flags in processors(job.output("processors"))[1]:
                self.assertLessEqual(OF_THE_HYPERKERNEL, flags, backend.name)


def sources_of_interrupts(output):
    """The lines of /proc/interrupts without their counts."""
    header, *lines = output.splitlines()
    return [re.sub(r"(\s+\d+)+(?=\s|$)", "", line, count=1) for line in lines]


def topology(output):
    # Where a CPU does not name the cache that a cluster shares, Linux has no number for the cluster.
    return [line for line in output.splitlines() if "/cluster_id:" not in line]


def processors(output):
    """The lines of /proc/cpuinfo that must be the same, and each CPU's flags."""
    fields = [re.split(r"\s*:\s*", line, maxsplit=1) for line in output.splitlines() if line]
    flags = [set(value.split()) for name, value in fields if name == "flags"]
    return [field for field in fields if field[0] not in OF_THE_CPU_MODEL], flags
