"""What MrAster connects to, as whom, and how it runs."""

from pathlib import Path
from typing import ClassVar

from pydantic import SecretStr

from shared.config.choices import Dialect, LogLevel, Mode, Preset
from shared.config.kinds import HttpUrl, WsUrl
from shared.config.knob import LIVE, Section, knob


class Core(Section):
    """Venue access, mode, preset, files, and how requests are made."""

    title: ClassVar[str] = "Core"

    api_key: SecretStr = knob("", env="ASTER_API_KEY", group="Venue")
    """API key of the venue; with Aster's V3 interface, the address of the signer (agent) wallet. Not needed for paper trading."""
    api_secret: SecretStr = knob("", env="ASTER_API_SECRET", group="Venue")
    """Secret that belongs to the API key; with Aster's V3 interface, the private key of the signer. Never needs withdrawal permission."""
    user_address: str = knob(
        "", env="ASTER_USER_ADDRESS", group="Venue", pattern="(0x[0-9a-fA-F]{40})?", hint="0x and 40 hexadecimal digits", editable=False
    )
    """Address of the main wallet that the signer acts for; Aster's V3 interface only."""
    exchange_base: HttpUrl = knob("https://fapi.asterdex.com", env="ASTER_EXCHANGE_BASE", group="Venue", editable=False)
    """REST address of the venue, for example https://fapi.binance.com for Binance USD-M futures."""
    ws_base: WsUrl = knob("", env="ASTER_WS_BASE", group="Venue", expert=True, editable=False)
    """WebSocket address of the venue; empty derives it from the REST address."""
    venue_dialect: Dialect = knob("auto", env="ASTER_VENUE_DIALECT", group="Venue", expert=True)
    """Whose request signing and order endpoints are used; auto decides by the host of the REST address, aster-v1 is for old
    keys of Aster that sign with a secret."""
    account: str = knob(
        "main",
        env="ASTER_ACCOUNT",
        group="Venue",
        expert=True,
        pattern="[a-z0-9_-]{1,20}",
        hint="1 to 20 of a-z, 0-9, _ and -",
        editable=False,
    )
    """Name of the account in stored keys and messages. Two bots on one Redis need two names."""
    quote: str = knob("USDT", env="ASTER_QUOTE", group="Venue", pattern="[A-Z0-9]{2,10}", hint="an asset such as USDT")
    """Asset that contracts are quoted and settled in."""

    paper: bool = knob("true", env="ASTER_PAPER", group="Running")
    """Trade on the built-in paper venue instead of the real one. Set it to false only when you mean to trade real money."""
    run_once: bool = knob("false", env="ASTER_RUN_ONCE", group="Running", editable=False)
    """Do exactly one scan cycle, print a summary and exit."""
    log_level: LogLevel = knob("INFO", env="ASTER_LOGLEVEL", group="Running", applies=LIVE)
    """Least important level that is logged."""
    mode: Mode = knob("standard", env="ASTER_MODE", group="Running", applies=LIVE, awaits="the choice of modes on the dashboard")
    """How much the dashboard shows; ai also turns the AI on."""
    ai_mode: bool = knob("false", env="ASTER_AI_MODE", group="Running", awaits="AI mode")
    """Turn the AI on in the standard and pro modes, too."""
    preset: Preset = knob("mid", env="ASTER_PRESET_MODE", group="Running")
    """Set of start values, from careful (low) to bold (high); att trades against the trend. A value that you set yourself wins."""
    loop_sleep_s: float = knob("30", env="ASTER_LOOP_SLEEP", ge=1, le=3600, unit="s", group="Running", applies=LIVE)
    """Pause between housekeeping cycles (universe, tickers, REST fallback). Signals do not wait for it: they follow each candle."""

    state_file: Path = knob("aster_state.json", env="ASTER_STATE_FILE", group="Files", expert=True, editable=False)
    """Snapshot of what was learned, written every few seconds and on stop, and put back when Redis comes up empty; `mraster up` keeps
    a relative path in its home folder."""
    config_file: Path = knob(
        "dashboard_config.json", env="ASTER_CONFIG_FILE", group="Files", expert=True, editable=False, awaits="the settings editor"
    )
    """File that mirrors the settings changed on the dashboard, without secrets."""
    brackets_queue_file: Path = knob(
        "brackets_queue.json",
        env="ASTER_BRACKETS_QUEUE_FILE",
        group="Files",
        expert=True,
        editable=False,
    )
    """Readable copy of the queue of bracket repairs, and what the guard knows when Redis is away; `mraster up` keeps a relative path in
    its home folder."""

    http_retries: int = knob("2", env="ASTER_HTTP_RETRIES", ge=0, le=10, unit="attempts", group="Requests", expert=True)
    """Extra attempts after a failed request. Only requests that are safe to repeat are repeated; orders never are."""
    http_backoff_s: float = knob("0.6", env="ASTER_HTTP_BACKOFF", ge=0, le=60, unit="s", group="Requests", expert=True)
    """Wait before the first repetition; it doubles each time, with some jitter."""
    http_timeout_s: float = knob("20", env="ASTER_HTTP_TIMEOUT", ge=1, le=120, unit="s", group="Requests", expert=True)
    """Longest wait for one answer of the venue."""
    kline_cache_s: float = knob("45", env="ASTER_KLINE_CACHE_SEC", ge=0, le=3600, unit="s", group="Requests", expert=True)
    """How long candles read over REST are reused."""
    recv_window_ms: int = knob("5000", env="ASTER_RECV_WINDOW", ge=100, le=60000, unit="ms", group="Requests", expert=True)
    """Age at which the venue refuses a signed request; a smaller window needs a better clock."""

    @property
    def ai_enabled(self) -> bool:
        """Whether the AI is asked for, by the mode or by its own switch."""
        return self.ai_mode or self.mode is Mode.AI
