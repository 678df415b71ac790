import unittest

from cluster.multiplex import Channel, Demultiplexer, encode_input, encode_switch

LOG, CONSOLE, OUTPUT, REPORT = Channel.LOG, Channel.CONSOLE, Channel.OUTPUT, Channel.REPORT


class DemultiplexerTests(unittest.TestCase):
    def test_what_comes_before_the_first_switch_is_log(self):
        self.assertEqual(Demultiplexer().feed(b"GRUB\x10Gguest"), [(LOG, b"GRUB"), (CONSOLE, b"guest")])

    def test_each_letter_selects_its_channel(self):
        pieces = Demultiplexer().feed(b"\x10Ga\x10Xb\x10Jc\x10Ld")
        self.assertEqual(pieces, [(CONSOLE, b"a"), (OUTPUT, b"b"), (REPORT, b"c"), (LOG, b"d")])

    def test_a_doubled_escape_is_data_on_the_current_channel(self):
        self.assertEqual(Demultiplexer().feed(b"\x10Xa\x10\x10Gb"), [(OUTPUT, b"a\x10Gb")])

    def test_the_channel_stays_from_one_piece_to_the_next(self):
        demultiplexer = Demultiplexer()
        demultiplexer.feed(b"\x10X")
        self.assertEqual(demultiplexer.feed(b"data"), [(OUTPUT, b"data")])

    def test_a_split_anywhere_gives_the_same_bytes(self):
        stream = b"log\x10Ga\x10\x10\x10Xb\x10\x10\x10\x10c\x10J{}\n\x10Lend"
        whole = Demultiplexer().feed(stream)
        for middle in range(len(stream) + 1):
            demultiplexer = Demultiplexer()
            pieces = demultiplexer.feed(stream[:middle]) + demultiplexer.feed(stream[middle:])
            for channel in Channel:
                self.assertEqual(
                    b"".join(data for where, data in pieces if where is channel),
                    b"".join(data for where, data in whole if where is channel))

    def test_an_unknown_letter_after_an_escape_is_kept(self):
        self.assertEqual(Demultiplexer().feed(b"a\x10?b"), [(LOG, b"a\x10?b")])

    def test_nothing_comes_out_of_nothing(self):
        self.assertEqual(Demultiplexer().feed(b"\x10G\x10X"), [])


class InputTests(unittest.TestCase):
    def test_an_escape_that_the_user_types_is_doubled(self):
        self.assertEqual(encode_input(b"a\x10b"), b"a\x10\x10b")

    def test_input_can_be_for_another_channel(self):
        sent = encode_switch(Channel.COMMANDS) + encode_input(b"net\x10\r")
        sent += encode_switch(CONSOLE) + encode_input(b"ls")
        self.assertEqual(sent, b"\x10Cnet\x10\x10\r\x10Gls")
        self.assertEqual(Demultiplexer(CONSOLE).feed(sent), [(Channel.COMMANDS, b"net\x10\r"), (CONSOLE, b"ls")])
