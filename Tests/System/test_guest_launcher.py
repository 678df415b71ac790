"""How the launcher handles a guest on several nodes: with stand-ins for them."""

import json
import pathlib
import tempfile
import unittest

from cluster.bochs import Bochs
from cluster.cluster import Cluster
from cluster.guest import make_modules
from cluster.image import GUEST_COMMAND_LINE, Module
from cluster.initramfs import INIT
from cluster.qemu import InterpretingQEMU
from cluster.run import Job, Status
from stand_in_node import StandInBochs, StandInNode, node_that
from test_cluster_launcher import LAUNCHER, ClusterTestCase
from test_terminal import TerminalTestCase


class GuestTestCase(ClusterTestCase):
    def log(self, number):
        return (self.directory / f"run/node{number}.log").read_text()

    def reasons(self):
        return [node["reason"] for node in self.summary()["nodes"]]

    def assert_failed(self, result, status, reason, reasons):
        self.assertEqual((result.status, result.reason, self.reasons()), (status, reason, reasons), self.said())


class CommandTests(GuestTestCase):
    def test_the_commands_output_errors_and_status_come_from_the_guest(self):
        result = self.run_job([StandInNode, StandInBochs, StandInNode], 3, command="out one; err two; exit 7")
        self.assertEqual((result.status, result.reason), (7, "poweroff"), self.said())
        self.assertEqual((self.output.getvalue(), self.said()), (b"one\n", "two\n"))

    def test_each_node_reports_the_guests_end(self):
        self.run_job(nodes=3, command="exit 0")
        self.assertEqual([node["report"]["end"] for node in self.summary()["nodes"]], ["poweroff"] * 3)
        self.assertEqual(list(self.summary()["switch"]["ports"]), ["node0", "node1", "node2"])
        self.assertIn("Power down", (self.directory / "run/guest0.log").read_text())
        self.assertEqual((self.directory / "run/guest1.log").read_text(), "")

    def test_the_first_node_alone_has_the_modules_and_all_know_their_numbers(self):
        self.run_job(nodes=3, command="exit 0")
        for number in range(3):
            self.assertRegex(self.log(number), rf"nodes=3 node={number}; modules: {0 if number else 2}\n")

    def test_the_guest_is_on_the_first_node_even_if_that_comes_last(self):
        result = self.run_job(command="out here; exit 0", delays={0: 0.5})
        self.assertEqual((result.status, self.output.getvalue()), (0, b"here\n"), self.said())

    def test_commands_of_the_nodes_need_no_guest(self):
        self.run_job(commands=[(0, "say here")])
        for number in range(2):
            self.assertRegex(self.log(number), r"nodes=2; modules: 0\n")


class FailureTests(GuestTestCase):
    def test_a_node_that_dies_takes_the_others_with_it_and_is_named(self):
        result = self.run_job([StandInNode, node_that("dying"), StandInNode], 3, command="hang")
        self.assert_failed(result, Status.NODE_FAILED, "no report", ["fault", "no report", "fault"])
        self.assertIn("Big Iron ended: no report", self.said())
        self.assertIn(f"--- {self.directory}/run/node1.log\n", self.said())
        self.assertIn("power fails\n", self.said())
        self.assertNotIn("node0.log", self.said())

    def test_a_node_that_is_cut_off_is_no_failure_of_the_guest(self):
        result = self.run_job([StandInNode, node_that("mute")], command="hang")
        self.assert_failed(result, Status.NODE_FAILED, "fault", ["fault", "fault"])

    def test_a_guest_that_fails_on_all_nodes_is_shown(self):
        for end in ("fault", "reset"):
            result = self.run_job(command=f"err before; {end}")
            self.assert_failed(result, Status.GUEST_FAILED, end, [end, end])
            self.assertIn(f"--- {self.directory}/run/guest0.log\n", self.said())
            self.assertIn(f"its last words before {end}\n", self.said())
            self.assertNotIn("guest1.log", self.said())

    def test_a_guest_that_powers_off_before_its_command_ends_is_a_failure(self):
        result = self.run_job(command="poweroff")
        self.assert_failed(result, Status.GUEST_FAILED, "poweroff", ["poweroff", "poweroff"])

    def test_a_command_that_lasts_too_long_is_a_timeout(self):
        result = self.run_job(command="out so far; hang", timeout=3)
        self.assert_failed(result, Status.TIMED_OUT, "timeout", ["stopped", "stopped"])
        self.assertEqual(self.output.getvalue(), b"so far\n")
        for name in ("guest0.log", "node0.log", "node1.log"):
            self.assertIn(f"run/{name}\n", self.said())

    def test_a_node_that_does_not_end_with_the_guest_is_stuck(self):
        result = self.run_job([StandInNode, node_that("stuck")], command="exit 0", patience=1)
        self.assert_failed(result, Status.NODE_FAILED, "stuck", ["poweroff", "stopped"])
        self.assertIn("not all nodes have ended with the guest", self.said())
        self.assertIn("run/node1.log\n", self.said())
        self.assertNotIn("node0.log", self.said())

    def test_a_cluster_that_does_not_form_in_time_is_a_timeout(self):
        result = self.run_job(command="exit 0", delays={1: 60}, timeout=1)
        self.assert_failed(result, Status.TIMED_OUT, "timeout", ["stopped", "not started"])

    def test_a_node_that_refuses_before_there_is_a_guest_ends_the_run(self):
        result = self.run_job([StandInNode, node_that("refusing")], command="exit 0", patience=1)
        self.assert_failed(result, Status.NODE_FAILED, "refused", ["stopped", "refused"])
        self.assertIn("nothing suits it\n", self.said())


class ControlTests(GuestTestCase):
    def test_who_commands_a_cluster_gives_it_a_guest(self):
        job = self.make_job(command=None)
        cluster = Cluster(job, make_modules(job))
        self.addCleanup(cluster.stop)
        cluster.start()
        console = self.directory / "run/guest0.log"
        cluster.wait_until(lambda: console.read_bytes().endswith(b"# "), "a prompt of the guest", number=0)
        self.assertEqual(cluster.command(1, "say 1"), "1\n")
        cluster.nodes[0].send(b"out typed\r")
        cluster.wait_until(lambda: b"out typed\r\ntyped\n# " in console.read_bytes(), "an answer", number=0)
        cluster.kill(1)
        cluster.wait_until(lambda: cluster.has_ended, "the end of all nodes")
        self.assertEqual([node.reason for node in cluster.nodes], ["fault", "stopped"])


class ModuleTests(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = pathlib.Path(directory.name)

    def line(self, machine, nodes, **more):
        return make_modules(Job(machine, nodes=nodes, directory=self.directory, **more))[0].string.split()

    def test_the_guests_command_line_has_what_any_of_the_machines_needs(self):
        usual = [*GUEST_COMMAND_LINE.split(), f"rdinit={INIT}"]
        words = InterpretingQEMU.guest_words()
        self.assertEqual(self.line([Bochs], 1), usual)
        usual.append("nokaslr")
        self.assertEqual(self.line([Bochs, Bochs], 2), usual)
        for machines in ([InterpretingQEMU] * 2, [Bochs, InterpretingQEMU], [InterpretingQEMU, Bochs]):
            self.assertEqual(self.line(machines, 2, append="more words"), [*usual, *words, "more", "words"])

    def test_modules_of_ones_own_stay_what_they_are(self):
        modules = [Module(self.directory / "kernel", "its line")]
        self.assertEqual(make_modules(Job(Bochs, modules=modules)), modules)


class TerminalTests(TerminalTestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = pathlib.Path(directory.name)
        self.launch("-c", LAUNCHER, "--nodes", "2", "--cores", "2", "--run-directory", self.directory)

    def test_the_terminal_is_the_guests_until_it_powers_off(self):
        self.expect(rb"Booting 2 nodes on StandInNode; Ctrl-A X quits, Ctrl-A N goes on to the nodes' command lines")
        self.expect(rb"the kernel's messages\n# ")
        self.type(b"out typed\r")
        self.expect(rb"out typed\r\ntyped\n# ")
        self.type(b"exit\r")
        self.expect(rb"Power down\n")
        self.expect(rb"\[node [01] has ended: poweroff\]\r\n.*\[node [01] has ended: poweroff\]\r\n")
        self.assert_ended(0)
        summary = json.loads((self.directory / "summary.json").read_text())
        self.assertEqual([node["report"]["end"] for node in summary["nodes"]], ["poweroff"] * 2)

    def test_ctrl_a_n_goes_around_from_the_guest_to_each_command_line(self):
        self.expect(rb"# ")
        self.type(b"half a line\x01nsay it is 0\r")
        self.expect(rb"\r\n\[node 0\]\r\nnode [0?]> ")
        self.expect(rb"\r\nit is 0\r\nnode 0> ")
        self.type(b"\x01Nsay it is 1\r")
        self.expect(rb"\[node 1\]\r\nnode [1?]> ")
        self.expect(rb"\r\nit is 1\r\nnode 1> ")
        self.type(b"\x01n")
        self.expect(rb"\[guest\]\r\n# half a line")
        self.type(b"\x01x")
        self.assert_ended(0)

    def test_a_node_that_is_shut_down_ends_the_run_with_its_failure(self):
        self.expect(rb"# ")
        self.type(b"\x01n\x01n\rshutdown\r")
        self.expect(rb"\[node 1 has ended: poweroff\]\r\n")
        self.expect(rb"\[node 0 has ended: fault\]\r\n")
        self.assert_ended(Status.NODE_FAILED)
