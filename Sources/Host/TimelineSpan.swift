import Glibc

/// A part of a long piece of work: when it ran, and how many processors it kept at work.
public struct TimelineSpan: Codable, Equatable, Sendable {
    /// Seconds of processors, as the kernel counts them: in hundredths.
    public struct Processors: Codable, Equatable, Sendable {
        /// This program's own process: decompression, hashes, the walk through a tree.
        public var own: Double
        /// The packer's.
        public var packer: Double
        /// Of all others: the image's programs, and what unpacks its packages.
        public var programs: Double

        /// All of them.
        public var all: Double { own + packer + programs }

        /// Nothing, unless it is said.
        public init(own: Double = 0, packer: Double = 0, programs: Double = 0) {
            (self.own, self.packer, self.programs) = (own, packer, programs)
        }

        /// This process's since it began (clock_getres(2), CLOCK_PROCESS_CPUTIME_ID).
        public static var ofThisProcess: Self { Self(own: TimelineSpan.clock(CLOCK_PROCESS_CPUTIME_ID)) }
    }

    /// What was done.
    public var name: String
    /// Seconds of the machine's own clock (CLOCK_MONOTONIC), which all processes share.
    public var start: Double
    /// How long it took.
    public var seconds: Double
    /// What they worked meanwhile.
    public var processors: Processors

    /// - Parameters:
    ///   - start: Of CLOCK_MONOTONIC, as `end` is.
    ///   - before: What processors had worked by the start.
    ///   - after: And by the end.
    public init(_ name: String, from start: Double, to end: Double, _ before: Processors, _ after: Processors) {
        (self.name, self.start, seconds) = (name, start, end - start)
        // A process that has ended is counted with the one that waited for it.
        let all = max(0, after.all - before.all)
        let own = min(max(0, after.own - before.own), all)
        // The packer ends when nothing else runs.
        let packer = after.packer < before.packer ? all - own : after.packer - before.packer
        processors = Processors(own: own, packer: packer, programs: max(0, all - own - packer))
    }

    /// Runs a part and says what it took.
    /// - Parameters:
    ///   - used: What processors have worked so far.
    ///   - report: Gets the span, also of a part that failed.
    public static func measure<Value>(
        _ name: String, used: () -> Processors, report: (TimelineSpan) -> Void, _ body: () async throws -> Value
    ) async rethrows -> Value {
        let (start, before) = (now, used())
        defer { report(TimelineSpan(name, from: start, to: now, before, used())) }
        return try await body()
    }

    /// Seconds of CLOCK_MONOTONIC.
    public static var now: Double { clock(CLOCK_MONOTONIC) }

    private static func clock(_ id: clockid_t) -> Double {
        var time = timespec()
        clock_gettime(id, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}
