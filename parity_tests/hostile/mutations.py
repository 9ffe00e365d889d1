"""Damage a good file: its bytes, its structure, and what it declares of its sizes."""

import io
import json
import random
import struct
import zipfile
from collections.abc import Callable
from functools import cache

Mutation = Callable[[bytes, random.Random], bytes]

_WORDS = [b"\0", b"\xff", b"\x7f", b"\x80", b"[" * 5000, b"../", b"\x1b[2J", b"%n", b"\n"]
_NUMBERS = [0, 1, -1, 255, 1 << 16, (1 << 31) - 1, 1 << 31, (1 << 32) - 1, 10**12, (1 << 63) - 1, -(1 << 63)]


def change_bytes(good: bytes, draw: random.Random) -> bytes:
    """A few places of a file: other bytes, numbers of other sizes, more, fewer, or none from there on."""
    content = bytearray(good)
    for _ in range(draw.choice([1, 1, 1, 2, 5, 20])):
        place = draw.randrange(len(content) + 1) if draw.random() < 0.6 else draw.randrange(min(len(content), 600) + 1)
        _CHANGES[draw.randrange(len(_CHANGES))](content, place, draw)
    return bytes(content)


def _flip(content: bytearray, place: int, draw: random.Random) -> None:
    if place < len(content):
        content[place] ^= 1 << draw.randrange(8)


def _number(content: bytearray, place: int, draw: random.Random) -> None:
    code = draw.choice(["<i", ">i", "<q", ">q"])
    limit = struct.calcsize(code) * 8
    number = draw.choice([number for number in _NUMBERS if -(1 << (limit - 1)) <= number < 1 << (limit - 1)])
    content[place : place + limit // 8] = struct.pack(code, number)


def _word(content: bytearray, place: int, draw: random.Random) -> None:
    content[place : place + 1] = draw.choice(_WORDS)


def _cut(content: bytearray, place: int, draw: random.Random) -> None:
    del content[place : place + draw.choice([1, 2, 8, 100, 1000])]


def _end(content: bytearray, place: int, draw: random.Random) -> None:
    if draw.random() < 0.3:
        del content[place:]


def _twice(content: bytearray, place: int, draw: random.Random) -> None:
    content[place:place] = content[place : place + draw.choice([1, 8, 64, 512])]


_CHANGES = (_flip, _flip, _flip, _number, _number, _word, _cut, _end, _twice)


_VALUES = [
    None, True, False, 0, -1, 1, 10**12, 1e300, -1e300, "", "x", "../../x", "\x1b[2J[/x]$", [], {}, [[]], [None],
    {"": None}, "a" * 3000, [0] * 200, 0.5, "inf", -(10**30), 10**30,
]  # fmt: skip
_TEXTS = ["NaN", "Infinity", "-Infinity", "1e400", "9" * 5000, "[" * 3000, "[" * 3000 + "]" * 3000, '"\\ud800"']
_PLACEHOLDER = "a value to be replaced in the text"


def change_json(good: bytes, draw: random.Random) -> bytes:
    """Values of a JSON text: others, of other types, gone, moved, or nested without end."""
    if draw.random() < 0.2:
        return change_bytes(good, draw)
    held = json.loads(good)
    for _ in range(draw.choice([1, 1, 2, 4])):
        held = _changed_value(held, draw)
    text = json.dumps(held, indent=draw.choice([None, 1]))
    return text.replace(f'"{_PLACEHOLDER}"', draw.choice(_TEXTS)).encode()


def change_yaml(good: bytes, draw: random.Random) -> bytes:
    """The text, or its values, also with values that stand for others without end."""
    if draw.random() < 0.5:
        return change_bytes(good, draw)
    held = change_json(_yaml_as_json(good), draw)
    return held if draw.random() < 0.8 else held.replace(b"{", draw.choice([b"&a {", b"&a {x: *a, "]), 1)


@cache
def _yaml_as_json(good: bytes) -> bytes:
    import yaml

    return json.dumps(yaml.safe_load(good)).encode()


def change_gzip(good: bytes, draw: random.Random) -> bytes:
    """What is packed, or the packing."""
    import gzip

    return gzip.compress(change_bytes(gzip.decompress(good), draw)) if draw.random() < 0.8 else change_bytes(good, draw)


def _changed_value(held, draw: random.Random):
    """The same value with one other within it."""
    keys = list(held) if isinstance(held, dict) else list(range(len(held))) if isinstance(held, list) else []
    if not keys or draw.random() < 0.12:
        return draw.choice([*_VALUES, _PLACEHOLDER, _PLACEHOLDER])
    key, act = draw.choice(keys), draw.random()
    if act < 0.15:
        del held[key]
    elif act < 0.2 and isinstance(held, dict):
        held[draw.choice(["", "x", "\x1b[31m", "../x", "a" * 300])] = held.pop(key)
    elif act < 0.25:
        held[key] = [held[key]]
    else:
        held[key] = _changed_value(held[key], draw)
    return held


def change_archive(good: bytes, draw: random.Random) -> bytes:
    """Members of a zip archive: damaged within, packed otherwise, called otherwise, gone, twice, or said larger."""
    if draw.random() < 0.25:
        return change_bytes(good, draw)
    with zipfile.ZipFile(io.BytesIO(good)) as archive:
        members = [(held.filename, archive.read(held)) for held in archive.infolist()]
    for _ in range(draw.choice([1, 1, 2, 3])):
        if not members:
            break
        at = draw.randrange(len(members))
        name, content = members[at]
        act = draw.random()
        if act < 0.6:
            members[at] = (name, _changed_member(name, content, draw))
        elif act < 0.7:
            del members[at]
        elif act < 0.8:
            members[at] = (draw.choice(["../x", "/x", "", "a/../b", name + "x", "x" * 3000, "\x1b[2J"]), content)
        elif act < 0.87:
            members.insert(at, (name, content[: draw.randrange(len(content) + 1)]))
        else:
            members[at] = (name, content + bytes(draw.choice([1, 1000, 3_000_000])))
    written = io.BytesIO()
    packing = draw.choice([zipfile.ZIP_STORED, zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
    with zipfile.ZipFile(written, "w", packing) as archive:
        for name, content in members:
            archive.writestr(zipfile.ZipInfo(name), content, packing)
    return _said_larger(written.getvalue(), draw) if draw.random() < 0.15 else written.getvalue()


def _changed_member(name: str, content: bytes, draw: random.Random) -> bytes:
    if not content:
        return b"x"
    if name.endswith(".json"):
        return change_json(content, draw)
    if name.endswith(".h5") and draw.random() < 0.7:
        return change_hdf5(content, draw)
    return change_bytes(content, draw)


def _said_larger(content: bytes, draw: random.Random) -> bytes:
    """The same archive with another size of a member in its central directory."""
    places = [at for at in range(len(content) - 46) if content[at : at + 4] == b"PK\x01\x02"]
    changed, place = bytearray(content), draw.choice(places or [0])
    size = struct.pack("<I", draw.choice([0, 1, 1 << 20, 1 << 30, (1 << 32) - 2]))
    for field in draw.choice([[24], [20, 24], [20]]):
        changed[place + field : place + field + 4] = size
    return bytes(changed)


def change_tensors(good: bytes, draw: random.Random) -> bytes:
    """The header of a safetensors file, or its bytes."""
    if draw.random() < 0.3:
        return change_bytes(good, draw)
    length = int.from_bytes(good[:8], "little")
    header, content = good[8 : 8 + length], good[8 + length :]
    if draw.random() < 0.3:
        types = [b"F8_E4M3", b"F8_E5M2", b"BF16", b"F64", b"I4", b"F4", b"BOOL", b"C64", b"U64"]
        header = header.replace(b"F32", draw.choice(types), draw.choice([1, 100]))
    else:
        header = change_json(header, draw)
    said = len(header) if draw.random() < 0.8 else draw.choice([0, 1, 10**12, (1 << 64) - 1, len(header) + 100])
    return struct.pack("<Q", said) + header + content


def change_hdf5(good: bytes, draw: random.Random) -> bytes:
    """Groups, arrays, attributes and links of an HDF5 file: others, elsewhere, in a circle, or said larger."""
    import h5py

    if draw.random() < 0.25:
        return change_bytes(good, draw)
    content = io.BytesIO(good)
    with h5py.File(content, "r+") as file:
        for _ in range(draw.choice([1, 1, 2, 3])):
            _change_item(file, draw)
    return content.getvalue()


def _change_item(file, draw: random.Random) -> None:
    import h5py

    names: list[str] = []
    file.visit(names.append)
    if not names:
        return
    name = draw.choice(names)
    holders = [file, *(held for held in (file[name], file[name].parent) if len(held.attrs))]
    if draw.random() < 0.35 and (named := [(held, key) for held in holders for key in held.attrs]):
        _change_attribute(*draw.choice(named), draw)
        return
    act = draw.choice(["gone", "other", "other", "soft", "external", "circle", "alias", "virtual", "elsewhere", "more"])
    parent, leaf = file[name].parent, name.rpartition("/")[2]
    if act == "more":
        file[name].parent["x" if draw.random() < 0.5 else "0x"] = draw.choice([0, "x", [1.0]])
        return
    was = file[name]
    like = (was.shape, was.dtype) if isinstance(was, h5py.Dataset) else ((3,), "f4")
    target = file[draw.choice(names)]
    del parent[leaf]
    if act == "other":
        _other_array(parent, leaf, like, draw)
    elif act == "soft":
        parent[leaf] = h5py.SoftLink(draw.choice([f"/{name}", "/", "/none", f"/{names[0]}"]))
    elif act == "external":
        parent[leaf] = h5py.ExternalLink(draw.choice(["other.h5", "/etc/passwd", "../outside.h5"]), "/")
    elif act == "circle":
        parent[leaf] = file["/"]
    elif act == "alias":
        parent[leaf] = target
    elif act == "virtual":
        layout = h5py.VirtualLayout(like[0] or (1,), "f4")
        layout[...] = h5py.VirtualSource("outside.h5", "x", like[0] or (1,))
        parent.create_virtual_dataset(leaf, layout)
    elif act == "elsewhere":
        parent.create_dataset(leaf, (100,), "u1", external=[("/etc/passwd", 0, 100)])


def _other_array(parent, leaf: str, like, draw: random.Random) -> None:
    import h5py
    import numpy as np

    shape = like[0]
    act = draw.randrange(10)
    if act == 0:
        parent.create_dataset(leaf, (10**12,), "f4", chunks=(1024,), compression="gzip")
    elif act == 1:
        parent.create_dataset(leaf, (10**6, 10**6), "f8", chunks=(10, 10))
    elif act == 2:
        parent.create_dataset(leaf, (0, *shape[1:]), "f4")
    elif act == 3:
        parent.create_dataset(leaf, data=draw.choice([b"bytes", "text", ["a", "b"]]))
    elif act == 4:
        parent.create_dataset(leaf, data=h5py.Empty("f4"))
    elif act == 5:
        parent.create_group(leaf)
    elif act == 6:
        parent.create_dataset(leaf, shape, draw.choice(["i1", "?", "c8", "f2", "u8", [("a", "f4")], "S3", "V7"]))
    elif act == 7:
        parent.create_dataset(leaf, data=np.full(shape, draw.choice([np.nan, np.inf, 1e30, -1]), "f4"))
    elif act == 8:
        parent.create_dataset(leaf, [max(1, size + draw.choice([-1, 1, 7])) for size in shape], "f4")
    else:
        parent.create_dataset(leaf, (10**9, 1000), "f4", chunks=(10**4, 1000), compression="gzip")


def _change_attribute(holder, name: str, draw: random.Random) -> None:
    import h5py
    import numpy as np

    value = holder.attrs[name]
    del holder.attrs[name]
    act = draw.random()
    if isinstance(value, str) and act < 0.6:
        try:
            json.loads(value)
        except ValueError:
            holder.attrs[name] = draw.choice(["", "x\x1b[2J", "[/x]", "$x_", "../x"])
        else:
            text = change_json(value.encode(), draw).decode("utf-8", "replace").replace("\0", "")
            if len(text) < 60_000:
                holder.attrs[name] = text
    elif act < 0.9:
        holder.attrs[name] = draw.choice(
            [0, -1, 10**12, 2**63 - 1, np.nan, np.inf, 0.5, "x", b"\xff\xfe", [1, 2], np.zeros((2, 2)), h5py.Empty("f")]
        )
