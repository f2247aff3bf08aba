"""The position's button that moves its stop: what was asked, what the venue confirmed, and why not in plain words."""

from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from tests.e2e.test_page import AXE, DESKTOP, PHONE, page_of, violations
from tests.integration.dashboard import test_stop as desk
from tests.integration.dashboard.rig import Rig

pytestmark = pytest.mark.e2e

REFUSED_409 = "409 (Conflict)"


@pytest.fixture
async def page(browser: Browser, rig: Rig) -> AsyncIterator[Page]:
    one = await page_of(browser, rig)
    yield one
    complaints: list[str] = one.complaints  # type: ignore[attr-defined]
    assert [text for text in complaints if REFUSED_409 not in text] == []


async def test_a_stop_is_moved_to_break_even_and_the_venue_confirms(page: Page, rig: Rig):
    async with desk.guard(rig, desk.moved) as heard:
        await page.get_by_role("button", name="Move stop: BTCUSDT").click()
        dialog = page.get_by_role("dialog")
        await expect(dialog).to_contain_text("Move the stop of BTCUSDT?")
        await expect(dialog).to_contain_text("103,985.5")
        await expect(dialog.get_by_label("To break-even")).to_be_checked()
        await dialog.get_by_role("button", name="Move stop").click()
        await expect(page.get_by_test_id("stop-moved")).to_contain_text("the stop rests at 104,696.9, before at 103,985.5")
        await expect(dialog).to_contain_text("mr-abcdefghij-s1100")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("dialog")).to_have_count(0)
    (command,) = heard
    assert (command.symbol, command.kind.value, command.price, command.author) == ("BTCUSDT", "break_even", None, "dashboard")


async def test_a_stop_is_moved_to_a_price(page: Page, rig: Rig):
    async with desk.guard(rig, desk.moved) as heard:
        await page.get_by_role("button", name="Move stop: ETHUSDT").click()
        dialog = page.get_by_role("dialog")
        await dialog.get_by_label("To a price").check()
        await expect(dialog.get_by_role("button", name="Move stop")).to_be_disabled()
        await dialog.get_by_label("New stop price").fill("2524.75")
        await dialog.get_by_label("New stop price").press("Enter")
        await expect(page.get_by_test_id("stop-moved")).to_contain_text("2,524.75")
    assert heard[0].price == Decimal("2524.75")


async def test_a_refusal_is_said_in_the_readers_language(page: Page, rig: Rig):
    await page.locator("#language").select_option("de")
    async with desk.guard(rig, desk.refused):
        await page.get_by_role("button", name="Stop verschieben: BTCUSDT").click()
        dialog = page.get_by_role("dialog")
        await dialog.get_by_role("button", name="Stop verschieben").click()
        await expect(dialog.get_by_role("alert")).to_have_text("Der Stop liegt schon mindestens so nah, und er wird nie gelockert.")
        await page.keyboard.press("Escape")
        await expect(page.get_by_role("dialog")).to_have_count(0)


async def test_the_longest_time_without_a_stop_is_shown(page: Page):
    await expect(page.get_by_test_id("naked-longest")).to_have_text("longest today 0.7s")
    await expect(page.locator("#positions tr[data-symbol=BTCUSDT]")).to_contain_text("0.4s without stop")


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE])
async def test_axe_finds_nothing_in_the_dialog(browser: Browser, rig: Rig, viewport: dict[str, int], tmp_path: Path):
    if not AXE.exists():
        pytest.skip("axe-core is not installed: npm ci in services/dashboard/web")
    page = await page_of(browser, rig, viewport=viewport)
    await page.get_by_role("button", name="Move stop: BTCUSDT").click()
    await page.get_by_role("dialog").get_by_label("To a price").check()
    await page.screenshot(path=tmp_path / "stop.png")
    assert await violations(page) == []
    width, wide = await page.evaluate("[document.documentElement.clientWidth, document.documentElement.scrollWidth]")
    assert wide <= width
