import Testing
import Machine
@Test func probe() { _ = MachineProbe() }
