import FileTree
import Glibc
import SquashfsImage

/// Hands bytes to the reader of images, and two images to the differ; compiled into ImageComparison by scripts/fuzz.
/// Nothing may trap, hang, or read outside of them; what they say of the bytes doesn't matter.
///
/// The first byte says what: even, one image or archive, whose contents are read; odd, two, the length of the first in
/// two bytes.
func examine(_ bytes: [UInt8]) {
    guard bytes.count > 3 else { return }
    defer { removeFiles() }
    // Two files for archives' contents, as the child has them.
    while let left = SpoolFiles.take() { close(left) }
    guard (try? SpoolFiles.open(2, in: "/dev/shm", pairs: nil)) != nil else { return }
    if bytes[0] % 2 == 0 { return readAll(Array(bytes[1...])) }
    let length = min(Int(bytes[1]) | Int(bytes[2]) << 8, bytes.count - 3)
    guard let a = image(Array(bytes[3..<(3 + length)])), let b = image(Array(bytes[(3 + length)...])) else { return }
    guard let found = try? TreeComparison(a, b).run() else { return }
    for one in found {
        _ = Security.concerns(one.difference.kind, one.a?.path ?? [], one.a, one.b)
        var evidence = Evidence(path: one.difference.path, kind: one.difference.kind, a: one.a, b: one.b)
        if one.difference.kind == .content, let x = one.a, let y = one.b,
            let left = try? a.makeReader().bytes(x, limit: 1 << 16),
            let right = try? b.makeReader().bytes(y, limit: 1 << 16)
        {
            evidence.contents = (left, right)
            var budget = 1_000_000
            _ = TextDifference.unified(left, right, budget: &budget)
            _ = TextDifference.window(left, right, at: one.offset ?? 0)
        }
        _ = Cause.first(for: evidence)
    }
    if found.isEmpty, let x = a as? SquashfsTree, let y = b as? SquashfsTree {
        _ = PackingComparison.run(x, y, sizes: (0, 0))
    }
    guard let x = try? Owners(a, wanted: nil), let y = try? Owners(b, wanted: nil) else { return }
    for entry in a.entries { _ = x.owner(of: entry.path) }
    _ = ReleaseNotes(x, y, locks: nil)
}

private func readAll(_ bytes: [UInt8]) {
    guard let tree = image(bytes), let reader = try? tree.makeReader() else { return }
    for entry in tree.entries { _ = try? reader.bytes(entry, limit: 1 << 20) }
}

/// Readers open the files anew, so these stay until the examination ends.
nonisolated(unsafe) private var files: [[CChar]] = []

private func removeFiles() {
    for file in files { unlink(file) }
    files = []
}

private func image(_ bytes: [UInt8]) -> (any Tree)? {
    var template = Array("/dev/shm/rtverify-fuzz-XXXXXX".utf8CString)
    let descriptor = mkstemp(&template)
    guard descriptor >= 0 else { return nil }
    files.append(template)
    defer { close(descriptor) }
    guard write(descriptor, bytes, bytes.count) == bytes.count else { return nil }
    return try? TreeSource.open(String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self))
}

@_cdecl("LLVMFuzzerTestOneInput")
func fuzz(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    examine(Array(UnsafeBufferPointer(start: start, count: count)))
    return 0
}
