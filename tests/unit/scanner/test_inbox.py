"""Candles on their way in: each once, in order, gaps seen."""

from hypothesis import given, settings
from hypothesis import strategies as st

from services.scanner.logic.frame import Frame
from services.scanner.logic.inbox import Arrival, Closed, Gap, Inbox
from services.scanner.logic.windows import Windows
from tests.unit.scanner.samples import candle

FRAME = Frame.of("5m", "30m")


def inbox(*symbols: str, last: int = 9) -> Inbox:
    """Symbols whose newest candle is number `last`."""
    windows = Windows(FRAME, symbols)
    for symbol in symbols:
        windows.load(symbol, [candle(symbol, last)])
    return Inbox(windows)


def offer(box: Inbox, symbol: str, *bars: int) -> list[Arrival]:
    return [box.offer(Closed(candle(symbol, bar), "stream", 0.0)) for bar in bars]


def drain(box: Inbox) -> list[tuple[int, list[str]]]:
    """Take everything that is ready into the windows."""
    taken = []
    while (batch := box.ready()) is not None:
        bar, closed = batch
        box._windows.append(bar, [c.candle for c in closed])
        taken.append((bar, [c.candle.symbol for c in closed]))
    return taken


def test_candles_of_one_bar_make_a_batch_in_order_of_symbols() -> None:
    box = inbox("B", "A")
    offer(box, "B", 10)
    offer(box, "A", 10)
    assert drain(box) == [(10, ["A", "B"])]
    assert len(box) == 0


def test_a_candle_is_taken_once() -> None:
    box = inbox("A")
    assert offer(box, "A", 10, 10, 9, 3) == [Arrival.TAKEN, Arrival.DUPLICATE, Arrival.DUPLICATE, Arrival.DUPLICATE]
    drain(box)
    assert offer(box, "A", 10) == [Arrival.DUPLICATE]


def test_symbols_that_are_not_known_are_left_out() -> None:
    assert offer(inbox("A"), "X", 10) == [Arrival.UNKNOWN]


def test_nobody_waits_for_a_symbol_with_a_gap() -> None:
    box = inbox("A", "B")
    offer(box, "A", 12)
    offer(box, "B", 10, 11)
    assert drain(box) == [(10, ["B"]), (11, ["B"])]
    assert box.gaps() == [Gap("A", 10, 11)]
    assert box.newest("A") == 9
    assert box.waiting_count() == 0
    offer(box, "A", 11, 10)
    assert box.newest("A") == 12
    assert drain(box) == [(10, ["A"]), (11, ["A"]), (12, ["A"])]
    assert box.gaps() == []


def test_the_oldest_bar_goes_first() -> None:
    box = inbox("A", "B")
    offer(box, "A", 10, 11)
    offer(box, "B", 10)
    assert drain(box) == [(10, ["A", "B"]), (11, ["A"])]


def test_a_symbol_without_history_may_begin_anywhere() -> None:
    windows = Windows(FRAME, ["A"])
    box = Inbox(windows)
    offer(box, "A", 21, 20)
    assert box.gaps() == []
    assert drain(box) == [(20, ["A"]), (21, ["A"])]


def test_a_history_that_was_forgotten_begins_with_what_is_here() -> None:
    box = inbox("A")
    offer(box, "A", 12, 13)
    assert drain(box) == []
    box._windows.load("A", [])
    assert drain(box) == [(12, ["A"]), (13, ["A"])]


def test_dropped_symbols_are_forgotten() -> None:
    box = inbox("A", "B")
    offer(box, "A", 10)
    offer(box, "B", 10)
    box.drop(["A"])
    assert drain(box) == [(10, ["B"])]


@settings(max_examples=25, deadline=None)
@given(order=st.permutations(list(range(10, 20)) * 2))
def test_any_order_with_repetitions_ends_in_the_same_sequence(order: list[int]) -> None:
    box = inbox("A")
    seen: list[int] = []
    for bar in order:
        offer(box, "A", bar)
        seen += [number for number, _ in drain(box)]
    assert seen == list(range(10, 20))
