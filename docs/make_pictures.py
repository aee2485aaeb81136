"""Take the pictures of the documentation from the running web UI.

Run beside `./baton demo --keep` or `./baton up`, with a Chromium of the system:
``.venv/bin/uv run --no-project --with playwright --with httpx docs/make_pictures.py [--chains | --alerts]``
"""

import argparse
import json
import sys
from pathlib import Path

import httpx
from playwright.sync_api import BrowserContext, Page, sync_playwright

PROJECT = Path(__file__).resolve().parents[1]
PICTURES = PROJECT / "docs" / "pictures"
VIEWPORT = {"width": 1440, "height": 860}


def sign_in(state: Path) -> tuple[str, str]:
    """Address of the web UI and a token for it."""
    ports = json.loads((state / "ports.json").read_text())
    credentials = json.loads((state / "credentials.json").read_text())
    url = f"http://127.0.0.1:{ports['ui']}"
    body = {"username": credentials["ui_user"], "password": credentials["ui_password"]}
    response = httpx.post(f"{url}/auth/token", json=body).raise_for_status()
    return url, response.json()["access_token"]


def latest_run(url: str, token: str, dag_id: str) -> str:
    """The newest successful run of a DAG."""
    response = httpx.get(
        f"{url}/api/v2/dags/{dag_id}/dagRuns",
        params={"order_by": "-start_date", "state": "success", "limit": 1},
        headers={"Authorization": f"Bearer {token}"},
    ).raise_for_status()
    runs = response.json()["dag_runs"]
    if not runs:
        sys.exit(f"no successful run of {dag_id}: run ./baton demo --keep first")
    return runs[0]["dag_run_id"]


def take_graph(page: Page, address: str, name: str) -> None:
    """Open a run, show its graph with all groups open and as much room as there is, store its picture."""
    page.goto(address)
    page.get_by_role("button", name="Show Graph").click()
    page.get_by_role("button", name="Expand all task groups").click()
    handle = page.get_by_role("separator").first.bounding_box()
    if handle:
        page.mouse.move(handle["x"] + 1, handle["y"] + 200)
        page.mouse.down()
        page.mouse.move(VIEWPORT["width"] - 20, handle["y"] + 200, steps=10)
        page.mouse.up()
    page.wait_for_timeout(1500)
    page.get_by_role("button", name="Fit View").click()
    page.wait_for_timeout(1500)
    page.screenshot(path=PICTURES / name)
    print(PICTURES / name)


def take_chains(context: BrowserContext, url: str) -> None:
    """Store what the page of the CronJobs' chains shows of the last hour, in both themes and at a phone's width."""
    for name, theme, width in (("light", "light", 1440), ("dark", "dark", 1440), ("phone", "light", 390)):
        page = context.new_page()
        page.set_viewport_size({"width": width, "height": VIEWPORT["height"]})
        page.goto(f"{url}/baton/chains/")
        page.evaluate(f"localStorage.setItem('theme', '{theme}')")
        page.goto(f"{url}/baton/chains/" if name == "phone" else f"{url}/plugin/cronjob-chains")
        frame = page if name == "phone" else page.frame_locator("iframe")
        frame.locator("#hours").select_option("1")
        frame.locator(".bar.ran").first.wait_for()
        page.wait_for_timeout(1500)
        page.screenshot(path=PICTURES / f"cronjob_chains_{name}.png")
        print(PICTURES / f"cronjob_chains_{name}.png")
        page.close()


def take_alerts(context: BrowserContext, url: str) -> None:
    """Store what the page of the alerts shows; send some first, such as tests/unit/baton/alerts/group.json."""
    page = context.new_page()
    page.goto(f"{url}/baton/alerts/")
    page.evaluate("localStorage.setItem('theme', 'light')")
    page.goto(f"{url}/plugin/alerts")
    page.frame_locator("iframe").locator("td .verdict").first.wait_for()
    page.wait_for_timeout(1500)
    page.screenshot(path=PICTURES / "alerts_light.png")
    print(PICTURES / "alerts_light.png")


def main() -> None:
    """Take all pictures, or those of one page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    parser.add_argument("--state", type=Path, default=PROJECT / ".baton")
    parser.add_argument("--chains", action="store_true", help="only the page of the CronJobs' chains")
    parser.add_argument("--alerts", action="store_true", help="only the page of the alerts")
    options = parser.parse_args()
    url, token = sign_in(options.state)
    PICTURES.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=options.chromium, args=["--no-sandbox"])
        context = browser.new_context(viewport=VIEWPORT)
        context.add_cookies([{"name": "_token", "value": token, "url": url}])
        if options.chains:
            take_chains(context, url)
        elif options.alerts:
            take_alerts(context, url)
        else:
            run = latest_run(url, token, "load_warehouse")
            take_graph(context.new_page(), f"{url}/dags/load_warehouse/runs/{run}", "load_warehouse.png")
        browser.close()


if __name__ == "__main__":
    main()
