"""Take the pictures of the documentation from the running web UI.

Run beside `./baton demo --keep` or `./baton up`, with a Chromium of the system:
``.venv/bin/uv run --no-project --with playwright --with httpx docs/make_pictures.py [--chromium PATH]``
"""

import argparse
import json
import sys
from pathlib import Path

import httpx
from playwright.sync_api import Page, sync_playwright

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


def take(page: Page, address: str, name: str) -> None:
    """Open a page, wait until it is drawn, store its picture."""
    page.goto(address)
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(2500)
    page.screenshot(path=PICTURES / name)
    print(PICTURES / name)


def main() -> None:
    """Take all pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    parser.add_argument("--state", type=Path, default=PROJECT / ".baton")
    options = parser.parse_args()
    url, token = sign_in(options.state)
    run = latest_run(url, token, "load_warehouse")
    PICTURES.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=options.chromium, args=["--no-sandbox"])
        context = browser.new_context(viewport=VIEWPORT)
        context.add_cookies([{"name": "_token", "value": token, "url": url}])
        context.add_init_script("localStorage.setItem('dag_view-load_warehouse', '\"graph\"')")
        page = context.new_page()
        take(page, f"{url}/dags/load_warehouse/runs/{run}", "load_warehouse.png")
        browser.close()


if __name__ == "__main__":
    main()
