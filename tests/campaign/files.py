"""Files written by hand, byte by byte, and ways to spoil them.

Nothing here uses the package's readers or writers: what both got wrong would go unseen.
"""

from __future__ import annotations

import bz2
import copy
import gzip
import io
import json
import random
import struct
import zipfile
import zlib
from collections.abc import Callable
from typing import Any

Random = random.Random
EXTREMES = (
    0,
    1,
    2,
    3,
    7,
    64,
    65,
    127,
    128,
    255,
    2**15,
    2**16 - 1,
    2**30,
    2**31 - 1,
    2**31,
    2**32 - 1,
)


# ---- whole files


def idx(r: Random) -> bytes:
    n, h, w = r.randint(10, 24), r.randint(2, 6), r.randint(2, 6)
    body = bytes(r.randrange(256) for _ in range(n * h * w))
    return b"\0\0\x08\x03" + struct.pack(">3I", n, h, w) + body


def npy(r: Random) -> bytes:
    n, d = r.randint(10, 24), r.randint(2, 9)
    kind, code, most = r.choice(
        [("|u1", "B", 255), ("<i2", "h", 2000), ("<f4", "f", 1), ("<f8", "d", 1)]
    )
    values = [r.randint(0, most) if code in "Bh" else r.random() for _ in range(n * d)]
    header = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': ({n}, {d}), }}"
    return _npy(header) + struct.pack(f"<{n * d}{code}", *values)


def _npy(header: str) -> bytes:
    text = header.encode("latin1", "replace")
    text += b" " * (-(len(text) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text) % 65536) + text


def npz(r: Random) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(
        buffer, "w", r.choice([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
    ) as archive:
        archive.writestr("x.npy", npy(r))
        if r.random() < 0.3:
            archive.writestr("notes.txt", b"hello")
    return buffer.getvalue()


def table(r: Random) -> bytes:
    d = r.randint(2, 5)
    names = r.sample(["a", "b", "height", "weight", "depth", "n°"], d)
    if r.random() < 0.2:
        names[0] = r.choice(["y", "label", "time", "id", "Unnamed: 0"])
    lines = [",".join(names)] if r.random() < 0.7 else []
    lines += [",".join(f"{r.gauss(0, 1):.4f}" for _ in range(d)) for _ in range(r.randint(10, 30))]
    return "\n".join(lines).encode()


def wav(r: Random) -> bytes:
    n, channels, rate = r.randint(3000, 4000), r.randint(1, 2), r.choice([8000, 16000])
    data = struct.pack(f"<{n * channels}h", *(r.randint(-9999, 9999) for _ in range(n * channels)))
    fmt = struct.pack("<HHIIHH", 1, channels, rate, rate * 2 * channels, 2 * channels, 16)
    chunks = b"fmt " + struct.pack("<I", 16) + fmt + b"data" + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks


def png(r: Random, size: tuple[int, int] | None = None) -> bytes:
    w, h = size or (6, 5)
    rows = b"".join(
        b"\0" + bytes(r.randrange(256) for _ in range(min(w, 9))) for _ in range(min(h, 9))
    )
    return (
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", struct.pack(">IIBBBBB", w, h, 8, 0, 0, 0, 0))
        + _chunk(b"IDAT", zlib.compress(rows))
        + _chunk(b"IEND", b"")
    )


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


# ---- spoilt ones


def spoil(data: bytes, r: Random) -> bytes:
    """Change bytes, without a thought for what they mean."""
    out = bytearray(data)
    for _ in range(r.choice([1, 1, 1, 2, 4])):
        at = r.randrange(len(out) + 1) if r.random() < 0.4 else r.randrange(min(len(out), 96) + 1)
        way = r.randrange(8)
        if way == 0 and at < len(out):
            out[at] ^= 1 << r.randrange(8)
        elif way == 1:
            del out[at:]
        elif way == 2:
            out[at:at] = bytes(r.randrange(256) for _ in range(r.randint(1, 40)))
        elif way == 3:
            del out[at : at + r.randint(1, 30)]
        elif way == 4:
            out[at : at + 4] = struct.pack(r.choice("<>") + "I", r.choice(EXTREMES))
        elif way == 5:
            out[at : at + 2] = struct.pack(r.choice("<>") + "H", r.choice(EXTREMES) % 65536)
        elif way == 6:
            stretch = out[at : at + r.randint(1, 60)]
            out[at:at] = stretch * r.randint(1, 5)
        else:
            out[at : at + 8] = r.choice(
                [b"\0" * 8, b"\xff" * 8, b"nan", b"1e999", b"-", b'"', b"\n\n"]
            )
    return bytes(out)


def idx_lies(r: Random) -> bytes:
    dims = [r.choice(EXTREMES) for _ in range(r.choice([0, 1, 2, 3, 4, 64, 65, 255]))]
    head = bytes([0, 0, r.choice([8, 9, 0xB, 0xC, 0xD, 0xE, 0]), len(dims)])
    body = head + struct.pack(f">{len(dims)}I", *dims) + b"\0" * r.choice([0, 1, 100, 10**6])
    return r.choice([bytes, gzip.compress, bz2.compress])(body)


def npy_lies(r: Random) -> bytes:
    shape = tuple(r.choice([*EXTREMES, -1, -(2**63), 2**63, 2**70]) for _ in range(r.randint(0, 4)))
    kind = r.choice(
        [
            "|u1",
            "<f4",
            "|O",
            "<U9",
            "|V8",
            "<f2",
            ">f8",
            "<c8",
            "<M8[s]",
            "|b1",
            "('<f4',(999999,))",
        ]
    )
    order = r.choice(["False", "True", "None", "1"])
    text = f"{{'descr': {kind if kind[0] == '(' else repr(kind)}, 'fortran_order': {order}, 'shape': {shape}, }}"
    return _npy(
        r.choice([text, text, text, "{}", "(" * 900, "[" * 900 + "]" * 900, text * 40])
    ) + b"\0" * r.choice([0, 64, 4096])


def npz_lies(r: Random) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in r.sample(
            ["x.npy", "y.npy", "x_train.npy", "data.npy", "../x.npy", "x"], r.randint(1, 3)
        ):
            archive.writestr(name, r.choice([npy_lies, npy])(r))
        if r.random() < 0.2:
            archive.writestr(
                "bomb.npy",
                _npy("{'descr': '|u1', 'fortran_order': False, 'shape': (50000000,), }")
                + b"\0" * 50_000_000,
            )
    data = buffer.getvalue()
    return spoil(data, r) if r.random() < 0.3 else data


CELLS = (
    "", " ", "nan", "inf", "-inf", "1e999", "1_0.5", "٣", "１２", "0x10", "1,5", "1;2", "--1", "1e-999", "9" * 400,
    "9223372036854775808", "99999999999999999999", "=1+1", '"', '"a\nb"', "\0", "\ufeff1", "yes", "2020-01-01",
    "1e39", "-1e308", "True", "None", "+5", "5.", ".5", "1 000", "1'000",
)  # fmt: skip


def table_lies(r: Random) -> bytes:
    lines = table(r).decode().split("\n")
    for _ in range(r.randint(1, 4)):
        k = r.randrange(len(lines))
        cells = lines[k].split(",")
        way = r.randrange(5)
        if way < 3:
            cells[r.randrange(len(cells))] = r.choice(CELLS)
        elif way == 3:
            cells.insert(r.randrange(len(cells)), r.choice(CELLS))
        else:
            cells = cells * r.choice([0, 2, 200])
        lines[k] = ",".join(cells)
    text = r.choice(["\n", "\n", "\r\n", "\r", "\n\n"]).join(lines)
    return text.encode(r.choice(["utf-8", "utf-8", "utf-8-sig", "utf-16", "latin-1"]), "replace")


def wav_lies(r: Random) -> bytes:
    data = bytearray(wav(r))
    for _ in range(r.randint(1, 3)):
        at, size = r.choice(
            [
                (4, "I"),
                (16, "I"),
                (20, "H"),
                (22, "H"),
                (24, "I"),
                (28, "I"),
                (32, "H"),
                (34, "H"),
                (40, "I"),
            ]
        )
        data[at : at + struct.calcsize(size)] = struct.pack(
            "<" + size, r.choice(EXTREMES) % (65536 if size == "H" else 2**32)
        )
    return bytes(data)


def png_lies(r: Random) -> bytes:
    return png(
        r,
        (
            r.choice([0, 1, 4096, 13000, 65535, 2**31 - 1]),
            r.choice([0, 1, 4096, 13000, 65535, 2**31 - 1]),
        ),
    )


# ---- JSON

VALUES: tuple[Any, ...] = (
    None, True, False, -1, 0, 1, 2**31, 2**70, 1e308, float("nan"), float("inf"), "", "x", "\ud800", "\0\n", "../..",
    "a" * 5000, [], {}, [None], {"a": None}, [[]], [1, "x"], {"": {}}, "0", [0], [-1], [2**40],
)  # fmt: skip


def json_lies(value: Any, r: Random) -> Any:
    """Change something in a document: a value, a name, what is there."""
    value = copy.deepcopy(value)
    for _ in range(r.choice([1, 1, 1, 2, 3])):
        places = list(_places(value))
        if not places:
            return copy.deepcopy(r.choice(VALUES))
        holder, key = r.choice(places)
        way = r.randrange(6)
        if way == 0:
            del holder[key]
        elif way == 1 and isinstance(holder, dict):
            holder[r.choice(["", "x", "\ud800", "later", f"{key}x"])] = holder.pop(key)
        elif way == 2 and isinstance(holder, dict):
            holder[r.choice(["later", "epoch", "op", "format"])] = r.choice(VALUES)
        elif way == 3:
            deep: Any = copy.deepcopy(r.choice(VALUES))
            for _ in range(r.choice([3, 60, 250])):
                deep = [deep]
            holder[key] = deep
        else:
            holder[key] = copy.deepcopy(r.choice(VALUES))
    return value


def _places(value: Any) -> Any:
    items = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    for key, inner in list(items):
        yield value, key
        yield from _places(inner)


def checkpoint_parts(data: bytes) -> tuple[dict[str, Any], bytes]:
    """Take a safetensors file apart: its header, its numbers."""
    (length,) = struct.unpack("<Q", data[:8])
    return json.loads(data[8 : 8 + length]), data[8 + length :]


def checkpoint(header: dict[str, Any], body: bytes) -> bytes:
    """Put one together, with the checksum that belongs to it."""
    names = {
        "F32": "float32",
        "F64": "float64",
        "I64": "int64",
        "U8": "uint8",
        "BOOL": "bool",
        "F16": "float16",
    }
    facts = {k: v for k, v in header["__metadata__"].items() if k != "crc32"}
    tensors = {k: v for k, v in header.items() if k != "__metadata__"}
    shapes = {
        k: [names.get(tensors[k]["dtype"], "?"), tensors[k]["shape"]] for k in sorted(tensors)
    }
    total = zlib.crc32(json.dumps([shapes, sorted(facts.items())]).encode())
    for k in sorted(tensors):
        start, end = tensors[k]["data_offsets"]
        total = zlib.crc32(body[start:end], total)
    text = json.dumps({**header, "__metadata__": {**facts, "crc32": f"{total:08x}"}}).encode()
    return struct.pack("<Q", len(text)) + text + body


Maker = Callable[[Random], bytes]
KINDS: dict[str, tuple[str, Maker, Maker]] = {  # group: (a file's name, a whole one, one that lies)
    "idx": ("x-idx3-ubyte", idx, idx_lies),
    "npy": ("x.npy", npy, npy_lies),
    "npz": ("x.npz", npz, npz_lies),
    "table": ("x.csv", table, table_lies),
    "wav": ("x.wav", wav, wav_lies),
    "png": ("x.png", png, png_lies),
}
