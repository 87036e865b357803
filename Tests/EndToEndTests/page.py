"""Drives a real Chromium to the dashboard; usage: page.py URL FOLDER. Prints what it saw as one JSON object."""

import json
import sys
import time

from playwright.sync_api import sync_playwright


def until(page, condition, seconds=20):
    """Asks from outside: the page's policy forbids evaluating texts inside it."""
    end = time.monotonic() + seconds
    while not page.evaluate(condition):
        assert time.monotonic() < end, condition
        time.sleep(0.02)


url, folder = sys.argv[1:3]
seen = {"errors": []}
with sync_playwright() as playwright:
    browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
    page = browser.new_page(viewport={"width": 1400, "height": 1000}, color_scheme="dark")
    page.on("console", lambda message: seen["errors"].append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: seen["errors"].append(str(error)))
    begin = time.monotonic()
    page.goto(url)
    page.wait_for_selector("#chart canvas")
    until(page, "document.getElementById('current-temp').textContent !== '–'")
    seen["loaded"] = time.monotonic() - begin
    seen["title"] = page.title()
    seen["cards"] = page.locator(".card").count()
    # A message that comes after now is seen: the newest time on the page moves.
    before = page.evaluate("view.state.latest")
    begin = time.monotonic()
    until(page, f"view.state.latest > {before}")
    seen["live"] = time.monotonic() - begin
    # The voltage falls first, so its alert is the first one; the warming's follows.
    warming = page.locator("#alerts li.active strong", has_text="Temperature above").first
    warming.wait_for(timeout=60000)
    seen["alert"] = warming.inner_text()
    page.screenshot(path=f"{folder}/dark.png")
    # The chart is drawn: not one colour only.
    seen["colours"] = page.evaluate(
        """() => { const canvas = [...document.querySelectorAll('#chart canvas')].sort((a, b) => b.height - a.height)[0];
        const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
        const seen = new Set(); for (let i = 0; i < data.length; i += 4) if (data[i + 3] > 200)
          seen.add([data[i] >> 5, data[i + 1] >> 5, data[i + 2] >> 5].join()); return [...seen].length; }""")
    stages = page.locator("#stages").inner_text()
    seen["stages"] = all(part in stages for part in ("truckSensor01, connected", "sent", "truckAnalyze", "readings of"))
    page.get_by_role("button", name="Acknowledge").first.click()
    until(page, "document.querySelector('#alerts').textContent.includes('acknowledged')")
    # Dragging zooms, a double click undoes it.
    box = page.locator("#chart").bounding_box()
    wide = page.evaluate("view.shownSpan()")
    page.mouse.move(box["x"] + 300, box["y"] + 100)
    page.mouse.down()
    page.mouse.move(box["x"] + 600, box["y"] + 100, steps=8)
    page.mouse.up()
    page.wait_for_timeout(400)
    narrow = page.evaluate("view.shownSpan()")
    seen["zoom"] = (narrow[1] - narrow[0]) / (wide[1] - wide[0])
    page.screenshot(path=f"{folder}/zoomed.png")
    page.locator("#live").click()
    # What is shown while nothing new comes is compared with the store by the caller.
    page.wait_for_timeout(200)
    light = browser.new_page(viewport={"width": 1400, "height": 1000}, color_scheme="light")
    light.goto(url)
    light.wait_for_selector("#chart canvas")
    light.wait_for_timeout(800)
    light.screenshot(path=f"{folder}/light.png")
    phone = browser.new_page(viewport={"width": 390, "height": 844}, color_scheme="dark")
    phone.goto(url)
    phone.wait_for_selector("#chart canvas")
    phone.wait_for_timeout(800)
    seen["phoneWidth"] = phone.evaluate("document.documentElement.scrollWidth")
    phone.screenshot(path=f"{folder}/phone.png", full_page=True)
    browser.close()
seen["errors"] = sorted(set(seen["errors"]))
print(json.dumps(seen))
