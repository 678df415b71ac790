/// The interrupt of a controller, which says no more than that there may be work.
///
/// A value of its own, so that an interrupt's handler can have it while somebody else uses the controller.
public struct Doorbell<Bus: RegisterBus> {
  let bus: Bus

  /// Lets the controller interrupt, or keeps it from it.
  public func set(_ isOn: Bool) {
    bus.write(InterruptCauses.doorbell.rawValue, to: isOn ? .interruptMaskSet : .interruptMaskClear)
  }

  /// Rings it as a frame would: to see whether somebody hears it.
  public func ring() { bus.write(InterruptCauses.received.rawValue, to: .interruptCauseSet) }

  /// Takes the interrupt back, and returns what it was for.
  public func acknowledge() -> InterruptCauses {
    InterruptCauses(rawValue: bus.read(.interruptCause))
  }
}
