"""Uses the query editor in a browser; arguments: the page's address, the folder for screenshots. Prints what it saw as JSON."""

import json
import sys

from playwright.sync_api import sync_playwright

url, folder = sys.argv[1:3]
seen = {"errors": []}
with sync_playwright() as playwright:
    browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
    page = browser.new_page(viewport={"width": 1200, "height": 1000}, color_scheme="dark")
    # A refused statement is an answer with status 400, which the browser reports.
    page.on("console", lambda message: seen["errors"].append(message.text)
            if message.type in ("error", "warning") and "400" not in message.text else None)
    page.on("pageerror", lambda error: seen["errors"].append(str(error)))
    page.goto(f"{url}/query")
    page.wait_for_selector("#names button")
    seen["names"] = page.locator("#names button").all_inner_texts()
    page.get_by_role("button", name="Run").click()
    page.wait_for_selector("#plot canvas")
    seen["rows"] = page.locator("#result tbody tr").count()
    seen["columns"] = page.locator("#result th").all_inner_texts()
    page.screenshot(path=f"{folder}/query.png")
    page.locator("#statement").fill("SELECT tmp\nFROM truck01_sensors_wide")
    page.keyboard.press("Control+Enter")
    page.wait_for_selector("#query-error:not([hidden])")
    seen["error"] = page.locator("#query-error").inner_text()
    page.locator("#statement").fill("SELECT '<img src=x onerror=alert(1)>' AS \"<b>x</b>\"")
    page.get_by_role("button", name="Run").click()
    page.locator("#result th", has_text="<b>x</b>").wait_for()
    seen["text"] = page.locator("#result td").first.inner_text()
    page.set_viewport_size({"width": 390, "height": 844})
    seen["phoneWidth"] = page.evaluate("document.documentElement.scrollWidth")
    page.screenshot(path=f"{folder}/query-phone.png")
    browser.close()
print(json.dumps(seen))
