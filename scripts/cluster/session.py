"""What is done with nodes while they run: each function relays between them and the user until they end.

They return why a run ends before its nodes have: "timeout", "stuck", "quit" or "error", else None. `deadline` is on the
clock of `time.monotonic`, or None.
"""

import time

from .command_line import is_failure
from .multiplex import Channel
from .terminal import Wish

_GUEST_NODE = 0
"""Which node the guest's console is at."""
_LONGEST_LINE = 1024


def relay_command(cluster, command, output, errors, deadline):
    """Connects the guest's `command`, a CommandOutput, with streams."""

    def show(number, channel, content):
        if number != _GUEST_NODE:
            return
        if channel is Channel.CONSOLE:
            _put(errors, command.feed_console(content))
        elif channel is Channel.OUTPUT:
            _put(output, command.feed_output(content))

    return _relay(cluster, None, deadline, show)


def relay_terminal(cluster, output, terminal, deadline):
    """Connects a terminal with the guest's console, and, on several nodes, with their command lines in turn."""
    views = [(_GUEST_NODE, Channel.CONSOLE)]
    if cluster.job.is_cluster:
        views += [(number, Channel.COMMANDS) for number in range(len(cluster.nodes))]
    current = views[0]
    ended = set()
    console = b""

    def move_on():
        nonlocal current
        others = views[views.index(current) + 1 :] + views[: views.index(current)]
        current = next((view for view in others if cluster.nodes[view[0]].is_running), current)
        number, channel = current
        if channel is Channel.CONSOLE:
            _put(output, b"\r\n[guest]\r\n" + console)
        else:
            _put(output, f"\r\n[node {number}]\r\n".encode() + cluster.nodes[number].command_line.last_line)

    def show(number, channel, content):
        nonlocal console
        if (number, channel) == (_GUEST_NODE, Channel.CONSOLE):
            console = (console + content).rpartition(b"\n")[2][-_LONGEST_LINE:]
        if (number, channel) == current:
            _put(output, content)

    def type_keys(typed):
        for keys in typed:
            if keys is Wish.QUIT:
                return "quit"
            if keys is Wish.NEXT:
                move_on()
            else:
                number, channel = current
                cluster.nodes[number].send(keys, channel)
        return None

    def note_ends():
        if not cluster.job.is_cluster:
            return
        for number, node in enumerate(cluster.nodes):
            if node.has_ended and number not in ended:
                ended.add(number)
                _put(output, f"\r\n[node {number} has ended: {node.reason}]\r\n".encode())

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


def _relay(cluster, terminal, deadline, show, type_keys=None, note_ends=lambda: None):
    others = [terminal] if terminal else []
    while not cluster.has_ended:
        limits = [] if cluster.is_ending else [each for each in (deadline, cluster.deadline) if each]
        said, ready = cluster.receive(min(limits, default=None), others)
        for piece in said:
            show(*piece)
        note_ends()
        if ready:
            typed = terminal.read()
            if typed is None:
                others.clear()
            elif interruption := type_keys(typed):
                return interruption
        if cluster.is_ending:
            continue
        if deadline and time.monotonic() >= deadline:
            return "timeout"
        if cluster.deadline and time.monotonic() >= cluster.deadline:
            return "stuck"
    return None


def _put(stream, data):
    stream.write(data)
    stream.flush()
