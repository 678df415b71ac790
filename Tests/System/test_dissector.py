"""scripts/bigiron.lua in tshark, on the frames of docs/wire.md and on damaged ones."""

import pathlib
import re
import struct
import tempfile
import unittest

from dissector import dissect

ROOT = pathlib.Path(__file__).resolve().parents[2]
HEADER = 14  # where Big Iron's header starts: Ethernet's ends


def vectors():
    """The specification's examples, by name."""
    text = (ROOT / "docs/wire.md").read_text()
    return {name: bytes.fromhex(dump) for name, dump in re.findall(r"```vector (\S+)\n(.*?)```", text, re.DOTALL)}


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def changed(frame, offset, value):
    """`frame` with other bytes at `offset`, and a checksum that fits."""
    frame = bytearray(frame)
    frame[offset : offset + len(value)] = value
    frame[18:22] = bytes(4)
    (length,) = struct.unpack_from("<H", frame, 16)
    frame[18:22] = struct.pack("<I", crc32c(frame[HEADER : HEADER + length]))
    return bytes(frame)


def capture(frames):
    """A capture file of Ethernet frames, in the format of libpcap."""
    header = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
    return header + b"".join(
        struct.pack("<IIII", index, 0, len(frame), len(frame)) + frame for index, frame in enumerate(frames))


def tshark(frames, *options):
    with tempfile.NamedTemporaryFile(suffix=".pcap") as file:
        file.write(capture(frames))
        file.flush()
        return dissect(file.name, *options)


def fields(frames, *names):
    """The values of these fields, a list for each frame."""
    options = [option for name in names for option in ("-e", name)]
    return [line.split("\t") for line in tshark(frames, "-T", "fields", *options).splitlines()]


def notes(frames):
    """What tshark finds wrong with each frame, as a list; an error in the script would be among it."""
    return [messages.split(",") if messages else [] for [messages] in fields(frames, "_ws.expert.message")]


class DissectorTests(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.vectors = vectors()

    def test_every_frame_of_the_specification_is_named(self):
        names = fields(self.vectors.values(), "_ws.col.Protocol", "_ws.col.Info")
        self.assertEqual({protocol for protocol, _ in names}, {"BIGIRON"})
        self.assertEqual(dict(zip(self.vectors, (info for _, info in names))), {
            "acknowledgement": "0→1 Acknowledgement, ack 258, gap",
            "announcement": "?→? Announcement 8 cores, 16384 MiB, Big Iron 0.2.7",
            "view": "0→1 View epoch 4 agreed, nodes 0 1 63 64 255, ack 258",
            "heartbeat": "0→1 Heartbeat 16909060, hears 0 1 63 64 255, ack 258",
            "clock-request": "0→1 Clock request, ack 258",
            "clock-reply": "0→1 Clock reply ± 12345 ns, ack 258",
            "refusal": "0→1 Refusal protocol version, ack 258",
            "ping": "0→1 Ping 7, seq 9, ack 258",
            "pong-zero-page": "0→1 Pong 7, zero page, seq 10, ack 258",
            "ping-delta": "0→1 Ping 7, 2 lines, seq 4294967295, ack 258",
            "ping-first-fragment": "0→1 Ping 7, 1 line, seq 11, ack 258",
            "coherence-request": "0→1 Coherence Get shared 12345, seq 13, ack 258",
            "coherence-forward": "0→1 Coherence Forward exclusive 12345 for 2, seq 14, ack 258",
            "coherence-data": "0→1 Coherence Data 12345, 1 line, seq 15, ack 258",
            "adoption": "0→1 Adoption 12345, seq 16, ack 258",
            "guest-plan": "0→1 Guest Plan 3072 MiB, 2400000000 Hz, seq 17, ack 258",
            "guest-interrupt": "0→1 Guest Interrupt Fixed 31 level, vCPU 9, seq 18, ack 258",
            "guest-addressing": "0→1 Guest Addressing x2APIC 200, vCPU 9, seq 19, ack 258",
            "guest-device": "0→1 Guest Device write port CF8, 2 bytes 1234, vCPU 9, seq 20, ack 258",
            "guest-end": "0→1 Guest End 2, seq 21, ack 258",
            "guest-distance": "0→1 Guest Distance to node 2, 52000 ns, seq 22, ack 258",
            "ping-last-fragment": "0→1 Ping, 1 more line, seq 12, ack 258",
        })

    def test_nothing_is_wrong_with_them(self):
        self.assertEqual(notes(self.vectors.values()), [[]] * len(self.vectors))

    def test_fields_have_the_values_of_the_specification(self):
        frame = self.vectors["ping-delta"]
        self.assertEqual(
            fields([frame], "bigiron.sender", "bigiron.receiver", "bigiron.cluster", "bigiron.sender_incarnation",
                   "bigiron.receiver_incarnation", "bigiron.epoch", "bigiron.sequence", "bigiron.acknowledgement",
                   "bigiron.lines", "bigiron.line_count", "bigiron.number", "bigiron.sent_at", "bigiron.page"),
            [["0", "1", "0x000000c1", "0x6553f100", "0x6553f10a", "3", "4294967295", "258", "0x8000000000000001", "2",
              "7", str(0x112233445566), "11" * 64 + "22" * 64]])
        self.assertEqual(
            fields([self.vectors["announcement"]], "bigiron.announcement.memory", "bigiron.announcement.address",
                   "bigiron.announcement.tsc", "bigiron.announcement.build", "bigiron.announcement.shadowed",
                   "bigiron.announcement.processor"),
            [[str(1 << 34), "52:54:00:12:34:01", "2394454000", "0x0123456789abcdef", "1",
              ",".join(f"0x{index * 0x01010101:08x}" for index in range(120))]])

    def test_a_filter_finds_frames(self):
        lines = tshark(self.vectors.values(), "-Y", "bigiron.kind == 0x20 && bigiron.flags.more == 1").splitlines()
        self.assertEqual(len(lines), 1)
        self.assertIn("seq 11", lines[0])

    def test_padding_is_no_part_of_a_frame(self):
        self.assertEqual(notes([self.vectors["ping"] + bytes(20)]), [[]])

    def test_a_refusal_is_read_in_another_version(self):
        frame = changed(self.vectors["refusal"], 14, b"\x07")
        self.assertEqual(notes([frame]), [[]])
        self.assertEqual(fields([frame], "bigiron.refusal.reason"), [["1"]])

    def wrong_guest_bodies(self):
        body = 78
        plan, interrupt, end = (self.vectors["guest-" + name] for name in ("plan", "interrupt", "end"))
        addressing, device = self.vectors["guest-addressing"], self.vectors["guest-device"]
        return [
            changed(plan, body + 1, bytes(7)), changed(plan, body + 7, b"\x10"), changed(plan, body + 8, bytes(8)),
            changed(interrupt, body + 1, b"\x03"), changed(interrupt, body + 1, b"\x07"),
            changed(interrupt, body + 3, b"\x02"), changed(interrupt, body + 6, b"\x01"),
            changed(addressing, body + 1, b"\x04"), changed(addressing, body + 2, b"\x01"),
            changed(device, body + 1, b"\x02"), changed(device, body + 2, b"\x00"), changed(device, body + 2, b"\x03"),
            changed(device, body + 1, b"\x01\x02\x01\x09\x00\x00\x10"), changed(device, body + 23, b"\x01"),
            changed(end, body + 1, b"\x00"), changed(end, body + 4, b"\x01"), changed(end, body, b"\x09"),
        ]

    def test_the_fields_of_what_is_said_about_the_guest(self):
        frames = [self.vectors["guest-plan"], self.vectors["guest-device"], self.vectors["guest-interrupt"]]
        self.assertEqual(
            fields(frames, "bigiron.guest.pages", "bigiron.guest.frequency", "bigiron.guest.start",
                   "bigiron.guest.space", "bigiron.guest.write", "bigiron.guest.width", "bigiron.guest.address",
                   "bigiron.guest.value", "bigiron.guest.vcpu", "bigiron.guest.level"),
            [[str(3 << 18), "2400000000", str(0x200000000000), "", "", "", "", "", "", ""],
             ["", "", "", "0", "1", "2", "0x0cf8", "0x00001234", "9", ""],
             ["", "", "", "", "", "", "", "", "9", "1"]])

    def test_what_is_wrong_is_said(self):
        ping, delta = self.vectors["ping"], self.vectors["ping-delta"]
        damaged = bytearray(ping)
        damaged[90] ^= 0x10
        cases = {
            "Checksum is wrong": [bytes(damaged)],
            "Frame is too short": [ping[:77], ping[:20]],
            "Length does not fit": [ping[:-1], changed(ping, 16, b"\x3f\x00")],
            "Another version of the protocol": [changed(ping, 14, b"\x01")],
            "Unknown kind": [changed(ping, 15, b"\x77")],
            "Bits are set that have to be clear": [
                changed(ping, 52, b"\x41"), changed(ping, 53, b"\x01"), changed(ping, 77, b"\x01")],
            "Lengths and flags contradict each other": [
                changed(ping, 52, b"\x02"), changed(ping, 50, b"\x13\x00"), changed(ping, 50, b"\xff\xff"),
                changed(delta, 52, b"\x0d"), changed(delta, 52, b"\x19"), changed(delta, 54, b"\x03"),
                changed(self.vectors["heartbeat"], 52, b"\x05")],
            "Not a body of this kind": [
                changed(self.vectors["announcement"], 84, b"\x02"), changed(self.vectors["view"], 82, b"\x02"),
                changed(ping, 15, b"\x13"), *self.wrong_guest_bodies()],
        }
        frames = [frame for frames in cases.values() for frame in frames]
        expected = [name for name, frames in cases.items() for _ in frames]
        for frame, name, found in zip(frames, expected, notes(frames), strict=True):
            with self.subTest(frame=frame.hex()):
                self.assertEqual(set(found), {name})
