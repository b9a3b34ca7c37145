"""Avro's binary encoding, just enough to craft messages, right ones and broken ones."""
import struct


def long(value):
    value = (value << 1) ^ (value >> 63)
    value &= (1 << 64) - 1
    out = bytearray()
    while value > 0x7f:
        out.append(value & 0x7f | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def data(value):
    return long(len(value)) + value


def string(value):
    return data(value.encode("utf-8"))


def unscaled(value):
    """Two's complement, big-endian, as short as it goes: an Avro decimal's bytes."""
    return value.to_bytes((value.bit_length() if value >= 0 else (~value).bit_length()) // 8 + 1, "big", signed=True)


def decimal(value):
    return data(unscaled(value))


def double(value):
    return struct.pack("<d", value)


def optional(value, encode):
    return long(0) if value is None else long(1) + encode(value)


TRADE = (("trade_id", string), ("exchange", string), ("product", string), ("category", string), ("side", long),
         ("status", long), ("price", decimal), ("quantity", decimal), ("currency", string),
         ("buyer", lambda v: optional(v, string)), ("seller", lambda v: optional(v, string)), ("executed_at", long),
         ("published_at", lambda v: optional(v, long)))
GOOD_TRADE = {"trade_id": "t", "exchange": "XA", "product": "P", "category": "", "side": 0, "status": 0,
              "price": 10 * 10 ** 8, "quantity": 2 * 10 ** 6, "currency": "CNY", "buyer": None, "seller": None,
              "executed_at": 1700000000000000, "published_at": None}


def trade(raw=None, **fields):
    """A trade; `raw` replaces the encoded bytes of fields by name."""
    values = {**GOOD_TRADE, **fields}
    return b"".join((raw or {}).get(name) or encode(values[name]) for name, encode in TRADE)
