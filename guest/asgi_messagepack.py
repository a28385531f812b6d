"""MessagePack, as far as a host and a program of Python speak it: https://github.com/msgpack/msgpack/blob/master/spec.md"""

import struct

# How deep values may lie in each other.
DEEPEST = 100


def unpack(data, at=0, depth=0):
    """The value that begins at a place, and the place behind it."""
    if depth > DEEPEST:
        raise ValueError("the message's values lie too deep in each other")
    first = data[at]
    at += 1

    def number(form):
        return struct.unpack_from(form, data, at)[0], at + struct.calcsize(form)

    def taken(size, start):
        if len(data) - start < size:
            raise ValueError("the message is cut short")
        return bytes(data[start:start + size]), start + size

    def elements(count, start):
        values = []
        for _ in range(count):
            value, start = unpack(data, start, depth + 1)
            values.append(value)
        return values, start

    def pairs(count, start):
        values, start = elements(2 * count, start)
        return dict(zip(values[::2], values[1::2])), start

    def text(size, start):
        value, start = taken(size, start)
        return value.decode("utf-8", "surrogateescape"), start

    if first <= 0x7F or first >= 0xE0:
        return first if first <= 0x7F else first - 0x100, at
    if first <= 0x8F:
        return pairs(first & 0x0F, at)
    if first <= 0x9F:
        return elements(first & 0x0F, at)
    if first <= 0xBF:
        return text(first & 0x1F, at)
    if first in (0xC0, 0xC2, 0xC3):
        return {0xC0: None, 0xC2: False, 0xC3: True}[first], at
    numbers = {
        0xCA: ">f", 0xCB: ">d", 0xCC: ">B", 0xCD: ">H", 0xCE: ">I", 0xCF: ">Q", 0xD0: ">b", 0xD1: ">h", 0xD2: ">i", 0xD3: ">q",
    }
    if first in numbers:
        return number(numbers[first])
    sized = {
        0xC4: (">B", taken), 0xC5: (">H", taken), 0xC6: (">I", taken), 0xD9: (">B", text), 0xDA: (">H", text),
        0xDB: (">I", text), 0xDC: (">H", elements), 0xDD: (">I", elements), 0xDE: (">H", pairs), 0xDF: (">I", pairs),
    }
    if first not in sized:
        raise ValueError("the message has a value of an unknown kind")
    form, read = sized[first]
    return read(*number(form))


def pack(value, parts):
    """Adds a value's bytes to a list."""

    def head(kinds, size):
        for limit, first, form in kinds:
            if size <= limit:
                return struct.pack(">B" + form, first | size if not form else first, *([size] if form else []))
        raise ValueError("a value of the answer is too large")

    if value is None or value is True or value is False:
        parts.append({None: b"\xc0", False: b"\xc2", True: b"\xc3"}[value])
    elif isinstance(value, int):
        if -32 <= value <= 127:
            parts.append(struct.pack(">b", value))
        else:
            parts.append(struct.pack(">Bq", 0xD3, value) if value < 1 << 63 else struct.pack(">BQ", 0xCF, value))
    elif isinstance(value, float):
        parts.append(struct.pack(">Bd", 0xCB, value))
    elif isinstance(value, str):
        text = value.encode("utf-8", "replace")
        parts += [head([(31, 0xA0, ""), (0xFFFFFFFF, 0xDB, "I")], len(text)), text]
    elif isinstance(value, (bytes, bytearray, memoryview)):
        parts += [head([(255, 0xC4, "B"), (0xFFFFFFFF, 0xC6, "I")], len(value)), bytes(value)]
    elif isinstance(value, (list, tuple)):
        parts.append(head([(15, 0x90, ""), (0xFFFFFFFF, 0xDD, "I")], len(value)))
        for element in value:
            pack(element, parts)
    elif isinstance(value, dict):
        parts.append(head([(15, 0x80, ""), (0xFFFFFFFF, 0xDF, "I")], len(value)))
        for key, element in value.items():
            pack(key, parts)
            pack(element, parts)
    else:
        raise TypeError(f"a {type(value).__name__} can't be sent to the host")


def packed(value):
    parts = []
    pack(value, parts)
    return b"".join(parts)
