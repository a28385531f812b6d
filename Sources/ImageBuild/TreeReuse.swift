import ContentHash
import Glibc
import Host
import InputStore
import KeptTrees
import RootfsBuild
import RuntimeSpec
import Sandbox

/// Trees of earlier builds inside a build's sandbox: brought into the root, and written down where they aren't kept yet.
struct TreeReuse {
    private let trees: BuildJob.Trees
    private let lock: Lockfile
    private let root: Root
    private let events: EventSink
    /// How the tree was found when its packages were installed, or brought back.
    private var lowest: TreeSurvey?
    /// SHA-256 of the record of that tree; nil where it could not be written down.
    private var base: Task<Digest?, Never>?
    /// What is written down beside the rest of the build.
    private var writing: [Task<Digest?, Never>] = []

    init(_ trees: BuildJob.Trees, lock: Lockfile, root: Root, events: @escaping EventSink) {
        (self.trees, self.lock, self.root, self.events) = (trees, lock, root, events)
    }

    /// Brings the latest tree that is kept into the root, an empty folder.
    mutating func restore() async throws -> RootfsAssembly.Start {
        var start = RootfsAssembly.Start()
        guard let packages = trees.packages, let lowest = KeptTree.read(from: packages) else { return start }
        events(.phase(name: "take the tree of an earlier build", total: 0))
        do {
            try await TimelineSpan.inSandbox("bring back the packages' tree", events) {
                try await bring(lowest.tree.layer, from: packages)
            }
            (start.phase, start.shipped) = (.packages, lowest.tree.shippedFiles)
            if let wheels = trees.wheels, let upper = KeptTree.read(from: wheels), upper.tree.base == lowest.sha256 {
                try await TimelineSpan.inSandbox("bring back the wheels", events) {
                    try await bring(upper.tree.layer, from: wheels)
                }
                start.phase = .wheels
            } else if lock.python != nil {
                self.lowest = try TreeSurvey(root: root.path)
                base = Task { lowest.sha256 }
            }
        } catch {
            // A cache must not keep a build from being made.
            events(.note("the tree of an earlier build can't be used, and all is built anew: \(Self.reason(error))"))
            (self.lowest, base) = (nil, nil)
            try await root.perform([.emptyFolder("/")])
            guard chmod(root.path, 0o755) == 0, lchown(root.path, 0, 0) == 0 else {
                throw SystemError("cannot empty \(root.path)", errno)
            }
            return RootfsAssembly.Start()
        }
        try mount()
        return start
    }

    private func bring(_ layer: KeptLayer, from folder: String) async throws {
        for path in ["", Root.privateFolder, KeptLayer.place] { try SystemFolders.makeFolder(root.path(of: path)) }
        try SystemFolders.bind(folder, at: root.path(of: KeptLayer.place))
        let result: Result<Void, any Error>
        do {
            try await root.perform([.restore(layer)], "bringing back a tree")
            result = .success(())
        } catch { result = .failure(error) }
        try SystemFolders.unmount(root.path(of: KeptLayer.place))
        // Programs are to find what they would without a kept tree.
        rmdir(root.path(of: KeptLayer.place))
        if lock.system == .tarball { rmdir(root.privatePath) }
        try result.get()
    }

    private static func reason(_ error: any Error) -> String {
        if case SandboxError.program(_, _, let output) = error, let last = output.last { return last }
        return "\(error)"
    }

    private var hasJournal: Bool { lock.system == .debian }

    private func mount() throws {
        try SystemFolders.mount(in: root.path)
        if hasJournal { try SystemFolders.mountJournal(at: root.path(of: RootfsAssembly.journal)) }
    }

    /// Has written down what has come since the last time: the packages' tree while wheels are installed.
    mutating func keep(after phase: TreePhase, _ shipped: [[ShippedFile]]) async throws {
        // An empty base has no packages, and a volume's wheels are installed as fast as they are read.
        guard let new = trees.new, lock.system != .empty, phase == .packages || base != nil else { return }
        try SystemFolders.unmount(of: root.path, hasJournal: hasJournal)
        let survey = await survey(over: phase == .packages ? nil : lowest)
        try mount()
        guard let survey else { return }
        let (base, events) = (base, events)
        let folder = "\(new)/\(phase)"
        let task = Task { () -> Digest? in
            do {
                try Folder.create(folder, mode: 0o700)
                let layer = try await survey.write(to: folder)
                let below = await base?.value
                guard phase == .packages || below != nil else { return nil }
                return try KeptTree(base: below, layer: layer, shipped: phase == .packages ? shipped : [])
                    .write(in: folder)
            } catch {
                // The disk is full, or a wheel has a file that a package has.
                events(.detail("the tree isn't kept: \(error)"))
                return nil
            }
        }
        writing.append(task)
        if phase == .packages { (lowest, self.base) = (survey, task) }
        // The wheels' installer adds files; what comes after it may change any.
        guard phase == .wheels || lock.python == nil else { return }
        await TimelineSpan.inSandbox("keep the tree", events) { for task in writing { _ = await task.value } }
    }

    /// Nil where something is there that no image can carry: a step may remove it.
    private func survey(over before: TreeSurvey?) async -> TreeSurvey? {
        let root = root.path
        do {
            return try await TimelineSpan.inSandbox("look through the tree", events) {
                try await onThread { try TreeSurvey(root: root, over: before) }
            }
        } catch {
            events(.detail("the tree isn't kept: \(error)"))
            return nil
        }
    }
}

extension KeptTrees {
    /// What a build is given of what is kept, and where it puts what isn't; nil where nothing of it could be kept.
    func offer(for lock: Lockfile, new folder: String, in store: Store) -> BuildJob.Trees? {
        if lock.system == .empty { return nil }
        let hasRoom = Folder.freeSpace(at: store.workDirectory) >= 2 * lock.treeSize
        func known(_ phase: TreePhase) -> String? {
            let key = key(of: lock, after: phase)
            return find(key) == nil ? nil : self.folder(of: key)
        }
        return BuildJob.Trees(
            packages: known(.packages), wheels: lock.python == nil ? nil : known(.wheels), new: hasRoom ? folder : nil)
    }
}

extension ImageBuilder {
    /// Keeps what a build wrote down of its tree.
    func take(from offered: BuildJob.Trees, to trees: KeptTrees, of lock: Lockfile) {
        guard let new = offered.new else { return }
        for phase in TreePhase.allCases {
            let folder = "\(new)/\(phase)"
            guard KeptTree.read(from: folder) != nil else { continue }
            do { try trees.adopt(folder, as: trees.key(of: lock, after: phase)) } catch {
                events(.detail("the tree isn't kept: \(error)"))
            }
        }
    }
}
