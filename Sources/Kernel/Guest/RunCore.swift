import CPU
import Firmware

func startGuest(_ boot: BootInformation) {
  log.info("no guest yet")
}
func runCore() -> Never { stopForGood() }
