public struct FirmwareProbe { public init() {} }
