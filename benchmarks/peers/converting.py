"""Convert one model by one converter: ``python -m benchmarks.peers.converting TOOL NAME FOLDER``.

It runs in the converter's environment. The last line that is printed is JSON: the file that was made, the seconds that
it took, and the greatest error of its outputs against torch in float64 over the greatest of these; or why there is
none.
"""

import itertools
import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.public.census import CENSUS

Arrays = Sequence[np.ndarray]


def built(name: str) -> torch.nn.Module:
    """A model of the census, its statistics drawn."""
    torch.manual_seed(0)
    model = CENSUS[name].build().eval()
    for path, held in model.named_buffers():
        if path.endswith("running_mean"):
            held.uniform_(-0.1, 0.1)
        if path.endswith("running_var"):
            held.uniform_(0.5, 1.5)
    return model


def flat(found: Any) -> list[np.ndarray]:
    """Arrays of a torch model's outputs, whatever holds them."""
    if isinstance(found, torch.Tensor):
        return [found.detach().numpy()]
    items = found.values() if hasattr(found, "values") else found
    return [array for item in items if item is not None for array in flat(item)]


def convert_onnx2tf(name: str, folder: Path) -> tuple[Path, Callable[[Arrays], list[np.ndarray]]]:
    """ONNX by torch, then onnx2tf with its Keras 3 file; where it wants to load pictures, it is given noise."""
    from onnx2tf import onnx2tf  # pyright: ignore[reportMissingImports]
    from onnx2tf.utils import common_functions  # pyright: ignore[reportMissingImports]

    for module in (onnx2tf, common_functions):
        module.download_test_image_data = lambda: np.random.default_rng(0).random((20, 128, 128, 3), np.float32)
    try:
        torch.onnx.export(built(name), CENSUS[name].inputs(), folder / "model.onnx", dynamo=False)
    except TypeError:  # what traces a model cannot call it: the newer exporter can
        torch.onnx.export(built(name), CENSUS[name].inputs(), folder / "model.onnx", dynamo=True)
    onnx2tf.convert(str(folder / "model.onnx"), output_folder_path=str(folder / "made"), output_keras_v3=True)
    from ai_edge_litert.interpreter import Interpreter  # pyright: ignore[reportMissingImports]

    files = {path.suffix: path for path in sorted((folder / "made").iterdir()) if "float16" not in path.name}
    return files.get(".keras", files[".tflite"]), lambda arrays: _interpreted(Interpreter, files[".tflite"], arrays)


def convert_litert(name: str, folder: Path) -> tuple[Path, Callable[[Arrays], list[np.ndarray]]]:
    """A TFLite file by litert-torch."""
    import litert_torch  # pyright: ignore[reportMissingImports]
    from ai_edge_litert.interpreter import Interpreter  # pyright: ignore[reportMissingImports]

    litert_torch.convert(built(name), CENSUS[name].inputs()).export(str(folder / "model.tflite"))
    return folder / "model.tflite", lambda arrays: _interpreted(Interpreter, folder / "model.tflite", arrays)


def convert_nobuco(name: str, folder: Path) -> tuple[Path, Callable[[Arrays], list[np.ndarray]]]:
    """A model of Keras 2 by nobuco, all in torch's axis order."""
    import nobuco  # pyright: ignore[reportMissingImports]
    from nobuco import ChannelOrder  # pyright: ignore[reportMissingImports]

    order = {"inputs_channel_order": ChannelOrder.PYTORCH, "outputs_channel_order": ChannelOrder.PYTORCH}
    model = nobuco.pytorch_to_keras(built(name), args=list(CENSUS[name].inputs()), kwargs=None, **order)
    model.save(folder / "model.keras")

    def run(arrays: Arrays) -> list[np.ndarray]:
        found = model(list(arrays) if len(arrays) > 1 else arrays[0])
        items = found.values() if isinstance(found, dict) else found if isinstance(found, list | tuple) else [found]
        return [np.asarray(item) for item in items]

    return folder / "model.keras", run


def _interpreted(interpreter: Any, path: Path, arrays: Arrays) -> list[np.ndarray]:
    """What a TFLite file computes: inputs in the axis order that it declares."""
    held = interpreter(model_path=str(path))
    for number, (about, array) in enumerate(zip(held.get_input_details(), arrays, strict=True)):
        order = _order(array.shape, (array.shape[0], *map(int, about["shape"][1:])))
        held.resize_tensor_input(about["index"], np.transpose(array, order).shape)
        arrays = [*arrays[:number], np.transpose(array, order).astype(about["dtype"]), *arrays[number + 1 :]]
    held.allocate_tensors()
    for about, array in zip(held.get_input_details(), arrays, strict=True):
        held.set_tensor(about["index"], array)
    held.invoke()
    return [held.get_tensor(about["index"]) for about in held.get_output_details()]


def _order(shape: Sequence[int], wanted: Sequence[int]) -> Sequence[int]:
    """The axis order that gives a shape; the usual one where several do."""
    orders = itertools.permutations(range(len(shape)))
    return next((order for order in orders if [shape[axis] for axis in order] == list(wanted)), range(len(shape)))


def furthest(found: Arrays, wanted: Arrays) -> float:
    """The greatest error over the greatest output; outputs and axes in whatever order suits them best."""

    def apart(one: np.ndarray, other: np.ndarray) -> float:
        orders = [
            order for order in itertools.permutations(range(one.ndim)) if np.transpose(one, order).shape == other.shape
        ]
        scale = float(np.abs(other).max()) or 1.0
        return min(
            (float(np.abs(np.transpose(one, order) - other).max()) / scale for order in orders), default=float("inf")
        )

    return max(min((apart(one, other) for one in found), default=float("inf")) for other in wanted)


CONVERTERS = {"onnx2tf": convert_onnx2tf, "nobuco": convert_nobuco, "litert-torch": convert_litert}


def _last(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return next((line for line in reversed(lines) if "rror" in line), lines[-1] if lines else "no word")[:160]


def main() -> None:
    """Convert, compute, and say what came of it."""
    tool, name, folder = sys.argv[1], sys.argv[2], Path(sys.argv[3])
    inputs = CENSUS[name].inputs()
    wide = [tensor.double() if tensor.is_floating_point() else tensor for tensor in inputs]
    with torch.no_grad():
        wanted = flat(built(name).double()(*wide))
    began = time.perf_counter()
    try:
        file, run = CONVERTERS[tool](name, folder)
    except Exception as error:  # whatever a converter raises is what its users see
        print(json.dumps({"why": _last(f"{type(error).__name__}: {error}")}))
        return
    seconds = time.perf_counter() - began
    try:
        error = furthest(run([tensor.numpy() for tensor in inputs]), wanted)
    except Exception as failed:
        print(json.dumps({"file": str(file), "seconds": seconds, "why": _last(f"{type(failed).__name__}: {failed}")}))
        return
    print(json.dumps({"file": str(file), "seconds": seconds, "error": error}))


if __name__ == "__main__":
    main()
