"""Our readers and writers of tractograms beside nibabel's and trx-python's: ``python -m benchmarks.tractograms``.

Three jobs that the commands have: to read all streamlines, some thousands at a time; to read one range in a process
that was handed the file, as a worker does; to share streamlines out to a hundred files as they come. The libraries do
the last by gathering each bundle in memory and saving it. Each figure is of a process of its own, the least of some:
seconds of the processor, and memory at its peak above what was there before. A ratio is the library's figure over
ours. On Linux, whose kernel tells the peak.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.ground.machine import name_machine
from tractography.files.headers import header_in_space
from tractography.files.pieces import open_tractogram, read_header
from tractography.files.streamlines import Streamlines
from tractography.writing.writers import open_writer

FORMATS = (".trk", ".tck", ".trx")
SIDES = ("ours", "library")
PIECE, BUNDLES = 8192, 100
AFFINE, DIMENSIONS = np.diag([2.0, 2.0, 2.0, 1.0]), (91, 109, 91)
SPACE = header_in_space("", AFFINE, DIMENSIONS)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=100_000, help="streamlines")
    parser.add_argument("--repeat", type=int, default=3, help="processes for each figure")
    parser.add_argument("--only", nargs=4, metavar=("JOB", "SIDE", "FILE", "FOLDER"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.only:
        print(json.dumps(measure(*arguments.only)))
        return
    print(f"{name_machine()}, {arguments.count:,} streamlines of 40 to 120 points")
    print(f"{'job':<28}{'format':<8}{'ours':>18}{'library':>18}{'time':>8}{'memory':>8}")
    with tempfile.TemporaryDirectory() as name:
        for suffix in FORMATS:
            path = make(Path(name, f"whole{suffix}"), arguments.count)
            for job in JOBS:
                report(job, path, Path(name), arguments.repeat)


def make(path: Path, count: int) -> Path:
    """Write streamlines that wander about."""
    generator = np.random.default_rng(1)
    with open_writer(path, SPACE) as writer:
        for first in range(0, count, PIECE):
            lengths = generator.integers(40, 120, min(PIECE, count - first))
            steps = generator.normal(0, 1, (lengths.sum(), 3))
            writer.append(Streamlines((steps.cumsum(axis=0) % 150).astype(np.float32), lengths))
    np.save(path.with_suffix(".npy"), open_tractogram(path).index())
    return path


def report(job: str, path: Path, folder: Path, repeat: int) -> None:
    """Measure both sides in turns, and print a line."""
    figures: dict[str, list[tuple[float, float]]] = {side: [] for side in SIDES}
    for _ in range(repeat):
        for side in SIDES:
            command = [sys.executable, "-m", "benchmarks.tractograms", "--only", job, side, str(path), str(folder)]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            figures[side].append(tuple(json.loads(done.stdout)))
    least = {side: [min(values) for values in zip(*figures[side], strict=True)] for side in SIDES}
    shown = [f"{seconds:.3f} s {memory:,.0f} MB" for seconds, memory in least.values()]
    ratios = [theirs / max(ours, 1e-9) for ours, theirs in zip(*least.values(), strict=True)]
    print(f"{job:<28}{path.suffix[1:]:<8}{shown[0]:>18}{shown[1]:>18}{ratios[0]:>8.1f}{ratios[1]:>8.1f}", flush=True)


def measure(job: str, side: str, path: str, folder: str) -> tuple[float, float]:
    """Do a job once: seconds of the processor, and MB at the peak above what was there before."""
    act = JOBS[job][SIDES.index(side)]
    warnings.simplefilter("ignore")
    import trx.trx_file_memmap  # noqa: F401

    read_header(Path(path))  # imports what both need
    Path("/proc/self/clear_refs").write_text("5")
    before, started = _memory("VmRSS"), time.process_time()
    act(Path(path), Path(folder))
    return time.process_time() - started, max(_memory("VmHWM") - before, 1.0)


def _memory(name: str) -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith(f"{name}:")) / 1024


def read_all(path: Path, folder: Path) -> None:
    """Read all, a piece at a time."""
    with open_tractogram(path) as file:
        for first in range(0, file.count, PIECE):
            file.read(first, first + PIECE)


def library_reads_all(path: Path, folder: Path) -> None:
    """Load all, as the library holds them."""
    if path.suffix == ".trx":
        from trx import trx_file_memmap

        held: Any = trx_file_memmap.load(str(path))
        np.array(held.streamlines.get_data())  # it is mapped, and not read
        held.close()
        return
    import nibabel

    nibabel.streamlines.load(str(path))


def _load(path: Path) -> list[np.ndarray]:
    if path.suffix == ".trx":
        from trx import trx_file_memmap

        held: Any = trx_file_memmap.load(str(path))
        lines = [np.array(line) for line in held.streamlines]
        held.close()
        return lines
    import nibabel

    return [np.asarray(line) for line in nibabel.streamlines.load(str(path)).streamlines]


def read_range(path: Path, folder: Path) -> None:
    """Read the last range of a file by its index."""
    with open_tractogram(path, np.load(path.with_suffix(".npy"))) as file:
        file.read(file.count - PIECE, file.count)


def library_reads_range(path: Path, folder: Path) -> None:
    """Read up to the last range and take it: nibabel lazily, trx-python by its map of the file."""
    last = int(np.load(path.with_suffix(".npy"))[0]) - PIECE
    if path.suffix == ".trx":
        from trx import trx_file_memmap

        held: Any = trx_file_memmap.load(str(path))
        taken = [np.array(line) for line in held.streamlines[last:]]
        held.close()
    else:
        import nibabel

        lazy: Any = nibabel.streamlines.load(str(path), lazy_load=True)
        taken = [line for number, line in enumerate(lazy.streamlines) if number >= last]
    assert len(taken) == PIECE


def _bundles(first: int, count: int) -> np.ndarray:
    return np.random.default_rng(first).integers(0, BUNDLES, count)


def share_out(path: Path, folder: Path) -> None:
    """Write each piece to the files of its bundles."""
    with open_tractogram(path) as file:
        writers = [open_writer(folder / f"{number}{path.suffix}", SPACE) for number in range(BUNDLES)]
        for first in range(0, file.count, PIECE):
            piece = file.read(first, first + PIECE)
            places = _bundles(first, len(piece))
            for number, writer in enumerate(writers):
                writer.append(piece.select(places == number))
        for writer in writers:
            writer.close()


def library_shares_out(path: Path, folder: Path) -> None:
    """Gather the bundles, and save each."""
    lines = _load(path)
    places = np.concatenate([_bundles(first, min(PIECE, len(lines) - first)) for first in range(0, len(lines), PIECE)])
    for number in range(BUNDLES):
        _save([lines[row] for row in np.flatnonzero(places == number)], folder / f"{number}{path.suffix}")


def _save(lines: list[np.ndarray], path: Path) -> None:
    import nibabel
    from nibabel.streamlines import Tractogram

    tractogram = Tractogram(lines, affine_to_rasmm=np.eye(4))
    if path.suffix == ".trx":
        from trx import trx_file_memmap

        reference = nibabel.Nifti1Image(np.zeros(DIMENSIONS, np.uint8), AFFINE)
        types = {"positions": np.float32, "offsets": np.uint64, "dpv": {}, "dps": {}}
        held: Any = trx_file_memmap.TrxFile.from_tractogram(tractogram, reference, dtype_dict=types)
        trx_file_memmap.save(held, str(path))
        held.close()
        return
    header = {"voxel_to_rasmm": AFFINE, "dimensions": DIMENSIONS, "voxel_sizes": (2, 2, 2), "voxel_order": b"RAS"}
    nibabel.streamlines.save(tractogram, str(path), **({"header": header} if path.suffix == ".trk" else {}))


JOBS: dict[str, tuple[Callable[[Path, Path], None], Callable[[Path, Path], None]]] = {
    "read all": (read_all, library_reads_all),
    "read a worker's range": (read_range, library_reads_range),
    "share out to 100 files": (share_out, library_shares_out),
}

if __name__ == "__main__":
    main()
