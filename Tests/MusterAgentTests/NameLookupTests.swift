import Dispatch
import Glibc
import MusterTestKit
import Synchronization
import Testing

@testable import MusterAgent

/// A resolver that answers when the test says so; its thread is let go of when the test ends.
private final class HeldResolver: Sendable {
  private let gate = DispatchSemaphore(value: 0)
  private let questions = Mutex(0)
  var asked: Int { questions.withLock { $0 } }

  func answer() { gate.signal() }

  var resolve: NameLookup.Resolver {
    { [self] host, port in
      questions.withLock { $0 += 1 }
      gate.wait()
      return SocketAddress.all(host == "gone.example" ? "" : "127.0.0.1", port, flags: AI_NUMERICHOST)
    }
  }
}

private func isReadable(_ descriptor: Int32?, withinMilliseconds limit: Int32) -> Bool {
  guard let descriptor else { return false }
  var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
  return poll(&entry, 1, limit) > 0
}

@Suite struct NameLookupTests {
  private func link(to address: String, _ resolver: HeldResolver) -> LinkConnection {
    LinkConnection(
      addresses: LinkAddresses(join: [address]), credentials: .token("t"), seed: 7, resolve: resolver.resolve)
  }

  @Test(
    "a name server that never answers holds nobody up: the dial is given up in time, the question goes on",
    .timeLimit(.minutes(1)))
  func neverAnswered() {
    let resolver = HeldResolver()
    defer { resolver.answer() }
    var link = link(to: "controller.example:7070", resolver)
    let before = bootMilliseconds()
    var now: Int64 = 1_000
    for _ in 0..<20 {
      let first = link.tend(now: now)
      let deadline = link.deadline ?? 0
      let second = link.tend(now: deadline - 1)
      let (takes, descriptor) = (link.takesMessages, link.descriptor)
      #expect(first.isEmpty && second.isEmpty && deadline == now + HostNames.patience && !takes)
      #expect(descriptor != nil && !isReadable(descriptor, withinMilliseconds: 0))
      guard case .closed(let reason)? = link.tend(now: deadline).first else {
        Issue.record("the dial was not given up")
        return
      }
      #expect(reason == "the name controller.example is not answered for")
      now = link.deadline ?? 0
    }
    // 20 dials, and no real time has passed.
    #expect(bootMilliseconds() - before < 5_000)
    let (asked, none) = (resolver.asked, link.descriptor == nil)
    #expect(asked <= 1 && none)
  }

  @Test("an answer wakes whoever polls, and the dial goes on")
  func answered() {
    let resolver = HeldResolver()
    let controller = ScriptedController { _, reply in reply.hold() }
    defer { controller.stop() }
    var link = link(to: "controller.example:\(controller.port)", resolver)
    let none = link.tend(now: 0)
    resolver.answer()
    let wakes = isReadable(link.descriptor, withinMilliseconds: 10_000)
    #expect(none.isEmpty && wakes)
    let events = link.handle(Int16(POLLIN), now: 5)
    guard case .connected? = events.first else {
      Issue.record("not dialled: \(events)")
      return
    }
    let takes = link.takesMessages
    #expect(takes)
  }

  @Test("while a name is not answered for, its last addresses are good enough, and soon")
  func lastKnown() throws {
    let resolver = HeldResolver()
    defer { resolver.answer() }
    var names = HostNames(resolve: resolver.resolve)
    guard case .wait(let first, let patience) = try names.ask("a.example", 80, now: 0) else {
      Issue.record("a name cannot be known without a question")
      return
    }
    #expect(patience == HostNames.patience)
    resolver.answer()
    #expect(isReadable(first.descriptor, withinMilliseconds: 10_000))
    let found = names.best("a.example", 80)
    #expect(found == SocketAddress.all("127.0.0.1", 80, flags: AI_NUMERICHOST))
    guard case .wait(let second, let until) = try names.ask("a.example", 80, now: 500) else {
      Issue.record("it is asked again")
      return
    }
    #expect(second !== first && until == 500 + HostNames.patienceWithKnown)
    let last = names.best("a.example", 80)
    #expect(last == found && second.answer == nil)
  }

  @Test("addresses in numbers are looked up without any question", arguments: ["127.0.0.1", "::1"])
  func numeric(host: String) throws {
    let resolver = HeldResolver()
    var names = HostNames(resolve: resolver.resolve)
    guard case .addresses(let found) = try names.ask(host, 80, now: 0) else {
      Issue.record("\(host) was asked for")
      return
    }
    #expect(found.count == 1 && resolver.asked == 0)
  }

  @Test("a name that means nothing ends the dial with its name")
  func unknown() {
    let resolver = HeldResolver()
    var link = link(to: "gone.example:1", resolver)
    let none = link.tend(now: 0)
    resolver.answer()
    let wakes = isReadable(link.descriptor, withinMilliseconds: 10_000)
    #expect(none.isEmpty && wakes)
    guard case .closed(let reason)? = link.handle(Int16(POLLIN), now: 5).first else {
      Issue.record("it was dialled")
      return
    }
    #expect(reason == "gone.example is no known host")
  }
}
