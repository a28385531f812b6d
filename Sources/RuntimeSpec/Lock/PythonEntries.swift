extension Lockfile {
    /// A wheel (PEP 427) of known bytes.
    public struct Wheel: Equatable, Sendable {
        /// The project's normalized name (PEP 503).
        public var name: String
        public var version: String
        /// `path` is the wheel's file name: no index is named.
        public var file: Input

        public init(name: String, version: String, file: Input) {
            (self.name, self.version, self.file) = (name, version, file)
        }
    }

    /// What the image has of Python's packages.
    public struct Python: Equatable, Sendable {
        public var packages: PythonPackages
        /// The packages of the lock that an interpreter is unpacked from to resolve and fetch: the image's own, or the
        /// toolchain's where the base has none. Empty where it comes with the base's tarball.
        public var interpreter: [String]
        public var wheels: [Wheel]

        public init(packages: PythonPackages, interpreter: [String], wheels: [Wheel]) {
            (self.packages, self.interpreter) = (packages, interpreter.sorted())
            self.wheels = wheels.sorted { $0.name < $1.name }
        }

        init?(in root: TOMLFields) throws {
            let wheels = try root.tables("wheel", known: ["name", "version", "file", "size", "sha256"]).map { wheel in
                Wheel(
                    name: try wheel.string("name", "a project's normalized name") {
                        !$0.isEmpty && PythonPackages.normalizedName($0) == $0 && Spelling.isName($0)
                    },
                    version: try wheel.string("version", "a version", Spelling.isPythonVersion),
                    file: Input(
                        path: try wheel.string("file", "a wheel's file name", Spelling.isWheel),
                        size: try wheel.integer("size", in: 1...Lockfile.largestInput),
                        sha256: try wheel.string(
                            "sha256", "64 lower-case hexadecimal digits", Spelling.isSHA256)))
            }
            guard let fields = try root.optionalTable("python", known: PythonPackages.keys + ["interpreter"]) else {
                guard wheels.isEmpty else { throw root.missing("python") }
                return nil
            }
            self.init(
                packages: try PythonPackages(fields),
                interpreter: try fields.strings("interpreter", "a Debian package name", Spelling.isPackageName),
                wheels: wheels)
        }

        func write(to text: inout TOMLText) {
            packages.write(to: &text)
            text.value("interpreter", interpreter)
            for wheel in wheels {
                text.element("wheel")
                text.value("name", wheel.name)
                text.value("version", wheel.version)
                text.value("file", wheel.file.path)
                text.value("size", wheel.file.size)
                text.value("sha256", wheel.file.sha256)
            }
        }
    }
}
