/// A request as a supervisor hands it to a machine: an ASGI scope with the body in it.
public struct HTTPRequest: Sendable {
    /// In upper case.
    public var method: String
    /// Escaped, with its query.
    public var target: String
    /// Names in lower case.
    public var headers: [(name: String, value: String)]
    /// The body's bytes.
    public var body: [UInt8]

    /// - Parameter target: Escaped, with its query: `/a%20b?c=d`.
    public init(method: String, target: String, headers: [(name: String, value: String)] = [], body: [UInt8] = []) {
        (self.method, self.target, self.headers, self.body) = (method, target, headers, body)
    }

    /// Why a line asks for nothing.
    public struct NoRequest: Error, CustomStringConvertible {
        let line: String

        /// For people.
        public var description: String {
            "a request is a method and a path, escaped: 'GET /path?query'; and not '\(line)'"
        }
    }

    /// Reads `GET /path?query`.
    /// - Throws: `NoRequest`.
    public init(line: String) throws(NoRequest) {
        let words = line.split(separator: " ").map(String.init)
        guard words.count == 2, words[0].allSatisfy({ $0.isASCII && $0.isLetter }), words[1].hasPrefix("/") else {
            throw NoRequest(line: line)
        }
        self.init(method: words[0].uppercased(), target: words[1], headers: [("host", "localhost")])
    }

    /// The scope. Path and query are unescaped, as a supervisor's web server does: of a query all but what separates.
    public var scope: MessagePack {
        let parts = target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        return .map([
            ("type", .text("http")), ("method", .text(method)),
            ("path", .text(Self.unescaped(parts.first ?? "/", keeping: []))),
            (
                "query_string",
                .text(parts.count < 2 ? "" : Self.unescaped(parts[1], keeping: Array("+=&;".utf8), isQuery: true))
            ),
            ("headers", .array(headers.map { .array([.binary(Array($0.name.utf8)), .binary(Array($0.value.utf8))]) })),
            ("body", .binary(body)),
        ])
    }

    private static func unescaped(_ text: Substring, keeping kept: [UInt8], isQuery: Bool = false) -> String {
        var bytes: [UInt8] = []
        var rest = text.utf8
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "+"), isQuery {
                bytes.append(UInt8(ascii: " "))
            } else if byte == UInt8(ascii: "%"), let value = UInt8(String(Substring(rest.prefix(2))), radix: 16),
                rest.prefix(2).count == 2, !kept.contains(value)
            {
                bytes.append(value)
                rest = rest.dropFirst(2)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

/// What a program answered, as a supervisor makes an HTTP answer of it.
public struct HTTPAnswer: Sendable {
    /// 500 where the program failed.
    public var status: Int
    /// Without those that a supervisor takes away.
    public var headers: [(name: String, value: [UInt8])]
    /// The body; of a failure, its traceback.
    public var body: [UInt8]
    /// Why it is none of the program's own; nil where it is.
    public var failure: String?

    /// Whether the program said nothing at all.
    public private(set) var isNone = false

    /// What a client gets of an agent's answer: no byte of it is a 502, an error a 500 whose text is the traceback.
    public init(_ answer: MessagePack?) {
        headers = []
        guard let answer else {
            (status, body, isNone) = (502, Array("the program gave no answer\n".utf8), true)
            failure =
                "no answer: on the network the machine would be stopped, and another one started at the next request"
            return
        }
        if let traceback = answer["traceback"]?.text {
            (status, body, failure) = (500, Array(traceback.utf8), answer["error"]?.text ?? "the program failed")
            return
        }
        guard let head = answer["headers"], let status = head["status"]?.integer,
            let body = answer["body"]?["body"]?.bytes
        else {
            (self.status, self.body) = (500, Array("the program's answer is none\n".utf8))
            failure = "the answer has no status, or no body"
            return
        }
        (self.status, self.body) = (status, body)
        let removed = ["content-encoding", "transfer-encoding", "vary", "content-length"]
        for pair in head["headers"]?.array ?? [] {
            guard let parts = pair.array, parts.count == 2, case .binary(let name) = parts[0],
                case .binary(let value) = parts[1]
            else {
                (self.status, failure) = (500, "a header of the answer is no pair of bytes")
                return
            }
            let text = String(decoding: name, as: UTF8.self)
            if !removed.contains(text.lowercased()) { headers.append((text, value)) }
        }
    }

    /// An answer of a host's own.
    public init(status: Int, text: String, type: String = "text/plain") {
        (self.status, body, failure) = (status, Array(text.utf8), nil)
        headers = [("content-type", Array(type.utf8))]
    }
}
