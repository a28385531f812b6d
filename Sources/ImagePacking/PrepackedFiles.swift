import FileTree
import Glibc
import Host
import Sandbox
import Synchronization

/// The files that are packed before the tree is whole.
final class PrepackedFiles: Sendable {
    /// Which files are as they were shipped is not what it was when they were packed.
    struct Changed: Error {}

    private struct State {
        var offered: [ShippedFile] = []
        /// The inode's change time (stat(2)) of each that was packed, taken before its bytes were read.
        var changeTimes: [[UInt8]: timespec] = [:]
        var changed: [String] = []
        /// Whether a file changed while it was read, so that the stream is of no use.
        var isBroken = false
    }

    private let root: String
    private let sourceDateEpoch: Int
    private let state = Mutex(State())

    init(root: String, sourceDateEpoch: Int) { (self.root, self.sourceDateEpoch) = (root, sourceDateEpoch) }

    /// All files there were, in their order.
    var offered: [ShippedFile] { state.withLock { $0.offered } }

    /// The paths of those that were packed.
    var packed: Set<[UInt8]> { state.withLock { Set($0.changeTimes.keys) } }

    /// Paths of which `checkUnchanged` found that they weren't packed as they are now.
    var changed: [String] { state.withLock { $0.changed } }

    /// Packs those that are as they were shipped, in their order. Blocks.
    func pack(_ files: [ShippedFile], into tar: TarStream) throws {
        for file in files {
            let isBroken = state.withLock { state in
                state.offered.append(file)
                return state.isBroken
            }
            guard !isBroken, let status = asShipped(file) else { continue }
            // Two packages may ship the path: the later's is another file, or the same.
            if packedBefore(file) { continue }
            state.withLock { $0.changeTimes[file.path] = status.st_ctim }
            let entry = TreeEntry(
                path: file.path, kind: .file(size: file.size), mode: file.mode, uid: 0, gid: 0,
                time: min(max(0, file.time), sourceDateEpoch))
            do {
                try tar.write(PackedEntry(entry: entry), from: path(file))
            } catch {
                // The packer's own failure, unless a script took the file away under the reader.
                if Self.same(status.st_ctim, asShipped(file)?.st_ctim) { throw error }
                state.withLock { $0.isBroken = true }
            }
        }
    }

    /// - Throws: `Changed` unless those that were packed are those that are now as they were shipped.
    func checkUnchanged() throws {
        let (offered, times) = state.withLock { ($0.offered, $0.changeTimes) }
        let changed = offered.filter { file in
            !Self.same(times[file.path], asShipped(file)?.st_ctim)
        }
        if changed.isEmpty, !state.withLock({ $0.isBroken }) { return }
        state.withLock { $0.changed = changed.map { String(decoding: $0.path, as: UTF8.self) } }
        throw Changed()
    }

    private static func same(_ one: timespec?, _ other: timespec?) -> Bool {
        one?.tv_sec == other?.tv_sec && one?.tv_nsec == other?.tv_nsec
    }

    private func packedBefore(_ file: ShippedFile) -> Bool { state.withLock { $0.changeTimes[file.path] != nil } }

    private func path(_ file: ShippedFile) -> [UInt8] { root.pathBytes + [0x2f] + file.path }

    /// The file's status, if it is what its package shipped.
    private func asShipped(_ file: ShippedFile) -> stat? {
        let path = path(file)
        var status = stat()
        guard lstat(cString(path), &status) == 0, status.st_mode == S_IFREG | mode_t(file.mode), status.st_nlink == 1,
            status.st_uid == 0, status.st_gid == 0, status.st_size == file.size, status.st_mtim.tv_sec == file.time,
            (try? ExtendedAttributes.read(path))?.isEmpty == true
        else { return nil }
        return status
    }
}
