import ColdChain
import Diagnosing
import Dispatch
import Numbers
import Store
import Synchronization
import Time

/// Keeps a diagnosis of each truck's present trip while readings arrive.
///
/// It reads the store by itself, on a thread of its own, so that neither the page nor the alerts wait for it. What was read
/// is kept as a `TripAnalyzer`, so that a look only reads what is new; after each look it rests for so long that it takes
/// at most a quarter of a processor.
///
/// @unchecked Sendable: variables are used on the queue only, except for `shared`.
final class LiveDiagnosis: @unchecked Sendable {
  /// A pause that ends a trip, ns.
  static let pause: Int64 = 3_600_000_000_000
  /// How far back a trip is read that is already there, ns; one that becomes longer by a half is read again.
  static let reach: Int64 = 172_800_000_000_000
  /// A trip shorter than this has no verdict to tell, s: a few readings say anything.
  private static let shortest = 600.0
  /// The trucks whose readings are kept in memory; the one that was looked at longest ago gives way.
  static let kept = 100
  private static let rowsAtOnce = 5000
  /// The rows of one look: a long record takes several.
  private static let rowsOfLook = 100_000
  private static let rest: UInt64 = 1_000_000_000
  /// Rest for each unit of work.
  private static let restShare: UInt64 = 3

  /// What is known of a truck.
  private struct Watch {
    var analyzer = TripAnalyzer(LiveDiagnosis.options)
    /// The time of the trip's first reading.
    var first: Int64?
    /// Readings up to this time are in the analyzer.
    var last: Int64
    var rows = 0
    /// The last reported verdict, and the verdict of the last look: a change is reported after two looks found it.
    var told = Cause.notMeasured
    var found = Cause.notMeasured
    /// The number of the look that was the last.
    var look = 0
  }

  /// What other threads see and ask for.
  private struct Shared {
    /// The documents of `/api/diagnosis`.
    var answers: [String: [UInt8]] = [:]
    /// The trucks to look at, and whether a reading came that is earlier than others before it.
    var news: [String: Bool] = [:]
  }

  private let queue = DispatchQueue(label: "dashboard.diagnosis", qos: .utility)
  private let charts: OpenCharts
  private let shared = Mutex(Shared())
  private let onChange: @Sendable (VerdictChange) -> Void
  private var watches: [String: Watch] = [:]
  private var looks = 0
  private var timer: (any DispatchSourceTimer)?

  private static var options: TripAnalyzer.Options {
    var options = TripAnalyzer.Options()
    options.clock = .zone(offset: 0)
    return options
  }

  init(_ settings: DashboardSettings, onChange: @escaping @Sendable (VerdictChange) -> Void) {
    charts = OpenCharts(settings)
    self.onChange = onChange
  }

  func start() {
    queue.sync {
      let timer = DispatchSource.makeTimerSource(queue: queue)
      timer.setEventHandler { [weak self] in self?.work() }
      timer.schedule(deadline: .now() + .nanoseconds(Int(Self.rest)))
      self.timer = timer
      timer.resume()
    }
  }

  func stop() {
    queue.sync {
      timer?.cancel()
      timer = nil
      charts.close()
    }
  }

  /// Notes that readings of a truck arrived; `isLate` if one is earlier than others before it.
  func arrived(_ device: String, isLate: Bool) {
    shared.withLock { $0.news[device] = isLate || $0.news[device] ?? false }
  }

  /// The diagnosis of a truck as JSON; nil if there is none yet, which asks for one.
  func answer(_ device: String) -> [UInt8]? {
    shared.withLock { shared in
      if let answer = shared.answers[device] { return answer }
      // Unknown names can't fill the memory.
      if shared.news.count < 10_000 { shared.news[device] = shared.news[device] ?? false }
      return nil
    }
  }

  // MARK: On the queue

  private func work() {
    let begin = DispatchTime.now().uptimeNanoseconds
    look()
    let spent = DispatchTime.now().uptimeNanoseconds &- begin
    let pause = max(Self.rest, spent.multipliedReportingOverflow(by: Self.restShare).partialValue)
    timer?.schedule(deadline: .now() + .nanoseconds(Int(clamping: pause)))
  }

  /// Looks at the truck that has waited longest.
  private func look() {
    looks &+= 1
    let next = shared.withLock { shared -> (device: String, isLate: Bool)? in
      let waiting = shared.news.min {
        (watches[$0.key]?.look ?? 0, $0.key) < (watches[$1.key]?.look ?? 0, $1.key)
      }
      guard let waiting else { return nil }
      shared.news[waiting.key] = nil
      return (waiting.key, waiting.value)
    }
    guard let (device, isLate) = next else { return }
    do throws(StoreError) {
      let (source, change) = try charts.source()
      if change == .replaced { watches.removeAll() }
      guard let truck = try source.trucks().first(where: { $0.label == device }) else { return }
      // Taken out of the dictionary, so that adding rows copies nothing.
      var watch = begin(truck, watches.removeValue(forKey: device), isLate: isLate)
      defer { watches[device] = watch }
      watch.look = looks
      let isComplete = try read(&watch, truck, source)
      if isComplete { find(&watch, device) } else { arrived(device, isLate: false) }
    } catch {
      // The file may be damaged, locked or gone, the server away: the next readings, or the next question, try again.
      charts.close()
    }
  }

  /// What is kept of a truck, or a new beginning: where nothing is kept, where a reading came late, and where the trip
  /// became longer than what is kept.
  private func begin(_ truck: ChartTruck, _ known: Watch?, isLate: Bool) -> Watch {
    if let known, !isLate,
      truck.span.upperBound.saturatingSubtract(known.first ?? known.last) <= Self.reach / 2 * 3
    {
      return known
    }
    if known == nil, watches.count >= Self.kept,
      let oldest = watches.min(by: { $0.value.look < $1.value.look })
    {
      watches[oldest.key] = nil
      shared.withLock { $0.answers[oldest.key] = nil }
    }
    let start = max(truck.span.lowerBound, truck.span.upperBound.saturatingSubtract(Self.reach))
    var watch = Watch(last: start.saturatingSubtract(1))
    if let known { (watch.told, watch.found) = (known.told, known.found) }
    return watch
  }

  /// Reads what is new; false if there is more than one look reads.
  private func read(_ watch: inout Watch, _ truck: ChartTruck, _ source: any ChartSource) throws(StoreError)
    -> Bool
  {
    let measures = try source.measures()
    let columns = StoreColumns(measures.map(\.name))
    var left = Self.rowsOfLook
    while left > 0 {
      let rows = try source.readings(measures, of: truck, after: watch.last, limit: Self.rowsAtOnce)
      // A server may answer anything.
      guard let end = rows.last, end.time > watch.last else { return true }
      for reading in rows {
        if watch.rows > 0, reading.time.saturatingSubtract(watch.last) > Self.pause {
          watch.analyzer = TripAnalyzer(Self.options)
          (watch.first, watch.rows) = (nil, 0)
        }
        watch.first = watch.first ?? reading.time
        watch.rows += 1
        watch.analyzer.add(columns.observation(reading, row: watch.rows))
        watch.last = reading.time
      }
      left -= rows.count
    }
    return false
  }

  private func find(_ watch: inout Watch, _ device: String) {
    var analyzer = watch.analyzer
    let diagnosis = analyzer.finish()
    let json = DiagnosisJSON.bytes(
      RecordReader.Result(device: device, diagnosis: diagnosis, clock: .zone(offset: 0)))
    shared.withLock { $0.answers[device] = json }
    let isSteady = diagnosis.verdict == watch.found
    watch.found = diagnosis.verdict
    guard diagnosis.verdict != watch.told, diagnosis.span?.seconds ?? 0 >= Self.shortest else { return }
    guard isSteady else {
      // The same readings may be the last ones.
      arrived(device, isLate: false)
      return
    }
    let change = VerdictChange(device: device, diagnosis: diagnosis, previous: watch.told)
    watch.told = diagnosis.verdict
    onChange(change)
  }
}
