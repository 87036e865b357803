import CommandLine
import Delivery

/// The options that say who gets alerts.
enum DeliveryOptions {
  static let table: [CommandDescription.Option] = [
    .value("alert-webhook", "URL", "post each alert as JSON to this address", repeatable: true),
    .value("alert-mail", "ADDRESS", "send each alert to this address as an email", repeatable: true),
    .value("alert-from", "ADDRESS", "the sender of these emails", default: "trucksensor@localhost"),
    .value(
      "smtp", "URL", "the mail server: smtp://HOST:PORT, or smtps://USER:PASSWORD@HOST",
      default: "smtp://localhost:25"),
  ]

  /// The delivery that the options ask for; nil if they ask for none.
  static func delivery(_ arguments: ParsedArguments) throws(UsageError) -> AlertDelivery? {
    var settings = AlertDelivery.Settings()
    settings.webhooks = arguments.strings("alert-webhook")
    for url in settings.webhooks where !["http://", "https://"].contains(where: url.hasPrefix) {
      throw arguments.error(
        "--alert-webhook takes an address that begins with http:// or https://, not '\(url)'")
    }
    settings.mailRecipients = arguments.strings("alert-mail")
    settings.mailSender = arguments.string("alert-from") ?? settings.mailSender
    for address in settings.mailRecipients + [settings.mailSender] where !isAddress(address) {
      throw arguments.error("'\(address)' is not an email address such as name@example.org")
    }
    settings.mailServer = arguments.string("smtp") ?? settings.mailServer
    guard ["smtp://", "smtps://"].contains(where: settings.mailServer.hasPrefix) else {
      throw arguments.error("--smtp takes an address that begins with smtp:// or smtps://")
    }
    guard !settings.isEmpty else { return nil }
    guard !arguments.has("no-dashboard") else {
      throw arguments.error("alerts are found beside the dashboard; leave out --no-dashboard to deliver them")
    }
    return AlertDelivery(settings) { StandardError.error("\($0)") }
  }

  private static func isAddress(_ text: String) -> Bool {
    let parts = text.split(separator: "@", omittingEmptySubsequences: false)
    return parts.count == 2 && parts.allSatisfy { !$0.isEmpty }
      && text.unicodeScalars.allSatisfy {
        $0.value > 0x20 && $0.value != 0x7F && !"<>,;\"".unicodeScalars.contains($0)
      }
  }
}
