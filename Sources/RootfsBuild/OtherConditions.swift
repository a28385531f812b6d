import Glibc
import Host
import InputStore
import RuntimeSpec
import Sandbox
import Synchronization

/// A /proc/cpuinfo that is no machine's here.
enum OtherProcessor {
    static func path(beside root: String) -> String { "\(root).cpuinfo" }

    /// Two small processors of an older kind, with few of today's flags (proc(5)).
    static func write(beside root: String) throws {
        let text = (0..<2).map { number in
            """
            processor\t: \(number)
            vendor_id\t: GenuineIntel
            cpu family\t: 6
            model\t\t: 15
            model name\t: rtverify's other processor
            stepping\t: 11
            cpu MHz\t\t: 1596.000
            cache size\t: 1024 KB
            physical id\t: 0
            siblings\t: 2
            core id\t\t: \(number)
            cpu cores\t: 2
            flags\t\t: fpu tsc msr cx8 cmov mmx fxsr sse sse2 ht syscall nx lm constant_tsc
            bogomips\t: 3192.00


            """
        }.joined()
        try SmallFile.overwrite(path(beside: root), with: text)
    }
}

/// Another date for the programs of a root that use glibc and aren't set-user-id: the date alone, neither files' times nor
/// the monotonic clock (libfaketime's README).
enum OtherClock {
    /// In the root, on its /dev, which no image has.
    private static let (library, setting) = ("/dev/.rtverify-clock.so", "/dev/.rtverify-clock")

    static func folder(beside root: String) -> String { "\(root).clock" }

    static func package(_ clock: BuildJob.Clock) -> Lockfile.Package {
        Lockfile.Package(
            archive: "", name: "libfaketime", version: clock.version, architecture: "amd64",
            file: Lockfile.Input(path: "libfaketime.deb", size: 0, sha256: clock.sha256), stage: 0)
    }

    /// The same whatever the date is: a program may write its environment down.
    static let variables = [
        "LD_PRELOAD=\(library)", "FAKETIME_TIMESTAMP_FILE=\(setting)", "FAKETIME_DONT_FAKE_MONOTONIC=1",
        "NO_FAKE_STAT=1",
    ]

    /// The date that stands still: 2037-06-05 04:03:02 UTC, as the library and as time(2) have it.
    private static let fixed = (text: "2037-06-05 04:03:02", seconds: 2_127_787_382)

    static func show(_ clock: BuildJob.Clock, in root: String) throws {
        let source = "\(folder(beside: root))/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1"
        try HashedFile.copy(source, to: root + library, name: "libfaketime.so.1")
        chmod(root + library, 0o755)
        let text: String
        switch clock.date {
        case .later(let days): text = "+\(days)d\n"
        case .fixed: text = fixed.text + "\n"
        }
        try SmallFile.overwrite(root + setting, with: text)
    }

    /// Whether a program of the root sees the date; nil where it is the host's own.
    /// - Throws: `SandboxError` where the root has no date(1) that runs.
    static func isSeen(_ clock: BuildJob.Clock, by root: Root) async throws -> Bool? {
        let expected: Int
        switch clock.date {
        case .later(0): return nil
        case .later(let days): expected = time(nil) + days * 86_400
        case .fixed: expected = fixed.seconds
        }
        let seen = Mutex(0)
        try await root.run("asking for the date", ["date", "+%s"]) { line in
            if let seconds = Int(line) { seen.withLock { $0 = seconds } }
        }
        return abs(seen.withLock { $0 } - expected) < 3600
    }
}

/// Tells which part of a build wrote a path last.
struct Writers {
    private struct Mark: Equatable {
        var inode: UInt
        var changed: [Int]
        var size: Int
    }

    private let root: String
    private var marks: [String: Mark?] = [:]
    private let events: EventSink

    /// - Parameter paths: In the image, with a slash before each.
    init(root: String, paths: [String], events: @escaping EventSink) {
        (self.root, self.events) = (root, events)
        for path in paths { marks[path] = .some(nil) }
    }

    /// Says of each path that changed since the last look that `part` wrote it.
    mutating func look(after part: String) {
        for (path, old) in marks {
            let mark = mark(of: path)
            if mark != old { events(.wrote(path: path, by: part)) }
            marks[path] = .some(mark)
        }
    }

    private func mark(of path: String) -> Mark? {
        var status = stat()
        guard lstat(root + path, &status) == 0 else { return nil }
        return Mark(
            inode: UInt(status.st_ino), changed: [status.st_ctim.tv_sec, status.st_ctim.tv_nsec],
            size: Int(status.st_size))
    }
}
