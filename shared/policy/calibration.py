"""Win probabilities corrected by outcomes: of each setup and strength bin, taken and skipped signals alike."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shared.policy.stored import Restored, Unreadable, check_kind, number

KIND, VERSION = "calibration", 1
KAPPA = 50.0
"""How many outcomes the prior is worth."""
BINS = 5


def strength_bin(strength: float) -> int:
    """Number of the bin, 0-4, of equal width; 1.0 belongs to the last."""
    return min(int(min(1.0, max(0.0, strength)) * BINS), BINS - 1)


@dataclass(frozen=True, slots=True)
class Cell:
    """Outcomes of one setup and bin. `predicted` is the sum of the prior probabilities, for the curve."""

    outcomes: float = 0.0
    wins: float = 0.0
    predicted: float = 0.0
    squared: float = 0.0


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """One point of the calibration curve: how many, the mean prior probability, and the share that won."""

    setup: str
    bin: int
    outcomes: float
    predicted: float
    observed: float


class CalibrationTable:
    """Wins and outcomes by setup and strength bin."""

    def __init__(self) -> None:
        self._cells: dict[tuple[str, int], Cell] = {}

    @property
    def outcomes(self) -> float:
        """Over all cells."""
        return sum(cell.outcomes for cell in self._cells.values())

    def note(self, setup: str, strength: float, prior: float, *, won: bool) -> None:
        """Take in an outcome of a signal whose prior win probability was `prior`. Won = net result above zero."""
        key = (setup, strength_bin(strength))
        cell = self._cells.get(key, Cell())
        self._cells[key] = Cell(cell.outcomes + 1, cell.wins + float(won), cell.predicted + prior, cell.squared + (prior - float(won)) ** 2)

    def probability(self, setup: str, strength: float, prior: float) -> float:
        """(kappa * prior + wins) / (kappa + outcomes); the prior itself without outcomes."""
        cell = self._cells.get((setup, strength_bin(strength)), Cell())
        return (KAPPA * prior + cell.wins) / (KAPPA + cell.outcomes)

    def counts(self, setup: str) -> tuple[list[float], list[float]]:
        """Outcomes and wins of a setup by bin."""
        cells = [self._cells.get((setup, number_), Cell()) for number_ in range(BINS)]
        return [cell.outcomes for cell in cells], [cell.wins for cell in cells]

    def curve(self) -> list[CurvePoint]:
        """Every cell with outcomes, in order."""
        return [
            CurvePoint(setup, number_, cell.outcomes, cell.predicted / cell.outcomes, cell.wins / cell.outcomes)
            for (setup, number_), cell in sorted(self._cells.items())
        ]

    def brier(self) -> float | None:
        """Mean squared error of the prior probabilities; None without outcomes."""
        total = self.outcomes
        return sum(cell.squared for cell in self._cells.values()) / total if total else None

    def to_dict(self) -> dict[str, Any]:
        """The whole state as JSON types."""
        rows = [
            {"setup": setup, "bin": place, "outcomes": c.outcomes, "wins": c.wins, "predicted": c.predicted, "squared": c.squared}
            for (setup, place), c in sorted(self._cells.items())
        ]
        return {"kind": KIND, "version": VERSION, "cells": rows}

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> "Restored[CalibrationTable]":
        """The table of a document; an empty one, with the problem, when it cannot be read."""
        table = cls()
        try:
            check_kind(document, KIND, VERSION)
            for row in _rows(document):
                key = _key(row)
                table._cells[key] = _cell(row)
        except Unreadable as error:
            return Restored(cls(), problem=f"calibration starts empty: {error}")
        return Restored(table)


def _rows(document: Mapping[str, Any]) -> list[Any]:
    rows = document.get("cells")
    if not isinstance(rows, list):
        raise Unreadable("cells: expected a list")
    return rows


def _key(row: Any) -> tuple[str, int]:
    if not isinstance(row, dict) or not isinstance(row.get("setup"), str):
        raise Unreadable("cells: expected objects with a setup")
    return row["setup"], int(number(row, "bin", 0, BINS - 1))


def _cell(row: Mapping[str, Any]) -> Cell:
    outcomes = number(row, "outcomes", 1.0)
    return Cell(
        outcomes, number(row, "wins", 0.0, outcomes), number(row, "predicted", 0.0, outcomes), number(row, "squared", 0.0, outcomes)
    )
