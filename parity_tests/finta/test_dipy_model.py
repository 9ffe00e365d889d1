"""The model as users of DIPY meet it."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from dipy.io.stateful_tractogram import Origin, Space
from dipy.io.streamline import load_tractogram
from dipy.tracking.streamline import Streamlines

import finta
from finta import shipped
from finta.dipy_model import Finta
from finta.errors import ModelError
from porting.port import side as keras_side
from tractography.errors import FilteringError, TractogramError, TractogramWarning
from tractography.files.tractograms import resample

ROOT = Path(finta.__file__).parents[1]


@pytest.fixture(scope="module")
def model():
    return Finta()


@pytest.fixture(scope="module")
def small(small_port):
    return Finta(small_port)


@pytest.fixture(scope="module")
def bundles(subjects):
    return {path.stem: path for path in (subjects / "sub_5").glob("*.trk")}


@pytest.fixture
def tractogram(bundles):
    return load_tractogram(str(bundles["AF_L"]), "same", bbox_valid_check=False)


def test_streamlines_are_reconstructed_as_keras_reconstructs_them(model, tractogram):
    import keras_model

    keras_side.prepare()
    reconstructed = model.predict(tractogram.streamlines)
    autoencoder = keras_model.load_autoencoder(shipped.KERAS_CHECKPOINT)
    straight = autoencoder.predict(resample(tractogram.streamlines, 256), verbose=0)
    assert isinstance(reconstructed, Streamlines)
    np.testing.assert_allclose(np.stack(list(reconstructed)), straight, atol=2e-4)


@pytest.mark.parametrize("space", Space)
@pytest.mark.parametrize("origin", Origin)
def test_a_tractogram_in_any_space_gives_the_same_codes_and_stays_as_it_was(small, tractogram, space, origin):
    straight = small.encode(list(tractogram.streamlines))
    tractogram.to_space(space)
    tractogram.to_origin(origin)
    before = tractogram.streamlines.get_data().copy()
    scale = np.abs(straight).max()
    np.testing.assert_allclose(small.encode(tractogram), straight, atol=1e-5 * scale)
    assert (tractogram.space, tractogram.origin) == (space, origin)
    np.testing.assert_array_equal(tractogram.streamlines.get_data(), before)


def test_codes_are_decoded_to_what_predict_gives(small, tractogram):
    codes = small.encode(tractogram)
    assert codes.shape == (50, 4)
    decoded, predicted = small.decode(codes), small.predict(tractogram)
    assert [len(line) for line in decoded] == [64] * 50
    np.testing.assert_array_equal(decoded.get_data(), predicted.get_data())


def test_other_weights_are_loaded_and_those_that_cannot_be_leave_the_model_as_it_was(small_port, tmp_path):
    changing = Finta(small_port)
    with pytest.raises(ModelError, match="no such file"):
        changing.load_model_weights(tmp_path / "gone.keras")
    assert changing.model.path == small_port
    changing.load_default_weights()
    assert (changing.model.latent_size, changing.model.point_count) == (32, 256)


def test_the_torch_checkpoint_gives_the_codes_of_its_port(small_checkpoint, small, tractogram):
    codes, straight = small.encode(tractogram), Finta(small_checkpoint).encode(tractogram)
    np.testing.assert_allclose(codes, straight, atol=1e-5 * np.abs(straight).max())


def test_bundles_are_told_apart_and_what_is_beyond_the_threshold_has_none(model, bundles):
    whole = {
        name: load_tractogram(str(path), "same", bbox_valid_check=False).streamlines for name, path in bundles.items()
    }
    atlas, others = {name: lines[::2] for name, lines in whole.items()}, whole["CST_R"][1::2]
    found = model.classify(others, atlas, dict.fromkeys(atlas, np.inf), neighbours=3)
    assert found.count("CST_R") >= 24
    assert model.classify(others, atlas, dict.fromkeys(atlas, -1.0)) == [None] * len(others)
    with pytest.raises(FilteringError, match="No threshold for CC_ForcepsMajor, CST_R"):
        model.classify(others, atlas, {"AF_L": 1.0})


LINE = np.arange(12.0).reshape(4, 3)


@pytest.mark.parametrize("broken", [LINE[:1], LINE[:0], np.ones((4, 3)), LINE * np.nan, np.full((4, 3), np.inf)])
def test_streamlines_that_cannot_be_encoded_are_skipped_in_their_places_and_counted(small, broken):
    atlas = {"a": [LINE, broken], "b": [LINE + 50]}
    with pytest.warns(TractogramWarning, match="the streamlines: 1 of 3 skipped: fewer than two points, no length"):
        codes = small.encode([LINE, broken, LINE])
    assert np.isfinite(codes).all(axis=1).tolist() == [True, False, True]
    np.testing.assert_array_equal(codes[[0]], small.encode([LINE]))
    with pytest.warns(TractogramWarning):
        curves = small.predict([LINE, broken, LINE])
    assert [len(curve) for curve in curves] == [64] * 3
    assert [bool(np.isfinite(curve).all()) for curve in curves] == [True, False, True]
    with pytest.warns(TractogramWarning) as said:
        assert small.classify([broken, LINE], atlas, {"a": 1.0, "b": 1.0}) == [None, "a"]
    assert [str(word.message).partition(" of ")[0] for word in said] == ["a: 1", "the streamlines: 1"]


@pytest.mark.parametrize(
    ("streamlines", "said"),
    [([], "no streamlines"), ([LINE[:, :2]], r"streamline 0 has the shape \(4, 2\), not \(point, 3\)")],
)
def test_what_are_no_streamlines_is_one_error(small, streamlines, said):
    with pytest.raises(TractogramError, match=said):
        small.predict(streamlines)


def test_the_path_of_a_tractogram_gives_its_codes(small, bundles, tractogram):
    np.testing.assert_allclose(small.encode(bundles["AF_L"]), small.encode(tractogram), atol=1e-4)


def test_codes_of_another_size_are_one_error(small):
    with pytest.raises(ModelError, match=r"Codes of shape \(2, 32\) .* \(streamline, 4\)"):
        small.decode(np.zeros((2, 32)))


@pytest.mark.parametrize("verbose", [True, False])
def test_what_is_done_is_told_when_asked_for(small_checkpoint, tractogram, capsys, caplog, verbose):
    Finta(small_checkpoint, verbose=verbose).encode(tractogram)
    said = capsys.readouterr().out + caplog.text
    assert ("Encoding 50 streamlines" in said) is verbose


@pytest.mark.slow
def test_the_example_of_the_documentation_runs():
    command = [sys.executable, str(ROOT / "docs" / "dipy_example.py")]
    done = subprocess.run(
        command, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("-> codes (50, 32) -> 256 points each") == 3
