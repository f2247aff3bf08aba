"""`mraster doctor` against the paper venue."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.chaos.stack import ROOT, Venue

pytestmark = pytest.mark.integration


def doctor(tmp_path: Path, base: str, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    clean = {k: v for k, v in os.environ.items() if not k.startswith("ASTER_")}  # noqa: TID251 - a child's environment
    return subprocess.run(
        [sys.executable, "-m", "services.cli", "doctor", "--home", str(tmp_path), *arguments],
        cwd=ROOT,
        env={**clean, "ASTER_PAPER_BASE": base, **settings},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


async def test_it_finds_a_good_account_a_wrong_key_and_hedge_mode_and_mends_that(tmp_path: Path) -> None:
    venue = Venue(["BTCUSDT", "ETHUSDT"])
    await venue.start()
    try:
        good = await asyncio.to_thread(doctor, tmp_path, venue.url, "--json")
        report = json.loads(good.stdout)
        found = {check["check"]: check["status"] for check in report["checks"]}
        assert good.returncode == 0, good.stdout
        assert found == {
            "clock": "ok",
            "keys": "ok",
            "permissions": "skipped",
            "position_mode": "ok",
            "leverage_brackets": "ok",
            "stream": "ok",
            "order_round_trip": "ok",
        }
        assert list(report) == ["ok", "paper", "checks", "live"]
        assert {tuple(check) for check in report["checks"]} == {("check", "status", "detail", "fix")}
        assert report["live"] == {
            "needed": False,
            "allowed": True,
            "written": False,
            "detail": "paper trading needs no clearance",
            "until_ms": None,
        }
        wrong = await asyncio.to_thread(doctor, tmp_path, venue.url, ASTER_PAPER_API_KEY="nobody")
        assert wrong.returncode == 1
        assert "FAIL  keys" in wrong.stdout
        await venue.call("POST", "/fapi/v1/positionSide/dual", dualSidePosition="true")
        hedge = await asyncio.to_thread(doctor, tmp_path, venue.url)
        assert hedge.returncode == 1
        assert "doctor --fix" in hedge.stdout
        mended = await asyncio.to_thread(doctor, tmp_path, venue.url, "--fix")
        assert mended.returncode == 0, mended.stdout
    finally:
        await venue.stop()
