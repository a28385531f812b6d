import Host

extension Manifest {
    /// The manifest in one fixed form, defaults and all: what `manifest-sha256` is taken of. Comments, the order of
    /// keys and a default that is spelled out don't change it.
    public var canonicalText: String {
        var text = TOMLText()
        text.value("name", name)
        text.value("architecture", Lockfile.architecture)
        // Not there for Debian, so that what was locked before keeps its hash.
        if base.system != .debian { text.value("system", base.system.rawValue) }
        if let alpine {
            alpine.write(to: &text)
        } else {
            text.table("base")
            if case .tarball(let source) = base { source.write("source", to: &text) }
            suites.write(to: &text)
        }
        for archive in archives { archive.write(to: &text) }
        text.table("toolchain")
        toolchain.write(to: &text)
        text.table("packages")
        text.value("variant", (selection?.variant ?? .minbase).rawValue)
        text.value("install", packages)
        if !packageFiles.isEmpty { text.value("files", packageFiles) }
        python?.write(to: &text)
        initProgram?.write(to: &text)
        for file in files {
            text.element("file")
            file.source.write("source", to: &text)
            text.value("target", file.target)
            text.value("mode", Octal.text(file.mode))
            file.ownership.write(to: &text)
        }
        TreeSource.form.write(trees, as: "tree", to: &text)
        ImageLink.form.write(links, as: "link", to: &text)
        ImageFolder.form.write(folders, as: "folder", to: &text)
        for step in steps {
            text.element("step")
            text.value("run", step)
        }
        text.table("prune")
        text.value("paths", prune)
        Allowance.form.write(allowed, as: "allow", to: &text)
        image.write(to: &text)
        return text.text
    }
}
