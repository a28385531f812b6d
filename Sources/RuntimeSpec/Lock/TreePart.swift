import ContentHash

extension Lockfile {
    /// What the image's tree depends on when its base's packages are installed, and with `withWheels` when Python's are, too: a
    /// lock's text without all else, such as files, steps and how the image is packed. Locks of equal parts have equal trees then.
    public func treePart(withWheels: Bool) -> String {
        var base = base
        // What was asked for led to the packages.
        if case .debian(let debian) = base {
            base = .debian(Debian(release: debian.release, selection: nil, packages: debian.packages))
        }
        let part = Lockfile(
            format: Format(version: Format.newestVersion, recipe: format.recipe), manifestSHA256: Digest.of([UInt8]()),
            sourceDateEpoch: sourceDateEpoch, name: "tree", base: base,
            contents: Contents(python: withWheels ? python : nil, image: ImageOptions()), archives: [],
            toolchain: withWheels ? toolchain : [])
        return part.text
    }
}
