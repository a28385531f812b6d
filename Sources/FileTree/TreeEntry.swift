/// One name of a file tree, with every field that a runtime's image can have.
package struct TreeEntry: Sendable {
    package enum Kind: Equatable, Sendable {
        case directory
        case file(size: Int)
        case symbolicLink(target: [UInt8])
        case device(isBlock: Bool, major: Int, minor: Int)
        case fifo, socket
    }

    package struct Attribute: Equatable, Sendable {
        package var name: [UInt8]
        package var value: [UInt8]

        package init(name: [UInt8], value: [UInt8]) { (self.name, self.value) = (name, value) }
    }

    /// Relative to the root, as the bytes it is; empty for the root itself.
    package var path: [UInt8]
    package var kind: Kind
    /// Permission bits with set-user-id, set-group-id and sticky.
    package var mode: Int
    package var uid: Int
    package var gid: Int
    /// Seconds since 1970-01-01 UTC.
    package var time: Int
    /// In byte order of the names.
    package var attributes: [Attribute] = []
    /// The tree's own number of what the name leads to: hard links share it.
    package var node: Int
    /// Whether it is a folder that is there only because something is in it: nothing is said of its own fields.
    package var isImplied = false

    package init(
        path: [UInt8], kind: Kind, mode: Int, uid: Int, gid: Int, time: Int, attributes: [Attribute] = [], node: Int = 0
    ) {
        (self.path, self.kind, self.mode, self.uid, self.gid) = (path, kind, mode, uid, gid)
        (self.time, self.attributes, self.node) = (time, attributes, node)
    }

    package var isFile: Bool { if case .file = kind { true } else { false } }
    package var isExecutable: Bool { isFile && mode & 0o111 != 0 }
    package var size: Int { if case .file(let size) = kind { size } else { 0 } }
    /// With a slash before it, for people.
    package var name: String { readable(path) }

    package func attribute(_ name: String) -> [UInt8]? { attributes.first { $0.name.elementsEqual(name.utf8) }?.value }
}
