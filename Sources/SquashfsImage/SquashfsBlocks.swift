import CSquashfs
import Glibc
import Host

/// The stored blocks of an image's files, as they are and decompressed. One thread's: each has its own.
public final class SquashfsBlocks {
    private let path: String
    private let blockSize: Int
    private let fragments: [SquashfsReader.Fragment]
    private let descriptor: CInt
    private var compressor: UnsafeMutablePointer<sqfs_compressor_t>?
    private let stored: UnsafeMutableRawBufferPointer
    private let block: UnsafeMutableRawBufferPointer
    private let fragmentBlock: UnsafeMutableRawBufferPointer
    /// Where block number `block` begins in a file of `count` blocks from `start`.
    private var cursor = (start: -1, count: 0, block: 0, place: 0)
    /// What the two buffers hold: a place in the file, or -1.
    private var (blockAt, blockCount, fragmentIndex, fragmentCount) = (-1, 0, -1, 0)

    /// - Throws: `ImageReadError`.
    public init(_ reader: SquashfsReader) throws {
        (path, blockSize, fragments) = (reader.path, reader.superblock.blockSize, reader.fragments)
        descriptor = open(path, O_RDONLY | O_CLOEXEC)
        stored = .allocate(byteCount: blockSize, alignment: 4096)
        block = .allocate(byteCount: blockSize, alignment: 4096)
        fragmentBlock = .allocate(byteCount: blockSize, alignment: 4096)
        guard descriptor >= 0 else { throw ImageReadError(path: path, reason: String(cString: strerror(errno))) }
        var configuration = sqfs_compressor_config_t()
        guard
            sqfs_compressor_config_init(
                &configuration, SQFS_COMPRESSOR(rawValue: UInt32(reader.superblock.compressionID)), blockSize,
                UInt16(SQFS_COMP_FLAG_UNCOMPRESS.rawValue)) == 0,
            sqfs_compressor_create(&configuration, &compressor) == 0
        else { throw ImageReadError(path: path, reason: "no decompressor") }
    }

    deinit {
        if descriptor >= 0 { close(descriptor) }
        rtv_sqfs_destroy(compressor)
        for buffer in [stored, block, fragmentBlock] { buffer.deallocate() }
    }

    /// The bytes of the image from `offset`, as they are stored.
    public func readStored(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws {
        guard (try? OpenFile.read(descriptor, at: offset, into: buffer)) == buffer.count else {
            throw failure("a data block", offset, "the image ends before it does")
        }
    }

    /// Reads from a place in the file until the buffer is full or the file ends.
    public func read(
        _ file: SquashfsReader.StoredFile, from start: Int, into buffer: UnsafeMutableRawBufferPointer
    ) throws -> Int {
        let end = min(file.size, start + buffer.count)
        guard start < end else { return 0 }
        let first = min(start / blockSize, file.blocks.count)
        // Reads go forwards, so the place is counted on from the last one.
        var (counted, place) = (0, file.start)
        if cursor.start == file.start, cursor.count == file.blocks.count, cursor.block <= first {
            (counted, place) = (cursor.block, cursor.place)
        }
        for size in file.blocks[counted..<first] { place += Int(size & 0xff_ffff) }
        cursor = (file.start, file.blocks.count, first, place)
        for (index, size) in file.blocks[first...].enumerated() {
            let offset = (first + index) * blockSize
            guard offset < end else { break }
            let count = min(blockSize, file.size - offset)
            let (from, to) = (max(start, offset), min(end, offset + count))
            let part = UnsafeMutableRawBufferPointer(rebasing: buffer[(from - start)..<(to - start)])
            if size == 0 {
                part.initializeMemory(as: UInt8.self, repeating: 0)
            } else {
                let bytes = try decompressed(place, size, count)
                part.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[(from - offset)..<(to - offset)]))
            }
            place += Int(size & 0xff_ffff)
        }
        let offset = file.blocks.count * blockSize
        if let fragment = file.fragment, offset < end {
            let bytes = try tail(fragment, file.size - offset)
            let from = max(start, offset)
            UnsafeMutableRawBufferPointer(rebasing: buffer[(from - start)..<(end - start)])
                .copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[(from - offset)..<(end - offset)]))
        }
        return end - start
    }

    private func tail(_ fragment: (index: Int, offset: Int), _ count: Int) throws -> UnsafeRawBufferPointer {
        let (start, size) = (fragments[fragment.index].start, fragments[fragment.index].size)
        if fragmentIndex != fragment.index {
            fragmentIndex = -1
            fragmentCount = try decompress(start, size, into: fragmentBlock)
            fragmentIndex = fragment.index
        }
        guard fragment.offset + count <= fragmentCount else {
            throw failure("a fragment block", start, "it is shorter than a file's tail needs")
        }
        return UnsafeRawBufferPointer(rebasing: fragmentBlock[fragment.offset..<fragment.offset + count])
    }

    private func decompressed(_ place: Int, _ size: UInt32, _ count: Int) throws -> UnsafeRawBufferPointer {
        if blockAt != place || blockCount != count {
            blockAt = -1
            guard try decompress(place, size, into: block) == count else {
                throw failure("a data block", place, "it has another size than its file says")
            }
            (blockAt, blockCount) = (place, count)
        }
        return UnsafeRawBufferPointer(rebasing: block[..<count])
    }

    /// - Returns: How many bytes there are.
    private func decompress(_ place: Int, _ size: UInt32, into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        let count = Int(size & 0xff_ffff)
        guard size >> 25 == 0, count <= blockSize else {
            throw failure("a data block", place, "it says that it has \(count) bytes")
        }
        if size & 1 << 24 != 0 {
            try readStored(at: place, into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<count]))
            return count
        }
        try readStored(at: place, into: UnsafeMutableRawBufferPointer(rebasing: stored[..<count]))
        let result = rtv_sqfs_uncompress(
            compressor, stored.baseAddress, UInt32(count), buffer.baseAddress, UInt32(buffer.count))
        guard result > 0 else { throw failure("a data block", place, "it can't be decompressed") }
        return Int(result)
    }

    private func failure(_ structure: String, _ offset: Int, _ reason: String) -> ImageReadError {
        ImageReadError(path: path, structure: structure, offset: offset, reason: reason)
    }
}
