"""The plan as a table, or, where the console is too narrow for one, a few lines a tensor."""

from collections.abc import Iterator
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, RenderableType
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from porting.plans.plan import Transfer, TransferPlan
from porting.reports.layer_table import fold

_HEADINGS = ("reference tensor", "axes and sizes", "pattern", "port variable", "axes and sizes")


@dataclass(frozen=True, slots=True)
class PlanTable:
    """One row, or a few lines, per tensor; nothing is cut."""

    plan: TransferPlan

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        """Make a table where it fits."""
        table = Table(*_HEADINGS, box=None, header_style="bold", pad_edge=False)
        for transfer in self.plan.transfers:
            reference_sizes, port_sizes = transfer.sizes()
            table.add_row(transfer.reference, reference_sizes, transfer.pattern, transfer.port, port_sizes)
        if Measurement.get(console, options.update(width=10_000), table).maximum <= options.max_width:
            yield table
            return
        for transfer in self.plan.transfers:
            yield from _lines(transfer, options.max_width)


def _lines(transfer: Transfer, width: int) -> Iterator[Text]:
    yield Text("\n".join(fold(f"{transfer.reference} -> {transfer.port}", width)), "bold")
    for words in (transfer.pattern, " -> ".join(transfer.sizes())):
        yield Text("\n".join(f"  {line}" for line in fold(words, width - 2)))
