extension Lockfile {
    /// A wheel (PEP 427) of known bytes.
    public struct Wheel: Equatable, Codable, Sendable {
        /// The project's normalized name (PEP 503).
        public let name: String
        /// PEP 440.
        public let version: String
        /// `path` is the wheel's file name: no index is named.
        public let file: Input

        /// - Parameter file: By the wheel's file name.
        public init(name: String, version: String, file: Input) {
            (self.name, self.version, self.file) = (name, version, file)
        }

        static let form = EntryForm<Wheel>(
            .string("name", \.name, "a project's normalized name", Spelling.isProjectName),
            .string("version", \.version, "a version", Spelling.isPythonVersion),
            .input("file", \.file, "a wheel's file name", Spelling.isWheel), make: Wheel.init)
    }

    /// What the image has of Python's packages.
    public struct Python: Equatable, Codable, Sendable {
        /// What was asked for, and where it goes.
        public let packages: PythonPackages
        /// The packages of the lock that an interpreter is unpacked from to resolve and fetch: the image's own, or the
        /// toolchain's where the base has none. Empty where it comes with the base's tarball.
        public let interpreter: [String]
        /// By name.
        public let wheels: [Wheel]

        /// Lists are sorted.
        public init(packages: PythonPackages, interpreter: [String], wheels: [Wheel]) {
            (self.packages, self.interpreter) = (packages, interpreter.sorted())
            self.wheels = wheels.sorted { $0.name < $1.name }
        }

        /// The user's own of them, by path beside the manifest.
        public var ownWheels: [Input] {
            packages.wheels.compactMap { path in
                wheels.first { $0.file.path == PythonPackages.fileName(of: path) }.map {
                    Input(path: path, size: $0.file.size, sha256: $0.file.sha256)
                }
            }
        }

        init?(in root: TOMLFields) throws {
            let wheels = try Wheel.form.entries("wheel", in: root)
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
            Wheel.form.write(wheels, as: "wheel", to: &text)
        }
    }
}
