"""Drawings by Matplotlib as SVG that lives in the page: in its colours, light and dark, and in its font.

They use the colours of ``INK`` and the like, each a number of no meaning that ends as a variable of the style sheet.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from io import BytesIO, StringIO

import numpy as np
import numpy.typing as npt
from markupsafe import Markup
from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

INK, MUTED, GRID, PAPER = "#010101", "#020202", "#030303", "#040404"
SERIES = ("#0a0001", "#0a0002", "#0a0003", "#0a0004")
"""Four that are told apart, also by those who see no red and green: working, waiting, reference, the other one."""
VARIABLES = {INK: "ink", MUTED: "muted", GRID: "grid", PAPER: "paper"} | {
    colour: f"c{number}" for number, colour in enumerate(SERIES, 1)
}
WIDTH = 5.0
"""Inches of a drawing: so narrow that its text can be read on a phone."""
PIXELS_PER_INCH = 125
"""Pixels of the page that an inch becomes at most."""
SETTINGS = {
    "svg.fonttype": "none",
    "text.parse_math": False,  # a name with two dollar signs is no formula
    "font.size": 8.5,
    "axes.titlesize": 8.5,
    "axes.labelsize": 8.5,
    "legend.fontsize": 8,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "axes.edgecolor": MUTED,
    "axes.facecolor": "none",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.7,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "grid.color": GRID,
    "grid.linewidth": 0.6,
    "figure.facecolor": "none",
    "savefig.facecolor": "none",
    "legend.frameon": False,
    "hatch.color": PAPER,
    "hatch.linewidth": 0.8,
}
_COLOUR = re.compile(r"(fill|stroke): (#[0-9a-f]{6})")
_FILL = re.compile(r'fill="(#[0-9a-f]{6})"')
"""Of hatches, which have no style."""
_FONT = re.compile(r"font: ((?:italic |bold |\d+ )*)([\d.]+)px [^;\"]*")
_UNWANTED = re.compile(r"<metadata>.*?</metadata>|<style.*?</style>|<!--.*?-->", re.DOTALL)


def draw(key: str, title: str, height: float, paint: Callable[[Figure], object], width: float = WIDTH) -> Markup:
    """What ``paint`` paints on a figure of ``width`` x ``height`` inches.

    ``key``: unlike those of all other drawings of the page. ``title``: for those who cannot see it.
    """
    with style.context(["default", SETTINGS | {"svg.hashsalt": key}]):  # and nothing of the user's own settings
        figure = Figure(figsize=(width, height), layout="constrained")
        paint(figure)
        file = StringIO()
        figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
    body = _UNWANTED.sub("", file.getvalue())
    body = body[body.index(">", body.index("<svg")) + 1 :]
    body = re.sub(r'\bid="', f'id="{key}-', body)
    body = re.sub(r'(url\(|href=")#', rf"\1#{key}-", body)
    body = _COLOUR.sub(lambda found: f"{found[1]}: {_colour(found[2])}", body)
    body = _FILL.sub(lambda found: f'style="fill: {_colour(found[1])}"', body)
    body = _FONT.sub(lambda found: f"font: {found[1]}{found[2]}px var(--sans)", body)
    body = re.sub(r"\n\s*", "\n", body).strip()
    limits = f"0 0 {72 * width:g} {72 * height:g}"
    head = Markup('<svg class="drawing" viewBox="{}" style="max-width: {:.0f}px" role="img" aria-label="{}">')
    return head.format(limits, PIXELS_PER_INCH * width, title) + Markup(f"\n{body}")


def _colour(number: str) -> str:
    return f"var(--{VARIABLES[number]})" if number in VARIABLES else number


def bars(axes: Axes, names: list[str], values: list[float], colours: list[str], label: str) -> None:
    """Horizontal bars from the top down, with numbers at their ends."""
    places = np.arange(len(names))[::-1]
    axes.barh(places, values, color=colours, height=0.72)
    axes.set_yticks(places, names)
    axes.set_xlabel(label)
    axes.set_xlim(0, (max(values, default=0) or 1) * 1.22)
    axes.xaxis.set_major_formatter(_plain)
    axes.xaxis.set_major_locator(MaxNLocator(5))
    for place, value in zip(places, values, strict=True):
        number_at(axes, f"{value:,.10g}", value, place)
    axes.tick_params(axis="y", length=0)


def number_at(axes: Axes, text: str, x: float, y: float, size: float = 7.5) -> None:
    """A number at the end of a bar."""
    axes.annotate(text, (x, y), xytext=(3, 0), textcoords="offset points", va="center", fontsize=size, color=INK)


def logarithmic(axes: Axes) -> None:
    """Both axes logarithmic, as far as they reach now, with numbers that are written out."""
    axes.set(xscale="log", yscale="log")
    for axis in (axes.xaxis, axes.yaxis):
        low, high = axis.get_view_interval()
        axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if high < 200 * low else (1.0,), numticks=10))
        axis.set_major_formatter(_plain)
        axis.set_minor_formatter(NullFormatter())


@FuncFormatter
def _plain(value: float, _: object) -> str:
    return f"{value:,.10g}"


def png(pixels: npt.NDArray[np.uint8]) -> str:
    """An image (height, width) of grey or (height, width, 3) of colours as the address ``data:image/png``."""
    from base64 import b64encode

    from matplotlib.image import imsave

    file = BytesIO()
    whole = np.repeat(pixels[..., np.newaxis], 3, axis=2) if pixels.ndim == 2 else pixels
    imsave(file, whole, format="png", metadata={"Software": None})  # type: ignore[dict-item]
    return f"data:image/png;base64,{b64encode(file.getvalue()).decode()}"
