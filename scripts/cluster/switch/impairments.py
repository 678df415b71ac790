"""What a network may do to frames: how likely, and how much."""

import argparse
import dataclasses
import math


@dataclasses.dataclass(frozen=True)
class Impairments:
    """All probabilities are for one frame on its way to one node: what floods is decided on for each receiver."""

    loss: float = 0
    """Probability that it never arrives."""
    duplicate: float = 0
    """Probability that it arrives twice. What follows is decided for each of the two."""
    corrupt: float = 0
    """Probability that one bit of it, any bit, is flipped."""
    reorder: float = 0
    """Probability that one to three later frames of the same two nodes overtake it. It waits 10 ms for them at most."""
    delay: float = 0
    """Milliseconds"""
    jitter: float = 0
    """Milliseconds by which the delay is longer or shorter, at most. Alone it changes no order."""

    def __bool__(self):
        return any(dataclasses.astuple(self))

    @staticmethod
    def add_arguments(parser):
        """Adds the options from which `parse` makes impairments."""
        group = parser.add_argument_group("impairments", "P is a probability from 0 to 1, for each frame to each node")
        group.add_argument("--loss", type=_probability, default=0, metavar="P", help="lose it")
        group.add_argument("--duplicate", type=_probability, default=0, metavar="P", help="deliver it twice")
        group.add_argument("--corrupt", type=_probability, default=0, metavar="P", help="flip one bit of it")
        group.add_argument(
            "--reorder", type=_probability, default=0, metavar="P", help="let one to three later frames overtake it")
        group.add_argument("--delay", type=_milliseconds, default=0, metavar="MS", help="deliver it later")
        group.add_argument(
            "--jitter", type=_milliseconds, default=0, metavar="MS", help="vary the delay by up to this, either way")

    @classmethod
    def parse(cls, parser, arguments):
        """What `arguments`, which `parser` has parsed, say."""
        impairments = cls(**{field.name: getattr(arguments, field.name) for field in dataclasses.fields(cls)})
        if impairments.jitter > impairments.delay:
            parser.error("--jitter: must not be more than --delay")
        return impairments

    @classmethod
    def from_arguments(cls, arguments):
        """What `as_arguments` returned; a ValueError says what is wrong with anything else."""
        parser = _RaisingParser(add_help=False, allow_abbrev=False)
        cls.add_arguments(parser)
        return cls.parse(parser, parser.parse_args(arguments))

    def as_arguments(self):
        """What to put on a command line so that `parse` makes the same."""
        return [f"--{name}={value}" for name, value in dataclasses.asdict(self).items() if value]


class _RaisingParser(argparse.ArgumentParser):
    """Raises a ValueError where others end the process."""

    def error(self, message):
        raise ValueError(message)


def _probability(text):
    number = float(text)
    if not 0 <= number <= 1:
        raise argparse.ArgumentTypeError("must be from 0 to 1")
    return number


def _milliseconds(text):
    number = float(text)
    if not 0 <= number < math.inf:
        raise argparse.ArgumentTypeError("must be a time in milliseconds")
    return number
