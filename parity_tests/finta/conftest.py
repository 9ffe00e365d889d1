"""An atlas, bundles, a subject and thresholds, for whatever encodes, filters and decides."""

import json

import numpy as np
import pytest

from finta.cli import app
from finta.errors import FintaError
from parity_tests.finta.tractograms import BROKEN, BUNDLES, SHORT, read, write
from tractography.errors import TractographyError
from tractography.files.dipy_bundles import extract_minimal_bundles
from tractography.files.pieces import open_tractogram
from tractography.files.streamlines import Streamlines, concatenate


@pytest.fixture(scope="session")
def subjects(tmp_path_factory):
    """DIPY's minimal bundles, a folder for each of five subjects; tests write nothing there."""
    folder = tmp_path_factory.mktemp("subjects")
    extract_minimal_bundles(folder)
    return folder


@pytest.fixture(scope="session")
def collection(subjects, tmp_path_factory):
    """An atlas, bundles to derive thresholds from, and implausible streamlines: the bundles, mirrored."""
    collection = tmp_path_factory.mktemp("filter")
    mirrored = []
    for name in BUNDLES:
        with open_tractogram(subjects / "sub_1" / f"{name}.trk") as file:
            lines, header = file.read(0, file.count), file.header
        write(collection / "atlas" / f"{name}.trk", header, lines.select(np.arange(0, 25)))
        write(collection / "known" / f"{name}.trk", header, lines.select(np.arange(25, 50)))
        mirrored.append(Streamlines(lines.points * np.float32([-1, 1, 1]), lines.lengths))
    write(collection / "implausible.trk", header, concatenate(mirrored))
    return collection


@pytest.fixture(scope="session")
def header(collection):
    with open_tractogram(collection / "known" / "AF_L.trk") as file:
        return file.header


@pytest.fixture(scope="session")
def subject(collection):
    """All known streamlines and half of the mirrored, some broken, with data."""
    parts = [read(collection / "known" / f"{name}.trk") for name in BUNDLES] + [read(collection / "implausible.trk")]
    lines = concatenate([Streamlines(part.points, part.lengths) for part in parts])
    split = [line.copy() for line in lines.split()]
    split[BROKEN["one point"]], split[SHORT] = split[BROKEN["one point"]][:1], split[SHORT][[0, -1]]
    split[BROKEN["not finite"]][3, 1] = np.nan
    split[BROKEN["no length"]][:] = split[BROKEN["no length"]][0]
    points, generator = np.concatenate(split), np.random.default_rng(1)
    return Streamlines(
        points,
        np.array([len(line) for line in split]),
        {"fa": generator.random((len(points), 1), np.float32)},
        {"weight": generator.random((len(split), 2), np.float32)},
    )


@pytest.fixture(scope="session")
def thresholds(collection):
    path = collection / "thresholds.json"
    path.write_text(json.dumps(dict.fromkeys(BUNDLES, 60.0)))
    return path


@pytest.fixture
def finta(run_cli):
    return lambda *arguments: run_cli(*arguments, commands=app, expected=(TractographyError, FintaError))
