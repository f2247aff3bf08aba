"""Every text exists in every language, with the same parameters, and every code that can reach the page has a text."""

import ast
import json
import re
from enum import StrEnum
from pathlib import Path

import pytest

from services.dashboard.logic.adjusted import Adviser
from services.dashboard.logic.answers import Absence, Market, MarketState, Unknown
from services.dashboard.logic.decision import Stage
from services.dashboard.logic.funnel import Gate
from services.dashboard.logic.roster import REQUIRED
from services.dashboard.logic.rows import Protection
from shared.contracts.bracket import BracketEventKind, StopRefusal
from shared.contracts.control import Command, Severity
from shared.contracts.learning import Cause, Regime, Worth
from shared.contracts.ops import ServiceState
from shared.contracts.order import ExitReason, Leg, OrderEventKind, PositionEventKind
from shared.contracts.plan import PlanReason, PlanSource, Verdict
from shared.contracts.signal import Setup, SkipReason
from shared.domain.control import TradingState
from shared.domain.order import Direction
from shared.risk.gate import RefusedReason

WEB = Path(__file__).parents[3] / "services" / "dashboard" / "web" / "src"
LANGUAGES = ("en", "de", "es", "fr", "tr", "ko", "ru", "zh")
ENUMS: tuple[type[StrEnum], ...] = (
    Absence,
    Adviser,
    BracketEventKind,
    Cause,
    Direction,
    ExitReason,
    Gate,
    Leg,
    Market,
    MarketState,
    OrderEventKind,
    PlanReason,
    PlanSource,
    PositionEventKind,
    Protection,
    RefusedReason,
    Regime,
    ServiceState,
    Setup,
    Severity,
    SkipReason,
    Stage,
    StopRefusal,
    TradingState,
    Unknown,
    Verdict,
    Worth,
)
_NAME = re.compile(r"\{(\w+)[,}]")
_LITERAL = re.compile(r"\bt\('([\w.]+)'")


def alert_codes(tree: ast.AST) -> set[str]:
    """Literal codes of `Alert(code="…")`, of the `…_alert("…")` functions around it, and of `….alert(severity, "…")`."""
    found: set[str] = set()
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
        if name == "Alert":
            codes = [keyword.value for keyword in call.keywords if keyword.arg == "code"]
        elif name == "alert":
            codes = call.args[1:2]
        else:
            codes = call.args[:1] if name.endswith("_alert") else []
        found |= {code.value for code in codes if isinstance(code, ast.Constant) and isinstance(code.value, str)}
    return found


def catalogue(language: str) -> dict[str, str]:
    found: dict[str, str] = json.loads((WEB / "locales" / f"{language}.json").read_text(encoding="utf-8"))
    return found


ENGLISH = catalogue("en")


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_key_exists_in_every_language_in_the_same_order(language: str):
    assert list(catalogue(language)) == list(ENGLISH)


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_text_is_empty_and_each_has_the_same_parameters(language: str):
    for key, text in catalogue(language).items():
        assert text.strip() == text, key
        assert text, key
        assert set(_NAME.findall(text)) == set(_NAME.findall(ENGLISH[key])), key
        assert text.count("{") == text.count("}"), key


@pytest.mark.parametrize("language", [language for language in LANGUAGES if language != "en"])
def test_sentences_are_translated(language: str):
    texts = catalogue(language)
    same = [key for key, text in ENGLISH.items() if len(text.split()) > 4 and texts[key] == text]
    assert same == []


@pytest.mark.parametrize("enum", ENUMS, ids=lambda enum: enum.__name__)
def test_every_value_of_a_closed_set_has_a_text(enum: type[StrEnum]):
    wanted = {f"enum.{enum.__name__}.{member.value}" for member in enum}
    assert wanted <= set(ENGLISH)


def test_no_text_is_left_of_values_that_are_gone():
    known = {f"enum.{enum.__name__}.{member.value}" for enum in ENUMS for member in enum}
    left = [key for key in ENGLISH if key.startswith("enum.") and key not in known and key.split(".")[1] not in {"Part", "LogLevel"}]
    assert left == []


def test_every_service_has_a_name():
    assert {f"enum.Part.{name}" for name in (*REQUIRED, "paper_exchange", "bus", "store", "venue")} <= set(ENGLISH)


def test_every_key_that_the_page_names_exists():
    sources = [path for path in WEB.rglob("*") if path.suffix in {".ts", ".svelte"} and path.name != "schema.d.ts"]
    used = {key for path in sources for key in _LITERAL.findall(path.read_text(encoding="utf-8"))}
    assert used
    assert used <= set(ENGLISH)


def test_every_alert_that_a_service_raises_has_a_text():
    services = WEB.parents[2]
    raised = {code for path in services.rglob("*.py") for code in alert_codes(ast.parse(path.read_text(encoding="utf-8")))}
    raised |= {f"{command.value}_confirmed" for command in Command if command not in {Command.CLOSE_POSITION, Command.CANCEL}}
    assert {f"alert.{code}" for code in raised} <= set(ENGLISH), raised
    assert "emergency_exit" in raised
