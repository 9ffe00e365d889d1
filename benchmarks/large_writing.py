"""What writing a port of published size costs beside its floor: ``python -m benchmarks.large_writing [NAME ...]``.

`porting.write` with a checkpoint, everything included (export, source, import, moving, the whole verdict on four
samples), beside what it cannot do without: both frameworks' imports, torch's export, and one forward and one backward
pass of each model in each precision. Processor time, so that other work does not count; the peak of memory is that of a
process of its own. Needs what `benchmarks.writing` needs.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.ground.machine import name_machine, prepare_frameworks

NAMES = ("resnet50", "vit_b_16", "bert_base")
SAMPLES, SIDE, WORDS = 4, 224, 128


def reference(name: str) -> tuple[Callable[[], Any], Any]:
    """How a model is built, and its input."""
    import torch

    import benchmarks.public.torchvision_beside_cpu  # noqa: F401

    if name == "bert_base":
        import transformers  # pyright: ignore[reportMissingImports]

        config = transformers.BertConfig()
        return lambda: transformers.BertModel(config), torch.randint(2, config.vocab_size, (SAMPLES, WORDS))
    import torchvision  # pyright: ignore[reportMissingImports]

    return getattr(torchvision.models, name), torch.randn(SAMPLES, 3, SIDE, SIDE)


def measure(name: str) -> None:
    """Write one port, run bare, and print a line; in a process of its own."""
    prepare_frameworks()
    imports = time.process_time()
    import numpy as np
    import torch

    import porting
    from benchmarks.verification import bare_gradients
    from porting.writing.trained import randomise, settle

    build, given = reference(name)
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as folder:
        example, checkpoint, output = (Path(folder) / file for file in ("given.npz", "model.pt", "port.py"))
        np.savez(example, given.numpy())
        model = settle(randomise(build().eval()), [given])
        torch.save(model.state_dict(), checkpoint)
        began, clock = time.process_time(), time.perf_counter()
        writing = porting.write(build, output, example=example, checkpoint=checkpoint, keep_failed=True)
        whole, seconds = time.process_time() - began, time.perf_counter() - clock
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        began = time.process_time()
        torch.export.export(model, (given,), strict=False)
        exported = time.process_time() - began
        bare = bare_gradients(writing.pair, checkpoint, output.with_suffix(".keras"), SAMPLES)
    floor = imports + exported + bare
    verdict = writing.report.verdict.value if writing.report else ""
    parts = f"{imports:>10.1f} s{exported:>10.1f} s{bare:>10.1f} s{imports + whole:>10.1f} s"
    print(f"{name:<12}{verdict:<12}{parts}{(imports + whole) / floor:>8.2f} x{memory:>10,.0f} MB{seconds:>10.0f} s")


def main() -> None:
    """Measure each in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(NAMES)}; all if none is given")
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.one:
        measure(chosen.names[0])
        return
    print(name_machine())
    heads = f"{'imports':>12}{'export':>12}{'bare':>12}{'written':>12}{'ratio':>10}{'peak memory':>13}{'clock':>12}"
    print(f"{'':<12}{'verdict':<12}{heads}", flush=True)
    for name in chosen.names or NAMES:
        subprocess.run([sys.executable, "-m", "benchmarks.large_writing", name, "--one"], check=True)


if __name__ == "__main__":
    main()
