/// The parts of an ELF file's header that say where it runs (elf(5)); little-endian 64-bit files only.
package struct ELFHeader {
    static let x86_64 = 62

    let machine: Int
    /// PT_INTERP's path: the loader.
    package var interpreter: String?

    /// - Parameter bytes: The beginning of a file; nil for one that is no ELF file (System V ABI, ELF header).
    package init?(_ bytes: [UInt8]) {
        func number(_ offset: Int, _ count: Int) -> Int? {
            guard offset >= 0, offset <= bytes.count - count else { return nil }
            return Int(
                truncatingIfNeeded: bytes[offset..<(offset + count)].reversed().reduce(UInt64(0)) {
                    $0 << 8 | UInt64($1)
                })
        }
        guard bytes.starts(with: [0x7f, 0x45, 0x4c, 0x46]), let machine = number(18, 2) else { return nil }
        self.machine = machine
        guard bytes.count > 5, bytes[4] == 2, bytes[5] == 1, let table = number(32, 8), let size = number(54, 2),
            let count = number(56, 2), size >= 56, table < 1 << 20
        else { return }
        for index in 0..<min(count, 64) {
            let header = table + index * size
            guard number(header, 4) == 3, let offset = number(header + 8, 8), let length = number(header + 32, 8),
                offset >= 0, length > 1, length < 4096, offset <= bytes.count - length
            else { continue }
            interpreter = String(decoding: bytes[offset..<(offset + length - 1)], as: UTF8.self)
        }
    }
}
