"""Bootable images: one hybrid ISO for BIOS and UEFI, CD and USB stick, made by grub-mkrescue.

Big Iron takes its guest as boot modules: the first is the guest's kernel, and its string is the guest's command line;
the second, if any, is its initrd; to a Multiboot guest all but the first are modules in turn.
"""

import argparse
import pathlib
import shlex
import shutil
import subprocess
import tempfile
from typing import NamedTuple

from . import BUILD
from .initramfs import INIT, make_initramfs

KERNEL = BUILD / "bigiron.elf"
GUEST_KERNEL = BUILD / "guest/vmlinuz"
GUEST_COMMAND_LINE = "console=ttyS0,115200 panic=-1"
"""What every guest's command line begins with. At Linux's default of 9,600 baud a guest with nothing under it would wait
for its emulated line for a third of the boot. A guest that panics resets at once, which ends the run."""

# What grub.cfg needs; the images stay small and load fast under emulation.
_GRUB_MODULES = "normal serial terminal halt"


class Module(NamedTuple):
    path: pathlib.Path
    string: str = ""


class ImageError(Exception):
    """The image cannot be made; says why."""


def make_image(destination, kernel, options="", modules=(), protocol="multiboot2", unattended=True):
    """Writes an ISO that boots `kernel` by `protocol` ("multiboot" or "multiboot2").

    `unattended` is for emulators: GRUB talks on the first serial port and powers off where it cannot load a file.
    Otherwise it talks on the screen and ends in its own prompt.
    """
    command = {"multiboot": "module", "multiboot2": "module2"}[protocol]
    lines = [(protocol, Module(kernel, options))] + [(command, module) for module in modules]
    _make(destination, lines, protocol, unattended)


def make_linux_image(destination, kernel, initrd, command_line):
    """Writes an ISO that boots Linux with nothing under it, for comparison."""
    _make(destination, [("linux", Module(kernel, command_line)), ("initrd", Module(initrd))], "linux", True)


def _make(destination, lines, protocol, unattended):
    with tempfile.TemporaryDirectory(prefix="bigiron-iso-") as directory:
        boot = pathlib.Path(directory, "boot")
        (boot / "grub").mkdir(parents=True)
        script = "set timeout=0\n"
        if unattended:
            script += "serial --unit=0 --speed=115200\nterminal_output serial\n"
        for number, (command, file) in enumerate(lines):
            path = pathlib.Path(file.path)
            if not path.is_file():
                raise ImageError(f"{path}: no such file")
            name = f"{number}-{path.name}"
            shutil.copyfile(path, boot / name)
            script += f"if {command} {_quote('/boot/' + name)} {_words(file.string)}; then\n"
        script += "boot\n" + "fi\n" * len(lines) + ("halt\n" if unattended else "")
        (boot / "grub/grub.cfg").write_text(script)
        modules = f"--install-modules={_GRUB_MODULES} {protocol}"
        command = ["grub-mkrescue", "--fonts=", "--locales=", "--themes=", modules, "--output", destination]
        run = subprocess.run(command + [directory], capture_output=True, text=True)
        if run.returncode:
            raise ImageError(f"grub-mkrescue failed:\n{run.stderr}")


def _words(text):
    """`text` as arguments for GRUB, which puts a word that has spaces in it in double quotes again."""
    words = shlex.split(text)
    for word in words:
        if not word.isprintable() or set(word) & set("\\'\""):
            raise ImageError(f"{word!r}: GRUB cannot pass on quotation marks, backslashes and control characters")
    return " ".join(_quote(word) for word in words)


def _quote(word):
    return f"'{word}'"


def main():
    parser = argparse.ArgumentParser(description="Makes the image that boots a PC into Big Iron and its guest's shell.")
    parser.add_argument("--options", default="", help="the kernel's options: KEY=VALUE ...")
    parser.add_argument("destination")
    arguments = parser.parse_args()
    with tempfile.NamedTemporaryFile(prefix="bigiron-initramfs-") as initramfs:
        initramfs.write(make_initramfs())
        initramfs.flush()
        guest = Module(GUEST_KERNEL, f"{GUEST_COMMAND_LINE} rdinit={INIT}")
        make_image(arguments.destination, KERNEL, arguments.options, [guest, Module(initramfs.name)], unattended=False)


if __name__ == "__main__":
    main()
