"""Golden files of the right types that contradict themselves, bound by a certificate to a port, and replayed."""

import io
import json
import random
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from parity_tests.hostile.kit import tiny_pair
from parity_tests.hostile.mutations import change_json
from parity_tests.hostile.readers import WrongWeightsError

KINDS = ("Linear", "ReLU", "BatchNorm1d", "Conv1d", "LSTM", "Embedding", "MultiheadAttention", "Dropout", "x")
_MEANT = ("outputs", "calls")
"""Groups whose outputs a port is held against: PASS is wrong where they are others."""


def change_golden(good: bytes, draw: random.Random) -> bytes:
    """Arrays, layers and words of a golden file: others of their type, in other places, of other sizes."""
    import h5py

    held = io.BytesIO(good)
    with h5py.File(held, "r+") as file:
        for _ in range(draw.choice([1, 1, 1, 2, 3])):
            act = draw.random()
            if act < 0.5:
                _change_array(file, draw)
            elif act < 0.65:
                _exchange(file, draw)
            else:
                _change_words(file, draw)
    return held.getvalue()


def _arrays(file: Any) -> list[str]:
    import h5py

    found: list[str] = []
    file.visititems(lambda name, item: found.append(name) if isinstance(item, h5py.Dataset) else None)
    return found


_CHANGES: tuple[Callable[[np.ndarray, random.Random], np.ndarray], ...] = (
    lambda array, draw: array * draw.choice([-1, 0, 1.01, 1e-30, 1e30]),
    lambda array, draw: array[::-1],
    lambda array, draw: array[: draw.randrange(1, len(array) + 1)],
    lambda array, draw: np.concatenate([array, array]),
    lambda array, draw: array.T,
    lambda array, draw: array[..., None],
    lambda array, draw: array.reshape(-1),
    lambda array, draw: array.astype(draw.choice(["i4", "f4", "f8", "?"])),
    lambda array, draw: np.full_like(array, draw.choice([np.nan, np.inf, 0, 1])),
    lambda array, draw: array[..., :1],
)


def _change_array(file: Any, draw: random.Random) -> None:
    name = draw.choice(_arrays(file))
    stored = file[name]
    if not stored.shape:
        return
    about = dict(stored.attrs)
    with np.errstate(all="ignore"):
        changed = draw.choice(_CHANGES)(stored[()], draw)
    del file[name]
    file.create_dataset(name, data=changed).attrs.update(about)
    if "step" in about and draw.random() < 0.3:
        file[name].attrs[draw.choice(["step", "scale"])] = draw.choice([1, 7, 10**9, -1.0, 1e30])


def _exchange(file: Any, draw: random.Random) -> None:
    """Two layers, or two arrays, in each other's place; or one layer more or fewer."""
    calls = [f"calls/{number}" for number in range(len(file["calls"]))]
    first, second = draw.sample(calls if draw.random() < 0.6 else _arrays(file), 2)
    if draw.random() < 0.3:
        del file[calls[-1]]
        if draw.random() < 0.5:
            del file[f"synthetic/{calls[-1]}"]
        return
    file.move(first, "held")
    file.move(second, first)
    file.move("held", second)


def _change_words(file: Any, draw: random.Random) -> None:
    holder = draw.choice([file, file, *file["calls"].values(), file["gradients"]])
    name = draw.choice(list(holder.attrs))
    value = holder.attrs[name]
    if name == "kind":
        holder.attrs[name] = draw.choice(KINDS)
    elif name == "name":
        holder.attrs[name] = draw.choice(["", "0", "1", "2", "3", "nobody"])
    elif not isinstance(value, str):
        holder.attrs[name] = draw.choice([1, 2, 3, 64, 1000])
    elif value[:1] in '{["':
        holder.attrs[name] = _other_words(value, draw)


def _other_words(text: str, draw: random.Random) -> str:
    """Names or values of a JSON text exchanged, and seldom others."""
    held = json.loads(text)
    if isinstance(held, dict) and len(held) > 1 and draw.random() < 0.7:
        names = list(held)
        draw.shuffle(names)
        held = dict(zip(names, held.values(), strict=True))
    elif isinstance(held, list) and len(held) > 1 and draw.random() < 0.7:
        draw.shuffle(held)
    else:
        changed = change_json(text.encode(), draw).decode("utf-8", "replace").replace("\0", "")
        return changed if len(changed) < 60_000 else text
    return json.dumps(held)


def replay(path: Path) -> None:
    """Verify a port by a golden file to which a certificate binds it; a PASS on other outputs is wrong."""
    from porting import verify
    from porting.evidence.certificates import hash_file

    with tempfile.TemporaryDirectory(dir=path.parents[2]) as apart:
        folder = Path(apart)
        shutil.copy(path, folder / "port.golden.h5")
        shutil.copy(path.with_name("port.keras"), folder)
        certificate = json.loads(path.with_name("port.certificate.json").read_text())
        certificate["port"]["files"]["port.golden.h5"] = hash_file(path)
        (folder / "port.certificate.json").write_text(json.dumps(certificate))
        report = verify(folder / "port.keras", pair=tiny_pair())
        if report.verdict.value == "PASS" and (name := _another_output(path, path.with_name("good.golden.h5"))):
            raise WrongWeightsError(f"PASS on another {name}")


def _another_output(path: Path, good: Path) -> str:
    """Which output that was recorded is not the good file's; nothing where all are, by more than float32 rounds."""
    import h5py

    with h5py.File(path) as file, h5py.File(good) as known:
        for name in _arrays(known):
            group, leaf = name.split("/")[0], name.rpartition("/")[2]
            if group not in _MEANT or (group == "calls" and leaf != "output"):
                continue
            wanted, held = known[name][()], file[name][()] if name in file else np.nan
            if np.shape(held) != wanted.shape or not np.allclose(held, wanted, rtol=1e-4, atol=1e-6):
                return name
    return ""
