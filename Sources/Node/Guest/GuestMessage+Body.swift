import Wire

// The body of a `guest` frame is 24 bytes, whatever it says; docs/wire.md has it as a table. Where an operation leaves a
// byte unused, the byte is 0: that is checked by writing what was read and comparing.

extension GuestMessage: WireMessage {
  /// What a message is about: its first byte.
  public enum Operation: UInt8, CaseIterable, Sendable {
    case plan
    case ready
    case interrupt
    case endOfInterrupt
    case addressing
    case addressingKnown
    case device
    case deviceReply
    case end
    case distance
  }

  public var operation: Operation { fields.operation }

  /// The fields of a body that is not a plan, each at its place.
  private struct Fields: Equatable {
    var operation: Operation
    /// Delivery mode, addressing model, address space, or reason of the end.
    var selector: UInt8 = 0
    /// Interrupt vector, or bytes of an access.
    var operand: UInt8 = 0
    /// Whether an interrupt is level-triggered, a local APIC accepts vectors, or an access is a write.
    var flag = false
    /// Or the number of a node.
    var vcpu: UInt16 = 0
    var address: UInt16 = 0
    var value: UInt32 = 0
  }

  public var kind: MessageKind { .guest }
  public var byteCount: Int { Self.size }
  private static var size: Int { 24 }

  // MARK: Writing

  public func write(to bytes: inout MutableSpan<UInt8>, at offset: Int) {
    if case .plan(let ramSize, let frequency, let startTime) = self {
      bytes.put((ramSize >> 12) << 8 | UInt64(Operation.plan.rawValue), at: offset)
      bytes.put(frequency, at: offset + 8)
      bytes.put(startTime, at: offset + 16)
      return
    }
    let fields = fields
    bytes.put(fields.operation.rawValue, at: offset)
    bytes.put(fields.selector, at: offset + 1)
    bytes.put(fields.operand, at: offset + 2)
    bytes.put(fields.flag ? 1 as UInt8 : 0, at: offset + 3)
    bytes.put(fields.vcpu, at: offset + 4)
    bytes.put(fields.address, at: offset + 6)
    bytes.put(fields.value, at: offset + 8)
    bytes.put(0 as UInt32, at: offset + 12)
    bytes.put(0 as UInt64, at: offset + 16)
  }

  private var fields: Fields {
    switch self {
    case .plan: Fields(operation: .plan)
    case .ready: Fields(operation: .ready)
    case .interrupt(let vcpu, let mode, let vector, let isLevel):
      Fields(operation: .interrupt, selector: mode, operand: vector, flag: isLevel, vcpu: vcpu)
    case .endOfInterrupt(let vector): Fields(operation: .endOfInterrupt, operand: vector)
    case .addressing(let vcpu, let model, let logicalID, let acceptsVectors):
      Fields(operation: .addressing, selector: model, flag: acceptsVectors, vcpu: vcpu, value: logicalID)
    case .addressingKnown(let vcpu): Fields(operation: .addressingKnown, vcpu: vcpu)
    case .device(let vcpu, let access):
      Fields(
        operation: .device, selector: access.space.rawValue, operand: access.width, flag: access.isWrite,
        vcpu: vcpu, address: access.address, value: access.value)
    case .deviceReply(let vcpu, let value): Fields(operation: .deviceReply, vcpu: vcpu, value: value)
    case .end(let reason): Fields(operation: .end, selector: reason)
    case .distance(let node, let time): Fields(operation: .distance, vcpu: node, value: time)
    }
  }

  // MARK: Reading

  public init(_ kind: MessageKind, _ body: Span<UInt8>) throws(FrameError) {
    guard kind == .guest else { throw .kind }
    guard body.count == Self.size, let operation = Operation(rawValue: body[0]) else { throw .body }
    if operation == .plan {
      let pages = body.uint64(at: 0) >> 8
      let frequency = body.uint64(at: 8)
      guard pages > 0, pages < 1 << 52, frequency > 0 else { throw .body }
      self = .plan(ramSize: pages << 12, frequency: frequency, startTime: body.uint64(at: 16))
      return
    }
    guard body[3] <= 1, body.uint32(at: 12) == 0, body.uint64(at: 16) == 0 else { throw .body }
    let fields = Fields(
      operation: operation, selector: body[1], operand: body[2], flag: body[3] == 1,
      vcpu: body.uint16(at: 4), address: body.uint16(at: 6), value: body.uint32(at: 8))
    guard let message = Self.message(fields), message.fields == fields else { throw .body }
    self = message
  }

  /// What the fields say, unused ones not looked at; nil where one is out of its bounds.
  private static func message(_ fields: Fields) -> GuestMessage? {
    switch fields.operation {
    case .plan: return nil
    case .ready: return .ready
    case .interrupt:
      guard fields.selector < 7, fields.selector != 3 else { return nil }
      return .interrupt(
        vcpu: fields.vcpu, mode: fields.selector, vector: fields.operand, isLevel: fields.flag)
    case .endOfInterrupt: return .endOfInterrupt(vector: fields.operand)
    case .addressing:
      guard fields.selector < 4 else { return nil }
      return .addressing(
        vcpu: fields.vcpu, model: fields.selector, logicalID: fields.value, acceptsVectors: fields.flag)
    case .addressingKnown: return .addressingKnown(vcpu: fields.vcpu)
    case .device:
      guard let access = access(fields) else { return nil }
      return .device(vcpu: fields.vcpu, access)
    case .deviceReply: return .deviceReply(vcpu: fields.vcpu, value: fields.value)
    case .end: return fields.selector == 0 ? nil : .end(reason: fields.selector)
    case .distance: return .distance(node: fields.vcpu, nanoseconds: fields.value)
    }
  }

  private static func access(_ fields: Fields) -> DeviceAccess? {
    let hasWidth = fields.operand == 1 || fields.operand == 2 || fields.operand == 4
    guard let space = DeviceAccess.Space(rawValue: fields.selector), hasWidth,
      space == .port || fields.address < 4096
    else { return nil }
    return DeviceAccess(
      space: space, isWrite: fields.flag, width: fields.operand, address: fields.address, value: fields.value)
  }
}
