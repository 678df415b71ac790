import pathlib
import subprocess
import tempfile
import unittest

from cluster.image import ImageError, Module, make_image


class ImageTests(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = pathlib.Path(directory.name)
        self.kernel = self.directory / "kernel"
        self.kernel.write_bytes(b"kernel")
        self.image = self.directory / "image.iso"

    def grub_configuration(self, **arguments):
        make_image(self.image, self.kernel, **arguments)
        subprocess.run(
            ["xorriso", "-osirrox", "on", "-indev", self.image, "-extract", "/boot/grub/grub.cfg",
             self.directory / "grub.cfg"], check=True, capture_output=True)
        return (self.directory / "grub.cfg").read_text()

    def test_boots_from_bios_and_uefi_from_cd_and_from_a_usb_stick(self):
        make_image(self.image, self.kernel)
        command = ["xorriso", "-indev", self.image, "-report_el_torito", "plain", "-report_system_area", "plain"]
        report = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        self.assertRegex(report, r"El Torito boot img.*BIOS +y")
        self.assertRegex(report, r"El Torito boot img.*UEFI +y")
        self.assertRegex(report, r"System area summary:.*MBR.*grub2-mbr.*GPT")
        # A GPT partition of the type "EFI system partition", which firmware looks for on a stick.
        self.assertIn("28732ac11ff8d211ba4b00a0c93ec93b", report)

    def test_modules_follow_the_kernel_in_their_order_with_their_strings(self):
        first, second = self.directory / "first", self.directory / "second"
        first.write_bytes(b"1")
        second.write_bytes(b"2")
        modules = [Module(first, "console=ttyS0 quiet"), Module(second)]
        configuration = self.grub_configuration(options="log=debug", modules=modules)
        lines = [line for line in configuration.splitlines() if "/boot/" in line]
        self.assertEqual(
            lines, [
                "if multiboot2 '/boot/0-kernel' 'log=debug'; then",
                "if module2 '/boot/1-first' 'console=ttyS0' 'quiet'; then",
                "if module2 '/boot/2-second' ; then",
            ])

    def test_multiboot_1_has_commands_of_its_own(self):
        configuration = self.grub_configuration(modules=[Module(self.kernel)], protocol="multiboot")
        self.assertIn("if multiboot '/boot/0-kernel'", configuration)
        self.assertIn("if module '/boot/1-kernel'", configuration)

    def test_nothing_in_a_string_is_a_command_to_grub(self):
        configuration = self.grub_configuration(options="a; halt $b {c} 'd e'")
        self.assertIn("'a;' 'halt' '$b' '{c}' 'd e'; then", configuration)

    def test_what_grub_would_change_is_refused(self):
        for options in (r"'a\b'", "\"it's\"", "'say \"x\"'", "'a\tb'"):
            with self.subTest(options), self.assertRaises(ImageError):
                make_image(self.image, self.kernel, options)

    def test_a_missing_file_is_named(self):
        with self.assertRaisesRegex(ImageError, "absent"):
            make_image(self.image, self.kernel, modules=[Module(self.directory / "absent")])
