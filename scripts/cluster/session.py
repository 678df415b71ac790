"""What is done with nodes while they run: each function relays between them and the user until they end.

They return why a run ends before its nodes have: "timeout", "quit" or "error", else None. `deadline` is on the clock of
`time.monotonic`, or None.
"""

import time

from .command_line import is_failure
from .multiplex import Channel
from .terminal import Wish


def relay_guest(cluster, command, output, errors, terminal, deadline):
    """Connects the guest of a single node: its console with a terminal, or `command`, a CommandOutput, with streams."""
    node = cluster.nodes[0]

    def show(channel, content):
        if channel is Channel.CONSOLE and command:
            _put(errors, command.feed_console(content))
        elif channel is Channel.CONSOLE:
            _put(output, content)
        elif channel is Channel.OUTPUT and command:
            _put(output, command.feed_output(content))

    def type_keys(typed):
        for keys in typed:
            if keys is Wish.QUIT:
                return "quit"
            node.send(keys)
        return None

    return _relay(cluster, terminal, deadline, lambda _, channel, content: show(channel, content), type_keys)


def relay_command_lines(cluster, output, terminal, deadline):
    """Connects a terminal with the command line of one node after the other, beginning with the first."""
    current = 0
    ended = set()

    def move_on():
        nonlocal current
        others = [(current + step) % len(cluster.nodes) for step in range(1, len(cluster.nodes) + 1)]
        current = next((number for number in others if cluster.nodes[number].is_running), current)
        _put(output, f"\r\n[node {current}]\r\n".encode() + cluster.nodes[current].command_line.last_line)

    def show(number, channel, content):
        if channel is Channel.COMMANDS and number == current:
            _put(output, content)

    def type_keys(typed):
        for keys in typed:
            if keys is Wish.QUIT:
                return "quit"
            if keys is Wish.NEXT:
                move_on()
            else:
                cluster.nodes[current].send(keys, Channel.COMMANDS)
        return None

    def note_ends():
        for number, node in enumerate(cluster.nodes):
            if node.has_ended and number not in ended:
                ended.add(number)
                _put(output, f"\r\n[node {number} has ended: {node.reason}]\r\n".encode())
                if number == current and cluster.running:
                    move_on()

    return _relay(cluster, terminal, deadline, show, type_keys, note_ends)


def run_commands(cluster, commands, output, deadline):
    """Has nodes obey `commands` once all are in the cluster, then shuts all of them down."""
    failed = False
    cluster.needs_all = True
    for number in range(len(cluster.nodes)):
        cluster.wait_for_formation(number, deadline - time.monotonic())
    for number, text in commands:
        answer = cluster.command(number, text, deadline - time.monotonic())
        _put(output, answer.encode())
        failed = failed or is_failure(answer)
    cluster.needs_all = False
    cluster.shut_down(deadline - time.monotonic())
    return "error" if failed else None


def _relay(cluster, terminal, deadline, show, type_keys, note_ends=lambda: None):
    others = [terminal] if terminal else []
    while not cluster.has_ended:
        said, ready = cluster.receive(None if cluster.is_ending else deadline, others)
        for piece in said:
            show(*piece)
        note_ends()
        if ready:
            typed = terminal.read()
            if typed is None:
                others.clear()
            elif interruption := type_keys(typed):
                return interruption
        if deadline and time.monotonic() >= deadline and not cluster.is_ending:
            return "timeout"
    return None


def _put(stream, data):
    stream.write(data)
    stream.flush()
