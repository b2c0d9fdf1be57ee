"""Hostile documents from a seed: the same seed gives the same documents, for ever.

Every one begins as a sound event of an accepted type; most are then spoilt in one of the ways of
`WAYS`. Nasty text inside a sound event is no fault: it is a value, and has to be taken as it is.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

from controltower.canonical.schema import ACCEPTED

NASTY = (
    "'; DROP TABLE transactions_transaction; --",
    '" OR ""="',
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "javascript:alert(1)",
    "{{ 7*7 }}{% debug %}",
    "${jndi:ldap://x}",
    '=HYPERLINK("http://evil.example")',
    "+1+1",
    "-2+3",
    "@SUM(A1)",
    "\t=1",
    "%s%n%x",
    "../../etc",
    "' hx-vals='js:{x:1}",
    "\u202egnp.exe",
    "a\u200bb",
    "\ufeffx",
    "Ｅｕｒｏ",
    "٣",
    "①",
    "e\u0301" * 40,
    "\U0001f4a3",
    "\r\nSet-Cookie: a=b",
    "\\u0000",
    "\u2028\u2029",
    "]]>",
    "<!--",
    "&amp;lt;",
    "\x1b[31m",
)
"""Values that are harmless as long as everybody takes them for text."""

WRONG: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    -1,
    10**39,
    1.5,
    "",
    " ",
    [],
    {},
    [[]],
    {"a": 1},
    "2026-02-30",
    "2026-13-01",
    "0000-00-00",
    "99999-01-01",
    "２０２６-01-01",
    "2026-11-20T25:00:00Z",
    "2026-11-20T00:00:00",
    "x" * 5000,
    "NaN",
    "1e5",
    "٣",
    "1,5",
    "--1",
    [1] * 2000,
    {str(n): n for n in range(500)},
)

LITERALS = (
    b"9" * 5000,
    b"-" + b"9" * 5000,
    b"1e1000000",
    b"1E-1000000",
    b"NaN",
    b"Infinity",
    b"-Infinity",
    b"0x10",
    b"01",
    b"+1",
    b".5",
    b"1.",
    b"--1",
    b"1e",
    b"1_000",
    b"0." + b"0" * 400 + b"1",
    b"9" * 40,
    b"1e21",
    b"1e20",
    b"'x'",
    b"undefined",
    b"True",
    b'"\x00"',
    b'"\\u0000"',
    b'"\\ud800"',
    b'"\\udc00\\ud800"',
    b'"\\ud83d\\ude00"',
    b'"\xed\xa0\x80"',
    b'"\xc0\xaf"',
    b'"\xff\xfe"',
    b'"\xf5\x80\x80\x80"',
    b'"\\x41"',
    b'"\\u12"',
    b'"\n"',
    b'"' + b"x" * 20_000 + b'"',
    b'{"' + b"k" * 5000 + b'":1}',
    b"[" + b"1," * 3000 + b"1]",
    b"/* x */1",
    b"1,",
    b'"\xef\xbb\xbf"',
)
"""What stands where a value should, written as bytes since no JSON writer would write it."""

MARK = "hostile-value-goes-here"


def event(random: Random) -> dict[str, Any]:
    """A sound event of one of the accepted types, with or without nasty texts in it."""
    kind = random.choice(sorted(ACCEPTED))
    number = random.randrange(10**9)
    data: dict[str, Any] = {"source_id": f"S-{number}", "entity": "LF-DE", "currency": "EUR"}
    data["amount"] = random.choice(["48000.00", "-0.01", "0", 12, "999999999999999.999999999999"])
    data["name"] = random.choice(NASTY) if random.random() < 0.5 else "Harbour review"
    if kind == "opportunity.won":
        data |= {"customer_name": random.choice(NASTY), "close_date": "2026-11-19"}
    elif kind == "contract.signed":
        data |= {"customer_name": random.choice(NASTY), "value": data.pop("amount")}
    else:
        data |= {"number": f"N-{number}", "resource_name": random.choice(NASTY), "on": "2024-02-29"}
    return {
        "specversion": "1.0",
        "id": f"evt-{number}",
        "type": kind,
        "source": "/partner/crm",
        "time": "2026-11-20T14:05:00Z",
        "data": data,
    }


def encoded(value: Any) -> bytes:
    """As a careful sender writes it: half of the characters outside ASCII stay themselves."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def sound(random: Random) -> bytes:
    """Nothing is wrong with it."""
    return encoded(event(random))


def wrong_value(random: Random) -> bytes:
    """One attribute, or one field of the data, holds something else."""
    made = event(random)
    fields = random.choice([made, made["data"]])
    fields[random.choice([*sorted(fields), "po_number", "won", "project", "rate"])] = random.choice(
        WRONG
    )
    return encoded(made)


def literal(random: Random) -> bytes:
    """Bytes that are no value, or hardly one, stand where a value should."""
    made = event(random)
    fields = random.choice([made, made["data"]])
    fields[random.choice(sorted(fields))] = MARK
    return encoded(made).replace(b'"' + MARK.encode() + b'"', random.choice(LITERALS))


def without(random: Random) -> bytes:
    """A name is missing, or one is there that nobody knows."""
    made = event(random)
    fields = random.choice([made, made["data"]])
    if random.random() < 0.5:
        del fields[random.choice(sorted(fields))]
    else:
        fields[random.choice(NASTY)] = random.choice(NASTY)
    return encoded(made)


def twice(random: Random) -> bytes:
    """A name occurs twice, at some depth."""
    raw = sound(random)
    at = random.choice([place for place, byte in enumerate(raw) if byte == ord("{")])
    name = random.choice([b'"id"', b'"amount"', b'"source_id"', b'"\\u0069d"'])
    return raw[: at + 1] + name + b":1," + name + b":2," + raw[at + 1 :]


def deep(random: Random) -> bytes:
    """Nested beyond reason, closed or not."""
    levels = random.choice([63, 64, 65, 1000, 100_000])
    opening, closing = random.choice([(b"[", b"]"), (b'{"a":', b"}")])
    inner = opening * levels + b"1" + closing * random.choice([0, levels, levels + 1])
    made = event(random)
    made["data"]["name"] = MARK
    return encoded(made).replace(b'"' + MARK.encode() + b'"', inner)


def cut(random: Random) -> bytes:
    """The rest has never come."""
    raw = sound(random)
    return raw[: random.randrange(len(raw))]


def flipped(random: Random) -> bytes:
    """Some bytes are others."""
    raw = bytearray(sound(random))
    for _ in range(random.randint(1, 8)):
        raw[random.randrange(len(raw))] = random.randrange(256)
    return bytes(raw)


def shuffled(random: Random) -> bytes:
    """Pieces of sound events in any order."""
    raw = sound(random) + sound(random)
    cuts = sorted(random.randrange(len(raw)) for _ in range(5))
    pieces = [raw[a:b] for a, b in zip([0, *cuts], [*cuts, len(raw)], strict=True)]
    random.shuffle(pieces)
    return b"".join(pieces)


def framed(random: Random) -> bytes:
    """Sound inside, and spoilt around it."""
    raw = sound(random)
    before, after = random.choice(
        [
            (b"\xef\xbb\xbf", b""),
            (b"", b"\x00"),
            (b"", raw),
            (b"[", b"]"),
            (b"[[", b"]]"),
            (b")]}',\n", b""),
            (b"\xff\xfe", b""),
            (b" " * 5000, b""),
            (b"//\n", b""),
            (b"", b","),
        ]
    )
    return before + raw + after


def other_coding(random: Random) -> bytes:
    """Written in what is not UTF-8."""
    text = sound(random).decode()
    return text.encode(random.choice(["utf-16", "utf-32", "utf-16-le", "utf-7"]))


def noise(random: Random) -> bytes:
    """Anything."""
    return random.randbytes(random.randrange(200))


WAYS: tuple[Callable[[Random], bytes], ...] = (
    sound,
    wrong_value,
    literal,
    without,
    twice,
    cut,
    flipped,
    shuffled,
    framed,
    other_coding,
    noise,
    wrong_value,
    literal,
    sound,
)
DEEP_IN = 100
"""One document in so many is deep: those take the longest to write."""


def documents(seed: int, count: int) -> Iterator[tuple[str, bytes]]:
    """So many documents, each with the name of the way in which it was made."""
    random = Random(seed)
    for number in range(count):
        way = deep if number % DEEP_IN == 0 else random.choice(WAYS)
        yield way.__name__, way(random)
