import ContentHash
import Host
import Synchronization

/// Runs a program in a machine as a supervisor does: announcement, configuration, requests, halt.
public struct ProgramRun: Sendable {
    /// A volume of the program's, by its place in the machine.
    public struct Volume: Sendable {
        /// A file of this host.
        public var path: String
        /// An absolute path in the machine.
        public var mount: String
        /// Whether the machine writes to it.
        public var isWritable: Bool

        /// - Parameter mount: An absolute path in the machine.
        public init(path: String, mount: String, isWritable: Bool) {
            (self.path, self.mount, self.isWritable) = (path, mount, isWritable)
        }
    }

    /// What is run, and on what.
    public struct Setting: Sendable {
        /// The runtime's image.
        public var image: String
        /// What is run.
        public var program: Program
        /// In order.
        public var volumes: [Volume] = []
        /// The program's variables.
        public var variables: [(name: String, value: String)] = []
        /// A zip archive that is unpacked into /data.
        public var data: [UInt8]?
        /// Lines of root's authorized_keys.
        public var authorizedKeys: [String] = []
        /// MiB.
        public var memory = 512
        /// Whether the machine reaches what this host reaches.
        public var hasNetwork = false
        /// Whether KVM isn't tried.
        public var emulates = false
        /// The item hash that the machine is named by; nil for the code's own.
        public var itemHash: String?
        /// Seconds until the announcement, and then until the program has started.
        public var bootTimeout = 120
        /// Seconds for each request.
        public var timeout = 60

        /// With the defaults for all else.
        public init(image: String, program: Program) { (self.image, self.program) = (image, program) }
    }

    /// What is run.
    public var setting: Setting
    private let events: EventSink

    /// A run of a setting.
    public init(_ setting: Setting, events: @escaping EventSink) { (self.setting, self.events) = (setting, events) }

    /// What the machine is named by: where there is no message, the hash of the code.
    private var itemHash: String {
        let program = setting.program
        return setting.itemHash ?? Digest.of(program.code.isEmpty ? program.entrypoint.pathBytes : program.code).hex
    }

    /// What the machine is told (docs/programs.md).
    private var configuration: MessagePack {
        let program = setting.program
        var volumes = setting.volumes
        if let disk = program.disk { volumes.insert(Volume(path: disk, mount: "/opt/code", isWritable: false), at: 0) }
        let network = setting.hasNetwork ? ProgramMachine.network : nil
        func text(_ value: String?) -> MessagePack { value.map { .text($0) } ?? .null }
        return .map([
            ("interface", .text(program.interface.rawValue)), ("vm_hash", .text(itemHash)),
            ("encoding", .text(program.encoding.rawValue)), ("entrypoint", .text(program.entrypoint)),
            ("code", .binary(program.code)), ("input_data", setting.data.map { .binary($0) } ?? .null),
            ("ip", text(network?.address)), ("route", text(network?.route)),
            ("dns_servers", .array(network.map { [.text($0.nameServer)] } ?? [])),
            (
                "volumes",
                .array(
                    volumes.enumerated().map { index, volume in
                        .map([
                            ("mount", .text(volume.mount)), ("device", .text(Self.device(index))),
                            ("read_only", .boolean(!volume.isWritable)),
                        ])
                    })
            ),
            (
                "variables",
                setting.variables.isEmpty ? .null : .map(setting.variables.map { ($0.name, .text($0.value)) })
            ),
            ("ipv6", .null), ("ipv6_gateway", .null),
            (
                "authorized_keys",
                setting.authorizedKeys.isEmpty ? .null : .array(setting.authorizedKeys.map { .text($0) })
            ),
        ])
    }

    /// The root is vda.
    private static func device(_ index: Int) -> String {
        "vd\(Character(UnicodeScalar(UInt8(ascii: "b") + UInt8(index))))"
    }

    /// Volumes that a machine has room for, the code's among them.
    public static let mostVolumes = 20

    private var disks: [ProgramMachine.Disk] {
        (setting.program.disk.map { [.init(path: $0, isWritable: false)] } ?? [])
            + setting.volumes.map { .init(path: $0.path, isWritable: $0.isWritable) }
    }

    /// How a program that is running is talked to.
    public struct Conversation: Sendable {
        let supervisor: Supervisor
        let timeout: Int

        /// Hands a request on and gives what a client would get.
        public func answer(_ request: HTTPRequest) async -> HTTPAnswer {
            do {
                return HTTPAnswer(try await supervisor.ask(request.scope, within: timeout))
            } catch {
                var answer = HTTPAnswer(status: 504, text: "\(error)\n")
                answer.failure = "\(error)"
                return answer
            }
        }

        /// Hands a message on.
        func event(_ text: String) async throws -> MessagePack? {
            try await supervisor.ask(.map([("type", .text("aleph.message")), ("body", .text(text))]), within: timeout)
        }
    }

    /// Starts the machine, asks, and halts it.
    /// - Parameters:
    ///   - body: Gets a request's place and the bytes that came back.
    ///   - meanwhile: Runs when the requests are answered, before the machine halts.
    /// - Throws: `MachineError`, `Supervisor.Failure`.
    public func run(
        _ parts: MachineParts, requests: [ProgramRequest],
        console: @escaping @Sendable (UnsafeRawBufferPointer) -> Void,
        body: @escaping @Sendable (Int, Report.Answer, [UInt8]) -> Void,
        meanwhile: @escaping @Sendable (Conversation) async throws -> Void = { _ in }
    ) async throws -> Report {
        let machine = ProgramMachine(
            image: setting.image, disks: disks, memory: setting.memory, hasNetwork: setting.hasNetwork,
            emulates: setting.emulates, events: events)
        return try await machine.run(parts, console: console) { session in
            try await converse(session, requests, body, meanwhile)
        }
    }

    private func converse(
        _ session: ProgramMachine.Session, _ requests: [ProgramRequest],
        _ body: @Sendable (Int, Report.Answer, [UInt8]) -> Void,
        _ meanwhile: @escaping @Sendable (Conversation) async throws -> Void
    ) async throws -> Report {
        let supervisor = session.supervisor
        func elapsed() -> Double { Self.seconds(since: session.start) }
        var report = Report()
        (report.usesKVM, report.parts) = (session.usesKVM, session.parts)
        report.version = try await supervisor.ready(within: setting.bootTimeout)
        report.ready = elapsed()
        events(.phase(name: "configure the program", total: 0))
        if let refusal = try await supervisor.configure(configuration, within: setting.bootTimeout) {
            (report.refusal, report.traceback) = (refusal.error, refusal.traceback)
        } else {
            report.configured = elapsed()
            let serving = Task { try await serveAPI(supervisor) }
            defer { serving.cancel() }
            let conversation = Conversation(supervisor: supervisor, timeout: setting.timeout)
            for (index, request) in requests.enumerated() {
                let (answer, bytes) = await ask(request, conversation)
                if report.firstAnswer == nil { report.firstAnswer = elapsed() }
                report.answers.append(answer)
                body(index, answer, bytes)
            }
            try await meanwhile(conversation)
        }
        if !report.isEnded { report.isHalted = try await supervisor.halt() }
        return report
    }

    private static func seconds(since start: ContinuousClock.Instant) -> Double {
        let duration = start.duration(to: .now).components
        return Double(duration.seconds) + Double(duration.attoseconds / 1_000_000_000_000_000) / 1000
    }

    private func ask(_ request: ProgramRequest, _ conversation: Conversation) async -> (Report.Answer, [UInt8]) {
        let start = ContinuousClock.now
        var answer = Report.Answer(request: request.name, size: 0, seconds: 0, problems: [])
        var bytes: [UInt8] = []
        switch request.kind {
        case .http(let http):
            let result = await conversation.answer(http)
            (answer.status, bytes) = (result.status, result.body)
            if result.isNone { answer.hasNone = true }
            if let expected = request.expectedStatus {
                if expected != result.status { answer.problems.append("status \(result.status), expected \(expected)") }
            } else if result.status >= 500 {
                answer.problems.append(result.failure ?? "status \(result.status)")
            }
        case .event(let text):
            do {
                let result = try await conversation.event(text)
                bytes = try result.map { try JSONText.line($0["body"] ?? .null) } ?? []
                if result == nil { (answer.hasNone, answer.problems) = (true, ["no answer"]) }
                if let error = result?["error"]?.text { answer.problems.append(error) }
            } catch { answer.problems.append("\(error)") }
        }
        let body = String(decoding: bytes, as: UTF8.self)
        for text in request.expectedTexts where !body.contains(text) {
            answer.problems.append("the body doesn't have '\(text)'")
        }
        (answer.size, answer.seconds) = (bytes.count, Self.seconds(since: start))
        return (answer, bytes)
    }

    /// The guest API, as far as a host without a network can serve it.
    private func serveAPI(_ supervisor: Supervisor) async throws {
        let hash = itemHash
        try await HTTPServer.serve(at: .socket(supervisor.apiSocket), isListening: { _ in }) { request in
            if request.method == "GET", request.target.split(separator: "?").first == "/properties" {
                return HTTPAnswer(
                    status: 200, text: #"{"name": "rtverify", "version": "2.0.0", "vm_hash": "\#(hash)"}"#,
                    type: "application/json")
            }
            return HTTPAnswer(
                status: 501,
                text:
                    "\(request.method) \(request.target): rtverify serves /properties alone; what signs, caches or asks the "
                    + "network needs a node\n")
        }
    }
}
