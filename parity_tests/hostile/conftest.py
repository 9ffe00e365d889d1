import pytest

from parity_tests.hostile.kit import tiny_pair, tiny_reference
from porting import convert


@pytest.fixture(scope="session")
def converted(tmp_path_factory):
    """A checkpoint, its conversion in all formats, certificate and golden file; tests copy before they damage."""
    import torch

    folder = tmp_path_factory.mktemp("converted")
    torch.manual_seed(1)
    torch.save(tiny_reference().state_dict(), folder / "model.pt")
    conversion = convert(folder / "model.pt", folder / "port", pair=tiny_pair(), formats=("keras", "safetensors"))
    assert conversion.files
    return folder


@pytest.fixture
def folder(converted, tmp_path):
    for path in converted.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    return tmp_path
