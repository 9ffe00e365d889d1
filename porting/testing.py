"""Parity as an assertion, for anybody's test suite."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    import keras
    import torch

    from porting.pairs.pair import ModelPair
    from porting.records.verdict import ParityReport

WIDTH = 100
"""Columns of the report in the message of a failed assertion."""

_listeners: "list[Callable[[ParityReport], None]]" = []


def assert_parity(
    port: "str | os.PathLike | keras.Model",
    checkpoint: "str | os.PathLike | torch.nn.Module | Mapping[str, torch.Tensor] | None" = None,
    *,
    pair: "str | ModelPair | None" = None,
    probe: str | os.PathLike | None = None,
    tf32: bool = False,
    allow_not_checked: bool = False,
) -> "ParityReport":
    """Verify a port and raise if it does not pass.

    Parameters
    ----------
    port : path or keras.Model
        Converted checkpoint; a model is saved to a temporary folder first, since files are what is verified.
    checkpoint : path, torch.nn.Module or state dict, optional
        The reference's weights. Without them the port is held against its golden file, which needs no PyTorch.
    pair : str or ModelPair, optional
        What the certificate beside the port says, or the default pair, if not given.
    probe : path, optional
        Inputs to verify on; the pair's own if not given.
    tf32 : bool
        Let a GPU multiply by TF32.
    allow_not_checked : bool
        Be content with NOT CHECKED, as where the backend cannot compute in float64.

    Returns
    -------
    ParityReport

    Raises
    ------
    AssertionError
        If the verdict is FAIL, or NOT CHECKED where that is not allowed; the message is the report.
    PortingError
        If something given cannot be used.

    Examples
    --------
    In a test of one's own, of a model that was fine-tuned, or written by another tool:

    >>> import keras, torch
    >>> from porting import ModelPair, assert_parity
    >>> pair = ModelPair(
    ...     name="own",
    ...     reference=lambda: torch.nn.Linear(4, 2),
    ...     port=lambda: keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, name="fc")]),
    ...     input_shapes=((4,),),
    ... )
    >>> torch.save(torch.nn.Linear(4, 2).state_dict(), "net.pt")
    >>> model = pair.port()
    >>> state_dict = torch.load("net.pt", weights_only=True)
    >>> model.set_weights([state_dict["weight"].numpy().T, state_dict["bias"].numpy()])
    >>> assert_parity(model, "net.pt", pair=pair).verdict
    <Status.PASS: 'PASS'>
    """
    __tracebackhide__ = True
    from porting.jobs.verification import verify

    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        port_file = port if isinstance(port, str | os.PathLike) else _saved_port(port, folder)
        report = verify(port_file, _checkpoint_file(checkpoint, folder), pair=pair, probe=probe, tf32=tf32)
    for listener in _listeners:
        listener(report)
    _raise_unless_passed(report, allow_not_checked)
    return report


def _saved_port(model: "keras.Model", folder: Path) -> Path:
    model.save(folder / "port.keras")
    return folder / "port.keras"


def _checkpoint_file(source: Any, folder: Path) -> str | os.PathLike | None:
    if source is None or isinstance(source, str | os.PathLike):
        return source
    import torch

    state_dict = source.state_dict() if isinstance(source, torch.nn.Module) else dict(source)
    torch.save(state_dict, folder / "checkpoint.pt")
    return folder / "checkpoint.pt"


def _raise_unless_passed(report: "ParityReport", allow_not_checked: bool) -> None:
    __tracebackhide__ = True
    from porting.reports.console import as_text

    accepted = ("PASS", "NOT CHECKED") if allow_not_checked else ("PASS",)
    if report.verdict.value not in accepted:
        raise AssertionError(f"{report.verdict.value} is not {' or '.join(accepted)}.\n\n{as_text(report, WIDTH)}")


@contextmanager
def listening(listener: "Callable[[ParityReport], None]") -> Iterator[None]:
    """Hand every report of `assert_parity` to a function, also of ports that do not pass."""
    _listeners.append(listener)
    try:
        yield
    finally:
        _listeners.remove(listener)
