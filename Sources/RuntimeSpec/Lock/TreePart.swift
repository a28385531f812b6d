import ContentHash

/// A part of a build, after which its tree is known by its inputs.
public enum TreePhase: String, CaseIterable, Sendable {
    /// The base and its packages are installed.
    case packages
    /// Python's packages are, too.
    case wheels
}

extension Lockfile {
    /// What the image's tree depends on after a phase: a lock's text without all else, such as files, steps and how the image is packed.
    /// Locks of equal parts have equal trees then.
    public func treePart(after phase: TreePhase) -> String {
        var base = base
        // What was asked for led to the packages.
        if case .debian(let debian) = base {
            base = .debian(Debian(release: debian.release, selection: nil, packages: debian.packages))
        }
        let hasWheels = phase == .wheels
        let part = Lockfile(
            format: Format(version: Format.newestVersion, recipe: format.recipe), manifestSHA256: Digest.of([UInt8]()),
            sourceDateEpoch: sourceDateEpoch, name: "tree", base: base,
            contents: Contents(python: hasWheels ? python : nil, image: ImageOptions()), archives: [],
            toolchain: hasWheels ? toolchain : [])
        return part.text
    }
}
