/// Why no guest can have vCPUs on two processors.
public enum UnlikeProcessors: Error {
  case vendor
}
