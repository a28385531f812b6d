import Glibc
import Host
import Sandbox
import Subprocess
import SystemPackage

/// What diffoscope says of pairs of files that are no texts: archives, ELF, byte code.
///
/// It parses what strangers made, outside of the confined child; so it is asked only where the user asks for it.
public enum DeepComparison {
    private static let lineLimit = 200

    /// Compares, and adds what diffoscope says to the differences' details.
    /// - Throws: `ConfinedReadError` where diffoscope isn't installed.
    public static func compare(_ a: String, _ b: String, options: ImageComparer.Options) async throws
        -> ComparisonReport
    {
        let folder: TemporaryFolder
        do { folder = try TemporaryFolder() } catch let error as SystemError {
            throw ConfinedReadError(description: "no folder for extracted files: \(error.reason)")
        }
        defer { folder.remove() }
        var options = options
        options.deep = true
        let outcome: Result<ComparisonReport, any Error>
        do {
            outcome = .success(
                try await explained(
                    try await Examination.compare(a, b, options: options, extracted: folder.path), folder.path))
        } catch {
            outcome = .failure(error)
        }
        return try outcome.get()
    }

    private static func explained(_ report: ComparisonReport, _ folder: String) async throws -> ComparisonReport {
        var report = report
        for index in report.differences.indices {
            guard let pair = report.differences[index].extracted else { continue }
            report.differences[index].extracted = nil
            let arguments = ["--text", "-", "--no-progress", "\(folder)/\(pair).a", "\(folder)/\(pair).b"]
            do {
                let answer = try await run(
                    .name("timeout"), arguments: Arguments((["300", "diffoscope"] + arguments).map(\.pathArgument)),
                    output: .string(limit: 16 << 20), error: .discarded)
                guard case .exited(let status) = answer.terminationStatus, status != 127 else {
                    throw ConfinedReadError(
                        description: "--deep takes diffoscope, which isn't installed (apt-get install diffoscope)")
                }
                let lines = answer.standardOutput.split(separator: "\n").dropFirst(2).map {
                    TerminalText.report($0.utf8)
                }
                if !lines.isEmpty { report.differences[index].detail.append("diffoscope says:") }
                report.differences[index].detail += lines.prefix(lineLimit)
                if lines.count > lineLimit { report.differences[index].detail.append("… more") }
            }
        }
        return report
    }
}
