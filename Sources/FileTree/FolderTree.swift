import CLinux
import Glibc
import Host

/// A folder of this machine as a tree. Links in it are never followed.
package struct FolderTree: Tree {
    /// In a word.
    package let format = "folder"
    /// Where the folder is.
    package let path: String
    /// In byte order of the paths.
    package let entries: [TreeEntry]

    /// Walks the folder. Throws `TreeReadError` for what can't be read.
    package init(path: String) throws {
        self.path = path
        let root = path.pathBytes
        var result: [TreeEntry] = []
        var nodes: [[UInt]: Int] = [:]
        var rest: [[UInt8]] = [[]]
        while let relative = rest.popLast() {
            let full = relative.isEmpty ? root : root + [0x2f] + relative
            func fail() -> TreeReadError {
                TreeReadError(path: TerminalText.report(full), reason: String(cString: strerror(errno)))
            }
            var status = stat()
            let name = full.map(CChar.init(bitPattern:)) + [0]
            // The folder itself may be named by a link.
            guard (relative.isEmpty ? stat(name, &status) : lstat(name, &status)) == 0 else { throw fail() }
            let number = nodes[[UInt(status.st_dev), UInt(status.st_ino)], default: nodes.count]
            nodes[[UInt(status.st_dev), UInt(status.st_ino)]] = number
            guard let kind = Self.kind(of: name, status) else { throw fail() }
            let attributes: [TreeEntry.Attribute]
            do { attributes = try ExtendedAttributes.read(full) } catch {
                throw TreeReadError(path: TerminalText.report(full), reason: error.description)
            }
            result.append(
                TreeEntry(
                    path: relative, kind: kind, mode: Int(status.st_mode & 0o7777), uid: Int(status.st_uid),
                    gid: Int(status.st_gid), time: status.st_mtim.tv_sec, attributes: attributes,
                    node: number))
            guard kind == .directory else { continue }
            do {
                for child in try Folder.byteNames(in: full) {
                    rest.append(relative.isEmpty ? child : relative + [0x2f] + child)
                }
            } catch { throw TreeReadError(path: TerminalText.report(full), reason: error.description) }
        }
        entries = inByteOrder(result)
    }

    /// - Returns: nil, with errno, for a link that can't be read.
    private static func kind(of name: [CChar], _ status: stat) -> TreeEntry.Kind? {
        switch status.st_mode & S_IFMT {
        case S_IFDIR: return .directory
        case S_IFREG: return .file(size: Int(status.st_size))
        case S_IFLNK:
            var target = [CChar](repeating: 0, count: 65_536)
            let count = readlink(name, &target, target.count)
            return count < 0 ? nil : .symbolicLink(target: target[..<count].map(UInt8.init(bitPattern:)))
        case S_IFCHR, S_IFBLK:
            return .device(
                isBlock: status.st_mode & S_IFMT == S_IFBLK, major: Int(rtv_major(status.st_rdev)),
                minor: Int(rtv_minor(status.st_rdev)))
        case S_IFIFO: return .fifo
        default: return .socket
        }
    }

    /// Reads the files where they are.
    package func makeReader() throws -> any ContentReader { Reader(root: path.pathBytes) }

    private final class Reader: ContentReader {
        private let root: [UInt8]
        private var (descriptor, node): (CInt, Int) = (-1, -1)

        init(root: [UInt8]) { self.root = root }
        deinit { if descriptor >= 0 { close(descriptor) } }

        func read(_ entry: TreeEntry, from start: Int, into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
            let full = root + [0x2f] + entry.path
            if node != entry.node {
                if descriptor >= 0 { close(descriptor) }
                descriptor = open(full.map(CChar.init(bitPattern:)) + [0], O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
                node = entry.node
            }
            do { return try OpenFile.read(descriptor, at: start, into: buffer) } catch {
                throw TreeReadError(path: TerminalText.report(full), reason: error.description)
            }
        }
    }
}
