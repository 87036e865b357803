import Files
import Numbers
import Synchronization

/// A time zone of the system's tz database, read from its TZif file (RFC 8536).
///
/// glibc's own functions know one zone a process, so the file is read here.
package final class TimeZoneFile: Sendable {
  /// What holds from one transition to the next.
  package struct Period: Sendable {
    /// Seconds east of Greenwich.
    package let offset: Int
    let isDaylightSaving: Bool
    /// "CST", or "-03" where the zone has no letters.
    let abbreviation: String
  }

  /// "America/Santiago", "UTC", "+05:30".
  let name: String
  private let transitions: [Int]
  private let periods: [Period]
  private let first: Period
  private let rule: POSIXTimeZone?

  /// The length of a zone's name, which comes from statements and payloads.
  package static let nameLimit = 64
  private static let cache = Mutex<[String: TimeZoneFile]>([:])
  /// All zones of the tz database, and many offsets.
  static let cacheLimit = 2000
  private static let folder = "/usr/share/zoneinfo/"

  static var cachedCount: Int { cache.withLock(\.count) }

  /// The zone of a name, an offset (+05:30, UTC+1, Z) or nil if there is none.
  package static func named(_ name: String) -> TimeZoneFile? {
    guard name.utf8.count <= nameLimit else { return nil }
    if let known = cache.withLock({ $0[name] }) { return known }
    guard let zone = offsetZone(name) ?? read(name) else { return nil }
    cache.withLock { cache in
      if cache.count >= cacheLimit { cache.removeAll() }
      cache[name] = zone
    }
    return zone
  }

  private init(name: String, transitions: [Int], periods: [Period], first: Period, rule: POSIXTimeZone?) {
    self.name = name
    self.transitions = transitions
    self.periods = periods
    self.first = first
    self.rule = rule
  }

  static func fixed(name: String, offset: Int, abbreviation: String) -> TimeZoneFile {
    TimeZoneFile(
      name: name, transitions: [], periods: [],
      first: Period(offset: offset, isDaylightSaving: false, abbreviation: abbreviation), rule: nil)
  }

  /// What holds at a moment in epoch seconds.
  package func period(at seconds: Int) -> Period {
    guard let last = transitions.last else { return rule?.period(at: seconds) ?? first }
    if seconds >= last, let rule { return rule.period(at: seconds) }
    var low = 0
    var high = transitions.count
    while low < high {
      let middle = (low + high) / 2
      if transitions[middle] <= seconds { low = middle + 1 } else { high = middle }
    }
    return low == 0 ? first : periods[low - 1]
  }

  /// The epoch seconds of a wall clock's reading, given as if it were UTC. Of two such moments the earlier; a reading
  /// that a clock skips is moved on by what it skips (as `java.time` does).
  func epoch(ofLocal local: Int) -> Int {
    let before = period(at: local.saturatingSubtract(86_400)).offset
    let after = period(at: local.saturatingAdd(86_400)).offset
    for offset in [before, after] {
      let moment = local.saturatingSubtract(offset)
      if period(at: moment).offset == offset { return moment }
    }
    return local.saturatingSubtract(before)
  }

  // MARK: Offsets

  private static func offsetZone(_ name: String) -> TimeZoneFile? {
    if ["UTC", "Z", "GMT", "UT", "Etc/UTC"].contains(name) {
      return fixed(name: name, offset: 0, abbreviation: name == "Z" ? "Z" : name == "GMT" ? "GMT" : "UTC")
    }
    var rest = Substring(name)
    for prefix in ["UTC", "GMT", "UT"] where rest.hasPrefix(prefix) {
      rest = rest.dropFirst(prefix.count)
      break
    }
    guard let sign = rest.first, sign == "+" || sign == "-", let offset = seconds(rest.dropFirst()) else {
      return nil
    }
    return fixed(name: name, offset: sign == "-" ? -offset : offset, abbreviation: String(rest))
  }

  /// h, hh, hhmm, hh:mm or hh:mm:ss.
  private static func seconds(_ text: Substring) -> Int? {
    var parts = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
    if parts.count == 1, parts[0].utf8.count == 4 {
      parts = [String(parts[0].prefix(2)), String(parts[0].suffix(2))]
    }
    guard (1...3).contains(parts.count) else { return nil }
    var total = 0
    for (index, part) in parts.enumerated() {
      guard (1...2).contains(part.utf8.count), part.utf8.allSatisfy({ (48...57).contains($0) }),
        let value = Int(part),
        value < (index == 0 ? 19 : 60)
      else { return nil }
      total += value * [3600, 60, 1][index]
    }
    return total
  }

  // MARK: The file

  private static func read(_ name: String) -> TimeZoneFile? {
    // A zone's name comes from a payload: it must not lead out of the folder.
    guard !name.isEmpty, !name.hasPrefix("/"), !name.contains(".."),
      name.utf8.allSatisfy({
        ($0 | 0x20) >= 97 && ($0 | 0x20) <= 122 || (48...57).contains($0) || "/_+-".utf8.contains($0)
      }),
      let bytes = try? Files.read(folder + name)
    else { return nil }
    return parse(name, bytes)
  }

  private static func parse(_ name: String, _ bytes: [UInt8]) -> TimeZoneFile? {
    func integer(_ offset: Int, _ size: Int) -> Int? {
      guard offset >= 0, offset + size <= bytes.count else { return nil }
      var value = bytes[offset] >= 0x80 ? -1 : 0
      for index in offset..<offset + size { value = value << 8 | Int(bytes[index]) }
      return value
    }
    /// Six counts: isutcnt, isstdcnt, leapcnt, timecnt, typecnt, charcnt.
    func counts(_ start: Int) -> [Int]? {
      guard start + 44 <= bytes.count, Array(bytes[start..<start + 4]) == Array("TZif".utf8) else {
        return nil
      }
      let values = (0..<6).compactMap { integer(start + 20 + 4 * $0, 4) }
      return values.count == 6 && values.allSatisfy({ (0...100_000).contains($0) }) ? values : nil
    }
    guard let old = counts(0), bytes[4] >= UInt8(ascii: "2") else { return nil }
    let start = 44 + old[3] * 5 + old[4] * 6 + old[5] + old[2] * 8 + old[1] + old[0]
    guard let new = counts(start) else { return nil }
    let (times, types, characters) = (new[3], new[4], new[5])
    let timesAt = start + 44
    let indicesAt = timesAt + times * 8
    let typesAt = indicesAt + times
    let charactersAt = typesAt + types * 6
    let footerAt = charactersAt + characters + new[2] * 12 + new[1] + new[0]
    guard types > 0, footerAt <= bytes.count else { return nil }
    var kinds: [Period] = []
    for type in 0..<types {
      guard let offset = integer(typesAt + type * 6, 4) else { return nil }
      let nameAt = charactersAt + Int(bytes[typesAt + type * 6 + 5])
      guard nameAt < footerAt else { return nil }
      let end = bytes[nameAt...].firstIndex(of: 0) ?? bytes.count
      kinds.append(
        Period(
          offset: offset, isDaylightSaving: bytes[typesAt + type * 6 + 4] != 0,
          abbreviation: String(decoding: bytes[nameAt..<end], as: UTF8.self)))
    }
    var transitions: [Int] = []
    var periods: [Period] = []
    for index in 0..<times {
      let type = Int(bytes[indicesAt + index])
      guard let time = integer(timesAt + index * 8, 8), type < kinds.count else { return nil }
      transitions.append(time)
      periods.append(kinds[type])
    }
    let footer = bytes[footerAt...].split(separator: 0x0A).first.map { String(decoding: $0, as: UTF8.self) }
    return TimeZoneFile(
      name: name, transitions: transitions, periods: periods, first: kinds[0],
      rule: footer.flatMap(POSIXTimeZone.init))
  }
}
