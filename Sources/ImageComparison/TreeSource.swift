import FileTree
import Glibc
import Host

/// Opens whatever lies at a path.
enum TreeSource {
    static func open(_ path: String) throws -> any Tree {
        var status = stat()
        guard stat(path, &status) == 0 else {
            throw TreeReadError(path: path, reason: String(cString: strerror(errno)))
        }
        if status.st_mode & S_IFMT == S_IFDIR { return try FolderTree(path: path) }
        let magic: [UInt8]
        do { magic = try SmallFile.head(of: path, count: 4) } catch let error as SystemError {
            throw TreeReadError(path: path, reason: error.reason)
        }
        if magic == Array("hsqs".utf8) { return try SquashfsTree(path: path) }
        return try TarTree(path: path)
    }
}
