"""Puts the made-up facts on a running dashboard's bus and store."""

from decimal import Decimal

from services.dashboard.logic.roster import REQUIRED
from shared.contracts.ops import ServiceState
from shared.domain.control import TradingState
from shared.domain.order import Direction
from tests.integration.dashboard import facts
from tests.integration.dashboard.rig import Rig


async def play(rig: Rig) -> None:
    """A morning's events, three open positions, an account, running."""
    now_ms = rig.ctx.clock.now_ms()
    await rig.state.init_control(TradingState.RUNNING, author="start", now_ms=now_ms - 3_600_000)
    await refresh(rig, 0)
    await rig.state.put(rig.ctx.keys.learning, "report", facts.learning(now_ms))
    await rig.bus.publish_all(list(facts.morning(now_ms)))


async def refresh(rig: Rig, step: int) -> None:
    """The documents of this moment: three positions, and an equity that moves with the step."""
    now_ms = rig.ctx.clock.now_ms()
    positions = {
        "BTCUSDT": facts.position("BTCUSDT", now_ms),
        "ETHUSDT": facts.position("ETHUSDT", now_ms, Direction.SHORT, unrealised_usd="-6.55", mark_price="2523.51"),
        "DOGEUSDT": facts.position("DOGEUSDT", now_ms, target_state="pending", unrealised_usd="16.11", mark_price="0.19307"),
    }
    for symbol, document in positions.items():
        await rig.state.put(rig.ctx.keys.positions, symbol, document)
    desired = {"position_id": positions["BTCUSDT"]["position_id"], "stop_price": positions["BTCUSDT"]["stop_price"], "moves": 0}
    guarded = {"desired": desired, "repairs": [], "naked": {"total_ms": 380, "since_ms": None}}
    if step == 0:
        await rig.state.put(rig.ctx.keys.brackets, "BTCUSDT", guarded)
    equity = Decimal("10080.08") + Decimal(step % 7 - 3) / 4 if step else Decimal("10080.08")
    await rig.state.put(rig.ctx.keys.account_view, "now", facts.account(now_ms, equity_usd=str(equity)))


def beat(rig: Rig) -> None:
    """A heartbeat of every other service, and a few log lines."""
    wall_ms = rig.ctx.clock.wall_ms()
    for service in REQUIRED:
        if service != "dashboard":
            state = ServiceState.READY
            told = {"naked_max_ms": "740"} if service == "bracket_guard" else {}
            rig.bus.send(facts.heartbeat(service, wall_ms, state, facts=told))


def chatter(rig: Rig) -> None:
    """Log lines of a normal minute."""
    wall_ms = rig.ctx.clock.wall_ms()
    lines = (
        ("scanner", "info", "scan_done", {"symbols": "80", "setups": "3", "ms": "41"}),
        ("advisor", "info", "plan", {"symbol": "BTCUSDT", "verdict": "TAKE", "edge_r": "0.21"}),
        ("executor", "info", "entry_filled", {"symbol": "BTCUSDT", "quantity": "0.031", "price": "104613.2"}),
        ("executor", "info", "bracket_placed", {"symbol": "BTCUSDT", "stop": "103985.5", "target": "105711.6"}),
        ("bracket_guard", "warning", "stop_missing", {"symbol": "XRPUSDT", "naked_ms": "412"}),
        ("bracket_guard", "info", "stop_replaced", {"symbol": "XRPUSDT", "trigger": "2.158"}),
        ("sentinel", "error", "source_silent", {"source": "funding", "age_s": "61"}),
    )
    for number, (service, level, event, fields) in enumerate(lines):
        rig.bus.send(facts.log(service, level, event, wall_ms + number, **fields))
