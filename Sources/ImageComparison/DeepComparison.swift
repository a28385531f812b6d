import ContentHash
import Glibc
import Reporting
import Subprocess
import SystemPackage

/// What diffoscope says of pairs of files that are no texts: archives, ELF, byte code.
///
/// It parses what strangers made, outside of the confined child; so it is asked only where the user asks for it.
public enum DeepComparison {
    private static let (fileLimit, lineLimit) = (20, 200)

    /// Names for the two files of a path in a folder.
    static func names(for path: String) -> (a: String, b: String) {
        let name = Digest.of(Array(path.utf8)).hex
        return ("\(name).a", "\(name).b")
    }

    /// Compares, and adds what diffoscope says to the differences' details.
    /// - Throws: `ExaminationError` where diffoscope isn't installed.
    public static func compare(_ a: String, _ b: String, options: ImageComparer.Options) async throws
        -> ComparisonReport
    {
        var template = Array("\(getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp")/rtverify-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else {
            throw ExaminationError(description: "no folder for extracted files: \(String(cString: strerror(errno)))")
        }
        let folder = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
        var options = options
        options.extracted = folder
        let outcome: Result<ComparisonReport, any Error>
        do {
            outcome = .success(
                try await explained(try await ExaminationProcess.compare(a, b, options: options), folder))
        } catch {
            outcome = .failure(error)
        }
        _ = try? await run(.name("rm"), arguments: ["-rf", folder], output: .discarded, error: .discarded)
        return try outcome.get()
    }

    private static func explained(_ report: ComparisonReport, _ folder: String) async throws -> ComparisonReport {
        var report = report
        var asked = 0
        for index in report.differences.indices where report.differences[index].kind == .content && asked < fileLimit {
            let names = Self.names(for: report.differences[index].path)
            guard access("\(folder)/\(names.a)", F_OK) == 0 else { continue }
            asked += 1
            let arguments = ["--text", "-", "--no-progress", "\(folder)/\(names.a)", "\(folder)/\(names.b)"]
            do {
                let answer = try await run(
                    .name("timeout"), arguments: Arguments(["300", "diffoscope"] + arguments),
                    output: .string(limit: 16 << 20), error: .discarded)
                guard case .exited(let status) = answer.terminationStatus, status != 127 else {
                    throw ExaminationError(
                        description: "--deep takes diffoscope, which isn't installed (apt-get install diffoscope)")
                }
                let lines = (answer.standardOutput ?? "").split(separator: "\n").dropFirst(2).map {
                    readableText(Array($0.utf8))
                }
                if !lines.isEmpty { report.differences[index].detail.append("diffoscope says:") }
                report.differences[index].detail += lines.prefix(lineLimit)
                if lines.count > lineLimit { report.differences[index].detail.append("… more") }
            }
        }
        return report
    }
}
