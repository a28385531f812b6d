import Glibc
import Host
import Reporting
import Subprocess
import SystemPackage

/// An image that can't be examined: what is wrong with it, or how the child that read it ended.
public struct ExaminationError: Error, CustomStringConvertible {
    public let description: String
}

/// The builder's side: starts the confined child and takes its answer.
public enum ExaminationProcess {
    /// Answers are lists of differences; 20,000 of them with their diffs stay far below it.
    private static let answerLimit = 512 << 20

    /// - Parameter extracted: A folder for pairs of files that another program is to compare.
    public static func compare(
        _ a: String, _ b: String, options: ImageComparer.Options, extracted: String? = nil
    ) async throws -> ComparisonReport {
        guard
            case .comparison(let report) = try await answer(
                to: .compare(a: a, b: b, options: options), extracted: extracted)
        else {
            throw ExaminationError(description: "the reader of images answered something else")
        }
        return report
    }

    public static func inspect(_ image: String, sourceDateEpoch: Int?) async throws -> InspectionReport {
        guard
            case .inspection(let report) = try await answer(
                to: .inspect(image: image, sourceDateEpoch: sourceDateEpoch))
        else { throw ExaminationError(description: "the reader of images answered something else") }
        return report
    }

    public static func audit(_ image: String, options: ImageAudit.Options) async throws -> AuditReport {
        guard case .audit(let report) = try await answer(to: .audit(image: image, options: options)) else {
            throw ExaminationError(description: "the reader of images answered something else")
        }
        return report
    }

    /// What an image says of its own making.
    public static func contents(of image: String) async throws -> ImageContents {
        guard case .contents(let contents) = try await answer(to: .contents(image: image)) else {
            throw ExaminationError(description: "the reader of images answered something else")
        }
        return contents
    }

    static func answer(to request: ExaminationRequest, extracted: String? = nil) async throws -> ExaminationAnswer {
        let input = try JSONText.line(request)
        let result = try await run(
            .path(FilePath(OwnProgram.link)),
            arguments: Arguments(([Examiner.commandName] + (extracted.map { [$0] } ?? [])).map(\.pathArgument)),
            environment: .custom(["TMPDIR=\(temporaryDirectory)".pathArgument]),
            input: .array(input), output: .bytes(limit: answerLimit), error: .string(limit: 1 << 16))
        guard case .exited(0) = result.terminationStatus,
            let answer = try? JSONText.decode(ExaminationAnswer.self, from: result.standardOutput)
        else {
            let words = result.standardError.split(separator: "\n").first.map { ": \($0)" } ?? ""
            throw ExaminationError(
                description: "the process that reads images ended with \(result.terminationStatus)\(words): "
                    + "the image is damaged or made to do harm, or larger than the reader's limits")
        }
        if case .failed(let reason) = answer { throw ExaminationError(description: reason) }
        return answer
    }
}
