internal import CCurl
import Glibc
import Text
import Time

/// One mail about an alert.
struct Mail {
  private let settings: AlertDelivery.Settings
  /// The message as RFC 5322 has it.
  let text: String
  private static let timeoutMilliseconds = 20_000

  init(_ settings: AlertDelivery.Settings, _ payload: [UInt8], _ sentence: String) {
    self.settings = settings
    let lines = [
      "From: \(Self.header(settings.mailSender))",
      "To: \(Self.header(settings.mailRecipients.joined(separator: ", ")))",
      "Subject: \(Self.encoded(sentence))",
      "Date: \(Self.date(WallClock.milliseconds / 1000))",
      "Message-ID: <\(UniqueID.make())@trucksensor>",
      "MIME-Version: 1.0",
      "Content-Type: text/plain; charset=utf-8",
      "Content-Transfer-Encoding: base64",
      "",
    ]
    let body = Base64.encode(Array("\(sentence)\n\n".utf8) + payload + [0x0A])
    text = (lines + Self.folded(body)).joined(separator: "\r\n") + "\r\n"
  }

  /// Sends it; what went wrong, or nil.
  func send() -> String? {
    var recipients: [UnsafePointer<CChar>?] = settings.mailRecipients.map { UnsafePointer(strdup($0)) }
    defer { for recipient in recipients { free(UnsafeMutableRawPointer(mutating: recipient)) } }
    recipients.append(nil)
    var reason = [CChar](repeating: 0, count: 256)
    let bytes = Array(text.utf8)
    let isSent = ts_mail_send(
      settings.mailServer, settings.mailSender, recipients, bytes, bytes.count, Self.timeoutMilliseconds,
      &reason,
      reason.count)
    if isSent != 0 { return nil }
    let text = String(decoding: reason.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    return "\(Address.withoutSecrets(settings.mailServer)): \(text.isEmpty ? HTTPPost.missing : text)"
  }

  /// A header's text can't begin another header.
  private static func header(_ text: String) -> String {
    String(String.UnicodeScalarView(text.unicodeScalars.map { $0.value < 0x20 ? " " : $0 }))
  }

  /// A subject: as it is if it is ASCII, otherwise as RFC 2047 has it, in words of at most 75 characters.
  private static func encoded(_ text: String) -> String {
    let text = header(text)
    if text.utf8.allSatisfy({ $0 < 0x7F }), text.count < 200 { return text }
    var words: [String] = []
    var word: [UInt8] = []
    for character in text.prefix(200) {
      let bytes = Array(String(character).utf8)
      if word.count + bytes.count > 45 {
        words.append("=?UTF-8?B?\(Base64.encode(word))?=")
        word = []
      }
      word += bytes
    }
    words.append("=?UTF-8?B?\(Base64.encode(word))?=")
    return words.joined(separator: "\r\n ")
  }

  private static func folded(_ text: String) -> [String] {
    var lines: [String] = []
    var rest = text[...]
    while !rest.isEmpty {
      lines.append(String(rest.prefix(76)))
      rest = rest.dropFirst(76)
    }
    return lines
  }

  /// RFC 5322's date: `28 Nov 2026 16:01:00 +0000`.
  private static func date(_ seconds: Int) -> String {
    // 2026-11-28T16:01:00Z
    let parts = Moment.text(seconds: seconds).split(whereSeparator: { "-T:Z".contains($0) }).map(String.init)
    let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    guard parts.count == 6, let month = Int(parts[1]), (1...12).contains(month) else { return "" }
    return "\(parts[2]) \(months[month - 1]) \(parts[0]) \(parts[3]):\(parts[4]):\(parts[5]) +0000"
  }
}
