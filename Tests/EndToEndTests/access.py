"""Uses the dashboard of stored trips as people do who have its address, a keyboard or a screen reader; usage: access.py URL REPORT
FOLDER. Prints what it saw as one JSON object. Violations are those of axe-core at WCAG 2.1 levels A and AA."""

import json
import pathlib
import sys
import time

import axe_playwright_python
from playwright.sync_api import sync_playwright

AXE = (pathlib.Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text()
LEVELS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]
url, report, folder = sys.argv[1:4]
seen = {"errors": [], "violations": [], "widths": {}}


def until(page, condition, seconds=20):
    """Asks from outside: the page's policy forbids evaluating texts inside it."""
    end = time.monotonic() + seconds
    while not page.evaluate(condition):
        assert time.monotonic() < end, condition
        time.sleep(0.02)


def check(page, name):
    page.evaluate(AXE)
    found = page.evaluate("levels => axe.run({ runOnly: levels })", LEVELS)
    seen["violations"] += [f"{name}: {each['id']} {each['nodes'][0]['html'][:200]}" for each in found["violations"]]


def span(page):
    return page.evaluate("view.shownSpan()")


with sync_playwright() as playwright:
    browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])

    def open_page(address, width=1280, scheme="dark"):
        page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme, timezone_id="America/Santiago")
        page.on("console", lambda message: seen["errors"].append(message.text) if message.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: seen["errors"].append(str(error)))
        page.goto(address)
        return page

    def open_dashboard(query="", **options):
        page = open_page(f"{url}/{query}", **options)
        page.wait_for_selector("#chart canvas")
        until(page, "document.getElementById('current-temp').textContent !== '–'")
        return page

    page = open_dashboard()
    whole = span(page)
    # The trip is from 2024: its last reading isn't the current one.
    seen["last"] = [page.locator("#current-title").inner_text(), page.locator("#current-time").inner_text()]
    seen["shown"] = page.locator("#shown").inner_text()
    boxes = [page.locator(f"#{each}").bounding_box() for each in ("windows", "from", "to", "live")]
    seen["oneLine"] = max(each["y"] for each in boxes) - min(each["y"] for each in boxes) < 12
    # Only "From": up to the last reading.
    page.fill("#from", "2024-10-23T12:00:00")
    page.locator("#from").blur()
    until(page, f"view.shownSpan()[0] > {whole[0]}")
    seen["fromAlone"] = [span(page)[0], abs(span(page)[1] - whole[1]) < 1000]
    seen["title"] = page.locator("#current-title").inner_text()
    # The keyboard zooms; the fields, the address and the overview show it.
    page.locator("#charts").focus()
    page.keyboard.press("+")
    until(page, "document.getElementById('zoom-out').hidden === false")
    page.wait_for_timeout(300)
    # With the button that appears, too.
    seen["oneLine"] = seen["oneLine"] and page.locator("#controls").bounding_box()["height"] < 50
    zoomed = span(page)
    seen["zoomed"] = (zoomed[1] - zoomed[0]) / (whole[1] - 1729695600000)
    seen["field"] = page.input_value("#from")
    seen["overview"] = page.evaluate("view.state.whole.length > 10")
    address = page.url
    # Somebody else sees the same at that address.
    other = open_dashboard("?" + address.split("?")[1])
    other.wait_for_timeout(300)
    seen["shared"] = max(abs(one - two) for one, two in zip(span(other), zoomed)) < 1000 and other.evaluate("view.state.whole.length > 10")
    # Back and forward.
    page.go_back()
    until(page, "document.getElementById('zoom-out').hidden")
    page.go_forward()
    until(page, "!document.getElementById('zoom-out').hidden")
    page.keyboard.press("Escape")
    until(page, "document.getElementById('zoom-out').hidden")
    page.select_option("#zone", "UTC")
    until(page, "document.getElementById('from').value.startsWith('2024-10-23T15:00')")
    seen["zone"] = "zone=UTC" in page.url
    seen["fleet"] = page.locator("#fleet tr").first.inner_text().split("\t")[:3]
    # A device that isn't there is reported, and another one is shown.
    missing = open_dashboard("?device=nobody")
    seen["missing"] = missing.evaluate("view.state.device !== 'nobody' && document.getElementById('device').value !== ''")

    for scheme in ("dark", "light"):
        for width in (1440, 1280, 768, 390):
            page = open_dashboard(width=width, scheme=scheme)
            page.wait_for_timeout(300)
            seen["widths"][f"{scheme} {width}"] = page.evaluate("document.documentElement.scrollWidth")
            page.screenshot(path=f"{folder}/page-{scheme}-{width}.png", full_page=True)
            check(page, f"dashboard {scheme} {width}")
            page.close()
        for name, address in (("editor", f"{url}/query"), ("report", report)):
            page = open_page(address, width=375, scheme=scheme)
            page.wait_for_timeout(500)
            seen["widths"][f"{scheme} {name}"] = page.evaluate("document.documentElement.scrollWidth")
            page.screenshot(path=f"{folder}/{name}-{scheme}.png", full_page=True)
            check(page, f"{name} {scheme}")
            page.close()
    browser.close()
seen["errors"] = sorted(set(seen["errors"]))
print(json.dumps(seen))
