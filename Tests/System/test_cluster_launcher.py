"""How the launcher handles several nodes: with stand-ins for them, and two real ones that start."""

import contextlib
import io
import json
import pathlib
import subprocess
import tempfile
import time
import unittest

from big_iron import SMALL, fresh_directory
from cluster import remote
from cluster.bochs import Bochs
from cluster.cluster import Cluster, NodeError, NodeTimeout, address_of
from cluster.machine import Hardware, MachineError, NetworkCard
from cluster.qemu import QEMU, InterpretingQEMU
from cluster.run import Job, Network, Status, run
from cluster.switch import Impairments, SwitchError
from stand_in_node import StandInBochs, StandInNode, node_that
from test_terminal import TerminalTestCase

# The launcher's own main, with stand-ins in place of the machines that it chooses by itself.
LAUNCHER = """
import cluster.__main__ as launcher, stand_in_node
launcher.QEMU = stand_in_node.StandInNode
launcher.main()
"""


class ClusterTestCase(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = pathlib.Path(directory.name)
        self.output, self.errors = io.BytesIO(), io.BytesIO()

    def make_job(self, machine=StandInNode, nodes=2, **arguments):
        hyperkernel = self.directory / "hyperkernel"
        hyperkernel.write_bytes(b"never loaded here")
        # A stand-in is told by its cores how many nodes there are.
        return Job(
            machine, Hardware(cores=nodes), nodes=nodes, directory=self.directory / "run", hyperkernel=hyperkernel,
            **{"timeout": 30} | arguments)

    def run_job(self, *arguments, **more):
        return run(self.make_job(*arguments, **more), self.output, self.errors)

    def start(self, *arguments, **more):
        cluster = Cluster(self.make_job(*arguments, **more))
        self.addCleanup(cluster.stop)
        cluster.start()
        return cluster

    def said(self):
        return self.errors.getvalue().decode()

    def summary(self):
        return json.loads((self.directory / "run/summary.json").read_text())


class RunTests(ClusterTestCase):
    def test_nodes_obey_commands_and_shut_down(self):
        result = self.run_job(nodes=3, commands=[(0, "say one"), (2, "say two/three")])
        self.assertEqual((result.status, result.reason), (Status.DONE, "poweroff"), self.said())
        self.assertEqual(self.output.getvalue(), b"one\ntwo\nthree\n")
        self.assertEqual(self.said(), "")

    def test_each_node_leaves_its_own_log_and_report(self):
        self.run_job(nodes=3, commands=[])
        for number in range(3):
            log = (self.directory / f"run/node{number}.log").read_text()
            self.assertIn(f"this is {address_of(number)}\n", log)
            self.assertTrue((self.directory / f"run/guest{number}.log").exists())
        summary = self.summary()
        self.assertEqual((summary["status"], summary["reason"]), (0, "poweroff"))
        self.assertEqual([node["address"] for node in summary["nodes"]], [address_of(number) for number in range(3)])
        self.assertEqual([node["report"]["end"] for node in summary["nodes"]], ["poweroff"] * 3)
        self.assertEqual(list(summary["switch"]["ports"]), ["node0", "node1", "node2"])
        self.assertGreater(summary["switch"]["ports"]["node0"]["received"], 0)

    def test_what_a_former_run_left_of_more_nodes_is_gone(self):
        self.run_job(nodes=3, commands=[])
        self.run_job(nodes=2, commands=[])
        self.assertEqual(sorted(self.directory.glob("run/node*.log")), [
            self.directory / "run/node0.log", self.directory / "run/node1.log"])

    def test_both_kinds_of_emulators_are_on_one_network(self):
        result = self.run_job([StandInNode, StandInBochs], commands=[])
        self.assertEqual(result.status, Status.DONE, self.said())
        self.assertEqual([port["emulator"] for port in result.switch["ports"].values()], ["qemu", "bochs"])
        self.assertEqual([node.report["heard"] for node in result.nodes], [1, 1])

    def test_a_command_that_fails_is_the_status_of_the_run(self):
        result = self.run_job(commands=[(0, "say before it/error: no"), (1, "say after it")])
        self.assertEqual((result.status, result.reason), (Status.COMMAND_FAILED, "error"))
        self.assertEqual(self.output.getvalue(), b"before it\nerror: no\nafter it\n")
        self.assertEqual(self.summary()["status"], 1)
        self.assertEqual([node.reason for node in result.nodes], ["poweroff"] * 2)

    def test_a_node_that_does_not_start_ends_the_run(self):
        result = self.run_job([StandInNode, node_that("absent")], commands=[])
        self.assertEqual((result.status, result.reason), (Status.NODE_FAILED, "not started"))
        self.assertIn(f"the machine did not start; see {self.directory}/run/machine1.output", self.said())
        self.assertEqual([node["reason"] for node in self.summary()["nodes"]], ["stopped", "not started"])

    def test_a_late_node_that_does_not_start_ends_the_run(self):
        result = self.run_job([StandInNode, node_that("absent")], commands=[], delays={1: 0.2})
        self.assertEqual((result.status, result.reason), (Status.NODE_FAILED, "not started"))
        self.assertIn("the machine did not start", self.said())

    def test_a_node_that_refuses_ends_the_run_with_its_log(self):
        result = self.run_job([StandInNode, node_that("refusing")], commands=[])
        self.assertEqual((result.status, result.reason), (Status.NODE_FAILED, "refused"))
        self.assertIn("node 1 has ended (refused)", self.said())
        self.assertIn("Big Iron ended: refused", self.said())
        self.assertIn("nothing suits it\n", self.said())
        self.assertNotIn("node0.log", self.said())

    def test_a_node_that_ends_too_soon_ends_the_run(self):
        for command, reason in (("vanish", "no report"), ("panic", "panic")):
            result = self.run_job(commands=[(1, command), (0, "say never")])
            self.assertEqual((result.status, result.reason), (Status.NODE_FAILED, reason))
            self.assertEqual(self.output.getvalue(), b"")

    def test_a_cluster_that_does_not_form_in_time_is_a_timeout(self):
        result = self.run_job(commands=[(0, "say never")], delays={1: 60}, timeout=1)
        self.assertEqual((result.status, result.reason), (Status.TIMED_OUT, "timeout"))
        self.assertIn("a prompt of node 0 in the cluster did not come", self.said())
        self.assertEqual([node["reason"] for node in self.summary()["nodes"]], ["stopped", "not started"])

    def test_a_capture_that_cannot_be_written_ends_the_run(self):
        result = self.run_job(commands=[], network=Network(capture=self.directory / "none/file"))
        self.assertEqual((result.status, result.reason), (Status.NODE_FAILED, "not started"))
        self.assertIn("No such file or directory", self.said())

    def test_the_network_is_as_bad_as_it_was_asked_to_be(self):
        capture = self.directory / "capture.pcap"
        result = self.run_job(
            commands=[], network=Network(impairments=Impairments(duplicate=1), seed=3, capture=capture))
        self.assertEqual((result.status, result.switch["seed"]), (Status.DONE, 3))
        self.assertGreater(result.switch["ports"]["node0"]["duplicated"], 0)
        self.assertGreater(capture.stat().st_size, 24)


class ControlTests(ClusterTestCase):
    def test_a_late_node_starts_when_it_is_due(self):
        cluster = self.start(delays={1: 1})
        cluster.wait_for_log(0, "this is")
        self.assertEqual(cluster.nodes[1].reason, "not started")
        cluster.wait_for_formation(0)
        cluster.wait_for_formation(1)
        self.assertEqual(cluster.command(1, "say here"), "here\n")

    def test_a_killed_node_is_missed_and_boots_again(self):
        cluster = self.start()
        cluster.wait_for_formation(1)
        cluster.kill(0)
        self.assertEqual(cluster.nodes[0].reason, "stopped")
        cluster.wait_for_log(1, f"{address_of(0)} is silent")
        with self.assertRaisesRegex(NodeError, r"node 0 has ended \(stopped\)"):
            cluster.command(0, "say anything")
        cluster.restart(0)
        cluster.wait_for_log(1, f"{address_of(0)} is back")
        self.assertEqual(cluster.command(0, "say again"), "again\n")
        self.assertEqual((self.directory / "run/node0.log").read_text().count("this is"), 2)
        self.assertEqual(cluster.nodes[0].log.count("this is"), 1)
        cluster.shut_down()
        self.assertEqual([node.report["end"] for node in cluster.nodes], ["poweroff"] * 2)

    def test_a_cable_is_pulled_and_put_back(self):
        cluster = self.start()
        cluster.wait_for_formation(0)
        cluster.cut(1)
        cluster.wait_for_log(0, f"{address_of(1)} is silent")
        start = len(cluster.nodes[0].log)
        cluster.join(1)
        cluster.wait_for_log(0, f"{address_of(1)} is back", start=start)
        with self.assertRaises(SwitchError):
            cluster.cut(2)

    def test_what_does_not_come_is_named(self):
        cluster = self.start()
        with self.assertRaisesRegex(NodeTimeout, "'what never comes' in the log of node 0 did not come in 0 s"):
            cluster.wait_for_log(0, "what never comes", timeout=0.1)
        cluster.wait_for_formation(1)
        cluster.kill(1)
        with self.assertRaisesRegex(NodeError, r"node 1 has ended \(stopped\) before 'x!' in the log of node 1 came"):
            cluster.wait_for_log(1, "x!")

    def test_a_switch_that_has_ended_is_noticed(self):
        cluster = self.start()
        cluster.switch._process.kill()
        with self.assertRaises(SwitchError):
            cluster.wait_for_log(0, "what never comes")

    def test_long_answers_and_odd_ones_come_whole(self):
        cluster = self.start()
        for text in ("node 1>", "x" * 116, "/".join(map(str, range(20))), "say say", "/a/", "error: /"):
            self.assertEqual(cluster.command(0, f"say {text}"), text.replace("/", "\n") + "\n")
        self.assertEqual(cluster.command(0, "count 2000"), "".join(f"{number}\n" for number in range(2000)))
        self.assertEqual(cluster.command(0, "nothing"), "")
        self.assertEqual(cluster.command(0, "n"), "")
        for text in ("", " say", "say\n", "x" * 121):
            with self.assertRaises(ValueError):
                cluster.command(0, text)


class RemoteTests(ClusterTestCase):
    def tell(self, *words):
        output, errors = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(output), contextlib.redirect_stderr(errors):
            status = remote.main(words[0], [*words[1:], "--run-directory", str(self.directory / "run")])
        return status, output.getvalue(), errors.getvalue()

    def test_others_impair_the_network(self):
        cluster = self.start()
        cluster.wait_for_formation(0)
        self.assertEqual(self.tell("impair", "--loss", "1"), (0, "", ""))
        cluster.wait_for_log(0, f"{address_of(1)} is silent")
        self.assertEqual(self.tell("impair"), (0, "", ""))
        cluster.wait_for_log(0, f"{address_of(1)} is back")

    def test_others_pull_cables_wherever_the_run_directory_is(self):
        # A socket's own path must not be longer than 107 bytes.
        self.directory = self.directory / ("long" * 25) / ("long" * 25)
        self.directory.mkdir(parents=True)
        cluster = self.start()
        cluster.wait_for_formation(0)
        self.assertEqual(self.tell("cut", "1"), (0, "", ""))
        cluster.wait_for_log(0, f"{address_of(1)} is silent")
        self.assertEqual(self.tell("join", "1"), (0, "", ""))
        cluster.wait_for_log(0, f"{address_of(1)} is back")
        status, output, _ = self.tell("counters")
        self.assertEqual((status, json.loads(output)["node1"]["is_cut"]), (0, False))
        self.assertEqual(self.tell("cut", "2"), (1, "", "there is no node node2; there are node0, node1\n"))
        cluster.stop()
        self.assertEqual(self.tell("counters"), (1, "", f"no cluster runs in {self.directory}/run\n"))


class MachineTests(unittest.TestCase):
    CARD = NetworkCard("e1000", "52:54:00:12:34:01", "the,connection")

    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = pathlib.Path(directory.name)

    def test_qemu_gets_its_card(self):
        command = " ".join(map(str, QEMU(SMALL, "", self.directory, 0, self.CARD).prepare(1)))
        self.assertIn(
            "-netdev the,connection -device e1000,netdev=net0,mac=52:54:00:12:34:01,romfile=,addr=3", command)

    def test_bochs_gets_its_card_and_keeps_to_real_time(self):
        Bochs(SMALL, "", self.directory, 3, self.CARD).prepare(1)
        configuration = (self.directory / "machine3.bochsrc").read_text()
        self.assertIn("e1000: card=0, enabled=1, mac=52:54:00:12:34:01, the,connection\n", configuration)
        self.assertIn("clock: sync=slowdown", configuration)

    def test_a_machine_without_network_is_what_it_was(self):
        self.assertNotIn("-netdev", QEMU(SMALL, "", self.directory).prepare(1))
        Bochs(SMALL, "", self.directory).prepare(1)
        configuration = (self.directory / "machine0.bochsrc").read_text()
        self.assertIn("clock: sync=none", configuration)
        self.assertNotIn("e1000", configuration)

    def test_a_card_that_a_machine_cannot_have_is_refused(self):
        with self.assertRaisesRegex(MachineError, "Bochs has no network card e1000e, but e1000"):
            Bochs(SMALL, "", self.directory, 0, self.CARD._replace(model="e1000e"))


class TerminalTests(TerminalTestCase):
    def test_a_terminated_launcher_leaves_no_switch_and_no_raw_terminal_behind(self):
        with tempfile.TemporaryDirectory() as directory:
            self.launch("-c", LAUNCHER, "--nodes", "2", "--cores", "2", "--run-directory", directory)
            self.expect(rb"the kernel's messages\n# ")
            self.launcher.terminate()
            self.assert_ended(143)
            switches = subprocess.run(["pgrep", "--full", directory], capture_output=True, text=True).stdout
            self.assertEqual(switches, "")


class BootTests(unittest.TestCase):
    seconds = 5

    def test_two_real_nodes_have_a_card_each_on_one_network(self):
        job = Job(InterpretingQEMU, SMALL, nodes=2, directory=fresh_directory(self.id()))
        with Cluster(job) as cluster:
            for number in range(2):
                cluster.wait_for_log(number, rf"NIC: 82574L \(8086:10d3\) at 0:3\.0, {address_of(number)}, link up")
        self.assertEqual(list(cluster.switch_summary["ports"]), ["node0", "node1"])
