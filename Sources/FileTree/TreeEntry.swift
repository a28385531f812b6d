/// One name of a file tree, with every field that a runtime's image can have.
package struct TreeEntry: Sendable {
    /// What it is, with what only that kind has.
    package enum Kind: Equatable, Sendable {
        case directory
        case file(size: Int)
        case symbolicLink(target: [UInt8])
        case device(isBlock: Bool, major: Int, minor: Int)
        case fifo, socket
    }

    /// An extended attribute (xattr(7)).
    package struct Attribute: Equatable, Sendable {
        /// With the namespace: `user.note`.
        package var name: [UInt8]
        /// Its bytes.
        package var value: [UInt8]

        /// As the bytes they are.
        package init(name: [UInt8], value: [UInt8]) { (self.name, self.value) = (name, value) }
    }

    /// Relative to the root, as the bytes it is; empty for the root itself.
    package var path: [UInt8]
    /// What it is.
    package var kind: Kind
    /// Permission bits with set-user-id, set-group-id and sticky.
    package var mode: Int
    /// The owner's number.
    package var uid: Int
    /// The group's number.
    package var gid: Int
    /// Seconds since 1970-01-01 UTC.
    package var time: Int
    /// In byte order of the names.
    package var attributes: [Attribute] = []
    /// The tree's own number of what the name leads to: hard links share it.
    package var node: Int
    /// Whether it is a folder that is there only because something is in it: nothing is said of its own fields.
    package var isImplied = false

    /// - Parameter time: Seconds since 1970-01-01 UTC.
    package init(
        path: [UInt8], kind: Kind, mode: Int, uid: Int, gid: Int, time: Int, attributes: [Attribute] = [], node: Int = 0
    ) {
        (self.path, self.kind, self.mode, self.uid, self.gid) = (path, kind, mode, uid, gid)
        (self.time, self.attributes, self.node) = (time, attributes, node)
    }

    /// Whether it is a plain file.
    package var isFile: Bool { if case .file = kind { true } else { false } }
    /// Whether it is a plain file that somebody may run.
    package var isExecutable: Bool { isFile && mode & 0o111 != 0 }
    /// Bytes of a plain file; 0 of anything else.
    package var size: Int { if case .file(let size) = kind { size } else { 0 } }
    /// With a slash before it, for people.
    package var name: String { readable(path) }

    /// The bytes of an extended attribute; nil where it has none of that name.
    package func attribute(_ name: String) -> [UInt8]? { attributes.first { $0.name.elementsEqual(name.utf8) }?.value }
}
