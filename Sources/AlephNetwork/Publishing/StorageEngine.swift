/// Where a node keeps a file, and so by what hash a STORE message names it.
public enum StorageEngine: String, CaseIterable, Codable, Sendable {
    /// By CID: a node adds the file with 256 KiB chunks, as CIDv0 (`unixfs-v0-2015`).
    case ipfs
    /// By SHA-256.
    case storage

    /// Bytes up to which Aleph's own clients, and the nodes that serve programs, use `storage`.
    private static let largestStored = 4 << 20

    /// What a file of so many bytes is published by. It depends on nothing else: who prepares the same file again has the same
    /// message.
    public init(forSize size: Int) { self = size <= Self.largestStored ? .storage : .ipfs }

    /// By what a message names a file.
    init(of file: ItemHash) { self = file.isSHA256 ? .storage : .ipfs }

    /// The path that takes a file and the message that names it.
    var uploadPath: String { "/api/v0/\(rawValue)/add_file" }
}

/// What a node takes, in bytes (`GET /api/v0/storage/limits.json`).
public struct StorageLimits: Equatable, Sendable {
    /// Of a file that is named by its SHA-256, with a signed message.
    public var storage = 100 << 20
    /// Of one that is named by its CID, with a signed message.
    public var ipfs = 1 << 30

    /// Those of pyaleph where nobody configures others.
    public init() {}

    /// - Throws: `MessageError.malformed`.
    package init(_ bytes: [UInt8]) throws {
        let json: StrictJSON
        do { json = try StrictJSON(bytes) } catch {
            throw MessageError.malformed("its limits are refused by the strict reader: \(error)")
        }
        func limit(_ engine: String, _ name: String) -> Int? {
            json[engine]?[name]?.number.flatMap { Int(exactly: $0) }
        }
        guard let storage = limit("storage", "max_file_size"), let ipfs = limit("ipfs", "max_upload_file_size") else {
            throw MessageError.malformed("its limits name neither storage's nor IPFS's largest file")
        }
        (self.storage, self.ipfs) = (storage, ipfs)
    }

    /// Of a file with a signed message.
    public func largest(_ engine: StorageEngine) -> Int { engine == .ipfs ? ipfs : storage }
}

/// What a node says that keeping a file costs.
public struct StoragePrice: Equatable, Sendable {
    /// As the node writes it, in units of `payment`.
    public let cost: String
    /// `credit` or `hold`.
    public let payment: String

    /// - Throws: `MessageError.malformed`.
    package init(_ bytes: [UInt8]) throws {
        let json: StrictJSON
        do { json = try StrictJSON(bytes) } catch {
            throw MessageError.malformed("its price is refused by the strict reader: \(error)")
        }
        let cost: String? =
            switch json["cost"]?.nonNull ?? json["required_tokens"] {
            case .string(let text)?: text
            case .number(let text, _)?: text
            default: nil
            }
        guard let cost,
            cost.utf8.allSatisfy({ (0x30...0x39).contains($0) || [0x2b, 0x2d, 0x2e, 0x65, 0x45].contains($0) }),
            let payment = json["payment_type"]?.text
        else { throw MessageError.malformed("its price has no cost or no payment_type") }
        (self.cost, self.payment) = (String(cost.prefix(40)), String(payment.prefix(20)))
    }
}
