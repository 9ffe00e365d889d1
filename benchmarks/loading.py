"""How fast streamlines are read: ``python -m benchmarks.loading [--gigabytes 8] [--classes 20000] [--folder FOLDER]``.

Generates a file in the published layout, its groups contiguous and, in a second file, chunked (64 rows a chunk, or the
class where that is smaller), packs it, and reads all three in streamlines per second beside floors in the same run:

a  the same bytes in sequence, 3 MB at a time
b  ``os.pread`` of random rows
c  the original's pattern: open the file, read one row, close it, for every streamline

Warm: what is read is in the system's memory. Cold: the file was written out and dropped from memory by
``posix_fadvise(DONTNEED)`` before; emptying the whole page cache needs root, and a disk's or a host's own cache is not
reached by either. Floors and readers take turns, three rounds, medians. Twice --gigabytes of disk are needed; the
files are deleted.
"""

import argparse
import os
import platform
import resource
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import h5py
import numpy as np

from tractography.batches.feeds import BatchFeed
from tractography.batches.packing import pack_batches
from tractography.batches.sampling import Balanced, Contrastive, Ordered, Sampling, Shuffled
from tractography.batches.sources import BatchSource

ROW_BYTES = 256 * 3 * 4
BATCH = 1000
CHUNK = 64
PUBLISHED_BYTES, PUBLISHED_CLASSES = 74e9, 107_695
ROUNDS, SECONDS = 3, 1.5


def draw_sizes(gigabytes: float, classes: int) -> np.ndarray:
    """Sizes of classes as skewed as the published ones, of 45 streamlines at least."""
    rows = int(gigabytes * 1e9 / ROW_BYTES)
    shares = np.random.default_rng(0).lognormal(sigma=1.3, size=classes)
    sizes = 45 + np.floor(shares / shares.sum() * max(0, rows - 45 * classes)).astype(int)
    sizes[0] += max(0, rows - sizes.sum())
    return sizes


def generate(path: Path, sizes: np.ndarray, chunked: bool) -> None:
    """Write a file in the published layout."""
    block = np.random.default_rng(1).uniform(-110, 110, (int(sizes.max()), 256, 3)).astype("<f4")
    with h5py.File(path, "w") as file:
        split = file.create_group("train")
        for number, size in enumerate(sizes.tolist()):
            chunks = (min(size, CHUNK), 256, 3) if chunked else None
            split.create_dataset(f"{number}/streamline", data=block[:size], chunks=chunks)


def chill(path: Path) -> None:
    """Write a file out and drop it from the system's memory."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def warm(path: Path) -> None:
    """Read a file into the system's memory."""
    buffer = bytearray(16_000_000)
    with path.open("rb", buffering=0) as file:
        while file.readinto(buffer):
            pass


def rate(batches: Iterator[int], seconds: float) -> float:
    """Streamlines per second while batches, told by their sizes, are read for some seconds or to their end."""
    started, count = time.perf_counter(), 0
    for size in batches:
        count += size
        if time.perf_counter() - started > seconds:
            break
    return count / (time.perf_counter() - started)


def raw_sequence(source: BatchSource) -> Iterator[int]:
    """Floor a: the file's bytes in sequence."""
    buffer = bytearray(BATCH * ROW_BYTES)
    with source.path.open("rb", buffering=0) as file:
        while got := file.readinto(buffer):
            yield got / ROW_BYTES  # type: ignore[misc]


def raw_rows(source: BatchSource) -> Iterator[int]:
    """Floor b: random rows, one read each."""
    generator = np.random.default_rng()
    rows = (os.path.getsize(source.path) - 10_000_000) // ROW_BYTES
    with source.path.open("rb", buffering=0) as file:
        while True:
            for place in (generator.integers(0, rows, 384) * ROW_BYTES).tolist():
                os.pread(file.fileno(), ROW_BYTES, place)
            yield 384


def original_rows(source: BatchSource) -> Iterator[int]:
    """Floor c: class-balanced rows as the original reads them."""
    generator = np.random.default_rng()
    names = source.index.splits["train"].names
    while True:
        name = names[generator.integers(len(names))]
        with h5py.File(source.path) as file:
            stored = file["train"][name]["streamline"]  # type: ignore[index]
            stored[generator.integers(stored.shape[0])]  # type: ignore[index]
        yield 1


def feed(source: BatchSource, sampling: Sampling, workers: int = 0) -> Iterator[int]:
    """Ours, from a step that was not read before."""
    steps = None if isinstance(sampling, Ordered | Shuffled) else 1000
    batches = BatchFeed(source, "train", sampling, seed=time.time_ns() % 2**32, steps_per_epoch=steps)
    stop = len(batches) if steps is None else None
    return (len(batch.rows) for batch in batches.batches(0, stop, workers=workers))


READERS: dict[str, Callable[[BatchSource], Iterator[int]]] = {
    "floor a: bytes in sequence": raw_sequence,
    "in the file's order, batches of 1000": lambda source: feed(source, Ordered(BATCH)),
    "floor b: pread of random rows": raw_rows,
    "class-balanced, batches of 1000": lambda source: feed(source, Balanced(BATCH)),
    "class-balanced, a thread reads ahead": lambda source: feed(source, Balanced(BATCH), workers=1),
    "contrastive quadruples, batches of 384, half flipped": lambda source: feed(source, Contrastive(96)),
    "shuffled epoch, batches of 1000": lambda source: feed(source, Shuffled(BATCH)),
    "floor c: the original's pattern": original_rows,
}


def measure(source: BatchSource) -> dict[str, tuple[float, float]]:
    """Rates of every reader, warm and cold; a packed file cannot be read in the original's pattern."""
    readers = {
        label: reader for label, reader in READERS.items() if reader is not original_rows or not source.index.packed
    }
    cold: dict[str, list[float]] = {label: [] for label in readers}
    hot: dict[str, list[float]] = {label: [] for label in readers}
    for _ in range(ROUNDS):
        for label, reader in readers.items():
            chill(source.path)
            cold[label].append(rate(reader(source), SECONDS))
    warm(source.path)
    for _ in range(ROUNDS):
        for label, reader in readers.items():
            hot[label].append(rate(reader(source), SECONDS))
    return {label: (statistics.median(hot[label]), statistics.median(cold[label])) for label in readers}


def report(source: BatchSource, rates: dict[str, tuple[float, float]]) -> None:
    """Print the rates and what they are beside their floors."""
    floors = {label[6]: of_reader for label, of_reader in rates.items() if label.startswith("floor")}
    print(f"\n{source.path.name}{'':<42} streamlines/s  warm       cold   beside floors, warm (cold)")
    for label, (hot, cold) in rates.items():
        beside = (
            "" if label.startswith("floor") else f"  {hot / floors['c'][0]:8,.0f} x c ({cold / floors['c'][1]:,.0f})"
        )
        for name, wanted in (("a", "in the file's"), ("b", "class-"), ("b", "contrastive"), ("b", "shuffled")):
            if label.startswith(wanted):
                beside += f"  {hot / floors[name][0]:5.2f} x {name} ({cold / floors[name][1]:.2f})"
        print(f"  {label:<53} {hot:>12,.0f} {cold:>10,.0f}{beside}")


def open_timed(path: Path) -> tuple[BatchSource, float]:
    """Open a file and print what its index costs."""
    kept = path.with_name(f"{path.name}.index.npz")
    started = time.perf_counter()
    BatchSource(path).close()
    built = time.perf_counter() - started
    started = time.perf_counter()
    source = BatchSource(path)
    loaded = time.perf_counter() - started
    size = kept.stat().st_size if kept.exists() else 0
    print(f"\n{path.name}: index built in {built:.2f} s, {size / 1e6:.2f} MB, opened again in {loaded * 1e3:.0f} ms")
    return source, built


def extrapolate(rates: dict[str, dict[str, tuple[float, float]]], built: float, classes: int, pack_rate: float) -> None:
    """Print what the published file would take."""
    rows = PUBLISHED_BYTES / ROW_BYTES
    index_bytes = PUBLISHED_CLASSES * (6 + 8 + 16)
    print(
        f"\n{PUBLISHED_BYTES / 1e9:.0f} GB, {PUBLISHED_CLASSES:,} classes, {rows / 1e6:.1f} million streamlines, cold:"
    )
    print(f"  index: {built / classes * PUBLISHED_CLASSES:.0f} s once")
    print(f"    {index_bytes / 1e6:.1f} MB, or {(index_bytes + rows / CHUNK * 16) / 1e6:.1f} MB in chunks of {CHUNK}")
    print(f"  packing: {PUBLISHED_BYTES / pack_rate / 60:.0f} minutes, once")
    for name, of_file in rates.items():
        for label in ("in the file's order, batches of 1000", "shuffled epoch, batches of 1000"):
            print(f"  an epoch of {name}, {label}: {rows / of_file[label][1] / 60:.0f} minutes")
    original = rates["contiguous.h5"]["floor c: the original's pattern"][1]
    print(f"  an epoch in the original's pattern: {rows / original / 3600:.0f} hours")


def run(folder: Path, gigabytes: float, classes: int) -> None:
    """Generate, measure, and print everything."""
    sizes = draw_sizes(gigabytes, classes)
    print(f"{sizes.sum():,} streamlines of 256 points, {sizes.sum() * ROW_BYTES / 1e9:.2f} GB, {classes:,} classes of ")
    print(f"{sizes.min()} to {sizes.max():,}; {platform.machine()}, {os.cpu_count()} cores")
    rates, built = {}, 0.0
    for name in ("contiguous.h5", "chunked.h5"):
        generate(folder / name, sizes, chunked=name.startswith("chunked"))
        source, seconds = open_timed(folder / name)
        built = built or seconds
        rates[name] = measure(source)
        report(source, rates[name])
        if name.startswith("chunked"):
            (folder / name).unlink()
    chill(folder / "contiguous.h5")
    started = time.perf_counter()
    pack_batches(folder / "contiguous.h5", folder / "packed.h5")
    seconds = time.perf_counter() - started
    print(f"\npacked in {seconds:.1f} s, read cold, written out: {gigabytes / seconds:.2f} GB/s")
    source, _ = open_timed(folder / "packed.h5")
    rates["packed.h5"] = measure(source)
    original = "floor c: the original's pattern"
    report(source, rates["packed.h5"] | {original: rates["contiguous.h5"][original]})
    extrapolate(rates, built, classes, gigabytes * 1e9 / seconds)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"\npeak memory of all of the above, generating included: {peak:,.0f} MB")


def main() -> None:
    """Check the disk, and run in a folder that is deleted."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gigabytes", type=float, default=8.0)
    parser.add_argument("--classes", type=int, default=20_000)
    parser.add_argument("--folder", type=Path, help="where the disk is that is to be measured")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        free, needed = shutil.disk_usage(folder).free, 2.2e9 * options.gigabytes
        if free < needed:
            sys.exit(
                f"{needed / 1e9:.0f} GB of disk are needed, {folder} has {free / 1e9:.0f}. Choose another --folder."
            )
        run(Path(folder), options.gigabytes, options.classes)


if __name__ == "__main__":
    main()
