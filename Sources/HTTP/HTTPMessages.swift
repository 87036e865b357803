/// A request, as handlers see it.
public struct HTTPRequest: Sendable {
  /// One of the server's methods, such as GET.
  public let method: String
  /// The request target as it came: the path, still percent-encoded, and the query.
  public let target: String
  /// The path, percent-decoded, always beginning with '/'.
  public let path: String
  /// The query's parameters, percent-decoded; of one that is given twice, the last.
  public let query: [String: String]
  /// The header fields, by lower-case name; of one that is given twice, the last.
  public let headers: [String: String]
  /// The content; empty unless the server takes bodies.
  public var body: [UInt8] = []
}

/// An answer.
public struct HTTPResponse: Sendable {
  /// The status code.
  public let status: Int
  /// The media type of the body.
  public let contentType: String
  /// The content.
  public let body: [UInt8]
  /// Further header fields.
  public var headers: [(name: String, value: String)] = []
  /// What follows the body for as long as the client listens.
  public var events: EventFeed?

  /// An answer with a text.
  public init(_ status: Int, _ text: String, contentType: String = "text/plain; charset=utf-8") {
    self.init(status, Array(text.utf8), contentType: contentType)
  }

  /// An answer with bytes.
  public init(_ status: Int, _ body: [UInt8], contentType: String) {
    self.status = status
    self.contentType = contentType
    self.body = body
  }

  /// Server-sent events of a feed.
  public init(events: EventFeed) {
    self.init(200, "", contentType: "text/event-stream")
    self.events = events
  }
}

/// Why a server could not be started.
public struct HTTPError: Error, CustomStringConvertible {
  /// What is wrong and what to do.
  public let description: String
}
