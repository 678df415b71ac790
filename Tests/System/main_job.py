"""The main job on each back end: one boot with two cores by the command that users start, which many tests look at."""

import concurrent.futures
import json
import os
import subprocess
import threading
import time

from big_iron import GUESTS, fresh_directory
from cluster import ROOT
from cluster.cpio import Archive
from cluster.sections import make_script, split

MARKER = "a warning of our own"
ALL_BYTES = bytes(range(256)) * 16
EXIT_STATUS = 7
GUEST_MEMORY = 448
"""MiB: less than what any back end can give of the machine's 512."""

SECONDS_TO_BOOT = 400
"""On a busy host."""

# What the guest runs, by name, with the back end's numbers put in. It waits a little for the TSC to become its clock:
# where the CPU does not tell the TSC's frequency, Linux takes a second to make sure.
_SECTIONS = {
    "cpus": "nproc",
    "release": "uname -r",
    "clock source": """
        cd /sys/devices/system/clocksource/clocksource0
        for i in $(seq 50); do [ "$(cat current_clocksource)" = tsc ] && break; sleep 0.1; done
        cat current_clocksource""",
    "messages": f"echo '<4>{MARKER}' >/dev/kmsg; dmesg -l warn,err,crit,alert,emerg",
    "date": "date -u +%s",
    "sleep": "read -r before _ </proc/uptime; sleep 1; read -r after _ </proc/uptime; echo $before $after",
    "threads": "/tests/threads {additions} 20000",
    "interrupts": "cat /proc/interrupts",
    "ACPI tables": "cd /sys/firmware/acpi/tables; md5sum [A-Z]*",
    "memory map": "cd /sys/firmware/memmap; for range in *; do (cd $range; echo $(cat start end type)); done",
    "memory": "grep -v Kernel /proc/iomem",
    "ports": "cat /proc/ioports",
    "devices": "cd /sys/bus; for bus in *; do echo $bus: $(ls $bus/devices); done",
    "timers": "cat /sys/devices/system/clockevents/*/current_device",
    "processors": "cat /proc/cpuinfo",
    "topology": """
        cd /sys/devices/system
        grep -r . cpu/online cpu/possible cpu/present cpu/cpu*/topology node/online node/possible node/node*/cpulist
        for cache in cpu/cpu*/cache/index*; do (cd $cache; echo $cache $(cat level type shared_cpu_list)); done""",
    "bytes": f"cat /tests/bytes; echo to the user >&2; exit {EXIT_STATUS}",
}


class MainJob:
    """What a boot that has ended left behind."""

    def __init__(self, backend):
        self.directory = fresh_directory(f"main_job.{backend.name}")
        initrd = self.directory / "tests.cpio"
        archive = Archive()
        archive.add_file("/tests/bytes", ALL_BYTES)
        archive.add_file("/tests/threads", (GUESTS / "threads").read_bytes(), 0o755)
        initrd.write_bytes(archive.finish())
        options = [f"--option={option}" for option in (*backend.options, f"guest.memory={GUEST_MEMORY}M")]
        command = make_script(_SECTIONS).replace("{additions}", str(backend.additions))
        self.began = time.time()
        # The PC's clock shows UTC, wherever its user is.
        self.launcher = subprocess.run(
            [ROOT / "scripts/qemu-cluster.sh", "--machine", backend.machine.name, "--no-kvm", "--nodes", "1",
             "--cores", "2", "--initrd", initrd, *options, "--run-directory", self.directory, "--timeout", str(SECONDS_TO_BOOT),
             "--exec", command],
            capture_output=True, stdin=subprocess.DEVNULL, env=os.environ | {"TZ": "Asia/Kolkata"})
        self.ended = time.time()
        (self.directory / "output").write_bytes(self.launcher.stdout)
        if self.launcher.returncode != EXIT_STATUS:
            raise AssertionError(self.launcher.stderr.decode(errors="replace"))
        self.outputs = split(self.launcher.stdout)
        self.summary = json.loads((self.directory / "summary.json").read_text())
        self.report = self.summary["report"]

    def output(self, section):
        return self.outputs[section].decode()


_jobs = {}
_lock = threading.Lock()


def main_job(backend):
    """The job on that back end: started by who asks first, waited for by the others, who share its failure."""
    with _lock:
        starts = backend.name not in _jobs
        job = _jobs.setdefault(backend.name, concurrent.futures.Future())
    if starts:
        try:
            job.set_result(MainJob(backend))
        except Exception as error:
            job.set_exception(error)
    return job.result()
