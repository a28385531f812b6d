import ContentHash
import Host
import Mirrors

/// The nodes and gateways that are asked. Whatever they say is checked; what can't be is compared between them.
public struct NodeSet: Sendable {
    /// The node that Aleph's clients ask by default.
    public static let publicNode = "https://api2.aleph.im"
    /// Aleph's IPFS gateway.
    public static let publicGateway = "https://ipfs-2.aleph.im"

    /// Base URLs of the nodes' interfaces, without a slash at the end.
    public let apis: [String]
    /// Base URLs of IPFS gateways, without a slash at the end.
    public let gateways: [String]
    let timeout: Int
    private let environment: @Sendable (String) -> String?

    /// More than any message or list of amends has.
    private static let largestAnswer = 4 << 20

    /// - Parameter timeout: Seconds that an answer may take in all.
    public init(
        apis: [String], gateways: [String], timeout: Int, environment: @escaping @Sendable (String) -> String?
    ) {
        func trimmed(_ url: String) -> String { url.hasSuffix("/") ? String(url.dropLast()) : url }
        (self.apis, self.gateways) = (apis.map(trimmed), gateways.map(trimmed))
        (self.timeout, self.environment) = (timeout, environment)
    }

    /// Asks every node, and demands one answer.
    /// - Throws: `MessageError.unavailable` when one doesn't answer, `.disagreement` when two answers differ.
    func message(_ hash: ItemHash) async throws -> NodeAnswer {
        var answers: [(api: String, answer: NodeAnswer)] = []
        for api in apis {
            let bytes = try await get("\(api)/api/v0/messages/\(hash)", limit: Self.largestAnswer)
            do {
                answers.append((api, try NodeAnswer(bytes, wanted: hash)))
            } catch let error as MessageError {
                throw MessageError.malformed("\(api): \(error)")
            }
        }
        guard let first = answers.first else { throw MessageError.unavailable("no node was named") }
        for other in answers.dropFirst() {
            guard other.answer.counts == first.answer.counts,
                other.answer.message?.identity == first.answer.message?.identity,
                other.answer.message?.signature == first.answer.message?.signature
            else { throw MessageError.disagreement("\(first.api) and \(other.api) show different messages") }
        }
        return first.answer
    }

    /// Every node's list of messages for a query.
    func lists(_ query: String) async throws -> [[AlephMessage]] {
        var lists: [[AlephMessage]] = []
        for api in apis {
            let bytes = try await get("\(api)/api/v0/messages.json?\(query)", limit: Self.largestAnswer)
            do {
                guard let list = try StrictJSON(bytes)["messages"]?.elements else {
                    throw MessageError.malformed("\(api): it answers with no list of messages")
                }
                // What one reader can't take another may: it must not be passed over.
                lists.append(try list.map { try AlephMessage($0) })
            } catch let error as MessageError {
                throw MessageError.malformed("\(api): an entry of its list: \(error)")
            } catch let error as StrictJSON.Failure {
                throw MessageError.malformed("\(api): its answer is refused by the strict reader: \(error)")
            }
        }
        return lists
    }

    /// A message's content: its own text, or the file that its item hash names.
    func content(of message: AlephMessage) async throws -> StrictJSON {
        if message.itemType == "inline" { return try message.content(fetched: nil) }
        return try message.content(fetched: try await file(message.itemHash))
    }

    /// A small file, from the first that gives the right bytes.
    private func file(_ hash: ItemHash) async throws -> [UInt8] {
        var reasons: [String] = []
        for url in urls(of: hash) {
            do {
                let bytes = try await get(url, limit: Self.largestAnswer)
                if AlephMessage.bytes(bytes, have: hash.name) { return bytes }
                reasons.append("\(url): wrong bytes")
            } catch let error as MessageError {
                reasons.append("\(error)")
            }
        }
        throw MessageError.unavailable(reasons.joined(separator: "; "))
    }

    /// Where a file lies.
    public func urls(of file: ItemHash) -> [String] {
        let nodes = apis.map { "\($0)/api/v0/storage/raw/\(file)" }
        return file.isSHA256 ? nodes : gateways.map { "\($0)/ipfs/\(file)" } + nodes
    }

    /// A block of a DAG from a gateway (https://specs.ipfs.tech/http-gateways/trustless-gateway/); nil where none has it.
    public func block(_ cid: CID) async -> [UInt8]? {
        for gateway in gateways {
            if let bytes = try? await get("\(gateway)/ipfs/\(cid)?format=raw", limit: 8 << 20),
                Digest.of(bytes) == cid.digest
            {
                return bytes
            }
        }
        return nil
    }

    private func get(_ url: String, limit: Int) async throws -> [UInt8] {
        let file = RemoteFile(url: url, timeout: timeout, environment: environment)
        do {
            return try await withDeadline(seconds: timeout) { try await file.bytes(limit: limit) }
        } catch is DeadlineExceeded {
            throw MessageError.unavailable("\(url): no whole answer in \(timeout) s")
        } catch is CancellationError {
            throw CancellationError()
        } catch {
            throw MessageError.unavailable("\(error)")
        }
    }
}
