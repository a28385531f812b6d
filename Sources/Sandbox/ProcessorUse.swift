import Glibc
import Host

/// What the processes of a sandbox have used of the machine's processors.
public enum ProcessorUse {
    /// The name of the packer's process.
    private static let packer = "tar2sqfs"

    /// Seconds so far, of all processes that live here and of those that they waited for (proc(5), /proc/PID/stat). Orphans are
    /// the first process's, so that none is lost.
    public static func ofSandbox() -> TimelineSpan.Processors {
        var used = TimelineSpan.Processors()
        let tick = Double(sysconf(CInt(_SC_CLK_TCK)))
        for name in (try? Folder.byteNames(in: Array("/proc".utf8))) ?? [] {
            guard let process = Int(String(decoding: name, as: UTF8.self)),
                let line = try? SmallFile.text("/proc/\(process)/stat"), let end = line.lastIndex(of: ")")
            else { continue }
            // From the state on, which is the third field.
            let fields = line[line.index(after: end)...].split(separator: " ")
            guard fields.count > 14 else { continue }
            func seconds(_ field: Int) -> Double { (Double(fields[field - 3]) ?? 0) / tick }
            let (itself, waitedFor) = (seconds(14) + seconds(15), seconds(16) + seconds(17))
            if process == getpid() {
                used.own += itself
                used.programs += waitedFor
            } else if line[..<end].hasSuffix("(\(packer)") {
                used.packer += itself + waitedFor
            } else {
                used.programs += itself + waitedFor
            }
        }
        return used
    }
}

extension TimelineSpan {
    /// Runs a part of a sandbox's work and tells what it took, whether it ended well or not.
    public static func inSandbox<Value>(
        _ name: String, _ events: EventSink, _ body: () async throws -> Value
    ) async rethrows -> Value {
        try await measure(name, used: ProcessorUse.ofSandbox, report: { events(.span($0)) }, body)
    }
}
