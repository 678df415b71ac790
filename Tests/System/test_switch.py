"""The switch as a switch: which frames go where, and what it does with what is no frame."""

import contextlib
import pathlib
import random
import socket
import struct
import tempfile
import time

from cluster.switch.capture import Capture
from cluster.switch.line import BochsLine, LineError
from network import BROADCAST, Clock, Emulator, NetworkTestCase, address, frame

_MULTICAST = bytes.fromhex("0180c2000001")
_LARGEST = 16_128


class SwitchingTests(NetworkTestCase):
    def test_a_frame_for_an_unknown_address_reaches_all_others(self):
        a, b, c = self.connect("qqq")
        self.send(a, frame(b.address, a.address, b"hello"))
        self.assertEqual([self.take(node) for node in (b, c)], [[frame(b.address, a.address, b"hello")]] * 2)
        self.assertEqual(a.counters.offered, 0)

    def test_a_frame_for_an_address_that_has_spoken_reaches_its_node_alone(self):
        a, b, c = self.connect("qqq")
        self.send(b, frame(address(99), b.address))
        self.take(c)
        self.send(a, frame(b.address, a.address, b"for b"))
        self.send(b, frame(a.address, b.address, b"for a"))
        self.assertEqual(self.take(b), [frame(b.address, a.address, b"for b")])
        self.assertEqual(self.take(a)[-1], frame(a.address, b.address, b"for a"))
        self.assertEqual(c.counters.offered, 1)

    def test_frames_for_all_and_for_groups_reach_all_others_always(self):
        a, b, c = self.connect("qqq")
        for destination in (BROADCAST, _MULTICAST):
            for node in (a, b, c):
                self.send(node, frame(destination, node.address))
        self.assertEqual([len(self.take(node)) for node in (a, b, c)], [4, 4, 4])

    def test_an_address_that_moves_is_found_at_its_new_place(self):
        a, b, c = self.connect("qqq")
        self.send(b, frame(BROADCAST, address(7)))
        self.send(c, frame(BROADCAST, address(7)))
        self.take(b)
        self.send(a, frame(address(7), a.address))
        self.assertEqual((self.take(b), self.take(c)[-1]), ([], frame(address(7), a.address)))

    def test_a_frame_for_an_address_behind_its_own_port_goes_nowhere(self):
        a, b = self.connect("qq")
        self.send(a, frame(BROADCAST, address(7)), frame(address(7), a.address))
        self.assertEqual((a.counters.local, b.counters.offered), (1, 1))

    def test_of_too_many_addresses_the_oldest_is_forgotten(self):
        a, b, c = self.connect("qqq")
        self.send(a, *(frame(b.address, address(1000 + i)) for i in range(1025)))
        before = c.counters.offered
        self.send(b, frame(address(1002), b.address))
        self.assertEqual(c.counters.offered, before)
        self.send(b, frame(address(1001), b.address))
        self.assertEqual(c.counters.offered, before + 1)

    def test_a_flood_does_not_keep_others_from_being_heard(self):
        a, b = self.connect("qq")
        for node in (*[a] * 500, b):
            node.emulator.send(frame(BROADCAST, node.address))
        self.step_until(lambda: b.counters.received == 1)
        self.assertLess(a.counters.received, 500)

    def test_a_frame_costs_less_than_100_us_of_cpu_time(self):
        a, b = self.connect("qq")
        frames = [frame(b.address, a.address, bytes(46))] * 50
        seconds = 0
        for _ in range(100):
            for each in frames:
                a.emulator.send(each)
            expected = a.counters.received + len(frames)
            began = time.thread_time()
            self.step_until(lambda: a.counters.received == expected)
            seconds += time.thread_time() - began
            self.take(b)
        self.assertLess(seconds / a.counters.received, 100e-6)


class CableTests(NetworkTestCase):
    def test_a_cut_node_neither_hears_nor_is_heard_and_others_notice_nothing(self):
        a, b, c = self.connect("qqq")
        self.segment.cut(b.port)
        self.send(a, frame(BROADCAST, a.address))
        self.send(b, frame(BROADCAST, b.address))
        self.assertEqual((len(self.take(b)), len(self.take(c)), a.counters.offered), (0, 1, 0))
        self.assertEqual((b.counters.cut_in, b.counters.cut_out), (1, 1))
        self.assert_all_counted([a, b, c])

    def test_a_joined_node_is_connected_as_before(self):
        a, b = self.connect("qq")
        self.segment.cut(b.port)
        self.send(a, frame(BROADCAST, a.address, b"lost"))
        self.segment.join(b.port)
        self.send(a, frame(BROADCAST, a.address, b"heard"))
        self.send(b, frame(a.address, b.address, b"answered"))
        self.assertEqual(self.take(b), [frame(BROADCAST, a.address, b"heard")])
        self.assertEqual(self.take(a), [frame(a.address, b.address, b"answered")])

    def test_a_cut_nodes_address_is_forgotten(self):
        a, b, c = self.connect("qqq")
        self.send(b, frame(BROADCAST, b.address))
        self.segment.cut(b.port)
        self.assertEqual(self.segment.addresses(b.port), [])
        self.send(c, frame(BROADCAST, b.address))  # the card is plugged into another port
        self.assertEqual(self.segment.addresses(c.port), [b.address])
        self.segment.cut(a.port)
        self.assertEqual(self.segment.addresses(c.port), [b.address])


class BadDatagramTests(NetworkTestCase):
    def test_what_is_no_frame_is_counted_and_dropped(self):
        a, b = self.connect("qq")
        whole = frame(BROADCAST, a.address)
        for length in range(14):
            self.send(a, whole[:length])
        self.send(a, whole + bytes(_LARGEST - 14 + 1), whole + bytes(65_507 - 14))
        self.send(a, frame(b.address, BROADCAST), frame(b.address, _MULTICAST))
        counters = a.counters
        self.assertEqual((counters.runts, counters.giants, counters.bad_sources), (14, 2, 2))
        self.assertEqual((counters.received, b.counters.offered, self.segment.addresses(a.port)), (18, 0, []))

    def test_the_shortest_and_the_longest_frame_pass(self):
        a, b = self.connect("qq")
        frames = [frame(BROADCAST, a.address), frame(BROADCAST, a.address, bytes(_LARGEST - 14))]
        self.send(a, *frames)
        self.assertEqual(self.take(b), frames)

    def test_garbage_is_counted_to_the_last_datagram(self):
        a, b, c = self.connect("qqb")
        chance = random.Random(1)
        for _ in range(200):
            self.send(a, *(chance.randbytes(chance.choice((0, 6, 13, 14, 15, 60, 1514, 1515))) for _ in range(50)))
            self.take(b), self.take(c)
        counters = a.counters
        self.assertEqual(counters.received, 10_000)
        self.assertEqual(
            counters.received, counters.runts + counters.giants + counters.bad_sources + b.counters.offered)
        self.assertGreater(min(counters.runts, counters.bad_sources, c.counters.too_long), 100)
        self.assert_all_counted([a, b, c])

    def test_a_strangers_datagram_does_not_get_in(self):
        a, b = self.connect("qq")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            stranger.sendto(frame(BROADCAST, address(66)), ("127.0.0.1", a.line.switch))
        self.send(a, frame(BROADCAST, a.address))
        self.assertEqual(self.take(b), [frame(BROADCAST, a.address)])
        self.assertEqual(a.counters.received, 1)

    def test_frames_for_an_absent_emulator_harm_none_that_come_later(self):
        for kinds in ("qq", "qb"):
            a, b = self.connect(kinds)
            b.emulator.close()
            self.send(a, frame(BROADCAST, a.address, b"nobody hears"))
            b.start()
            self.send(a, frame(BROADCAST, a.address, b"heard"))
            self.assertEqual(b.emulator.receive(), frame(BROADCAST, a.address, b"heard"))
            self.step_until(lambda: b.counters.refused == 1)

    def test_what_an_emulator_is_too_slow_for_is_in_the_summary(self):
        a, b = self.connect("qq")
        b.emulator.close()
        b.start(buffer=1 << 16)
        self.send(a, *[frame(BROADCAST, a.address, bytes(1500))] * 1000)
        summary = self.loop.summary()["node1"]
        heard = 0
        while True:
            try:
                b.emulator.receive_at_once()
            except BlockingIOError:
                break
            heard += 1
        self.assertGreater(heard, 0)
        self.assertEqual(summary["sent"], heard + summary["overflow_out"])
        b.emulator.close()
        self.assertEqual(self.loop.summary()["node1"]["overflow_out"], summary["overflow_out"])


class BochsTests(NetworkTestCase):
    def test_two_bochs_and_a_qemu_are_on_one_segment(self):
        a, b, c = self.connect("bbq")
        self.send(a, frame(BROADCAST, a.address, b"from a"))
        self.assertEqual([self.take(node) for node in (b, c)], [[frame(BROADCAST, a.address, b"from a")]] * 2)
        self.send(b, frame(a.address, b.address, b"from b"))
        self.send(c, frame(a.address, c.address, b"from c"))
        self.assertEqual(
            self.take(a), [frame(a.address, b.address, b"from b"), frame(a.address, c.address, b"from c")])

    def test_frames_that_bochs_would_cut_off_do_not_reach_it(self):
        a, b, c = self.connect("qbq")
        fits, does_not_fit = (frame(BROADCAST, a.address, bytes(length - 14)) for length in (1514, 1515))
        self.send(a, fits, does_not_fit)
        self.assertEqual((self.take(b), self.take(c)), ([fits], [fits, does_not_fit]))
        self.assertEqual(b.counters.too_long, 1)

    def test_bochs_gets_the_port_that_it_is_configured_for(self):
        for number in range(12_000, 20_000, 2):
            with contextlib.suppress(LineError):
                line = BochsLine("node0", number)
                break
        self.addCleanup(line.close)
        self.assertEqual((line.emulator, line.switch), (number, number + 1))

    def test_ports_that_are_taken_are_refused_or_passed_over(self):
        first = BochsLine("node0")
        self.addCleanup(first.close)
        bochs = Emulator("bochs", first.emulator, first.switch)
        self.addCleanup(bochs.close)
        with self.assertRaisesRegex(LineError, f"UDP port {first.switch}: Address already in use"):
            BochsLine("node1", first.emulator)
        with self.assertRaisesRegex(LineError, f"UDP port {first.emulator}: Address already in use"):
            BochsLine("node1", first.emulator - 1)
        for _ in range(2):
            second = BochsLine("node1")
            self.addCleanup(second.close)
            self.assertNotEqual(second.emulator, first.emulator)
            first.close()  # The number that is its Bochs's stays taken.
        with self.assertRaises(LineError):
            BochsLine("node1", first.emulator)

    def test_what_is_no_port_is_refused(self):
        for number in (-5, 65_535, 100_000):
            with self.assertRaises(LineError):
                BochsLine("node0", number)


class CaptureTests(NetworkTestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.path = pathlib.Path(directory.name, "capture.pcap")

    def read_capture(self):
        """Pairs (nanoseconds since 1970, frame)."""
        data = self.path.read_bytes()
        magic, *version, _, _, length, link = struct.unpack_from("<IHHiIII", data)
        self.assertEqual((magic, version, link), (0xA1B23C4D, [2, 4], 1))
        at, records = 24, []
        while at < len(data):
            seconds, nanoseconds, captured, original = struct.unpack_from("<IIII", data, at)
            self.assertLess(nanoseconds, 1_000_000_000)
            self.assertEqual(captured, original)
            self.assertLessEqual(captured, length)
            self.assertLessEqual(at + 16 + captured, len(data), "a record is cut off")
            records.append((seconds * 1_000_000_000 + nanoseconds, data[at + 16 : at + 16 + captured]))
            at += 16 + captured
        return records

    def test_each_frame_is_captured_once_as_it_was_sent(self):
        clock = Clock()
        before = time.time_ns()
        a, b, c = self.connect("qqq", capture=Capture(self.path, clock), clock=clock)
        self.assertEqual(self.read_capture(), [])
        frames = [frame(BROADCAST, a.address, bytes(length)) for length in (0, 46, 1500, _LARGEST - 14)]
        for each in frames:
            self.send(a, each)
            clock.go_on(2.5)
        records = self.read_capture()
        self.assertEqual([each for _, each in records], frames)
        times = [time for time, _ in records]
        self.assertEqual([later - earlier for earlier, later in zip(times, times[1:])], [2_500_000] * 3)
        self.assertTrue(before <= times[0] <= time.time_ns())

    def test_what_is_no_frame_or_comes_from_a_cut_node_is_not_captured(self):
        a, b = self.connect("qq", capture=Capture(self.path))
        self.send(a, b"runt", frame(b.address, BROADCAST))
        self.segment.cut(a.port)
        self.send(a, frame(BROADCAST, a.address))
        self.assertEqual(self.read_capture(), [])

    def test_a_full_disk_ends_the_capture_and_not_the_network(self):
        capture = Capture("/dev/full")
        a, b = self.connect("qq", capture=capture)
        self.send(a, *[frame(BROADCAST, a.address)] * 3)
        self.assertEqual(len(self.take(b)), 3)
        self.assertIn("No space left", capture.error)
