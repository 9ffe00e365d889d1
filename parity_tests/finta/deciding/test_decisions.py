"""The port filters, and decodes draws, as the reference does; where it does not, rows and margins are named."""

import json
import re
import shutil

import keras
import nibabel as nib
import numpy as np
import pytest

from finta import shipped
from finta.cli import app
from finta.coding.coders import open_coder
from finta.deciding.coding import Coded, code_on_backend, encode_all
from finta.deciding.decisions import Rules, compare_coded
from finta.deciding.rounding import Rounding, measure_rounding
from finta.errors import FintaError, ModelError
from finta.filtering.atlases import find_bundles
from keras_model import load_autoencoder
from parity_tests.schemas import assert_as_schema_says
from porting.requirements import BACKENDS
from tractography.agreement.decisions import EPSILON
from tractography.errors import TractographyError
from tractography.files.tractograms import read_streamlines, resample
from tractography.filtering.assignment import ReferenceCodes
from tractography.generating.anatomy import Anatomy, streamline_lengths

RELATIVE = 8 * EPSILON


@pytest.fixture(scope="module")
def spoil(tmp_path_factory):
    """Write the shipped port with one variable changed."""

    def spoiled(name, change):
        model = load_autoencoder(shipped.KERAS_CHECKPOINT)
        (variable,) = (held for held in model.variables if held.path.endswith(name))
        variable.assign(change(keras.ops.convert_to_numpy(variable)))
        path = tmp_path_factory.mktemp("spoiled") / "spoiled.keras"
        model.save(path)
        return path

    return spoiled


def command(subjects, port, *options, checkpoint=shipped.TORCH_CHECKPOINT, atlas="sub_1"):
    places = (subjects / "sub_5", "--atlas", subjects / atlas, "--bundles", subjects / "sub_2")
    return ["verify-decisions", checkpoint, port, *places, "--draws", "20", *options]


def verified(run_cli, *arguments):
    return run_cli(*arguments, commands=app, expected=(TractographyError, FintaError))


def white_matter(path):
    """Write a mask of 4 mm, far to the left, that some of the draws run out of."""
    voxels = np.zeros((50, 60, 50), np.uint8)
    voxels[:17, 5:45, 18:] = 1
    nib.save(nib.Nifti1Image(voxels, nib.affines.from_matvec(np.diag([4.0, 4, 4]), (-100, -130, -80))), path)
    return path


@pytest.mark.parametrize(
    "backend", [pytest.param(name, marks=pytest.mark.slow) if name != "tensorflow" else name for name in BACKENDS]
)
def test_the_shipped_port_decides_as_the_reference_does(subjects, run_cli, tmp_path, backend):
    known = ("--implausible", subjects / "sub_4" / "CST_R.trk", "--neighbours", 3, "--point", "youden")
    limits = ("--wm", white_matter(tmp_path / "wm.nii.gz"), "--min-length", 40, "--max-length", 90)
    options = (*known, *limits, "--backend", backend, "--json", tmp_path / "report.json")
    done = verified(run_cli, *command(subjects, shipped.KERAS_CHECKPOINT, *options))
    assert done.status == 0, done
    assert "PASS: the port decides as the reference does; no differences" in done.out
    report = json.loads((tmp_path / "report.json").read_text())
    assert_as_schema_says(report, "finta-decisions/1")
    assert (report["neighbours"], report["point"], report["anatomy"]["lengths_mm"]) == (3, "youden", [40, 90])
    figures = report["backends"][backend]
    fates = figures["filters"]["reference"]
    assert figures["filters"] == {"agree": 20, "reference": fates, "port": fates}
    assert all(fates[name] for name in ("kept", "cut", "inside", "length"))
    assert sum(fates.values()) == 20
    assert figures["framework"] == f"keras on {backend}"
    assert (figures["known"], figures["streamlines"]) == (200, 150)
    assert figures["labels"] == figures["kept"] == [200, 150]
    assert (figures["thresholds"], figures["beyond"], figures["disagreements"]) == (3, 0, [])
    assert 0 < figures["differences"]["codes"]["units"] < report["rounding"]["units"]
    assert 0 < figures["decoded_mm"] < report["rounding"]["decoded"] < 0.01


@pytest.mark.slow
def test_reversed_taps_of_the_encoder_fail_with_rows_and_margins(subjects, spoil, run_cli, tmp_path):
    port = spoil("encod_conv3/kernel", lambda kernel: kernel[::-1])
    options = ("--backend", "tensorflow", "--json", tmp_path / "report.json")
    done = verified(run_cli, *command(subjects, port, *options))
    assert done.status == 1, done
    assert "FAIL: the port decides otherwise" in done.out
    assert f"porting verify {shipped.TORCH_CHECKPOINT} {port} --backend tensorflow" in done.out.replace("\n", "")
    written = json.loads((tmp_path / "report.json").read_text())
    assert_as_schema_says(written, "finta-decisions/1")
    report = written["backends"]["tensorflow"]
    for whats in ({"kept"}, {"code", "atlas code"}):
        beyond = [held for held in report["disagreements"] if held["what"] in whats and not held["explained"]]
        assert beyond
        assert all(held["margin"] > held["rounding"] > 0 for held in beyond)
        places = r"sub_[25]/\w+\.trk row \d+$|code \d+ of the atlas, in \w+$"
        assert all(re.search(places, held["place"]) for held in beyond)
    assert report["codes"] == report["known"] + report["streamlines"] + 2 * 150


def coded(model, subjects):
    coder = open_coder(model, 128)
    reference, codes = encode_all(subjects / "sub_1", [subjects / "sub_2" / "AF_L.trk"], coder, lambda *_: None)
    draws = np.random.default_rng(3).choice(reference.codes, 20)
    return coder, Coded(coder.framework, reference, np.concatenate(codes), coder.decode(draws)), draws


@pytest.fixture(scope="module")
def truth(subjects):
    return coded(shipped.TORCH_CHECKPOINT, subjects)


def test_what_changes_no_decision_fails_by_codes_and_by_what_is_decoded(subjects, spoil, truth):
    coder, reference, draws = truth
    _, port, _ = coded(spoil("fc1/bias", lambda bias: bias + 2), subjects)
    turned = Coded("", port.reference, port.codes, reference.decoded[:, ::-1])
    lines = resample(read_streamlines(subjects / "sub_2" / "AF_L.trk"), 256)
    rounding = measure_rounding(coder, lines, draws)
    found = compare_coded("tensorflow", reference, turned, np.zeros(50, np.int32), rounding, Rules())
    assert found.agreement.kept == found.agreement.labels == (50, 0)
    assert {held.what for held in found.agreement.disagreements} == {"code", "atlas code"}
    assert len(found.failures) == 2
    assert "350 latent codes" in found.failures[0]
    assert "decoded" in found.failures[1]


def test_one_code_of_the_atlas_that_decides_nothing_fails(truth):
    _, reference, _ = truth
    codes = reference.reference.codes.copy()
    far = int(np.argmax(np.linalg.norm(codes - reference.codes.mean(axis=0), axis=1)))
    codes[far] *= 1.01
    atlas = ReferenceCodes(reference.reference.bundles, codes, reference.reference.labels)
    port = Coded("", atlas, reference.codes, reference.decoded)
    found = compare_coded("jax", reference, port, np.zeros(50, np.int32), Rounding(RELATIVE, 1e-3), Rules())
    assert [(held.what, held.row) for held in found.agreement.disagreements] == [("atlas code", far)]
    assert found.failures == ("1 latent code beyond what rounding explains",)


def test_a_distance_that_differs_fails_though_no_decision_does(truth):
    _, reference, _ = truth
    codes = reference.codes.copy()
    codes[3] *= 1.001
    port = Coded("", reference.reference, codes, reference.decoded)
    found = compare_coded("jax", reference, port, np.zeros(50, np.int32), Rounding(RELATIVE, 1e-3), Rules())
    assert found.agreement.kept == found.agreement.labels == (50, 0)
    assert "1 distance beyond what rounding explains" in found.failures


def test_draws_that_pass_other_filters_fail_by_name(truth):
    _, reference, _ = truth
    port = Coded("", reference.reference, reference.codes, reference.decoded * np.float32(1.01))
    lengths = streamline_lengths(reference.decoded)
    rules = Rules(anatomy=Anatomy(lengths=(0, float(np.median(lengths)))))
    found = compare_coded("jax", reference, port, np.zeros(50, np.int32), Rounding(RELATIVE, 1e-3), rules)
    assert [name.split(" ", 1)[1] for name in found.failures[1:]] == [
        "draw through other filters by more than rounding explains"
    ]
    assert found.filters.reference["kept"] == 10 > found.filters.port["kept"]
    assert all(re.match(r"kept: length", held.reference) and not held.is_explained for held in found.disagreements)


def test_a_port_whose_codes_are_not_finite_fails(truth):
    _, reference, _ = truth
    codes = reference.codes.copy()
    codes[7] = np.nan
    port = Coded("", reference.reference, codes, reference.decoded)
    found = compare_coded("tensorflow", reference, port, np.zeros(50, np.int32), Rounding(RELATIVE, 1e-3), Rules())
    held = next(each for each in found.agreement.disagreements if each.row == 7)
    assert (held.port, held.margin, held.is_explained) == ("not encoded", np.inf, False)
    assert found.failures
    assert found.agreement.differences["codes"].absolute == np.inf


def test_bad_input_is_one_error(subjects, run_cli, tmp_path):
    port = shipped.KERAS_CHECKPOINT
    shutil.copytree(subjects / "sub_1", tmp_path / "small")
    next(iter(find_bundles(tmp_path / "small").values())).unlink()
    mistakes = {
        "gone.keras is no file that ends in .keras": command(subjects, "gone.keras"),
        "Give CHECKPOINT, then PORT": command(subjects, shipped.TORCH_CHECKPOINT, checkpoint=port),
        "Unknown backend theano": command(subjects, port, "--backend", "theano"),
        "bundles that the atlas has not: AF_L": command(subjects, port, "--backend", "jax", atlas=tmp_path / "small"),
        "must be one of equal_error, youden, best_accuracy": command(subjects, port, "--point", "best"),
        "Give one of --wm and --fa": command(subjects, port, "--wm", "a.nii", "--fa", "b.nii"),
        "No image at gone.nii": command(subjects, port, "--wm", "gone.nii"),
        "Lengths from 50 to 20 mm": command(subjects, port, "--min-length", "50", "--max-length", "20"),
        "Cannot write the report": command(subjects, port, "--json", tmp_path / "no" / "r.json"),
    }
    for words, arguments in mistakes.items():
        done = verified(run_cli, *arguments)
        assert done.status == 2, (arguments, done)
        assert words in " ".join(done.err.split()), done.err
        assert "Traceback" not in done.err


def test_a_damaged_port_is_one_error_of_the_process_that_reads_it(subjects, tmp_path):
    (tmp_path / "damaged.keras").write_bytes(b"PK")
    with pytest.raises(ModelError, match=r"damaged.keras on jax: (?s:(?!Traceback).)*$"):
        code_on_backend(tmp_path / "damaged.keras", "jax", subjects / "sub_1", [], np.zeros((1, 32), np.float32))
