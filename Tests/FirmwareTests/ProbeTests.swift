import Testing
import Firmware
@Test func probe() { _ = FirmwareProbe() }
