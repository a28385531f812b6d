import CArchive

/// An archive or a compressed stream that can't be read or unpacked, in libarchive's words.
public struct ArchiveError: Error, CustomStringConvertible {
    /// libarchive's own words, or what is wrong with what it gave.
    public let reason: String

    /// - Parameter reason: In words.
    public init(_ reason: String) { self.reason = reason }

    /// What libarchive says of its last call.
    init(_ archive: OpaquePointer?) {
        reason = archive.flatMap { archive_error_string($0) }.map { String(cString: $0) } ?? "unknown error"
    }

    /// For people.
    public var description: String { reason }
}
