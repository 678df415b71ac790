"""One run: makes the image, starts the machines, relays what they say until they end, and says how it went.

In the run's directory it leaves nodeK.log (the hyperkernel) and guestK.log (the guest's console) for each node K, the
machines' own configurations and logs, and summary.json.
"""

import contextlib
import json
import re
import time

from .cluster import ERRORS, Cluster, NodeError, NodeTimeout
from .guest import make_modules
from .initramfs import CommandOutput
from .job import Job, Network, NodeResult, Result, Status
from .session import relay_command, relay_terminal, run_commands
from .switch import SwitchError

__all__ = ["Job", "Network", "Result", "Status", "run"]

_LINES_TO_SHOW = 12
_MOST_LINES_TO_SHOW = 60
_TERMINAL_CONTROL = re.compile(r"\r|\x1b\[[0-9;?]*[A-Za-z]")
_MARKS_OF_A_CAUSE = ("panic:", "Kernel panic", "Oops", "BUG:")

# What the hyperkernel's report says in "end" where the guest is to blame.
_ENDS_OF_GUEST = ("reset", "fault")


def run(job, output, errors, terminal=None):
    """Runs `job` to its end.

    `output` and `errors` are binary streams. With a command they get its standard output and standard error; without
    one, `output` gets the guest's console, and `terminal` is where its keys come from. With several nodes those can go
    on to the nodes' command lines. `errors` also gets the last lines that matter where something failed.
    """
    job.directory.mkdir(parents=True, exist_ok=True)
    summary = job.directory / "summary.json"
    summary.unlink(missing_ok=True)
    command = CommandOutput() if job.command is not None else None
    cluster = Cluster(job, make_modules(job, command))
    try:
        cluster.start()
        interruption = _relay(cluster, command, output, errors, terminal)
        if interruption is None:
            cluster.wait()
    except NodeError as error:
        errors.write(f"{error}\n".encode())
        interruption = "timeout" if isinstance(error, NodeTimeout) else "error"
    except ERRORS as error:
        errors.write(f"{error}\n".encode())
        interruption = "no switch" if isinstance(error, SwitchError) and cluster.nodes else "not started"
    finally:
        cluster.stop()
    result = _judge(cluster, command, interruption)
    if job.is_cluster or result.reason != "not started":
        summary.write_text(json.dumps(result.summary(), indent=2) + "\n")
    if result.reason in ("not started", "error"):
        errors.flush()
    elif result.reason not in ("poweroff", "quit") or (command and command.status is None):
        errors.write(_explain(result, cluster).encode())
        errors.flush()
    return result


def _relay(cluster, command, output, errors, terminal):
    """Returns why the run ends before the nodes have, else None."""
    job = cluster.job
    deadline = cluster.began + job.timeout if job.timeout else None
    if job.commands is not None:
        return run_commands(cluster, job.commands, output, deadline)
    if command:
        return relay_command(cluster, command, output, errors, deadline)
    with terminal or contextlib.nullcontext():
        return relay_terminal(cluster, output, terminal, deadline)


def _judge(cluster, command, interruption):
    """The exit status, and the reason for the end."""
    nodes = [
        NodeResult(
            type(node.machine).__name__, node.machine.network_card and node.machine.network_card.address, node.reason,
            node.report or {}, node.machine.ticks())
        for node in cluster.nodes]
    status, reason = _find_reason(cluster, command, interruption)
    seconds = time.monotonic() - cluster.began if cluster.began else 0
    return Result(status, reason, seconds, nodes, cluster.switch_summary)


def _find_reason(cluster, command, interruption):
    if interruption == "quit":
        return Status.DONE, interruption
    if interruption == "timeout":
        return Status.TIMED_OUT, interruption
    if interruption in ("not started", "no switch"):
        return Status.NODE_FAILED, interruption
    failed = [node for node in cluster.nodes if node.reason not in ("poweroff", "stopped")]
    if failed:
        # A guest ends on all nodes. One that ends by anything else takes the guest, and so the others, with it.
        cause = next((node for node in failed if node.reason not in _ENDS_OF_GUEST), failed[0])
        return Status.GUEST_FAILED if _is_guests_failure(cluster) else Status.NODE_FAILED, cause.reason
    if interruption == "stuck":
        return Status.NODE_FAILED, interruption
    if interruption == "error":
        return Status.COMMAND_FAILED, interruption
    if command is None:
        return Status.DONE, "poweroff"
    return (Status.GUEST_FAILED if command.status is None else command.status), "poweroff"


def _is_guests_failure(cluster):
    """Whether the guest has failed, and none of its nodes: each is there to say so, and has missed none."""
    count = len(cluster.nodes)
    return all(
        node.reason in _ENDS_OF_GUEST and node.report.get("nodes", count) == count for node in cluster.nodes)


def _explain(result, cluster):
    """What a user needs to see of a run that failed."""
    causes = {
        Status.TIMED_OUT: "the time is up",
        Status.GUEST_FAILED: f"the guest ended by {result.reason} before its work was done",
    }
    if result.reason == "stuck":
        causes[Status.NODE_FAILED] = "not all nodes have ended with the guest"
    cause = causes.get(result.status, f"Big Iron ended: {result.reason}")
    text = f"\n{cause} ({result.seconds:.1f} s)\n"
    blamed = "stopped" if result.reason == "stuck" else result.reason
    for node in [node for node in cluster.nodes if node.reason == blamed] or cluster.nodes:
        has_console = node is cluster.nodes[0] and (cluster.has_guest or not cluster.job.is_cluster)
        paths = (node.console_path, node.log_path) if has_console else (node.log_path,)
        for path in (path for path in paths if path.exists()):
            text += f"--- {path}\n{_last_lines(path)}"
        text += node.machine.complaint()
    return text


def _last_lines(path):
    text = _TERMINAL_CONTROL.sub("", path.read_text(errors="replace"))
    lines = text.splitlines(keepends=True)
    causes = [number for number, line in enumerate(lines) if any(mark in line for mark in _MARKS_OF_A_CAUSE)]
    first = max(0, min(causes[-1:] + [len(lines) - _LINES_TO_SHOW]))
    return "".join(lines[first : first + _MOST_LINES_TO_SHOW])
