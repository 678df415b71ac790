struct TransitionTables {
  var text: String { "" }
}
