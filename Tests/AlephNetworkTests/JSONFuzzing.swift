import Foundation

#if !FUZZING
    import AlephNetwork
#endif

/// Hands bytes to the reader of hashed content. It may refuse what others take, but what it takes must be JSON to
/// another reader too, and mean the same. The test runs it on the corpus, scripts/fuzz with libFuzzer's bytes.
func readStrictly(_ bytes: [UInt8]) {
    guard let value = try? StrictJSON(bytes) else { return }
    guard let other = try? JSONSerialization.jsonObject(with: Data(bytes), options: .fragmentsAllowed) else {
        fatalError("taken here, refused elsewhere: \(String(decoding: bytes, as: UTF8.self))")
    }
    if !agree(value, other) { fatalError("read differently elsewhere: \(String(decoding: bytes, as: UTF8.self))") }
}

private func agree(_ value: StrictJSON, _ other: Any) -> Bool {
    switch value {
    case .null: return other is NSNull
    case .bool(let flag): return (other as? Bool) == flag
    case .number(_, let number):
        // Foundation's own rounding of long decimals isn't always the nearest.
        guard let double = (other as? NSNumber)?.doubleValue else { return false }
        return abs(double - number) <= 1e-13 * abs(number)
    case .string(let text): return (other as? String)?.utf8.elementsEqual(text.utf8) == true
    case .array(let elements):
        guard let others = other as? [Any], others.count == elements.count else { return false }
        return zip(elements, others).allSatisfy { agree($0, $1) }
    case .object(let members):
        // To Foundation, keys of one Unicode normal form are one key; here they are two.
        guard let others = other as? [String: Any], others.count == members.count else {
            return Set(members.map(\.key)).count < members.count
        }
        return members.allSatisfy { member in others[member.key].map { agree(member.value, $0) } == true }
    }
}

#if FUZZING
    @_cdecl("LLVMFuzzerTestOneInput")
    func fuzz(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
        readStrictly(Array(UnsafeBufferPointer(start: start, count: count)))
        return 0
    }
#endif
