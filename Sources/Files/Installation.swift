/// The program's own files: in a build beside the executable, installed in `lib/trucksensor` and `share/trucksensor` of its prefix.
public enum Installation {
  /// The folder of the executable.
  private static let folder: String? =
    (try? Files.absolute("/proc/self/exe")).map { Files.folder(of: $0) }

  /// A library's path; nil if there is none.
  public static func library(_ name: String) -> String? {
    guard let folder else { return nil }
    return [name, "../lib/trucksensor/\(name)"].map { Files.join(folder, $0) }.first(where: Files.exists)
  }

  /// The path of a shared file or folder, such as the dataset; nil if the program isn't installed.
  public static func shared(_ name: String) -> String? {
    guard let folder else { return nil }
    let path = Files.join(folder, "../share/trucksensor/\(name)")
    return Files.exists(path) ? path : nil
  }
}
