import CLinux

/// Whether bytes hold others (memmem(3)).
public func bytesContain(_ bytes: [UInt8], _ part: [UInt8]) -> Bool {
    bytes.withUnsafeBytes { memory in
        part.withUnsafeBytes { rtv_contains(memory.baseAddress, memory.count, $0.baseAddress, $0.count) != 0 }
    }
}
