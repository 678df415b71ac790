import subprocess
import sys
import unittest


class CommandLineTests(unittest.TestCase):
    def assert_refused(self, arguments, words):
        result = subprocess.run([sys.executable, "-m", "cluster", *arguments], capture_output=True, text=True)
        self.assertEqual((result.returncode, result.stdout), (2, ""))
        self.assertIn(words, result.stderr)

    def test_what_does_not_exist_is_not_offered(self):
        self.assert_refused(["--machine", "vax"], "invalid choice")

    def test_malformed_values_are_refused(self):
        for arguments in (["--cores", "0"], ["--memory", "x"], ["--timeout", "-1"]):
            self.assert_refused(arguments, f"argument {arguments[0]}")
        for option in ("log", "=debug", "a=b c=d"):
            self.assert_refused(["--option", option], "must be KEY=VALUE")

    def test_what_a_single_node_has_no_use_for_is_refused(self):
        for option in ("--nic=e1000", "--command=net", "--start-after=0=1", "--pcap=file", "--seed=1", "--loss=0.1"):
            name = option.partition("=")[0]
            self.assert_refused(["--nodes=1", option], f"{name}: needs --nodes 2 or more")
        self.assert_refused(["--nodes=1", "--pin-ids"], "--pin-ids: needs --nodes 2 or more")

    def test_commands_of_the_nodes_and_a_guest_are_not_for_one_run(self):
        for option in ("--exec=true", f"--kernel={__file__}", f"--initrd={__file__}", "--append=quiet"):
            name = option.partition("=")[0]
            self.assert_refused(
                ["--nodes", "2", "--command", "net", option],
                f"{name}: with --command, which is for the nodes' own command lines, there is no guest")

    def test_each_node_has_one_kind_of_machine(self):
        self.assert_refused(["--nodes", "3", "--machine", "qemu,bochs"], "--machine: 2 kinds for 3 nodes")
        self.assert_refused(["--nodes", "1", "--machine", "qemu,bochs"], "--machine: 2 kinds for 1 node")
        self.assert_refused(["--nodes", "2", "--machine", "qemu,vax"], "invalid choice: 'vax'")

    def test_a_network_card_that_a_machine_cannot_have_is_refused(self):
        self.assert_refused(["--nodes", "2", "--nic", "rtl8139"], "--nic: qemu has no rtl8139")
        self.assert_refused(
            ["--nodes", "2", "--machine", "qemu,bochs", "--nic", "e1000e"], "--nic: bochs has no e1000e, but e1000")

    def test_a_processor_that_a_machine_cannot_have_is_refused(self):
        self.assert_refused(["--machine", "bochs", "--cpu", "EPYC"], "--cpu: no machine has a choice of CPUs")
        self.assert_refused(
            ["--nodes", "2", "--machine", "qemu,bochs", "--cpu", "1:EPYC"], "--cpu: bochs has no choice of CPUs")
        for cpu in ("", "1:", "x:EPYC", ":EPYC", "EPYC, -avx"):
            self.assert_refused(["--nodes", "2", "--cpu", cpu], "must be [NODE:]MODEL")

    def test_nodes_that_do_not_exist_are_refused(self):
        self.assert_refused(["--nodes", "2", "--cpu", "2:EPYC"], "--cpu: there is no node 2; the last is 1")
        self.assert_refused(["--nodes", "2", "--start-after", "2=1"], "--start-after: there is no node 2; the last is 1")
        self.assert_refused(["--nodes", "2", "--command", "2:net"], "--command: there is no node 2; the last is 1")
        self.assert_refused(["--nodes", "65"], "--nodes: at most 64")

    def test_malformed_delays_and_commands_are_refused(self):
        for delay in ("1", "x=1", "1=", "1=-1", "1=inf", "1=nan"):
            self.assert_refused(["--nodes", "2", "--start-after", delay], "must be NODE=SECONDS")
        for command in ("", " ", "1:", "net\nnet", "nét", "x" * 121):
            self.assert_refused(["--nodes", "2", "--command", command], "must be [NODE:]COMMAND, of at most 120")

    def test_a_cluster_that_does_not_run_takes_no_commands(self):
        for words in (["cut", "0"], ["join", "0"], ["impair", "--loss", "0.1"], ["counters"]):
            result = subprocess.run(
                [sys.executable, "-m", "cluster", *words, "--run-directory", "/absent"], capture_output=True, text=True)
            self.assertEqual(
                (result.returncode, result.stdout, result.stderr), (1, "", "no cluster runs in /absent\n"))
        for words in (["cut"], ["join", "x"], ["impair", "--loss", "2"], ["counters", "0"]):
            self.assert_refused(words, f"usage: qemu-cluster.sh {words[0]}")

    def test_a_missing_file_is_named(self):
        self.assert_refused(["--kernel", "/absent"], "/absent: no such file")
