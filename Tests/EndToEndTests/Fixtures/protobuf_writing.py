"""Protobuf messages, written with nothing but the standard library, from their specification."""


def varint(number):
    result = b""
    while number > 127:
        result += bytes([number & 127 | 128])
        number >>= 7
    return result + bytes([number])


def field(number, value):
    return bytes([number << 3 | 2]) + varint(len(value)) + value
