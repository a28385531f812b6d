import ContentHash
import Glibc
import Host

/// A file that is read in any order. What comes as a stream (`-`, a pipe) is laid down in an unnamed file first; a device
/// that never ends is refused.
struct WholeFile {
    let file: InputFile
    private let spool: AtomicFile?

    init(_ path: String) throws {
        guard path != "-" else {
            self = try WholeFile(spooling: STDIN_FILENO)
            return
        }
        let input = try InputFile(path: path)
        var status = stat()
        guard fstat(input.descriptor, &status) == 0 else {
            throw FileReadError(file: path, reason: String(cString: strerror(errno)))
        }
        switch status.st_mode & S_IFMT {
        case S_IFREG, S_IFBLK: (file, spool) = (input, nil)
        case S_IFIFO, S_IFSOCK: self = try WholeFile(spooling: input.descriptor)
        default: throw FileReadError(file: path, reason: "it is no file, and no stream that ends")
        }
    }

    private init(spooling descriptor: CInt) throws {
        let spool = try AtomicFile.spooled(descriptor: descriptor)
        (file, self.spool) = (try InputFile(path: "/proc/self/fd/\(spool.descriptor)"), spool)
    }
}
