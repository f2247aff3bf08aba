"""Learning curves as a picture: lines with bands, drawn by hand as SVG."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
WIDTH, HEIGHT = 720, 360
LEFT, RIGHT, TOP, BOTTOM = 64, 150, 44, 46
COLOURS = ("#1f5fa8", "#b3541e", "#7a7a7a", "#2e7d4f")
Z90 = 1.645


@dataclass(frozen=True, slots=True)
class Curve:
    """Means with the bounds of their 90 % intervals, one per step."""

    mean: Floats
    low: Floats
    high: Floats


def curve(runs: Floats, steps: int) -> Curve:
    """Of results by seed (rows) and decision (columns): the mean of each step over the seeds, and how sure it is."""
    parts = np.stack([part.mean(axis=1) for part in np.array_split(runs, steps, axis=1)], axis=1)
    half = Z90 * parts.std(axis=0, ddof=1) / np.sqrt(len(parts))
    mean = parts.mean(axis=0)
    return Curve(mean, mean - half, mean + half)


def svg(title: str, curves: Mapping[str, Curve], decisions: int) -> str:
    """The picture. `decisions` is the length of the horizontal axis; the vertical one is R per decision."""
    low = min(0.0, *(float(found.low.min()) for found in curves.values()))
    high = max(0.0, *(float(found.high.max()) for found in curves.values()))
    plot = _Plot(low - 0.08 * (high - low), high + 0.08 * (high - low), len(next(iter(curves.values())).mean))
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12" fill="#222">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
        f'<text x="{LEFT}" y="22" font-size="14" font-weight="600">{escape(title)}</text>',
        *plot.axes(decisions),
    ]
    ends = _apart([plot.y(float(found.mean[-1])) for found in curves.values()])
    for (name, found), colour, end in zip(curves.items(), COLOURS, ends, strict=False):
        lines += plot.drawn(found, colour)
        lines.append(f'<text x="{WIDTH - RIGHT + 8}" y="{end + 4:.1f}" fill="{colour}" font-weight="600">{escape(name)}</text>')
    return "\n".join([*lines, "</svg>", ""])


@dataclass(frozen=True, slots=True)
class _Plot:
    low: float
    high: float
    steps: int

    def x(self, step: float) -> float:
        """Middle of a step."""
        return LEFT + (step + 0.5) / self.steps * (WIDTH - LEFT - RIGHT)

    def y(self, value: float) -> float:
        """Place of a value."""
        return TOP + (self.high - value) / (self.high - self.low) * (HEIGHT - TOP - BOTTOM)

    def axes(self, decisions: int) -> list[str]:
        """Grid, zero line, numbers and names."""
        found: list[str] = []
        step = _nice((self.high - self.low) / 5)
        for tick in np.arange(np.ceil(self.low / step), np.floor(self.high / step) + 1) * step:
            y, strong = self.y(float(tick)), abs(tick) < step / 2
            colour = "#555" if strong else "#ddd"
            found.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="{colour}"/>')
            found.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{0.0 if strong else tick:.2f}</text>')
        for share in (0.0, 0.25, 0.5, 0.75, 1.0):
            x = LEFT + share * (WIDTH - LEFT - RIGHT)
            found.append(f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{share * decisions:.0f}</text>')
        found.append(f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 8}" text-anchor="middle">decisions</text>')
        middle = (TOP + HEIGHT - BOTTOM) / 2
        found.append(f'<text x="14" y="{middle}" text-anchor="middle" transform="rotate(-90 14 {middle})">net R per decision</text>')
        return found

    def drawn(self, found: Curve, colour: str) -> list[str]:
        """Band and line."""
        upper = [f"{self.x(n):.1f},{self.y(float(v)):.1f}" for n, v in enumerate(found.high)]
        lower = [f"{self.x(n):.1f},{self.y(float(v)):.1f}" for n, v in enumerate(found.low)]
        line = " ".join(f"{self.x(n):.1f},{self.y(float(v)):.1f}" for n, v in enumerate(found.mean))
        return [
            f'<polygon points="{" ".join(upper + lower[::-1])}" fill="{colour}" fill-opacity="0.13"/>',
            f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2" stroke-linejoin="round"/>',
        ]


def _nice(raw: float) -> float:
    """1, 2 or 5 times a power of ten, at least `raw`."""
    power = 10.0 ** np.floor(np.log10(raw))
    return float(next(power * factor for factor in (1, 2, 5, 10) if power * factor >= raw))


def _apart(wanted: Sequence[float], least: float = 15.0) -> list[float]:
    """Places for words near those that are wanted, none on another."""
    found = [0.0] * len(wanted)
    before = -1e9
    for place in sorted(range(len(wanted)), key=lambda n: wanted[n]):
        before = found[place] = max(wanted[place], before + least)
    return found
