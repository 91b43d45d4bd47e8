"""Ways to damage a reading: its fields before it is encoded, and its bytes afterwards."""

import base64
import gzip
import json
import random
import struct
from collections.abc import Callable
from typing import Any

from petrostream.schema import SENSORS, schema

Row = dict[str, Any]

KIB = 1024
LINE_LIMIT = 256 * KIB
_MEASURED = [field for field in (*SENSORS, *schema("tank_reading").fields) if field.type == "double"]
_FIELDS = [*schema("well_reading").names, *schema("tank_reading").names]
_NAMES = ["kind", "well_id", "facility_id", "source", "tank_id"]

VALUES: list[Any] = [
    *(None, True, False, "", " ", "well", "tank", "2.1e7", [], [1, 2], {}, {"a": {"b": []}}),
    *(0, -0.0, 1, -1, 1.5, 109, 110, 2**31, 2**53 + 1, 2**63 - 1, 2**63, 2**64, 10**30, -(10**30)),
    *(5e-324, 1e-300, 1e300, -1.2e42, 1.7976931348623157e308, 0.1 + 0.2),
]

TIMES = [
    *("2010-12-31T23:59:59.999Z", "2011-01-01T00:00:00Z", "1969-12-31T23:59:59Z", "0000-01-01T00:00:00Z"),
    *("0001-01-01T00:00:00+23:59", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z"),
    *("9999-12-31T23:59:59-23:59", "10000-01-01T00:00:00Z", "-001-01-01T00:00:00Z", "+12025-10-09T08:53:20Z"),
    *("2026-02-30T00:00:00Z", "2025-13-01T00:00:00Z", "2025-10-09T24:00:00Z", "2025-10-09T25:00:00Z"),
    *("2016-12-31T23:59:60Z", "2025-10-09T08:53:20", "2025-10-09", "2025-W41-4T08:53:20Z", "2025-282T00:00Z"),
    *(
        "20251009T085320Z",
        "20251009T085320.000+0000",
        "2025-10-09T08:53:20,123Z",
        "2025-10-09 08:53:20+00:00",
    ),
    *("2025-10-09t08:53:20z", "2025-10-09T08:53:20.123456789Z", "2025-10-09T08:53:20+00:00:30.5"),
    *("2025-10-09T08:53:20Z\x00", "\u0662\u0660\u0662\u0665-10-09T08:53:20Z", " 2025-10-09T08:53:20Z"),
    *("2025-10-09X08:53:20Z", "1760000000", "now", "2025-10-09T08:53:20+99:99", "", "T", "Z" * 5_000),
]

TEXTS = [
    *(
        "WELL-1\x1b[2J\x1b]0;owned\x07",
        "\x00",
        "a\x00b",
        "line\nfeed",
        "tab\tand\rreturn",
        "\x7f\x9b31m",
        "\x85",
    ),
    *("../../etc/passwd", "<script>alert(1)</script>", "=cmd()", "'; DROP TABLE wells;--", 'quote"quote'),
    *(
        "back\\slash",
        "\\",
        '","',
        '\\","',
        "{}",
        "\u202ereversed\u202c",
        "e\u0301\u0323" * 30,
        "\U0001f6e2" * 200,
    ),
    *(
        "\U0001f6e2" * 201,
        "x" * 199,
        "x" * 200,
        "x" * 201,
        "x" * 10_000,
        "\u00a0",
        "\u2028",
        "\ufeff",
        "\ufffe",
    ),
    *("FLEET", "FACILITY#FAC-01", "STATE", "*", "WELL#1", "NaN", "null", "\U0010ffff"),
]

NUMBERS = [
    *(
        b"NaN",
        b"Infinity",
        b"-Infinity",
        b"1e999",
        b"-1e999",
        b"1e-999",
        b"1E400",
        b"0x10",
        b"01",
        b"+1",
        b".5",
    ),
    *(
        b"1.",
        b"1e",
        b"--1",
        b"1_000",
        b"1,5",
        b"9" * 400,
        b"9" * 5_000,
        b"-" + b"9" * 19,
        b"0." + b"1" * 4_000,
    ),
    *(
        b"18446744073709551616",
        b"-9223372036854775809",
        b"1e22",
        b"123456789012345678",
        b"0e0",
        b"-0",
        b"nan",
    ),
]

_BYTES = [
    *(b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x82", b"\xfe\xff", b"\x80", b"\x00"),
    *(
        b"\x1b[31m",
        b"\x07",
        b"\x0b",
        b"\x0c",
        b"\x7f",
        b"\xc2\x9b",
        b"\xef\xbb\xbf",
        b"\r",
        b"\t",
        b" ",
        b"\n",
    ),
    *(
        b'"',
        b"\\",
        b"\\u0000",
        b"\\ud800",
        b"\\udc00\\ud800",
        b"\\x41",
        b"\\u12",
        b",",
        b"{",
        b"}",
        b"[",
        b"//",
    ),
]


def frame(chance: random.Random) -> Any:
    """A vibration frame, seldom a good one."""
    samples = [chance.gauss(0, 3) for _ in range(chance.choice([1, 3, 64]))]
    good = struct.pack(f"<{len(samples)}f", *samples)
    return chance.choice(
        [
            base64.b64encode(good).decode(),
            base64.b64encode(good[:-1]).decode(),
            base64.b64encode(good).decode().rstrip("=") + "!",
            base64.urlsafe_b64encode(chance.randbytes(12)).decode(),
            base64.b64encode(chance.randbytes(4 * chance.randint(0, 40))).decode(),
            base64.b64encode(struct.pack("<3f", 1.0, float("nan"), float("inf"))).decode(),
            base64.b64encode(struct.pack("<3f", 3.4e38, -3.4e38, 3.4e38)).decode(),
            base64.b64encode(b"\x01\x00\x80\x7f").decode(),  # a signalling NaN
            base64.b64encode(chance.randbytes(4 * 12_000)).decode(),
            *("", "====", "AA==", "\u00e9" * 8, "A" * 4_097, 7, [1.0, 2.0], None),
        ]
    )


def damage_row(chance: random.Random, row: Row) -> None:
    """Change one thing about a reading's fields, in place."""
    chance.choice(_ROW_WAYS)(chance, row)


def _any_value(chance: random.Random, row: Row) -> None:
    row[chance.choice(_FIELDS)] = chance.choice(VALUES)


def _at_a_bound(chance: random.Random, row: Row) -> None:
    field = chance.choice(_MEASURED)
    bound = chance.choice([field.low, field.high])
    row[field.name] = chance.choice([bound, bound * 1.000001, bound - 1e-9, bound + 1, -bound, bound * 1e30])


def _without(chance: random.Random, row: Row) -> None:
    row.pop(chance.choice(list(row)), None)


def _unknown(chance: random.Random, row: Row) -> None:
    for number in range(chance.choice([1, 1, 1, 3, 20, 21, 400])):
        row[f"{chance.choice(TEXTS)[:300]}{number}"] = chance.choice(VALUES)


def _name(chance: random.Random, row: Row) -> None:
    row[chance.choice(_NAMES)] = chance.choice(TEXTS)


def _time(chance: random.Random, row: Row) -> None:
    row[chance.choice(["ts", "ts", "source_ts"])] = chance.choice([*TIMES, 1_760_000_000, None])


def _frame(chance: random.Random, row: Row) -> None:
    row["vibration_encoded"] = frame(chance)


def _code(chance: random.Random, row: Row) -> None:
    row[chance.choice(["class", "state"])] = chance.choice([-1, 0, 3.0, 3.5, 8, 9, 109, 110, True, "0", 1e30])


def _deep(chance: random.Random, row: Row) -> None:
    value: Any = 1
    for _ in range(chance.choice([3, 30, 300])):
        value = [value] if chance.random() < 0.5 else {"a": value}
    row[chance.choice([*_FIELDS, "nested"])] = value


_ROW_WAYS: list[Callable[[random.Random, Row], None]] = [
    *(_any_value, _any_value, _at_a_bound, _at_a_bound, _without, _unknown),
    *(_name, _name, _time, _time, _frame, _frame, _code, _deep),
]


def encode(row: Row) -> bytes:
    """A reading as its line, with escapes for all but ASCII at random lengths' cost."""
    return json.dumps(row, separators=(",", ":"), ensure_ascii=len(row) % 2 == 0).encode(errors="replace")


def damage_line(chance: random.Random, line: bytes) -> bytes:
    """Change one thing about a line's bytes."""
    return chance.choice(_LINE_WAYS)(chance, line)


def _spliced(chance: random.Random, line: bytes) -> bytes:
    at = chance.randrange(len(line) + 1)
    return line[:at] + chance.choice(_BYTES) + line[at:]


def _flipped(chance: random.Random, line: bytes) -> bytes:
    if not line:
        return b"\x00"
    at = chance.randrange(len(line))
    return line[:at] + bytes([line[at] ^ (1 << chance.randrange(8))]) + line[at + 1 :]


def _cut(chance: random.Random, line: bytes) -> bytes:
    first, last = sorted(chance.randrange(len(line) + 1) for _ in range(2))
    return chance.choice([line[:first], line[first:], line[:first] + line[last:], line + line[first:last]])


def _number(chance: random.Random, line: bytes) -> bytes:
    field = chance.choice(_MEASURED).name.encode()
    return line[:-1] + b',"' + field + b'":' + chance.choice(NUMBERS) + b"}"


def _twice(chance: random.Random, line: bytes) -> bytes:
    """A key that stands twice in the object; a JSON parser keeps one of them."""
    again: list[tuple[str, Any]] = [
        *(("p_pdg", "text"), ("p_pdg", 1e7), ("kind", "tank"), ("kind", "well"), ("well_id", "WELL-00002")),
        *(("facility_id", "FAC-01"), ("ts", chance.choice(TIMES)), ("p_tpt", None), ("source", 7)),
    ]
    name, value = chance.choice(again)
    return line[:-1] + f',"{name}":{json.dumps(value)}}}'.encode()


def _nested(chance: random.Random, line: bytes) -> bytes:
    depth = chance.choice([10, 500, 1022, 1023, 1024, 1025, 5_000, 100_000])
    opening, closing = chance.choice([(b"[", b"]"), (b'{"a":', b"}")])
    deep = opening * depth + b"1" + closing * chance.choice([depth, depth, depth - 1, 0])
    return chance.choice([deep, line[:-1] + b',"deep":' + deep + b"}"])


def _padded(chance: random.Random, line: bytes) -> bytes:
    return chance.choice(
        [b"\xef\xbb\xbf" + line, b" \t" + line + b" \r", line + b"\r", line + line, line + b"#"]
    )


def _surrogate(chance: random.Random, line: bytes) -> bytes:
    text = chance.choice([b"\\ud83d", b"\\ude22\\ud83d", b"\\ud83d\\ude22", b"\\u0000", b"\\u001b[2J"])
    name = chance.choice([b"source", b"well_id", b"ts", b"note"])
    return line[:-1] + b',"' + name + b'":"' + text + b'"}'


_LINE_WAYS: list[Callable[[random.Random, bytes], bytes]] = [
    *(
        _spliced,
        _spliced,
        _spliced,
        _flipped,
        _flipped,
        _cut,
        _cut,
        _number,
        _number,
        _number,
        _twice,
        _twice,
    ),
    *(_nested, _padded, _padded, _surrogate),
]


def junk(chance: random.Random) -> bytes:
    """A line that never was a reading."""
    return chance.choice(
        [
            chance.randbytes(chance.randint(1, 60)),
            *(b"{}", b"[]", b"null", b"true", b"0", b'"text"', b"{", b'{"kind":"flare"}', b'{"kind":1}'),
            *(b"NaN", b"Infinity", b"-", b"\xff\xfe", b"ts,p_pdg,p_tpt", b"<xml/>", b"\x00" * 9),
            chance.choice(TEXTS).encode(),
        ]
    )


def long_line(chance: random.Random, line: bytes) -> bytes:
    """A line about as long as a line, or as a stream record, may be."""
    size = chance.choice([LINE_LIMIT - 1, LINE_LIMIT, LINE_LIMIT + 1, 1024 * KIB])
    filler = chance.choice([b"x", b"\\u0000", b'\\"', b"\xc3\xa9", b"\x01"])
    head = line[:-1] + b',"note":"'
    text = filler * max(0, (size - len(head) - 2) // len(filler))
    return (head + text).ljust(size - 2, b"x") + b'"}'


def many_fields(chance: random.Random, line: bytes) -> bytes:
    """A line with thousands of unknown fields, or thousands of copies of one."""
    names = [b"%x" % number if chance.random() < 0.9 else b"p_pdg" for number in range(15_000)]
    return line[:-1] + b"".join(b',"%b":0' % name for name in names) + b"}"


def damage_block(chance: random.Random, block: bytes) -> bytes:
    """Change a whole block, as a sender with other habits would write it."""
    return chance.choice(_BLOCK_WAYS)(chance, block)


def _aggregated(chance: random.Random, block: bytes) -> bytes:
    # Kinesis Producer Library: magic, a protobuf message of keys and records, its MD5.
    record = b"\x08\x00\x1a" + _varint(len(block)) + block
    body = b"\x0a\x06FAC-01" + b"\x1a" + _varint(len(record)) + record
    return b"\xf3\x89\x9a\xc2" + body + chance.randbytes(16)


def _varint(number: int) -> bytes:
    out = b""
    while number > 0x7F:
        out += bytes([number & 0x7F | 0x80])
        number >>= 7
    return out + bytes([number])


_BLOCK_WAYS: list[Callable[[random.Random, bytes], bytes]] = [
    _aggregated,
    lambda chance, block: gzip.compress(block, 1, mtime=0),
    lambda chance, block: block.decode(errors="replace").encode("utf-16"),
    lambda chance, block: block.replace(b"\n", b"\r\n"),
    lambda chance, block: b"\n\n \t\r\n" + block.replace(b"\n", b"\n\n"),
    lambda chance, block: block.rstrip(b"\n"),
    lambda chance, block: b"[" + block.replace(b"\n", b",")[:-1] + b"]",
    lambda chance, block: block[: chance.randrange(len(block) + 1)],
    lambda chance, block: block + block,
    lambda chance, block: b"",
    lambda chance, block: b"\n" * 50,
    lambda chance, block: base64.b64encode(block),
    lambda chance, block: chance.randbytes(len(block) % 2_000),
]
