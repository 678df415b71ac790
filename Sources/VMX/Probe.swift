public struct VMXProbe { public init() {} }
