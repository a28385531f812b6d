import CLinux
import Glibc
import Host
import InputStore
import Subprocess
import SystemPackage

/// A folder for one build's trees, and the lock that says that the build lives.
///
///     work/NAME/       the trees
///     work/NAME.lock   locked (flock(2)) by the builder; the lock ends with it, even by kill -9
///
/// The next build removes the folders whose locks nobody holds.
public struct WorkFolder: Sendable {
    /// Its absolute path.
    public let path: String
    private let lockPath: String
    private let lock: CInt

    /// Creates a folder, after removing what dead builds left.
    public static func create(in store: Store, name: String) async throws -> WorkFolder {
        let base = store.workDirectory
        // Where an earlier build's files were just removed, ext4 without a journal takes long to find free inodes.
        base.withPath { rtv_spread_folders($0) }
        for entry in Folder.names(in: base) where isLock(entry) {
            let lockPath = "\(base)/\(entry)"
            let descriptor = RegularFile.open(lockPath)
            guard descriptor >= 0 else { continue }
            let left = WorkFolder(path: String(lockPath.dropLast(5)), lockPath: lockPath, lock: descriptor)
            if flock(descriptor, LOCK_EX | LOCK_NB) == 0, isStill(descriptor, lockPath) {
                await left.remove()
            } else {
                close(descriptor)
            }
        }
        let path = "\(base)/\(name)-\(getpid())-\(UInt32.random(in: 0...UInt32.max))"
        // Locked before it has the name by which others find it: between the two, one that looks for dead builds' locks
        // would take it for one.
        let hidden = "\(base)/.\(name)-\(getpid())-\(UInt32.random(in: 0...UInt32.max)).new"
        let descriptor = open(hidden, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0, flock(descriptor, LOCK_EX | LOCK_NB) == 0, rename(hidden, "\(path).lock") == 0 else {
            let reason = errno
            unlink(hidden)
            if descriptor >= 0 { close(descriptor) }
            throw SystemError("cannot create \(path).lock", reason)
        }
        // For nobody else: while a tree is made, its set-user-id programs would be theirs to run.
        guard mkdir(path, 0o700) == 0 else { throw SystemError("cannot create \(path)", errno) }
        return WorkFolder(path: path, lockPath: "\(path).lock", lock: descriptor)
    }

    /// Whether a name is a lock's that `create` gave: `NAME-PID-NUMBER.lock`. Others' files stay.
    private static func isLock(_ name: String) -> Bool {
        let parts = name.dropLast(5).split(separator: "-", omittingEmptySubsequences: false)
        return name.hasSuffix(".lock") && !name.hasPrefix(".") && parts.count >= 3
            && parts.suffix(2).allSatisfy { part in
                !part.isEmpty && part.utf8.allSatisfy { (0x30...0x39).contains($0) }
            }
    }

    /// Whether a path is still the file that is open: its owner may have removed it meanwhile.
    private static func isStill(_ descriptor: CInt, _ path: String) -> Bool {
        var (open, named) = (stat(), stat())
        return fstat(descriptor, &open) == 0 && lstat(path, &named) == 0 && open.st_ino == named.st_ino
            && open.st_dev == named.st_dev
    }

    /// Removes the trees, and then the lock. Files of subordinate ids are removed as their owner made them: from
    /// inside a user namespace.
    public func remove() async {
        // Where no namespace could be made, nothing of other ids is there.
        if rmdir(path) == 0 {
            unlink(lockPath)
            close(lock)
            return
        }
        let prefix = getuid() == 0 ? [] : Namespaces.userNamespace + ["--"]
        let command = prefix + ["rm", "-rf", "--one-file-system", path]
        // A task of its own: a cancelled one would end the removal as soon as it begins.
        let removal = Task {
            try await run(
                .name(command[0]),
                arguments: Arguments(command.dropFirst().map(\.pathArgument)),
                environment: .custom(["PATH": Namespaces.searchPath]),
                output: .discarded, error: .discarded)
        }
        // Whatever is left is under its lock's name, and the next build tries again.
        _ = await removal.result
        if access(path, F_OK) != 0 { unlink(lockPath) }
        close(lock)
    }
}
