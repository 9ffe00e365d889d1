"""Right ports whose sides others maintain: none is failed, none is refused."""

from importlib.util import find_spec

import pytest

from porting import Status, convert

PACKAGES = ("keras_hub", "timm", "torchvision", "transformers")

if missing := [package for package in PACKAGES if find_spec(package) is None]:
    pytest.skip(f"not installed: {', '.join(missing)} (pip install '.[public]')", allow_module_level=True)

from benchmarks.public.truth import as_trained
from parity_tests.porting.public import backbones, recurrent, torchvision_blocks, transformers_layers
from porting.pairs.finding import draw_probe

PAIRS = [*recurrent.PAIRS, *torchvision_blocks.PAIRS, *transformers_layers.PAIRS, *backbones.PAIRS]

pytestmark = pytest.mark.slow


def test_there_are_at_least_150():
    assert len({pair.name for pair in PAIRS}) == len(PAIRS) >= 150


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.name)
def test_right_port_passes(pair, tmp_path):
    import torch

    model = as_trained(pair, draw_probe(pair, {}, None, 16))
    torch.save(model.state_dict(), tmp_path / "model.pt")
    report = convert(
        tmp_path / "model.pt", tmp_path / "port", pair=pair, formats=("weights.h5",), keep_failed=True
    ).report
    assert report.verdict is Status.PASS, report
