public struct EPTProbe { public init() {} }
