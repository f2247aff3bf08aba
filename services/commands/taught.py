"""The learning state after the trades of the original bot."""

from collections.abc import Sequence
from typing import Any

from services.advisor.logic.brain import Brain
from services.advisor.logic.documents import CURRENT, DRAFT, IMPORTS, newest, place
from services.commands.original import WEIGHT, Trade
from shared.policy.features import vector

Documents = dict[str, dict[str, Any]]


def marks(documents: Documents) -> list[str]:
    """Trades that were taken over before."""
    found = documents.get(IMPORTS, {}).get("trades", [])
    return [mark for mark in found if isinstance(mark, str)] if isinstance(found, list) else []


def fresh(documents: Documents, trades: Sequence[Trade]) -> list[Trade]:
    """Those that are not known yet."""
    known = set(marks(documents))
    return [trade for trade in trades if trade.mark not in known]


def teach(brain: Brain, trade: Trade) -> None:
    """One trade, to the policy alone."""
    values = vector(trade.raw, sign=trade.sign, setup="").values
    brain.bandit.learn(values, trade.net_r, WEIGHT)


def taught(documents: Documents, trades: Sequence[Trade]) -> Documents:
    """The newest edition has learned the new trades; everything else stays as it is.

    Raises:
        ValueError: the present edition cannot be read.
    """
    problems: list[str] = []
    edition = newest(documents, problems)
    if problems:
        raise ValueError("; ".join(problems))
    new = fresh(documents, trades)
    for trade in new:
        teach(edition.brain, trade)
    number = max(1, edition.number)
    draft = {DRAFT: {**documents[DRAFT], "edition": number}} if DRAFT in documents else {}
    return {
        **documents,
        **draft,
        place(number): {"number": number, "learned": edition.learned + len(new), "brain": edition.brain.to_dict()},
        CURRENT: {**documents.get(CURRENT, {}), "number": number},
        IMPORTS: {"trades": [*marks(documents), *(trade.mark for trade in new)]},
    }
