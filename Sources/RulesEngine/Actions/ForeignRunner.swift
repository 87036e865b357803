import Text
import Files
import JSON
import Time

/// Counts actions that aren't run here, and optionally records what each would have received.
final class ForeignRunner: ActionRunner {
  private let context: ActionContext
  private let folder: String?
  /// The open files, by their rules' names.
  private var files: [String: LineFile] = [:]
  /// The most files that are kept open.
  private static let fileLimit = 100

  /// Records in `folder`, one file for each rule.
  init(_ context: ActionContext, folder: String?) {
    self.context = context
    self.folder = folder
  }

  func start(_ action: ForeignAction, _ execution: RuleExecution) {
    if let folder {
      do throws(FileError) {
        try record(action, execution, in: folder)
      } catch {
        files = [:]
        context.owner?.report(
          "rule \(execution.rule.document.name): the action '\(action.type)' was not recorded: \(error)")
      }
    }
    context.end(execution, .notRunHere)
  }

  private func record(_ action: ForeignAction, _ execution: RuleExecution, in folder: String)
    throws(FileError)
  {
    let name = execution.rule.document.name
    let file: LineFile
    if let known = files[name] {
      file = known
    } else {
      try Files.makeFolder(folder)
      if files.count >= Self.fileLimit { files = [:] }
      file = try LineFile(Files.join(folder, name + ".ndjson"))
      files[name] = file
    }
    try file.append(line(action, execution))
  }

  private func line(_ action: ForeignAction, _ execution: RuleExecution) -> [UInt8] {
    func written(_ parameters: [UInt8], _ problem: String?) -> [UInt8] {
      var json = JSONWriter()
      json.object {
        $0.member("rule", execution.rule.document.name)
        $0.member("action", action.type)
        if execution.isErrorAction { $0.member("isErrorAction", true) }
        $0.member(
          "time",
          Timestamp.iso8601(
            Int64(execution.message.receivedMilliseconds).multipliedReportingOverflow(by: 1_000_000)
              .partialValue))
        $0.member("topic", execution.message.topic)
        if let problem { $0.member("problem", problem) } else { $0.member("parameters", json: parameters) }
        // Output that isn't JSON is recorded, too, as it would have been sent.
        if (try? JSONDocument().read(execution.output)) != nil {
          $0.member("payload", json: execution.output)
        } else {
          $0.member("payloadBase64", Base64.encode(execution.output))
        }
      }
      return json.bytes
    }
    var parameters = JSONWriter()
    do throws(LimitError) {
      try action.write(context.templates(execution), to: &parameters)
      return written(parameters.bytes, nil)
    } catch {
      return written([], error.description)
    }
  }
}
