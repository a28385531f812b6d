#!/usr/bin/env python3
"""Writes small squashfs images of the tests' own making, most of which lie: make_squashfs.py KIND IMAGE.

Nothing is compressed. Every inode has 32 bytes, so that its place follows from its number (the kernel's
Documentation/filesystems/squashfs.rst has the format).
"""
import struct, sys


def metadata(data):
    """Blocks of 8 KiB, each after its size with the bit for "not compressed"."""
    out = bytearray()
    for at in range(0, len(data), 8192):
        piece = data[at:at + 8192]
        out += struct.pack("<H", len(piece) | 0x8000) + piece
    return bytes(out)


def place(byte):
    """Where a byte of a table lies: its block's offset, and its own in the block."""
    return byte // 8192 * 8194, byte % 8192


def image(nodes, **lies):
    """Nodes are lists of (name, number), a folder's entries, or b"", a file. The first is the root."""
    listings, starts = bytearray(), []
    for node in nodes:
        starts.append(len(listings))
        if isinstance(node, list):
            for name, number in node:
                block, offset = place(32 * number)
                kind = 1 if isinstance(nodes[number], list) else 2
                listings += struct.pack("<III", 0, block, number + 1)
                listings += struct.pack("<HhHH", offset, 0, kind, len(name) - 1) + name
    starts.append(len(listings))
    inodes = bytearray()
    for number, node in enumerate(nodes):
        common = struct.pack("<HHHII", 0o755, 0, 0, lies.get("time", 0), lies.get("numbers", {}).get(number, number + 1))
        if isinstance(node, list):
            block, offset = place(starts[number])
            size = min(0xffff, starts[number + 1] - starts[number] + 3)
            inodes += struct.pack("<H", 1) + common + struct.pack("<IIHHI", block, 2, size, offset, 1)
        else:
            size = lies.get("file_sizes", {}).get(number, lies.get("file_size", 0))
            blocks = lies.get("blocks", b"") if size else b""
            inodes += struct.pack("<H", 2) + common + struct.pack("<IIII", 96, 0xffffffff, 0, size) + blocks
    inode_table, directory_table = metadata(inodes), metadata(listings)
    start = 96
    id_block = metadata(struct.pack("<I", 0))
    at_directories = start + len(inode_table)
    at_ids = at_directories + len(directory_table)
    id_table = id_block + struct.pack("<Q", at_ids)
    end = at_ids + len(id_table)
    fields = {
        "magic": 0x73717368, "inodes": len(nodes), "time": 0, "block_size": 131072, "fragments": 0, "compression": 1,
        "block_log": 17, "flags": 0x0210, "ids": 1, "major": 4, "minor": 0, "root": 0, "used": end,
        "id_start": at_ids + len(id_block), "xattr_start": 2**64 - 1, "inode_start": start,
        "directory_start": at_directories, "fragment_start": 2**64 - 1, "export_start": 2**64 - 1,
    }
    fields.update({name: value for name, value in lies.items() if name in fields})
    data = struct.pack("<IIIIIHHHHHHQQQQQQQQ", *fields.values()) + inode_table + directory_table + id_table
    return data + bytes(-len(data) % 4096)


KINDS = {
    "honest": lambda: image([[(b"file", 2), (b"folder", 1)], [], b""]),
    "slash": lambda: image([[(b"a/b", 1)], b""]),
    "dots": lambda: image([[(b"..", 1)], b""]),
    "dot": lambda: image([[(b".", 1)], b""]),
    "zero": lambda: image([[(b"a\0b", 1)], b""]),
    "twice": lambda: image([[(b"a", 1), (b"a", 2)], b"", b""]),
    "unsorted": lambda: image([[(b"b", 1), (b"a", 2)], b"", b""]),
    "loop": lambda: image([[(b"a", 1)], [(b"b", 0)]]),
    "itself": lambda: image([[(b"a", 0)]]),
    "two-parents": lambda: image([[(b"a", 1), (b"b", 2)], [(b"c", 3)], [(b"d", 3)], []]),
    "one-number": lambda: image([[(b"a", 1), (b"b", 2)], b"", []], numbers={2: 2}),
    "one-number-files": lambda: image(
        [[(b"a", 1), (b"b", 2)], b"", b""], numbers={2: 2}, file_sizes={2: 1}, blocks=struct.pack("<I", 0)),
    "long-path": lambda: image([[(b"d" * 250, n + 1)] for n in range(20)] + [[]]),
    "sparse-gzip": lambda: image([[(b"a", 1)], b""], file_size=0xffffffff, blocks=bytes(4 * 32768)),
    "sparse-zstd": lambda: image([[(b"a", 1)], b""], file_size=0xffffffff, blocks=bytes(4 * 32768), compression=6),
    "deep": lambda: image([[(b"d", n + 1)] for n in range(100000)] + [[]]),
    "fragments": lambda: image([[]], fragments=0x0fffffff, fragment_start=96, flags=0x0200),
    "many-inodes": lambda: image([[]], inodes=0xffffffff),
    "too-long": lambda: image([[]], used=1 << 40),
    "huge-file": lambda: image([[(b"a", 1)], b""], file_size=0xffffffff),
    "wrong-block": lambda: image([[(b"a", 1)], b""], file_size=1, blocks=struct.pack("<I", 0x7ffffff)),
    "no-ids": lambda: image([[]], id_start=1 << 50),
    "version": lambda: image([[]], major=3),
    "no-compressor": lambda: image([[]], compression=9),
    "attributes": lambda: image([[]], flags=0x0010, xattr_start=1 << 50),
    "root-outside": lambda: image([[]], root=1 << 40),
}

with open(sys.argv[2], "wb") as file:
    file.write(KINDS[sys.argv[1]]())
