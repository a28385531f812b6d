#!/usr/bin/env python3
"""Reads a CARv1 with nothing but hashlib: checks order, hashes and links; writes the file that it holds.

    read_car.py FILE.car OUTPUT     prints the root's CID bytes in hexadecimal and the number of blocks
"""
import hashlib, sys

data = open(sys.argv[1], "rb").read()


def varint(bytes, at):
    value = shift = 0
    while True:
        byte = bytes[at]
        at += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, at


def fields(bytes):
    at = 0
    while at < len(bytes):
        tag, at = varint(bytes, at)
        value, at = varint(bytes, at)
        if tag & 7 == 2:
            yield tag >> 3, bytes[at:at + value]
            at += value
        else:
            yield tag >> 3, value


length, at = varint(data, 0)
header = data[at:at + length]
at += length
start = header.index(b"\xd8\x2a\x58") + 3
root = header[start + 2:start + 1 + header[start]]
blocks, order = {}, []
while at < len(data):
    length, at = varint(data, at)
    section = data[at:at + length]
    at += length
    size = 34 if section[:2] == b"\x12\x20" else 36
    cid, block = section[:size], section[size:]
    assert hashlib.sha256(block).digest() == cid[-32:], "a wrong block"
    assert cid not in blocks, "a block twice"
    blocks[cid] = block
    order.append(cid)

visited, output = [], open(sys.argv[2], "wb")


def visit(cid):
    if cid not in visited:
        visited.append(cid)
    if cid[0] == 1 and cid[1] == 0x55:
        output.write(blocks[cid])
        return
    for number, value in fields(blocks[cid]):
        if number == 2:
            visit(dict(fields(value))[1])
        else:
            for inner, bytes in fields(value):
                if inner == 2:
                    output.write(bytes)


visit(root)
assert visited == order, "not depth first"
print(root.hex(), len(order))
