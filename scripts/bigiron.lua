-- Shows the frames between Big Iron's nodes in Wireshark; docs/wire.md is the specification.
--
--   tshark -X lua_script:scripts/bigiron.lua -r FILE

local proto = Proto("bigiron", "Big Iron")

local ETHERTYPE = 0x88B5
local VERSION = 2
local HEADER = 64 -- bytes, behind Ethernet's
local LINE = 64
local NO_NODE = 0xFFFF
local REFUSAL = 0xFF

local kinds = {
  [0x01] = "Acknowledgement",
  [0x10] = "Announcement",
  [0x11] = "View",
  [0x12] = "Heartbeat",
  [0x13] = "Clock request",
  [0x14] = "Clock reply",
  [0x20] = "Ping",
  [0x21] = "Pong",
  [0x30] = "Coherence",
  [0x31] = "Adoption",
  [0x40] = "Guest",
  [REFUSAL] = "Refusal",
}
local sequenced = { [0x20] = true, [0x21] = true, [0x30] = true, [0x31] = true, [0x40] = true }

local refusals = {
  "protocol version", "software version", "number of nodes", "duplicate number", "duplicate address", "cluster full",
  "processor", "declared down", "stranger",
}
-- Reasons whose detail is a weight.
local weighted = { [8] = true, [9] = true }
local operations = {
  [0] = "Get shared", "Get exclusive", "Upgrade", "Put", "Forward shared", "Forward exclusive", "Invalidate", "Grant",
  "Drop", "Give", "Keep", "Void", "Data", "Invalidated", "Unblock", "Put data",
}
local contents = { [0] = "none", "zero", "page", "changes" }
-- What is said of the guest's machine; of the 24 bytes, `used` are those that the operation has besides its number.
local guest_operations = {
  [0] = { name = "Plan" },
  { name = "Ready", used = {} },
  { name = "Interrupt", used = { 1, 2, 3, 4, 5 } },
  { name = "End of interrupt", used = { 2 } },
  { name = "Addressing", used = { 1, 3, 4, 5, 8, 9, 10, 11 } },
  { name = "Addressing known", used = { 4, 5 } },
  { name = "Device", used = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 } },
  { name = "Device reply", used = { 4, 5, 8, 9, 10, 11 } },
  { name = "End", used = { 1 } },
  { name = "Distance", used = { 4, 5, 8, 9, 10, 11 }, has_node = true },
}
local guest_operation_names = {}
for operation, description in pairs(guest_operations) do guest_operation_names[operation] = description.name end
local delivery_modes = {
  [0] = "Fixed", [1] = "Lowest priority", [2] = "SMI", [4] = "NMI", [5] = "INIT", [6] = "Start-up",
}
local addressing_models = { [0] = "Off", "xAPIC, flat", "xAPIC, clusters", "x2APIC" }
local spaces = { [0] = "port", "I/O APIC" }
local stages = { [0] = "proposed", "agreed" }

local f = {
  version = ProtoField.uint8("bigiron.version", "Version"),
  kind = ProtoField.uint8("bigiron.kind", "Kind", base.HEX, kinds),
  length = ProtoField.uint16("bigiron.length", "Length"),
  checksum = ProtoField.uint32("bigiron.checksum", "Checksum", base.HEX),
  sender = ProtoField.uint16("bigiron.sender", "Sender"),
  receiver = ProtoField.uint16("bigiron.receiver", "Receiver"),
  cluster = ProtoField.uint32("bigiron.cluster", "Cluster", base.HEX),
  sender_incarnation = ProtoField.uint32("bigiron.sender_incarnation", "Sender's incarnation", base.HEX),
  receiver_incarnation = ProtoField.uint32("bigiron.receiver_incarnation", "Receiver's incarnation", base.HEX),
  epoch = ProtoField.uint32("bigiron.epoch", "Epoch"),
  sequence = ProtoField.uint32("bigiron.sequence", "Sequence number"),
  acknowledgement = ProtoField.uint32("bigiron.acknowledgement", "Acknowledgement"),
  body_length = ProtoField.uint16("bigiron.body_length", "Body length"),
  flags = ProtoField.uint8("bigiron.flags", "Flags", base.HEX),
  acknowledges = ProtoField.bool("bigiron.flags.acknowledges", "Acknowledgement counts", 8, nil, 0x01),
  gap = ProtoField.bool("bigiron.flags.gap", "Gap", 8, nil, 0x02),
  zero_page = ProtoField.bool("bigiron.flags.zero_page", "Page is zero", 8, nil, 0x04),
  page_lines = ProtoField.bool("bigiron.flags.page_lines", "Lines of a page follow", 8, nil, 0x08),
  continues = ProtoField.bool("bigiron.flags.continues", "Continues the message before", 8, nil, 0x10),
  more = ProtoField.bool("bigiron.flags.more", "Is continued", 8, nil, 0x20),
  lines = ProtoField.uint64("bigiron.lines", "Lines", base.HEX),
  line_count = ProtoField.uint8("bigiron.line_count", "Number of lines"),
  tag = ProtoField.bytes("bigiron.tag", "Tag"),
  page = ProtoField.bytes("bigiron.page", "Page"),
  body = ProtoField.bytes("bigiron.body", "Body"),

  refusal_reason = ProtoField.uint16("bigiron.refusal.reason", "Reason", base.DEC, refusals),
  refusal_detail = ProtoField.uint64("bigiron.refusal.detail", "Detail", base.HEX_DEC),
  weight_epoch = ProtoField.uint32("bigiron.refusal.epoch", "Epoch of the sender's cluster"),
  weight_members = ProtoField.uint16("bigiron.refusal.members", "Members"),
  weight_lowest = ProtoField.uint16("bigiron.refusal.lowest", "Lowest number"),
  wanted = ProtoField.uint16("bigiron.announcement.wanted", "Wanted number"),
  nodes = ProtoField.uint16("bigiron.announcement.nodes", "Nodes expected"),
  cores = ProtoField.uint16("bigiron.announcement.cores", "Cores"),
  memory = ProtoField.uint64("bigiron.announcement.memory", "Memory (bytes)"),
  tsc = ProtoField.uint64("bigiron.announcement.tsc", "TSC frequency (Hz)"),
  address = ProtoField.ether("bigiron.announcement.address", "Address"),
  software = ProtoField.string("bigiron.announcement.software", "Software"),
  build = ProtoField.uint64("bigiron.announcement.build", "Build", base.HEX),
  shadowed = ProtoField.uint8("bigiron.announcement.shadowed", "Shadow tables"),
  processor = ProtoField.uint32("bigiron.announcement.processor", "Processor", base.HEX),
  view_epoch = ProtoField.uint32("bigiron.view.epoch", "Epoch of the map"),
  stage = ProtoField.uint8("bigiron.view.stage", "Stage", base.DEC, stages),
  digest = ProtoField.uint64("bigiron.digest", "Digest of the map", base.HEX),
  members = ProtoField.string("bigiron.members", "Nodes"),
  number = ProtoField.uint32("bigiron.number", "Number"),
  sent_at = ProtoField.uint64("bigiron.sent_at", "Sent at (ns)"),
  request_sent_at = ProtoField.uint64("bigiron.clock.request_sent_at", "Request sent at (ns)"),
  received_at = ProtoField.uint64("bigiron.clock.received_at", "Received at (ns)"),
  uncertainty = ProtoField.uint32("bigiron.clock.uncertainty", "Uncertainty (ns)"),
  operation = ProtoField.uint8("bigiron.coherence.operation", "Operation", base.DEC, operations),
  contents = ProtoField.uint8("bigiron.coherence.contents", "Contents", base.DEC, contents),
  exclusive = ProtoField.uint8("bigiron.coherence.exclusive", "Exclusive"),
  requester = ProtoField.uint16("bigiron.coherence.requester", "Requester"),
  acknowledgements = ProtoField.uint16("bigiron.coherence.acknowledgements", "Acknowledgements to come"),
  page_number = ProtoField.uint64("bigiron.coherence.page", "Page", base.HEX),
  page_version = ProtoField.uint32("bigiron.coherence.version", "Version"),
  known = ProtoField.uint32("bigiron.coherence.known", "Known version"),
  filling = ProtoField.bytes("bigiron.ping.filling", "Filling"),
  guest_operation = ProtoField.uint8("bigiron.guest.operation", "Operation", base.DEC, guest_operation_names),
  guest_pages = ProtoField.uint64("bigiron.guest.pages", "Pages of RAM"),
  guest_frequency = ProtoField.uint64("bigiron.guest.frequency", "TSC frequency (Hz)"),
  guest_start = ProtoField.uint64("bigiron.guest.start", "Start of the TSC (ns)"),
  guest_mode = ProtoField.uint8("bigiron.guest.mode", "Delivery mode", base.DEC, delivery_modes),
  guest_model = ProtoField.uint8("bigiron.guest.addressing", "Addressing", base.DEC, addressing_models),
  guest_space = ProtoField.uint8("bigiron.guest.space", "Space", base.DEC, spaces),
  guest_node = ProtoField.uint16("bigiron.guest.node", "Node"),
  guest_distance = ProtoField.uint32("bigiron.guest.distance", "Distance (ns)"),
  guest_reason = ProtoField.uint8("bigiron.guest.reason", "Reason"),
  guest_vector = ProtoField.uint8("bigiron.guest.vector", "Vector", base.HEX),
  guest_width = ProtoField.uint8("bigiron.guest.width", "Width (bytes)"),
  guest_level = ProtoField.uint8("bigiron.guest.level", "Level-triggered"),
  guest_accepts = ProtoField.uint8("bigiron.guest.accepts_vectors", "Accepts vectors"),
  guest_write = ProtoField.uint8("bigiron.guest.write", "Write"),
  guest_vcpu = ProtoField.uint16("bigiron.guest.vcpu", "vCPU"),
  guest_address = ProtoField.uint16("bigiron.guest.address", "Address", base.HEX),
  guest_logical_id = ProtoField.uint32("bigiron.guest.logical_id", "Logical id", base.HEX),
  guest_value = ProtoField.uint32("bigiron.guest.value", "Value", base.HEX),
}
proto.fields = f

local e = {
  short = ProtoExpert.new("bigiron.short", "Frame is too short", expert.group.MALFORMED, expert.severity.ERROR),
  length = ProtoExpert.new("bigiron.bad_length", "Length does not fit", expert.group.MALFORMED, expert.severity.ERROR),
  checksum = ProtoExpert.new("bigiron.bad_checksum", "Checksum is wrong", expert.group.CHECKSUM, expert.severity.ERROR),
  version = ProtoExpert.new(
    "bigiron.other_version", "Another version of the protocol", expert.group.PROTOCOL, expert.severity.WARN),
  kind = ProtoExpert.new("bigiron.bad_kind", "Unknown kind", expert.group.PROTOCOL, expert.severity.ERROR),
  reserved = ProtoExpert.new(
    "bigiron.bad_reserved", "Bits are set that have to be clear", expert.group.PROTOCOL, expert.severity.ERROR),
  layout = ProtoExpert.new(
    "bigiron.bad_layout", "Lengths and flags contradict each other", expert.group.MALFORMED, expert.severity.ERROR),
  body = ProtoExpert.new("bigiron.bad_body", "Not a body of this kind", expert.group.MALFORMED, expert.severity.ERROR),
}
proto.experts = { e.short, e.length, e.checksum, e.version, e.kind, e.reserved, e.layout, e.body }

-- CRC32C, a byte at a time.
local crc_table = {}
for byte = 0, 255 do
  local value = byte
  for _ = 1, 8 do
    local low = bit32.band(value, 1)
    value = bit32.rshift(value, 1)
    if low == 1 then value = bit32.bxor(value, 0x82F63B78) end
  end
  crc_table[byte] = value
end

-- Of everything in `bytes`, with zeros in place of the checksum itself.
local function checksum(bytes)
  local crc = 0xFFFFFFFF
  for index = 0, bytes:len() - 1 do
    local byte = (index >= 4 and index < 8) and 0 or bytes:get_index(index)
    crc = bit32.bxor(bit32.rshift(crc, 8), crc_table[bit32.band(bit32.bxor(crc, byte), 0xFF)])
  end
  return bit32.bnot(crc)
end

local function bit_count(bytes)
  local count = 0
  for index = 0, bytes:len() - 1 do
    local byte = bytes:get_index(index)
    while byte > 0 do
      count = count + byte % 2
      byte = math.floor(byte / 2)
    end
  end
  return count
end

-- The numbers of the bits that are set, the lowest bit of the first byte first.
local function members(bytes)
  local list = {}
  for index = 0, bytes:len() - 1 do
    for position = 0, 7 do
      if bit32.extract(bytes:get_index(index), position) == 1 then list[#list + 1] = index * 8 + position end
    end
  end
  return table.concat(list, " ")
end

local function node_name(id)
  return id == NO_NODE and "?" or tostring(id)
end

local function add_node(tree, field, bytes)
  local item = tree:add_le(field, bytes)
  if bytes:le_uint() == NO_NODE then item:append_text(" (none)") end
end

-- Whether all bytes of a `guest` body are zero that its operation does not use.
local function has_only(body, used)
  local unused = {}
  for index = 1, 23 do unused[index] = true end
  for _, index in ipairs(used) do unused[index] = nil end
  for index in pairs(unused) do
    if body(index, 1):uint() ~= 0 then return false end
  end
  return true
end

-- By operation: each reads what is special to it and returns what the packet list says; nil where it can't be.
local guest_bodies = {
  [0] = function(body, tree)
    local pages = body(0, 8):le_uint64():rshift(8)
    if pages == UInt64(0) or pages:rshift(52) ~= UInt64(0) or body(8, 8):le_uint64() == UInt64(0) then return nil end
    tree:add(f.guest_pages, body(1, 7), pages)
    tree:add_le(f.guest_frequency, body(8, 8))
    tree:add_le(f.guest_start, body(16, 8))
    return (" %s MiB, %s Hz"):format(tostring(pages:rshift(8)), tostring(body(8, 8):le_uint64()))
  end,
  [1] = function()
    return ""
  end,
  [2] = function(body, tree)
    local mode = delivery_modes[body(1, 1):uint()]
    if not mode or body(3, 1):uint() > 1 then return nil end
    tree:add(f.guest_mode, body(1, 1))
    tree:add(f.guest_vector, body(2, 1))
    tree:add(f.guest_level, body(3, 1))
    return (" %s %02X%s"):format(mode, body(2, 1):uint(), body(3, 1):uint() == 1 and " level" or "")
  end,
  [3] = function(body, tree)
    tree:add(f.guest_vector, body(2, 1))
    return (" %02X"):format(body(2, 1):uint())
  end,
  [4] = function(body, tree)
    local model = addressing_models[body(1, 1):uint()]
    if not model or body(3, 1):uint() > 1 then return nil end
    tree:add(f.guest_model, body(1, 1))
    tree:add(f.guest_accepts, body(3, 1))
    tree:add_le(f.guest_logical_id, body(8, 4))
    return (" %s %X"):format(model, body(8, 4):le_uint())
  end,
  [5] = function()
    return ""
  end,
  [6] = function(body, tree)
    local space, width, address = spaces[body(1, 1):uint()], body(2, 1):uint(), body(6, 2):le_uint()
    if not space or (width ~= 1 and width ~= 2 and width ~= 4) or body(3, 1):uint() > 1 then return nil end
    if body(1, 1):uint() == 1 and address >= 4096 then return nil end
    tree:add(f.guest_space, body(1, 1))
    tree:add(f.guest_width, body(2, 1))
    tree:add(f.guest_write, body(3, 1))
    tree:add_le(f.guest_address, body(6, 2))
    tree:add_le(f.guest_value, body(8, 4))
    if body(3, 1):uint() == 0 then return (" read %s %X, %d bytes"):format(space, address, width) end
    return (" write %s %X, %d bytes %X"):format(space, address, width, body(8, 4):le_uint())
  end,
  [7] = function(body, tree)
    tree:add_le(f.guest_value, body(8, 4))
    return (" %X"):format(body(8, 4):le_uint())
  end,
  [8] = function(body, tree)
    if body(1, 1):uint() == 0 then return nil end
    tree:add(f.guest_reason, body(1, 1))
    return (" %d"):format(body(1, 1):uint())
  end,
  [9] = function(body, tree)
    tree:add_le(f.guest_node, body(4, 2))
    tree:add_le(f.guest_distance, body(8, 4))
    return (" to node %d, %d ns"):format(body(4, 2):le_uint(), body(8, 4):le_uint())
  end,
}

-- Each reads a body and returns what the packet list says about it; nil where it can't be a body of its kind.
local bodies = {
  [0x01] = function(body)
    return body:len() == 0 and "" or nil
  end,
  [0x10] = function(body, tree)
    if body:len() ~= 528 or body(6, 1):uint() > 1 then return nil end
    add_node(tree, f.wanted, body(0, 2))
    tree:add_le(f.nodes, body(2, 2))
    tree:add_le(f.cores, body(4, 2))
    tree:add(f.shadowed, body(6, 1))
    tree:add_le(f.memory, body(8, 8))
    tree:add_le(f.tsc, body(16, 8))
    tree:add(f.address, body(24, 6))
    local version = ("%d.%d.%d"):format(body(32, 2):le_uint(), body(34, 2):le_uint(), body(36, 2):le_uint())
    tree:add(f.software, body(32, 6), version)
    tree:add_le(f.build, body(40, 8))
    for index = 0, 119 do tree:add_le(f.processor, body(48 + 4 * index, 4)) end
    return ("%d cores, %s MiB, Big Iron %s"):format(
      body(4, 2):le_uint(), tostring(body(8, 8):le_uint64() / 1048576), version)
  end,
  [0x11] = function(body, tree)
    if body:len() ~= 48 or not stages[body(4, 1):uint()] then return nil end
    tree:add_le(f.view_epoch, body(0, 4))
    tree:add(f.stage, body(4, 1))
    tree:add_le(f.digest, body(8, 8))
    local set = members(body(16, 32):bytes())
    tree:add(f.members, body(16, 32), set)
    return ("epoch %d %s, nodes %s"):format(body(0, 4):le_uint(), stages[body(4, 1):uint()], set)
  end,
  [0x12] = function(body, tree)
    if body:len() ~= 48 then return nil end
    tree:add_le(f.number, body(0, 4))
    tree:add_le(f.digest, body(8, 8))
    local set = members(body(16, 32):bytes())
    tree:add(f.members, body(16, 32), set)
    return ("%d, hears %s"):format(body(0, 4):le_uint(), set)
  end,
  [0x30] = function(body, tree)
    if body:len() ~= 24 or not operations[body(0, 1):uint()] or not contents[body(1, 1):uint()] then return nil end
    if body(2, 1):uint() > 1 or body(3, 1):uint() ~= 0 then return nil end
    tree:add(f.operation, body(0, 1))
    tree:add(f.contents, body(1, 1))
    tree:add(f.exclusive, body(2, 1))
    add_node(tree, f.requester, body(4, 2))
    tree:add_le(f.acknowledgements, body(6, 2))
    tree:add_le(f.page_number, body(8, 8))
    tree:add_le(f.page_version, body(16, 4))
    tree:add_le(f.known, body(20, 4))
    return ("%s %s%s"):format(
      operations[body(0, 1):uint()], body(8, 8):le_uint64():tohex():gsub("^0+(.)", "%1"),
      body(4, 2):le_uint() == NO_NODE and "" or " for " .. body(4, 2):le_uint())
  end,
  [0x31] = function(body, tree)
    if body:len() ~= 8 then return nil end
    tree:add_le(f.page_number, body(0, 8))
    return (body(0, 8):le_uint64():tohex():gsub("^0+(.)", "%1"))
  end,
  [0x40] = function(body, tree)
    if body:len() ~= 24 then return nil end
    local operation = guest_operations[body(0, 1):uint()]
    if not operation or (operation.used and not has_only(body, operation.used)) then return nil end
    tree:add(f.guest_operation, body(0, 1))
    local text = guest_bodies[body(0, 1):uint()](body, tree)
    if not text then return nil end
    local has_vcpu = false
    for _, index in ipairs(operation.used or {}) do has_vcpu = has_vcpu or (index == 4 and not operation.has_node) end
    if has_vcpu then
      tree:add_le(f.guest_vcpu, body(4, 2))
      text = ("%s, vCPU %d"):format(text, body(4, 2):le_uint())
    end
    return operation.name .. text
  end,
  [0x13] = function(body, tree)
    if body:len() ~= 8 then return nil end
    tree:add_le(f.sent_at, body(0, 8))
    return ""
  end,
  [0x14] = function(body, tree)
    if body:len() ~= 32 then return nil end
    tree:add_le(f.request_sent_at, body(0, 8))
    tree:add_le(f.received_at, body(8, 8))
    tree:add_le(f.sent_at, body(16, 8))
    tree:add_le(f.uncertainty, body(24, 4))
    return ("± %d ns"):format(body(24, 4):le_uint())
  end,
  [0x20] = function(body, tree)
    if body:len() < 16 or body:len() > 128 then return nil end
    tree:add_le(f.number, body(0, 4))
    tree:add_le(f.sent_at, body(8, 8))
    if body:len() > 16 then tree:add(f.filling, body(16)) end
    return tostring(body(0, 4):le_uint())
  end,
  [REFUSAL] = function(body, tree)
    if body:len() ~= 16 then return nil end
    tree:add_le(f.refusal_reason, body(0, 2))
    local detail = tree:add_le(f.refusal_detail, body(8, 8))
    local reason = body(0, 2):le_uint()
    local name = refusals[reason] or ("reason %d"):format(reason)
    if not weighted[reason] then return name end
    detail:add_le(f.weight_epoch, body(8, 4))
    detail:add_le(f.weight_members, body(12, 2))
    add_node(detail, f.weight_lowest, body(14, 2))
    return ("%s, epoch %d, %d members, lowest %s"):format(
      name, body(8, 4):le_uint(), body(12, 2):le_uint(), node_name(body(14, 2):le_uint()))
  end,
}
bodies[0x21] = bodies[0x20]

-- Lines and flags; returns what the packet list says of the page, and the bytes that its lines take.
local function add_page(frame, tree, flags, kind, body_length)
  local line_bytes = frame(40, 8)
  local count = bit_count(line_bytes:bytes())
  tree:add_le(f.lines, line_bytes)
  local has_lines = bit32.btest(flags, 0x08)
  local is_zero = bit32.btest(flags, 0x04)
  local is_part = bit32.btest(flags, 0x30)
  local item = tree:add(f.line_count, line_bytes, count)
  item:set_generated()
  if (has_lines and is_zero) or (not has_lines and count > 0) or (is_part and count == 0)
    or (bit32.btest(flags, 0x10) and body_length > 0) or ((has_lines or is_zero) and not sequenced[kind])
    or (sequenced[kind] and body_length > 128) or (bit32.btest(flags, 0x02) and not bit32.btest(flags, 0x01))
  then
    item:add_proto_expert_info(e.layout)
  end
  if is_zero then return ", zero page", 0 end
  if not has_lines then return "", 0 end
  local part = bit32.btest(flags, 0x10) and " more" or ""
  return (", %d%s %s"):format(count, part, count == 1 and "line" or "lines"), count * LINE
end

function proto.dissector(buffer, packet, root)
  packet.cols.protocol = "BIGIRON"
  local tree = root:add(proto, buffer())
  if buffer:len() < HEADER then
    tree:add_proto_expert_info(e.short)
    packet.cols.info = "too short"
    return
  end
  local kind = buffer(1, 1):uint()
  local name = kinds[kind] or ("Kind %02XH"):format(kind)

  local version_item = tree:add(f.version, buffer(0, 1))
  local kind_item = tree:add(f.kind, buffer(1, 1))
  local length_item = tree:add_le(f.length, buffer(2, 2))
  local checksum_item = tree:add_le(f.checksum, buffer(4, 4))
  local length = buffer(2, 2):le_uint()
  if length < HEADER or length > buffer:len() then
    length_item:add_proto_expert_info(e.length)
    packet.cols.info = name .. ", wrong length"
    return
  end
  local frame = buffer(0, length):tvb()
  if checksum(frame:bytes()) ~= buffer(4, 4):le_uint() then checksum_item:add_proto_expert_info(e.checksum) end
  if buffer(0, 1):uint() ~= VERSION and kind ~= REFUSAL then
    version_item:add_proto_expert_info(e.version)
    packet.cols.info = ("version %d"):format(buffer(0, 1):uint())
    return
  end
  if not kinds[kind] then kind_item:add_proto_expert_info(e.kind) end

  local sender, receiver = buffer(8, 2):le_uint(), buffer(10, 2):le_uint()
  add_node(tree, f.sender, buffer(8, 2))
  add_node(tree, f.receiver, buffer(10, 2))
  tree:add_le(f.cluster, buffer(12, 4))
  tree:add_le(f.sender_incarnation, buffer(16, 4))
  tree:add_le(f.receiver_incarnation, buffer(20, 4))
  tree:add_le(f.epoch, buffer(24, 4))
  if sequenced[kind] then tree:add_le(f.sequence, buffer(28, 4)) end
  local flags = buffer(38, 1):uint()
  local acknowledges = bit32.btest(flags, 0x01)
  if acknowledges then tree:add_le(f.acknowledgement, buffer(32, 4)) end
  local body_length = buffer(36, 2):le_uint()
  local body_length_item = tree:add_le(f.body_length, buffer(36, 2))
  local flags_item = tree:add(f.flags, buffer(38, 1))
  for _, field in ipairs({ f.acknowledges, f.gap, f.zero_page, f.page_lines, f.continues, f.more }) do
    flags_item:add(field, buffer(38, 1))
  end
  local page, page_length = add_page(frame, tree, flags, kind, body_length)
  if HEADER + body_length + page_length ~= length then
    body_length_item:add_proto_expert_info(e.layout)
    packet.cols.info = name .. ", wrong layout"
    return
  end
  local tag_item = tree:add(f.tag, buffer(48, 16))
  if bit32.btest(flags, 0xC0) or buffer(39, 1):uint() ~= 0 or buffer(48, 16):bytes() ~= ByteArray.new(("00"):rep(16)) then
    tag_item:add_proto_expert_info(e.reserved)
  end

  local text = ""
  if not bit32.btest(flags, 0x10) and bodies[kind] then
    local body = body_length > 0 and buffer(HEADER, body_length):tvb() or ByteArray.new():tvb("Body")
    local body_tree = body_length > 0 and tree:add(f.body, buffer(HEADER, body_length)) or tree
    text = bodies[kind](body, body_tree)
    if not text then
      body_tree:add_proto_expert_info(e.body)
      text = "wrong body"
    end
  end
  if page_length > 0 then tree:add(f.page, buffer(HEADER + body_length, page_length)) end

  local info = ("%s→%s %s"):format(node_name(sender), node_name(receiver), name)
  if text ~= "" then info = info .. " " .. text end
  info = info .. page
  if sequenced[kind] then info = info .. (", seq %d"):format(buffer(28, 4):le_uint()) end
  if acknowledges then info = info .. (", ack %d"):format(buffer(32, 4):le_uint()) end
  if bit32.btest(flags, 0x02) then info = info .. ", gap" end
  packet.cols.info = info
end

DissectorTable.get("ethertype"):add(ETHERTYPE, proto)
