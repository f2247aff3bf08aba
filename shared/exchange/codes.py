"""What each error of a Binance-compatible venue means for us.

One table from venue code to reaction; `verdict.py` turns a reaction into an error class.
"""

from dataclasses import dataclass
from enum import StrEnum


class Reaction(StrEnum):
    """What to do about an answer that is not a success."""

    ALREADY = "already"
    """The wanted state was there before: a success."""
    UNKNOWN = "unknown"
    """The venue may have executed the request: ask before sending again."""
    UNAVAILABLE = "unavailable"
    """Not executed because the venue is in trouble: back off, try again."""
    WEIGHT_LIMIT = "weight_limit"
    """Too much asked from this address: nobody asks until the wait is over."""
    ORDER_LIMIT = "order_limit"
    """Too many orders from this account: wait for the next window."""
    RESYNC = "resync"
    """Our timestamp is off: not executed; synchronise, send once more."""
    NEW_NONCE = "new_nonce"
    """The nonce is used up: not executed; sign again."""
    CREDENTIALS = "credentials"
    """The key, its rights or its signature are refused: stop trading, tell the user."""
    STOP = "stop"
    """The account cannot trade now (liquidation, missing deposit): stop, tell the user."""
    MALFORMED = "malformed"
    """A fault of ours: never repeat it unchanged."""
    SYMBOL = "symbol"
    """The symbol cannot be traded: drop it."""
    LISTEN_KEY = "listen_key"
    """The listen key is dead: create one and connect again."""
    REJECTED = "rejected"
    """Refused without a more precise reason: read the message."""
    QUERY = "query"
    """The order is not open any more: ask for it, ordinary and conditional."""
    ABSENT = "absent"
    """The order does not exist, or not yet."""
    SHRINK = "shrink"
    """Too big for the balance or the leverage: smaller or not at all."""
    TRIGGERS_NOW = "triggers_now"
    """The trigger price is already passed: for a stop, close at market now."""
    POSITION = "position"
    """The position is not what the order assumed: read it again."""
    CROWDED = "crowded"
    """Too many open orders: cancel stale ones."""
    ROUND = "round"
    """Tick, step, precision or bounds: round again with fresh filters."""
    REPRICE = "reprice"
    """Outside the price band: another price."""
    LEVERAGE = "leverage"
    """Leverage not allowed: clamp to the bracket."""
    POSTPONE = "postpone"
    """Blocked by open orders or positions: try when flat."""
    POSITION_MODE = "position_mode"
    """One-way and hedge mode mixed up: read the mode again."""
    DUPLICATE = "duplicate"
    """An open order has this client id: the earlier send succeeded, adopt it."""
    USE_ALGO = "use_algo"
    """Conditional orders have moved to the algo endpoints."""
    EXISTS = "exists"
    """A closing order of this kind already exists: cancel or replace it."""
    LATER = "later"
    """The book is too thin at the moment: later, or with a limit."""
    NOT_STORED = "not_stored"
    """FOK or post-only could not be met; the venue keeps no trace of the order."""
    REDUCE_ONLY = "reduce_only"
    """Only reducing orders until a restriction is lifted."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Reaction to a code, and the slug that logs and screens show."""

    reaction: Reaction
    slug: str


def _rules(reaction: Reaction, slug: str, *codes: int) -> dict[int, Rule]:
    """The same rule for several codes."""
    return dict.fromkeys(codes, Rule(reaction, slug))


RULES: dict[int, Rule] = {
    **_rules(Reaction.UNKNOWN, "internal_error", -1000, -1001),
    **_rules(Reaction.WEIGHT_LIMIT, "weight_limit", -1003),
    **_rules(Reaction.UNKNOWN, "execution_unknown", -1006, -1007),
    **_rules(Reaction.UNAVAILABLE, "venue_overloaded", -1008),
    **_rules(Reaction.ORDER_LIMIT, "order_limit", -1015),
    **_rules(Reaction.RESYNC, "timestamp", -1021, -5028),
    **_rules(Reaction.CREDENTIALS, "signature_refused", -1022),
    **_rules(Reaction.MALFORMED, "malformed_request", *range(-1106, -1099), *range(-1117, -1113), -1120, -1127, -1128, -1130),
    **_rules(Reaction.ROUND, "precision", -1111),
    **_rules(Reaction.SYMBOL, "symbol_unknown", -1121, -4144),
    **_rules(Reaction.SYMBOL, "symbol_closed", -4140, -4141),
    **_rules(Reaction.LISTEN_KEY, "listen_key_unknown", -1125),
    **_rules(Reaction.REJECTED, "rejected", -2010),
    **_rules(Reaction.QUERY, "cancel_rejected", -2011),
    **_rules(Reaction.ABSENT, "order_absent", -2013),
    **_rules(Reaction.CREDENTIALS, "credentials_refused", -2014, -2015),
    **_rules(Reaction.SHRINK, "margin_insufficient", -2018, -2019, -4050, -4051),
    **_rules(Reaction.TRIGGERS_NOW, "triggers_now", -2021, -4142),
    **_rules(Reaction.POSITION, "reduce_only_rejected", -2022, -2024, -4118),
    **_rules(Reaction.STOP, "in_liquidation", -2023),
    **_rules(Reaction.CROWDED, "too_many_orders", -2025, -4045),
    **_rules(Reaction.MALFORMED, "reduce_only_mismatch", -2026, -4138, -4062, -5047),
    **_rules(Reaction.SHRINK, "position_limit", -2027, -2028),
    **_rules(Reaction.ROUND, "quantity_bounds", -4003, -4004, -4005),
    **_rules(Reaction.ROUND, "tick_or_step", -4014, -4023),
    **_rules(Reaction.REPRICE, "price_band", -4001, -4002, -4013, -4016, -4024, -4183, -4184),
    **_rules(Reaction.MALFORMED, "client_id_invalid", -4015),
    **_rules(Reaction.LEVERAGE, "leverage_invalid", -4028),
    **_rules(Reaction.ALREADY, "no_change", -4046, -4059, -4171),
    **_rules(Reaction.POSTPONE, "margin_type_locked", -4047, -4048),
    **_rules(Reaction.POSITION_MODE, "position_side", -4061),
    **_rules(Reaction.POSTPONE, "position_mode_locked", -4067, -4068, -4531),
    **_rules(Reaction.DUPLICATE, "duplicate_client_id", -4116),
    **_rules(Reaction.QUERY, "stop_is_triggering", -4117),
    **_rules(Reaction.USE_ALGO, "use_algo", -4120),
    **_rules(Reaction.EXISTS, "close_order_exists", -4130),
    **_rules(Reaction.LATER, "thin_book", -4131),
    **_rules(Reaction.MALFORMED, "quantity_with_close", -4137),
    **_rules(Reaction.LEVERAGE, "leverage_reduction", -4161),
    **_rules(Reaction.SHRINK, "notional_too_small", -4164),
    **_rules(Reaction.MALFORMED, "window_too_old", -4166),
    **_rules(Reaction.NEW_NONCE, "nonce_expired", -4225),
    **_rules(Reaction.REDUCE_ONLY, "reduce_only_restriction", -4400, -4401, -4402),
    **_rules(Reaction.NOT_STORED, "fok_not_fillable", -5021),
    **_rules(Reaction.NOT_STORED, "post_only_would_take", -5022),
    **_rules(Reaction.STOP, "deposit_required", -5050),
}
"""Every code that the venues document and that a trading client can meet."""

_UNLISTED = Rule(Reaction.REJECTED, "rejected")
_LOST = Rule(Reaction.UNKNOWN, "execution_unknown")
_REFUSED = Rule(Reaction.UNAVAILABLE, "venue_unavailable")
_BY_STATUS = {
    401: Rule(Reaction.CREDENTIALS, "credentials_refused"),
    403: Rule(Reaction.WEIGHT_LIMIT, "firewall"),
    408: _LOST,
    418: Rule(Reaction.WEIGHT_LIMIT, "banned"),
    429: Rule(Reaction.WEIGHT_LIMIT, "weight_limit"),
    451: Rule(Reaction.CREDENTIALS, "region_blocked"),
}


def rule_for(status: int, code: int | None, message: str, *, every_503_unknown: bool) -> Rule:
    """The rule for an answer that is not a success.

    Args:
        status: HTTP status.
        code: the venue's code, None when the body was not the venue's JSON.
        message: the venue's text; a duplicate and the four kinds of 503 differ only in it.
        every_503_unknown: the venue's 503 never means "surely not executed".
    """
    if status in {403, 418, 451}:
        return _BY_STATUS[status]
    if status == 503:
        return _rule_for_503(code, message, every_503_unknown=every_503_unknown)
    if code in {-2010, -4015} and "duplicate" in message.lower():
        return RULES[-4116]
    if code is not None and code in RULES:
        return RULES[code]
    if status >= 500:
        return _LOST
    return _BY_STATUS.get(status, _UNLISTED)


def _rule_for_503(code: int | None, message: str, *, every_503_unknown: bool) -> Rule:
    """Overload: surely refused only where the venue says so in so many words."""
    if every_503_unknown:
        return _LOST
    if code in {-1001, -1008}:
        return Rule(Reaction.UNAVAILABLE, "venue_overloaded" if code == -1008 else "internal_error")
    if message.strip().rstrip(".").lower() == "service unavailable":
        return _REFUSED
    return _LOST
