"""Other converters beside this one, on ten models: ``python -m benchmarks.peers.table --onnx2tf PYTHON [NAME ...]``.

Each converter needs an environment of its own, of which the interpreter is given: with torch, what the models come from
(torchvision, timm, transformers) and the converter. Porting itself runs here, as `porting.write` with a checkpoint. In
one run, one after the other: what converts, what Keras 3 loads of it, how many of its parameters can be trained, how
many modules keep their names, the error against torch in float64, and the seconds.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from benchmarks.ground.machine import name_machine, prepare_frameworks
from benchmarks.ground.models import SEVERAL

LIMIT = 600
"""Seconds that a conversion may take."""

OTHERS = ("onnx2tf", "nobuco", "litert-torch")


def write_own(name: str, folder: Path) -> dict[str, Any]:
    """Write the port, prove it and convert its weights; how far its outputs are from torch's in float64."""
    prepare_frameworks()
    import keras
    import numpy as np
    import torch

    import porting
    from benchmarks.peers.converting import built, flat, furthest
    from benchmarks.public.census import CENSUS
    from porting.writing.examples import read_example
    from porting.writing.pair_file import ports_inputs

    model, inputs = built(name), CENSUS[name].inputs()
    torch.save(model.state_dict(), folder / "model.pt")
    np.savez(folder / "inputs.npz", *[tensor.numpy() for tensor in inputs])
    began = time.perf_counter()
    output, example, checkpoint = folder / "written.py", folder / "inputs.npz", folder / "model.pt"
    writing = porting.write(CENSUS[name].build, output, example=example, checkpoint=checkpoint, keep_failed=True)
    seconds = time.perf_counter() - began
    arrays = ports_inputs(writing.model, read_example(example))
    port: Any = keras.saving.load_model(output.with_suffix(".keras"))
    found = port(arrays if len(arrays) > 1 else arrays[0])
    wide = [tensor.double() if tensor.is_floating_point() else tensor for tensor in inputs]
    with torch.no_grad():
        wanted = flat(model.double()(*wide))
    error = furthest([np.asarray(item) for item in keras.tree.flatten(found)], wanted)
    verdict = writing.report.verdict.value if writing.report else ""
    return {"file": str(output.with_suffix(".keras")), "seconds": seconds, "error": error, "verdict": verdict}


def measure(tool: str, python: str, name: str) -> dict[str, Any]:
    """What one converter makes of one model, and what Keras 3 makes of that."""
    with tempfile.TemporaryDirectory() as folder:
        module = ["benchmarks.peers.table", "--own"] if tool == "porting" else ["benchmarks.peers.converting", tool]
        row = _answer([python, "-m", *module, name, folder])
        if row.get("file", "").endswith(".keras"):
            own = [str(Path(row["file"]).with_suffix(".py"))] if tool == "porting" else []
            loaded = _answer([sys.executable, "-m", "benchmarks.peers.loading", row["file"], name, *own])
            row |= {"loads": "why" not in loaded, **{f"loaded {key}": value for key, value in loaded.items()}}
    return row


def _answer(command: list[str]) -> dict[str, Any]:
    environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"}
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=LIMIT, env=environment)
    except subprocess.TimeoutExpired:
        return {"why": f"over {LIMIT} s"}
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    said = done.stderr.strip().splitlines()[-1:] or [f"status {done.returncode}"]
    return json.loads(lines[-1]) if lines else {"why": said[0][:160]}


def shown(row: dict[str, Any]) -> str:
    """One row of the table."""
    if "file" not in row:
        return f"{'no':<10}{'':<8}{'':>14}{'':>8}{'':>10}{'':>8}  {row['why']}"
    loads = {True: "yes", False: "no", None: "TFLite"}[row.get("loads")]
    trained = f"{row['loaded trained'] / row['loaded total']:.2f}" if row.get("loads") else ""
    named = f"{row['loaded named']:.2f}" if row.get("loads") else ""
    error = f"{row['error']:.1e}" if "error" in row else "none"
    why = row.get("why") or row.get("loaded why") or row.get("verdict", "")
    return f"{'yes':<10}{loads:<8}{trained:>14}{named:>8}{error:>10}{row['seconds']:>8.0f}  {why}"


def main() -> None:
    """Print a row for each model and converter."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"models of the census; if not given {', '.join(SEVERAL)}"
    )
    for tool in OTHERS:
        parser.add_argument(f"--{tool}", metavar="PYTHON", help=f"interpreter of an environment with {tool}")
    parser.add_argument("--own", action="store_true", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.own:
        name, folder = chosen.names
        print(json.dumps(write_own(name, Path(folder))))
        return
    tools = {"porting": sys.executable}
    tools |= {tool: python for tool in OTHERS if (python := getattr(chosen, tool.replace("-", "_")))}
    print(name_machine())
    heads = f"{'converts':<10}{'Keras 3':<8}{'trainable':>14}{'named':>8}{'error':>10}{'s':>8}"
    print(f"{'model':<24}{'converter':<14}{heads}")
    loaded: Counter[str] = Counter()
    for name in chosen.names or SEVERAL:
        for tool, python in tools.items():
            row = measure(tool, python, name)
            loaded[tool] += row.get("loads", False)
            print(f"{name:<24}{tool:<14}{shown(row)}", flush=True)
    print("load in Keras 3:", ", ".join(f"{loaded[tool]} of {tool}" for tool in tools))


if __name__ == "__main__":
    main()
