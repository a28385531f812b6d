#!/usr/bin/env python3
"""Writes a folder as the CAR of a UnixFS folder (unixfs-v1-2025) with nothing but hashlib, from the specifications of dag-pb, UnixFS and CARv1:

    make_bundle.py FOLDER OUTPUT [WAY]     prints the root's CID

WAY makes one that is wrong: reversed (blocks in another order, which is allowed), twice (a block twice), missing (a block left out), byte (a byte
changed), cut (its end missing), loose (a block that nothing links). The object that it concerns is the largest one.
"""
import base64, hashlib, os, sys
from protobuf_writing import field, varint

CHUNK, WIDTH = 1 << 20, 1024


def cid(codec, block):
    return bytes([1, codec, 0x12, 32]) + hashlib.sha256(block).digest()


blocks = []


def emit(codec, block):
    name = cid(codec, block)
    blocks.append((name, block))
    return name


def node(links, data):
    """A dag-pb node: links of (cid, name, size of all below it)."""
    parts = [field(2, field(1, c) + field(2, n) + b"\x18" + varint(s)) for c, n, s in links]
    return b"".join(parts) + field(1, data)


def add_file(path):
    """The CID of a file, and the bytes of its blocks; they are emitted, the root first."""
    data = open(path, "rb").read()
    chunks = [data[at:at + CHUNK] for at in range(0, max(1, len(data)), CHUNK)]
    assert len(chunks) <= WIDTH
    if len(chunks) == 1:
        return emit(0x55, chunks[0]), len(data)
    links = [(cid(0x55, c), b"", len(c)) for c in chunks]
    sizes = b"".join(b"\x20" + varint(len(c)) for c in chunks)
    root = node(links, b"\x08\x02\x18" + varint(len(data)) + sizes)
    name = emit(0x70, root)
    for chunk in chunks:
        emit(0x55, chunk)
    return name, len(root) + len(data)


def add_folder(path):
    place = len(blocks)
    blocks.append(None)
    links = []
    for name in sorted(os.listdir(path), key=os.fsencode):
        below = os.path.join(path, name)
        found, size = add_folder(below) if os.path.isdir(below) else add_file(below)
        links.append((found, os.fsencode(name), size))
    block = node(links, b"\x08\x01")
    blocks[place] = (cid(0x70, block), block)
    return blocks[place][0], len(block) + sum(size for _, _, size in links)


root, _ = add_folder(sys.argv[1])
seen, sections = set(), []
for name, block in blocks:
    if name not in seen:
        seen.add(name)
        sections.append((name, block))
way = sys.argv[3] if len(sys.argv) > 3 else ""
largest = max((i for i, (name, _) in enumerate(sections) if name[1] == 0x55), key=lambda i: len(sections[i][1]))
if way == "reversed":
    sections.reverse()
if way == "twice":
    sections.append(sections[largest])
if way == "missing":
    del sections[largest]
if way == "byte":
    name, block = sections[largest]
    sections[largest] = (name, block[:100] + bytes([block[100] ^ 1]) + block[101:])
if way == "loose":
    sections.append((cid(0x55, b"nobody's"), b"nobody's"))
header = b"\xa2\x65roots\x81\xd8\x2a\x58" + bytes([len(root) + 1]) + b"\x00" + root + b"\x67version\x01"
car = varint(len(header)) + header + b"".join(varint(len(n) + len(b)) + n + b for n, b in sections)
if way == "cut":
    car = car[:-1000]
with open(sys.argv[2], "wb") as file:
    file.write(car)
print("b" + base64.b32encode(root).decode().lower().rstrip("="))
