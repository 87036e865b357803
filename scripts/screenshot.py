"""Takes the README's picture of the dashboard; usage: screenshot.py URL FILE. Called by scripts/screenshot.sh."""

import sys

from playwright.sync_api import sync_playwright

url, file = sys.argv[1:3]
with sync_playwright() as playwright:
    browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
    page = browser.new_page(viewport={"width": 1200, "height": 1000}, color_scheme="light")
    page.goto(url)
    page.wait_for_selector("#chart canvas")
    # The verdict comes from a thread of its own, a moment after the chart.
    page.get_by_text("% sure").first.wait_for()
    page.wait_for_timeout(500)
    page.screenshot(path=file)
    browser.close()
