import Glibc

// The C library's calls with a path, for paths as text that need not be UTF-8 (PathText.swift). They have the same names and
// answers: a file that imports this module calls them where it would have called C's with a String, which Swift passes as
// UTF-8. scripts/lint sees to it that none is left that doesn't.

/// open(2).
public func open(_ path: String, _ flags: CInt) -> CInt { path.withPath { Glibc.open($0, flags) } }

/// open(2), creating the file with a mode.
public func open(_ path: String, _ flags: CInt, _ mode: mode_t) -> CInt {
    path.withPath { Glibc.open($0, flags, mode) }
}

/// fopen(3).
public func fopen(_ path: String, _ mode: String) -> UnsafeMutablePointer<FILE>? {
    path.withPath { Glibc.fopen($0, mode) }
}

/// stat(2).
public func stat(_ path: String, _ status: UnsafeMutablePointer<Glibc.stat>) -> CInt {
    path.withPath { stat($0, status) }
}

/// lstat(2).
public func lstat(_ path: String, _ status: UnsafeMutablePointer<Glibc.stat>) -> CInt {
    path.withPath { Glibc.lstat($0, status) }
}

/// statvfs(3).
public func statvfs(_ path: String, _ status: UnsafeMutablePointer<Glibc.statvfs>) -> CInt {
    path.withPath { statvfs($0, status) }
}

/// access(2).
public func access(_ path: String, _ mode: CInt) -> CInt { path.withPath { Glibc.access($0, mode) } }

/// opendir(3).
public func opendir(_ path: String) -> OpaquePointer? { path.withPath { Glibc.opendir($0) } }

/// readlink(2); the target has no zero at its end.
public func readlink(_ path: String, _ target: UnsafeMutablePointer<CChar>, _ size: Int) -> Int {
    path.withPath { Glibc.readlink($0, target, size) }
}

/// mkdir(2).
@discardableResult
public func mkdir(_ path: String, _ mode: mode_t) -> CInt { path.withPath { Glibc.mkdir($0, mode) } }

/// rmdir(2).
@discardableResult
public func rmdir(_ path: String) -> CInt { path.withPath { Glibc.rmdir($0) } }

/// unlink(2).
@discardableResult
public func unlink(_ path: String) -> CInt { path.withPath { Glibc.unlink($0) } }

/// chmod(2).
@discardableResult
public func chmod(_ path: String, _ mode: mode_t) -> CInt { path.withPath { Glibc.chmod($0, mode) } }

/// rename(2).
public func rename(_ path: String, _ name: String) -> CInt {
    path.withPath { path in name.withPath { Glibc.rename(path, $0) } }
}

/// symlink(2).
public func symlink(_ target: String, _ path: String) -> CInt {
    target.withPath { target in path.withPath { Glibc.symlink(target, $0) } }
}

/// chdir(2).
public func chdir(_ path: String) -> CInt { path.withPath { Glibc.chdir($0) } }

/// chroot(2).
public func chroot(_ path: String) -> CInt { path.withPath { Glibc.chroot($0) } }

/// mount(2).
public func mount(
    _ source: String?, _ target: String, _ type: String?, _ flags: UInt, _ data: String?
) -> CInt {
    target.withPath { target in
        (source ?? "none").withPath { source in
            // Its data are a file system's options: numbers and words of ours.
            Glibc.mount(source, target, type, flags, data)
        }
    }
}

/// umount2(2).
@discardableResult
public func umount2(_ path: String, _ flags: CInt) -> CInt { path.withPath { Glibc.umount2($0, flags) } }

/// The path without links, dots and doubled slashes (realpath(3)); nil with errno.
public func realPath(_ path: String) -> String? {
    guard let real = path.withPath({ realpath($0, nil) }) else { return nil }
    defer { free(real) }
    return String(path: real)
}

/// The working folder (getcwd(3)); nil with errno.
public func workingDirectory() -> String? {
    guard let path = getcwd(nil, 0) else { return nil }
    defer { free(path) }
    return String(path: path)
}

/// A variable of the environment, which may hold a path; an empty one counts as unset.
@Sendable public func environmentValue(_ name: String) -> String? {
    guard let value = getenv(name), value.pointee != 0 else { return nil }
    return String(path: value)
}

/// Where files go that nobody is to find: TMPDIR, or /tmp.
public var temporaryDirectory: String { environmentValue("TMPDIR") ?? "/tmp" }
