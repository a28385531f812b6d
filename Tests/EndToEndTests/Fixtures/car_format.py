"""A CARv1 and protobuf messages, read with nothing but the standard library, from their specifications."""


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
    """The fields of a protobuf message: numbers and bytes."""
    at = 0
    while at < len(bytes):
        tag, at = varint(bytes, at)
        value, at = varint(bytes, at)
        if tag & 7 == 2:
            yield tag >> 3, bytes[at:at + value]
            at += value
        else:
            yield tag >> 3, value


def sections(data):
    """A CAR's header, and its sections: CID, block, and both with their length."""
    length, at = varint(data, 0)
    header, at, found = data[at:at + length], at + length, []
    while at < len(data):
        length, start = varint(data, at)
        section = data[start:start + length]
        size = 34 if section[:2] == b"\x12\x20" else 36
        found.append((section[:size], section[size:], data[at:start + length]))
        at = start + length
    return header, found
