import Glibc

#if !FUZZING
    import ContentHash
#endif

/// Hands bytes to every reader of untrusted input in ContentHash. Nothing may trap, hang, or read outside of them; what
/// they say of the bytes doesn't matter. The test runs it on the corpus, scripts/fuzz with libFuzzer's bytes.
func readEverything(_ bytes: [UInt8]) {
    let text = String(decoding: bytes, as: UTF8.self)
    if let cid = try? CID(text) {
        precondition((try? CID(cid.description)) == cid, "a CID that isn't read as it is written")
    }
    if let cid = try? CID(bytes: bytes) {
        precondition(cid.bytes == bytes && (try? CID(cid.description)) == cid, "a CID with two forms")
    }
    var rest = bytes[...]
    if let value = Varint.decode(&rest) {
        precondition(Varint.encode(value)[...] == bytes.prefix(bytes.count - rest.count), "a varint with two forms")
    }
    _ = HashList(text: text.utf8)
    _ = try? UnixFSNode(codec: .dagPB, block: bytes)
    readCAR(bytes)
}

private func unnamedFile() -> CInt {
    var template = Array("/tmp/rtverify-fuzz-XXXXXX".utf8CString)
    let descriptor = mkstemp(&template)
    unlink(template)
    return descriptor
}

private func readCAR(_ bytes: [UInt8]) {
    let descriptor = unnamedFile()
    defer { close(descriptor) }
    guard descriptor >= 0, write(descriptor, bytes, bytes.count) == bytes.count,
        let file = try? InputFile(path: "/proc/self/fd/\(descriptor)"), var reader = try? CARReader(file: file),
        let size = try? reader.checkTree(), size < 1 << 20
    else { return }
    let output = unnamedFile()
    defer { close(output) }
    do {
        try reader.extract(to: output, name: "file")
    } catch {
        preconditionFailure("a checked tree that can't be extracted: \(error)")
    }
}

#if FUZZING
    @_cdecl("LLVMFuzzerTestOneInput")
    func fuzz(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
        readEverything(Array(UnsafeBufferPointer(start: start, count: count)))
        return 0
    }
#endif
