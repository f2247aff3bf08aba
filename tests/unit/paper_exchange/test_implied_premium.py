import pytest

from services.paper_exchange.logic.funding import CLAMP, DEFAULT_RATE, implied_premium


@pytest.mark.parametrize("rate", [0.0001, 0.0003, 0.00011, 0.0, -0.0002, 0.003])
def test_the_implied_premium_gives_the_rate_back(rate: float) -> None:
    premium = implied_premium(rate)
    back = premium + min(max(DEFAULT_RATE - premium, -CLAMP), CLAMP)
    assert back == pytest.approx(rate, abs=1e-12)
