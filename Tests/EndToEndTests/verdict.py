"""Watches a run with an injected fault in a real Chromium; usage: verdict.py URL FOLDER. Prints what it saw as JSON."""

import json
import sys
import time

from playwright.sync_api import sync_playwright


def until(page, condition, seconds=90):
    """Asks from outside: the page's policy forbids evaluating texts inside it."""
    end = time.monotonic() + seconds
    while not page.evaluate(condition):
        assert time.monotonic() < end, condition
        time.sleep(0.05)


url, folder = sys.argv[1:3]
verdict = "document.getElementById('verdict-cause').textContent"
seen = {"errors": []}
with sync_playwright() as playwright:
    browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])

    def open_page(**options):
        page = browser.new_page(**options)
        page.on("console", lambda message: seen["errors"].append(message.text) if message.type in ("error", "warning") and "willReadFrequently" not in message.text else None)
        page.on("pageerror", lambda error: seen["errors"].append(str(error)))
        # Nothing may come from elsewhere.
        page.on("request", lambda request: None if request.url.startswith(url) or request.url.startswith("data:") else seen["errors"].append(request.url))
        page.goto(url)
        page.wait_for_selector("#chart canvas")
        return page

    page = open_page(viewport={"width": 1400, "height": 1000}, color_scheme="dark")
    until(page, f"{verdict} === 'none'")
    seen["first"] = page.evaluate(verdict)
    # The injected fault: an alert and another verdict, without a reload.
    until(page, "document.querySelector('#alerts').textContent.includes('Voltage below')")
    until(page, "document.querySelector('#alerts').textContent.includes('Temperature above')")
    until(page, f"{verdict} === 'electrical'")
    until(page, "document.querySelectorAll('#evidence button').length > 2")
    seen["evidence"] = page.locator("#evidence li").all_inner_texts()
    seen["headline"] = page.locator("#verdict-headline").inner_text()
    # What is pointed at is drawn: the chart has the colour of marks.
    button = page.locator("#evidence button").first
    colours = """() => { const found = {}; for (const each of document.querySelectorAll('#chart canvas')) {
          const data = each.getContext('2d').getImageData(0, 0, each.width, each.height).data;
          for (let i = 0; i < data.length; i += 4) if (data[i + 3] > 200) found[[data[i], data[i + 1], data[i + 2]].join()] = true; }
        return Object.keys(found).includes('184,119,217'); }"""
    seen["unmarked"] = page.evaluate(colours)
    button.hover()
    page.wait_for_timeout(200)
    seen["hovered"] = page.evaluate(colours)
    button.click()
    page.mouse.move(5, 5)
    page.wait_for_timeout(200)
    seen["pinned"] = page.evaluate(colours)
    page.screenshot(path=f"{folder}/verdict-dark.png", full_page=True)
    seen["map"] = page.evaluate("!document.getElementById('route').hidden && document.querySelector('#map canvas') !== null")
    light = open_page(viewport={"width": 1400, "height": 1000}, color_scheme="light")
    light.wait_for_selector("#evidence li")
    light.wait_for_timeout(1500)
    light.screenshot(path=f"{folder}/verdict-light.png", full_page=True)
    phone = open_page(viewport={"width": 390, "height": 844}, color_scheme="dark")
    phone.wait_for_selector("#evidence li")
    phone.wait_for_timeout(1500)
    seen["phoneWidth"] = phone.evaluate("document.documentElement.scrollWidth")
    phone.screenshot(path=f"{folder}/verdict-phone.png", full_page=True)
    browser.close()
seen["errors"] = sorted(set(seen["errors"]))
print(json.dumps(seen))
