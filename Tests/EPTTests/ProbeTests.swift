import Testing
import EPT
@Test func probe() { _ = EPTProbe() }
