from services.supervisor.backoff import Backoff


def test_doubles_up_to_half_a_minute() -> None:
    backoff = Backoff()
    assert [backoff.after(1.0) for _ in range(9)] == [0.5, 1, 2, 4, 8, 16, 30, 30, 30]


def test_a_healthy_minute_starts_over() -> None:
    backoff = Backoff()
    for _ in range(5):
        backoff.after(1.0)
    assert backoff.after(60.0) == 0.5
    assert backoff.after(1.0) == 1.0


def test_many_failures_do_not_overflow() -> None:
    backoff = Backoff()
    assert [backoff.after(0.0) for _ in range(5000)][-1] == 30.0
