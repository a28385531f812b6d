import CLinux
import Glibc
import SystemPackage

/// Extended attributes of files (xattr(7)).
package enum ExtendedAttributes {
    /// Those that the host's own security modules put on every file: they say nothing of the tree.
    private static let host: Set<[UInt8]> = [
        Array("security.selinux".utf8), Array("security.ima".utf8), Array("security.evm".utf8),
        Array("security.apparmor".utf8),
    ]

    /// The attributes of what lies at a path, a link itself and not what it leads to, in byte order of their names; without
    /// the host's own.
    /// - Throws: The error number of llistxattr(2) or lgetxattr(2).
    package static func read(_ path: [UInt8]) throws(Errno) -> [TreeEntry.Attribute] {
        let file = path.map(CChar.init(bitPattern:)) + [0]
        let size = rtv_llistxattr(file, nil, 0)
        if size <= 0 {
            if size == 0 || errno == ENOTSUP { return [] }
            throw Errno(rawValue: errno)
        }
        var list = [CChar](repeating: 0, count: size)
        let count = rtv_llistxattr(file, &list, size)
        guard count >= 0 else { throw Errno(rawValue: errno) }
        var attributes: [TreeEntry.Attribute] = []
        for key in list[..<count].split(separator: 0) {
            let name = key.map(UInt8.init(bitPattern:))
            if host.contains(name) { continue }
            let length = rtv_lgetxattr(file, Array(key) + [0], nil, 0)
            guard length >= 0 else { throw Errno(rawValue: errno) }
            var value = [UInt8](repeating: 0, count: length)
            guard rtv_lgetxattr(file, Array(key) + [0], &value, length) == length else { throw Errno(rawValue: errno) }
            attributes.append(.init(name: name, value: value))
        }
        return attributes.sorted { $0.name.lexicographicallyPrecedes($1.name) }
    }
}
