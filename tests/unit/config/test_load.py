"""Loading: precedence and source, all problems at once, suggestions, and what is refused."""

from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.config.choices import EntryType, LogLevel, Mode, PaperMarket, Preset
from shared.config.load import load, process_environment
from shared.config.presets import HEADLESS
from shared.config.problems import InvalidSettings
from shared.config.registry import DECLARED, Kind
from shared.config.resolve import with_overrides
from shared.config.settings import Settings, Source
from shared.domain.errors import ConfigError


def problems(environ: dict[str, str], **more: object) -> dict[str, str]:
    with pytest.raises(ConfigError) as caught:
        load(environ=environ, **more)  # type: ignore[arg-type]
    assert isinstance(caught.value, InvalidSettings)
    assert len(str(caught.value).splitlines()) == len(caught.value.problems) + 1
    return {problem.name: problem.text for problem in caught.value.problems}


def test_nothing_set_is_all_defaults() -> None:
    assert load(environ={}) == Settings()
    assert {row.source for row in load(environ={"PATH": "/bin", "HOME": "/root"}).effective()} == {Source.DEFAULT}


@pytest.mark.parametrize("name", DECLARED)
def test_every_default_survives_its_text(name: str) -> None:
    declared = DECLARED[name]
    text = declared.text(declared.default)
    loaded = load(environ={name: text})
    assert loaded.value(name) == declared.default
    assert loaded.source(name) is (Source.ENVIRONMENT if text else Source.DEFAULT)


def test_types() -> None:
    loaded = load(
        environ={
            "ASTER_LOGLEVEL": "debug",
            "ASTER_MODE": " AI ",
            "ASTER_PAPER": "no",
            "ASTER_LEVERAGE": "MAX",
            "ASTER_RISK_PER_TRADE": "0.0125",
            "ASTER_INCLUDE_SYMBOLS": "btcusdt, ETHUSDT ,,btcusdt",
            "ASTER_ENTRY_TYPE": "limit",
            "ASTER_PAPER_MARKET": "replay",
            "ASTER_PAPER_REPLAY": "a folder/file.parquet",
        }
    )
    assert loaded.core.log_level is LogLevel.DEBUG
    assert loaded.core.mode is Mode.AI
    assert loaded.core.ai_enabled
    assert loaded.core.paper is False
    assert loaded.risk.leverage == "max"
    assert loaded.risk.leverage_cap == 125
    assert loaded.risk.per_trade == Decimal("0.0125")
    assert loaded.universe.include_symbols == ("BTCUSDT", "ETHUSDT")
    assert loaded.exits.entry_type is EntryType.LIMIT
    assert loaded.paper.market is PaperMarket.REPLAY
    assert loaded.paper.replay == Path("a folder/file.parquet")


def test_precedence_and_source() -> None:
    name = "ASTER_RISK_PER_TRADE"
    preset = {"ASTER_PRESET_MODE": "low"}
    cases = [
        (load(environ={}), "0.007", Source.DEFAULT),
        (load(environ={}, headless=True), "0.006", Source.HEADLESS),
        (load(environ=preset, headless=True), "0.004", Source.PRESET),
        (load(environ={}, overrides=preset), "0.004", Source.PRESET),
        (load(environ={**preset, name: "0.01"}, headless=True), "0.01", Source.ENVIRONMENT),
        (load(environ={**preset, name: "0.01"}, overrides={name: "0.02"}), "0.02", Source.OVERRIDE),
    ]
    for loaded, value, source in cases:
        assert (loaded.risk.per_trade, loaded.source(name)) == (Decimal(value), source)


def test_headless_start_values() -> None:
    loaded = load(environ={"ASTER_RSI_SELL_MAX": "45"}, headless=True)
    assert (loaded.strategy.rsi_buy_min, loaded.strategy.rsi_sell_max) == (52, 45)
    assert all(load(environ={}, headless=True).source(name) is Source.HEADLESS for name in HEADLESS)


def test_a_preset_chosen_on_the_dashboard_beats_the_one_of_the_environment() -> None:
    loaded = load(environ={"ASTER_PRESET_MODE": "low"}, overrides={"ASTER_PRESET_MODE": "high"})
    assert loaded.core.preset is Preset.HIGH
    assert loaded.risk.leverage == "max"


def test_an_empty_variable_is_unset_but_an_empty_override_is_a_value() -> None:
    environ = {"ASTER_EXCLUDE_SYMBOLS": "BTCUSDT", "ASTER_LEVERAGE": "  "}
    assert load(environ=environ).risk.leverage == 10
    assert load(environ=environ, overrides={"ASTER_EXCLUDE_SYMBOLS": ""}).universe.exclude_symbols == ()


def test_all_problems_at_once() -> None:
    found = problems(
        {
            "ASTER_LEVERGE": "5",
            "ASTER_LEVERAGE": "500",
            "ASTER_RISK_PER_TRADE": "0.5",
            "ASTER_PAPER": "perhaps",
            "ASTER_DASHBOARD_HOST": "0.0.0.0",
            "ASTER_PAPER_MARKET": "replay",
        },
        overrides={"ASTER_MODE": "expert"},
    )
    assert found == {
        "ASTER_LEVERGE": "unknown setting, did you mean ASTER_LEVERAGE?",
        "ASTER_LEVERAGE": "expected a whole number from 1 to 125 (x), or max, found '500'",
        "ASTER_RISK_PER_TRADE": "expected a number from 0.0005 to 0.05 (of equity), found '0.5'",
        "ASTER_PAPER": "expected true or false, found 'perhaps'",
        "ASTER_DASHBOARD_PASSWORD": "expected a password because ASTER_DASHBOARD_HOST is 0.0.0.0, which other machines can reach;"
        " set one, or bind to 127.0.0.1",
        "ASTER_PAPER_REPLAY": "expected the path of a recording because ASTER_PAPER_MARKET is replay, found nothing",
        "ASTER_MODE": "expected one of standard, pro, ai, found 'expert' (override)",
    }


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("ASTER_LEVERGE", "ASTER_LEVERAGE"),
        ("FASTTP_RET1", "FAST_TP_RET1"),
        ("FAST_TP_MIN_R", "FASTTP_MIN_R"),
        ("aster_paper", "ASTER_PAPER"),
        ("ASTER_SL_ATR_MULTI", "ASTER_SL_ATR_MULT"),
    ],
)
def test_suggestion(name: str, meant: str) -> None:
    assert problems({name: "1"}) == {name: f"unknown setting, did you mean {meant}?"}


def test_an_unknown_name_without_a_likely_meaning() -> None:
    assert problems({"ASTER_QQQQQQQQQQQQQQQQ": "1"}) == {
        "ASTER_QQQQQQQQQQQQQQQQ": "unknown setting; docs/configuration.md lists all settings"
    }
    assert "HOME" in problems({}, overrides={"HOME": "/"})


NUMBERS = [name for name, declared in DECLARED.items() if declared.kind in {Kind.INTEGER, Kind.NUMBER, Kind.DECIMAL}]
NO_NUMBERS = ("nan", "NaN", "inf", "-inf", "Infinity", "1e999999999", "", "0x10", "10\x00")
TOO_FINE = ("1E-999999999", "0e-999999999")  # a float this small is zero


@pytest.mark.parametrize(
    ("name", "text"),
    [(name, text) for name in NUMBERS for text in NO_NUMBERS]
    + [(name, text) for name in NUMBERS if DECLARED[name].kind is Kind.DECIMAL for text in TOO_FINE],
)
def test_what_is_no_reasonable_number(name: str, text: str) -> None:
    assert list(problems({}, overrides={name: text})) == [name]


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("ASTER_EXCHANGE_BASE", "fapi.asterdex.com"),
        ("ASTER_EXCHANGE_BASE", "ftp://fapi.asterdex.com"),
        ("ASTER_EXCHANGE_BASE", "https://"),
        ("ASTER_EXCHANGE_BASE", "https://a b"),
        ("ASTER_EXCHANGE_BASE", "https://host:port"),
        ("ASTER_EXCHANGE_BASE", "http://[::1"),
        ("ASTER_WS_BASE", "https://fapi.asterdex.com"),
        ("ASTER_NATS_URL", "nats://a:4222,b"),
        ("ASTER_REDIS_URL", "127.0.0.1:6379"),
        ("ASTER_ACCOUNT", "Main"),
        ("ASTER_ACCOUNT", "a" * 21),
        ("ASTER_ACCOUNT", "a.b"),
        ("ASTER_USER_ADDRESS", "0x12"),
        ("ASTER_QUOTE", "usd-t"),
        ("ASTER_INCLUDE_SYMBOLS", "BTC/USDT"),
        ("ASTER_LEVERAGE", "0"),
        ("ASTER_LEVERAGE", "126"),
        ("ASTER_LEVERAGE", "2.5"),
        ("ASTER_LEVERAGE", "none"),
        ("ASTER_AI_DAILY_BUDGET_USD", "-1"),
        ("ASTER_AI_DAILY_BUDGET_USD", "unlimited"),
        ("ASTER_PAPER_SPEED", "0"),
        ("ASTER_PAPER_BALANCE", "0"),
        ("ASTER_DASHBOARD_PORT", "0"),
        ("ASTER_DASHBOARD_HOST", "a/b"),
        ("ASTER_INTERVAL", "7m"),
        ("FAST_TP_RET1", "0.001"),
    ],
)
def test_wrong_values(name: str, wrong: str) -> None:
    assert list(problems({name: wrong})) == [name]


@pytest.mark.parametrize(
    ("environ", "name"),
    [
        ({"ASTER_INTERVAL": "1h"}, "ASTER_HTF_INTERVAL"),
        ({"ASTER_SIZE_MULT_FLOOR": "4"}, "ASTER_SIZE_MULT_FLOOR"),
        ({"ASTER_SIZE_MULT_S": "2"}, "ASTER_SIZE_MULT_M"),
        ({"ASTER_CONFIDENCE_SIZE_MIN": "3.5"}, "ASTER_CONFIDENCE_SIZE_MIN"),
        ({"ASTER_DASHBOARD_HOST": "dashboard"}, "ASTER_DASHBOARD_PASSWORD"),
        ({"ASTER_DASHBOARD_HOST": "::"}, "ASTER_DASHBOARD_PASSWORD"),
    ],
)
def test_rules_across_settings(environ: dict[str, str], name: str) -> None:
    assert list(problems(environ)) == [name]


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "localhost", "::1", "[::1]"])
def test_only_this_machine_needs_no_password(host: str) -> None:
    assert load(environ={"ASTER_DASHBOARD_HOST": host}).dashboard.host == host


def test_an_open_dashboard_with_a_password() -> None:
    assert load(environ={"ASTER_DASHBOARD_HOST": "0.0.0.0", "ASTER_DASHBOARD_PASSWORD": "long enough"}).dashboard.host == "0.0.0.0"


@pytest.mark.parametrize(("concurrency", "pending"), [("1", 4), ("2", 6), ("8", 24)])
def test_the_pending_limit_follows_the_concurrency(concurrency: str, pending: int) -> None:
    assert load(environ={"ASTER_AI_CONCURRENCY": concurrency}).advisor.pending_limit == pending
    assert load(environ={"ASTER_AI_CONCURRENCY": concurrency, "ASTER_AI_PENDING_LIMIT": "5"}).advisor.pending_limit == 5


def test_a_wrong_concurrency_is_one_problem() -> None:
    assert list(problems({"ASTER_AI_CONCURRENCY": "many"})) == ["ASTER_AI_CONCURRENCY"]


def test_no_budget_is_not_no_limit() -> None:
    loaded = load(environ={"ASTER_AI_DAILY_BUDGET_USD": "0"})
    assert loaded.budget.daily_usd == 0
    assert not loaded.budget.uncapped


@pytest.mark.parametrize("name", ["ASTER_EXCHANGE_BASE", "ASTER_API_SECRET", "ASTER_STATE_FILE", "ASTER_DASHBOARD_HOST"])
def test_the_dashboard_cannot_change_what_is_dangerous(name: str) -> None:
    assert problems({}, overrides={name: DECLARED[name].text(DECLARED[name].default)}) == {
        name: "expected only in the environment, found among the dashboard's overrides"
    }


def test_new_overrides_on_the_same_environment() -> None:
    before = load(environ={"ASTER_API_SECRET": "s3cret", "ASTER_LEVERAGE": "7"}, overrides={"ASTER_MIN_EDGE_R": "0.1"}, headless=True)
    after = with_overrides(before, {"ASTER_LEVERAGE": "9"})
    assert after.risk.leverage == 9
    assert after.strategy.min_edge_r == 0.04
    assert after.core.api_secret.get_secret_value() == "s3cret"
    assert after.source("ASTER_RSI_BUY_MIN") is Source.HEADLESS
    assert with_overrides(after, {"ASTER_MIN_EDGE_R": "0.1"}) == before
    with pytest.raises(ConfigError):
        with_overrides(before, {"ASTER_LEVERAGE": "0"})


def test_settings_that_wait_for_their_feature_are_named() -> None:
    declared = next(declared for declared in DECLARED.values() if declared.knob.awaits)
    loaded = load(environ={declared.env: declared.text(declared.default) or "x"})
    assert loaded.waiting() == {declared.env: declared.knob.awaits}
    assert load(environ={}).waiting() == {}


def test_settings_are_frozen() -> None:
    with pytest.raises(AttributeError):
        load(environ={}).core = None  # type: ignore[misc,assignment]
    with pytest.raises(ValueError, match="frozen"):
        load(environ={}).core.paper = False  # type: ignore[misc]


def test_the_process_is_read_when_nothing_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in process_environment():
        if name in DECLARED:
            monkeypatch.delenv(name)
    monkeypatch.setenv("ASTER_LEVERAGE", "3")
    assert process_environment()["ASTER_LEVERAGE"] == "3"
    assert load().risk.leverage == 3


@pytest.mark.parametrize("name", ["ASTER_NOTHING", "risk.leverage", ""])
def test_asking_for_a_setting_that_does_not_exist(name: str) -> None:
    with pytest.raises(KeyError):
        Settings().source(name)
    with pytest.raises(KeyError):
        Settings().value(name)


JUNK = st.one_of(
    st.text(max_size=40),
    st.from_regex(r"[-+]?[0-9]{1,400}(\.[0-9]{1,30})?([eE][-+]?[0-9]{1,12})?", fullmatch=True),
    st.from_regex(r"[a-z]{1,6}:/{0,3}[@:/\[\]a-z0-9.?,%]{0,20}", fullmatch=True),
    st.sampled_from(["none", "max", "true", "[]", "{}", "null", "NaN", "-0", "\ud800", "٣", "1_0"]),
)
NAMES = st.one_of(st.sampled_from(sorted(DECLARED)), st.text(max_size=12).map(lambda text: "ASTER_" + text))


@given(environ=st.dictionaries(NAMES, JUNK, max_size=6), overrides=st.dictionaries(NAMES, JUNK, max_size=6), headless=st.booleans())
@settings(max_examples=300, deadline=None)
def test_junk_is_refused_in_one_way_or_is_valid(environ: dict[str, str], overrides: dict[str, str], *, headless: bool) -> None:
    try:
        loaded = load(environ=environ, overrides=overrides, headless=headless)
    except ConfigError as error:
        lines = str(error).splitlines()
        assert len(lines) > 1
        assert all(len(line) < 400 for line in lines)
    else:
        texts = loaded.explicit(Source.ENVIRONMENT)
        again = load(environ=texts, overrides=loaded.explicit(Source.OVERRIDE), headless=headless)
        assert again == loaded
