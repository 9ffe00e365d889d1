"""Tractograms that are written, sorted and read again, and runs that end from outside."""

import numpy as np

from tractography.files.pieces import open_tractogram
from tractography.writing.writers import open_writer

BUNDLES = ("AF_L", "CC_ForcepsMajor", "CST_R")
BROKEN = {"one point": 7, "not finite": 60, "no length": 100}
"""Streamlines of the subject that cannot be encoded."""
SHORT = 20
"""One of two points."""


def write(path, header, streamlines):
    path.parent.mkdir(exist_ok=True, parents=True)
    with open_writer(path, header) as writer:
        writer.append(streamlines)
    return path


def read(path):
    with open_tractogram(path) as file:
        return file.read(0, file.count)


def many(subject, count):
    return subject.select(np.arange(count) % 10 + 30).with_data(turn=np.arange(count))


def found_ids(path):
    """The original numbers of a tractogram's streamlines."""
    if path.suffix == ".tck":
        return np.loadtxt(path.with_name(f"{path.stem}_ids.txt"), dtype=int, ndmin=1)
    return read(path).per_streamline["ids"][:, 0].astype(int)


def assert_sorted(output, suffix, subject, with_data=True):
    """Every streamline is in one tractogram with all that it had, or was skipped; returns what is where."""
    places = {}
    for path in sorted(output.glob(f"*{suffix}")):
        ids, held = found_ids(path), read(path)
        wanted = subject.select(ids)
        np.testing.assert_array_equal(held.lengths, wanted.lengths)
        np.testing.assert_allclose(held.points, wanted.points, rtol=0, atol=2e-5)
        for ours, theirs in ((held.per_point, wanted.per_point), (held.per_streamline, wanted.per_streamline)):
            assert set(ours) - {"ids"} == (set(theirs) if with_data else set())
            for name in set(ours) - {"ids"}:
                np.testing.assert_array_equal(ours[name], theirs[name])
        places |= {path.stem: ids}
    everywhere = np.sort(np.concatenate([*places.values(), list(BROKEN.values())]))
    np.testing.assert_array_equal(everywhere, np.arange(len(subject)))
    return places


def filtered(finta, collection, source, output, model, *options):
    command = ["filter", source, "--model", model, "--atlas", collection / "atlas"]
    if "--thresholds" not in options:
        command += ["--thresholds", collection / "thresholds.json"]
    return finta(*command, "--output", output, *options)


class Stopped(BaseException):
    """What ends a run from outside."""


def stop_when(words, enough):
    def on_step(doing, done, total):
        if doing.startswith(words) and done >= enough:
            raise Stopped

    return on_step
