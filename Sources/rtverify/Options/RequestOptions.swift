import ArgumentParser
import Host
import VirtualMachine

/// Requests, each with what belongs to it. ArgumentParser keeps no order between options: what belongs to what is read from
/// the raw arguments.
struct RequestOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp("Ask the program. May be repeated; the next options belong to it.", valueName: "method path")
    )
    var request: [String] = []
    @Option(help: ArgumentHelp("Hand it a message of the network, as JSON. May be repeated.", valueName: "file"))
    var event: [String] = []
    @Option(help: ArgumentHelp("The body of the request before it.", valueName: "file"))
    var body: [String] = []
    @Option(help: ArgumentHelp("A header of the request before it. May be repeated.", valueName: "name: value"))
    var header: [String] = []
    @Option(help: ArgumentHelp("The status that the request before it must have.", valueName: "number"))
    var expectStatus: [Int] = []
    @Option(
        help: ArgumentHelp("What the answer to the request before it must have. May be repeated.", valueName: "text"))
    var expect: [String] = []

    private static let names = ["--request", "--event", "--body", "--header", "--expect-status", "--expect"]

    /// The options above and their values, in the order in which they were given.
    static func ordered(_ arguments: [String]) -> [(name: String, value: String)] {
        var found: [(name: String, value: String)] = []
        var index = 0
        while index < arguments.count {
            let parts = arguments[index].split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(
                String.init)
            if parts[0] == "--" { break }
            if names.contains(parts[0]) {
                if parts.count == 2 {
                    found.append((parts[0], parts[1]))
                } else if index + 1 < arguments.count {
                    index += 1
                    found.append((parts[0], arguments[index]))
                }
            }
            index += 1
        }
        return found
    }

    /// What can be said of them without reading a file.
    func check() throws { _ = try requests(isServing: true) { _ in [] } }

    /// - Parameter isServing: Whether none is meant where none is given.
    func requests(
        isServing: Bool, arguments: [String] = CommandLine.arguments,
        read: (String) throws -> [UInt8] = { try SmallFile.bytes($0, limit: 64 << 20) }
    ) throws -> [ProgramRequest] {
        var requests: [ProgramRequest] = []
        for (name, value) in Self.ordered(arguments) {
            switch name {
            case "--request": requests.append(ProgramRequest(.http(try Self.request(value))))
            case "--event": requests.append(ProgramRequest(.event(String(decoding: try read(value), as: UTF8.self))))
            default:
                guard var last = requests.popLast() else {
                    throw ValidationError("\(name) belongs to the --request before it.")
                }
                try Self.add(name, value, to: &last, read)
                requests.append(last)
            }
        }
        if requests.isEmpty, !isServing { requests = [ProgramRequest(.http(HTTPRequest(method: "GET", target: "/")))] }
        return requests
    }

    private static func request(_ text: String) throws -> HTTPRequest {
        do { return try HTTPRequest(line: text) } catch { throw ValidationError("\(error).") }
    }

    private static func add(
        _ name: String, _ value: String, to request: inout ProgramRequest, _ read: (String) throws -> [UInt8]
    ) throws {
        switch name {
        case "--expect-status":
            guard let status = Int(value), (100...599).contains(status) else {
                throw ValidationError("--expect-status is from 100 to 599.")
            }
            request.expectedStatus = status
        case "--expect": request.expectedTexts.append(value)
        default:
            guard case .http(var http) = request.kind else { throw ValidationError("\(name) belongs to a --request.") }
            if name == "--body" {
                http.body = try read(value)
            } else {
                let parts = value.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
                guard parts.count == 2, !parts[0].isEmpty else {
                    throw ValidationError("--header takes 'name: value'.")
                }
                let text = parts[1].drop { $0 == " " }
                http.headers.append((parts[0].lowercased(), String(text)))
            }
            request.kind = .http(http)
        }
    }
}
