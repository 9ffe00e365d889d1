"""Files that take more than they hold, or go round without end: each is refused before it costs anything."""

import gzip
import json
import struct
import zipfile

import h5py
import numpy as np
import pytest

from finta.errors import ConfigurationError
from finta.training.configurations import SHIPPED, read_configuration
from parity_tests.hostile.kit import tiny_pair
from porting import ModelPair, convert, export, verify
from porting.errors import CheckpointError, PairError, PortFileError
from porting.evidence.certificates import hash_file
from porting.files import hdf5
from porting.files.heaps import check_heaps, references_beyond
from porting.files.object_headers import texts_of_attributes
from porting.reference.files import read_checkpoint
from tractography.errors import GenerationError, TractogramError
from tractography.files.headers import header_in_space
from tractography.files.pieces import open_tractogram
from tractography.files.streamlines import Streamlines
from tractography.generating.volumes import read_mask
from tractography.writing.writers import open_writer


def test_a_packed_member_that_ends_early_is_refused_and_not_filled_with_whatever_lay_in_memory(folder):
    path = folder / "model.pt"
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    read_checkpoint(path)
    content = bytearray(path.read_bytes())
    for at in range(len(content) - 46):
        if content[at : at + 4] == b"PK\x01\x02" and b"data/0" in content[at + 46 : at + 80]:
            content[at + 20 : at + 24] = struct.pack("<I", 1)
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match="no readable PyTorch checkpoint"):
        read_checkpoint(path)


def test_a_member_that_is_marked_as_a_folder_is_refused_and_not_filled_with_whatever_lay_in_memory(folder):
    path = folder / "model.pt"
    content = bytearray(path.read_bytes())
    place = content.rindex(b"PK\x01\x02", 0, content.rindex(b"data/5"))
    content[place + 38] |= 0x10
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match="data/5 is marked as a folder, and holds data"):
        read_checkpoint(path)


def texts(path, count=1):
    with h5py.File(path, "w") as file:
        for number in range(count):
            file.attrs[f"text {number}"] = "x" * (number * 37 % 5000)
            file[f"texts {number}"] = ["y" * (number * 11 % 700)] * (number % 7 + 1)
    return path


def test_texts_that_hdf5_would_read_without_end_are_refused(tmp_path):
    path = texts(tmp_path / "a.h5")
    content = bytearray(path.read_bytes())
    first = content.index(b"GCOL") + 16
    content[first : first + 16] = bytes(16)
    path.write_bytes(content)
    with pytest.raises(ValueError, match="cannot be read to their end"), hdf5.opened(path):
        pass


def test_a_text_that_says_it_is_longer_than_the_file_is_refused_before_room_is_made_for_it(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.attrs["word"] = "x" * 77
    content = bytearray((tmp_path / "a.h5").read_bytes())
    heap = struct.pack("<Q", content.index(b"GCOL"))
    place = content.index(struct.pack("<I", 77) + heap)
    content[place : place + 4] = struct.pack("<I", 0xFFFFFF7F)
    (tmp_path / "a.h5").write_bytes(content)
    refused = rf"the text at byte {place:,} declares 4,294,967,167 bytes of {len(content):,}"
    with pytest.raises(ValueError, match=refused), hdf5.opened(tmp_path / "a.h5"):
        pass


@pytest.mark.parametrize("heap", ["its own", "beside it", "nowhere"])
@pytest.mark.parametrize("index", [0, 1, 70_000])
def test_a_text_that_is_too_long_is_refused_wherever_it_says_it_lies(heap, index, tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_group("deep/er").attrs["word"] = "x" * 77
    content = bytearray((tmp_path / "a.h5").read_bytes())
    at = content.index(b"GCOL")
    place = content.index(struct.pack("<IQ", 77, at))
    said = {"its own": at, "beside it": at + 8, "nowhere": 1 << 40}[heap]
    content[place : place + 16] = struct.pack("<IQI", 3_000_000_000, said, index)
    (tmp_path / "a.h5").write_bytes(content)
    with pytest.raises(ValueError, match=f"the text at byte {place:,} declares 3,000"), hdf5.opened(tmp_path / "a.h5"):
        pass


@pytest.mark.parametrize("version", ["earliest", "latest"])
def test_texts_of_attributes_are_found_in_headers_of_either_version(version, tmp_path):
    def headers(group):
        return h5py.h5o.get_info(group.id).addr

    with h5py.File(tmp_path / "a.h5", "w", libver=version) as file:
        held = file.create_group("held")
        for number in range(6):  # more than the first block has room for
            held.attrs[f"text {number}"] = "x" * (100 + number)
            held.attrs[f"number {number}"] = number
            file.attrs[f"many {number}"] = file.attrs[f"more {number}"] = "y"
        held.attrs["several"] = np.array(["z" * 9, "z" * 8], h5py.string_dtype())
        places = [headers(held)], [headers(file)]
    with (tmp_path / "a.h5").open("rb") as file:
        found, of_root = (texts_of_attributes(file, place) for place in places)
    kept_apart = version == "latest"  # from the ninth attribute on
    assert found is None if kept_apart else sorted(size for _, size in found) == [8, 9, *range(100, 106)]
    assert of_root is None if kept_apart else [size for _, size in of_root] == [1] * 12


def test_texts_of_few_attributes_are_found_in_headers_of_the_second_version(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w", libver="latest") as file:
        file.attrs["text"], file.attrs["number"], file.attrs["other"] = "x" * 70, 3, "y" * 7
        place = h5py.h5o.get_info(file.id).addr
    with (tmp_path / "a.h5").open("rb") as file:
        found = texts_of_attributes(file, [place])
        assert found is not None
        for at, size in found:
            file.seek(at)
            assert int.from_bytes(file.read(4), "little") == size
    assert sorted(size for _, size in found) == [7, 70]


def with_an_array_behind(path, room):
    """A file with a text and an array behind so many bytes; where the text's heap and the array are."""
    with h5py.File(path, "w") as file:
        file.attrs["word"] = "x" * 77
        file["before"] = np.zeros(room, "u1")
        file["array"] = np.arange(256, dtype="u1")
        at = file["array"].id.get_offset()
    return path.read_bytes().index(b"GCOL"), at


def test_an_address_that_ends_as_that_of_a_text_begins_is_no_reason_to_refuse(tmp_path):
    path = tmp_path / "a.h5"
    heap, at = with_an_array_behind(path, 1 << 16)
    room = (1 << 16) + 256 * heap + 128 - at
    assert any(with_an_array_behind(path, room + more)[1] // 256 == heap for more in range(0, -4096, -64))
    with path.open("rb") as file:
        assert list(references_beyond(file, check_heaps(file)))
    with hdf5.opened(path) as file:
        assert hdf5.array_in(file, "array").tolist() == [*range(256)]


def test_texts_of_all_lengths_are_read(tmp_path):
    with texts(tmp_path / "a.h5", 200).open("rb") as file:
        assert not list(references_beyond(file, check_heaps(file)))
    with hdf5.opened(tmp_path / "a.h5") as file:
        assert len(hdf5.attribute_of(file, "text 100", str)) == 3700


def test_bytes_of_an_array_that_look_like_texts_are_no_reason_to_refuse(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["a"] = np.frombuffer(b"GCOL GCOL\x02\0\0\0", "u1")
    with hdf5.opened(tmp_path / "a.h5") as file:
        assert bytes(hdf5.array_in(file, "a"))[:4] == b"GCOL"


def sized_pair():
    import keras
    import torch

    return ModelPair(
        name="sized",
        reference=lambda units: torch.nn.Linear(4, units),
        port=lambda units: keras.Sequential([keras.Input((4,)), keras.layers.Dense(units, name="fc")]),
        reference_sizes=lambda shapes: {"units": shapes["weight"][0]},
        port_sizes=lambda shapes: {"units": shapes["fc/kernel"][1]},
        input_shapes=((4,),),
    )


def test_sizes_that_a_file_says_make_no_layers_larger_than_the_weights_beside_it(tmp_path):
    import torch

    pair, port = sized_pair(), tmp_path / "net.weights.h5"
    torch.save(torch.nn.Linear(4, 2).state_dict(), tmp_path / "net.pt")
    convert(tmp_path / "net.pt", tmp_path / "net", pair=pair, formats=("weights.h5",))
    assert verify(port, pair=pair).verdict.value == "PASS"
    export(port, tmp_path / "back.pt", pair=pair)
    path, golden = tmp_path / "net.certificate.json", tmp_path / "net.golden.h5"
    with h5py.File(golden, "r+") as file:
        file.attrs["sizes"] = '{"units": 400000000}'
    certificate = json.loads(path.read_text()) | {"sizes": {"units": 400_000_000}}
    certificate["port"]["files"][golden.name] = hash_file(golden)
    path.write_text(json.dumps(certificate))
    with pytest.raises(PairError, match="larger than the weights that it holds"):
        verify(port, pair=pair)
    with pytest.raises(PairError, match="larger than the weights that it holds"):
        export(port, tmp_path / "again.pt", pair=pair)


RECIPES = {
    "aliases without end": (
        "a0: &a0 {x: 1}\n" + "\n".join([f"a{n}: &a{n} {{x: *a{n - 1}, y: *a{n - 1}}}" for n in range(1, 40)]),
        "more than 1,000 values",
    ),
    "within itself": ("recipe: &r {seed: *r}", "within themselves"),
    "nested": ("[" * 600, "nested too deeply"),
    "long": ("a: 1\n" * 20_000, "more than 50,000 characters"),
    "digits": ("recipe:\n  seed: " + "9" * 5000, "Exceeds the limit"),
}


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_without_end_is_refused(name, tmp_path):
    content, told = RECIPES[name]
    (tmp_path / "recipe.yaml").write_text(content)
    with pytest.raises(ConfigurationError, match=told):
        read_configuration(tmp_path / "recipe.yaml")


def test_a_recipe_may_repeat_a_value_by_an_alias(tmp_path):
    text = (SHIPPED / "original.yaml").read_text()
    (tmp_path / "recipe.yaml").write_text(text.replace("0.85", "&low 0.85").replace("0.95", "*low"))
    assert read_configuration(tmp_path / "recipe.yaml").recipe.schedule.max_momentum == 0.85


def test_offsets_whose_differences_do_not_fit_into_their_type_are_refused(tmp_path):
    path = tmp_path / "lines.trx"
    with open_writer(path, header_in_space(".trx", np.eye(4), (9, 9, 9))) as writer:
        writer.append(Streamlines.alike(np.ones((4, 5, 3), np.float32)))
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    name = next(name for name in members if name.startswith("offsets"))
    members[name] = np.array([0, 7 << 60, -(7 << 60), 15, 20], np.int64).tobytes()
    changed = members | {name.replace("uint32", "int64").replace("uint64", "int64"): members.pop(name)}
    with zipfile.ZipFile(path, "w") as archive:
        for held, content in changed.items():
            if held in members or held.endswith("int64"):
                archive.writestr(held, content)
    with pytest.raises(TractogramError, match="offsets do not rise"), open_tractogram(path) as file:
        file.read(0, 4)


def test_an_image_that_declares_more_than_gzip_can_pack_is_refused(tmp_path):
    import nibabel

    image = nibabel.Nifti1Image(np.zeros((1, 1, 1), np.uint8), np.eye(4))
    content = bytearray(image.to_bytes())
    content[42:48] = struct.pack("<3h", 30_000, 30_000, 30_000)
    (tmp_path / "a.nii.gz").write_bytes(gzip.compress(content))
    with pytest.raises(GenerationError, match="declares 27,000,000,000,000 bytes of voxels"):
        read_mask(tmp_path / "a.nii.gz")


def replaced(name, values, **about):
    def change(file):
        kept = dict(file[name].attrs) | about
        del file[name]
        file.create_dataset(name, data=values).attrs.update(kept)

    return change


CONTRADICTIONS = {
    "a gradient of another size": (replaced("gradients/weights/0.weight", np.ones(7)), "'0.weight'.* another size"),
    "a statistic of another size": (replaced("gradients/statistics/2.running_var", np.ones(7)), "another size"),
    "a gradient more": (lambda file: file["gradients"].attrs.__setitem__("inputs", 2), "gradients of 2 inputs, and 1"),
    "a tensor without a hash": (lambda file: file.attrs.__setitem__("weights", "{}"), "broke off, .0.weight"),
}


@pytest.mark.parametrize("name", CONTRADICTIONS)
def test_a_certified_golden_file_that_contradicts_itself_is_refused(name, folder):
    change, told = CONTRADICTIONS[name]
    golden, path = folder / "port.golden.h5", folder / "port.certificate.json"
    with h5py.File(golden, "r+") as file:
        change(file)
    certificate = json.loads(path.read_text())
    certificate["port"]["files"][golden.name] = hash_file(golden)
    path.write_text(json.dumps(certificate))
    with pytest.raises(PortFileError, match=told):
        verify(folder / "port.keras", pair=tiny_pair())
