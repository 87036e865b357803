/// A trip's CSV, simulated row by row as it is read: a fleet of simulated trucks needs no files.
final class TripSource: ByteSource {
  private let plan: TripPlan
  private var simulation: TripSimulation
  private var waiting: [UInt8]

  init(_ plan: TripPlan) {
    self.plan = plan
    simulation = TripSimulation(plan)
    waiting = TripFile.header(with: [])
  }

  func rewind() {
    simulation = TripSimulation(plan)
    waiting = TripFile.header(with: [])
  }

  func read(into buffer: UnsafeMutableRawBufferPointer) -> Int {
    while waiting.count < buffer.count, let row = simulation.next() {
      TripFile.append(row, with: [], to: &waiting)
    }
    let count = min(waiting.count, buffer.count)
    buffer.copyBytes(from: waiting[..<count])
    waiting.removeFirst(count)
    return count
  }
}
