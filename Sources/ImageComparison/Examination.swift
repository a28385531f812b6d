import FileTree
import Glibc
import Host
import Sandbox

/// What the confined reader of images is asked, as JSON on its standard input.
enum ExaminationRequest: Codable, Sendable {
    case compare(a: String, b: String, options: ImageComparer.Options)
    case inspect(image: String, sourceDateEpoch: Int?)
    case audit(image: String, options: ImageAudit.Options)
    case contents(image: String)

    /// What is read.
    var paths: [String] {
        switch self {
        case .compare(let a, let b, _): [a, b]
        case .inspect(let image, _), .audit(let image, _), .contents(let image): [image]
        }
    }
}

/// Images looked at by a confined child (`ConfinedReader`). Each throws `ConfinedReadError` for what can't be read.
public enum Examination {
    /// - Parameter extracted: A folder for pairs of files that another program is to compare.
    public static func compare(
        _ a: String, _ b: String, options: ImageComparer.Options, extracted: String? = nil
    ) async throws -> ComparisonReport {
        try await ConfinedReader.answer(
            to: ExaminationRequest.compare(a: a, b: b, options: options), words: extracted.map { [$0] } ?? [])
    }

    /// - Parameter sourceDateEpoch: The time that no entry should be later than; nil for the image's own.
    public static func inspect(_ image: String, sourceDateEpoch: Int?) async throws -> InspectionReport {
        try await ConfinedReader.answer(
            to: ExaminationRequest.inspect(image: image, sourceDateEpoch: sourceDateEpoch))
    }

    /// What must not be in an image.
    public static func audit(_ image: String, options: ImageAudit.Options) async throws -> AuditReport {
        try await ConfinedReader.answer(to: ExaminationRequest.audit(image: image, options: options))
    }

    /// What an image says of its own making.
    public static func contents(of image: String) async throws -> ImageContents {
        try await ConfinedReader.answer(to: ExaminationRequest.contents(image: image))
    }
}

/// The child's side.
public enum ExaminationProcess {
    /// - Parameter extracted: A folder for pairs of files that another program is to compare.
    public static func run(extracted: String?) -> Int32 {
        let request: ExaminationRequest
        do {
            request = try JSONText.decode(ExaminationRequest.self, from: try OpenFile.readToEnd(STDIN_FILENO))
            try SpoolFiles.open(request.paths.count(where: isArchive), in: temporaryDirectory, pairs: extracted)
            try ConfinedReader.confine()
        } catch { return ConfinedReader.write(ConfinedAnswer<String>.failed("\(error)")) }
        return switch request {
        case .compare(let a, let b, let options): answer { try ImageComparer(options: options).compare(a, b) }
        case .inspect(let image, let epoch): answer { try ImageInspection().inspect(image, sourceDateEpoch: epoch) }
        case .audit(let image, let options): answer { try ImageAudit(options: options).audit(image) }
        case .contents(let image): answer { try ContentsReader().read(image) }
        }
    }

    private static func answer<Report>(_ read: () throws -> Report) -> Int32
    where Report: Codable & Sendable {
        do { return ConfinedReader.write(.report(try read())) } catch {
            return ConfinedReader.write(ConfinedAnswer<Report>.failed("\(error)"))
        }
    }

    /// Whether what lies at a path is neither an image nor a folder.
    private static func isArchive(_ path: String) -> Bool {
        var status = stat()
        guard stat(path, &status) == 0, status.st_mode & S_IFMT != S_IFDIR else { return false }
        let descriptor = RegularFile.open(path)
        guard descriptor >= 0 else { return true }
        defer { close(descriptor) }
        return (try? OpenFile.bytes(descriptor, count: 4)) != Array("hsqs".utf8)
    }
}
