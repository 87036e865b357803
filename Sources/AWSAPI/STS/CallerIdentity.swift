import HTTP
import Text

/// `sts GetCallerIdentity`, which many scripts call first (AWS STS API reference). STS takes forms and answers in XML.
enum CallerIdentity {
  /// The service's signing name.
  static let service = "sts"
  private static let namespace = "https://sts.amazonaws.com/doc/2011-06-15/"

  static func answer(_ request: SignedRequest, identifier: String) -> HTTPResponse {
    var form: [String: String] = [:]
    for pair in String(decoding: request.http.body, as: UTF8.self).split(separator: "&") {
      let parts = pair.split(separator: "=", maxSplits: 1)
      guard parts.count == 2 else { continue }
      form[PercentEncoding.decoded(parts[0])] = PercentEncoding.decoded(parts[1])
    }
    let action = form["Action"] ?? request.http.query["Action"] ?? ""
    guard action == "GetCallerIdentity" else {
      return xml(
        400,
        """
        <ErrorResponse xmlns="\(namespace)"><Error><Type>Sender</Type><Code>UnknownOperationException</Code>\
        <Message>\(escaped(action)) is not available in trucksensor's local cloud</Message></Error>\
        <RequestId>\(identifier)</RequestId></ErrorResponse>
        """)
    }
    let user = escaped(request.accessKey)
    return xml(
      200,
      """
      <GetCallerIdentityResponse xmlns="\(namespace)"><GetCallerIdentityResult>\
      <Arn>arn:aws:iam::\(RESTRequest.account):user/\(user)</Arn><UserId>\(user)</UserId>\
      <Account>\(RESTRequest.account)</Account></GetCallerIdentityResult>\
      <ResponseMetadata><RequestId>\(identifier)</RequestId></ResponseMetadata></GetCallerIdentityResponse>
      """)
  }

  private static func xml(_ status: Int, _ text: String) -> HTTPResponse {
    HTTPResponse(status, text, contentType: "text/xml")
  }

  /// Escapes a text for XML; control characters become '?', because XML forbids most of them.
  private static func escaped(_ text: String) -> String {
    var result = ""
    for scalar in text.prefix(128).unicodeScalars {
      switch scalar {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case _ where scalar.value < 0x20 || scalar.value == 0x7F: result += "?"
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }
}
