import E1000

/// Tells people what has become of the controller.
func reportController(_ event: ControllerEvent) {
  switch event {
  case .link(let state): log.info("NIC: \(state)")
  case .restarted: log.warning("NIC: it no longer sent and was started again")
  case .failed(let error): log.error("NIC: it no longer sends: \(error)")
  }
}
