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
        var phase: String?
        var total = 0
        var done = 0
        var started = ContinuousClock.now
        var drawn = ContinuousClock.now
        var lineOpen = false
    }

    private let level: Level
    private let isTerminal: Bool
    private let write: @Sendable (String) -> Void
    private let state = Mutex(State())

    /// On standard error.
    public convenience init(level: Level) {
        self.init(level: level, isTerminal: isatty(STDERR_FILENO) == 1) { text in
            // A closed standard error must not end the work that it tells of.
            _ = text.utf8CString.withUnsafeBytes { Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count - 1) }
        }
    }

    /// - Parameters:
    ///   - isTerminal: Whether a line can be drawn again (ECMA-48).
    ///   - write: Gets what is shown, in pieces.
    package init(level: Level, isTerminal: Bool, write: @escaping @Sendable (String) -> Void) {
        (self.level, self.isTerminal, self.write) = (level, isTerminal, write)
    }

    /// Takes an event from any thread.
    public func report(_ event: BuildEvent) {
        state.withLock { state in
            switch event {
            case .phase(let name, let total):
                finishPhase(&state)
                state = State(phase: TerminalText.safe(name), total: total, drawn: .now - .seconds(1))
                draw(&state)
            case .progress(let done):
                state.done = done
                if state.drawn.duration(to: .now) > .milliseconds(100) { draw(&state) }
            case .note(let line):
                if level >= .normal { show(TerminalText.safeLines(line), &state) }
            case .wrote, .tree, .clock, .span: break
            case .detail(let line):
                if level == .verbose { show(TerminalText.safeLines(line), &state) }
            }
        }
    }

    /// Ends the last phase.
    public func finish() { state.withLock { finishPhase(&$0) } }

    private func show(_ line: String, _ state: inout State) {
        clearLine(&state)
        emit(line + "\n")
    }

    private func draw(_ state: inout State) {
        guard isTerminal, level >= .normal, let phase = state.phase else { return }
        state.drawn = .now
        let amount = state.total > 0 ? " \(min(100, state.done * 100 / state.total)) %" : ""
        emit("\r\u{1b}[K\(phase)…\(amount)  \(seconds(since: state.started)) s")
        state.lineOpen = true
    }

    private func finishPhase(_ state: inout State) {
        guard let phase = state.phase else { return }
        clearLine(&state)
        if level >= .normal { emit("\(phase): \(seconds(since: state.started)) s\n") }
        state.phase = nil
    }

    private func clearLine(_ state: inout State) {
        if state.lineOpen { emit("\r\u{1b}[K") }
        state.lineOpen = false
    }

    private func emit(_ text: String) { write(text) }

    private func seconds(since start: ContinuousClock.Instant) -> String {
        let tenths = Int(start.duration(to: .now) / .milliseconds(100))
        return "\(tenths / 10).\(tenths % 10)"
    }
}
