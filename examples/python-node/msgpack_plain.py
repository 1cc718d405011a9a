"""The part of MessagePack that the protocol uses: nil, booleans, numbers, strings, binary, arrays, maps with string keys."""
import struct


def pack(value):
    """Returns the bytes of a value. Raises TypeError for what the protocol does not know."""
    out = bytearray()
    _pack(value, out)
    return bytes(out)


def _pack(value, out):
    if value is None:
        out.append(0xC0)
    elif value is True:
        out.append(0xC3)
    elif value is False:
        out.append(0xC2)
    elif isinstance(value, int):
        _pack_int(value, out)
    elif isinstance(value, float):
        out += struct.pack(">Bd", 0xCB, value)
    elif isinstance(value, str):
        data = value.encode("utf-8", "replace")
        _head(len(data), out, (0xA0, 31), (0xD9, 0xDA, 0xDB))
        out += data
    elif isinstance(value, (bytes, bytearray)):
        _head(len(value), out, None, (0xC4, 0xC5, 0xC6))
        out += value
    elif isinstance(value, (list, tuple)):
        _head(len(value), out, (0x90, 15), (None, 0xDC, 0xDD))
        for one in value:
            _pack(one, out)
    elif isinstance(value, dict):
        _head(len(value), out, (0x80, 15), (None, 0xDE, 0xDF))
        for key, one in value.items():
            _pack(str(key), out)
            _pack(one, out)
    else:
        raise TypeError(f"the protocol does not carry {type(value).__name__}")


def _pack_int(value, out):
    if 0 <= value < 0x80:
        out.append(value)
    elif -32 <= value < 0:
        out += struct.pack(">b", value)
    elif 0 <= value < 1 << 32:
        out += struct.pack(">BI", 0xCE, value)
    elif -(1 << 31) <= value < 0:
        out += struct.pack(">Bi", 0xD2, value)
    elif abs(value) < 1 << 53:
        out += struct.pack(">Bq", 0xD3, value)
    else:
        raise TypeError("the protocol does not carry integers of 2^53 and above")


def _head(length, out, fix, codes):
    """A container's first bytes: `fix` is (code, most) of the one-byte form, `codes` those with 8, 16, 32 bits of length."""
    if fix is not None and length <= fix[1]:
        out.append(fix[0] | length)
    elif codes[0] is not None and length < 1 << 8:
        out += struct.pack(">BB", codes[0], length)
    elif length < 1 << 16:
        out += struct.pack(">BH", codes[1], length)
    else:
        out += struct.pack(">BI", codes[2], length)


def unpack(data):
    """Returns the one value that `data` holds. Raises ValueError for anything else."""
    try:
        value, end = _unpack(data, 0)
    except (IndexError, struct.error, UnicodeDecodeError) as error:
        raise ValueError(f"not MessagePack: {error}") from None
    if end != len(data):
        raise ValueError(f"{len(data) - end} bytes after the value")
    return value


_NUMBERS = {0xCA: ">f", 0xCB: ">d", 0xCC: ">B", 0xCD: ">H", 0xCE: ">I", 0xCF: ">Q", 0xD0: ">b", 0xD1: ">h", 0xD2: ">i", 0xD3: ">q"}
_LENGTHS = {0xD9: ">B", 0xDA: ">H", 0xDB: ">I", 0xC4: ">B", 0xC5: ">H", 0xC6: ">I", 0xDC: ">H", 0xDD: ">I", 0xDE: ">H", 0xDF: ">I"}


def _unpack(data, at):
    code = data[at]
    at += 1
    if code < 0x80:
        return code, at
    if code >= 0xE0:
        return code - 256, at
    if code in (0xC0, 0xC2, 0xC3):
        return {0xC0: None, 0xC2: False, 0xC3: True}[code], at
    if code in _NUMBERS:
        (value,) = struct.unpack_from(_NUMBERS[code], data, at)
        return value, at + struct.calcsize(_NUMBERS[code])
    if code < 0x90:
        return _map(data, at, code & 15)
    if code < 0xA0:
        return _array(data, at, code & 15)
    if code < 0xC0:
        return _text(data, at, code & 31)
    if code not in _LENGTHS:
        raise ValueError(f"not plain MessagePack: {code:#x}")
    (length,) = struct.unpack_from(_LENGTHS[code], data, at)
    at += struct.calcsize(_LENGTHS[code])
    if code >= 0xDE:
        return _map(data, at, length)
    if code >= 0xDC:
        return _array(data, at, length)
    if code >= 0xD9:
        return _text(data, at, length)
    return _cut(data, at, length)


def _cut(data, at, length):
    if at + length > len(data):
        raise ValueError("not MessagePack: cut short")
    return bytes(data[at : at + length]), at + length


def _text(data, at, length):
    value, at = _cut(data, at, length)
    return value.decode("utf-8"), at


def _array(data, at, length):
    values = []
    for _ in range(length):
        value, at = _unpack(data, at)
        values.append(value)
    return values, at


def _map(data, at, length):
    values = {}
    for _ in range(length):
        key, at = _unpack(data, at)
        if not isinstance(key, str):
            raise ValueError("not plain MessagePack: a key that is no string")
        values[key], at = _unpack(data, at)
    return values, at
