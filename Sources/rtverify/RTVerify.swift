import ArgumentParser

@main
struct RTVerify: AsyncParsableCommand {
    func run() async throws {}
}
