/// What can be typed on the hyperkernel's command line.
public enum Command: Equatable, Sendable {
  case help
  /// The cluster's members.
  case nodes
  /// Controller, links and what was dropped.
  case net
  /// The cluster's clock.
  case clock
  /// `size` is in bytes.
  case ping(node: UInt16, count: Int, size: Int)
  /// Ends this node.
  case shutdown
}

/// A command as `help` shows it.
public struct CommandDefinition: Sendable {
  public let name: StaticString
  /// What may follow the name; in brackets where it may be left out.
  public let arguments: StaticString
  public let summary: StaticString

  /// All commands.
  public static var all: InlineArray<6, CommandDefinition> {
    [
      CommandDefinition(name: "help", arguments: "", summary: "lists the commands"),
      CommandDefinition(name: "nodes", arguments: "", summary: "the members of the cluster"),
      CommandDefinition(
        name: "net", arguments: "", summary: "counters of the Ethernet controller and of the links"),
      CommandDefinition(
        name: "clock", arguments: "", summary: "the cluster's time and how far it may be off"),
      CommandDefinition(
        name: "ping", arguments: " NODE [COUNT] [SIZE]",
        summary: "sends COUNT messages (10) of SIZE bytes (64) there and back, each after the other"),
      CommandDefinition(name: "shutdown", arguments: "", summary: "ends this node"),
    ]
  }
}

/// Why a line is no command.
public enum CommandError: Error, Equatable, Sendable {
  case unknown
  /// Another number of arguments than the command takes.
  case arguments(CommandName)
  /// The argument at this place, counted from 1, is not a number in the range.
  case number(argument: Int, ClosedRange<Int>)
}

/// A command's place in `CommandDefinition.all`.
public enum CommandName: Int, Sendable {
  case help, nodes, net, clock, ping, shutdown
}
