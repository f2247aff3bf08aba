"""The product's public interface: every variable, its default and who else may spell it."""

import re
from pathlib import Path

import pytest

from shared.config.registry import DECLARED, PREFIXES, SECTIONS, Kind, env_names, name_of
from shared.config.settings import Settings

ROOT = Path(__file__).resolve().parents[3]

DEFAULTS = """
ASTER_API_KEY=
ASTER_API_SECRET=
ASTER_USER_ADDRESS=
ASTER_EXCHANGE_BASE=https://fapi.asterdex.com
ASTER_WS_BASE=
ASTER_VENUE_DIALECT=auto
ASTER_ACCOUNT=main
ASTER_QUOTE=USDT
ASTER_PAPER=true
ASTER_PAPER_MARKET=auto
ASTER_PAPER_BALANCE=10000
ASTER_PAPER_REPLAY=
ASTER_PAPER_SPEED=1
ASTER_PAPER_SEED=1
ASTER_PAPER_BASE=http://127.0.0.1:8100
ASTER_PAPER_WS_BASE=
ASTER_PAPER_API_KEY=paper-key
ASTER_PAPER_API_SECRET=paper-secret
ASTER_RUN_ONCE=false
ASTER_LOGLEVEL=INFO
ASTER_MODE=standard
ASTER_AI_MODE=false
ASTER_PRESET_MODE=mid
ASTER_LOOP_SLEEP=30
ASTER_STATE_FILE=aster_state.json
ASTER_CONFIG_FILE=dashboard_config.json
ASTER_BRACKETS_QUEUE_FILE=brackets_queue.json
ASTER_HTTP_RETRIES=2
ASTER_HTTP_BACKOFF=0.6
ASTER_HTTP_TIMEOUT=20
ASTER_KLINE_CACHE_SEC=45
ASTER_RECV_WINDOW=5000
ASTER_INCLUDE_SYMBOLS=
ASTER_EXCLUDE_SYMBOLS=
ASTER_UNIVERSE_MAX=0
ASTER_NATS_URL=nats://127.0.0.1:4222
ASTER_REDIS_URL=redis://127.0.0.1:6379/0
ASTER_DASHBOARD_HOST=127.0.0.1
ASTER_DASHBOARD_PORT=8000
ASTER_DASHBOARD_PASSWORD=
ASTER_INTERVAL=5m
ASTER_HTF_INTERVAL=30m
ASTER_RSI_BUY_MIN=51
ASTER_RSI_SELL_MAX=49
ASTER_ALLOW_TREND_ALIGN=false
ASTER_TREND_BIAS=with
ASTER_MIN_QUOTE_VOL_USDT=150000
ASTER_SPREAD_BPS_MAX=0.003
ASTER_WICKINESS_MAX=0.97
ASTER_MIN_EDGE_R=0.04
ASTER_CALIBRATION_MODE=auto
ASTER_DEFAULT_NOTIONAL=0
ASTER_SIZE_MULT_FLOOR=0
ASTER_SIZE_MULT_CAP=3
ASTER_SIZE_MULT_S=1
ASTER_SIZE_MULT_M=1.5
ASTER_SIZE_MULT_L=2.2
ASTER_MAX_NOTIONAL_USDT=0
ASTER_CONFIDENCE_SIZING=true
ASTER_CONFIDENCE_SIZE_MIN=1
ASTER_CONFIDENCE_SIZE_MAX=3
ASTER_CONFIDENCE_SIZE_BLEND=1
ASTER_CONFIDENCE_SIZE_EXP=2
ASTER_RISK_PER_TRADE=0.007
ASTER_EQUITY_FRACTION=0.66
ASTER_LEVERAGE=10
ASTER_MAX_OPEN_GLOBAL=0
ASTER_MAX_OPEN_PER_SYMBOL=1
ASTER_MAX_OPEN_RISK=0.06
ASTER_MAX_DAILY_LOSS=0.05
ASTER_MAX_DRAWDOWN=0.2
ASTER_MAX_LOSS_STREAK=6
ASTER_SL_ATR_MULT=1
ASTER_TP_ATR_MULT=1.6
ASTER_ENTRY_TYPE=market
ASTER_ENTRY_LIMIT_SECONDS=20
FAST_TP_ENABLED=true
FASTTP_MIN_R=0.3
FAST_TP_RET1=-0.001
FAST_TP_RET3=-0.002
FASTTP_SNAP_ATR=0.25
FASTTP_COOLDOWN_S=15
ASTER_BREAK_EVEN_R=0
ASTER_FUNDING_FILTER_ENABLED=true
ASTER_FUNDING_MAX_LONG=0.001
ASTER_FUNDING_MAX_SHORT=0.001
ASTER_NON_ARB_FILTER_ENABLED=true
ASTER_NON_ARB_CLAMP_BPS=0.0005
ASTER_NON_ARB_EDGE_THRESHOLD=0.00005
ASTER_NON_ARB_SKIP_GAP=0.0015
ASTER_UNOWNED_POSITIONS=alert
ASTER_LEGACY_ORDER_PREFIXES=
ASTER_BANDIT_ENABLED=true
ASTER_ALPHA_ENABLED=true
ASTER_ALPHA_THRESHOLD=0.55
ASTER_ALPHA_PROMOTE_DELTA=0.15
ASTER_TUNER_DISTANCES=false
ASTER_HISTORY_MAX=250
ASTER_OPENAI_API_KEY=
ASTER_CHAT_OPENAI_API_KEY=
ASTER_OPENAI_BASE_URL=
ASTER_AI_MODEL=gpt-4.1
ASTER_AI_DAILY_BUDGET_USD=20
ASTER_AI_STRICT_BUDGET=true
ASTER_AI_MIN_INTERVAL_SECONDS=3
ASTER_AI_CONCURRENCY=4
ASTER_AI_PENDING_LIMIT=12
ASTER_AI_GLOBAL_COOLDOWN_SECONDS=1
ASTER_AI_PLAN_TIMEOUT_SECONDS=45
ASTER_AI_SENTINEL_ENABLED=true
ASTER_AI_SENTINEL_DECAY_MINUTES=60
ASTER_AI_NEWS_ENDPOINT=
ASTER_AI_NEWS_API_KEY=
ASTER_AI_TEMPERATURE=0.3
ASTER_AI_DEBUG_STATE=false
ASTER_PLAYBOOK_REFRESH_MINUTES=20
ASTER_ALERT_URLS=
"""

EXPECTED = dict(line.split("=", 1) for line in DEFAULTS.split())


def test_every_name_exists_and_no_other() -> None:
    assert sorted(DECLARED) == sorted(EXPECTED)


@pytest.mark.parametrize("name", EXPECTED)
def test_default(name: str) -> None:
    assert DECLARED[name].text(DECLARED[name].default) == EXPECTED[name]


def test_names_begin_with_our_prefixes() -> None:
    assert all(name.startswith(PREFIXES) for name in DECLARED)


def test_settings_has_one_attribute_per_section() -> None:
    settings = Settings()
    for name, section in SECTIONS.items():
        assert type(getattr(settings, name)) is section
    assert set(SECTIONS) | {"sources", "environment", "headless"} == set(Settings.__dataclass_fields__)


@pytest.mark.parametrize("name", EXPECTED)
def test_every_setting_is_described(name: str) -> None:
    declared = DECLARED[name]
    assert declared.description.endswith(".")
    assert declared.expected
    if declared.kind in {Kind.INTEGER, Kind.NUMBER, Kind.DECIMAL}:
        assert declared.knob.ge is not None or declared.knob.gt is not None, "a number needs a lower bound"
        assert declared.knob.le is not None or declared.knob.lt is not None, "a number needs an upper bound"


def test_what_must_not_be_changed_over_http() -> None:
    closed = {name for name, declared in DECLARED.items() if not declared.editable}
    assert {name for name, declared in DECLARED.items() if declared.kind in {Kind.SECRET, Kind.ADDRESS, Kind.PATH}} <= closed
    assert {"ASTER_DASHBOARD_HOST", "ASTER_DASHBOARD_PORT", "ASTER_ACCOUNT", "ASTER_USER_ADDRESS"} <= closed


def test_variables_by_place() -> None:
    assert name_of("risk.leverage") == "ASTER_LEVERAGE"
    assert env_names({"paper.speed": "600", "exits.fast_tp_ret1": "-0.01"}) == {"ASTER_PAPER_SPEED": "600", "FAST_TP_RET1": "-0.01"}
    with pytest.raises(KeyError):
        name_of("risk.nothing")


WRITERS = ("services/commands", "services/supervisor")
"""These write the environment of other processes: they spell variables, each of which must be declared."""


def test_what_the_command_line_writes_is_declared() -> None:
    spelled = re.compile(r"\b(?:ASTER_|FAST_TP_|FASTTP_)[A-Z0-9_]+[A-Z0-9]\b")
    files = [path for writer in WRITERS for path in (ROOT / writer).rglob("*.py")]
    names = {name for path in files for name in spelled.findall(path.read_text(encoding="utf-8"))}
    assert names
    assert names <= set(DECLARED)


def test_no_other_file_spells_a_variable() -> None:
    """Services use attributes, and `name_of` where a message needs the variable."""
    spelled = re.compile(r"\b(?:ASTER_|FAST_TP_|FASTTP_)(?!V[13]\b)[A-Z0-9]")  # V1 and V3 are generations of the venue's interface
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for top in ("services", "shared")
        for suffix in ("py", "ts", "svelte", "lua")
        for path in (ROOT / top).rglob(f"*.{suffix}")
        if "node_modules" not in path.parts and not path.is_relative_to(ROOT / "shared" / "config")
        if not any(path.is_relative_to(ROOT / writer) for writer in WRITERS)
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if spelled.search(line)
    ]
    assert not found
