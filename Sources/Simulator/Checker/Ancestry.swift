// States are explored in the order in which they were found, so those that come one after another have most of the steps
// that led to them in common. The worlds along the way to the last one are kept, and the next is made from the one where
// its way branches off.

/// The worlds on the way from the first state to the one that is being explored.
struct Ancestry<World, Step: ExploredStep> {
  private var numbers = [0]
  private var worlds: [World]
  /// States that are still to be made, the last one first.
  private var missing: [Int] = []

  init(_ first: World) { worlds = [first] }

  /// The state of that number, which lies so many steps behind the first. `take` lets a step happen.
  mutating func world(
    _ number: Int, depth: Int, _ visited: VisitedStates<Step>, _ take: (inout World, Step) -> Void
  ) -> World {
    var depth = depth
    var ancestor = number
    while depth >= numbers.count || numbers[depth] != ancestor {
      missing.append(ancestor)
      ancestor = Int(visited.parents[ancestor])
      depth -= 1
    }
    numbers.removeSubrange((depth + 1)...)
    worlds.removeSubrange((depth + 1)...)
    while let next = missing.popLast() {
      var world = worlds[depth]
      take(&world, visited.step(to: next))
      worlds.append(world)
      numbers.append(next)
      depth += 1
    }
    return worlds[depth]
  }
}
