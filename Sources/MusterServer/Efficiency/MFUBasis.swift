import MusterCore
import MusterDevices
import MusterInsight
import MusterProtocol

/// Enough of a job to tell its MFU by, among thousands.
struct MFUBasis: Hashable, Sendable {
  var id: Int64
  /// In `Ledger.names`.
  var project: Int32
  /// GPU-milliseconds.
  var held: Int64
  var devices: Int32
  /// Of several types what they are called together.
  var type: String
  /// Nil: it declares no model.
  var precision: String?
  /// Seconds in which its ranks said that they saved or evaluated.
  var notStepping = 0.0
  /// It ran before or after the stretch of time, too.
  var isCut = false
}

/// 0...1 of the peak; nil: not known.
struct JobMFU: Hashable, Sendable {
  var counters: Double?
  var declared: Double?

  init(counters: Double?, declared: Double?) { (self.counters, self.declared) = (counters, declared) }

  /// - Parameters:
  ///   - type: of its devices.
  ///   - precision: as its model declares; nil: it declares none.
  ///   - devices: nil: nobody measures them.
  ///   - work: nil: it declares no model, or has said no step.
  ///   - notStepping: as in `StepWork.mfu`.
  init(
    devicesAsked: Int, type: String, precision: String?, _ devices: JobDevices?, _ work: StepWork?, notStepping: Double
  ) {
    var evidence = JobEvidence()
    evidence.devicesAsked = devicesAsked
    evidence.deviceType = type
    evidence.precision = precision
    evidence.devices = devices
    self.init(counters: evidence.counterMFU, declared: work?.mfu(evidence, notStepping: notStepping))
  }
}

extension Ledger {
  /// Of the jobs that held most.
  /// - Parameters:
  ///   - rows: of jobs, as `sums(by: .job)` has them.
  ///   - from, to: the stretch of time that they are of. Milliseconds since 1970.
  func mfuBases(
    of rows: [LedgerRow], from: Int64? = nil, to: Int64? = nil, limit: Int, _ cluster: borrowing Cluster
  ) -> [MFUBasis] {
    let shapes = shapes()
    var bases: [MFUBasis] = []
    for place in Self.mostHeld(rows).prefix(limit) {
      let (id, held) = (rows[place].key, rows[place].held)
      guard let shape = shapes[id] else { continue }
      var basis = MFUBasis(
        id: id, project: jobs[Int(id) - 1].project, held: held, devices: shape.devices,
        type: type(of: shape))
      if from != nil || to != nil { basis.isCut = isCut(id, from: from ?? 0, to: to ?? now, cluster) }
      if let slot = cluster.slot(of: JobID(id)), let model = cluster.spec(slot).model {
        basis.precision = model.precision.name
        basis.notStepping = Self.notStepping(
          figures(of: JobID(id), cluster), evaluating: rows[place].totals[.evaluating], devices: Int64(shape.devices))
      }
      bases.append(basis)
    }
    return bases
  }

  /// Seconds in which a job's ranks said that they saved or evaluated.
  /// - Parameter evaluating: what the account of that name has of it, GPU-milliseconds.
  static func notStepping(_ figures: LedgerJob?, evaluating: Int64, devices: Int64) -> Double {
    Double(figures?.saving ?? 0) / 1000 + Double(evaluating) / 1000 / Double(max(1, devices))
  }

  /// Places of rows of jobs that held something, the most first: rows are large, and are not moved.
  static func mostHeld(_ rows: [LedgerRow]) -> [Int] {
    rows.indices.filter { rows[$0].key >= 1 && rows[$0].held > 0 }
      .sorted { (rows[$1].held, rows[$0].key) < (rows[$0].held, rows[$1].key) }
  }
}
