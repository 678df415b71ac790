"""The switch as a bad network. Time is the tests', and so is chance: each has a fixed seed."""

import gc
import math

from cluster.switch.flow import Transit
from cluster.switch.impairments import Impairments
from network import BROADCAST, Clock, NetworkTestCase, frame

_COUNT = 10_000


class ImpairmentTestCase(NetworkTestCase):
    def connect(self, kinds="qq", impairments=Impairments(), **arguments):
        self.clock = Clock()
        return super().connect(kinds, impairments, clock=self.clock, **{"seed": 1, **arguments})

    def frames(self, source, count=_COUNT, destination=BROADCAST):
        """Frames that carry their numbers."""
        return [frame(destination, source.address, i.to_bytes(4, "big") + bytes(42)) for i in range(count)]

    def numbers(self, frames):
        return [int.from_bytes(each[14:18], "big") for each in frames]

    def transfer(self, source, destination, frames):
        """What arrives of `frames`, sent at a rate of 50 a millisecond."""
        arrived = []
        for start in range(0, len(frames), 50):
            self.send(source, *frames[start : start + 50])
            self.go_on(1)
            arrived += self.take(destination)
        self.go_on(1000)
        return arrived + self.take(destination)

    def go_on(self, milliseconds):
        self.clock.go_on(milliseconds)
        self.loop.step(0)

    def assert_probable(self, count, probability, of=_COUNT):
        """`count` is within five standard deviations of what is expected."""
        self.assertLess(abs(count - of * probability), 5 * math.sqrt(of * probability * (1 - probability)))


class RateTests(ImpairmentTestCase):
    def test_without_impairments_all_arrive_in_order(self):
        a, b = self.connect()
        frames = self.frames(a)
        self.assertEqual(self.transfer(a, b, frames), frames)

    def test_frames_are_lost_as_often_as_asked(self):
        for probability in (0.01, 0.1, 0.3):
            a, b = self.connect(impairments=Impairments(loss=probability))
            numbers = self.numbers(self.transfer(a, b, self.frames(a)))
            self.assert_probable(_COUNT - len(numbers), probability)
            self.assertEqual(numbers, sorted(set(numbers)))
            self.assertEqual(b.counters.lost, _COUNT - len(numbers))

    def test_losses_are_independent_of_each_other(self):
        a, b = self.connect(impairments=Impairments(loss=0.3))
        lost = set(range(_COUNT)) - set(self.numbers(self.transfer(a, b, self.frames(a))))
        self.assert_probable(sum(number + 1 in lost for number in lost), 0.3, of=len(lost))

    def test_frames_are_duplicated_as_often_as_asked(self):
        a, b = self.connect(impairments=Impairments(duplicate=0.1))
        numbers = self.numbers(self.transfer(a, b, self.frames(a)))
        self.assert_probable(len(numbers) - _COUNT, 0.1)
        self.assertEqual(numbers, sorted(numbers))
        self.assertEqual(set(numbers), set(range(_COUNT)))
        self.assertEqual(max(numbers.count(number) for number in numbers[:500]), 2)
        self.assertEqual(b.counters.duplicated, len(numbers) - _COUNT)

    def test_frames_are_corrupted_by_one_bit_as_often_as_asked(self):
        a, b = self.connect(impairments=Impairments(corrupt=0.1))
        frames = self.frames(a)
        bits = []
        for sent, arrived in zip(frames, self.transfer(a, b, frames), strict=True):
            difference = int.from_bytes(sent, "little") ^ int.from_bytes(arrived, "little")
            self.assertEqual(len(arrived), len(sent))
            self.assertLessEqual(difference.bit_count(), 1)
            if difference:
                bits.append(difference.bit_length() - 1)
        self.assert_probable(len(bits), 0.1)
        self.assertEqual(b.counters.corrupted, len(bits))
        # Any bit of the 60 bytes: each byte is hit 17 times on average.
        self.assertEqual({bit // 8 for bit in bits}, set(range(60)))
        self.assertEqual({bit % 8 for bit in bits}, set(range(8)))

    def test_frames_are_overtaken_as_often_as_asked(self):
        for probability in (0.01, 0.1, 0.3):
            a, b = self.connect(impairments=Impairments(reorder=probability))
            numbers = self.numbers(self.transfer(a, b, self.frames(a)))
            self.assertEqual(sorted(numbers), list(range(_COUNT)))
            overtaken, newest = 0, -1
            for number in numbers:
                overtaken += number < newest
                newest = max(newest, number)
            self.assert_probable(overtaken, probability)
            self.assertEqual(b.counters.reordered, overtaken)

    def test_one_to_three_frames_overtake_one(self):
        a, b = self.connect(impairments=Impairments(reorder=0.01))
        numbers = self.numbers(self.transfer(a, b, self.frames(a)))
        overtakers = [sum(other > number for other in numbers[max(0, place - 10) : place])
                      for place, number in enumerate(numbers)]
        counts = {count: overtakers.count(count) for count in overtakers if count}
        self.assertLessEqual({1, 2, 3}, set(counts))
        self.assertGreater(sum(counts[count] for count in (1, 2, 3)), 0.95 * sum(counts.values()))

    def test_receivers_of_a_broadcast_lose_it_independently(self):
        a, b, c = self.connect("qqq", Impairments(loss=0.5))
        self.send(a, *self.frames(a, 1000))
        heard_by_b, heard_by_c = (set(self.numbers(self.take(node))) for node in (b, c))
        self.assert_probable(len(heard_by_b & heard_by_c), 0.25, of=1000)

    def test_certain_loss_loses_all_and_certain_duplication_doubles_all(self):
        a, b = self.connect(impairments=Impairments(loss=1))
        self.assertEqual(self.transfer(a, b, self.frames(a, 100)), [])
        a, b = self.connect(impairments=Impairments(duplicate=1))
        self.assertEqual((len(self.transfer(a, b, self.frames(a, 100))), b.counters.reordered), (200, 0))


class TimeTests(ImpairmentTestCase):
    def test_a_delayed_frame_comes_when_its_time_is_up(self):
        a, b = self.connect(impairments=Impairments(delay=5))
        self.send(a, *self.frames(a, 1))
        self.assertEqual(self.segment.wait(), 5_000_000)
        self.go_on(4.999)
        self.assertEqual((self.take(b), self.segment.wait()), ([], 1000))
        self.go_on(0.001)
        self.assertEqual((self.take(b), self.segment.wait()), (self.frames(a, 1), None))

    def test_impairments_that_change_keep_the_order_of_what_is_on_its_way(self):
        a, b = self.connect()
        first, second, third = self.frames(a, 3)
        self.send(a, first)
        self.segment.impair(Impairments(delay=5))
        self.send(a, second)
        self.segment.impair(Impairments())
        self.send(a, third)
        self.assertEqual(self.take(b), [first])
        self.go_on(5)
        self.assertEqual(self.take(b), [second, third])
        self.segment.impair(Impairments(loss=1))
        self.send(a, first)
        self.assertEqual((self.take(b), b.counters.lost), ([], 1))

    def test_delayed_frames_keep_their_distance(self):
        a, b = self.connect(impairments=Impairments(delay=5))
        for number, each in enumerate(self.frames(a, 8)):
            self.send(a, each)
            self.assertEqual(self.numbers(self.take(b)), [number - 5] if number >= 5 else [])
            self.go_on(1)

    def test_jitter_varies_the_delay_in_its_bounds_and_keeps_the_order(self):
        a, b = self.connect(impairments=Impairments(delay=5, jitter=3))
        arrived, delays = [], []
        for step in range(5000):
            if step < 4900 and step % 10 == 0:
                self.send(a, self.frames(a, 490)[step // 10])
            self.go_on(0.1)
            for number in self.numbers(self.take(b)):
                arrived.append(number)
                delays.append((step + 1 - 10 * number) / 10)
        self.assertEqual(arrived, list(range(490)))
        self.assertGreaterEqual(min(delays), 2)
        self.assertLessEqual(max(delays), 8.1)
        self.assertGreater(max(delays) - min(delays), 4)

    def test_a_frame_that_none_overtakes_is_late_and_not_lost(self):
        a, b = self.connect(impairments=Impairments(reorder=1))
        self.send(a, *self.frames(a, 1))
        self.go_on(9.999)
        self.assertEqual(self.take(b), [])
        self.go_on(0.001)
        self.assertEqual((self.take(b), b.counters.reordered), (self.frames(a, 1), 0))

    def test_a_frame_for_which_too_few_come_is_overtaken_by_those(self):
        # With this seed the first of them is to be overtaken by more than one, and the second is not held.
        a, b = self.connect(impairments=Impairments(reorder=0.5), seed=13)
        self.send(a, *self.frames(a, 2))
        self.assertEqual(self.numbers(self.take(b)), [1])
        self.go_on(10)
        self.assertEqual((self.numbers(self.take(b)), b.counters.reordered), ([0], 1))

    def test_what_is_on_its_way_to_a_node_that_is_cut_is_lost(self):
        a, b = self.connect(impairments=Impairments(delay=5))
        self.send(a, *self.frames(a, 3))
        self.segment.cut(b.port)
        self.segment.join(b.port)
        self.go_on(5)
        self.assertEqual((self.take(b), b.counters.cut_out), ([], 3))
        self.assert_all_counted([a, b])

    def test_a_full_queue_drops_what_comes_last(self):
        a, b = self.connect(impairments=Impairments(delay=5), queue=10)
        self.send(a, *self.frames(a, 50))
        self.assertEqual(self.segment.waiting(b.port), 10)
        self.go_on(5)
        self.assertEqual((self.numbers(self.take(b)), b.counters.queue_full), (list(range(10)), 40))
        self.send(a, *self.frames(a, 5))
        self.go_on(5)
        self.assertEqual(len(self.take(b)), 5)

    def test_memory_stays_bounded(self):
        for impairments in (Impairments(reorder=1), Impairments(reorder=0.5, duplicate=1), Impairments(delay=100)):
            a, b = self.connect(impairments=impairments, queue=100)
            self.transfer(a, b, self.frames(a, 5000))
            self.send(a, *self.frames(a, 500))
            transits = [each for each in gc.get_objects() if isinstance(each, Transit)]
            # The last frame that was dropped, and its duplicate, may still be at hand.
            self.assertLessEqual(sum(transit.flow.destination is b.port for transit in transits), 100 + 2)
            self.take(b)

    def test_held_frames_count_as_queued(self):
        a, b = self.connect(impairments=Impairments(reorder=1, duplicate=1), queue=10)
        self.send(a, *self.frames(a, 50))
        self.assertEqual((self.segment.waiting(b.port), b.counters.queue_full), (10, 90))
        self.go_on(10)
        self.assertEqual(len(self.take(b)), 10)
        self.assert_all_counted([a, b])


class ChanceTests(ImpairmentTestCase):
    BAD = Impairments(loss=0.3, duplicate=0.3, corrupt=0.3, reorder=0.3, delay=2, jitter=1)

    def fate(self, impairments, seed=1, others=0):
        """What arrives of 500 frames that are sent a millisecond apart, while a third node sends to all."""
        a, b, c = self.connect("qqq", impairments, seed=seed)
        arrived = []
        for each in self.frames(a, 500):
            self.send(c, *self.frames(c, others))
            self.send(a, each)
            self.go_on(1)
            arrived += self.take(b)
        self.go_on(1000)
        self.assert_all_counted([a, b, c])
        self.assertEqual(self.segment.waiting(b.port), 0)
        return [each for each in arrived + self.take(b) if each[6:12] == a.address]

    def test_all_impairments_together_repeat_with_the_seed(self):
        self.assertEqual(self.fate(self.BAD), self.fate(self.BAD))

    def test_another_seed_is_another_fate(self):
        self.assertNotEqual(self.fate(self.BAD), self.fate(self.BAD, seed=2))

    def test_other_nodes_traffic_changes_no_fate(self):
        impairments = Impairments(loss=0.3, duplicate=0.3, reorder=0.3)
        self.assertEqual(self.fate(impairments), self.fate(impairments, others=3))

    def test_the_same_frames_are_lost_whatever_else_happens(self):
        losses = Impairments(loss=0.3), Impairments(loss=0.3, delay=2, duplicate=0.3, reorder=0.3)
        survivors = [set(self.numbers(self.fate(impairments))) for impairments in losses]
        self.assertEqual(*survivors)
