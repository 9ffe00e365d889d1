"""What the truth about public pairs rests on: weights as if trained, and differences that are taken away."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from benchmarks.public.catalogue import NAMES
from benchmarks.public.mended import both, padded_at_the_end, with_epsilon
from benchmarks.public.torchvision_beside_cpu import operators
from porting.writing.trained import randomise, settle


def test_there_are_at_least_twenty_pairs_of_different_names():
    assert len(set(NAMES)) == len(NAMES) >= 20


def test_operators_are_read_from_both_decorators():
    source = (
        '@torch.library.register_fake("torchvision::nms")\ndef a(): ...\n@register_meta("roi_align")\ndef b(): ...\n'
    )
    assert operators(source) == {"nms", "roi_align"}


def test_weights_and_statistics_are_those_of_no_new_model():
    images = torch.rand(8, 3, 6, 6)
    model = settle(randomise(nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)).eval()), [images])
    for name, tensor in model.state_dict().items():
        if tensor.is_floating_point():
            assert (tensor != 0).all(), name
            assert (tensor != 1).all(), name
    assert not model.training
    assert 0.5 < model(images).std() < 2


@pytest.mark.parametrize(
    ("window", "before", "behind", "blank"),
    [
        (nn.Conv2d(2, 3, 3, 2, 1, bias=False), 0, 1, 0.0),
        (nn.Conv2d(2, 3, 7, 2, 3, bias=False), 2, 3, 0.0),
        (nn.MaxPool2d(3, 2, 1), 0, 1, float("-inf")),
    ],
    ids=["convolution", "wide convolution", "pooling"],
)
def test_windows_are_padded_as_tensorflow_pads_even_sizes(window, before, behind, blank):
    images = torch.rand(2, 2, 8, 8)
    weight = getattr(window, "weight", None)
    padded = functional.pad(images, (before, behind, before, behind), value=blank)
    by_hand = functional.max_pool2d(padded, 3, 2) if weight is None else functional.conv2d(padded, weight, stride=2)
    padded_at_the_end(nn.Conv2d, nn.MaxPool2d)(window)
    assert torch.equal(window(images), by_hand)


def test_differences_are_taken_away_one_after_the_other():
    model = nn.Sequential(nn.BatchNorm2d(3), nn.LayerNorm(4))
    both(with_epsilon(1e-3, "BatchNorm"), with_epsilon(1e-6, "LayerNorm"))(model)
    assert (model[0].eps, model[1].eps) == (1e-3, 1e-6)
