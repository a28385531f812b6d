import Host
import PackageResolution
import RuntimeSpec
import VirtualMachine

/// Whether programs run on the image and answer as they should.
extension RuntimeChecks {
    func programs(_ subject: Subject) async -> Result {
        if runtime.programs.isEmpty {
            return Result(.programs, .undecided, "the gate's file has no [[runtime.program]] for it")
        }
        do {
            let parts = try await MachineParts(
                packages: try await NewestPackages(
                    of: .bookworm, store: tools.inputs.store, fetcher: tools.inputs.fetcher, keyrings: tools.keyrings),
                device: nil, store: tools.inputs.store, fetcher: tools.inputs.fetcher)
            var (problems, answers, commands) = ([String](), 0, [String]())
            for program in runtime.programs {
                let report = try await run(program, on: subject, parts)
                let name = program.path
                if let refusal = report.refusal { problems.append("\(name): refused: \(TerminalText.safe(refusal))") }
                if !report.isHalted {
                    problems.append("\(name): the machine did not say that it halted within 5 seconds")
                }
                for answer in report.answers {
                    answers += 1
                    problems += answer.problems.map { "\(name): \(answer.request): \(TerminalText.safe($0))" }
                }
                commands.append(commandOnImage(words(of: program)))
            }
            guard problems.isEmpty else {
                var result = Result(.programs, .no, "\(problems.count) things are not as they should be")
                result.details = problems
                result.command = commands.joined(separator: "; ")
                return result
            }
            return Result(
                .programs, .yes, "\(runtime.programs.count) programs answered \(answers) requests as they should")
        } catch { return failed(.programs, error, commandOnImage(runtime.programs.first.map { words(of: $0) } ?? [])) }
    }

    private func run(
        _ program: GateSpec.Program, on subject: Subject, _ parts: MachineParts
    ) async throws -> ProgramRun.Report {
        var setting = ProgramRun.Setting(
            image: subject.path,
            program: try Program(
                path: path(program.path), entrypoint: program.entrypoint,
                interface: program.interface.flatMap { .init(rawValue: $0) }))
        setting.memory = program.memory
        setting.variables = program.variables.map { text in
            let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            return (parts[0], parts[1])
        }
        let requests = try program.requests.map { request in
            ProgramRequest(
                .http(try HTTPRequest(line: request.ask)), expectedStatus: request.status, expectedTexts: request.texts)
        }
        return try await ProgramRun(setting, events: tools.events).run(
            parts, requests: requests, console: { _ in }, body: { _, _, _ in })
    }

    /// The words of a command that runs it here.
    private func words(of program: GateSpec.Program) -> [String] {
        var words = ["run", imageName, path(program.path)]
        if let entrypoint = program.entrypoint { words += ["--entrypoint", entrypoint] }
        if let interface = program.interface { words += ["--interface", interface] }
        words += program.variables.flatMap { ["--variable", $0] }
        for request in program.requests {
            words += ["--request", request.ask]
            if let status = request.status { words += ["--expect-status", "\(status)"] }
            words += request.texts.flatMap { ["--expect", $0] }
        }
        return words
    }
}
