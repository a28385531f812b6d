/// UnixFS files and folders as dag-pb nodes, written (https://ipld.io/specs/codecs/dag-pb/spec/, https://specs.ipfs.tech/unixfs/).
///
///     node    { Links (field 2)..., Data (field 1) }
///     link    { Hash (1), Name (2), which a file's parts don't have, Tsize (3) }
///     Data    { type 2: file (1), data (2) unless empty, filesize (3), blocksizes (4)... }, { type 1: directory (1) }
package enum DagPB {
    /// A child as its parent's link holds it.
    package struct Child {
        /// What is linked.
        package var cid: CID
        /// Serialized bytes of the node and of all below it, each as often as it is linked: Tsize.
        package var totalSize: Int
        /// File bytes below it.
        package var fileSize: Int

        /// Sizes in bytes: of all blocks below, and of the file's part.
        package init(cid: CID, totalSize: Int, fileSize: Int) {
            (self.cid, self.totalSize, self.fileSize) = (cid, totalSize, fileSize)
        }
    }

    /// An inner node: links and sizes, no data of its own.
    package static func innerNode(_ children: some Sequence<Child>) -> (node: [UInt8], totalSize: Int, fileSize: Int) {
        var node: [UInt8] = []
        var blockSizes: [UInt8] = []
        var (totalSize, fileSize) = (0, 0)
        for child in children {
            let hash = child.cid.bytes
            let tsize = Varint.encode(child.totalSize)
            let size = 2 + hash.count + 2 + 1 + tsize.count
            node += [0x12] + Varint.encode(size) + [0x0a, UInt8(hash.count)] + hash + [0x12, 0x00, 0x18] + tsize
            blockSizes += [0x20] + Varint.encode(child.fileSize)
            totalSize += child.totalSize
            fileSize += child.fileSize
        }
        let unixFS = [0x08, 0x02, 0x18] + Varint.encode(fileSize) + blockSizes
        node += [0x0a] + Varint.encode(unixFS.count) + unixFS
        return (node, totalSize + node.count, fileSize)
    }

    /// A folder's node, of type directory.
    /// - Parameter links: By name, in the order of the names' bytes.
    package static func folderNode(_ links: some Sequence<(name: String, child: Child)>) -> (
        node: [UInt8], totalSize: Int
    ) {
        var (node, totalSize) = ([UInt8](), 0)
        for (name, child) in links {
            let (hash, name, tsize) = (child.cid.bytes, Array(name.utf8), Varint.encode(child.totalSize))
            let link =
                [0x0a, UInt8(hash.count)] + hash + [0x12] + Varint.encode(name.count) + name + [0x18] + tsize
            node += [0x12] + Varint.encode(link.count) + link
            totalSize += child.totalSize
        }
        node += [0x0a, 0x02, 0x08, 0x01]
        return (node, totalSize + node.count)
    }

    /// What stands before and after a leaf's bytes where leaves are wrapped.
    static func leafWrapping(size: Int) -> (prefix: [UInt8], suffix: [UInt8]) {
        let data = size == 0 ? [] : [0x12] + Varint.encode(size)
        let suffix = [0x18] + Varint.encode(size)
        let prefix = [0x0a] + Varint.encode(2 + data.count + size + suffix.count) + [0x08, 0x02] + data
        return (prefix, suffix)
    }
}
