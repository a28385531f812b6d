import Host
import Synchronization

/// What ran when in a build, and on how many processors, as text.
final class BuildTimeline: Sendable {
    private let began = TimelineSpan.now
    private let spans = Mutex<[TimelineSpan]>([])
    /// Seconds: parts of less are not shown.
    private static let least = 0.3

    func add(_ span: TimelineSpan) { spans.withLock { $0.append(span) } }

    /// Runs a part outside of the sandbox.
    func timed<Value>(_ part: String, _ body: () async throws -> Value) async rethrows -> Value {
        try await TimelineSpan.measure(part, used: { .ofThisProcess }, report: { self.add($0) }, body)
    }

    /// Lines for people: when, how long, processors at work, and which part of them this program, the packer and the image's
    /// programs had.
    func lines() -> [String] {
        let all = spans.withLock { $0 }.sorted { ($0.start, -$0.seconds) < ($1.start, -$1.seconds) }
        guard !all.isEmpty else { return [] }
        func column(_ value: Double, _ width: Int) -> String {
            let tenths = Int((value * 10).rounded())
            let text = "\(tenths / 10).\(tenths % 10)"
            return String(repeating: " ", count: max(0, width - text.count)) + text
        }
        var lines = ["timeline in seconds; processors at work: this program's own, the packer's, all other programs'"]
        lines.append("   from   for  work    own  pack  rest")
        for span in all where span.seconds >= Self.least {
            let used = span.processors
            let shares = [used.all, used.own, used.packer, used.programs].map { $0 / max(span.seconds, 0.01) }
            lines.append(
                column(span.start - began, 7) + column(span.seconds, 6) + column(shares[0], 6) + " ="
                    + column(shares[1], 5) + column(shares[2], 6) + column(shares[3], 6) + "  \(span.name)")
        }
        return lines
    }
}
