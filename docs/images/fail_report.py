"""Draw the README's picture: what a terminal shows where the port in the README's example is wrong.

python docs/images/fail_report.py
"""

import os
import re
import runpy
import tempfile
from io import StringIO
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

import porting
from porting.reports.console import render_report

HERE = Path(__file__).parent
EXAMPLE = re.compile(r"```python\n(# theirs\.py\n.*?)```", re.DOTALL)
COMMAND = "$ porting convert net.pt --pair theirs:PAIR -o out/"
INK, RED, GREEN, GRAY = (36, 41, 47), (207, 34, 46), (26, 127, 55), (87, 96, 106)
COLOURS = TerminalTheme((255, 255, 255), INK, [INK, RED, GREEN, INK, INK, INK, INK, GRAY])
SVG = """<svg viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{ font: {char_height}px ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }}
{styles}
</style>
<rect width="100%" height="100%" rx="8" fill="#ffffff" stroke="#d0d7de"/>
<g transform="translate(12, 20)">{backgrounds}<g class="{unique_id}-matrix">{matrix}</g></g>
</svg>
"""


def main() -> None:
    """Convert the example, and draw the report."""
    readme = (HERE.parents[1] / "README.md").read_text()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        Path("theirs.py").write_text(EXAMPLE.search(readme)[1])  # type: ignore[index]
        runpy.run_path("theirs.py", run_name="__main__")
        report = porting.convert("net.pt", "out/", pair="theirs:PAIR").report
    console = Console(record=True, width=80, file=StringIO(), force_terminal=True, highlight=False)
    console.print(Text(COMMAND, "bold"))
    console.print(render_report(report))
    drawn = console.export_svg(title="", theme=COLOURS, code_format=SVG, unique_id="fail")
    (HERE / "fail.svg").write_text(re.sub(r' clip-path="[^"]*"', "", drawn))


if __name__ == "__main__":
    main()
