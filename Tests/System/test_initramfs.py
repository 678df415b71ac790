import io
import subprocess
import tarfile
import tempfile
import unittest

from cluster.cpio import Archive
from cluster.initramfs import CommandOutput, make_initramfs


class ArchiveTests(unittest.TestCase):
    def test_unpacks_to_what_was_put_in(self):
        archive = Archive()
        archive.add_file("/a/b/file", b"contents", 0o755)
        archive.add_link("/a/link", "/a/b/file")
        with tempfile.TemporaryDirectory() as directory:
            subprocess.run(
                ["busybox", "cpio", "-i"], input=archive.finish(), cwd=directory, check=True, capture_output=True)
            listing = subprocess.run(["tar", "-c", "."], cwd=directory, check=True, capture_output=True).stdout
        with tarfile.open(fileobj=io.BytesIO(listing)) as files:
            self.assertEqual(files.extractfile("./a/b/file").read(), b"contents")
            self.assertEqual(files.getmember("./a/b/file").mode, 0o755)
            self.assertEqual(files.getmember("./a/link").linkname, "/a/b/file")

    def test_another_archive_can_follow(self):
        archive = Archive()
        archive.add_file("odd", b"123")
        self.assertEqual(len(archive.finish()) % 4, 0)

    def test_a_path_cannot_be_there_twice(self):
        archive = Archive()
        archive.add_file("/a", b"")
        with self.assertRaises(ValueError):
            archive.add_link("/a", "/b")

    def test_the_same_contents_give_the_same_bytes(self):
        self.assertEqual(make_initramfs(), make_initramfs())


class CommandOutputTests(unittest.TestCase):
    def setUp(self):
        self.output = CommandOutput()
        self.token = self.output.token.encode()

    def test_output_comes_back_byte_by_byte_and_the_status_with_it(self):
        data = bytes(range(256)) * 3
        stream = data + self.token + b" 7\n"
        received = b"".join(self.output.feed_output(stream[i : i + 1]) for i in range(len(stream)))
        self.assertEqual((received, self.output.status), (data, 7))

    def test_there_is_no_status_before_its_line_is_whole(self):
        self.output.feed_output(self.token + b" 1")
        self.assertIsNone(self.output.status)
        self.output.feed_output(b"2\n")
        self.assertEqual(self.output.status, 12)

    def test_the_beginning_of_a_token_in_the_output_is_output(self):
        self.assertEqual(self.output.feed_output(b"a" + self.token[:5]), b"a")
        # "-" is in no token, so that nothing else is held back.
        self.assertEqual(self.output.feed_output(b"-"), self.token[:5] + b"-")

    def test_output_is_passed_on_before_the_command_ends(self):
        self.assertEqual(self.output.feed_output(b"line\n"), b"line\n")

    def test_what_comes_after_the_status_is_dropped(self):
        self.output.feed_output(self.token + b" 0\n")
        self.assertEqual(self.output.feed_output(b"late"), b"")

    def test_error_output_is_what_stands_between_the_marks_on_the_console(self):
        mark = self.token + b"\n"
        stream = b"booting\r\n" + mark + b"error\x00\xff\r\n" + mark + b"reboot: Power down\r\n"
        received = b"".join(self.output.feed_console(stream[i : i + 1]) for i in range(len(stream)))
        self.assertEqual(received, b"error\x00\xff\r\n")
