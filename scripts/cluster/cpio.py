"""Archives for the Linux initramfs: the "newc" format (Documentation/driver-api/early-userspace/buffer-format.rst).

The same entries give the same bytes: no time, owner, inode or device of the host goes in.
"""

import stat

_ALIGNMENT = 4


class Archive:
    """Collects entries; parent directories are added as they are needed."""

    def __init__(self):
        self._bytes = bytearray()
        self._paths = set()

    def add_file(self, path, contents, permissions=0o644):
        self._add_parents(path)
        self._add(path, stat.S_IFREG | permissions, contents)

    def add_link(self, path, target):
        self._add_parents(path)
        self._add(path, stat.S_IFLNK | 0o777, target.encode())

    def finish(self):
        """The archive's bytes, padded so that another archive may follow them."""
        self._append("TRAILER!!!", 0, b"")
        return bytes(self._bytes)

    def _add_parents(self, path):
        parents = path.strip("/").split("/")[:-1]
        for depth in range(1, len(parents) + 1):
            directory = "/".join(parents[:depth])
            if directory not in self._paths:
                self._add(directory, stat.S_IFDIR | 0o755, b"")

    def _add(self, path, mode, contents):
        path = path.strip("/")
        if path in self._paths:
            raise ValueError(f"{path}: twice in the initramfs")
        self._paths.add(path)
        self._append(path, mode, contents)

    def _append(self, name, mode, contents):
        name = name.encode() + b"\0"
        links = 2 if stat.S_ISDIR(mode) else 1
        # inode, mode, uid, gid, links, mtime, size, device and rdev (major, minor), name size, checksum
        fields = (0, mode, 0, 0, links, 0, len(contents), 0, 0, 0, 0, len(name), 0)
        self._bytes += b"070701" + b"".join(b"%08x" % field for field in fields) + name
        self._pad()
        self._bytes += contents
        self._pad()

    def _pad(self):
        self._bytes += bytes(-len(self._bytes) % _ALIGNMENT)
