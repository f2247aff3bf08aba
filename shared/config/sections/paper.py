"""The paper venue: where it listens and where its prices come from."""

from decimal import Decimal
from typing import ClassVar, Self

from pydantic import SecretStr, model_validator

from shared.config.choices import PaperMarket
from shared.config.kinds import HttpUrl, OptionalPath, WsUrl
from shared.config.knob import Section, knob


class Paper(Section):
    """Trading without money against the built-in venue."""

    title: ClassVar[str] = "Paper trading"

    market: PaperMarket = knob("auto", env="ASTER_PAPER_MARKET")
    """Prices of the paper venue: live mirrors the real venue, replay plays a recording, synthetic needs no network;
    auto takes live when the venue answers, else synthetic, and the page says which."""
    balance_usdt: Decimal = knob("10000", env="ASTER_PAPER_BALANCE", gt=0, le=10**12, unit="USDT")
    """Opening balance of a new paper account."""
    replay: OptionalPath = knob("", env="ASTER_PAPER_REPLAY", editable=False)
    """Recording that is played when the market is replay: Parquet or CSV files, or folders of them, separated by commas."""
    speed: float = knob("1", env="ASTER_PAPER_SPEED", gt=0, le=100000, unit="times real time")
    """How fast a recording is played; the venue's clock follows it."""
    seed: int = knob("1", env="ASTER_PAPER_SEED", ge=0, le=2**63 - 1, expert=True)
    """Start of the random numbers of the synthetic market; the same seed gives the same prices."""
    base: HttpUrl = knob("http://127.0.0.1:8100", env="ASTER_PAPER_BASE", expert=True, editable=False)
    """REST address of the paper venue."""
    ws_base: WsUrl = knob("", env="ASTER_PAPER_WS_BASE", expert=True, editable=False)
    """WebSocket address of the paper venue; empty derives it from the REST address."""
    api_key: SecretStr = knob("paper-key", env="ASTER_PAPER_API_KEY", expert=True)
    """Key for the paper venue. The built-in one is accepted only when the venue listens on this machine alone."""
    api_secret: SecretStr = knob("paper-secret", env="ASTER_PAPER_API_SECRET", expert=True)
    """Secret that belongs to the paper key; same rule."""

    @model_validator(mode="after")
    def _replay_has_a_recording(self) -> Self:
        """A replay without a recording cannot start."""
        if self.market is PaperMarket.REPLAY and self.replay is None:
            raise ValueError("ASTER_PAPER_REPLAY: expected the path of a recording because ASTER_PAPER_MARKET is replay, found nothing")
        return self
