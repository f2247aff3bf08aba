import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.policy.calibration import KAPPA, CalibrationTable, strength_bin

outcomes = st.lists(st.tuples(st.sampled_from(["trend_cross", "range_reversion"]), st.floats(0, 1), st.booleans()), max_size=80)


def table(notes: list[tuple[str, float, bool]]) -> CalibrationTable:
    found = CalibrationTable()
    for setup, strength, won in notes:
        found.note(setup, strength, 0.4 + 0.2 * strength, won=won)
    return found


def test_without_outcomes_the_prior_stands() -> None:
    assert CalibrationTable().probability("trend_cross", 0.5, 0.45) == 0.45
    assert CalibrationTable().brier() is None


def test_fifty_outcomes_weigh_as_much_as_the_prior() -> None:
    lost = table([("trend_cross", 0.5, False)] * int(KAPPA))
    assert lost.probability("trend_cross", 0.55, 0.4) == pytest.approx(0.2)
    assert lost.probability("trend_cross", 0.9, 0.4) == 0.4
    assert lost.probability("range_reversion", 0.5, 0.4) == 0.4
    assert lost.counts("trend_cross") == ([0, 0, 50, 0, 0], [0, 0, 0, 0, 0])


@pytest.mark.parametrize(("strength", "place"), [(0, 0), (0.19, 0), (0.2, 1), (0.99, 4), (1, 4), (-1, 0), (3, 4)])
def test_bins_are_five_of_equal_width(strength: float, place: int) -> None:
    assert strength_bin(strength) == place


@given(notes=outcomes, strength=st.floats(0, 1), prior=st.floats(0, 1))
def test_a_win_never_lowers_and_a_loss_never_raises(notes: list[tuple[str, float, bool]], strength: float, prior: float) -> None:
    now = table(notes).probability("trend_cross", strength, prior)
    assert 0 <= now <= 1
    assert table([*notes, ("trend_cross", strength, True)]).probability("trend_cross", strength, prior) >= now - 1e-12
    assert table([*notes, ("trend_cross", strength, False)]).probability("trend_cross", strength, prior) <= now + 1e-12


@given(outcomes)
def test_it_round_trips(notes: list[tuple[str, float, bool]]) -> None:
    found = table(notes)
    again = CalibrationTable.from_dict(json.loads(json.dumps(found.to_dict())))
    assert again.problem == ""
    assert again.model.to_dict() == found.to_dict()
    assert again.model.outcomes == len(notes)


def test_the_curve_shows_what_was_promised_and_what_came() -> None:
    found = table([("trend_cross", 0.5, won) for won in (True, False, False, False)])
    (point,) = found.curve()
    assert (point.setup, point.bin, point.outcomes, point.observed) == ("trend_cross", 2, 4, 0.25)
    assert point.predicted == pytest.approx(0.5)
    assert found.brier() == pytest.approx(0.25)


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"kind": "calibration", "version": 9, "cells": []},
        {"kind": "calibration", "version": 1, "cells": {}},
        {"kind": "calibration", "version": 1, "cells": [{"setup": 3}]},
        {"kind": "calibration", "version": 1, "cells": [{"setup": "a", "bin": 0, "outcomes": 1, "wins": 2, "predicted": 0, "squared": 0}]},
    ],
)
def test_a_broken_document_starts_empty_and_says_so(document: dict[str, Any]) -> None:
    found = CalibrationTable.from_dict(document)
    assert found.problem.startswith("calibration starts empty")
    assert found.model.outcomes == 0
