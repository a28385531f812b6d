import AlephNetwork
import ArgumentParser
import Glibc
import Host
import Mirrors
import Subprocess
import SystemPackage

struct PublishCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "publish",
        abstract: "Publish an image on the Aleph network, its item hash known beforehand.",
        discussion: """
            No private key is read: a wallet, or a command of yours, signs the text that `prepare` writes.

            rtverify publish prepare IMAGE --address A     the message, its item hash, its price, what to sign
            rtverify publish send DIR --signature S        checks, uploads, waits, verifies from the network
            rtverify publish status DIR|HASH               what the network has of it

            EXAMPLES:
              rtverify publish prepare minimal.squashfs --address 0x101d8D16372dBf5f1614adaE95Ee5CCE61998Fc9 -o minimal.publish
              rtverify publish send minimal.publish --signature 0x... --yes
              rtverify publish status minimal.publish
            """,
        subcommands: [Prepare.self, Send.self, Status.self])
}

extension PublishError: DecidedError {}

extension StoreSignature.Refused: DecidedError {
    var isDecided: Bool { true }
}

/// A command of the user's that signs. Nothing of ours is put into its text, and it gets nothing but what is to be signed.
struct SigningCommand {
    let command: String

    private struct Failed: Error, CustomStringConvertible {
        let description: String
    }

    /// - Returns: The signature, checked for being one and for whose it is.
    /// - Throws: `StoreSignature.Refused`, and where the command fails.
    func sign(_ draft: StoreDraft, _ display: ProgressDisplay) async throws -> StoreSignature {
        // The command itself may have a password in it.
        display.report(.note("signing \(draft.itemHash) with the command of --sign-with"))
        // As a file: the library that starts it traps where a command ends before it has read a pipe.
        let text = try AtomicFile(directory: temporaryDirectory)
        try text.write(draft.signedText)
        guard lseek(text.descriptor, 0, SEEK_SET) == 0 else {
            throw SystemError("cannot read what is to be signed", errno)
        }
        // Its questions are for the terminal that it finds itself, and its complaints for ours.
        let result = try await Subprocess.run(
            .path("/bin/sh"), arguments: ["-c", command],
            input: .fileDescriptor(FileDescriptor(rawValue: text.descriptor), closeAfterSpawningProcess: false),
            output: .string(limit: 1 << 16), error: .currentStandardError)
        guard result.terminationStatus.isSuccess else {
            throw Failed(description: "the command of --sign-with failed (\(result.terminationStatus))")
        }
        return try StoreSignature(result.standardOutput, over: draft)
    }
}

extension StoreSignature {
    /// Only what the sender signed is sent; what nobody can tell offline is sent where the user says so.
    /// - Parameter mayBeUnchecked: Whether the user says so.
    /// - Throws: `PublishError`.
    func require(for draft: StoreDraft, mayBeUnchecked: Bool) throws {
        switch status {
        case .valid: return
        case .missing, .unproven:
            throw PublishError.notPrepared(
                "the signature of \(draft.itemHash) is \(status.explanation); it has to be \(draft.sender)'s (\(draft.chain)) over the "
                    + "bytes of to-sign.txt")
        case .undecidable, .notChecked:
            guard !mayBeUnchecked else { return }
            throw PublishError.undecided(
                "the signature of \(draft.itemHash) is \(status.explanation). Where that is so by design, a contract's wallet say, "
                    + "send it with --unchecked-signature")
        }
    }
}
