/// A path that can't be what it is to be.
public enum FileError: Error, CustomStringConvertible {
    /// A file that must be text isn't UTF-8.
    case notText(String)
    /// A place that no file can be written to.
    case noTarget(String, reason: String)

    /// For people.
    public var description: String {
        switch self {
        case .notText(let path): "\(path) is not text in UTF-8"
        case .noTarget(let path, let reason): "cannot write '\(path)': \(reason); give a file's name"
        }
    }
}
