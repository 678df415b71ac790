import Testing
import VMX
@Test func probe() { _ = VMXProbe() }
