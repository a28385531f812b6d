import Archives
import ContentHash
import Glibc
import struct SystemPackage.Errno
import enum Host.OpenFile
import struct Host.SystemError

/// Does for packages what `dpkg --unpack` does when there is nothing in their way: files in place, on all processors, and dpkg's
/// records written as it would read them. For a process that is in the root, where nothing else runs.
struct PackagePlacement {
    private let plan: UnpackPlan
    private let root: RootState

    /// Where dpkg has a package's control files while it unpacks it.
    static let controlFolder = "/var/lib/dpkg/tmp.ci"
    private static let database = "/var/lib/dpkg"

    /// Takes prepared packages up to the first that dpkg has to unpack.
    init(_ names: [String]) throws {
        root = RootState()
        var plan = UnpackPlan(root: root)
        for name in names where !root.hasOwnRules {
            guard try plan.add(PreparedDeb(inRoot: name)) else { break }
        }
        self.plan = plan
    }

    /// How many are taken.
    var count: Int { plan.packages.count }

    /// - Returns: Whether packages are to hear of it soon.
    func run() throws -> Bool {
        for folder in plan.folders { try make(folder) }
        let packages = plan.packages
        try concurrently(packages.count) { try Self.place(packages[$0]) }
        for package in packages { try writeRecords(of: package) }
        try append(packages.reduce(into: [UInt8]()) { $0 += Self.record(of: $1.control) }, to: "status")
        return try activateTriggers()
    }

    // MARK: Files

    private func make(_ folder: UnpackPlan.Folder) throws {
        let isMade = folder.place.withCString { path in
            mkdir(path, 0o700) == 0 && lchown(path, folder.owner.user, folder.owner.group) == 0
                && chmod(path, mode_t(folder.mode)) == 0 && Self.setTime(path, folder.time)
        }
        guard isMade else { throw Self.failure(folder.place) }
    }

    private static func place(_ package: UnpackPlan.Package) throws {
        let reader: ArchiveReader
        do { reader = try ArchiveReader(.tar, isCompressed: false, from: package.deb.dataSource) } catch {
            throw SandboxError.badPackage(package: package.deb.name, reason: "its data can't be read: \(error)")
        }
        for entry in package.entries {
            guard try reader.next() != nil else { throw SystemError("a prepared package changed", EIO) }
            guard let entry else { continue }
            let isPlaced = try entry.place.withCString { path in
                switch entry.kind {
                case .file:
                    if entry.replaces { unlink(path) }
                    return try write(entry, path, reader)
                case .symbolicLink:
                    if entry.replaces { unlink(path) }
                    let isMade = entry.target.withCString { symlink($0, path) } == 0
                    return isMade && lchown(path, entry.owner.user, entry.owner.group) == 0 && setTime(path, entry.time)
                case .hardLink:
                    // The link's own header says owner, mode and time once more, and dpkg sets them once more.
                    if entry.replaces { unlink(path) }
                    return entry.target.withCString { link($0, path) } == 0
                        && lchown(path, entry.owner.user, entry.owner.group) == 0
                        && chmod(path, mode_t(entry.mode)) == 0 && setTime(path, entry.time)
                }
            }
            guard isPlaced else { throw failure(entry.place) }
        }
    }

    private static func write(
        _ entry: UnpackPlan.Entry, _ path: UnsafePointer<CChar>, _ reader: ArchiveReader
    ) throws -> Bool {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        var position = 0
        while let piece = try reader.nextPiece() {
            guard piece.offset == position else { throw SystemError("a file with holes in a package", EINVAL) }
            do { try OpenFile.write(piece.bytes, to: descriptor) } catch {
                errno = error.rawValue
                return false
            }
            position += piece.bytes.count
        }
        // The owner first: a new one takes set-user-id away (chown(2)).
        return fchown(descriptor, entry.owner.user, entry.owner.group) == 0
            && fchmod(descriptor, mode_t(entry.mode)) == 0
            && setTime(path, entry.time)
    }

    /// Of what is there itself, not of what a link leads to.
    private static func setTime(_ path: UnsafePointer<CChar>, _ seconds: Int) -> Bool {
        let time = timespec(tv_sec: seconds, tv_nsec: 0)
        return withUnsafeBytes(of: (time, time)) {
            utimensat(AT_FDCWD, path, $0.assumingMemoryBound(to: timespec.self).baseAddress, AT_SYMLINK_NOFOLLOW) == 0
        }
    }

    private static func failure(_ place: [UInt8]) -> SystemError {
        let reason = errno
        return SystemError("cannot unpack \(String(decoding: place, as: UTF8.self)) in the root", reason)
    }

    // MARK: Records

    /// Puts a package's control files where its preinst finds them.
    static func showControl(of deb: PreparedDeb) throws {
        guard mkdir(controlFolder, 0o755) == 0 else {
            throw SystemError("cannot create \(controlFolder) in the root", errno)
        }
        for file in try PackageControl(deb).files { try write(file, to: "\(controlFolder)/\(file.name)") }
    }

    private static func write(_ file: PackageControl.File, to path: String) throws {
        let bytes = Array(path.utf8)
        let isWritten = bytes.withCString { (name) -> Bool in
            let descriptor = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
            guard descriptor >= 0 else { return false }
            defer { close(descriptor) }
            do throws(Errno) { try OpenFile.write(file.bytes, to: descriptor) } catch {
                errno = error.rawValue
                return false
            }
            return fchmod(descriptor, mode_t(file.mode)) == 0 && setTime(name, file.time)
        }
        guard isWritten else { throw failure(bytes) }
    }

    private func writeRecords(of package: UnpackPlan.Package) throws {
        let name = "\(Self.database)/info/\(package.control.recordName)"
        let list = package.names.reduce(into: [UInt8]()) { $0 += $1 + [10] }
        try Self.write(.init(name: "list", bytes: list, mode: 0o644, time: time(nil)), to: "\(name).list")
        for file in package.control.files where file.name != "control" {
            try Self.write(file, to: "\(name).\(file.name)")
        }
    }

    /// What dpkg's status has of a package that is unpacked (deb-control(5), dpkg-query(1)).
    private static func record(of control: PackageControl) -> [UInt8] {
        let fields = control["control"] ?? []
        let first = (fields.firstIndex(of: 10) ?? fields.count - 1) + 1
        let last = (fields.lastIndex { $0 != 10 } ?? -1) + 1
        var record = fields[..<first] + Array("Status: install ok unpacked\n".utf8) + fields[first..<max(first, last)]
        if record.last != 10 { record.append(10) }
        let configuration = control.configurationFiles
        if !configuration.isEmpty {
            // Not the hash: what is there to be compared is known when it is configured.
            record += Array("Conffiles:\n".utf8)
            for path in configuration { record += Array(" \(path) newconffile\n".utf8) }
        }
        return Array(record) + [10]
    }

    /// What dpkg is told that was activated (deb-triggers(5)): it takes it in when it runs next.
    /// - Returns: Whether anybody hears of it but the C library, whose ldconfig does the same whenever it runs.
    private func activateTriggers() throws -> Bool {
        var lines: [[UInt8]] = []
        var seen = Set<[UInt8]>()
        func activate(_ trigger: [UInt8]) { if seen.insert(trigger).inserted { lines.append(trigger) } }
        for package in plan.packages {
            for trigger in package.control.activated { activate(Array(trigger.utf8)) }
            guard !root.interests.isEmpty else { continue }
            for name in package.names {
                // The folders above it are entries, too (`UnpackPlan`).
                if root.interests.contains(name) { activate(name) }
            }
        }
        // `TRIGGER -`: nobody waits for it.
        try append(lines.reduce(into: [UInt8]()) { $0 += $1 + Array(" -\n".utf8) }, to: "triggers/Unincorp")
        return lines.contains { root.listeners(of: $0).contains { $0 != "libc-bin" } }
    }

    private func append(_ bytes: [UInt8], to file: String) throws {
        if bytes.isEmpty { return }
        let path = "\(Self.database)/\(file)"
        let descriptor = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw SystemError("cannot write \(path) in the root", errno) }
        defer { close(descriptor) }
        do { try OpenFile.write(bytes, to: descriptor) } catch {
            throw SystemError("cannot write \(path) in the root", error.rawValue)
        }
    }
}
