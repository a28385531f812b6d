import ArgumentParser
import CSandbox
import Glibc
import Host
import ImageBuild
import PackageResolution

/// Runs a command's body and turns what it throws into the message and exit status that the design promises.
func exiting(_ display: ProgressDisplay, _ body: () async throws -> Void) async throws {
    do {
        try await body()
        display.finish()
    } catch let exit as ExitCode {
        display.finish()
        throw exit
    } catch let error as ValidationError {
        display.finish()
        throw error
    } catch {
        display.finish()
        printError("rtverify: \(error)")
        throw ExitCode(status(of: error))
    }
}

/// 1 when it was decided that something differs; 130 and 143 after Ctrl-C and SIGTERM, as shells report them; else 2.
private func status(of error: any Error) -> Int32 {
    switch error {
    case let error as ResolutionError: error.isDecided ? 1 : 2
    case let error as BuildError: error.exitStatus
    case let error as Interrupted: 128 + error.signal
    case let error as any DecidedError: error.isDecided ? 1 : 2
    default: 2
    }
}

/// An error that may be an answer: no.
protocol DecidedError: Error, CustomStringConvertible {
    var isDecided: Bool { get }
}

/// Lines on standard output, with paths as the bytes that they are.
func printLine(_ line: some CustomStringConvertible) {
    let bytes = "\(line)\n".pathBytes
    // A pipe's reader may be slow, and nothing of it is on the terminal.
    guard StandardOutput.isTerminal else {
        rtv_write_output(bytes, bytes.count)
        return
    }
    ProgressDisplay.giveWay { rtv_write_output(bytes, bytes.count) }
}

/// Lines on standard error. They may tell of what strangers wrote.
func printError(_ line: String) {
    var line = TerminalText.safeLines(line, longest: 4096)
    for (word, style) in [("rtverify:", TerminalStyle.errors.alarm), ("note:", TerminalStyle.errors.warning)]
    where line.hasPrefix(word) {
        line = style(word) + line.dropFirst(word.count)
    }
    ProgressDisplay.giveWay {
        _ = (line + "\n").utf8CString.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count - 1) }
    }
}
