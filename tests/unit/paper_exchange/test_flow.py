"""Replays of recorded trades, books and marks."""

import json
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.paper_exchange.markets import plan_replay
from services.paper_exchange.options import MarketKind, Options
from shared.domain.errors import ConfigError
from tests.unit.paper_exchange.recordings import MINUTE, T0, Replayed, Tape, books, candles, marks, trades, write

QUIET: Tape = [(0, 100.0, 5.0, True), (MINUTE, 100.0, 5.0, True), (4 * MINUTE, 100.0, 5.0, True)]


class Replay:
    """Makes venues and closes them in the end."""

    def __init__(self) -> None:
        self.venues: list[Replayed] = []

    def __call__(self, *paths: Path, **words: object) -> Replayed:
        self.venues.append(Replayed(*paths, **words))
        return self.venues[-1]


@pytest.fixture
def replay() -> Iterator[Replay]:
    made = Replay()
    yield made
    for venue in made.venues:
        venue.close()


def tape_of(*events: tuple[int, float, float, bool]) -> Tape:
    return sorted([*QUIET, *events])


def test_nothing_is_shown_before_it_has_traded(replay: Replay, tmp_path: Path) -> None:
    late = (2 * MINUTE + 30_500, 103.0, 1.0, False)
    venue = replay(trades(tmp_path / "trades.parquet", tape_of((2 * MINUTE + 10_000, 101.0, 2.0, False), late)))
    venue.until(2 * MINUTE + 5_000)
    assert venue.get("ticker/price", symbol="AUSDT")["price"] == "100"
    assert venue.get("klines", symbol="AUSDT", interval="1m", limit=1)[0][:6] == [T0 + 2 * MINUTE, "100", "100", "100", "100", "0"]
    venue.until(2 * MINUTE + 20_000)
    assert venue.get("klines", symbol="AUSDT", interval="1m", limit=1)[0][:6] == [T0 + 2 * MINUTE, "101", "101", "101", "101", "2"]
    venue.until(3 * MINUTE - 1)
    assert venue.get("klines", symbol="AUSDT", interval="1m", limit=1)[0][:6] == [T0 + 2 * MINUTE, "101", "103", "101", "103", "3"]


def test_rest_and_stream_show_the_recorded_trades(replay: Replay, tmp_path: Path) -> None:
    events = [(2 * MINUTE + 10_000 + n, 101.0, 1.0 + n, bool(n % 2)) for n in range(6)]
    same = [(2 * MINUTE + 10_100, 101.0, 1.0, False)] * 3
    venue = replay(trades(tmp_path / "trades.parquet", tape_of(*events, *same)))
    venue.until(2 * MINUTE + 11_000)
    rows = venue.get("aggTrades", symbol="AUSDT", limit=7)
    assert [row["T"] for row in rows] == [T0 + at for at, *_ in events] + [T0 + 2 * MINUTE + 10_100]
    assert [row["m"] for row in rows][:6] == [False, True] * 3
    joined = rows[-1]
    assert (joined["q"], joined["l"] - joined["f"]) == ("3", 2)


def test_a_limit_order_waits_behind_the_queue_and_is_served_by_what_trades_at_its_price(replay: Replay, tmp_path: Path) -> None:
    """20 rest at the bid when the order comes; sellers bring 15, then 8, then 4."""
    events = [(2 * MINUTE + at, 100.0, qty, True) for at, qty in ((5_000, 15.0), (15_000, 8.0), (25_000, 4.0))]
    files = (
        trades(tmp_path / "trades.parquet", tape_of(*events)),
        books(tmp_path / "book.parquet", [(at * 1000, 100.0, 20.0, 101.0, 30.0) for at in range(300)]),
    )
    venue = replay(*files)
    venue.until(2 * MINUTE)
    order = venue.order(side="BUY", type="LIMIT", timeInForce="GTC", quantity="6", price="100")
    assert order["status"] == "NEW"
    done = []
    for at in (10_000, 20_000, 30_000):
        venue.until(2 * MINUTE + at)
        done.append(venue.state(order)["executedQty"])
    assert done == ["0", "3", "6"]
    fills = venue.signed("GET", "/fapi/v1/userTrades", symbol="AUSDT")[1]
    assert [row["time"] for row in fills] == [T0 + 2 * MINUTE + 15_000, T0 + 2 * MINUTE + 25_000]
    assert {row["maker"] for row in fills} == {True}


def test_a_trade_beyond_the_price_fills_the_order_whole(replay: Replay, tmp_path: Path) -> None:
    files = (
        trades(tmp_path / "trades.parquet", tape_of((2 * MINUTE + 5_000, 99.0, 0.5, True))),
        books(tmp_path / "book.parquet", [(at * 1000, 100.0, 20.0, 101.0, 30.0) for at in range(300)]),
    )
    venue = replay(*files)
    venue.until(2 * MINUTE)
    order = venue.order(side="BUY", type="LIMIT", timeInForce="GTC", quantity="6", price="100")
    venue.until(2 * MINUTE + 10_000)
    assert (venue.state(order)["status"], float(venue.state(order)["avgPrice"])) == ("FILLED", 100.0)


def test_stops_react_to_a_single_trade_between_two_points(replay: Replay, tmp_path: Path) -> None:
    spike = [(2 * MINUTE + 5_100, 105.0, 1.0, False), (2 * MINUTE + 5_200, 100.0, 1.0, True)]
    venue = replay(trades(tmp_path / "trades.parquet", tape_of(*spike)))
    venue.until(2 * MINUTE)
    venue.order(side="SELL", type="MARKET", quantity="1")
    words = {"algoType": "CONDITIONAL", "symbol": "AUSDT", "side": "BUY", "type": "STOP_MARKET", "closePosition": "true"}
    stop = venue.conditional(**words, triggerPrice="104", workingType="CONTRACT_PRICE")
    venue.until(2 * MINUTE + 6_000)
    state = venue.signed("GET", "/fapi/v1/algoOrder", algoId=stop["algoId"])[1]
    assert state["algoStatus"] == "FINISHED"
    assert state["triggerTime"] == T0 + 2 * MINUTE + 5_100


def test_best_bid_and_ask_are_the_recorded_ones(replay: Replay, tmp_path: Path) -> None:
    rows = [(2 * MINUTE + at * 1000, 100.0 - at, 7.0 + at, 101.0 + at, 9.0) for at in range(5)]
    files = trades(tmp_path / "trades.parquet", QUIET), books(tmp_path / "book.parquet", rows)
    venue = replay(*files)
    for at in (0, 2, 4):
        venue.until(2 * MINUTE + at * 1000 + 1)
        best = venue.get("ticker/bookTicker", symbol="AUSDT")
        shown = venue.exchange.desk.time_ms
        row = max(row for row in rows if T0 + row[0] <= shown)
        assert [float(best[name]) for name in ("bidPrice", "bidQty", "askPrice", "askQty")] == list(row[1:])
    bought = venue.order(side="BUY", type="MARKET", quantity="1")
    assert float(bought["avgPrice"]) == 105.0
    venue.until(3 * MINUTE + 30_000)
    # a minute without an update: the model takes over
    assert float(venue.get("ticker/bookTicker", symbol="AUSDT")["askPrice"]) < 104


def test_a_book_without_trades_leads_the_price_inside_its_candle(replay: Replay, tmp_path: Path) -> None:
    rows = [(at * 1000, 99.75, 5.0, 100.25, 5.0) for at in range(300)]
    files = candles(tmp_path / "klines.parquet", [100.0, 100.5, 100.0, 99.5, 100.0]), books(tmp_path / "book.parquet", rows)
    venue = replay(*files)
    venue.until(2 * MINUTE + 30_000)
    assert venue.get("ticker/price", symbol="AUSDT")["price"] == "100.0"
    venue.until(3 * MINUTE)
    assert venue.get("klines", symbol="AUSDT", interval="1m", startTime=T0 + 2 * MINUTE, limit=1)[0][1:5] == [
        "100.5",
        "101.0",
        "99.5",
        "100.0",
    ]


def test_mark_candles_are_kept_to(replay: Replay, tmp_path: Path) -> None:
    """At both ends of an hour the mark is the recorded one, in between it moves with the contract inside its range."""
    closes = [100.0 + (n % 20) * 0.5 for n in range(180)]
    files = (
        candles(tmp_path / "klines_1m.parquet", closes),
        marks(
            tmp_path / "mark_klines_1h.parquet",
            [(0, 101.0, 108.0, 100.5, 107.0), (1, 107.0, 111.0, 103.0, 104.0), (2, 104.0, 120.0, 90.0, 95.0)],
        ),
    )
    venue = replay(*files, points=10)
    seen: dict[int, list[float]] = {0: [], 1: [], 2: []}
    while venue.market.pacer.step() is not None:
        if venue.tape.begun:
            hour = (venue.exchange.desk.time_ms - T0) // 3_600_000
            seen[hour].append(float(venue.get("premiumIndex", symbol="AUSDT")["markPrice"]))
            quote = venue.tape.quote("AUSDT")
            assert quote is not None
            assert float(quote.mark) == pytest.approx(seen[hour][-1])
    assert max(seen[0]) <= 108.0
    assert min(seen[0]) >= 100.5
    assert seen[1][0] == pytest.approx(107.0)
    assert seen[2][0] == pytest.approx(104.0, abs=0.2)
    rows = venue.get("markPriceKlines", symbol="AUSDT", interval="1h", startTime=T0, limit=2)
    assert [[float(price) for price in row[1:5]] for row in rows] == [[101.0, 108.0, 100.5, 107.0], [107.0, 111.0, 103.0, 104.0]]
    minutes = venue.get("markPriceKlines", symbol="AUSDT", interval="1m", startTime=T0 + 3_600_000, limit=60)
    assert float(minutes[0][1]) == pytest.approx(107.0)
    assert all(float(row[3]) <= float(row[1]) <= float(row[2]) for row in minutes)


def test_a_stop_on_the_mark_waits_for_the_mark(replay: Replay, tmp_path: Path) -> None:
    files = (
        candles(tmp_path / "klines_1m.parquet", [100.0] * 3 + [90.0] * 57),
        marks(tmp_path / "mark_klines_1h.parquet", [(0, 100.0, 101.0, 96.0, 97.0)]),
    )
    venue = replay(*files)
    venue.order(side="BUY", type="MARKET", quantity="3")
    words = {"algoType": "CONDITIONAL", "symbol": "AUSDT", "side": "SELL", "type": "STOP_MARKET", "quantity": "1"}
    stops = [
        venue.conditional(**words, triggerPrice=price, workingType=kind)["algoId"]
        for kind, price in (("MARK_PRICE", "95"), ("MARK_PRICE", "97"), ("CONTRACT_PRICE", "95"))
    ]
    venue.until(20 * MINUTE)
    states = [venue.signed("GET", "/fapi/v1/algoOrder", algoId=number)[1]["algoStatus"] for number in stops]
    assert states == ["NEW", "FINISHED", "FINISHED"]


def test_mark_events_hold_until_the_next_and_tell_index_and_funding(replay: Replay, tmp_path: Path) -> None:
    events = [
        {
            "symbol": "AUSDT",
            "event_time": T0 + at * 1000,
            "mark_price": 200.0 + at,
            "index_price": 300.0 + at,
            "funding_rate": 0.0003,
            "next_funding_time": T0 + 8 * 3_600_000,
        }
        for at in range(0, 200, 2)
    ]
    venue = replay(trades(tmp_path / "trades.parquet", QUIET), write(tmp_path / "mark_stream.parquet", events))
    venue.until(2 * MINUTE + 1_500)
    shown = venue.get("premiumIndex", symbol="AUSDT")
    assert (float(shown["markPrice"]), float(shown["indexPrice"])) == (320.0, 420.0)
    assert (float(shown["lastFundingRate"]), shown["nextFundingTime"]) == (0.0003, T0 + 8 * 3_600_000)
    venue.until(4 * MINUTE)
    # events ended at 198 s and hold for a while only
    assert float(venue.get("premiumIndex", symbol="AUSDT")["markPrice"]) == 100.0


def test_each_interval_comes_from_its_own_file(replay: Replay, tmp_path: Path) -> None:
    """The recorded hour differs from its minutes in volume, so it is told where a row comes from."""
    minutes = candles(tmp_path / "klines_1m.parquet", [100.0 + n % 3 for n in range(180)], start=T0)
    hours = candles(
        tmp_path / "klines_1h.parquet", [100.0, 101.0, 102.0, 103.0, 100.0], length=60 * MINUTE, start=T0 - 3 * 60 * MINUTE, volume=777.0
    )
    venue = replay(minutes, hours, warmup=90)
    assert venue.tape.grid.interval == "1m"
    venue.until(120 * MINUTE)
    rows = venue.get("klines", symbol="AUSDT", interval="1h", limit=10)
    assert [(row[0] - T0) // (60 * MINUTE) for row in rows] == [-3, -2, -1, 0, 1, 2]
    # the hour that has just begun has no trade yet
    assert [float(row[5]) for row in rows] == [777.0] * 5 + [0.0]
    venue.until(130 * MINUTE)
    rows = venue.get("klines", symbol="AUSDT", interval="1h", limit=2)
    # the present hour is added up, it is not over
    assert [float(row[5]) for row in rows] == [777.0, pytest.approx(105.0, abs=5)]
    assert float(venue.get("klines", symbol="AUSDT", interval="5m", limit=2)[0][5]) == 50.0
    assert len(venue.get("klines", symbol="AUSDT", interval="1h", startTime=T0 - 2 * 60 * MINUTE, limit=2)) == 2


def test_the_pace_is_that_of_the_shortest_interval_with_all_wanted_symbols(replay: Replay, tmp_path: Path) -> None:
    candles(tmp_path / "a_1m.parquet", [100.0] * 120)
    long = candles(tmp_path / "b_5m.parquet", [100.0] * 120, length=5 * MINUTE, symbol="BUSDT")
    other = candles(tmp_path / "c_5m.parquet", [100.0] * 120, length=5 * MINUTE)
    candles(tmp_path / "spot_klines_1m.parquet", [50.0] * 120, symbol="CUSDT")
    folder = replay(tmp_path)
    assert (folder.tape.grid.interval, folder.tape.grid.symbols) == ("1m", ("AUSDT",))
    assert "1 contracts have no 1m candles" in folder.market.note
    assert replay(tmp_path, symbols=("BUSDT", "AUSDT")).tape.grid.interval == "5m"
    assert replay(long, other).tape.grid.symbols == ("AUSDT", "BUSDT")


def refused(*paths: Path, **words: object) -> str:
    with pytest.raises(ConfigError) as error:
        plan_replay(Options(**{"market": MarketKind.REPLAY, "paths": paths, **words}))  # type: ignore[arg-type]
    return str(error.value)


def test_what_cannot_be_replayed_is_said(tmp_path: Path) -> None:
    assert "no such file" in refused(tmp_path / "nothing.parquet")
    assert "neither candles nor trades" in refused(tmp_path)
    assert "neither candles nor trades" in refused(books(tmp_path / "book.parquet", [(0, 1.0, 1.0, 2.0, 1.0)]))
    spot = trades(tmp_path / "spot.parquet", QUIET, market="spot")
    assert "no trade of a futures contract" in refused(spot)
    spot.unlink()
    first = trades(tmp_path / "first.parquet", QUIET)
    second = trades(tmp_path / "second.parquet", [(at + 10**10, *rest) for at, *rest in QUIET], symbol="BUSDT")  # type: ignore[misc]
    assert "different times" in refused(first, second)
    text = write(tmp_path / "text.parquet", [{"symbol": "AUSDT", "trade_time": T0, "price": "x", "qty": 1.0, "trade_id": 1}])
    assert "price must hold numbers" in refused(text)
    assert "column open_time" in refused(write(tmp_path / "other.parquet", [{"a": 1}]))
    torn = tmp_path / "torn.parquet"
    torn.write_bytes(b"PAR1")
    assert "not readable" in refused(torn)


def test_two_replays_of_order_flow_leave_the_same_ledger(replay: Replay, tmp_path: Path) -> None:
    rng = random.Random(4)
    price, tape, book = 100.0, [], []
    for n in range(2000):
        price = round(price + rng.choice((-0.01, 0, 0, 0.01)), 2)
        maker = rng.random() < 0.5
        at = n * 250
        tape.append((at, price if maker else round(price + 0.01, 2), round(rng.uniform(0.1, 9), 1), maker))
        book.append((at, price, 10.0, round(price + 0.01, 2), 12.0))
    files = trades(tmp_path / "trades.parquet", tape), books(tmp_path / "book.parquet", book)
    ledgers = []
    for _ in range(2):
        venue = replay(*files)
        for n in range(10):
            venue.until((n + 1) * 40_000)
            best = venue.get("ticker/bookTicker", symbol="AUSDT")
            side, level = ("BUY", best["bidPrice"]) if n % 2 else ("SELL", best["askPrice"])
            venue.order(side=side, type="LIMIT", timeInForce="GTC", quantity="4", price=level)
        ledgers.append(json.dumps(venue.signed("GET", "/fapi/v1/userTrades", symbol="AUSDT")))
    assert ledgers[0] == ledgers[1]
    assert len(json.loads(ledgers[0])[1]) > 5


def test_a_replay_of_flow_goes_on_where_it_stood(replay: Replay, tmp_path: Path) -> None:
    events = [(n * 1000, 100.0 + n % 7, 1.0, False) for n in range(300)]
    file = trades(tmp_path / "trades.parquet", events)
    whole = replay(file)
    whole.until(2 * MINUTE + 30_000)
    point = whole.tape.point
    again = replay(file)
    again.tape.finish()
    again.tape.resume(point)
    assert again.tape.price[0] == whole.tape.price[0]
    assert again.tape.traded(0) == whole.tape.traded(0)


def test_a_recording_in_several_files(replay: Replay, tmp_path: Path) -> None:
    """Months in files of their own, candles and fundings."""
    candles(tmp_path / "klines_1m_a.parquet", [100.0] * 60)
    candles(tmp_path / "klines_1m_b.parquet", [101.0] * 60, start=T0 + 60 * MINUTE)
    candles(tmp_path / "klines_1m_other.parquet", [5.0] * 120, symbol="BUSDT")
    for name, hour, rate in (("funding_a", 1, 0.001), ("funding_b", 2, 0.002)):
        write(
            tmp_path / f"{name}.parquet",
            [{"symbol": "AUSDT", "funding_time": T0 + hour * 60 * MINUTE, "funding_rate": rate, "interval_hours": 1}],
        )
    venue = replay(tmp_path)
    assert venue.tape.grid.symbols == ("AUSDT", "BUSDT")
    assert venue.tape.grid.width == 120
    venue.until(119 * MINUTE)
    assert float(venue.get("fundingRate", symbol="AUSDT")[0]["fundingRate"]) == 0.001
    shown = venue.get("premiumIndex", symbol="AUSDT")
    assert (float(shown["lastFundingRate"]), shown["nextFundingTime"]) == (0.002, T0 + 120 * MINUTE)


def test_order_flow_as_text(replay: Replay, tmp_path: Path) -> None:
    """CSV files, without a symbol of a spot market and without the optional columns."""
    lines = ["symbol,trade_time,price,qty,is_buyer_maker,first_trade_id,last_trade_id"]
    lines += [f"AUSDT,{T0 + n * 1000},{100 + n % 3}.5,2,{'true' if n % 2 else 'false'},{n * 2},{n * 2 + 1}" for n in range(300)]
    (tmp_path / "agg_trades.csv").write_text("\n".join(lines))
    quotes = [f"AUSDT,{T0 + n * 1000},{100 + n % 3}.4,1,{100 + n % 3}.6,1" for n in range(300)]
    (tmp_path / "book.csv").write_text("\n".join(["symbol,event_time,bid_price,bid_qty,ask_price,ask_qty", *quotes]))
    (tmp_path / "marks.csv").write_text(
        "\n".join(["symbol,event_time,mark_price", *(f"AUSDT,{T0 + n * 1000},{200 + n}" for n in range(300))])
    )
    venue = replay(tmp_path)
    venue.until(2 * MINUTE + 500)
    assert float(venue.get("ticker/bookTicker", symbol="AUSDT")["bidPrice"]) == 100.4
    shown = venue.get("premiumIndex", symbol="AUSDT")
    assert (float(shown["markPrice"]), float(shown["lastFundingRate"])) == (320.0, 0.0001)
    last = venue.get("aggTrades", symbol="AUSDT", limit=1)[0]
    assert (last["f"], last["l"], last["T"]) == (240, 241, T0 + 2 * MINUTE)


def test_the_index_from_its_own_candles(replay: Replay, tmp_path: Path) -> None:
    files = (
        candles(tmp_path / "klines_1m.parquet", [100.0 + n % 7 for n in range(120)]),
        marks(tmp_path / "mark_klines_1h.parquet", [(0, 100.5, 107.0, 100.0, 104.5), (1, 104.5, 108.0, 99.0, 101.0)]),
    )
    marks(tmp_path / "index_klines_1h.parquet", [(0, 90.0, 97.0, 89.0, 94.0), (1, 94.0, 98.0, 88.0, 91.0)])
    venue = replay(*files)
    venue.until(60 * MINUTE)
    shown = venue.get("premiumIndex", symbol="AUSDT")
    assert float(shown["indexPrice"]) == pytest.approx(94.0, abs=0.1)
    assert float(shown["markPrice"]) == pytest.approx(104.5, abs=0.1)
    row = venue.get("indexPriceKlines", pair="AUSDT", interval="1h", startTime=T0, limit=1)[0]
    assert [float(price) for price in row[1:5]] == [90.0, 97.0, 89.0, 94.0]
    minutes = venue.get("indexPriceKlines", pair="AUSDT", interval="1m", startTime=T0, limit=60)
    assert all(89.0 <= float(row[3]) <= float(row[2]) <= 97.0 for row in minutes)


def test_a_mark_with_shorter_candles_than_the_contract_goes_its_own_way(replay: Replay, tmp_path: Path) -> None:
    start = T0 // (4 * 60 * MINUTE) * (4 * 60 * MINUTE)
    candles(tmp_path / "klines_4h.parquet", [100.0, 101.0, 102.0], length=240 * MINUTE, start=start)
    rows = [(n + (start - T0) // (60 * MINUTE), 50.0 + n, 52.0 + n, 49.0 + n, 51.0 + n) for n in range(12)]
    marks(tmp_path / "mark_klines_1h.parquet", rows)
    venue = replay(tmp_path, points=121)
    seen = []
    while (batch := venue.market.pacer.step()) is not None:
        if batch.kind.value == "prices":
            seen.append((batch.time_ms, float(venue.get("premiumIndex", symbol="AUSDT")["markPrice"])))
    by_hour = {number: [mark for at, mark in seen if (at - T0) // (60 * MINUTE) == number] for number, *_ in rows[4:]}
    for number, opened, high, low, close in rows[4:]:
        inside = by_hour[number]
        assert inside[0] == pytest.approx(opened, abs=0.2)
        assert inside[-1] == pytest.approx(close, abs=0.3)
        assert low <= min(inside) <= low + 0.3
        assert high - 0.3 <= max(inside) <= high
