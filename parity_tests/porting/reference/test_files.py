import os
import pickle
import zipfile

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from finta.pair import FINTA
from porting.errors import CheckpointError
from porting.proof.runs import load_reference
from porting.reference.files import read_checkpoint
from porting.reference.side import load_weights
from reference_torch import Autoencoder


@pytest.fixture(scope="module")
def state_dict():
    torch.manual_seed(0)
    return Autoencoder(8, 64).state_dict()


def written(content, tmp_path, name="model.pt", **options):
    torch.save(content, tmp_path / name, **options)
    return tmp_path / name


LAYOUTS = {
    "published": lambda held: {"epoch": 3, "state_dict": held, "lowest_loss": 0.5, "optimizer": {"state": {}}},
    "bare": lambda held: held,
    "DataParallel": lambda held: {f"module.{name}": tensor for name, tensor in held.items()},
    "compiled, wrapped": lambda held: {"model": {f"_orig_mod.{name}": tensor for name, tensor in held.items()}},
    "model": lambda held: {"model": held},
    "model_state_dict": lambda held: {"model_state_dict": held, "step": 7},
}


@pytest.mark.parametrize("wrap", LAYOUTS.values(), ids=LAYOUTS)
@pytest.mark.parametrize("is_zip", [True, False], ids=["zip", "legacy"])
def test_every_layout_is_read_to_the_same_state_dict(wrap, is_zip, state_dict, tmp_path):
    path = written(wrap(state_dict), tmp_path, _use_new_zipfile_serialization=is_zip)
    checkpoint = read_checkpoint(path)
    assert list(checkpoint.state_dict) == list(state_dict)
    for name, tensor in state_dict.items():
        assert np.array_equal(checkpoint.state_dict[name], tensor.numpy())


def test_what_stands_beside_the_state_dict_is_kept(state_dict, tmp_path):
    checkpoint = read_checkpoint(written(LAYOUTS["published"](state_dict), tmp_path))
    assert checkpoint.extras == {"epoch": 3, "lowest_loss": 0.5}
    assert checkpoint.optimizer == {"state": {}}
    assert checkpoint.layout == 'state dict under "state_dict"'


def test_safetensors_are_read(state_dict, tmp_path):
    save_file({name: tensor.contiguous() for name, tensor in state_dict.items()}, tmp_path / "model.safetensors")
    checkpoint = read_checkpoint(tmp_path / "model.safetensors")
    assert all(np.array_equal(checkpoint.state_dict[name], tensor) for name, tensor in state_dict.items())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_widened_without_loss(dtype, state_dict, tmp_path):
    halved = {name: tensor.to(dtype) for name, tensor in state_dict.items()}
    for name, array in read_checkpoint(written(halved, tmp_path)).state_dict.items():
        assert array.dtype == np.float32
        assert np.array_equal(array, halved[name].float())


class Harmful:
    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return os.mkdir, (str(self.marker),)


@pytest.mark.parametrize("is_zip", [True, False], ids=["zip", "legacy"])
def test_a_pickle_that_would_run_code_is_refused_and_does_not_run(is_zip, tmp_path):
    harm = {"state_dict": Harmful(tmp_path / "harmed")}
    path = written(harm, tmp_path, _use_new_zipfile_serialization=is_zip)
    with pytest.raises(CheckpointError, match=r"is hostile: it asks to run (os|posix)\.mkdir, which no"):
        read_checkpoint(path)
    assert not (tmp_path / "harmed").exists()


def test_a_plain_pickle_is_refused_and_does_not_run(tmp_path):
    (tmp_path / "model.pt").write_bytes(pickle.dumps(Harmful(tmp_path / "harmed")))
    with pytest.raises(CheckpointError):
        read_checkpoint(tmp_path / "model.pt")
    assert not (tmp_path / "harmed").exists()


def test_a_whole_pickled_module_is_refused(tmp_path):
    with pytest.raises(CheckpointError, match=r"asks to run reference_torch\.autoencoder\.Autoencoder"):
        read_checkpoint(written(Autoencoder(8, 64), tmp_path))


BAD_FILES = {
    "missing": (None, "no such file"),
    "empty": (b"", "is empty"),
    "text": (b"weights of my model", "no PyTorch checkpoint|no readable PyTorch checkpoint"),
    "noise": (bytes(range(256)) * 40, "no PyTorch checkpoint|no readable PyTorch checkpoint"),
    "zip of something else": (b"PK\x03\x04" + bytes(100), "no readable PyTorch checkpoint"),
}


@pytest.mark.parametrize(("content", "words"), BAD_FILES.values(), ids=BAD_FILES)
@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
def test_other_files_are_refused_by_name(content, words, suffix, tmp_path):
    path = tmp_path / f"model{suffix}"
    if content is not None:
        path.write_bytes(content)
    expected = words if suffix == ".pt" or content in (None, b"") else "no readable safetensors file"
    with pytest.raises(CheckpointError, match=expected) as refusal:
        read_checkpoint(path)
    assert str(path) in str(refusal.value)


@pytest.mark.parametrize("is_zip", [True, False], ids=["zip", "legacy"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
def test_a_truncated_checkpoint_is_refused(is_zip, share, state_dict, tmp_path):
    path = written(state_dict, tmp_path, _use_new_zipfile_serialization=is_zip)
    os.truncate(path, int(path.stat().st_size * share))
    with pytest.raises(CheckpointError, match="no readable PyTorch checkpoint|no PyTorch checkpoint"):
        read_checkpoint(path)


def test_a_folder_is_refused(tmp_path):
    with pytest.raises(CheckpointError, match="it is a folder"):
        read_checkpoint(tmp_path)


BAD_CONTENTS = {
    "optimiser alone": (
        {"state": {0: torch.ones(2)}, "param_groups": [{"lr": 0.1}]},
        "an optimiser's state and no weights",
    ),
    "optimiser wrapped alone": (
        {"optimizer": {"state": {}, "param_groups": []}},
        "an optimiser's state and no weights",
    ),
    "other keys": ({"epoch": 3, "loss": 0.5}, "holds no state dict: its keys are epoch, loss"),
    "list": ([torch.ones(2)], "holds a list, not a state dict"),
    "nothing": ({}, "its keys are none"),
}


@pytest.mark.parametrize(("content", "words"), BAD_CONTENTS.values(), ids=BAD_CONTENTS)
def test_files_without_a_state_dict_are_refused_with_what_they_hold(content, words, tmp_path):
    with pytest.raises(CheckpointError, match=words):
        read_checkpoint(written(content, tmp_path))


def test_all_misfits_are_told_at_once(state_dict, tmp_path):
    held = {name: tensor.clone() for name, tensor in state_dict.items()}
    del held["encod_conv2.1.weight"]
    held["extra.weight"] = torch.ones(2)
    held["decod_conv3.1.bias"] = torch.ones(7)
    held["decod_conv5.1.bias"] = torch.ones(32, dtype=torch.int64)
    held["encod_conv1.1.bias"][5] = float("nan")
    with pytest.raises(CheckpointError) as refusal:
        load_reference(FINTA, read_checkpoint(written(held, tmp_path)))
    told = str(refusal.value)
    assert "5 findings" in told
    assert "missing     encod_conv2.1.weight (64, 32, 3)" in told
    assert "unexpected  extra.weight (2,)" in told
    assert "misshapen   decod_conv3.1.bias (7,), must be (128,)" in told
    assert "not float32 decod_conv5.1.bias has dtype int64" in told
    assert "not finite  encod_conv1.1.bias has 1 NaN or infinite values, the first at (5,)" in told
    assert "model.pt (built with latent_size=8, point_count=64" in told


def test_tensors_whose_sizes_contradict_each_other_are_named(state_dict, tmp_path):
    held = {**state_dict, "fc2.weight": torch.ones(2048, 9)}
    with pytest.raises(CheckpointError, match=r"misshapen   fc2.weight \(2048, 9\), must be \(2048, 8\)"):
        load_reference(FINTA, read_checkpoint(written(held, tmp_path)))


def test_sizes_that_the_architecture_does_not_allow_are_refused_with_the_reason(state_dict, tmp_path):
    held = {**state_dict, "fc1.weight": torch.ones(8, 1024)}
    with pytest.raises(CheckpointError, match=r"model.pt: point_count=32: .* at least 64"):
        load_reference(FINTA, read_checkpoint(written(held, tmp_path)))


def test_without_its_first_dense_layer_the_rest_is_still_told(state_dict, tmp_path):
    held = {name: tensor for name, tensor in state_dict.items() if not name.startswith(("fc1", "encod_conv1"))}
    with pytest.raises(CheckpointError) as refusal:
        load_reference(FINTA, read_checkpoint(written(held, tmp_path)))
    for name in ("fc1.weight", "fc1.bias", "encod_conv1.1.weight", "encod_conv1.1.bias"):
        assert f"missing     {name}" in str(refusal.value)


def test_a_view_that_is_larger_than_its_storage_is_never_let_go(tmp_path):
    checkpoint = read_checkpoint(written({"a": torch.ones(9), "z": torch.zeros(1).expand(4096, 1024)}, tmp_path))
    assert checkpoint.mapped == {"a"}
    checkpoint.release()
    assert checkpoint.state_dict["a"].tolist() == [1] * 9


def test_mapped_pages_are_read_again_after_they_were_let_go(tmp_path):
    checkpoint = read_checkpoint(written({"a": torch.arange(1e6)}, tmp_path))
    checkpoint.release()
    assert np.array_equal(checkpoint.state_dict["a"], np.arange(1e6, dtype=np.float32))


@pytest.mark.parametrize("tensor", [torch.ones(3, device="meta"), torch.eye(3).to_sparse()], ids=["meta", "sparse"])
def test_tensors_that_are_not_plain_are_refused_by_name(tensor, tmp_path):
    with pytest.raises(CheckpointError, match="fc.weight is no plain tensor"):
        read_checkpoint(written({"fc.weight": tensor}, tmp_path))


class Versioned(torch.nn.Linear):
    """Asks for its version as it is loaded, as torchvision's MNASNet does."""

    _version = 2

    def _load_from_state_dict(self, state_dict, prefix, local_metadata, *others):
        assert local_metadata.get("version") == 2
        super()._load_from_state_dict(state_dict, prefix, local_metadata, *others)


def test_modules_that_ask_for_their_version_are_loaded():
    model = Versioned(2, 2)
    values = {"weight": np.eye(2, dtype=np.float32), "bias": np.ones(2, np.float32)}
    load_weights(model, values)
    np.testing.assert_array_equal(model.weight.detach().numpy(), np.eye(2))


def test_prefixes_of_several_wrappers_are_taken_off(state_dict, tmp_path):
    wrapped = {f"module._orig_mod.{name}": tensor for name, tensor in state_dict.items()}
    assert list(read_checkpoint(written(wrapped, tmp_path)).state_dict) == list(state_dict)


def test_compressed_archives_are_read_as_torch_reads_them(state_dict, tmp_path):
    source, deflated = written(state_dict, tmp_path), tmp_path / "deflated.pt"
    with zipfile.ZipFile(source) as stored, zipfile.ZipFile(deflated, "w", zipfile.ZIP_DEFLATED) as archive:
        for member in stored.namelist():
            archive.writestr(member, stored.read(member))
    checkpoint, again = read_checkpoint(deflated), torch.load(deflated, weights_only=True)
    assert not checkpoint.mapped
    assert all(np.array_equal(array, again[name].numpy()) for name, array in checkpoint.state_dict.items())
