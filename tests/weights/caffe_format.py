"""Writes files of Caffe byte by byte, after the numbers in caffe.proto."""

import struct


def varint(number):
    number &= 2**64 - 1
    parts = []
    while number > 127:
        parts.append(number & 127 | 128)
        number >>= 7
    return bytes([*parts, number])


def number(field, value):
    return varint(field << 3) + varint(value)


def chunk(field, content):
    return varint(field << 3 | 2) + varint(len(content)) + content


def blob(array, legacy=False, packed=True, double=False):
    letter, field = ("d", 8) if double else ("f", 5)
    if packed:
        data = chunk(field, array.astype("<f8" if double else "<f4").tobytes())
    else:
        numbers = array.reshape(-1).tolist()
        tag = varint(field << 3 | (1 if double else 5))
        data = b"".join(tag + struct.pack(f"<{letter}", x) for x in numbers)
    if legacy:
        sizes = [1] * (4 - array.ndim) + list(array.shape)
        return b"".join(number(1 + i, n) for i, n in enumerate(sizes)) + data
    shape = chunk(7, chunk(1, b"".join(map(varint, array.shape))))
    return data + shape


def layer(name, kind, *blobs, bottom="x"):
    """A layer of the new kind, as bytes of the network."""
    content = chunk(1, name.encode()) + chunk(2, kind.encode())
    content += chunk(3, bottom.encode()) + chunk(4, name.encode())
    return chunk(100, content + b"".join(chunk(7, x) for x in blobs))


def old_layer(name, kind, *blobs):
    """A layer of the first kind, whose type is a number."""
    content = chunk(2, b"x") + chunk(3, name.encode()) + chunk(4, name.encode())
    content += number(5, kind) + b"".join(chunk(6, x) for x in blobs)
    return chunk(2, content)


def network(*layers, name="SENet"):
    return chunk(1, name.encode()) + b"".join(layers)
