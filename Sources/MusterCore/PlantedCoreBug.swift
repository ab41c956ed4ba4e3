/// Test-only: bugs that the hostile harness puts into the core on purpose, to prove that it would find them. Nobody else
/// sets `Controller.planted`; each is one named branch where the right rule stands.
package enum PlantedCoreBug: Sendable {
  case fenceTooShort, attemptNumberReused, duplicateAccepted, isolatedHandedOut, survivorNotWaited
  case timerLostOverRestart, oldCheckpointAccepted, staleReportBelieved
}
