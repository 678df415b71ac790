/// The guest's access raises #GP(0).
public struct GeneralProtection: Error, Equatable {
  public init() {}
}
