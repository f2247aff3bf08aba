from services.sentinel.logic.table import Day, Table
from services.sentinel.logic.watch import Told, Watch
from shared.contracts.sentinel import MARKET_KEY, RiskLabel

HOUR = 3_600_000
NAMES = [f"S{i:02}USDT" for i in range(40)]


def fill(table: Table, minute: float, *, first: float = 100.0) -> None:
    """Forty symbols with a range of six percent; the first one trades at another price."""
    for name in NAMES:
        last = first if name == NAMES[0] else 100.0
        table.day(name, Day(int(minute * 60_000), last, max(103.0, last), min(97.0, last), last / 100 - 1, 1e6))


def accept(watch: Watch, news: list[Told]) -> list[tuple[str, str]]:
    for told in news:
        watch.told(told.state)
    return [(told.state.symbol, told.state.label.value) for told in news]


def test_a_calm_market_says_only_that_it_is_watched() -> None:
    table, watch = Table(), Watch(HOUR)
    fill(table, 0)
    assert accept(watch, watch.judge(table, {})) == [(MARKET_KEY, "green")]
    fill(table, 1)
    assert watch.judge(table, {}) == []
    assert Watch(HOUR).judge(Table(), {}) == []


def test_the_life_of_a_warning() -> None:
    table, watch = Table(), Watch(HOUR)
    fill(table, 0)
    accept(watch, watch.judge(table, {}))
    seen: list[tuple[str, str]] = []
    for minute in range(1, 90):
        fill(table, minute, first=60.0 if minute < 3 else 61.0)
        seen += [item for item in accept(watch, watch.judge(table, {})) if item[0] != MARKET_KEY]
    labels = [label for _, label in seen]
    assert labels[0] == "red"
    assert labels[-1] == "green"
    assert labels == sorted(labels, key=["red", "yellow", "green"].index)
    assert {symbol for symbol, _ in seen} == {NAMES[0]}


def test_what_was_not_told_is_news_again() -> None:
    table, watch = Table(), Watch(HOUR)
    fill(table, 0, first=55.0)
    assert watch.judge(table, {}) == watch.judge(table, {})


def test_a_restart_goes_on_where_it_was() -> None:
    table, watch = Table(), Watch(HOUR)
    fill(table, 0, first=55.0)
    news = watch.judge(table, {})
    accept(watch, news)
    restarted = Watch(HOUR)
    for told in news:
        restarted.restore(told.state, told.track)
    for minute in range(1, 70):
        fill(table, minute, first=55.0)
        assert accept(watch, watch.judge(table, {})) == accept(restarted, restarted.judge(table, {}))


def test_a_symbol_that_vanished_only_fades() -> None:
    table, watch = Table(), Watch(HOUR)
    fill(table, 0, first=55.0)
    accept(watch, watch.judge(table, {}))
    alone = Table()
    for minute in range(1, 65):
        alone.day(NAMES[1], Day(minute * 60_000, 100.0, 103.0, 97.0, 0.0, 1e6))
        last = [told for told in watch.judge(alone, {}) if told.state.symbol == NAMES[0]]
        accept(watch, last)
    assert watch._told[NAMES[0]].label is RiskLabel.GREEN


def test_the_same_frames_give_the_same_states() -> None:
    def run() -> list[Told]:
        table, watch, all_news = Table(), Watch(HOUR), []
        for minute in range(60):
            fill(table, minute, first=100.0 - minute)
            news = watch.judge(table, {})
            accept(watch, news)
            all_news += news
        return all_news

    assert run() == run()
