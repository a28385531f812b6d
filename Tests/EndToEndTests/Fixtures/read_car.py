#!/usr/bin/env python3
"""Reads a CARv1 with nothing but hashlib: checks order, hashes and links; writes the file that it holds.

    read_car.py FILE.car OUTPUT     prints the root's CID bytes in hexadecimal and the number of blocks
"""
import hashlib, sys

from car_format import fields, sections

header, found = sections(open(sys.argv[1], "rb").read())
start = header.index(b"\xd8\x2a\x58") + 3
root = header[start + 2:start + 1 + header[start]]
blocks, order = {}, []
for cid, block, _ in found:
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
