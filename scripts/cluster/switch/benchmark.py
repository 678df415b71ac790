"""What the switch costs: `python3 -m cluster.switch.benchmark`. Plain sockets stand in for two emulators."""

import contextlib
import pathlib
import socket
import tempfile
import time

from .impairments import Impairments
from .process import Switch

_ONE_BY_ONE = 10_000
_IN_BURSTS = 50_000
_BURST = 64
_SECONDS = 10
_CASES = (
    ("60 bytes", 60, False, Impairments()),
    ("1514 bytes", 1514, False, Impairments()),
    ("1514 bytes, captured", 1514, True, Impairments()),
    ("60 bytes, impaired", 60, False, Impairments(duplicate=1e-9, reorder=1e-9, corrupt=1e-9)),
)


def main():
    print(f"{'':22} from socket to socket: min, median, 99 %   in bursts of {_BURST}   CPU time")
    for name, length, is_captured, impairments in _CASES:
        with tempfile.TemporaryDirectory() as directory:
            capture = pathlib.Path(directory, "capture.pcap") if is_captured else None
            with Switch(directory, {"a": "qemu", "b": "qemu"}, impairments, capture=capture) as switch:
                latencies, rate, cost = _measure(switch, length)
        least, median, most = (latencies[int(len(latencies) * share)] * 1e6 for share in (0, 0.5, 0.99))
        print(f"{name:22} {least:26.0f}, {median:.0f}, {most:.0f} µs {rate:17.0f}/s {cost * 1e6:13.1f} µs")


def _measure(switch, length):
    """Seconds that frames take, sorted; frames per second; seconds of CPU time that one takes."""
    with contextlib.ExitStack() as stack:
        a, b = (stack.enter_context(_connect(attachment)) for attachment in switch.attachments.values())
        addresses = bytes(5) + b"\x0a", bytes(5) + b"\x0b"
        b.send(addresses[0] + addresses[1] + bytes(length - 12))  # makes its address known
        a.recv(length)
        frame = addresses[1] + addresses[0] + bytes(length - 12)
        latencies = []
        for _ in range(_ONE_BY_ONE):
            began = time.perf_counter()
            a.send(frame)
            b.recv(length)
            latencies.append(time.perf_counter() - began)
        cpu, began = switch.cpu_time(), time.perf_counter()
        for _ in range(_IN_BURSTS // _BURST):
            for _ in range(_BURST):
                a.send(frame)
            for _ in range(_BURST):
                b.recv(length)
        count = _IN_BURSTS // _BURST * _BURST
        return sorted(latencies), count / (time.perf_counter() - began), (switch.cpu_time() - cpu) / count


def _connect(attachment):
    end = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    end.settimeout(_SECONDS)
    end.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    end.bind(("127.0.0.1", attachment.emulator))
    end.connect(("127.0.0.1", attachment.switch))
    return end


if __name__ == "__main__":
    main()
