"""The view: what changed is told once, and what is not known is said."""

from decimal import Decimal

from services.dashboard.logic.answers import Absence, Market, Times, Unknown
from services.dashboard.logic.asking import preview
from services.dashboard.logic.mode import live_mode, paper_mode
from services.dashboard.logic.view import TRADE_LIMIT, Doors, View
from shared.contracts.control import Command
from shared.contracts.envelope import Outgoing
from shared.contracts.order import ExitReason
from shared.domain.order import Direction
from tests.integration.dashboard import facts
from tests.unit.dashboard.logic.test_decisions import meta

NOW = facts.MORNING_MS


def view() -> View:
    return View(interval="5m", quote="USDT", version="1", mode=paper_mode({"market": "replay", "speed": 60}, None))


def at(wall_ms: int = 1_000) -> Times:
    return Times(now_ms=NOW, wall_ms=wall_ms, rate=1.0)


def told(one: View, *messages: Outgoing, wall_ms: int = 1_000) -> View:
    for message in messages:
        one.apply(message.payload, meta(message), wall_ms)
    return one


def test_positions_are_unknown_until_they_were_read():
    status = view().status(at())
    assert (status.open_positions, status.naked) == (None, None)
    assert view().positions.unknown is Unknown.NOT_WRITTEN
    assert status.trading.state is None


def test_naked_counts_missing_stops_and_says_what_nobody_told():
    one = view()
    one.set_positions(
        {
            "BTCUSDT": facts.position("BTCUSDT", NOW),
            "ETHUSDT": facts.position("ETHUSDT", NOW, stop_state="missing"),
            "SOLUSDT": facts.position("SOLUSDT", NOW, stop_state=None),
            "XRPUSDT": facts.position("XRPUSDT", NOW, quantity="0"),
        }
    )
    status = one.status(at())
    assert (status.open_positions, status.naked, status.naked_unknown) == (3, 1, 1)


def test_ready_needs_doors_and_services():
    one = view()
    assert {missing.name for missing in one.missing(1_000)} >= {"bus", "store", "venue", "executor"}
    one.set_doors(Doors(bus=True, store=True, venue=False))
    assert [missing.reason for missing in one.missing(1_000) if missing.name == "venue"] == [Absence.UNAVAILABLE]
    one.set_doors(Doors(bus=True, store=True, venue=True))
    told(one, *(facts.heartbeat(name, 1_000) for name in ("scanner", "sentinel", "advisor", "executor", "bracket_guard", "dashboard")))
    assert one.status(at()).ready


def test_a_delta_holds_only_what_changed():
    one = view()
    first = one.take(at(), 1)
    assert first is not None
    assert first.status is not None
    assert one.take(at(), 2) is None
    told(one, facts.trade("BTCUSDT", NOW, "12", ExitReason.TARGET))
    delta = one.take(at(), 2)
    assert delta is not None
    assert delta.trades is not None
    assert [str(row.net_usd) for row in delta.trades] == ["12"]
    assert delta.equity is not None
    assert (delta.status, delta.positions, delta.account, delta.logs) == (None, None, None, None)


def test_the_status_comes_once_a_second_without_changes():
    one = view()
    one.take(at(0), 1)
    assert one.take(at(999), 2) is None
    delta = one.take(at(1_000), 2)
    assert delta is not None
    assert delta.status is not None


def test_account_samples_make_a_curve():
    one = view()
    one.set_account(facts.account(NOW))
    one.set_account(facts.account(NOW + 5, equity_usd="10081"))
    delta = one.take(at(), 1)
    assert delta is not None
    assert delta.samples is not None
    assert [str(point.usd) for point in delta.samples] == ["10080.08", "10081"]
    assert one.curve.opening == Decimal(10_000)


def test_a_trade_that_comes_twice_is_one_and_trades_stay_bounded():
    one = told(view(), *(facts.trade("BTCUSDT", NOW + number, "1", ExitReason.STOP) for number in [0, 0, *range(TRADE_LIMIT + 20)]))
    assert len(one.trades(10_000)) == TRADE_LIMIT
    assert one.curve.count == TRADE_LIMIT + 20
    assert one.trades(1)[0].opened_ms == NOW + TRADE_LIMIT + 19 + 200


def test_logs_come_once_and_in_order():
    one = told(view(), *(facts.log("scanner", "info", f"line {number}", 1) for number in range(1_000)))
    delta = one.take(at(), 1)
    assert delta is not None
    assert delta.logs is not None
    assert [row.n for row in delta.logs] == list(range(901, 1_001))
    snapshot = one.snapshot(at(), hub="h", seq=1)
    assert [row.n for row in snapshot.logs] == list(range(801, 1_001))


def test_alerts_come_once():
    warning = facts.alert("emergency_exit", NOW, symbol="BTCUSDT")
    one = told(view(), warning, warning)
    assert len(one.alerts.rows(10)) == 1
    assert len(one.alerts.take()) == 1


def test_the_badge():
    assert (view().status(at()).mode.text, view().status(at()).mode.market) == ("PAPER · replay", Market.REPLAY)
    assert paper_mode({"market": "casino"}, None).unknown is Unknown.NOT_REPORTED
    assert paper_mode(None, Unknown.VENUE_UNAVAILABLE).text == "PAPER"
    assert live_mode(None).text == "LIVE"


def test_a_preview_tells_what_a_command_would_touch():
    one = view()
    one.set_positions(
        {"BTCUSDT": facts.position("BTCUSDT", NOW), "ETHUSDT": facts.position("ETHUSDT", NOW, Direction.SHORT, unrealised_usd="-2.21")}
    )
    flat = preview(one.positions, Command.FLATTEN, None)
    assert (flat.closes, flat.stay, str(flat.unrealised_usd)) == (("BTCUSDT", "ETHUSDT"), 0, "10.00")
    close = preview(one.positions, Command.CLOSE_POSITION, "ETHUSDT")
    assert (close.closes, close.stay, str(close.unrealised_usd)) == (("ETHUSDT",), 1, "-2.21")
    assert preview(one.positions, Command.PAUSE, None).closes == ()
    one.set_positions({"BTCUSDT": facts.position("BTCUSDT", NOW, unrealised_usd=None)})
    assert preview(one.positions, Command.FLATTEN, None).unrealised_usd is None
