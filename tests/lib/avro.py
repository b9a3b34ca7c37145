"""Avro's binary encoding, just enough to craft messages, right ones and broken ones, and to read the right ones."""
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


INDICATOR = (("event_id", string), ("indicator", string), ("name", lambda v: optional(v, string)), ("region", string),
             ("source", string), ("unit", string), ("period_kind", long), ("period_start", long),
             ("value", lambda v: optional(v, decimal)), ("revision", long), ("published_at", long),
             ("note", lambda v: optional(v, string)))
GOOD_INDICATOR = {"event_id": "e", "indicator": "I", "name": None, "region": "R", "source": "S", "unit": "U",
                  "period_kind": 3, "period_start": 1700000000000000, "value": 10 ** 10, "revision": 0,
                  "published_at": 1700000000000000, "note": None}


def indicator(**fields):
    return b"".join(encode({**GOOD_INDICATOR, **fields}[name]) for name, encode in INDICATOR)


# ---- reading ----

class Reader:
    """Of bytes that are right; anything else raises."""

    def __init__(self, message):
        self.message, self.at = message, 0

    def long(self):
        value, shift = 0, 0
        while True:
            byte = self.message[self.at]
            self.at += 1
            value |= (byte & 0x7f) << shift
            if byte < 0x80:
                return (value >> 1) ^ -(value & 1)
            shift += 7

    def data(self):
        size = self.long()
        if size < 0 or size > len(self.message) - self.at:
            raise ValueError("length")
        self.at += size
        return self.message[self.at - size:self.at]

    def string(self):
        return self.data().decode("utf-8")

    def decimal(self):
        return int.from_bytes(self.data(), "big", signed=True)

    def optional(self, read):
        return read() if self.long() else None


_READ = {string: Reader.string, long: Reader.long, decimal: Reader.decimal}


def read(layout, message):
    """{field: value} of a bare message; optional fields hold strings, or a decimal where they are called value."""
    reader = Reader(message)
    found = {}
    for name, encode in layout:
        plain = _READ.get(encode)
        inner = reader.decimal if name == "value" else reader.long if name == "published_at" else reader.string
        found[name] = plain(reader) if plain else reader.optional(inner)
    if reader.at != len(message):
        raise ValueError("trailing bytes")
    return found
