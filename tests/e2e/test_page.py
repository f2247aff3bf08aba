"""The page in a browser: what was published is shown, commands are confirmed, languages switch, phones fit."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect

from shared.domain.control import TradingState
from tests.fakes.eventually import eventually
from tests.integration.dashboard import facts
from tests.integration.dashboard.rig import Rig

WEB = Path(__file__).parents[2] / "services" / "dashboard" / "web"
AXE = WEB / "node_modules" / "axe-core" / "axe.min.js"
DESKTOP = {"width": 1440, "height": 900}
PHONE = {"width": 390, "height": 844}

pytestmark = pytest.mark.e2e


async def page_of(browser: Browser, rig: Rig, *, viewport: dict[str, int] = DESKTOP, locale: str = "en-GB", scheme: str = "light") -> Page:
    """A fresh browser window on the page; whatever it complains about fails the test at the end."""
    context = await browser.new_context(
        viewport=viewport,  # type: ignore[arg-type]
        locale=locale,
        color_scheme=scheme,  # type: ignore[arg-type]
        has_touch=viewport is PHONE,
        device_scale_factor=2 if viewport is PHONE else 1,
        reduced_motion="reduce",
    )
    page = await context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type in {"error", "warning"} else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.complaints = complaints  # type: ignore[attr-defined]
    await page.goto(rig.base)
    return page


@pytest.fixture
async def page(browser: Browser, rig: Rig) -> AsyncIterator[Page]:
    one = await page_of(browser, rig)
    yield one
    assert one.complaints == []  # type: ignore[attr-defined]


async def test_the_page_shows_what_was_published(page: Page):
    await expect(page.get_by_test_id("trading-state")).to_contain_text("Running")
    await expect(page.locator(".mode")).to_contain_text("PAPER")
    await expect(page.locator(".mode")).to_contain_text("replay")
    await expect(page.locator(".stats")).to_contain_text("+80.08")
    bitcoin = page.locator("#positions tr[data-symbol=BTCUSDT]")
    await expect(bitcoin).to_contain_text("104,613.2")
    await expect(bitcoin).to_contain_text("103,985.5")
    await expect(bitcoin).to_contain_text("resting")
    await expect(page.locator("#positions tr[data-symbol=DOGEUSDT]")).to_contain_text("being placed")
    await expect(page.locator("#trades tbody tr")).to_have_count(7)
    await expect(page.locator("#trades")).to_contain_text("+32.76")
    await expect(page.locator("#funnel")).to_contain_text("Trading volume too small")
    await expect(page.locator("#decisions")).to_contain_text("Spread too wide: 0.310%, limit 0.200%")
    await expect(page.locator("#alerts")).to_contain_text("its stop could not be placed")
    await expect(page.locator("#logs")).to_contain_text("stop_missing")
    await expect(page.locator("#services")).to_contain_text("All services are ready")


async def test_pause_is_confirmed_and_stands_in_redis(page: Page, rig: Rig):
    await page.get_by_role("button", name="Pause", exact=True).click()
    dialog = page.get_by_role("dialog")
    await expect(dialog).to_contain_text("Open positions")
    await expect(dialog).to_contain_text("+21.77")
    await dialog.get_by_label("Reason").fill("lunch")
    await dialog.get_by_role("button", name="Pause trading").click()
    await expect(page.get_by_test_id("confirmed")).to_contain_text("Confirmed: Paused, epoch 2")
    await page.keyboard.press("Escape")
    await expect(page.get_by_test_id("trading-state")).to_contain_text("Paused")
    stored = await rig.state.control()
    assert stored is not None
    assert (stored.state, stored.epoch, stored.reason) == (TradingState.PAUSED, 2, "lunch")


async def test_escape_changes_nothing(page: Page, rig: Rig):
    await page.get_by_role("button", name="Stop", exact=True).click()
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("dialog")).to_have_count(0)
    stored = await rig.state.control()
    assert stored is not None
    assert stored.epoch == 1


async def test_changes_appear_without_reloading(page: Page, rig: Rig):
    await expect(page.locator("#trades tbody tr")).to_have_count(7)
    await rig.bus.publish(facts.trade("SOLUSDT", rig.ctx.clock.now_ms() - 3_600_000, "44.44", facts.ExitReason.TARGET))
    await expect(page.locator("#trades")).to_contain_text("+44.44")
    document = facts.position("BTCUSDT", rig.ctx.clock.now_ms(), stop_state="missing")
    await rig.state.put(rig.ctx.keys.positions, "XRPUSDT", {**document, "symbol": "XRPUSDT"})
    await expect(page.locator("#positions tr.alarm")).to_contain_text("XRPUSDT")
    await expect(page.locator("div.naked")).to_contain_text("1")


async def test_a_decision_opens_its_receipt_and_has_a_link(page: Page, rig: Rig):
    await page.locator("#trades .link").first.click()
    dialog = page.get_by_role("dialog")
    await expect(dialog).to_contain_text("Step by step")
    await expect(dialog).to_contain_text("Stop: accepted by the venue")
    target = await dialog.locator("a").get_attribute("href")
    assert target is not None
    await page.goto("about:blank")
    await page.goto(f"{rig.base}/d/{target.rsplit('/', 1)[1]}")
    await expect(page.get_by_role("dialog")).to_contain_text("Step by step")


async def test_languages_switch_at_once_and_are_remembered(page: Page):
    names = {"de": "Positionen", "es": "Posiciones", "fr": "Positions", "tr": "Pozisyonlar", "ko": "포지션", "ru": "Позиции", "zh": "持仓"}
    for language, heading in names.items():
        await page.locator("#language").select_option(language)
        await expect(page.locator("#positions-title")).to_have_text(heading)
        assert await page.locator("html").get_attribute("lang") == language
    await page.reload()
    await expect(page.locator("#positions-title")).to_have_text("持仓")
    await page.locator("#language").select_option("de")
    await expect(page.locator("#positions tr[data-symbol=BTCUSDT]")).to_contain_text("104.613,2")


async def test_before_anything_happened_the_page_teaches(browser: Browser, quiet: Rig):
    page = await page_of(browser, quiet)
    await expect(page.locator("#decisions")).to_contain_text("Every closed 5m candle is looked at")
    await expect(page.locator("#equity")).to_contain_text("The opening balance is not known")
    await expect(page.get_by_test_id("trading-state")).to_contain_text("Unknown")
    await expect(page.locator("body")).to_contain_text("Not ready: ")
    assert "0.00" not in await page.locator(".stats").inner_text()


async def test_a_lost_connection_is_said_and_comes_back(page: Page, rig: Rig):
    await expect(page.get_by_test_id("trading-state")).to_contain_text("Running")
    rig.desk.hub.close()  # and every new connection is turned away until the flag is cleared
    await expect(page.locator("body")).to_contain_text("Connection lost, reconnecting", timeout=15_000)
    await expect(page.get_by_role("button", name="Pause", exact=True)).to_be_disabled()
    rig.desk.hub._closing.clear()
    await expect(page.locator("body")).not_to_contain_text("Connection lost", timeout=15_000)
    page.complaints.clear()  # type: ignore[attr-defined]


@pytest.mark.parametrize("locale", ["en", "de", "ru", "zh"])
async def test_a_phone_does_not_scroll_sideways(browser: Browser, rig: Rig, locale: str):
    page = await page_of(browser, rig, viewport=PHONE, locale=locale)
    await expect(page.locator("#positions tr[data-symbol=BTCUSDT]")).to_be_visible()
    width, wide = await page.evaluate("[document.documentElement.clientWidth, document.documentElement.scrollWidth]")
    assert wide <= width
    await page.locator("nav a[href='#trades']").click()
    await expect(page.locator("#trades")).to_be_in_viewport()


@pytest.mark.parametrize(("viewport", "scheme"), [(DESKTOP, "light"), (DESKTOP, "dark"), (PHONE, "light"), (PHONE, "dark")])
async def test_axe_finds_nothing(browser: Browser, rig: Rig, viewport: dict[str, int], scheme: str):
    if not AXE.exists():
        pytest.skip("axe-core is not installed: npm ci in services/dashboard/web")
    page = await page_of(browser, rig, viewport=viewport, scheme=scheme)
    await expect(page.locator("#trades tbody tr")).to_have_count(7)
    assert await violations(page) == []
    await page.get_by_role("button", name="Stop", exact=True).click()
    await expect(page.get_by_role("dialog")).to_be_visible()
    assert await violations(page) == []


async def violations(page: Page) -> list[Any]:
    """What axe complains about, briefly; the script is evaluated by the debugger, so the page's policy stays as it is."""
    await page.evaluate(f"{AXE.read_text(encoding='utf-8')}\n;0")
    found = await page.evaluate("axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'best-practice']})")
    return [(one["id"], [node["html"][:120] for node in one["nodes"]]) for one in found["violations"]]


async def test_signing_in(browser: Browser, nats_server: Any, redis_server: Any):
    from tests.integration.dashboard.rig import running  # noqa: PLC0415 - only here

    async with running(nats_server, redis_server, now_ms=facts.MORNING_MS, dashboard__password="sesame") as rig:
        page = await page_of(browser, rig)
        await page.get_by_label("Password").fill("wrong")
        await page.get_by_role("button", name="Sign in").click()
        await expect(page.get_by_role("alert")).to_contain_text("does not fit")
        await page.get_by_label("Password").fill("sesame")
        await page.keyboard.press("Enter")
        await expect(page.locator("#positions")).to_be_visible()
        await page.get_by_role("button", name="Sign out").click()
        await expect(page.get_by_label("Password")).to_be_visible()


async def test_a_first_look_is_quick_and_small(page: Page):
    entries = json.loads(
        await page.evaluate("JSON.stringify(performance.getEntriesByType('resource').map(e => [e.name, e.encodedBodySize]))")
    )
    assert sum(size for _, size in entries) < 500_000
    painted = await eventually(lambda: page.evaluate("performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0"))
    assert painted < 5_000
    assert all(name.startswith(page.url) for name, _ in entries)
