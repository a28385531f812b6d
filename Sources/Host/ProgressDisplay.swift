import Glibc
import Synchronization

/// Shows events on standard error: a line that is redrawn on a terminal, a line a phase elsewhere.
public final class ProgressDisplay: Sendable {
    /// How much is shown.
    public enum Level: Int, Comparable, Sendable {
        case quiet, normal, verbose
        /// The quieter first.
        public static func < (a: Level, b: Level) -> Bool { a.rawValue < b.rawValue }
    }

    private struct State {
        var phase: ProgressLine?
        var drawn = ContinuousClock.now
        /// Columns of the line that is on the terminal now; nil where there is none.
        var columns: Int?
        /// What the sum at the end is of: phases that are over, bytes that came, and since when.
        var (phases, received) = (0, 0)
        var started: ContinuousClock.Instant?
        /// Whether the sum was said, and no phase came after it.
        var isFinished = false
        /// Whether the terminal is another's until the next phase.
        var hasLeft = false
        /// Whether a task draws the line again and again.
        var isTicking = false
    }

    private let level: Level
    private let style: TerminalStyle
    private let tick: Duration?
    private let width: @Sendable () -> Int
    private let write: @Sendable (String) -> Void
    private let state = Mutex(State())

    /// On standard error. On a terminal its line goes on by itself, at the terminal's width of that moment.
    public convenience init(level: Level) {
        self.init(
            level: level, style: .errors, tick: .milliseconds(250), width: { TerminalStyle.width(STDERR_FILENO) }
        ) { text in
            // A closed standard error must not end the work that it tells of.
            _ = text.utf8CString.withUnsafeBytes { Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count - 1) }
        }
    }

    /// - Parameters:
    ///   - style: Whether a line can be drawn again (ECMA-48), and in colours.
    ///   - tick: How often the line is drawn again where nothing happens; what else is printed then gives way to it. nil for never.
    ///   - width: The terminal's columns at this moment.
    ///   - write: Gets what is shown, in pieces.
    package init(
        level: Level, style: TerminalStyle, tick: Duration? = nil, width: @escaping @Sendable () -> Int,
        write: @escaping @Sendable (String) -> Void
    ) {
        self.level = level
        self.style = style
        self.tick = style.canRedraw && level >= .normal ? tick : nil
        self.width = width
        self.write = write
        if self.tick != nil { Self.shown.withLock { $0 = self } }
    }

    /// Takes an event from any thread.
    public func report(_ event: BuildEvent) {
        state.withLock { state in
            switch event {
            case .phase(let name, let total, let unit):
                finishPhase(&state)
                state.phase = ProgressLine(name: TerminalText.safe(name), total: total, unit: unit)
                (state.isFinished, state.hasLeft) = (false, false)
                state.started = state.started ?? .now
                draw(&state)
                startTicking(&state)
            case .progress(let done):
                state.phase?.done = done
                if state.drawn.duration(to: .now) > .milliseconds(100) { draw(&state) }
            case .note(let line):
                if level >= .normal { show(TerminalText.safeLines(line), &state) }
            case .wrote, .tree, .clock, .span: break
            case .detail(let line):
                if level == .verbose { show(TerminalText.safeLines(line), &state) }
            }
        }
    }

    /// Ends the last phase; of several since the last time, says how long they took together.
    public func finish() {
        state.withLock { state in
            finishPhase(&state)
            let sum = state
            (state.phases, state.received, state.started, state.isFinished) = (0, 0, nil, true)
            guard level >= .normal, sum.phases > 1, let started = sum.started else { return }
            let bytes = sum.received > 0 ? "\(readableByteCount(sum.received)) fetched, " : ""
            write("total: \(bytes)\(ProgressLine.seconds(since: started)) s\n")
        }
    }

    // MARK: - The line

    /// The one whose line is on this process's terminal.
    private static let shown = Mutex<ProgressDisplay?>(nil)

    /// Prints something else on the terminal: the line, where there is one, goes, and comes again after it.
    public static func giveWay<Value>(to print: () -> Value) -> Value {
        guard let display = shown.withLock({ $0 }) else { return print() }
        return display.state.withLock { state in
            display.clearLine(&state)
            return print()
        }
    }

    /// Leaves the terminal to what is printed there and may end in the midst of a line: nothing is drawn before the next phase.
    public static func leaveTerminal() {
        guard let display = shown.withLock({ $0 }) else { return }
        display.state.withLock { state in
            display.clearLine(&state)
            state.hasLeft = true
        }
    }

    private func startTicking(_ state: inout State) {
        guard let tick, !state.isTicking else { return }
        state.isTicking = true
        Task { [weak self] in
            while self?.goOn(every: tick) == true { try? await Task.sleep(for: tick) }
        }
    }

    /// Draws the line again, with the time that has passed.
    /// - Returns: Whether there will be more of it.
    private func goOn(every tick: Duration) -> Bool {
        state.withLock { state in
            if state.drawn.duration(to: .now) > tick * 0.8 { draw(&state) }
            state.isTicking = !state.isFinished
            return state.isTicking
        }
    }

    private func show(_ line: String, _ state: inout State) {
        clearLine(&state)
        write(line + "\n")
    }

    private func draw(_ state: inout State) {
        guard style.canRedraw, level >= .normal, !state.hasLeft, let phase = state.phase else { return }
        clearLine(&state)
        let line = phase.shown(columns: width() - 1)
        state.drawn = .now
        state.columns = line.columns
        write(style.bold(line.name) + line.rest)
    }

    private func finishPhase(_ state: inout State) {
        guard let phase = state.phase else { return }
        clearLine(&state)
        if level >= .normal { write("\(phase.name): \(ProgressLine.seconds(since: phase.started)) s\n") }
        state.phases += 1
        if phase.unit == .received { state.received += phase.done }
        state.phase = nil
    }

    /// A terminal that has become narrower has wrapped the line.
    private func clearLine(_ state: inout State) {
        guard let columns = state.columns else { return }
        let above = max(0, columns - 1) / max(1, width())
        write(above > 0 ? "\r\u{1b}[\(above)A\u{1b}[J" : "\r\u{1b}[K")
        state.columns = nil
    }
}
