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
        /// Whether something else is being printed: nothing is drawn meanwhile.
        var phases = 0
        var received = 0
        var isFinished = false
        /// Whether the terminal is another's until the next phase.
        var hasLeft = false
    }

    private let level: Level
    private let style: TerminalStyle
    private let width: @Sendable () -> Int
    private let write: @Sendable (String) -> Void
    private let started = ContinuousClock.now
    private let state = Mutex(State())

    /// On standard error. On a terminal its line goes on by itself, at the terminal's width of that moment.
    public convenience init(level: Level) {
        self.init(level: level, style: .errors, width: { TerminalStyle.width(STDERR_FILENO) }) { text in
            // A closed standard error must not end the work that it tells of.
            _ = text.utf8CString.withUnsafeBytes { Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count - 1) }
        }
        guard style.canRedraw, level >= .normal else { return }
        Self.shown.withLock { $0 = self }
        Task { [weak self] in
            while await self?.goOn() == true { try? await Task.sleep(for: .milliseconds(250)) }
        }
    }

    /// - Parameters:
    ///   - style: Whether a line can be drawn again (ECMA-48), and in colours.
    ///   - width: The terminal's columns at this moment.
    ///   - write: Gets what is shown, in pieces.
    package init(
        level: Level, style: TerminalStyle, width: @escaping @Sendable () -> Int,
        write: @escaping @Sendable (String) -> Void
    ) {
        (self.level, self.style, self.width, self.write) = (level, style, width, write)
    }

    /// Takes an event from any thread.
    public func report(_ event: BuildEvent) {
        state.withLock { state in
            switch event {
            case .phase(let name, let total, let unit):
                finishPhase(&state)
                state.phase = ProgressLine(name: TerminalText.safe(name), total: total, unit: unit)
                (state.isFinished, state.hasLeft) = (false, false)
                draw(&state)
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

    /// Ends the last phase; of several, says how long they took together.
    public func finish() {
        state.withLock { state in
            finishPhase(&state)
            guard !state.isFinished else { return }
            state.isFinished = true
            guard level >= .normal, state.phases > 1 else { return }
            let bytes = state.received > 0 ? "\(readableByteCount(state.received)) fetched, " : ""
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

    /// Draws the line again, with the time that has passed.
    /// - Returns: Whether there will be more of it.
    private func goOn() -> Bool {
        state.withLock { state in
            if state.drawn.duration(to: .now) > .milliseconds(200) { draw(&state) }
            return !state.isFinished
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
