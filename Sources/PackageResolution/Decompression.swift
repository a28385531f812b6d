import CArchive

/// Decompression of a single stream (xz, gzip) by libarchive.
enum Decompression {
    /// All of the bytes. `limit` bounds what a small input may grow to.
    static func bytes(of input: [UInt8], name: String, limit: Int = 1 << 30) throws -> [UInt8] {
        guard let archive = archive_read_new() else { throw ResolutionError.malformed("out of memory") }
        defer { archive_read_free(archive) }
        archive_read_support_filter_all(archive)
        archive_read_support_format_raw(archive)
        func failure() -> ResolutionError {
            let reason = archive_error_string(archive).map { String(cString: $0) } ?? "unknown error"
            return .malformed("\(name) can't be decompressed: \(reason)")
        }
        return try input.withUnsafeBytes { bytes in
            var entry: OpaquePointer?
            guard archive_read_open_memory(archive, bytes.baseAddress, bytes.count) == ARCHIVE_OK,
                archive_read_next_header(archive, &entry) == ARCHIVE_OK
            else { throw failure() }
            var output: [UInt8] = []
            output.reserveCapacity(bytes.count * 6)
            let chunk = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 16)
            defer { chunk.deallocate() }
            while true {
                let count = archive_read_data(archive, chunk.baseAddress, chunk.count)
                if count < 0 { throw failure() }
                if count == 0 { return output }
                guard output.count + count <= limit else {
                    throw ResolutionError.malformed("\(name) grows beyond \(limit) bytes")
                }
                output += chunk[..<count]
            }
        }
    }
}
