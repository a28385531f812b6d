import Host
import InputStore
import RuntimeSpec
import Sandbox

/// Puts the manifest's own folders, files and links into a tree.
struct FileInstallation {
    let contents: Lockfile.Contents
    /// Its folders, each with the list of what it holds.
    let trees: [(tree: Lockfile.Tree, list: TreeList)]
    /// The tree.
    let root: Root
    let store: Store

    /// Files are copied into the private folder by hash, and moved to their places inside the root.
    /// - Parameter inSystem: Whether more comes, which removes the private folder; a volume has no other use for it.
    func run(inSystem: Bool) async throws {
        var (copies, tasks) = ([(input: Lockfile.Input, name: String)](), [ChrootTask]())
        func install(_ input: Lockfile.Input, _ path: String, _ mode: Int, _ ownership: Ownership) {
            tasks.append(.install(name: "file-\(copies.count)", path: path, mode: mode, ownership: ownership))
            copies.append((input, path))
        }
        // Folders first: their modes are those that what comes below them finds.
        tasks += contents.folders.map {
            .makeFolder(path: $0.target, mode: $0.mode, ownership: $0.ownership, isNamed: true)
        }
        for (tree, list) in trees {
            let source = tree.source
            if source.target != "/" {
                tasks.append(
                    .makeFolder(
                        path: source.target, mode: source.folderMode ?? 0o755, ownership: source.ownership,
                        isNamed: false))
            }
            for entry in list.entries {
                let path = source.place(of: entry.path)
                switch entry.content {
                case .folder:
                    tasks.append(
                        .makeFolder(path: path, mode: entry.mode, ownership: source.ownership, isNamed: false))
                case .link(let to): tasks.append(.makeLink(path: path, to: to, ownership: source.ownership))
                case .file: if let input = entry.input { install(input, path, entry.mode, source.ownership) }
                }
            }
        }
        for file in contents.files {
            guard let source = file.source else { throw StoreError.unknownInit }
            install(source, file.target, file.mode, file.ownership)
        }
        tasks += contents.links.map { .makeLink(path: $0.target, to: $0.to, ownership: $0.ownership) }
        if tasks.isEmpty { return }
        let (store, folder) = (store, root.privatePath)
        try SystemFolders.makeFolder(folder)
        try await onThread { [copies] in
            for (index, copy) in copies.enumerated() {
                try store.copy(copy.input, to: "\(folder)/file-\(index)", name: copy.name)
            }
        }
        if !inSystem { tasks.append(.remove(Root.privateFolder)) }
        try await root.perform(tasks, "putting the manifest's files into the image")
    }
}
