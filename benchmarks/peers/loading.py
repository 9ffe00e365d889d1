"""Load what a converter made in Keras 3: ``python -m benchmarks.peers.loading FILE NAME [MODULE.py]``.

The last line that is printed is JSON: parameters that can be trained, those of the torch model, and the share of its
modules whose names are in the names of variables; or why it does not load.
"""

import json
import math
import runpy
import sys
from pathlib import Path

from benchmarks.ground.machine import prepare_frameworks
from porting.errors import first_line


def main() -> None:
    """Load, and count."""
    prepare_frameworks()
    import keras

    from benchmarks.public.census import CENSUS

    path = Path(sys.argv[1])
    for module in sys.argv[3:]:
        runpy.run_path(module)
    try:
        model = keras.saving.load_model(path)
        if not isinstance(model, keras.Model):
            raise TypeError(f"{type(model).__name__} is no model")
    except Exception as error:  # whatever Keras raises of a foreign file
        print(json.dumps({"why": first_line(error)[:160]}))
        return
    reference = CENSUS[sys.argv[2]].build()
    modules = {name.rpartition(".")[0] for name, _ in reference.named_parameters()} - {""}
    said = [variable.path.replace("/", "_") for variable in model.variables]
    named = sum(any(name.replace(".", "_") in path for path in said) for name in modules)
    trained = sum(math.prod(variable.shape) for variable in model.trainable_variables)
    total = sum(parameter.numel() for parameter in reference.parameters())
    print(json.dumps({"trained": trained, "total": total, "named": named / len(modules) if modules else 1.0}))


if __name__ == "__main__":
    main()
