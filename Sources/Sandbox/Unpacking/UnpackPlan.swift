import Archives
import Glibc
import enum Host.OpenFile
import struct Host.SystemError

/// What is to be put where for some packages, when dpkg would do no more than that. For a process that is in the root.
///
/// A package is taken when each of its entries is a file, a folder or a link at a place where nothing is, below folders that are no
/// links; where anything is otherwise (a file that is replaced, a diversion, a folder that a link stands for), it isn't.
struct UnpackPlan {
    struct Entry: Sendable {
        enum Kind: Sendable { case file, symbolicLink, hardLink }
        var kind: Kind
        /// Where it is put, from the root on.
        var place: [UInt8]
        /// What a link leads to: as it is spelt; of a hard link, where that was put.
        var target: [UInt8]
        var owner: (user: UInt32, group: UInt32)
        var mode: Int
        var time: Int
        /// Whether something is there that no package has down, as of a script: it goes.
        var replaces = false
    }

    struct Folder: Sendable {
        var place: [UInt8]
        var owner: (user: UInt32, group: UInt32)
        var mode: Int
        var time: Int
    }

    struct Package: Sendable {
        var deb: PreparedDeb
        var control: PackageControl
        /// In the archive's order; nil for a folder, which is made before.
        var entries: [Entry?] = []
        /// As dpkg writes them down.
        var names: [[UInt8]] = []
    }

    private enum Found { case folder, other }

    private(set) var packages: [Package] = []
    /// Those to make, in the order in which the packages would.
    private(set) var folders: [Folder] = []
    private var found: [[UInt8]: Found] = [:]
    private let root: RootState

    /// - Parameter root: As it is now.
    init(root: RootState) { self.root = root }

    /// Takes a package in; the plan stays as it was where it doesn't.
    /// - Throws: `SandboxError.badPackage` for one that can't be read.
    mutating func add(_ deb: PreparedDeb) throws -> Bool {
        let control = try PackageControl(deb)
        let name = control.fields["package"] ?? ""
        guard !control.isOdd, !root.knows(package: name), deb.hasPlainHeaders else { return false }
        let configuration = Set(control.configurationFiles.map { Array($0.utf8) })
        var package = Package(deb: deb, control: control)
        var linkNames: [[UInt8]] = []
        var addition = Addition(plan: self, configuration: configuration)
        do {
            let reader = try ArchiveReader(.tar, isCompressed: false, from: deb.dataSource)
            while let entry = try reader.next() {
                guard let (name, placed) = addition.add(entry) else { return false }
                if placed?.kind == .symbolicLink { linkNames.append(name) } else { package.names.append(name) }
                package.entries.append(placed)
            }
            // dpkg makes links last, wherever the archive has them.
            package.names += linkNames
        } catch let error as ArchiveError {
            throw SandboxError.badPackage(package: deb.name, reason: "its data can't be read: \(error)")
        }
        // One that isn't in the archive is dpkg's to complain of.
        guard addition.configurationLeft.isEmpty else { return false }
        folders += addition.folders
        found.merge(addition.found) { _, new in new }
        packages.append(package)
        return true
    }

    /// What one package adds.
    private struct Addition {
        let plan: UnpackPlan
        let configuration: Set<[UInt8]>
        var configurationLeft: Set<[UInt8]>
        var folders: [Folder] = []
        var found: [[UInt8]: Found] = [:]
        private var names: Set<[UInt8]> = []
        private var files: Set<[UInt8]> = []

        init(plan: UnpackPlan, configuration: Set<[UInt8]>) {
            (self.plan, self.configuration, configurationLeft) = (plan, configuration, configuration)
        }

        /// - Returns: The name in dpkg's list, and what is put in place besides folders; nil for an entry that isn't modelled.
        mutating func add(_ entry: ArchiveEntry) -> (name: [UInt8], entry: Entry?)? {
            let parts = entry.path.split(separator: 0x2f).filter { $0 != [0x2e] }
            // dpkg's databases have a line for each.
            guard !parts.contains([0x2e, 0x2e]), !entry.path.contains(10), !entry.hasAttributes, !entry.hasAccessList,
                let owner = plan.root.owner(of: entry)
            else { return nil }
            if parts.isEmpty { return entry.kind == .folder ? (Array("/.".utf8), nil) : nil }
            let name = parts.reduce(into: [UInt8]()) { $0 += [0x2f] + $1 }
            let above = plan.root.parent(of: name)
            // As dpkg-deb spells it, below folders that are entries, too; and short enough for the name that dpkg gives it first.
            guard Self.isPlain(entry.path, name, isFolder: entry.kind == .folder),
                above.isEmpty || names.contains(above),
                parts.allSatisfy({ $0.count <= 246 })
            else { return nil }
            let place = plan.root.place(of: parts)
            // Twice in one package, or diverted, or with an owner of its own: dpkg's affair.
            guard names.insert(name).inserted, !plan.root.isSpecial(name), !plan.root.isSpecial(place),
                isFolder(plan.root.parent(of: place))
            else { return nil }
            if entry.kind == .folder {
                switch state(of: place) {
                case .folder: break
                case .other: return nil
                case nil:
                    found[place] = .folder
                    folders.append(
                        Folder(place: place, owner: owner, mode: entry.permissions, time: entry.seconds))
                }
                return (name, nil)
            }
            // What dpkg would make and remove beside it.
            guard !plan.root.isOwned(name),
                [".dpkg-new", ".dpkg-tmp"].allSatisfy({ state(of: place + $0.utf8) == nil }),
                var made = makeEntry(entry, name, place, owner)
            else { return nil }
            if state(of: place) != nil {
                guard found[place] ?? plan.found[place] == nil, plan.root.isReplaceable(place) else { return nil }
                made.replaces = made.place == place
            }
            found[place] = .other
            found[made.place] = .other
            return (name, made)
        }

        /// `./NAME` or `NAME`; of a folder with or without a slash behind it.
        private static func isPlain(_ path: [UInt8], _ name: [UInt8], isFolder: Bool) -> Bool {
            let rest = path.starts(with: [0x2e, 0x2f]) ? path[1...] : ([0x2f] + path)[...]
            return rest.elementsEqual(name) || (isFolder && rest.elementsEqual(name + [0x2f]))
        }

        private mutating func makeEntry(
            _ entry: ArchiveEntry, _ name: [UInt8], _ place: [UInt8], _ owner: (user: UInt32, group: UInt32)
        ) -> Entry? {
            var made = Entry(
                kind: .file, place: place, target: [], owner: owner, mode: entry.permissions, time: entry.seconds)
            let isConfiguration = configuration.contains(name)
            if let target = entry.hardLinkTarget {
                let parts = target.split(separator: 0x2f).filter { $0 != [0x2e] }
                made.target = plan.root.place(of: parts)
                made.kind = .hardLink
                return !isConfiguration && files.contains(made.target) ? made : nil
            }
            switch entry.kind {
            case .file:
                if isConfiguration {
                    configurationLeft.remove(name)
                    // What is done with it is decided when the package is configured.
                    made.place += Array(".dpkg-new".utf8)
                    return made
                }
                files.insert(place)
                return made
            case .symbolicLink:
                guard !isConfiguration, let target = entry.linkTarget else { return nil }
                (made.kind, made.target) = (.symbolicLink, target)
                return made
            default: return nil
            }
        }

        /// nil where nothing is.
        private func state(of place: [UInt8]) -> Found? {
            if let known = found[place] ?? plan.found[place] { return known }
            let parent = plan.root.parent(of: place)
            // In a folder that is still to be made there is nothing.
            if found[parent] == .folder || plan.found[parent] == .folder { return nil }
            return switch plan.root.kind(of: place) {
            case nil: nil
            case S_IFDIR: .folder
            default: .other
            }
        }

        private func isFolder(_ place: [UInt8]) -> Bool {
            if place.isEmpty { return true }
            if let known = found[place] ?? plan.found[place] { return known == .folder }
            return plan.root.isFolder(place)
        }
    }
}
