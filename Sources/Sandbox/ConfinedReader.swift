import CSandbox
import Glibc
import Host
import Subprocess
import SystemPackage

/// What the confined reader answers, as JSON on its standard output.
public enum ConfinedAnswer<Report: Codable & Sendable>: Codable, Sendable {
    case report(Report)
    /// What can't be read, and why.
    case failed(String)
}

/// Something that can't be read: what is wrong with it, or how the child that read it ended.
public struct ConfinedReadError: Error, CustomStringConvertible {
    /// For people.
    public let description: String

    /// - Parameter description: For people.
    public init(description: String) { self.description = description }
}

/// A child of this program that gives up every right that reading doesn't need, and then reads what strangers made: that can
/// crash it, and nothing else. It gets a request and gives a report; its parent only shows it.
public enum ConfinedReader {
    /// Bytes of memory and seconds of processor time: many times what honest images take.
    public static let (memoryLimit, timeLimit) = (UInt64(1) << 30, UInt64(120))
    /// Bytes of an answer: 20,000 differences with their texts stay far below it.
    private static let answerLimit = 512 << 20

    /// Starts the child and takes its answer.
    /// - Parameters:
    ///   - request: JSON on its standard input.
    ///   - words: Arguments.
    /// - Throws: `ConfinedReadError`.
    public static func answer<Report: Codable & Sendable>(
        to request: some Encodable, words: [String] = []
    ) async throws -> Report {
        let input = try JSONText.line(request)
        let result = try await run(
            .path(FilePath(OwnProgram.link)),
            arguments: Arguments(([HiddenCommand.examine.rawValue] + words).map(\.pathArgument)),
            environment: .custom(["TMPDIR=\(temporaryDirectory)".pathArgument]),
            input: .array(input), output: .bytes(limit: answerLimit), error: .string(limit: 1 << 16))
        guard case .exited(0) = result.terminationStatus,
            let answer = try? JSONText.decode(ConfinedAnswer<Report>.self, from: result.standardOutput)
        else {
            let words = result.standardError.split(separator: "\n").first.map { ": \($0)" } ?? ""
            throw ConfinedReadError(
                description: "the process that reads images ended with \(result.terminationStatus)\(words): "
                    + "the image is damaged or made to do harm, or larger than the reader's limits")
        }
        switch answer {
        case .report(let report): return report
        case .failed(let reason): throw ConfinedReadError(description: reason)
        }
    }

    /// The child's side: gives everything up but reading.
    /// - Throws: `SystemError` where the kernel can't.
    public static func confine() throws {
        endWithParent()
        guard rtv_confine(memoryLimit, timeLimit) == 0 else {
            throw SystemError("cannot confine the reader of images, as where the kernel has no seccomp", errno)
        }
    }

    /// The child's side: its answer, on standard output.
    /// - Returns: Its exit status.
    public static func write<Report>(_ answer: ConfinedAnswer<Report>) -> Int32 {
        guard let line = try? JSONText.line(answer) else { return 2 }
        do { try OpenFile.write(line, to: STDOUT_FILENO) } catch { return 2 }
        return 0
    }

    /// Ends this process within a second of its parent. (The kernel's own signal for it, PR_SET_PDEATHSIG, comes when
    /// the thread ends that started this process, and the parent's threads come and go.)
    private static func endWithParent() {
        let parent = getppid()
        _ = startThread {
            while getppid() == parent { usleep(500_000) }
            _exit(3)
        }
    }
}
