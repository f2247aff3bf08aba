"""Draws the strength curves of docs/strategy.md: one picture per setup, one panel per part, from the numbers of the code.

`--write` writes docs/img/strength_<setup>.svg; otherwise 1 when one of them is stale.
"""

import sys
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

from services.scanner.logic.setups import CURVES, Part
from shared.contracts.signal import Setup

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "docs" / "img"
WIDTH, HEIGHT = 250, 190
"""Of one panel, in pixels."""
LEFT, RIGHT, TOP, BOTTOM = 46, 14, 34, 46
HEAD = 34
BEYOND = 0.4
"""How much of the ramp's length is shown on either side of it."""
INK, FAINT, LINE, FILL = "#1f2933", "#d5dbe1", "#0b7285", "#e3f4f7"

LABELS = {
    "rsi_distance": "RSI points beyond its bound",
    "adx": "ADX",
    "higher_slope": "EMA 55 over 4 longer candles, in ATR",
    "volume_rank": "rank by 24 h volume (1 = highest)",
    "squeeze_low": "least band width in 8 bars / usual width",
    "expansion": "band width now / least in 8 bars",
    "band_position": "place in the band (0 = outer edge)",
    "stochastic": "stochastic D, % (100 - D for shorts)",
}
"""What stands on the horizontal axis of each part, with its unit."""
LIMITS = {
    "volume_rank": (0.0, 1.0),
    "adx": (0.0, 100.0),
    "stochastic": (0.0, 100.0),
    "rsi_distance": (0.0, 49.0),
    "squeeze_low": (0.0, 9.0),
}
"""Values that a part cannot leave."""


@dataclass(frozen=True, slots=True)
class Panel:
    """One part in its place: pixels of the plot's left and upper edge, and the values that the axis shows."""

    name: str
    part: Part
    x: float
    y: float
    first: float
    last: float

    def across(self, value: float) -> float:
        """Pixel of a value."""
        return self.x + (value - self.first) / (self.last - self.first) * (WIDTH - LEFT - RIGHT)

    def up(self, score: float) -> float:
        """Pixel of a score from 0 to 1."""
        return self.y + (1 - score) * (HEIGHT - TOP - BOTTOM)


def panel(name: str, part: Part, number: int) -> Panel:
    """The n-th panel of a row."""
    low, high = sorted((part.low, part.high))
    least, most = LIMITS.get(name, (float("-inf"), float("inf")))
    first, last = max(least, low - BEYOND * (high - low)), min(most, high + BEYOND * (high - low))
    return Panel(name, part, number * WIDTH + LEFT, HEAD + TOP, first, last)


def curve(found: Panel) -> list[tuple[float, float]]:
    """Corners of the ramp, from the left end of the axis to the right one."""
    part = found.part
    corners = sorted({found.first, found.last, part.low, part.high})
    return [(value, min(1.0, max(0.0, (value - part.low) / (part.high - part.low)))) for value in corners]


def draw(setup: Setup) -> str:
    """The picture of one setup."""
    panels = [panel(name, part, number) for number, (name, part) in enumerate(CURVES[setup].items())]
    width, height = WIDTH * len(panels), HEAD + HEIGHT
    head = f'<text x="{LEFT}" y="24" font-size="15" font-weight="600">{setup.value}: strength = sum of weight · score</text>'
    words = "; ".join(f"{p.name} from {p.part.low:g} (score 0) to {p.part.high:g} (score 1), weight {p.part.weight:g}" for p in panels)
    return "\n".join(
        (
            (
                f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img"'
                f' font-family="system-ui, sans-serif" font-size="11" fill="{INK}">'
            ),
            f"<title>Strength of {setup.value}</title>",
            f"<desc>{escape(words)}</desc>",
            f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
            head,
            *(line for found in panels for line in _lines(found)),
            "</svg>",
            "",
        )
    )


def _lines(found: Panel) -> list[str]:
    """One panel: grid, axes, ramp, words."""
    left, right, floor = found.x, found.x + WIDTH - LEFT - RIGHT, found.up(0)
    points = [(found.across(value), found.up(score)) for value, score in curve(found)]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    drawn = [f'<text x="{left}" y="{found.y - 12}" font-weight="600">{found.name} · weight {found.part.weight:.2f}</text>']
    for score in (0.0, 0.5, 1.0):
        y = found.up(score)
        drawn.append(f'<line x1="{left}" y1="{y:.1f}" x2="{right}" y2="{y:.1f}" stroke="{FAINT}"/>')
        drawn.append(f'<text x="{left - 6}" y="{y + 4:.1f}" text-anchor="end">{score:g}</text>')
    drawn.append(f'<polygon points="{left},{floor:.1f} {path} {right},{floor:.1f}" fill="{FILL}"/>')
    drawn.append(f'<polyline points="{path}" fill="none" stroke="{LINE}" stroke-width="2"/>')
    for value in (found.part.low, found.part.high):
        x = found.across(value)
        drawn.append(f'<line x1="{x:.1f}" y1="{floor:.1f}" x2="{x:.1f}" y2="{floor + 4:.1f}" stroke="{INK}"/>')
        drawn.append(f'<text x="{x:.1f}" y="{floor + 16:.1f}" text-anchor="middle">{value:g}</text>')
    drawn.append(f'<line x1="{left}" y1="{floor:.1f}" x2="{right}" y2="{floor:.1f}" stroke="{INK}"/>')
    middle = (left + right) / 2
    drawn.append(f'<text x="{middle:.1f}" y="{floor + 34:.1f}" text-anchor="middle">{escape(LABELS[found.name])}</text>')
    drawn.append(f'<text transform="translate({left - 30} {found.up(0.5):.1f}) rotate(-90)" text-anchor="middle">score</text>')
    return drawn


def main(arguments: list[str]) -> int:
    """Write all pictures, or compare them."""
    stale = 0
    for setup in Setup:
        path, text = FOLDER / f"strength_{setup.value}.svg", draw(setup)
        if "--write" in arguments:
            path.write_text(text, encoding="utf-8")
        elif not path.is_file() or path.read_text(encoding="utf-8") != text:
            print(f"{path.relative_to(ROOT)} is stale")
            stale = 1
    return stale


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
