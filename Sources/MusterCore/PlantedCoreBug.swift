/// Test-only: bugs that the hostile harness puts into the core on purpose, to prove that it would find them. Nobody else
/// sets `Controller.planted`; each is one named branch where the right rule stands.
package enum PlantedCoreBug: Sendable {
  case fenceTooShort, attemptNumberReused, duplicateAccepted, isolatedHandedOut, survivorNotWaited
  case victimInWrongDomain, keptPlaceGivenAway, quotaExceededByOne, segmentSplit, preemptionCycle
  case timerLostOverRestart, oldCheckpointAccepted, staleReportBelieved, hopelessAccepted
  case backfillTooLong
}

extension Controller {
  /// The planted bug: another attempt that could be stopped, on none of the same nodes.
  func stray(from slot: Int32) -> Int32 {
    let nodes = Set(cluster.attemptPlaces[Int(slot)].map(\.node))
    return cluster.active.first { other in
      cluster.attempts[other].phase < .stopping
        && cluster.jobs[cluster.attempts[other].jobSlot].priority
          <= cluster.jobs[cluster.attempts[slot].jobSlot].priority
        && !cluster.attemptPlaces[Int(other)].contains { nodes.contains($0.node) }
    } ?? slot
  }

  /// Places that are kept, and for whom.
  package var keptPlaces: [(job: JobID, places: [Place])] { claims.map { ($0.job, $0.places) } }
}
