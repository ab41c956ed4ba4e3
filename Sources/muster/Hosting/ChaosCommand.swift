import ArgumentParser
import MusterProtocol
import MusterSim

struct ChaosCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "chaos", abstract: "Try to break Muster in virtual time.",
    discussion: """
      Hosts the production core and the machines of agents and shims in a pretend world with a bad network, crashes and \
      full disks, and checks what must hold after every fact. A seed always does the same. See docs/chaos.md.
      """)

  @Option(name: .customLong("seeds"), help: "Seeds to run: A..B, or one. Default: 1..100; with --plant 1..1000.")
  var range: SeedRange?

  private var seeds: SeedRange { range ?? SeedRange(first: 1, last: plant == nil ? 100 : 1_000) }

  @Option(help: "Go on with new seeds for so many hours.")
  var hours: Double?

  @Option(
    help:
      "Put this bug in and run the seeds until it is found; with one seed, show that seed. \(ChaosCommand.plantNames).")
  var plant: PlantName?

  @Flag(help: "Put every bug in, one after the other, and say how many seeds each took to be found.")
  var plants = false

  @Option(help: "Threads; default: one a core.")
  var threads: Int?

  @Flag(help: "Print JSON.")
  var json = false

  static var plantNames: String { Plant.allCases.filter { $0 != .none }.map(\.rawValue).joined(separator: ", ") }

  func validate() throws {
    if let threads, !(1...256).contains(threads) { throw ValidationError("--threads is \(threads): 1 to 256") }
    if let hours, hours <= 0 { throw ValidationError("--hours is \(hours): more than 0") }
    if plants, plant != nil { throw ValidationError("--plants runs all of them: leave --plant out") }
  }

  func run() throws {
    let session = ChaosSession(threads: threads ?? ChaosSession.cores, json: json)
    let isWell: Bool
    let plant = plant?.plant ?? .none
    if plants {
      isWell = session.allPlants(first: seeds.first)
    } else if plant != .none, seeds.first != seeds.last {
      isWell = session.onePlant(plant, seeds)
    } else {
      isWell = session.seeds(seeds, plant: plant, hours: hours)
    }
    if !isWell { throw CommandFailure.silent(code: 1) }
  }
}

/// `A..B`, both included, or one number.
struct SeedRange: ExpressibleByArgument {
  var first: UInt64
  var last: UInt64

  init(first: UInt64, last: UInt64) {
    self.first = first
    self.last = last
  }
  init?(argument: String) {
    let parts = argument.split(separator: ".", omittingEmptySubsequences: false)
    if parts.count == 1, let one = UInt64(argument) {
      self.init(first: one, last: one)
    } else if parts.count == 3, parts[1].isEmpty, let first = UInt64(parts[0]), let last = UInt64(parts[2]),
      first <= last
    {
      self.init(first: first, last: last)
    } else {
      return nil
    }
  }
}

/// A bug by its name.
struct PlantName: ExpressibleByArgument {
  var plant: Plant

  init?(argument: String) {
    guard let plant = Plant(rawValue: argument) else { return nil }
    self.plant = plant
  }
}
