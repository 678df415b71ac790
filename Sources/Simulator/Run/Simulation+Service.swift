import Memory
import Node
import Wire

extension Simulation {
  /// Gives the service core something to do.
  func post(_ job: ServiceJob, _ node: SimulatedNode) {
    node.jobs.append(job)
    guard !node.isServing else { return }
    node.isServing = true
    beginJob(node)
  }

  private func beginJob(_ node: SimulatedNode) {
    guard let job = node.jobs.head else { return }
    node.jobStart = max(now, node.busyUntil)
    var duration = costs.event
    if case .frame(let index) = job.work {
      let frame = deliveries[index].frame
      duration = costs.receive(
        frame.count, isPageMessage: frame[FrameField.kind] == MessageKind.coherence.rawValue)
    }
    events.add(.jobDone, at: node.jobStart + duration, node: node.index)
  }

  func finishJob(_ node: SimulatedNode) {
    var job = node.jobs.removeFirst()
    var frame: [UInt8]?
    if case .frame(let index) = job.work {
      let delivery = deliveries.remove(index)
      node.receivedCount -= 1
      job.parent = delivery.parent
      job.begin = delivery.begin
      job.shares = delivery.shares
      frame = delivery.frame
      if let step = delivery.step { paths.arrive(step, at: node.index) }
    }
    job.shares.queue += node.jobStart - job.postedAt
    job.shares.cpu += now - node.jobStart
    // What the network held back, and pauses.
    job.shares.waiting += now - job.begin - min(now - job.begin, job.shares.total)
    node.cause = causes.add(parent: job.parent, begin: job.begin, job.shares)
    if let frame { node.engine.receive(frame.span, at: instant) } else { tell(job.work, node) }
    var faulting: Int?
    if case .fault(let vcpu) = job.work { faulting = vcpu }
    act(node, faulting: faulting)
    if instant >= node.engine.deadline {
      node.engine.advance(at: instant)
      act(node)
    }
    send(from: node)
    if node.jobs.count > 0 { beginJob(node) } else { node.isServing = false }
    setWake(node)
  }

  /// Reports something that is not a frame.
  private func tell(_ work: ServiceJob.Work, _ node: SimulatedNode) {
    switch work {
    case .frame: break
    case .fault(let vcpu):
      let access = node.vcpus[vcpu].access
      let page = Int(access.page)
      guard node.engine.fault(PageNumber(UInt64(page)), access.isWrite ? .write : .read) else {
        statistics.putOffFaults += 1
        node.putOff.append(vcpu)
        return
      }
      node.waiting.append((page, vcpu))
    case .shotDown(let page): node.engine.shotDown(PageNumber(UInt64(page)))
    case .release(let page): node.engine.release(PageNumber(UInt64(page)))
    case .expire(let page): node.engine.expire(PageNumber(UInt64(page)))
    }
  }

  // MARK: Time

  /// The time that the engine has asked for has come, or another one.
  func wake(_ node: SimulatedNode) {
    guard now == node.wakesAt else { return }
    node.wakesAt = .max
    // A service core that works looks at the time after each job.
    if !node.isServing, instant >= node.engine.deadline {
      node.cause = Causes.none
      node.engine.advance(at: instant)
      act(node)
      send(from: node)
    }
    setWake(node)
  }

  private func setWake(_ node: SimulatedNode) {
    // Where the ring is full, what is due stays so.
    let deadline = max(node.engine.deadline.nanoseconds, now + 1000)
    guard deadline < node.wakesAt else { return }
    node.wakesAt = deadline
    events.add(.deadline, at: deadline, node: node.index)
  }
}
