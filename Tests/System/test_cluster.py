"""Clusters of the real hyperkernel: emulated PCs find each other, talk, and notice when one of them is gone."""

import re
import socket
import subprocess
import sys
import threading
import unittest

from big_iron import SMALL, complaints, fresh_directory
from cluster.bochs import Bochs
from cluster.cluster import Cluster, address_of
from cluster.qemu import InterpretingQEMU
from cluster.run import Job, Network
from cluster.switch import Impairments
from dissector import dissect
from test_dissector import changed, vectors

# What the hyperkernel says in its log.
FORMED = r"cluster: {count} nodes, epoch {epoch}\b"
CHANGED = r"cluster: {count} nodes?, epoch (\d+)\b"
SUSPECTED = r"cluster: node {node} is silent"
RECOVERED = r"cluster: node {node} is heard again"
DOWN = r"cluster: node {node} is down as of epoch \d+, last heard (\d+) ms ago"
EXPELLED = r"cluster: the others have declared this node down"

PING = (
    r"node {node}: {count} times {size} bytes there and back: minimum [\d.]+ us, median [\d.]+ us, p99 [\d.]+ us, "
    r"\d+ ticks of work here each\n")

PATIENT = ("cluster.heartbeat=100", "cluster.suspect=500", "cluster.failure=20000")
"""Time options that leave a test as much time as it takes between suspicion and failure, however busy the host is."""

_SECONDS_TO_FORM = 60
_SECONDS_TO_NOTICE = 10
_FAILURE_TIME = 1000
"""Milliseconds, as the hyperkernel has it by itself."""
_HEARTBEAT = 100
_MARGIN = 1000
"""For what else the host does."""


class ClusterTestCase(unittest.TestCase):
    seconds = 8

    def start(self, machine=InterpretingQEMU, nodes=None, card=None, impairments=Impairments(), **job):
        """Boots a cluster; it is stopped at the test's end."""
        self.directory = fresh_directory(self.id())
        network = Network(card, impairments, capture=self.directory / "capture.pcap")
        nodes = nodes or len(machine)
        cluster = Cluster(Job(machine, SMALL, nodes=nodes, network=network, directory=self.directory, **job))
        self.addCleanup(cluster.stop)
        cluster.start()
        return cluster

    def assert_formed(self, cluster, epoch=1):
        """All nodes have the same view of who is in the cluster, and each has the number that its address gives it."""
        count = len(cluster.nodes)
        for number in range(count):
            cluster.wait_for_log(number, FORMED.format(count=count, epoch=epoch), _SECONDS_TO_FORM)
        views = [cluster.command(number, "nodes") for number in range(count)]
        for number, view in enumerate(views):
            lines = view.splitlines()
            self.assertEqual(len(lines), count, view)
            for member, line in enumerate(lines):
                self.assertTrue(line.startswith(f"node {member}: {address_of(member)}, "), view)
                self.assertEqual(line.endswith(", this one"), member == number, view)
        self.assertEqual(len({view.replace(", this one", "") for view in views}), 1, views)

    def assert_ping(self, cluster, source, destination, count=10, size=64):
        answer = cluster.command(source, f"ping {destination} {count} {size}")
        self.assertRegex(answer, "^" + PING.format(node=destination, count=count, size=size) + "$")

    def assert_all_reach_each_other(self, cluster):
        for source in range(len(cluster.nodes)):
            for destination in range(len(cluster.nodes)):
                if source != destination:
                    self.assert_ping(cluster, source, destination, count=3)

    def assert_shuts_down(self, cluster):
        cluster.shut_down()
        for node in cluster.nodes:
            self.assertEqual(node.reason, "poweroff", node.log)

    def assert_no_complaints(self, cluster):
        for node in cluster.nodes:
            self.assertEqual(complaints(node.log), [], node.log)


class FormationTests(ClusterTestCase):
    def assert_forms(self, *arguments, **more):
        cluster = self.start(*arguments, **more)
        self.assert_formed(cluster)
        self.assert_no_complaints(cluster)
        self.assert_all_reach_each_other(cluster)
        self.assert_shuts_down(cluster)

    def test_two_nodes_form_a_cluster_on_e1000e(self):
        self.assert_forms(nodes=2, card="e1000e")

    def test_two_nodes_form_a_cluster_on_e1000(self):
        self.assert_forms(nodes=2, card="e1000")

    def test_three_nodes_form_a_cluster_on_e1000e(self):
        self.assert_forms(nodes=3, card="e1000e")

    def test_three_nodes_form_a_cluster_on_e1000(self):
        self.assert_forms(nodes=3, card="e1000")

    def test_four_nodes_form_a_cluster_on_e1000e(self):
        self.assert_forms(nodes=4, card="e1000e")

    def test_four_nodes_form_a_cluster_on_e1000(self):
        self.assert_forms(nodes=4, card="e1000")

    def test_nodes_with_numbers_of_their_own_form_a_cluster(self):
        self.assert_forms(nodes=2, pins_numbers=True)

    def test_nodes_find_each_other_in_any_order(self):
        for delays in ({0: 1, 1: 0.5}, {1: 1}):
            with self.subTest(delays):
                self.assert_forms(nodes=3, delays=delays)

    def test_a_node_that_is_ten_seconds_late_is_waited_for(self):
        self.assert_forms(nodes=3, delays={1: 10})

    def test_a_cluster_forms_where_a_tenth_of_all_frames_is_lost(self):
        cluster = self.start(nodes=3, impairments=Impairments(loss=0.1))
        self.assert_formed(cluster)
        for size in (64, 4096):
            self.assert_ping(cluster, 0, 2, 20, size)
        self.assert_shuts_down(cluster)
        cluster.stop()
        self.assertGreater(cluster.switch_summary["ports"]["node0"]["lost"], 0)


class BochsTests(ClusterTestCase):
    seconds = 30

    def assert_forms(self, machines):
        cluster = self.start(machines)
        self.assert_formed(cluster)
        self.assert_all_reach_each_other(cluster)
        self.assert_shuts_down(cluster)

    def test_two_bochs_form_a_cluster(self):
        self.assert_forms([Bochs, Bochs])

    def test_a_qemu_and_a_bochs_form_a_cluster(self):
        self.assert_forms([InterpretingQEMU, Bochs])


class FailureTests(ClusterTestCase):
    def test_a_killed_node_is_noticed_by_all_others_and_may_come_back(self):
        cluster = self.start(nodes=3)
        self.assert_formed(cluster)
        cluster.kill(2)
        for number in (0, 1):
            silence = int(cluster.wait_for_log(number, DOWN.format(node=2), _SECONDS_TO_NOTICE)[1])
            # Who hears it from the other may have heard the dead one a heartbeat later.
            self.assertGreaterEqual(silence, _FAILURE_TIME - _HEARTBEAT)
            self.assertLess(silence, _FAILURE_TIME + _MARGIN)
            cluster.wait_for_log(number, CHANGED.format(count=2), _SECONDS_TO_NOTICE)
            self.assertEqual(len(cluster.command(number, "nodes").splitlines()), 2)
        self.assert_ping(cluster, 0, 1)
        self.assertEqual(cluster.command(0, "ping 2"), "error: there is no link to node 2\n")
        starts = [len(cluster.nodes[number].log) for number in (0, 1)]
        cluster.restart(2)
        for number, start in enumerate(starts):
            cluster.wait_for_log(number, CHANGED.format(count=3), _SECONDS_TO_FORM, start)
        self.assert_all_reach_each_other(cluster)
        self.assert_shuts_down(cluster)

    def test_a_node_that_reboots_is_a_new_one_at_once(self):
        cluster = self.start(nodes=2, options=PATIENT)
        self.assert_formed(cluster)
        before = cluster.command(0, "nodes")
        start = len(cluster.nodes[0].log)
        cluster.restart(1)
        cluster.wait_for_log(0, CHANGED.format(count=2), _SECONDS_TO_FORM, start)
        cluster.wait_for_formation(1)
        self.assert_all_reach_each_other(cluster)
        after = cluster.command(0, "nodes")
        self.assertEqual([*map(incarnation, before.splitlines())][0], [*map(incarnation, after.splitlines())][0])
        self.assertNotEqual([*map(incarnation, before.splitlines())][1], [*map(incarnation, after.splitlines())][1])

    def test_a_cable_that_is_put_back_in_time_was_never_missed(self):
        cluster = self.start(nodes=3, options=PATIENT)
        self.assert_formed(cluster)
        cluster.cut(1)
        for number in (0, 2):
            cluster.wait_for_log(number, SUSPECTED.format(node=1), _SECONDS_TO_NOTICE)
        self.assertIn(", silent\n", cluster.command(0, "nodes"))
        cluster.join(1)
        for number in (0, 2):
            cluster.wait_for_log(number, RECOVERED.format(node=1), _SECONDS_TO_NOTICE)
        self.assert_formed(cluster)
        self.assert_all_reach_each_other(cluster)
        for node in cluster.nodes:
            self.assertNotRegex(node.log, "epoch 2")
        self.assert_shuts_down(cluster)

    def test_a_cable_that_stays_pulled_takes_a_node_out_and_no_console_hangs(self):
        cluster = self.start(nodes=3)
        self.assert_formed(cluster)
        cluster.cut(0)
        for number in (1, 2):
            cluster.wait_for_log(number, DOWN.format(node=0), _SECONDS_TO_NOTICE)
        self.assert_ping(cluster, 1, 2)
        cluster.join(0)
        cluster.wait_for_log(0, EXPELLED, _SECONDS_TO_NOTICE)
        self.assert_ping(cluster, 2, 1)
        for number in range(3):
            self.assertIn("controller: ", cluster.command(number, "net", is_member=number > 0))
        self.assert_shuts_down(cluster)

    def test_a_ping_to_a_node_that_dies_keeps_none_of_the_others_waiting(self):
        cluster = self.start(nodes=3, options=("cluster.failure=5000",))
        self.assert_formed(cluster)
        cluster.kill(2)
        line = cluster.nodes[0].command_line
        line.begin("ping 2 1000 4096")
        cluster.nodes[0].send_command("ping 2 1000 4096")
        self.assert_ping(cluster, 1, 0, 100, 4096)
        outputs = []
        cluster.wait_until(lambda: outputs.append(line.take_output()) or outputs[-1] is not None, "an answer")
        self.assertEqual(outputs[-1], "error: node 2 is no member any more\n")


class RefusalTests(ClusterTestCase):
    """Who is refused is told why, and so is who looks at the console of the other."""

    def assert_refusal(self, cluster, refusing, refused, reason):
        cluster.wait_for_log(refusing, rf"cluster: {address_of(refused)} is refused: {reason}$", _SECONDS_TO_FORM)
        cluster.wait_for_log(
            refused, rf"cluster: node \S+ \({address_of(refusing)}\) refuses this node: {reason}$", _SECONDS_TO_FORM)
        for number in (refusing, refused):
            cluster.command(number, "net", is_member=False)

    def test_a_node_that_expects_another_number_of_nodes(self):
        cluster = self.start(nodes=2, node_options={1: ["nodes=3"]})
        self.assert_refusal(cluster, 0, 1, "another number of nodes; the refusing node expects 2")
        self.assert_refusal(cluster, 1, 0, "another number of nodes; the refusing node expects 3")
        self.assert_shuts_down(cluster)

    def test_a_number_that_two_nodes_want(self):
        cluster = self.start(nodes=2, options=["node=1"])
        self.assert_refusal(cluster, 0, 1, "another node has the number 1")
        self.assert_shuts_down(cluster)

    def test_one_node_too_many(self):
        cluster = self.start(nodes=3, options=["nodes=2"], delays={2: 3600})
        for number in range(2):
            cluster.wait_for_log(number, FORMED.format(count=2, epoch=1), _SECONDS_TO_FORM)
        cluster.restart(2)
        cluster.wait_for_log(2, "refuses this node: the cluster has all its nodes$", _SECONDS_TO_FORM)
        self.assert_ping(cluster, 0, 1)
        self.assert_shuts_down(cluster)

    def test_clusters_of_different_numbers_do_not_hear_each_other(self):
        others = {number: ["cluster=2"] for number in (1, 3)}
        cluster = self.start(nodes=4, options=["nodes=2"], node_options=others)
        for number, other in ((0, 2), (1, 3)):
            addresses = re.findall("[0-9a-f:]{17}", cluster.command(number, "nodes"))
            self.assertEqual(addresses, [address_of(number), address_of(other)])
            self.assert_ping(cluster, number, 1)
        self.assert_no_complaints(cluster)
        self.assert_shuts_down(cluster)


class StrangerTests(ClusterTestCase):
    """What comes to a node from nobody of its cluster."""

    STRANGER = "02:00:00:00:00:77"

    def send(self, cluster, number, frames):
        """Sends frames into the node's cable, past the switch."""
        port = cluster.switch.attachments[f"node{number}"].emulator
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
            for frame in frames:
                line.sendto(frame, ("127.0.0.1", port))

    def announcement(self, version):
        """Of a node of `STRANGER` in the same cluster."""
        stranger = bytes.fromhex(self.STRANGER.replace(":", ""))
        frame = changed(vectors()["announcement"], 6, stranger)
        return changed(changed(frame, 26, (1).to_bytes(4, "little")), 14, bytes([version]))

    def test_a_node_of_another_version_is_refused_and_told_why(self):
        cluster = self.start(nodes=2)
        self.assert_formed(cluster)
        self.send(cluster, 0, [self.announcement(version=1)])
        cluster.wait_for_log(
            0, f"cluster: {self.STRANGER} is refused: another version of the protocol; the refusing node's is 2$")
        self.assert_ping(cluster, 0, 1)
        self.assert_shuts_down(cluster)
        told = dissect(self.directory / "capture.pcap", "-Y", f"bigiron.kind == 0xff && eth.dst == {self.STRANGER}")
        self.assertRegex(told, r"Refusal protocol version\n$")

    def test_a_storm_of_frames_takes_no_node_from_its_console_or_its_peers(self):
        cluster = self.start(nodes=2, options=PATIENT)
        self.assert_formed(cluster)
        frames = [self.announcement(version=2)[: 60 + number] + bytes(200) for number in range(100)]
        ends = threading.Event()

        def storm():
            while not ends.is_set():
                self.send(cluster, 0, frames)

        thread = threading.Thread(target=storm)
        thread.start()
        try:
            for _ in range(3):
                self.assertIn("link to node 1: heard ", cluster.command(0, "net"))
            self.assert_ping(cluster, 0, 1, 20, 4096)
        finally:
            ends.set()
            thread.join()
        dropped = int(re.search(r"frames dropped: (\d+)", cluster.command(0, "net"))[1])
        self.assertGreater(dropped, 1000)
        self.assert_shuts_down(cluster)


class CommandTests(ClusterTestCase):
    def test_commands_of_the_command_line(self):
        cluster = self.start(nodes=2)
        self.assert_formed(cluster)
        for size in (16, 64, 1400, 1500, 4096):
            self.assert_ping(cluster, 0, 1, 20, size)
        net = cluster.command(1, "net")
        self.assertIn(f"controller: 82574L, {address_of(1)}, link up", net)
        self.assertRegex(net, r"link to node 0: heard \d+ ms ago, round trip [\d.]+ us\n")
        self.assertRegex(cluster.command(1, "clock"), r"^cluster time [\d.]+ s, at most [\d.]+ us off\n$")
        self.assertIn("ping NODE [COUNT] [SIZE]: ", cluster.command(0, "help"))
        for mistake in ("pong", "ping", "ping 7", "ping 1 0", "ping 1 1 15", "ping 1 1 4097", "ping x", "nodes 1"):
            self.assertRegex(cluster.command(0, mistake), "^error: .*\n$")
        self.assert_shuts_down(cluster)

    def test_what_is_typed_after_the_end_takes_no_report_with_it(self):
        cluster = self.start(nodes=2)
        self.assert_formed(cluster)
        for node in cluster.nodes:
            node.send_command("shutdown\rmore than a UART holds, and nobody reads it")
        cluster.wait_until(lambda: cluster.has_ended, "the end of all nodes")
        self.assertEqual([node.reason for node in cluster.nodes], ["poweroff"] * 2)

    def test_the_launcher_types_them_and_shuts_down(self):
        directory = fresh_directory(self.id())
        launcher = subprocess.run(
            [sys.executable, "-m", "cluster", "--no-kvm", "--nodes", "2", "--memory", "128", "--timeout", "60",
             "--command", "ping 1 10 64", "--command", "1:ping 0 10 4096", "--run-directory", directory],
            capture_output=True, text=True, stdin=subprocess.DEVNULL)
        self.assertEqual((launcher.returncode, launcher.stderr), (0, ""))
        self.assertRegex(
            launcher.stdout,
            "^" + PING.format(node=1, count=10, size=64) + PING.format(node=0, count=10, size=4096) + "$")


class CaptureTests(ClusterTestCase):
    def test_the_dissector_names_every_frame_of_a_cluster(self):
        cluster = self.start(nodes=3)
        self.assert_formed(cluster)
        for size in (64, 4096):
            self.assert_ping(cluster, 0, 1, 5, size)
        self.assert_shuts_down(cluster)
        cluster.stop()
        fields = ["frame.number", "_ws.col.Protocol", "_ws.col.Info", "_ws.expert.message", "_ws.malformed"]
        lines = dissect(
            self.directory / "capture.pcap", "-T", "fields", *(word for field in fields for word in ("-e", field)))
        frames = [line.split("\t") for line in lines.splitlines()]
        self.assertEqual(
            len(frames), sum(port["received"] for port in cluster.switch_summary["ports"].values()))
        self.assertEqual([frame for frame in frames if frame[1] != "BIGIRON" or any(frame[3:])], [])
        kinds = {re.match(r"\S+ ([A-Z][a-z]+( [a-z]+)?)", info)[1] for _, _, info, *_ in frames}
        self.assertLessEqual({"Announcement", "View epoch", "Heartbeat", "Clock request", "Clock reply"}, kinds)


def incarnation(line):
    return re.search("incarnation ([^,]+)", line)[1]
