import json

import nibabel as nib
import numpy as np
import pytest
from dipy.io.streamline import load_tractogram

from finta import shipped
from finta.cli import app
from finta.coding.coders import open_coder
from finta.errors import FintaError
from finta.generating.anatomy_files import AnatomyFiles
from finta.generating.bundle_settings import BundleSettings, Choices
from finta.generating.generation import sample_bundles
from finta.generating.inputs import prepare_bundle
from parity_tests.schemas import assert_as_schema_says
from tractography.errors import GenerationError, TractogramError, TractographyError
from tractography.files.headers import header_in_space
from tractography.files.streamlines import Streamlines
from tractography.files.tractograms import read_streamlines
from tractography.generating.anatomy import Anatomy, keep_plausible
from tractography.generating.generation import Settings
from tractography.generating.volumes import read_mask
from tractography.writing.writers import open_writer

AFFINE = np.array([[-2.0, 0, 0, 90], [0, 2, 0, -126], [0, 0, 2, -72], [0, 0, 0, 1]])
SHAPE = (91, 109, 91)
MODEL = shipped.KERAS_CHECKPOINT


@pytest.fixture(scope="module")
def mask(subjects, tmp_path_factory):
    """White matter: where the first subject's arcuate passes, and 8 mm around."""
    from scipy.ndimage import binary_dilation

    points = np.concatenate(read_streamlines(subjects / "sub_1" / "AF_L.trk"))
    fine = np.concatenate([points[:-1] + step * np.diff(points, axis=0) for step in (0, 0.25, 0.5, 0.75)])
    voxels = np.round(nib.affines.apply_affine(np.linalg.inv(AFFINE), fine)).astype(int)
    voxels = voxels[((voxels >= 0) & (voxels < SHAPE)).all(axis=1)]
    values = np.zeros(SHAPE, bool)
    values[tuple(voxels.T)] = True
    path = tmp_path_factory.mktemp("mask") / "wm.nii.gz"
    nib.save(nib.Nifti1Image(binary_dilation(values, iterations=4).astype(np.uint8), AFFINE), path)
    return path


def sampled(subjects, output, run_cli, *options, names=("AF_L",), number=30):
    command = ["sample", *(subjects / "sub_1" / f"{name}.trk" for name in names), "--model", MODEL]
    command += ["--number", number, "--output", output, *options]
    return run_cli(*command, commands=app, expected=(TractographyError, FintaError))


def test_the_command_writes_a_tractogram_in_the_bundles_space_and_a_summary(subjects, mask, tmp_path, run_cli):
    done = sampled(subjects, tmp_path / "out", run_cli, "--wm", mask)
    assert done.status == 0, done.err
    original = load_tractogram(str(subjects / "sub_1" / "AF_L.trk"), "same", bbox_valid_check=False)
    made = load_tractogram(str(tmp_path / "out" / "AF_L.trk"), "same", bbox_valid_check=False)
    np.testing.assert_array_equal(made.affine, original.affine)
    assert made.dimensions.tolist() == original.dimensions.tolist()
    assert [len(line) for line in made.streamlines] == [256] * 30
    assert set(made.data_per_streamline["round"].ravel()) == {1}
    again = keep_plausible(np.stack(list(made.streamlines)), Anatomy(read_mask(mask)))
    assert len(again.rows) == 30
    written = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert written == ["AF_L-generated.png", "AF_L.trk", "summary.html", "summary.json"]
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert_as_schema_says(summary, "finta-generation/1")
    (row,) = summary["tables"]["bundles"]
    assert (row["bundle"], row["streamlines"], row["seeds"]) == ("AF_L", 30, 50)
    (removed,) = summary["tables"]["removed by the filters"]
    assert row["decoded"] == row["passed"] + sum(value for name, value in removed.items() if name != "bundle")


def test_streamlines_lie_about_the_bundle_and_copy_none_of_it(subjects, tmp_path):
    choices = Choices(Settings(100, draws=300))
    (made,) = sample_bundles([subjects / "sub_1" / "CST_R.trk"], MODEL, tmp_path / "out", choices)
    coder = open_coder(MODEL)
    seeds = coder.decode(coder.encode(resampled(subjects / "sub_1" / "CST_R.trk")))
    apart = np.linalg.norm(made.streamlines[:, None] - seeds[None], axis=3).mean(axis=2).min(axis=1)
    assert 0.2 < np.median(apart) < 10
    assert apart.min() > 0.01


def resampled(path):
    lines = read_streamlines(path)
    held = Streamlines(np.concatenate(lines), np.array([len(line) for line in lines]))
    return held.resampled(256)


def test_runs_are_reproducible_and_bundles_draw_numbers_of_their_own(subjects, tmp_path):
    def run(name, *stems, seed=0):
        paths = [tmp_path / "in" / f"{stem}.trk" for stem in stems]
        return sample_bundles(paths, MODEL, tmp_path / name, Choices(Settings(20, draws=20, seed=seed)))

    (tmp_path / "in").mkdir()
    for stem in ("left", "right"):
        (tmp_path / "in" / f"{stem}.trk").write_bytes((subjects / "sub_1" / "AF_L.trk").read_bytes())
    left, right = run("first", "left", "right")
    (alone,) = run("second", "left")
    (other,) = run("third", "left", seed=1)
    np.testing.assert_array_equal(left.latent_codes, alone.latent_codes)
    assert (tmp_path / "first" / "left.trk").read_bytes() == (tmp_path / "second" / "left.trk").read_bytes()
    assert not np.isin(left.latent_codes, right.latent_codes).any()
    assert not np.isin(left.latent_codes, other.latent_codes).any()


def test_rejection_reports_its_proposal(subjects, mask, tmp_path, run_cli):
    options = ["--wm", mask, "--mode", "rejection", "--components", "20", "--bandwidth", "silverman"]
    done = sampled(subjects, tmp_path, run_cli, *options, "--scale", "percentile", "--draws", "2000")
    assert done.status == 0, done.err
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert_as_schema_says(summary, "finta-generation/1")
    (row,) = summary["tables"]["bundles"]
    assert row["components"] == 20
    assert 0 < row["acceptance rate"] < 1
    assert row["log M"] > 0


def test_an_atlas_gives_its_share_of_the_seeds_in_both_orders(subjects, tmp_path, run_cli):
    options = ["--atlas", subjects / "sub_2", "--ratio", "0.4,0.6", "--max-seeds", "1000"]
    done = sampled(subjects, tmp_path, run_cli, *options, names=("AF_L", "CST_R"), number=10)
    assert done.status == 0, done.err
    rows = json.loads((tmp_path / "summary.json").read_text())["tables"]["bundles"]
    assert [(row["bundle"], row["seeds"]) for row in rows] == [("AF_L", 125), ("CST_R", 125)]


def test_the_picture_shows_the_seeds_that_the_table_counts(subjects):
    path, atlas = subjects / "sub_1" / "AF_L.trk", subjects / "sub_2" / "AF_L.trk"
    chosen = BundleSettings((0.5, 0.5), Anatomy(), Settings(5))
    bundle = prepare_bundle(path, atlas, open_coder(MODEL), chosen, 20)
    assert len(bundle.pictured) == len(bundle.density.seeds) == 20
    own, other = (resampled(held) for held in (path, atlas))
    assert [bool((own == line).all(axis=(1, 2)).any()) for line in bundle.pictured] == [True] * 10 + [False] * 10
    assert all((other == line).all(axis=(1, 2)).any() for line in bundle.pictured[10:])


@pytest.mark.parametrize("suffix", [".tck", ".trx"])
def test_other_formats_go_in_and_out(suffix, subjects, tmp_path, run_cli):
    lines = read_streamlines(subjects / "sub_1" / "AF_L.trk")
    path = tmp_path / f"AF_L{suffix}"
    with open_writer(path, header_in_space(suffix, AFFINE, SHAPE)) as writer:
        writer.append(Streamlines(np.concatenate(lines), np.array([len(line) for line in lines])))
    command = ["sample", path, "--model", MODEL, "--number", 5, "--output", tmp_path / "out"]
    done = run_cli(*command, commands=app, expected=(TractographyError, FintaError))
    assert done.status == 0, done.err
    made = read_streamlines(tmp_path / "out" / f"AF_L{suffix}")
    assert [len(line) for line in made] == [256] * 5


def test_streamlines_that_cannot_be_encoded_are_skipped_and_counted(subjects, tmp_path):
    lines = read_streamlines(subjects / "sub_1" / "AF_L.trk")
    lines[3], lines[5] = lines[3][:1], lines[5] * np.nan
    with open_writer(tmp_path / "AF_L.trk", header_in_space(".trk", AFFINE, SHAPE)) as writer:
        writer.append(Streamlines(np.concatenate(lines), np.array([len(line) for line in lines])))
    (made,) = sample_bundles([tmp_path / "AF_L.trk"], MODEL, tmp_path / "out", Choices(Settings(5)))
    assert made.seed_count == 48
    assert json.loads((tmp_path / "out" / "summary.json").read_text())["facts"]["skipped in the input"] == 2


@pytest.fixture
def published(tmp_path):
    values = {
        "degrees": {"AF_L": 90, "CST_R": 0},
        "ratios": {"AF_L": [1.0, 0.0], "CST_R": [0.5, 0.5]},
        "max-total-sampling": {"AF_L": 700, "CST_R": 40},
        "number-rejection-sampling": {"AF_L": 10, "CST_R": 10},
        "white-matter-masks": {"AF_L": "wm", "CST_R": "fa"},
    }
    options = []
    for name, held in values.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(held))
        options += [f"--{name}", tmp_path / f"{name}.json"]
    return options


def test_the_published_files_set_each_bundle(subjects, mask, published, tmp_path, run_cli):
    nib.save(nib.Nifti1Image(np.full(SHAPE, 0.5, np.float32), AFFINE), tmp_path / "fa.nii.gz")
    nib.save(nib.Nifti1Image(np.ones((*SHAPE, 3), np.float32), AFFINE), tmp_path / "peaks.nii.gz")
    options = ["--wm", mask, "--fa", tmp_path / "fa.nii.gz", "--peaks", tmp_path / "peaks.nii.gz", *published]
    options += ["--atlas", subjects / "sub_2"]
    done = sampled(subjects, tmp_path / "out", run_cli, *options, names=("AF_L", "CST_R"), number=10)
    assert done.status == 0, done.err
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    tables = summary["tables"]
    arcuate, tract = tables["bundles"]
    assert (arcuate["seeds"], arcuate["streamlines"]) == (50, 10)
    assert (tract["seeds"], tract["streamlines"], tract["drawn"]) == (100, 0, 40)
    assert tables["removed by the filters"][1]["orientation"] == 40
    assert "CST_R: 0 of 10 streamlines after 40 draws, the most allowed" in summary["notes"]
    assert len(read_streamlines(tmp_path / "out" / "CST_R.trk")) == 0


def test_a_mask_in_another_space_is_noted(subjects, tmp_path):
    values = np.zeros(SHAPE, np.uint8)
    values[:10] = 1
    nib.save(nib.Nifti1Image(values, AFFINE), tmp_path / "wm.nii.gz")
    choices = Choices(Settings(5, draws=50, max_sampled=50), anatomy=AnatomyFiles(white_matter=tmp_path / "wm.nii.gz"))
    (made,) = sample_bundles([subjects / "sub_1" / "AF_L.trk"], MODEL, tmp_path / "out", choices)
    assert made.notes[0].startswith("0% of the bundle's own points are in ")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--max-angle", "30"], "Greatest angles are given, and no peaks"),
        (["--degrees", "degrees.json"], "Greatest angles are given, and no peaks"),
        (["--ratio", "0.5,0.5"], "The ratio wants seeds of the atlas for AF_L. Give --atlas, too."),
        (["--ratio", "0.5,0.6"], "must be two shares that sum to 1"),
        (["--ratio", "half"], "must be two shares, SUBJECT,ATLAS"),
        (["--atlas", "atlas"], "atlas does not hold AF_L. It holds AF_R."),
        (["--wm", "wm.nii.gz", "--fa", "other.nii.gz"], "Give one of --wm and --fa"),
        (["--wm", "wm.nii.gz", "--peaks", "peaks.nii.gz"], "The images have other shapes."),
        (["--wm", "none.nii.gz"], "No image at"),
        (["--ratios", "degrees.json"], "AF_L has 20; it must be [subject, atlas]"),
        (["--max-total-sampling", "others.json"], "others.json holds nothing for AF_L. Add them"),
        (["--bandwidth", "0"], "The bandwidth is 0, it must be above 0"),
        (["--bandwidth", "wide"], "The bandwidth is 'wide', it must be a number or one of silverman"),
        (["--mode", "fast"], "The mode is 'fast'"),
        (["--mode", "rejection", "--proposal", "uniform"], "The proposal is 'uniform'"),
        (["--mode", "rejection", "--components", "aic"], "The number of components is 'aic'"),
        (["--min-length", "300"], "Lengths from 300 to 220 mm: there is none"),
        (["--peaks", "peaks.nii.gz", "--peaks-frame", "image"], "must be world or voxel"),
    ],
)
def test_bad_input_is_one_error_and_nothing_is_written(options, words, subjects, mask, tmp_path, run_cli, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "atlas").mkdir()
    (tmp_path / "atlas" / "AF_R.trk").write_bytes((subjects / "sub_2" / "AF_L.trk").read_bytes())
    (tmp_path / "degrees.json").write_text('{"AF_L": 20}')
    (tmp_path / "others.json").write_text('{"CST_R": 20}')
    (tmp_path / "wm.nii.gz").write_bytes(mask.read_bytes())
    nib.save(nib.Nifti1Image(np.ones((4, 4, 4), np.uint8), AFFINE), "other.nii.gz")
    nib.save(nib.Nifti1Image(np.ones((4, 4, 4, 3), np.float32), AFFINE), "peaks.nii.gz")
    done = sampled(subjects, tmp_path / "out", run_cli, *options)
    assert done.status == 2
    assert words in " ".join(done.err.split()), done.err
    assert not (tmp_path / "out").exists()


def test_bundles_without_streamlines_are_refused(tmp_path):
    with open_writer(tmp_path / "AF_L.trk", header_in_space(".trk", AFFINE, SHAPE)) as writer:
        writer.append(Streamlines(np.ones((1, 3), np.float32), np.array([1])))
    with pytest.raises(GenerationError, match=r"AF_L.trk: Zero seeds of the subject"):
        sample_bundles([tmp_path / "AF_L.trk"], MODEL, tmp_path / "out", Choices(Settings(5)))
    assert not (tmp_path / "out").exists()


def test_two_bundles_of_one_name_are_refused(subjects, tmp_path):
    paths = [subjects / subject / "AF_L.trk" for subject in ("sub_1", "sub_2")]
    with pytest.raises(TractogramError, match="Two bundles are called AF_L"):
        sample_bundles(paths, MODEL, tmp_path / "out", Choices(Settings(5)))


def test_files_that_are_there_are_replaced_only_by_force(subjects, tmp_path, run_cli):
    (tmp_path / "AF_L.trk").write_text("mine")
    refused = sampled(subjects, tmp_path, run_cli, number=3)
    assert refused.status == 2
    assert "already holds AF_L.trk" in refused.err
    assert [path.name for path in tmp_path.iterdir()] == ["AF_L.trk"]
    assert sampled(subjects, tmp_path, run_cli, "--force", number=3).status == 0
    assert len(read_streamlines(tmp_path / "AF_L.trk")) == 3
