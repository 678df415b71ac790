#!/usr/bin/env python3
"""Makes the symbol table that the kernel prints backtraces from.

usage: symbols.py ELF OUTPUT     the function symbols of ELF
       symbols.py --empty OUTPUT a table without symbols

Format, little-endian: u32 count; count times u32 address, u32 offset of the name from the table's start, in
rising order of addresses; then the names, demangled, each ending in NUL.
"""
import struct
import subprocess
import sys


def function_symbols(elf):
    listing = subprocess.run(
        ["llvm-nm", "--defined-only", "--numeric-sort", elf], check=True, capture_output=True, text=True
    ).stdout
    by_address = {}
    for line in listing.splitlines():
        address, kind, name = line.split(maxsplit=2)
        if kind in "tT":
            by_address.setdefault(int(address, 16), name)
    demangled = subprocess.run(
        ["swift", "demangle", "--compact", "--simplified"],
        input="\n".join(by_address.values()), check=True, capture_output=True, text=True,
    ).stdout.splitlines()
    return sorted(zip(by_address, demangled))


def table(symbols):
    names = bytearray()
    entries = bytearray()
    start = 4 + 8 * len(symbols)
    for address, name in symbols:
        entries += struct.pack("<II", address, start + len(names))
        names += name.encode()[:120] + b"\0"
    return struct.pack("<I", len(symbols)) + entries + names


def main(arguments):
    if len(arguments) != 2:
        sys.exit(__doc__)
    source, output = arguments
    symbols = [] if source == "--empty" else function_symbols(source)
    with open(output, "wb") as file:
        file.write(table(symbols))


if __name__ == "__main__":
    main(sys.argv[1:])
