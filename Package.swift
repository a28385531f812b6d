// swift-tools-version: 6.2
import PackageDescription

/// Swift's runtime and FoundationEssentials inside the program, so that one binary runs wherever the C libraries are. Said
/// here and not on the command line (--static-swift-stdlib), because the tests, whose XCTest exists as a shared library
/// only, then share one build with the program. What would bring the rest of Foundation, with ICU's 34 MB of data, doesn't
/// link. Nobody looks for this program's symbols, and what isn't exported and isn't called goes.
let staticRuntime: [LinkerSetting] = [
    .unsafeFlags(["-static-stdlib", "-Xlinker", "--no-export-dynamic"]), .linkedLibrary("_FoundationCollections"),
    .linkedLibrary("_FoundationCShims"),
    .linkedLibrary("stdc++"),
]

/// Strict memory and concurrency checks are those of the Swift 6 language mode, which tools version 6 turns on.
let package = Package(
    name: "rtverify",
    products: [
        .executable(name: "rtverify", targets: ["rtverify"]),
        .library(name: "ContentHash", targets: ["ContentHash"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
        .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.2"),
        .package(url: "https://github.com/LebJe/TOMLKit", from: "0.6.0"),
        .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
        // `swift package generate-documentation --target ContentHash`
        .package(url: "https://github.com/swiftlang/swift-docc-plugin", from: "1.5.0"),
    ],
    targets: [
        .executableTarget(
            name: "rtverify",
            dependencies: [
                "AlephNetwork",
                "Archives",
                "CSandbox",
                "ContentHash",
                "Gate",
                "Host",
                "ImageBuild",
                "ImageComparison",
                "InputStore",
                "KeptTrees",
                "Mirrors",
                "PackageResolution",
                "RuntimeSpec",
                "RuntimeTemplates",
                "Sandbox",
                "VirtualMachine",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Subprocess", package: "swift-subprocess"),
                .product(name: "SystemPackage", package: "swift-system"),
            ],
            resources: ["html", "css", "js"].map { .embedInCode("Text/comparison.\($0)") },
            linkerSettings: staticRuntime),
        .target(
            name: "AlephNetwork",
            dependencies: [
                "COpenSSL",
                "CSecp256k1",
                "ContentHash",
                "Host",
                "Mirrors",
            ],
            // By file name, like libsquashfs: it is libsecp256k1-1 here and libsecp256k1-2 there.
            linkerSettings: [.linkedLibrary(":libsecp256k1.a")]),
        .target(
            name: "RuntimeSpec",
            dependencies: [
                "ContentHash",
                "Host",
                "TOMLKit",
            ],
            // guest/'s own, by links.
            resources: [
                "init_1.sh", "init_2.sh", "init_3.sh", "agent.c", "agent.h", "asgi_exchange.py", "asgi_messagepack.py",
                "asgi_worker.py", "basics.c", "configuration.c", "configure.c", "http.h", "http_answer.c",
                "http_exchange.c", "http_request.c", "inflate.c", "machine.c", "msgpack.c", "network.c", "program.c",
                "relay.c", "requests.c", "session.h", "vsock.c", "zip.c", "agent_1.c", "agent_1.h", "asgi_worker_1.py",
                "basics_1.c", "configuration_1.c", "http_1.c", "msgpack_1.c",
            ].map { .embedInCode("Guest/\($0)") }),
        .target(
            name: "ContentHash",
            dependencies: [
                "COpenSSL",
                "Host",
            ]),
        .target(
            name: "Mirrors",
            dependencies: [
                "Archives",
                "CLinux",
                "ContentHash",
                "Host",
                "InputStore",
                "RuntimeSpec",
                "Sandbox",
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ]),
        .target(
            name: "Sandbox",
            dependencies: [
                "Archives",
                "CLinux",
                "CSandbox",
                "ContentHash",
                "Host",
                "InputStore",
                "RuntimeSpec",
                .product(name: "Subprocess", package: "swift-subprocess"),
                .product(name: "SystemPackage", package: "swift-system"),
            ]),
        .target(
            name: "InputStore",
            dependencies: [
                "Archives",
                "ContentHash",
                "Host",
                "RuntimeSpec",
            ]),
        .target(
            name: "PackageResolution",
            dependencies: [
                "Archives",
                "CLinux",
                "COpenSSL",
                "ContentHash",
                "FileTree",
                "Host",
                "InputStore",
                "Mirrors",
                "RuntimeSpec",
                "Sandbox",
                .product(name: "Subprocess", package: "swift-subprocess"),
                .product(name: "SystemPackage", package: "swift-system"),
            ], resources: [.embedInCode("Debian/debian-archives.asc")]),
        .target(
            name: "KeptTrees",
            dependencies: [
                "Archives",
                "ContentHash",
                "Host",
                "ImagePacking",
                "RuntimeSpec",
                "Sandbox",
            ]),
        .target(
            name: "RootfsBuild",
            dependencies: [
                "CLinux",
                "ContentHash",
                "Host",
                "InputStore",
                "RuntimeSpec",
                "Sandbox",
            ],
            resources: [
                "install_wheels.py", "recompile_library.py", "unlisted_files.py", "wheels_as_pip_has_them.py",
                "wheels_of_own_python.py",
            ].map { .embedInCode($0) }),
        .target(
            name: "ImagePacking",
            dependencies: [
                "CLinux",
                "FileTree",
                "Host",
                "RuntimeSpec",
                "Sandbox",
                .product(name: "Subprocess", package: "swift-subprocess"),
                .product(name: "SystemPackage", package: "swift-system"),
            ]),
        .target(
            name: "FileTree",
            dependencies: [
                "Archives",
                "CLinux",
                "Host",
                .product(name: "SystemPackage", package: "swift-system"),
            ]),
        .target(
            name: "SquashfsImage",
            dependencies: [
                "CSquashfs",
                "FileTree",
                "Host",
            ],
            linkerSettings: [
                // By file name: libsquashfs has another name on each distribution, so it goes into the binary;
                // the compressors it calls have one soname everywhere and stay shared.
                .linkedLibrary(":libsquashfs.a"), .linkedLibrary("z"),
                .linkedLibrary("lzma"), .linkedLibrary("zstd"), .linkedLibrary("lz4"),
            ]),
        .target(
            name: "ImageComparison",
            dependencies: [
                "Archives",
                "ContentHash",
                "FileTree",
                "Host",
                "RuntimeSpec",
                "Sandbox",
                "SquashfsImage",
                .product(name: "Subprocess", package: "swift-subprocess"),
                .product(name: "SystemPackage", package: "swift-system"),
            ]),
        .target(
            name: "ImageBuild",
            dependencies: [
                "CLinux",
                "ContentHash",
                "Host",
                "ImageComparison",
                "ImagePacking",
                "InputStore",
                "KeptTrees",
                "Mirrors",
                "RootfsBuild",
                "RuntimeSpec",
                "Sandbox",
                .product(name: "Subprocess", package: "swift-subprocess"),
                .product(name: "SystemPackage", package: "swift-system"),
            ]),
        // The manifests of runtimes/ themselves, by links.
        .target(
            name: "Gate",
            dependencies: [
                "AlephNetwork",
                "ContentHash",
                "Host",
                "ImageBuild",
                "ImageComparison",
                "InputStore",
                "Mirrors",
                "PackageResolution",
                "RuntimeSpec",
                "VirtualMachine",
            ]),
        .target(
            name: "RuntimeTemplates",
            dependencies: [
                "Host",
                "RuntimeSpec",
            ],
            resources: [
                .embedInCode("aleph-debian-11-python-node.toml"),
                .embedInCode("aleph-debian-12-python.toml"),
                .embedInCode("aleph-debian-13-python.toml"),
                .embedInCode("alpine-minimal.toml"),
                .embedInCode("debian-12-minimal.toml"),
                .embedInCode("debian-13-minimal.toml"),
                .embedInCode("empty.toml"),
                .embedInCode("example-python-volume.toml"),
                .embedInCode("hello"),
                .embedInCode("inittab"),
                .embedInCode("securetty"),
                .embedInCode("sshd_config.conf"),
                .embedInCode("tarball.toml"),
                .embedInCode("volume-README.txt"),
            ]),
        .target(
            name: "VirtualMachine",
            dependencies: [
                "Archives",
                "CLinux",
                "ContentHash",
                "Host",
                "InputStore",
                "Mirrors",
                "PackageResolution",
                "RuntimeSpec",
                "Sandbox",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "Subprocess", package: "swift-subprocess"),
                .product(name: "SystemPackage", package: "swift-system"),
            ],
            resources: [.embedInCode("initramfs.sh")]),
        .target(
            name: "Archives",
            dependencies: [
                "CArchive",
                "CZlib",
                "Host",
            ]),
        .target(
            name: "Host",
            dependencies: [
                "CLinux",
                .product(name: "SystemPackage", package: "swift-system"),
            ]),
        .systemLibrary(name: "COpenSSL", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(name: "CSquashfs", providers: [.apt(["libsquashfs-dev"])]),
        .systemLibrary(name: "CArchive", pkgConfig: "libarchive", providers: [.apt(["libarchive-dev"])]),
        .systemLibrary(name: "CSecp256k1", providers: [.apt(["libsecp256k1-dev"])]),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .systemLibrary(name: "CLinux"),
        // libseccomp by file name: then a host needs none of its own.
        .target(name: "CSandbox", linkerSettings: [.linkedLibrary(":libseccomp.a")]),
        .testTarget(name: "ContentHashTests", dependencies: ["ContentHash"], exclude: ["Corpus"]),
        .testTarget(name: "AlephNetworkTests", dependencies: ["AlephNetwork", "ContentHash"], exclude: ["Corpus"]),
        .testTarget(name: "RuntimeSpecTests", dependencies: ["ContentHash", "RuntimeSpec"]),
        .testTarget(
            name: "PackageResolutionTests", dependencies: ["ContentHash", "PackageResolution", "RuntimeSpec"]),
        .testTarget(name: "HostTests", dependencies: ["Host"]),
        .testTarget(name: "ImagePackingTests", dependencies: ["Archives", "FileTree", "Host", "ImagePacking"]),
        .testTarget(name: "RootfsBuildTests", dependencies: ["ContentHash", "RootfsBuild", "RuntimeSpec"]),
        .testTarget(name: "SandboxTests", dependencies: ["ContentHash", "Host", "RuntimeSpec", "Sandbox"]),
        .testTarget(name: "VirtualMachineTests", dependencies: ["Host", "VirtualMachine"]),
        .testTarget(name: "ArchivesTests", dependencies: ["Archives"]),
        .testTarget(name: "FileTreeTests", dependencies: ["FileTree"]),
        .testTarget(name: "MirrorsTests", dependencies: ["ContentHash", "Mirrors"]),
        .testTarget(name: "ImageComparisonTests", dependencies: ["FileTree", "ImageComparison"]),
        .testTarget(name: "InputStoreTests", dependencies: ["ContentHash", "Host", "InputStore", "RuntimeSpec"]),
        .testTarget(name: "GateTests", dependencies: ["Gate", "RuntimeSpec"]),
        .testTarget(name: "ImageBuildTests", dependencies: ["Host", "ImageBuild"]),
        .testTarget(name: "RuntimeTemplatesTests", dependencies: ["RuntimeSpec", "RuntimeTemplates"]),
        .testTarget(name: "SquashfsImageTests", dependencies: ["FileTree", "SquashfsImage"]),
        .testTarget(
            name: "ReaderTests",
            dependencies: ["FileTree", "ImageComparison", "Mirrors", "PackageResolution", "RuntimeSpec"],
            exclude: ["Corpus"]),
        // It runs the program as a user does; what it links makes the messages that a test node serves.
        .testTarget(
            name: "EndToEndTests", dependencies: ["AlephNetwork", "COpenSSL", "CSecp256k1", "ContentHash"],
            exclude: ["Fixtures"]),
    ]
)
