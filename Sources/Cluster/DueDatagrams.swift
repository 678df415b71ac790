/// What `Membership.writeDatagram` has to say to all.
struct DueDatagrams {
  var announcement = false
  var view = false
  var heartbeat = false

  var isEmpty: Bool { !announcement && !view && !heartbeat }
}
