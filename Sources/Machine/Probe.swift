public struct MachineProbe { public init() {} }
