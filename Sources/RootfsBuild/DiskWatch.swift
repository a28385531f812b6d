import CLinux
import Glibc
import Host
import Synchronization

/// Watches whether the places that a build writes to are ever full: a maintainer script that ignores that its program
/// couldn't write leaves another tree, and says nothing.
public final class DiskWatch: Sendable {
    /// Less than this is full: bytes, and files.
    private static let (least, leastFiles) = (2 << 20, UInt64(16))
    /// Microseconds between two looks, and looks between two tries to write.
    private static let (pause, tries) = (UInt32(10_000), 5)

    private struct State {
        var shortage: SystemError?
        var isOver = false
    }

    private let places: [String]
    private let isPrivileged: Bool
    private let advice: String
    private let state = Mutex(State())

    /// - Parameters:
    ///   - places: Folders.
    ///   - isPrivileged: Whether the file systems' reserves may be used (root of the host).
    ///   - advice: What is said besides of a place that was full.
    public init(_ places: [String], isPrivileged: Bool, advice: String = "") {
        (self.places, self.isPrivileged, self.advice) = (places, isPrivileged, advice)
    }

    /// Begins to watch, on a thread of its own.
    public func start() throws {
        let status = startThread { [self] in
            let probes = places.map(Probe.init)
            var round = 0
            while !state.withLock({ $0.isOver || $0.shortage != nil }) {
                look()
                if round % Self.tries == 0 {
                    for (place, probe) in zip(places, probes) {
                        if let reason = probe.failure() { note(SystemError("cannot write in \(place)", reason)) }
                    }
                }
                round += 1
                usleep(Self.pause)
            }
        }
        guard status == 0 else { throw SystemError("cannot start a thread", status) }
    }

    /// Looks once more and ends.
    /// - Returns: What was short, if something ever was.
    public func stop() -> SystemError? {
        look()
        return state.withLock { state in
            state.isOver = true
            return state.shortage
        }
    }

    /// Bytes that can still be written in a folder; nil where nobody knows.
    public static func free(_ folder: String, isPrivileged: Bool) -> Int? {
        var status = statvfs()
        guard statvfs(folder, &status) == 0 else { return nil }
        let blocks = isPrivileged ? status.f_bfree : status.f_bavail
        return Int(clamping: blocks.multipliedReportingOverflow(by: UInt(status.f_frsize)).partialValue)
    }

    private func look() {
        for place in places {
            var status = statvfs()
            guard statvfs(place, &status) == 0 else { continue }
            if let free = Self.free(place, isPrivileged: isPrivileged), status.f_blocks > 0, free < Self.least {
                note(SystemError("the file system of \(place) was full while the image was built\(advice)", ENOSPC))
            } else if status.f_files > 0, UInt64(status.f_ffree) < Self.leastFiles {
                note(SystemError("the file system of \(place) had no room for files while the image was built", ENOSPC))
            }
        }
    }

    private func note(_ shortage: SystemError) {
        state.withLock { if $0.shortage == nil { $0.shortage = shortage } }
    }

    /// Tries to write: a quota isn't seen otherwise.
    private final class Probe {
        private var descriptor: CInt

        init(_ folder: String) { descriptor = folder.withPath { rtv_open_unnamed($0, 0o600) } }

        deinit { if descriptor >= 0 { close(descriptor) } }

        /// Why a mebibyte can't be written: ENOSPC or EDQUOT; nil where it can, or where it can't be told.
        func failure() -> CInt? {
            guard descriptor >= 0 else { return nil }
            let reason = rtv_allocate(descriptor, 1 << 20)
            ftruncate(descriptor, 0)
            return reason == ENOSPC || reason == EDQUOT ? reason : nil
        }
    }
}
