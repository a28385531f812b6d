/// apk's database of what is installed (lib/apk/db/installed): lines of a letter and a value, a block a package
/// (https://wiki.alpinelinux.org/wiki/Apk_spec).
package struct ApkInstalled {
    /// One block.
    package struct Package: Equatable {
        /// Its `P:`.
        package var name = ""
        /// Its `V:`; empty where there is none.
        package var version = ""
        /// Its `A:`.
        package var architecture = ""
        /// What it depends on, as apk spells it.
        package var dependencies: [String] = []
        /// Paths of its folders and files, as the bytes they are.
        package var folders: [[UInt8]] = []
        /// Paths of its files, relative to the root, as the bytes they are.
        package var files: [[UInt8]] = []
    }

    /// In the database's order; a version may be missing.
    package let packages: [Package]

    /// Whatever doesn't belong there is passed over.
    package init(_ bytes: some Sequence<UInt8>) {
        var (packages, package): ([Package], Package) = ([], Package())
        var folder: [UInt8] = []
        func end() {
            if !package.name.isEmpty { packages.append(package) }
            (package, folder) = (Package(), [])
        }
        // The first of a kind counts.
        func text(_ field: inout String, _ value: ArraySlice<UInt8>) {
            if field.isEmpty { field = String(decoding: value, as: UTF8.self) }
        }
        for line in Array(bytes).split(separator: 10, omittingEmptySubsequences: false) {
            if line.isEmpty { end() }
            guard line.count >= 2, line[line.startIndex + 1] == UInt8(ascii: ":") else { continue }
            let value = line.dropFirst(2)
            switch line[line.startIndex] {
            case UInt8(ascii: "P"): text(&package.name, value)
            case UInt8(ascii: "V"): text(&package.version, value)
            case UInt8(ascii: "A"): text(&package.architecture, value)
            case UInt8(ascii: "D"):
                package.dependencies += value.split(separator: 0x20).map { String(decoding: $0, as: UTF8.self) }
            case UInt8(ascii: "F"):
                folder = Array(value)
                package.folders.append(folder)
            case UInt8(ascii: "R"): package.files.append(folder.isEmpty ? Array(value) : folder + [0x2f] + value)
            default: break
            }
        }
        end()
        self.packages = packages
    }
}
