import Glibc
import SystemPackage

/// Reads and writes of open files that go on until they are done, by swift-system's calls, which try again after a signal.
/// Errors are error numbers, for the caller to say what was being done.
public enum OpenFile {
    /// Reads from where the file stands until the buffer is full or the file ends.
    /// - Returns: How many bytes.
    public static func read(
        _ descriptor: CInt, into buffer: UnsafeMutableRawBufferPointer
    ) throws(Errno) -> Int {
        try fill(buffer) { try FileDescriptor(rawValue: descriptor).read(into: $0) }
    }

    /// Reads from a place in the file until the buffer is full or the file ends; where the file stands stays as it is.
    /// - Returns: How many bytes.
    public static func read(
        _ descriptor: CInt, at offset: Int, into buffer: UnsafeMutableRawBufferPointer
    ) throws(Errno) -> Int {
        var place = Int64(offset)
        return try fill(buffer) {
            let count = try FileDescriptor(rawValue: descriptor).read(fromAbsoluteOffset: place, into: $0)
            place += Int64(count)
            return count
        }
    }

    /// All that is left of the file.
    /// - Throws: `Errno.fileTooLarge` for more than `limit` bytes.
    public static func readToEnd(_ descriptor: CInt, limit: Int = .max) throws(Errno) -> [UInt8] {
        var bytes: [UInt8] = []
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 65_536, alignment: 16)
        defer { buffer.deallocate() }
        while true {
            let count = try read(descriptor, into: buffer)
            bytes += buffer[..<count]
            if bytes.count > limit { throw .fileTooLarge }
            if count < buffer.count { return bytes }
        }
    }

    /// Writes all of it where the file stands.
    public static func write(_ bytes: UnsafeRawBufferPointer, to descriptor: CInt) throws(Errno) {
        try typed { _ = try FileDescriptor(rawValue: descriptor).writeAll(bytes) }
    }

    /// Writes all of it where the file stands.
    public static func write(_ bytes: [UInt8], to descriptor: CInt) throws(Errno) {
        try typed { _ = try FileDescriptor(rawValue: descriptor).writeAll(bytes) }
    }

    /// Writes all of it at a place in the file; where the file stands stays as it is.
    public static func write(_ bytes: UnsafeRawBufferPointer, to descriptor: CInt, at offset: Int) throws(Errno) {
        try typed { _ = try FileDescriptor(rawValue: descriptor).writeAll(toAbsoluteOffset: Int64(offset), bytes) }
    }

    /// Writes all of it at a place in the file; where the file stands stays as it is.
    public static func write(_ bytes: [UInt8], to descriptor: CInt, at offset: Int) throws(Errno) {
        try typed { _ = try FileDescriptor(rawValue: descriptor).writeAll(toAbsoluteOffset: Int64(offset), bytes) }
    }

    /// So many bytes from a place in the file; fewer where it ends before.
    public static func bytes(_ descriptor: CInt, at offset: Int, count: Int) throws(Errno) -> [UInt8] {
        try typed {
            try [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
                initialized = try read(descriptor, at: offset, into: UnsafeMutableRawBufferPointer(buffer))
            }
        }
    }

    /// So many bytes from where the file stands; fewer where it ends before.
    public static func bytes(_ descriptor: CInt, count: Int) throws(Errno) -> [UInt8] {
        try typed {
            try [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
                initialized = try read(descriptor, into: UnsafeMutableRawBufferPointer(buffer))
            }
        }
    }

    private static func fill(
        _ buffer: UnsafeMutableRawBufferPointer, _ read: (UnsafeMutableRawBufferPointer) throws -> Int
    ) throws(Errno) -> Int {
        var done = 0
        while done < buffer.count {
            let count = try typed { try read(UnsafeMutableRawBufferPointer(rebasing: buffer[done...])) }
            if count == 0 { break }
            done += count
        }
        return done
    }

    /// swift-system throws nothing else.
    private static func typed<Value>(_ body: () throws -> Value) throws(Errno) -> Value {
        do { return try body() } catch { throw error as? Errno ?? .ioError }
    }
}
