"""The paper venue as a process of its own, and a client that signs."""

import hashlib
import hmac
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlencode

import httpx
import numpy as np

from services.paper_exchange.logic.synthetic import COINS, SyntheticMarket

KEY, SECRET = "paper-key", "paper-secret"
ROOT = Path(__file__).resolve().parents[3]


class PaperVenue:
    """A running venue; ended on exit. `kill` is kill -9, `start` begins again with the same arguments."""

    def __init__(self, *arguments: str, key: str = KEY, secret: str = SECRET) -> None:
        self.arguments = arguments
        self.key, self.secret = key, secret
        self.url = ""
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115 - lives as long as the venue
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> Self:
        command = [sys.executable, "-m", "services.paper_exchange", *self.arguments]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self._errors, text=True, cwd=ROOT)
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line.startswith("ready "):
            code = self._process.wait(10)
            raise AssertionError(f"the venue ended with {code}: {self.errors()}")
        self.url = line.split()[1]
        self.client = httpx.Client(base_url=self.url, timeout=30)
        return self

    __enter__ = start

    def __exit__(self, *_: object) -> None:
        self.stop()
        self._errors.close()

    def errors(self) -> str:
        self._errors.seek(0)
        return self._errors.read()

    def kill(self) -> None:
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGKILL)
        self._process.wait(10)
        self._release()

    def _release(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        self._process.stdout.close()
        self.client.close()

    def stop(self) -> int | None:
        if self._process is None or self._process.poll() is not None:
            return None if self._process is None else self._process.returncode
        self._process.terminate()
        code = self._process.wait(15)
        self._release()
        return code

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def memory_mb(self) -> float:
        assert self._process is not None
        rows = Path(f"/proc/{self._process.pid}/status").read_text().splitlines()
        return next(int(row.split()[1]) for row in rows if row.startswith("VmRSS")) / 1024

    def get(self, path: str, **params: Any) -> Any:
        """A public request."""
        answer = self.client.get(path, params=params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def signed(self, method: str, path: str, **params: Any) -> httpx.Response:
        params.setdefault("timestamp", time.time_ns() // 1_000_000)
        query = urlencode({name: value for name, value in params.items() if value is not None})
        signature = hmac.new(self.secret.encode(), query.encode(), hashlib.sha256).hexdigest()
        return self.client.request(method, f"{path}?{query}&signature={signature}", headers={"X-MBX-APIKEY": self.key})

    def ask(self, method: str, path: str, **params: Any) -> Any:
        """A signed request that must succeed."""
        answer = self.signed(method, path, **params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def listen_key(self) -> str:
        return str(self.client.post("/fapi/v1/listenKey", headers={"X-MBX-APIKEY": self.key}).json()["listenKey"])

    def step(self, *, until: str = "candle") -> dict[str, Any]:
        return dict(self.client.post(f"/paper/v1/step?until={until}").json())

    @property
    def stream(self) -> str:
        return self.url.replace("http://", "ws://")


def write_candles(path: Path, *, symbols: int = 3, minutes: int = 1200, seed: int = 5) -> Path:
    """A CSV of one-minute candles that begin at a fixed time."""
    market = SyntheticMarket(seed, COINS[:symbols], 1_760_000_400_000 // 60_000 * 60_000)
    grid = market.block()
    while grid.width < minutes:
        grid.extend(market.block())
    lines = ["symbol,open_time,open,high,low,close,volume,close_time,quote_volume,trades"]
    for row, symbol in enumerate(grid.symbols):
        for column in range(minutes):
            values = [float(part[row, column]) for part in (grid.open, grid.high, grid.low, grid.close, grid.volume)]
            opened = grid.open_ms(column)
            numbers = ",".join(np.format_float_positional(value) for value in values)
            lines.append(
                f"{symbol},{opened},{numbers},{opened + 59_999},{float(grid.quote[row, column]):.2f},{int(grid.trades[row, column])}"
            )
    path.write_text("\n".join(lines) + "\n")
    return path
