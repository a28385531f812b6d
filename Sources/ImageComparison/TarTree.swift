import Archives
import FileTree
import Glibc
import Host
import Synchronization

/// A tar archive, compressed or not, as a tree. Its contents are laid down in an unnamed file while it is read.
final class TarTree: Tree {
    let format = "tar"
    let path: String
    let entries: [TreeEntry]
    private let spool: CInt
    /// Where each node's bytes begin in that file.
    private let places: [Int: Int]

    init(path: String) throws {
        self.path = path
        func fail(_ reason: String) -> TreeReadError { TreeReadError(path: path, reason: reason) }
        func neither(_ error: ArchiveError) -> TreeReadError {
            fail("it is neither a squashfs image nor a folder, and as a tar: \(error)")
        }
        let archive: ArchiveReader
        do { archive = try ArchiveReader(.tar, isCompressed: true, from: .path(path)) } catch let error as ArchiveError
        {
            throw neither(error)
        }
        guard let spool = SpoolFiles.take() else { throw fail("no file for its contents") }
        self.spool = spool
        var status = stat()
        // Contents of a thousand times the archive's size are made to fill a disk.
        var room = stat(path, &status) == 0 ? max(1 << 30, 1000 * Int(status.st_size)) : 1 << 30

        // By path: a later entry of a name takes the earlier one's place, as tar does it.
        var found: [[UInt8]: TreeEntry] = [:]
        var places: [Int: Int] = [:]
        var (node, end) = (0, 0)
        while true {
            let next: ArchiveEntry?
            do { next = try archive.next() } catch let error as ArchiveError { throw neither(error) }
            guard let header = next else { break }
            guard found.count < 1_000_000 else { throw fail("it has more than a million entries") }
            let name = Self.normal(header.path)
            if let target = header.hardLinkTarget, var entry = found[Self.normal(target)] {
                entry.path = name
                found[name] = entry
                continue
            }
            node += 1
            let kind = try Self.kind(of: header) { fail("\(readable(name)) \($0)") }
            found[name] = TreeEntry(
                path: name, kind: kind, mode: header.mode, uid: header.uid, gid: header.gid, time: header.time,
                attributes: header.attributes.map { .init(name: $0.name, value: $0.value) }, node: node)
            if case .file(let size) = kind {
                places[node] = end
                try Self.copyData(archive, to: spool, at: end, limit: size, room: &room, path: path)
                end += size
            }
        }
        guard !found.isEmpty else { throw fail("it is neither a squashfs image, a folder nor a tar with entries") }
        Self.addImpliedFolders(to: &found, after: node)
        entries = inByteOrder(Array(found.values))
        self.places = places
    }

    deinit { if spool >= 0 { close(spool) } }

    private static func kind(
        of header: ArchiveEntry, fail: (String) -> TreeReadError
    ) throws -> TreeEntry.Kind {
        switch header.kind {
        case .folder: return .directory
        case .symbolicLink: return .symbolicLink(target: header.linkTarget ?? [])
        case .characterDevice, .blockDevice:
            return .device(
                isBlock: header.kind == .blockDevice, major: header.device.major, minor: header.device.minor)
        case .fifo: return .fifo
        case .socket: return .socket
        case .file:
            // Sums of what archives say stay numbers.
            guard (0..<(1 << 40)).contains(header.size) else {
                throw fail("says that it has \(header.size) bytes")
            }
            return .file(size: header.size)
        case .unknown: throw fail("is of no type that is known")
        }
    }

    /// Folders that it doesn't list are there once it is unpacked, with what whoever unpacks it gives them.
    private static func addImpliedFolders(to found: inout [[UInt8]: TreeEntry], after last: Int) {
        var node = last
        for path in Array(found.keys) {
            var parent = path
            while let slash = parent.lastIndex(of: 0x2f) {
                parent = Array(parent[..<slash])
                guard found[parent] == nil else { break }
                node += 1
                var folder = TreeEntry(
                    path: parent, kind: .directory, mode: 0o755, uid: 0, gid: 0, time: 0, attributes: [], node: node)
                folder.isImplied = true
                found[parent] = folder
            }
        }
    }

    /// Without `./` before it, slashes after it, or empty parts.
    private static func normal(_ path: [UInt8]) -> [UInt8] {
        Array(path.split(separator: 0x2f).filter { $0 != [0x2e] }.joined(separator: [0x2f]))
    }

    private static func copyData(
        _ archive: ArchiveReader, to spool: CInt, at place: Int, limit: Int, room: inout Int, path: String
    ) throws {
        while true {
            let piece: (bytes: UnsafeRawBufferPointer, offset: Int)?
            do { piece = try archive.nextPiece() } catch let error as ArchiveError {
                throw TreeReadError(path: path, reason: error.reason)
            }
            guard let (bytes, offset) = piece else { break }
            guard offset >= 0, bytes.count <= limit, offset <= limit - bytes.count else {
                throw TreeReadError(path: path, reason: "a size that lies")
            }
            room -= bytes.count
            guard room >= 0 else { throw TreeReadError(path: path, reason: "its contents are far larger than it is") }
            do { try OpenFile.write(bytes, to: spool, at: place + offset) } catch {
                throw TreeReadError(path: path, reason: "no room for its contents: \(error.description)")
            }
        }
    }

    func makeReader() throws -> any ContentReader { Reader(tree: self) }

    private final class Reader: ContentReader {
        private let tree: TarTree
        init(tree: TarTree) { self.tree = tree }

        func read(_ entry: TreeEntry, from start: Int, into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
            guard let place = tree.places[entry.node], start < entry.size else { return 0 }
            let wanted = min(buffer.count, entry.size - start)
            let part = UnsafeMutableRawBufferPointer(rebasing: buffer[..<wanted])
            let count: Int
            do { count = try OpenFile.read(tree.spool, at: place + start, into: part) } catch {
                throw TreeReadError(path: tree.path, reason: error.description)
            }
            // What was never written is a hole at the archive's end.
            UnsafeMutableRawBufferPointer(rebasing: part[count...]).initializeMemory(as: UInt8.self, repeating: 0)
            return wanted
        }
    }
}
