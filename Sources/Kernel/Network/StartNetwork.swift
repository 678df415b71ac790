import Ethernet
import CPU
import E1000
import EPT
import Firmware
import Memory
import PCI

typealias NIC = EthernetController<ControllerRegisters, DMARun>

/// Finds the first Ethernet controller that can be used, and starts it, where the options ask for one.
func startNetwork(_ madt: MADT?) {
  guard node.options.net == .auto || node.options.nodes > 1 else { return }
  var scan = PCIScan(PCIPorts())
  while let function = scan.next() {
    guard function.isEthernet else { continue }
    guard let model = ControllerModel(vendorID: function.vendorID, deviceID: function.deviceID) else {
      log.warning("NIC: \(ids: function) at \(function.address) is not supported")
      continue
    }
    do {
      let nic = unsafe try start(model, function)
      unsafe node.nic = nic
      let way = unsafe DoorbellInterrupt.connect(nic.pointee.doorbell, of: function, madt)
      log.info(
        "NIC: \(model.name) (\(ids: function)) at \(function.address), \(unsafe nic.pointee.address), \(unsafe nic.pointee.link), \(way.name)"
      )
      unsafe echoFrames(&nic.pointee)
      return
    } catch {
      log.warning("NIC: \(model.name) (\(ids: function)) at \(function.address) is not used: \(error)")
    }
  }
  log.warning("NIC: none that can be used")
}

/// Why a controller that the driver knows is not used.
enum NICError: Error {
  /// Firmware has given its registers no place, or one that is too small.
  case noRegisters
  case registersNotMapped(PageTableError)
  case outOfFrames
  case controller(ControllerError)
}

private func start(
  _ model: ControllerModel, _ function: PCIFunction
) throws(NICError) -> UnsafeMutablePointer<NIC> {
  let space = PCIPorts()
  if function.wake(in: space) { node.clock.spin(microseconds: 10_000) }
  guard let registers = function.memory(0, in: space),
    registers.byteCount >= ControllerRegisters.byteCount
  else { throw .noRegisters }
  do {
    try KernelPageTables.mapDevice(registers.lowerBound, count: ControllerRegisters.byteCount)
  } catch {
    throw .registersNotMapped(error)
  }
  function.enable(in: space)
  guard let sizes = RingSizes() else { throw .outOfFrames }
  let nic = UnsafeMutablePointer<NIC>.allocate(capacity: 1)
  do {
    unsafe nic.initialize(to: try makeNIC(model, registers.lowerBound, sizes))
  } catch {
    unsafe nic.deallocate()
    throw error
  }
  return unsafe nic
}

/// Where the controller does not start, the frames are not given back: it may still write to them.
private func makeNIC(
  _ model: ControllerModel, _ registers: HostPhysicalAddress, _ sizes: RingSizes
) throws(NICError) -> NIC {
  let receiveMemory = try allocate(sizes.receiveByteCount)
  let transmitMemory = try allocate(sizes.transmitByteCount)
  do {
    return try NIC(
      model, bus: ControllerRegisters(base: registers.value), sizes: sizes, receiveMemory: receiveMemory,
      transmitMemory: transmitMemory)
  } catch {
    throw .controller(error)
  }
}

private func allocate(_ byteCount: Int) throws(NICError) -> DMARun {
  do {
    return try DMARun(byteCount: byteCount)
  } catch {
    throw .outOfFrames
  }
}
