import CSquashfs

/// An image that can't be read.
public struct ImageReadError: Error, CustomStringConvertible, Sendable {
    /// The image's, as it was given.
    public let path: String
    /// Which part of the image, and where in the file it begins.
    public let structure: String?
    /// Where in the image it is: bytes from its beginning.
    public let offset: Int
    /// What is wrong, in words.
    public let reason: String

    /// - Parameter structure: Which part of the image it is; nil for the file as a whole.
    public init(path: String, structure: String? = nil, offset: Int = 0, reason: String) {
        (self.path, self.structure, self.offset, self.reason) = (path, structure, offset, reason)
    }

    /// For people.
    public var description: String {
        let place = structure.map { "\($0) (at byte \(offset)): " } ?? ""
        return "cannot read the image \(path): \(place)\(reason)"
    }

    /// libsquashfs's error numbers (sqfs/error.h) in words.
    static func reason(_ status: CInt) -> String {
        switch status {
        case SQFS_ERROR_ALLOC.rawValue: "out of memory"
        case SQFS_ERROR_IO.rawValue: "it can't be read"
        case SQFS_ERROR_COMPRESSOR.rawValue: "it can't be decompressed"
        case SQFS_ERROR_CORRUPTED.rawValue: "it is damaged"
        case SQFS_ERROR_UNSUPPORTED.rawValue: "of a kind that libsquashfs doesn't know"
        case SQFS_ERROR_OVERFLOW.rawValue: "its numbers are too large"
        case SQFS_ERROR_OUT_OF_BOUNDS.rawValue: "it points outside of the image"
        case SFQS_ERROR_SUPER_MAGIC.rawValue: "this is no squashfs image"
        case SFQS_ERROR_SUPER_VERSION.rawValue: "not version 4.0 of squashfs"
        case SQFS_ERROR_SUPER_BLOCK_SIZE.rawValue: "its block size is none"
        default: "libsquashfs says error \(status)"
        }
    }
}
