"""The guest's boot modules: a Linux kernel with its command line, and an initramfs of ours."""

from .image import GUEST_COMMAND_LINE, Module
from .initramfs import INIT, make_initramfs


def make_modules(job, command=None):
    """The boot modules; none where the nodes' own command lines are all that is asked for.

    `command` is the CommandOutput of the job's command, if it has one.
    """
    if job.modules is not None or job.commands is not None:
        return job.modules or []
    job.directory.mkdir(parents=True, exist_ok=True)
    line = [GUEST_COMMAND_LINE]
    initrd = job.directory / "initrd0"
    ours = make_initramfs(job.command, command and command.token, job.files, is_whole=job.initrd is None)
    if job.initrd is None:
        initrd.write_bytes(ours)
    else:
        theirs = job.initrd.read_bytes()
        # Archives follow each other at multiples of four bytes.
        initrd.write_bytes(theirs + bytes(-len(theirs) % 4) + ours if command else theirs)
    if job.initrd is None or command:
        line.append(f"rdinit={INIT}")
    # It runs on all machines, and has to cope with each.
    words = dict.fromkeys(word for machine in job.machines for word in machine.guest_words())
    if job.nodes > 1:
        # Linux would unpack itself to a random place, which may be another node's memory, page by page.
        line.append("nokaslr")
    return [Module(job.kernel, " ".join([*line, *words, job.append])), Module(initrd)]
