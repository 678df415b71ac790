#!/usr/bin/env python3
"""Prints what the nodes of a cluster have counted of a guest: faults, messages, and the pages that vCPUs wait for most.

SUMMARY is a run's summary.json. SYMBOLS names the guest's instructions and, where its kernel is at the addresses that it
was linked for (nokaslr), the variables that stand in a page: a System.map, or what the guest has in /proc/kallsyms.
"""

import argparse
import bisect
import collections
import json
import pathlib
import signal
import sys

_KERNEL_BASE = 0xFFFFFFFF80000000
"""Where Linux's own image has physical address 0, unless it was moved."""
_LINKED_START = 0xFFFFFFFF81000000
_PAGE_SIZE = 4096
_FARTHEST = 1 << 20
"""No function of a kernel's is as long as that."""
_VARIABLES = 6
"""Named of a page."""


class Symbols:
    def __init__(self, text=""):
        names = {}
        for line in text.splitlines():
            address, _, name = line.split()[:3]
            # Lower ones are offsets in each CPU's own memory.
            if int(address, 16) >= 1 << 63:
                names.setdefault(int(address, 16), name)
        self._names = sorted(names.items())
        self._addresses = [address for address, _ in self._names]
        self._is_unmoved = names.get(_LINKED_START) in ("_text", "_stext", "startup_64")

    def name(self, address):
        index = bisect.bisect(self._addresses, address) - 1
        if index < 0 or address - self._addresses[index] >= _FARTHEST:
            return ""
        start, name = self._names[index]
        return f" {name}+{address - start:#x}"

    def names_in_page(self, page):
        """What begins in a page of the kernel's image."""
        if not self._is_unmoved:
            return []
        start = _KERNEL_BASE + page * _PAGE_SIZE
        first = bisect.bisect_left(self._addresses, start)
        end = bisect.bisect_left(self._addresses, min(start + _PAGE_SIZE, 1 << 64))
        return [name for _, name in self._names[first:end]]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("summary", metavar="SUMMARY", type=pathlib.Path)
    parser.add_argument("symbols", metavar="SYMBOLS", type=pathlib.Path, nargs="?")
    parser.add_argument("--pages", metavar="N", type=int, default=32, help="that are printed (default: 32)")
    arguments = parser.parse_args()
    try:
        summary = json.loads(arguments.summary.read_text())
        symbols = Symbols(arguments.symbols.read_text() if arguments.symbols else "")
    except (OSError, ValueError) as error:
        sys.exit(f"{parser.prog}: {error}")
    reports = [node["report"] for node in summary.get("nodes", [summary])]
    reports = [report for report in reports if "hotPages" in report]
    if not reports:
        sys.exit(f"{parser.prog}: {arguments.summary} has no node with a part of a guest")
    for report in reports:
        print_node(report)
    print_pages(reports, arguments.pages, symbols)


def print_node(report):
    pages, guest = report["pages"], report["messages"]["guest"]
    links = report["links"]
    print(f"node {report['node']}")
    print(f"  vCPUs waited {pages['waitedMicroseconds'] / 1e6:.3f} s for pages; {pages['local']:,} faults were local")
    print_table(
        ["faults", "count", "mean us", "median us", "99 % us", "maximum us"],
        [[kind, histogram["count"], *times(histogram)] for kind, histogram in pages["faults"].items()])
    print(f"  {pages['retries']:,} reports repeated, {pages['shootdowns']:,} shootdowns; evictions: {pages['evictions']:,},"
          f" {pages['refusedEvictions']:,} refused; {pages['forgottenCopies']:,} stale copies forgotten,"
          f" {pages['adoptions']:,} pages adopted")
    ipis = sum(vcpu.get("remoteIPIs", 0) for vcpu in report.get("vcpus", []))
    print(f"  {ipis:,} IPIs to other nodes; interrupts: {count(guest, 'interrupt', 'sent'):,} sent,"
          f" {count(guest, 'interrupt', 'received'):,} received; accesses to devices:"
          f" {count(guest, 'device', 'sent'):,} made elsewhere, {count(guest, 'device', 'received'):,} for others")
    print(f"  {sum(link['retransmissions'] for link in links):,} frames sent again"
          f" ({sum(link['retransmittedBytes'] for link in links):,} bytes), of"
          f" {sum(link['framesSent'] for link in links):,}")
    rows = [
        [name if group == "all" else f"{group}: {name}", *(counters[key] for key in _MESSAGE_KEYS)]
        for group, types in report["messages"].items() for name, counters in types.items()]
    print_table(["messages", "sent", "bytes", "received", "bytes"], rows)
    print()


_MESSAGE_KEYS = ("sent", "sentBytes", "received", "receivedBytes")


def count(types, name, key):
    return types.get(name, {}).get(key, 0)


def times(histogram):
    """Mean, median, 99th percentile and maximum; of a percentile it is only known what it is below."""
    if not histogram["count"]:
        return ["", "", "", ""]
    below = [f"<{2 ** bucket_of(histogram, percent):,}" for percent in (50, 99)]
    return [histogram["sumMicroseconds"] // histogram["count"], *below, histogram["maximumMicroseconds"]]


def bucket_of(histogram, percent):
    total = 0
    for bucket, number in enumerate(histogram["buckets"]):
        total += number
        if 100 * total >= percent * histogram["count"]:
            return bucket
    return len(histogram["buckets"])


def print_table(heads, rows):
    cells = [heads, *([text if isinstance(text, str) else f"{text:,}" for text in row] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(heads))]
    for first, *others in cells:
        numbers = (f"{text:>{width}}" for text, width in zip(others, widths[1:]))
        print(f"  {first:<{widths[0]}}  {'  '.join(numbers)}".rstrip())


def print_pages(reports, limit, symbols):
    """The pages that were hottest on all nodes together."""
    pages = collections.defaultdict(list)
    for report in reports:
        for page in report["hotPages"]:
            pages[page["page"]].append((report["node"], page))
    hottest = sorted(pages.items(), key=lambda item: -sum(page["reads"] + page["writes"] for _, page in item[1]))
    print("pages that were waited for most: reads and writes that went to another node")
    for number, nodes in hottest[:limit]:
        reads, writes = (sum(page[key] for _, page in nodes) for key in ("reads", "writes"))
        names = symbols.names_in_page(number)
        more = f" and {len(names) - _VARIABLES} more" if len(names) > _VARIABLES else ""
        print(f"  page {number:#x}: {reads:,} reads, {writes:,} writes"
              f"{': ' if names else ''}{', '.join(names[:_VARIABLES])}{more}")
        for node, page in nodes:
            missed = f", at most {page['missed']:,} not counted" if page["missed"] else ""
            print(f"    on node {node}: {page['reads']:,} reads, {page['writes']:,} writes{missed}")
            for instruction in page["instructions"]:
                address = instruction["address"]
                print(f"      {instruction['count']:>8,} at {address:016x}{symbols.name(address)}")


if __name__ == "__main__":
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # `| head`
    main()
