"""What the five cards show of a store that nobody writes; usage: cards.py URL [TEXT].

With TEXT it waits until the last message has it. Prints a JSON object."""

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


with sync_playwright() as playwright:
    browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
    page = browser.new_page()
    page.goto(sys.argv[1])
    until(page, "document.getElementById('current-temp').textContent !== '–'")
    ids = [f"{name}-{measure}" for name in ("average", "maximum", "minimum", "current") for measure in ("temp", "volts")]
    texts = {name: page.locator(f"#{name}").inner_text() for name in ids + ["door-count"]}
    # The stages are asked for every two seconds; without a run there are none.
    if len(sys.argv) > 2:
        until(page, f"document.getElementById('before').textContent.includes({json.dumps(sys.argv[2])})")
        texts["after"] = page.locator("#after").text_content()
        texts["sql"] = page.locator("#rule").text_content()
    texts["dialogs"] = page.evaluate("window.hacked || 0")
    texts["device"] = page.locator("#device").input_value()
    browser.close()
print(json.dumps(texts))
