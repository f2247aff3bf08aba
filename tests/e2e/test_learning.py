"""What was learned, on the page: numbers with units and age, what is not known yet, and what is wrong."""

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, Page, expect

from services.dashboard.learned import REPORT
from shared.contracts.learning import LearningFunnel, PlaybookNow, Regime
from shared.contracts.order import ExitReason
from tests.e2e.test_page import PHONE, page_of
from tests.integration.dashboard import facts
from tests.integration.dashboard.rig import Rig

pytestmark = pytest.mark.e2e


@pytest.fixture
async def page(browser: Browser, rig: Rig) -> AsyncIterator[Page]:
    one = await page_of(browser, rig)
    yield one
    assert one.complaints == []  # type: ignore[attr-defined]


async def test_the_report_is_shown_with_its_age_units_and_intervals(page: Page):
    learning = page.locator("#learning")
    await expect(learning).to_contain_text("25 min. ago")
    await expect(learning.locator(".facts")).to_contain_text("1,642")
    await expect(learning.locator(".facts")).to_contain_text("41 new in this edition")
    await expect(learning.locator(".regime")).to_contain_text("momentum")
    await expect(learning.locator(".regime")).to_contain_text("Target \u00d71.10")
    edge = learning.locator("[data-reason=edge]")
    await expect(edge).to_contain_text("-0.21 R")
    await expect(edge).to_contain_text("-0.29 R … -0.13 R")
    await expect(edge).to_contain_text("saved losses")
    await expect(learning.locator("[data-reason=cooldown]")).to_contain_text("missed gains")
    wicks = learning.locator("[data-reason=wickiness]")
    await expect(wicks).to_contain_text("not enough yet")
    await expect(wicks).to_contain_text("11 of 30 needed")
    await expect(learning.locator("[data-bucket=trend_cross-long-calm]")).to_contain_text("\u00d70.83")
    await expect(learning.locator("#tuner")).to_contain_text("Stop and target factors are shown only")
    await expect(learning.locator("[data-cause=stop_too_tight]")).to_contain_text("0.34")
    await expect(learning.locator("#ai-value")).to_contain_text("BTCUSDT")


async def test_the_plot_has_a_mark_for_every_group_and_its_numbers_in_a_table(page: Page):
    plot = page.locator("#calibration")
    await expect(plot.locator("svg .prior, svg g.prior").first).to_be_visible()
    await expect(plot.locator("g.prior circle")).to_have_count(6)
    await expect(plot.locator("g.alpha rect")).to_have_count(4)
    await expect(plot).to_contain_text("Brier score 0.244, 1,241 outcomes")
    await expect(plot.locator("table")).to_be_hidden()
    await plot.locator("summary").click()
    await expect(plot.locator("tbody tr")).to_have_count(10)
    await expect(plot.locator("tbody")).to_contain_text("Trend cross 0%\u201320%")


async def test_a_new_edition_appears_without_reloading(page: Page, rig: Rig):
    await expect(page.locator("#learning .facts")).to_contain_text("1,642")
    off = PlaybookNow(
        regime=Regime.RISK_OFF, reason="", version=15, size=0.5, stop=1.1, target=0.9, side_bias=-0.1, focus={}, inputs={"risk": 0.8}
    )
    newer = facts.learning(rig.ctx.clock.now_ms() + 1_500_000, lessons=1700, playbook=off, filters=(), postmortem={}, help=())
    await rig.state.put(rig.ctx.keys.learning, REPORT, newer)
    learning = page.locator("#learning")
    await expect(learning.locator(".facts")).to_contain_text("1,700")
    await expect(learning.locator(".regime")).to_contain_text("risk off")
    await expect(learning.locator("#filter-worth")).to_contain_text("No signal has ended yet.")
    await expect(learning.locator("#causes")).to_contain_text("No closed trade has been looked at yet.")
    await expect(learning.locator("#ai-value")).to_contain_text("No decision of a model has ended yet.")


async def test_a_receipt_tells_what_each_adviser_changed_and_the_post_mortem(page: Page, rig: Rig):
    at_ms = rig.ctx.clock.now_ms() - 3_600_000
    await rig.bus.publish_all([*facts.filled("LINKUSDT", at_ms), facts.trade("LINKUSDT", at_ms, "-21.5", ExitReason.STOP)])
    await rig.bus.publish(facts.postmortem("LINKUSDT", at_ms))
    await page.locator("#trades tr", has_text="-21.50").locator(".link").click()
    dialog = page.get_by_role("dialog")
    await expect(dialog.locator("[data-adviser=tuner]")).to_contain_text("Size \u00d70.83")
    await expect(dialog.locator("[data-adviser=playbook]")).to_contain_text("Target \u00d71.10")
    await expect(dialog.locator("[data-adviser=postmortem]")).to_contain_text("expectation -0.02 R")
    await expect(dialog.locator("[data-adviser=sentinel]")).to_have_count(0)
    await expect(dialog).to_contain_text("Post-mortem: Stop too tight")


async def test_an_old_report_is_grey_and_says_so(page: Page, rig: Rig):
    await rig.state.put(rig.ctx.keys.learning, REPORT, facts.learning(rig.ctx.clock.now_ms() - 3 * 3_600_000, funnel=LearningFunnel()))
    learning = page.locator("#learning")
    await expect(learning.get_by_role("status")).to_contain_text("no newer edition")
    await expect(page.locator("section#learning.stale")).to_have_count(1)


async def test_nothing_learned_teaches_and_an_unreadable_report_is_an_error(browser: Browser, quiet: Rig):
    page = await page_of(browser, quiet)
    learning = page.locator("#learning")
    await expect(learning).to_contain_text("Nothing has been learned yet.")
    await expect(learning).to_contain_text("first full hour")
    await quiet.state.put(quiet.ctx.keys.learning, REPORT, {"edition": "of another version"})
    await expect(learning).to_contain_text("No report: cannot be read.")


@pytest.mark.parametrize("locale", ["en", "de", "fr", "ru"])
async def test_it_fits_a_phone(browser: Browser, rig: Rig, locale: str):
    page = await page_of(browser, rig, viewport=PHONE, locale=locale)
    await expect(page.locator("#learning .facts")).to_be_visible()
    await page.locator("#calibration summary").click()
    width, wide = await page.evaluate("[document.documentElement.clientWidth, document.documentElement.scrollWidth]")
    assert wide <= width
    plot = await page.locator("#calibration .canvas").bounding_box()
    assert plot is not None
    assert plot["width"] < width
