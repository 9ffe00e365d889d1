"""Import drawn source, and check that it is a model: it runs, learns, and treats each sample by itself."""

import importlib.util
import itertools
import sys
import tempfile
import warnings
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import torch

from porting.writing.examples import drawn_example
from porting.writing.trained import randomise, settle

if TYPE_CHECKING:
    from parity_tests.generated.models import Drawn

_numbers = itertools.count()


def imported(source: str, folder: Path) -> ModuleType:
    """A module of this source, which lies in a file so that its lines can be read."""
    name = f"drawn_{next(_numbers)}"
    file = folder / f"{name}.py"
    file.write_text(source, encoding="utf-8")
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def check(drawn: "Drawn") -> bool:
    """Whether it is a model: it can be built, trained, and run on any number of samples."""
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings(action="ignore"), torch.random.fork_rng():
        torch.manual_seed(0)
        try:
            return _runs(getattr(imported(drawn.source, Path(folder)), drawn.name), drawn.inputs)
        except Exception:  # torch raises what it likes
            return False


def _runs(kind: type[torch.nn.Module], inputs: tuple[str, ...]) -> bool:
    given, _ = drawn_example(inputs).tensors()
    model = settle(randomise(kind()), [tensor.clone() for tensor in given]).eval()
    before = [tensor.clone() for tensor in given]
    made = _tensors(model(*given))
    alone = _tensors(model(*(tensor[1:2].clone() for tensor in before)))
    if any(not torch.equal(tensor, kept) for tensor, kept in zip(given, before, strict=True)):
        return False
    for whole, part in zip(made, alone, strict=True):
        if whole.shape[0] != len(before[0]) or not torch.isfinite(whole).all() or whole.abs().max() > 1e4:
            return False
        if whole[1:2].shape != part.shape or not torch.allclose(whole[1:2], part, rtol=1e-3, atol=1e-4):
            return False
    total = sum(tensor.sum() for tensor in _tensors(model.train()(*before)) if tensor.requires_grad)
    total.backward()
    gradients = [parameter.grad for parameter in model.parameters() if parameter.grad is not None]
    return bool(gradients) and all(bool(torch.isfinite(gradient).all()) for gradient in gradients)


def _tensors(made: object) -> list[torch.Tensor]:
    if isinstance(made, torch.Tensor):
        return [made]
    values = made.values() if isinstance(made, dict) else made
    return [tensor for value in values for tensor in _tensors(value)]  # type: ignore[union-attr]
