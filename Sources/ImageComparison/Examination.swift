import CSandbox
import FileTree
import Glibc
import Host
import Reporting

/// What the confined child is asked, as JSON on its standard input.
public enum ExaminationRequest: Codable, Sendable {
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

/// What it answers, as JSON on its standard output.
public enum ExaminationAnswer: Codable, Sendable {
    case comparison(ComparisonReport)
    case inspection(InspectionReport)
    case audit(AuditReport)
    case contents(ImageContents)
    /// What can't be read, and why.
    case failed(String)
}

/// The child's side: it gives up every right that reading doesn't need, and then reads what strangers made.
public enum Examiner {
    /// The argument that makes this program the child.
    public static let commandName = "examine"
    /// Bytes of memory and seconds of processor time: many times what honest images take.
    public static let (memoryLimit, timeLimit) = (UInt64(1) << 30, UInt64(120))

    /// - Parameter extracted: A folder for pairs of files that another program is to compare.
    public static func run(extracted: String?) -> Int32 {
        let answer: ExaminationAnswer
        do {
            let request = try JSONText.decode(
                ExaminationRequest.self, from: try OpenFile.readToEnd(STDIN_FILENO))
            endWithParent()
            try SpoolFiles.open(
                request.paths.count(where: isArchive), in: temporaryDirectory,
                pairs: extracted)
            guard rtv_confine(memoryLimit, timeLimit) == 0 else {
                throw TreeReadError(
                    path: "anything", reason: "this kernel has no seccomp: \(String(cString: strerror(errno)))")
            }
            answer = try self.answer(request)
        } catch {
            answer = .failed("\(error)")
        }
        guard let line = try? JSONText.line(answer) else { return 2 }
        do { try OpenFile.write(line, to: STDOUT_FILENO) } catch { return 2 }
        return 0
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

    /// Ends this process within a second of its parent. (The kernel's own signal for it, PR_SET_PDEATHSIG, comes when
    /// the thread ends that started this process, and the parent's threads come and go.)
    private static func endWithParent() {
        let parent = getppid()
        _ = startThread {
            while getppid() == parent { usleep(500_000) }
            _exit(3)
        }
    }

    private static func answer(_ request: ExaminationRequest) throws -> ExaminationAnswer {
        switch request {
        case .compare(let a, let b, let options):
            return .comparison(try ImageComparer(options: options).compare(a, b))
        case .inspect(let image, let epoch):
            return .inspection(try ImageInspection().inspect(image, sourceDateEpoch: epoch))
        case .audit(let image, let options):
            return .audit(try ImageAudit(options: options).audit(image))
        case .contents(let image):
            return .contents(try ContentsReader().read(image))
        }
    }
}
