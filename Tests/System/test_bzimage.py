import unittest

from cluster.bzimage import FormatError, extract_elf
from cluster.image import GUEST_KERNEL


class ExtractionTests(unittest.TestCase):
    def setUp(self):
        self.image = GUEST_KERNEL.read_bytes()
        self.payload = (self.image[0x1F1] + 1) * 512 + int.from_bytes(self.image[0x248:0x24C], "little")

    def assert_refused(self, image, words):
        with self.assertRaisesRegex(FormatError, words):
            extract_elf(image)

    def test_the_kernel_is_found_in_debians_image(self):
        self.assertEqual(extract_elf(self.image)[:5], b"\x7fELF\x02")

    def test_another_file_is_refused(self):
        self.assert_refused(b"\x7fELF" + bytes(4096), "not a bzImage")
        self.assert_refused(b"", "not a bzImage")

    def test_a_truncated_image_is_refused(self):
        self.assert_refused(self.image[: len(self.image) // 2], "truncated")

    def test_another_compression_is_named(self):
        image = self.image[: self.payload] + b"\xfd7zXZ\0" + self.image[self.payload + 6 :]
        self.assert_refused(image, "payload is xz")

    def test_a_damaged_payload_is_refused(self):
        image = self.image[: self.payload + 4] + bytes(16) + self.image[self.payload + 20 :]
        self.assert_refused(image, "does not unpack")
