"""The command line: ``porting write | plan | convert | verify | inspect | export | demo | verify-training``.

Exit status: 0 PASS, 1 FAIL, 2 bad input or usage, 3 NOT CHECKED.
"""

import sys
from typing import Annotated, NoReturn

import typer

from porting.commands import conversion, showing, training, verification, writing
from porting.commands.console import complain, run
from porting.commands.guard import guarded
from porting.commands.layout import add, command_line
from porting.version import __version__

app = command_line(
    "Move the weights of a PyTorch model into Keras and prove that the port computes the same function.",
    epilog="Exit status: 0 PASS, 1 FAIL, 2 bad input or usage, 3 NOT CHECKED.",
)


def main() -> NoReturn:
    """Run the command line; a user's mistake is one message and exit status 2."""
    sys.exit(guarded(lambda: run(app), complain))


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"porting {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Options that stand before any command."""


add(
    app,
    writing.write,
    "porting write torchvision.models:resnet50 --input 3,224,224 -o ports/resnet50.py",
    "porting write my_models:Net --with width=64 --input 3,128,128 --checkpoint net.pt -o ports/net.py",
)
add(
    app,
    conversion.plan,
    "porting plan model.pt --pair my_pairs:MODEL",
    context={"allow_extra_args": True},
)
add(
    app,
    conversion.convert,
    "porting convert model.pt -o converted/ --pair my_pairs:MODEL",
    "porting convert model.pt -o converted/ --formats keras,safetensors --html report.html",
)
add(
    app,
    verification.verify,
    "porting verify model.pt converted/model.keras",
    "porting verify converted/model.keras --backend tensorflow,jax",
)
add(app, showing.inspect, "porting inspect converted/model.certificate.json")
add(app, conversion.export, "porting export converted/model.keras -o back.pt")
add(app, showing.demo, "porting demo")
add(
    app,
    training.verify_training,
    "porting verify-training model.pt --batches batches.h5 --steps 50 --picture training.png",
    name="verify-training",
)
