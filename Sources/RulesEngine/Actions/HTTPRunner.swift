internal import CCurl
import Dispatch
import Glibc
import MQTT

/// AWS's `http` action: posts the rule's result to an address.
public struct HTTPAction: Sendable {
  let members: ForeignAction
  let url: Template
  let headers: [(name: String, value: Template)]
  /// Whether AWS would sign the request, which isn't done here.
  let isSigned: Bool
}

/// Runs `http` actions one after another on a thread. They reach this machine and the allowed hosts, which don't need
/// AWS's handshake that confirms an address. A batch is sent as single messages.
final class HTTPRunner: ActionRunner {
  private let context: ActionContext
  private let waker: Waker?
  private let allowedHosts: Set<String>
  private let foreign: ForeignRunner
  private let sender = Sender()
  private var unfinished = 0
  /// The most requests that wait for the thread.
  private static let waitingLimit = 1000

  /// Without `waker`, its actions fail. Requests that aren't allowed are left to `foreign`.
  init(_ context: ActionContext, waker: Waker?, allowedHosts: Set<String>, foreign: ForeignRunner) {
    self.foreign = foreign
    self.context = context
    self.waker = waker
    self.allowedHosts = allowedHosts
  }

  func start(_ action: HTTPAction, _ execution: RuleExecution) {
    var url = action.url.source
    do throws(HTTPFailure) {
      let templates = context.templates(execution)
      func text(_ template: Template) throws(HTTPFailure) -> String {
        do throws(LimitError) {
          return try templates.text(template)
        } catch {
          throw HTTPFailure(message: error.description)
        }
      }
      url = try text(action.url)
      guard isAllowed(url), !action.isSigned else { return foreign.start(action.members, execution) }
      var headers: [String] = []
      for (name, value) in action.headers {
        let header = "\(name): \(try text(value))"
        guard !header.utf8.contains(where: { $0 < 0x20 }) else {
          throw HTTPFailure(message: "the header '\(name)' has a control character")
        }
        headers.append(header)
      }
      if !action.headers.contains(where: { $0.name.lowercased() == "content-type" }) {
        headers.append("Content-Type: application/json")
      }
      guard let waker else { throw HTTPFailure(message: "this engine sends no requests") }
      guard unfinished < Self.waitingLimit else {
        throw HTTPFailure(message: "\(unfinished) requests are already waiting")
      }
      unfinished += 1
      sender.send(
        url, headers, execution.output,
        completion: waker.bound { [weak self] problem in self?.sent(execution, url, problem) })
    } catch {
      fail(execution, url, error.message)
    }
  }

  /// Whether requests to the address are allowed.
  func isAllowed(_ url: String) -> Bool {
    guard let (host, authority) = Self.host(of: url) else { return false }
    return host == "localhost" || host == "::1" || Self.isLoopback(host) || allowedHosts.contains(host)
      || allowedHosts.contains(authority)
  }

  private static func isLoopback(_ host: String) -> Bool {
    var address = in_addr()
    return inet_pton(AF_INET, host, &address) == 1 && UInt32(bigEndian: address.s_addr) >> 24 == 127
  }

  /// The host in lower case without brackets, and with its port. An address with a user name is rejected: the part before
  /// an '@' looks like a host.
  static func host(of url: String) -> (host: String, authority: String)? {
    guard let scheme = ["http://", "https://"].first(where: { url.lowercased().hasPrefix($0) }) else {
      return nil
    }
    let authority = url.dropFirst(scheme.count).prefix { !"/?#\\".contains($0) }.lowercased()
    guard !authority.isEmpty, !authority.contains("@"), authority.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F })
    else { return nil }
    if authority.hasPrefix("["), let end = authority.firstIndex(of: "]") {
      return (String(authority[authority.index(after: authority.startIndex)..<end]), authority)
    }
    return (String(authority.prefix { $0 != ":" }), authority)
  }

  private func sent(_ execution: RuleExecution, _ url: String, _ problem: String?) {
    unfinished -= 1
    if let problem { fail(execution, url, problem) } else { context.end(execution, .done) }
    context.owner?.progressed()
  }

  private func fail(_ execution: RuleExecution, _ url: String, _ message: String) {
    let failure = ActionFailure(
      action: "HttpAction", resource: url, message: message, task: "the request to \(url)")
    context.end(execution, .failed(failure, .lost(.notDelivered, isRepeated: false)))
  }

  private struct HTTPFailure: Error { let message: String }

  /// Sends requests over a connection that is kept open. @unchecked Sendable: the handle is used on the queue only.
  private final class Sender: @unchecked Sendable {
    private let queue = DispatchQueue(label: "http actions")
    private var handle: OpaquePointer?
    private static let timeoutMilliseconds = 3000

    deinit { if let handle { ts_http_free(handle) } }

    /// Calls `completion` on the queue's thread, with what went wrong, or nil.
    func send(
      _ url: String, _ headers: [String], _ body: [UInt8], completion: @escaping @Sendable (String?) -> Void
    ) {
      queue.async { [self] in completion(request(url, headers, body)) }
    }

    private func request(_ url: String, _ headers: [String], _ body: [UInt8]) -> String? {
      if handle == nil { handle = ts_http_new() }
      guard let handle else { return "libcurl isn't installed; run 'apt-get install libcurl4'" }
      var pointers: [UnsafePointer<CChar>?] = headers.map { UnsafePointer(strdup($0)) }
      defer { for pointer in pointers { free(UnsafeMutableRawPointer(mutating: pointer)) } }
      pointers.append(nil)
      // A request with an empty body is a POST, too.
      let content = body.isEmpty ? [0] : body
      let status = ts_http_request(
        handle, url, pointers, content, body.count, nil, nil, nil, Self.timeoutMilliseconds)
      if (200..<300).contains(status) { return nil }
      var count = 0
      let answer = ts_http_answer(handle, &count)
      let text = String(
        decoding: UnsafeRawBufferPointer(start: answer, count: min(count, 200)), as: UTF8.self)
      return status == 0 ? "no answer: \(text)" : "the answer is \(status): \(text)"
    }
  }
}
