/// The header of a CARv1 with one root: dag-cbor of `{"roots": [CID], "version": 1}`.
package struct CARHeader {
    let root: CID

    /// Of one root, as every file's DAG has.
    package init(root: CID) { self.root = root }

    private static let roots: [UInt8] = [0x65] + Array("roots".utf8)
    private static let version: [UInt8] = [0x67] + Array("version".utf8)

    /// dag-cbor has one form: shorter keys first, a CID as tag 42 of a byte string that a zero byte begins.
    package var bytes: [UInt8] {
        [0xa2] + Self.roots + [0x81, 0xd8, 0x2a, 0x58, UInt8(root.byteCount + 1), 0x00] + root.bytes
            + Self.version + [0x01]
    }

    /// Reads a header.
    /// - Throws: `CARError.unsupported` for another version, or another number of roots; `CARError.malformed`.
    init(bytes: [UInt8]) throws {
        var rest = bytes[...]
        func take(_ expected: [UInt8]) -> Bool {
            guard rest.starts(with: expected) else { return false }
            rest = rest.dropFirst(expected.count)
            return true
        }
        if bytes == [0xa1] + Self.version + [0x02] {
            throw CARError.unsupported("it is a CARv2; take the CARv1 inside it (`car get-dag` or `ipfs dag export`)")
        }
        guard take([0xa2]), take(Self.roots), let count = rest.popFirst(), (0x80...0x97).contains(count) else {
            throw CARError.malformed("its header is not that of a CARv1")
        }
        guard count == 0x81 else { throw CARError.unsupported("it has \(count - 0x80) roots, not one") }
        guard take([0xd8, 0x2a, 0x58]), let length = rest.popFirst(), length > 0, Int(length) <= rest.count, take([0])
        else { throw CARError.malformed("its root is no CID") }
        let cid = Array(rest.prefix(Int(length) - 1))
        rest = rest.dropFirst(cid.count)
        guard take(Self.version), let version = rest.popFirst(), rest.isEmpty else {
            throw CARError.malformed("its header is not that of a CARv1")
        }
        guard version == 1 else { throw CARError.unsupported("its version is \(version)") }
        do {
            root = try CID(bytes: cid)
        } catch CIDError.unsupported(let reason) {
            throw CARError.unsupported("its root: \(reason)")
        } catch {
            throw CARError.malformed("its root is no CID: \(error)")
        }
    }
}

/// Why a CAR is not a whole file's.
public enum CARError: Error, Equatable, CustomStringConvertible {
    /// Not a CARv1, or cut short, or with bytes too many.
    case malformed(String)
    /// A CAR, but not one that this program reads.
    case unsupported(String)
    /// A block whose bytes are not those of its CID.
    case wrongBlock(CID, offset: Int)
    /// A block that the tree needs.
    case missing(CID)
    /// A block that isn't a file's node.
    case notAFile(CID, String)
    /// Lengths that contradict one another.
    case lyingLength(CID, String)

    /// Reads a block, whose CID an error then names.
    package static func naming<Node>(
        _ cid: CID, read: () throws(UnixFSNode.Failure) -> Node
    ) throws(CARError) -> Node {
        do { return try read() } catch {
            switch error {
            case .lyingLength(let reason): throw .lyingLength(cid, reason)
            case .unsupported(let reason): throw .unsupported("the block \(cid) \(reason)")
            case .notAFile(let reason), .malformed(let reason): throw .notAFile(cid, reason)
            }
        }
    }

    /// Whether it was decided that the CAR doesn't prove its root, rather than left open.
    public var isDecided: Bool { if case .unsupported = self { false } else { true } }

    /// For people.
    public var description: String {
        switch self {
        case .malformed(let reason): reason
        case .unsupported(let reason): reason
        case .wrongBlock(let cid, let offset): "the block at byte \(offset) is not the one of its CID, \(cid)"
        case .missing(let cid): "the block \(cid) is missing"
        case .notAFile(let cid, let reason): "the block \(cid) \(reason)"
        case .lyingLength(let cid, let reason): "the block \(cid) gives a wrong length: \(reason)"
        }
    }
}
