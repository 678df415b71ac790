"""Takes the ELF file out of a Linux bzImage.

The setup header says where the compressed payload stands (Documentation/arch/x86/boot.rst, payload_offset and
payload_length). Debian's cloud kernel packs it as a legacy LZ4 frame; the last four bytes are the unpacked size.
"""

import struct
import subprocess
import sys

_COMPRESSIONS = {
    b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"\x5d\0\0": "lzma", b"\xfd7zXZ": "xz", b"\x89LZO": "lzo",
    b"\x28\xb5\x2f\xfd": "zstd",
}
_LZ4_LEGACY = b"\x02\x21\x4c\x18"


class FormatError(Exception):
    """The file is not a bzImage with an LZ4 payload."""


def extract_elf(image):
    """The ELF file as bytes."""
    if len(image) < 0x250 or image[0x202:0x206] != b"HdrS":
        raise FormatError("not a bzImage: no setup header")
    if struct.unpack_from("<H", image, 0x206)[0] < 0x208:
        raise FormatError("the boot protocol is older than 2.08 and does not say where the payload is")
    setup_sectors = image[0x1F1] or 4
    offset, length = struct.unpack_from("<II", image, 0x248)
    start = (setup_sectors + 1) * 512 + offset
    payload = image[start : start + length]
    if len(payload) < length or length < 8:
        raise FormatError("truncated: the payload ends after the file")
    if not payload.startswith(_LZ4_LEGACY):
        names = [name for magic, name in _COMPRESSIONS.items() if payload.startswith(magic)]
        raise FormatError(f"the payload is {names[0] if names else 'of an unknown format'}; only LZ4 can be unpacked")
    size = struct.unpack_from("<I", payload, length - 4)[0]
    unpacked = subprocess.run(["lz4", "-dc"], input=payload[:-4], capture_output=True).stdout
    if len(unpacked) < size or not unpacked.startswith(b"\x7fELF"):
        raise FormatError("the payload does not unpack to an ELF file of the length that it states")
    return unpacked[:size]


def main():
    source, destination = sys.argv[1:]
    with open(source, "rb") as file:
        image = file.read()
    try:
        elf = extract_elf(image)
    except FormatError as error:
        sys.exit(f"{source}: {error}")
    with open(destination, "wb") as file:
        file.write(elf)


if __name__ == "__main__":
    main()
