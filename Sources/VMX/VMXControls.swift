/// Pin-based VM-execution controls (SDM Vol. 3C, 25.6.1, table 25-5).
public struct PinControls: OptionSet, Sendable {
  public let rawValue: UInt32
  public init(rawValue: UInt32) { self.rawValue = rawValue }

  public static let externalInterruptExiting = Self(rawValue: 1 << 0)
  public static let nmiExiting = Self(rawValue: 1 << 3)
  public static let virtualNMIs = Self(rawValue: 1 << 5)
  public static let preemptionTimer = Self(rawValue: 1 << 6)
}

/// Primary processor-based VM-execution controls (SDM Vol. 3C, 25.6.2, table 25-6).
public struct ProcessorControls: OptionSet, Sendable {
  public let rawValue: UInt32
  public init(rawValue: UInt32) { self.rawValue = rawValue }

  public static let interruptWindowExiting = Self(rawValue: 1 << 2)
  public static let tscOffsetting = Self(rawValue: 1 << 3)
  public static let hltExiting = Self(rawValue: 1 << 7)
  public static let invlpgExiting = Self(rawValue: 1 << 9)
  public static let mwaitExiting = Self(rawValue: 1 << 10)
  public static let rdpmcExiting = Self(rawValue: 1 << 11)
  public static let cr3LoadExiting = Self(rawValue: 1 << 15)
  public static let cr3StoreExiting = Self(rawValue: 1 << 16)
  public static let cr8LoadExiting = Self(rawValue: 1 << 19)
  public static let cr8StoreExiting = Self(rawValue: 1 << 20)
  public static let nmiWindowExiting = Self(rawValue: 1 << 22)
  public static let unconditionalIOExiting = Self(rawValue: 1 << 24)
  public static let monitorTrapFlag = Self(rawValue: 1 << 27)
  public static let msrBitmaps = Self(rawValue: 1 << 28)
  public static let monitorExiting = Self(rawValue: 1 << 29)
  public static let secondaryControls = Self(rawValue: 1 << 31)
}

/// Secondary processor-based VM-execution controls (SDM Vol. 3C, 25.6.2, table 25-7).
public struct SecondaryControls: OptionSet, Sendable {
  public let rawValue: UInt32
  public init(rawValue: UInt32) { self.rawValue = rawValue }

  public static let ept = Self(rawValue: 1 << 1)
  public static let rdtscp = Self(rawValue: 1 << 3)
  public static let vpid = Self(rawValue: 1 << 5)
  public static let wbinvdExiting = Self(rawValue: 1 << 6)
  public static let unrestrictedGuest = Self(rawValue: 1 << 7)
  public static let invpcid = Self(rawValue: 1 << 12)
}

/// Primary VM-exit controls (SDM Vol. 3C, 25.7.1, table 25-13).
public struct ExitControls: OptionSet, Sendable {
  public let rawValue: UInt32
  public init(rawValue: UInt32) { self.rawValue = rawValue }

  public static let saveDebugControls = Self(rawValue: 1 << 2)
  public static let hostAddressSpaceSize = Self(rawValue: 1 << 9)
  public static let savePAT = Self(rawValue: 1 << 18)
  public static let loadPAT = Self(rawValue: 1 << 19)
  public static let saveEFER = Self(rawValue: 1 << 20)
  public static let loadEFER = Self(rawValue: 1 << 21)
}

/// VM-entry controls (SDM Vol. 3C, 25.8.1, table 25-15).
public struct EntryControls: OptionSet, Sendable {
  public let rawValue: UInt32
  public init(rawValue: UInt32) { self.rawValue = rawValue }

  public static let loadDebugControls = Self(rawValue: 1 << 2)
  public static let ia32eModeGuest = Self(rawValue: 1 << 9)
  public static let loadPAT = Self(rawValue: 1 << 14)
  public static let loadEFER = Self(rawValue: 1 << 15)
}
