from hypothesis import given
from hypothesis import strategies as st

from services.sentinel.logic.frames import Frames
from services.sentinel.logic.profile import Profile
from services.sentinel.logic.table import Day, Table
from services.sentinel.logic.watch import Told, Watch, newest
from shared.contracts.sentinel import MARKET_KEY, RiskLabel

HOUR = 3_600_000
NAMES = [f"S{i:02}USDT" for i in range(40)]


def fill(table: Table, minute: float, *, first: float = 100.0) -> None:
    """Forty symbols with a range of six percent; the first one trades at another price."""
    for name in NAMES:
        last = first if name == NAMES[0] else 100.0
        table.day(name, Day(int(minute * 60_000), last, max(103.0, last), min(97.0, last), last / 100 - 1, 1e6))


def labels(news: list[Told]) -> list[tuple[str, str]]:
    return [(told.state.symbol, told.state.label.value) for told in news]


def test_a_calm_market_says_only_that_it_is_watched() -> None:
    table, watch = Table(), Watch(HOUR)
    fill(table, 0)
    assert labels(watch.judge(table, Profile())) == [(MARKET_KEY, "green")]
    fill(table, 1)
    assert watch.judge(table, Profile()) == []
    assert Watch(HOUR).judge(Table(), Profile()) == []


def test_the_life_of_a_warning() -> None:
    table, watch = Table(), Watch(HOUR)
    fill(table, 0)
    labels(watch.judge(table, Profile()))
    seen: list[tuple[str, str]] = []
    for minute in range(1, 90):
        fill(table, minute, first=60.0 if minute < 3 else 61.0)
        seen += [item for item in labels(watch.judge(table, Profile())) if item[0] != MARKET_KEY]
    course = [label for _, label in seen]
    assert course[0] == "red"
    assert course[-1] == "green"
    assert course == sorted(course, key=["red", "yellow", "green"].index)
    assert {symbol for symbol, _ in seen} == {NAMES[0]}


def test_a_restart_goes_on_where_it_was() -> None:
    table, watch = Table(), Watch(HOUR)
    fill(table, 0, first=55.0)
    news = watch.judge(table, Profile())
    restarted = Watch(HOUR)
    for told in news:
        restarted.restore(told.state, told.track)
    for minute in range(1, 70):
        fill(table, minute, first=55.0)
        assert labels(watch.judge(table, Profile())) == labels(restarted.judge(table, Profile()))


def test_a_symbol_that_vanished_only_fades() -> None:
    table, watch = Table(), Watch(HOUR)
    fill(table, 0, first=55.0)
    labels(watch.judge(table, Profile()))
    alone = Table()
    for minute in range(1, 65):
        alone.day(NAMES[1], Day(minute * 60_000, 100.0, 103.0, 97.0, 0.0, 1e6))
        watch.judge(alone, Profile())
    assert watch._told[NAMES[0]].label is RiskLabel.GREEN


def test_the_same_frames_give_the_same_states() -> None:
    def run() -> list[Told]:
        table, watch, all_news = Table(), Watch(HOUR), []
        for minute in range(60):
            fill(table, minute, first=100.0 - minute)
            all_news += watch.judge(table, Profile())
        return all_news

    assert run() == run()


@given(st.lists(st.tuples(st.integers(0, 3), st.booleans()), max_size=12))
def test_how_often_somebody_settles_does_not_matter(steps: list[tuple[int, bool]]) -> None:
    def run(*, settle: bool) -> list[Told]:
        table = Table()
        frames, news, minute = Frames(table, Watch(HOUR), Profile()), [], 0
        for wait, settled in steps:
            minute += wait
            for name in NAMES:
                news += frames.mark(name, 100.0, 100.0, funding_rate=0.0001 * minute, time_ms=minute * 60_000)
            for name in NAMES:
                last = 100.0 - 3 * minute if name == NAMES[0] else 100.0
                news += frames.day(name, Day(minute * 60_000, last, 103.0, min(97.0, last), last / 100 - 1, 1e6))
            if settle and settled and wait:
                news += frames.settle()
        return news + frames.settle()

    if all(wait for wait, _ in steps):
        assert run(settle=True) == run(settle=False)


def test_after_an_outage_only_the_last_state_of_each_symbol_is_left() -> None:
    table, watch, news = Table(), Watch(HOUR), []
    for minute, price in ((0, 80.0), (1, 75.0), (2, 60.0)):
        fill(table, minute, first=price)
        news += watch.judge(table, Profile())
    left = newest(news)
    assert len({told.state.symbol for told in left}) == len(left)
    assert left[-1] is news[-1]
