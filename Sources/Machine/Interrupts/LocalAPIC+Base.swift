import Memory

// IA32_APIC_BASE: SDM Vol. 3A, 11.4.4, "Local APIC Status and Location".

extension LocalAPIC {
  private static let bootstrapProcessor: UInt64 = 1 << 8
  private static let x2APICEnable: UInt64 = 1 << 10
  private static let globalEnable: UInt64 = 1 << 11

  var base: UInt64 {
    var value = GuestMemoryMap.localAPIC.value
    if isBootstrapProcessor { value |= Self.bootstrapProcessor }
    switch mode {
    case .disabled: break
    case .xAPIC: value |= Self.globalEnable
    case .x2APIC: value |= Self.globalEnable | Self.x2APICEnable
    }
    return value
  }

  /// Changes the mode along the transitions that SDM Vol. 3A, 11.12.5, "x2APIC State Transitions", allows.
  ///
  /// The page stays where it is: a value that moves it raises #GP, as a reserved bit does. The bootstrap flag
  /// is ignored. Disabling loses all state but the id and IA32_TSC_ADJUST (11.4.3, "Enabling or Disabling the
  /// Local APIC").
  mutating func setBase(_ value: UInt64) throws(GeneralProtection) -> LocalAPICEffect {
    let flags = Self.bootstrapProcessor | Self.x2APICEnable | Self.globalEnable
    guard value & ~flags == GuestMemoryMap.localAPIC.value else { throw GeneralProtection() }
    let newMode: Mode
    switch (value & Self.globalEnable != 0, value & Self.x2APICEnable != 0) {
    case (false, false): newMode = .disabled
    case (true, false): newMode = .xAPIC
    case (true, true): newMode = .x2APIC
    case (false, true): throw GeneralProtection()
    }
    switch (mode, newMode) {
    case (.disabled, .x2APIC), (.x2APIC, .xAPIC): throw GeneralProtection()
    case (.disabled, .disabled), (.xAPIC, .xAPIC), (.x2APIC, .x2APIC): return .none
    case (_, .disabled):
      mode = .disabled
      receiveINIT()
    case (.xAPIC, .x2APIC):
      mode = .x2APIC
    case (.disabled, .xAPIC):
      mode = .xAPIC
    }
    return .addressingChanged
  }
}
