"""Build torch models, fill them, and move between arrays and tensors.

`port.side` has the same names for the same things.
"""

import importlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from porting import calls
from porting.errors import CheckpointError, PortingError, first_line
from porting.requirements import check_installed
from porting.wording import counted

if TYPE_CHECKING:
    import torch


def prepare() -> None:
    """Import torch.

    Raises
    ------
    PackageError
        If it is not installed.
    PortingError
        If it cannot be imported.
    """
    check_installed(["torch"], "The reference", "convert")
    try:
        importlib.import_module("torch")
    except ImportError as error:
        raise PortingError(f"PyTorch cannot be imported: {first_line(error)}. Install it again.") from error


def versions() -> dict[str, str]:
    """Versions that the numbers may depend on."""
    import torch

    return {"torch": torch.__version__}


def shapes(model: "torch.nn.Module") -> dict[str, tuple[int, ...]]:
    """Name and shape of every tensor that the model saves."""
    return {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}


def arrays(model: "torch.nn.Module") -> dict[str, np.ndarray]:
    """Every tensor that the model saves, as an array, in the model's own order."""
    return {name: array_of(tensor) for name, tensor in model.state_dict().items()}


def load_weights(model: "torch.nn.Module", state_dict: Mapping[str, np.ndarray]) -> None:
    """Put checked tensors into a model without copying them.

    Raises
    ------
    CheckpointError
        If tensors are missing, unexpected, of another shape or another kind, or hold NaN or infinity; all at once.
    """
    import torch

    if findings := list(_misfits(model, state_dict)):
        raise CheckpointError(
            f"The checkpoint does not fit the reference model: {counted(len(findings), 'finding')}.\n"
            + "\n".join(f"  {finding}" for finding in findings)
            + "\nUse the checkpoint of this architecture, or the pair of this checkpoint's architecture."
        )
    tied = aliases(model)
    tensors = model.state_dict()  # with the versions of its modules, which some ask for as they are loaded
    tensors.update((name, torch.from_numpy(array)) for name, array in state_dict.items())
    model.load_state_dict(tensors, strict=True, assign=True)
    for name, first in tied.items():
        _tie(model, name, first)


def _tie(model: "torch.nn.Module", name: str, first: str) -> None:
    """Let a tensor be the same one as another again, where they came apart as they were assigned."""
    (path, _, word), (first_path, _, first_word) = name.rpartition("."), first.rpartition(".")
    setattr(model.get_submodule(path), word, getattr(model.get_submodule(first_path), first_word))


def _misfits(model: "torch.nn.Module", state_dict: Mapping[str, np.ndarray]) -> Iterator[str]:
    own = model.state_dict()
    yield from (f"missing     {name} {tuple(own[name].shape)}" for name in own if name not in state_dict)
    yield from (f"unexpected  {name} {array.shape}" for name, array in state_dict.items() if name not in own)
    for name, first in aliases(model).items():
        if {name, first} <= state_dict.keys() and not np.array_equal(state_dict[name], state_dict[first]):
            yield f"tied        {name} is {first} in this model, but holds other values"
    for name, array in state_dict.items():
        if name not in own:
            continue
        if array.shape != tuple(own[name].shape):
            yield f"misshapen   {name} {array.shape}, must be {tuple(own[name].shape)}"
        if own[name].is_floating_point():
            yield from _unusable_values(name, array, own[name])
        elif array.dtype.kind not in "iub":
            yield f"not integer {name} has dtype {array.dtype}"


def _unusable_values(name: str, array: np.ndarray, built: "torch.Tensor") -> Iterator[str]:
    """What speaks against a tensor; an infinity that the model is built with, as in a mask, is none."""
    if array.dtype != np.float32:
        yield f"not float32 {name} has dtype {array.dtype}"
    elif not np.isfinite(array).all() and len(bad := np.argwhere(~_is_usable(array, built))):
        yield f"not finite  {name} has {len(bad)} NaN or infinite values, the first at {tuple(map(int, bad[0]))}"


def _is_usable(array: np.ndarray, built: "torch.Tensor") -> np.ndarray:
    return np.isfinite(array) | (np.isinf(array) & (array == built.detach().cpu().numpy()))


def in_precision(model: "torch.nn.Module", dtype: str) -> "torch.nn.Module":
    """Change the precision of all weights in place; float32 values survive the way to float64 and back.

    Tables that are plain attributes, of which torch knows nothing, change with them. An epsilon that is float32's own
    rounding stays that in float64: it is the same model.
    """
    import torch

    for module in model.modules():
        if isinstance(module, torch.nn.RMSNorm) and module.eps is None:
            module.eps = torch.finfo(torch.float32).eps
        for name, table in plain_tables(module).items():
            setattr(module, name, _in_precision(table, getattr(torch, dtype)))
    return model._apply(lambda tensor: _in_precision(tensor, getattr(torch, dtype)))


def _in_precision(tensor: "torch.Tensor", dtype: "torch.dtype") -> "torch.Tensor":
    """A tensor with other numbers behind the point; complex ones stay complex."""
    if tensor.is_complex():
        return tensor.to(dtype.to_complex())
    return tensor.to(dtype) if tensor.is_floating_point() else tensor


@contextmanager
def uninitialised() -> Iterator[None]:
    """Build models without drawing initial values: parameters stay untouched memory until `load_weights`."""
    import torch

    def leave_parameters_alone(function: Callable[..., Any], args: tuple, keywords: Mapping[str, Any]) -> Any:
        name = function.__name__
        changed = args[0] if args else keywords.get("tensor")  # functions of torch.nn.init call it so
        in_place = name.endswith("_") and not name.endswith("__") and name != "requires_grad_"
        if in_place and isinstance(changed, torch.nn.Parameter):
            return changed
        return function(*args, **keywords)

    with calls.functions_handed(leave_parameters_alone):
        yield


@contextmanager
def drawn_weights(model: "torch.nn.Module") -> Iterator[None]:
    """Let a model's parameters be numbers of a trained model's size, and its own again afterwards.

    Initial values may be all zero, or memory that nobody has touched, and layers that give zeros look all alike.
    """
    import torch

    generator = torch.Generator().manual_seed(0)
    own = {parameter: parameter.detach().clone() for parameter in model.parameters() if parameter.is_floating_point()}
    try:
        with torch.no_grad():
            for parameter in own:
                if parameter.ndim > 1:
                    parameter.normal_(0, parameter[0].numel() ** -0.5, generator=generator)
                else:
                    parameter.uniform_(0.5, 1.5, generator=generator)
        yield
    finally:
        with torch.no_grad():
            for parameter, values in own.items():
                parameter.copy_(values)


def one_ulp_higher(model: "torch.nn.Module") -> None:
    """Add to every weight what its tensor's greatest can be told from the next larger number by.

    A weight of 1e-35 beside others of 1 is moved as rounding in a sum would move it, not by one ULP of its own.
    """
    import torch

    with torch.no_grad():
        for weight in model.parameters():
            if weight.is_floating_point() and weight.numel() and (greatest := weight.abs().max()) > 0:
                weight.add_(torch.nextafter(greatest, torch.full_like(greatest, torch.inf)) - greatest)


def plain_tables(module: "torch.nn.Module") -> "dict[str, torch.Tensor]":
    """Tensors of floats that a module keeps as plain attributes, by name: neither parameters nor buffers."""
    import torch

    known = (torch.float32, torch.float64, torch.complex64, torch.complex128)
    return {
        name: held
        for name, held in vars(module).items()
        if isinstance(held, torch.Tensor) and held.is_leaf and held.dtype in known
    }


@contextmanager
def forgetting(model: "torch.nn.Module") -> Iterator[None]:
    """Let a model forget what it keeps of a run in dicts of its own: with other weights it would still be that."""
    held = [value for module in model.modules() for name, value in vars(module).items() if _is_own_dict(name, value)]
    before = [dict(value) for value in held]
    try:
        yield
    finally:
        for value, content in zip(held, before, strict=True):
            if value.keys() != content.keys():
                value.clear()
                value.update(content)


def _is_own_dict(name: str, value: object) -> bool:
    return type(value) is dict and not name.startswith("_")


def own_tensors(path: str, module: "torch.nn.Module") -> dict[str, str]:
    """The module's own saved tensors: their names in it -> in the model."""
    own = [*module.named_parameters(recurse=False), *module.named_buffers(recurse=False)]
    saved = module.state_dict(keep_vars=True)
    return {name: f"{path}.{name}" if path else name for name, _ in own if name in saved}


def aliases(model: "torch.nn.Module") -> dict[str, str]:
    """Each further name of a tensor that the model saves under several -> its first name."""
    first_names: dict[int, str] = {}
    named = model.state_dict(keep_vars=True).items()
    owners = {name: first_names.setdefault(id(tensor), name) for name, tensor in named}
    return {name: first for name, first in owners.items() if name != first}


def array_of(tensor: "torch.Tensor") -> np.ndarray:
    """A tensor's values, sharing its memory where it lies in the computer's own."""
    return tensor.detach().cpu().numpy()


def tensors_of(model: "torch.nn.Module", inputs: Iterable[np.ndarray]) -> list["torch.Tensor"]:
    """Inputs as tensors of their own memory, floats in the model's precision."""
    return [tensor_of(array, precision_of(model)) for array in inputs]


def tensor_of(array: np.ndarray, precision: "torch.dtype") -> "torch.Tensor":
    """An array as a tensor of its own memory, floats in a model's precision.

    The strides are what torch gives a tensor of that shape: numpy's may be others along axes of length 1, with which
    some of torch's kernels read beyond the memory.
    """
    import torch

    made = torch.tensor(np.array(array, order="C"))
    return made.to(precision) if made.is_floating_point() else made


def precision_of(model: "torch.nn.Module") -> "torch.dtype":
    """That of a model's first tensor of floats."""
    import torch

    own_dtypes = (tensor.dtype for tensor in model.state_dict().values() if tensor.is_floating_point())
    return next(own_dtypes, torch.float32)


def call(model: "torch.nn.Module", inputs: Sequence["torch.Tensor"]) -> tuple["torch.Tensor", ...]:
    """Run a model on its inputs, by their names where it takes them so.

    Returns
    -------
    tuple of Tensor
        What it returns, one tensor or several, a single number once for each sample; PairError if it is something else.
    """
    import torch

    signature = calls.signature_of(model)
    names = signature.inputs
    with calls.inference_without_gradients(), forgetting(model):
        outputs = model(**dict(zip(names, inputs, strict=True))) if names else model(*inputs)
    held = calls.several(outputs, lambda output: isinstance(output, torch.Tensor), "The reference", signature.outputs)
    return tuple(output.expand(len(inputs[0])) if not output.ndim and inputs[0].ndim else output for output in held)


@contextmanager
def hooked(
    modules: "Iterable[torch.nn.Module]", before: Callable[..., None], behind: Callable[..., None]
) -> Iterator[None]:
    """Call something before and behind the forward of some modules."""
    with ExitStack() as stack:
        for module in modules:
            stack.callback(module.register_forward_pre_hook(before).remove)
            stack.callback(module.register_forward_hook(behind).remove)
        yield
