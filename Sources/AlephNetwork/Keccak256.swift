/// Keccak-256 as Ethereum uses it: the Keccak team's submission with its first padding, not FIPS 202's
/// (https://keccak.team/keccak_specs_summary.html). libcrypto has it from OpenSSL 3.2 on, Debian 12 has 3.0.
package enum Keccak256 {
    private static let rate = 136

    /// 32 bytes.
    package static func hash(_ message: [UInt8]) -> [UInt8] {
        var state = [UInt64](repeating: 0, count: 25)
        var padded = message + [0x01]
        padded += [UInt8](repeating: 0, count: (rate - padded.count % rate) % rate)
        padded[padded.count - 1] |= 0x80
        for block in stride(from: 0, to: padded.count, by: rate) {
            for lane in 0..<(rate / 8) {
                for byte in 0..<8 { state[lane] ^= UInt64(padded[block + 8 * lane + byte]) << (8 * byte) }
            }
            permute(&state)
        }
        return (0..<32).map { UInt8(truncatingIfNeeded: state[$0 / 8] >> (8 * ($0 % 8))) }
    }

    /// Keccak-f[1600]; lane (x, y) is `a[x + 5 * y]`.
    private static func permute(_ a: inout [UInt64]) {
        for round in roundConstants {
            // θ
            let column = (0..<5).map { x in stride(from: x, to: 25, by: 5).reduce(0) { $0 ^ a[$1] } }
            for x in 0..<5 {
                let parity = column[(x + 4) % 5] ^ rotated(column[(x + 1) % 5], 1)
                for y in 0..<5 { a[x + 5 * y] ^= parity }
            }
            // ρ and π
            var b = a
            for x in 0..<5 {
                for y in 0..<5 { b[y + 5 * ((2 * x + 3 * y) % 5)] = rotated(a[x + 5 * y], rotations[x + 5 * y]) }
            }
            // χ
            for y in 0..<5 {
                for x in 0..<5 { a[x + 5 * y] = b[x + 5 * y] ^ (~b[(x + 1) % 5 + 5 * y] & b[(x + 2) % 5 + 5 * y]) }
            }
            // ι
            a[0] ^= round
        }
    }

    private static func rotated(_ lane: UInt64, _ bits: Int) -> UInt64 {
        bits == 0 ? lane : lane << bits | lane >> (64 - bits)
    }

    /// The t-th triangular number at the t-th lane of the walk (x, y) -> (y, 2x + 3y).
    private static let rotations: [Int] = {
        var table = [Int](repeating: 0, count: 25)
        var (x, y) = (1, 0)
        for t in 0..<24 {
            table[x + 5 * y] = (t + 1) * (t + 2) / 2 % 64
            (x, y) = (y, (2 * x + 3 * y) % 5)
        }
        return table
    }()

    /// Bits 2^j - 1 of each round's constant come from a shift register with x^8 + x^6 + x^5 + x^4 + 1.
    private static let roundConstants: [UInt64] = {
        var register: UInt8 = 1
        func nextBit() -> UInt64 {
            defer { register = register << 1 ^ (register & 0x80 != 0 ? 0x71 : 0) }
            return UInt64(register & 1)
        }
        return (0..<24).map { _ in (0..<7).reduce(0) { constant, j in constant | nextBit() << ((1 << j) - 1) } }
    }()
}
