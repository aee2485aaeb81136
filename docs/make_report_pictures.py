"""Make the sample pictures of docs/reports.md: real reports on the demo shop, as mail, PDF and Slack message.

Run in the repository: ``PYTHONPATH=include:docs .venv/bin/python docs/make_report_pictures.py``. It needs a Chromium of
the system and starts a PostgreSQL of its own, with the demo schema.
"""

import argparse
import asyncio
import base64
import html
import json
import os
import re
import secrets
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from browser import Browser, browser, pdf_pages, write

from baton_local import shop
from baton_local.postgres import Postgres
from baton_workloads.reports.discovery import definition
from baton_workloads.reports.period import period_for
from baton_workloads.reports.publish import forms
from baton_workloads.reports.sources import Sources

PICTURES = Path(__file__).parent / "pictures" / "reports"
ZONE = "Europe/Prague"
ALERTS = {
    "alertmanager": {
        "state": "ok",
        "alerts": [
            {
                "labels": {"alertname": "KubePodCrashLooping", "severity": "critical", "job": "shop", "pod": "pay-5"},
                "startsAt": "2026-11-20T05:12:00Z",
            },
            {
                "labels": {"alertname": "DiskWillFill", "severity": "warning", "job": "node", "instance": "db-1"},
                "startsAt": "2026-11-18T17:40:00Z",
            },
        ],
    },
    "receiver": {"state": "absent"},
}  # fmt: skip
REPORTS = {
    "daily_sales": ("2026-11-01", 24),
    "monthly_business": ("2026-11-01", 24),
    "weekly_inventory": ("2026-11-02", 24),
    "weekly_summary": ("2026-11-02", 24),
    "low_stock": ("2026-11-01T0800Z", 24),
    "alert_digest": ("2026-11-20T0700Z", 24),
    "reconciliation": ("2026-10-30T1630Z", 90 * 24),
}
"""Report → the run key and the hours that its picture is made with."""
SLACK_STYLE = """
body { font: 15px/1.46 Lato, Helvetica, Arial, sans-serif; color: #1d1c1d; margin: 16px; max-width: 600px }
h2 { font-size: 18px; margin: 0 0 4px } p { margin: 6px 0; white-space: pre-wrap; overflow-wrap: anywhere }
.context { font-size: 12px; color: #616061 } .fields { display: grid; grid-template-columns: 1fr 1fr; gap: 6px 16px }
.fields p { margin: 0 } a { color: #1264a3 }
"""


@contextmanager
def demo() -> Iterator[str]:
    """A PostgreSQL with the demo shop, for as long as the block lasts."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        server = Postgres(Path(folder) / "data", port, secrets.token_hex(8))
        server.initialise()
        process = subprocess.Popen(server.command(), cwd=server.data, stderr=subprocess.DEVNULL)
        try:
            while not server.is_ready():
                time.sleep(0.1)
            server.make_database("shop", "postgres", server.password)
            shop.make(server.dsn("shop"))
            yield server.dsn("shop")
        finally:
            process.terminate()
            process.wait(30)


def files(name: str, run_key: str, hours: int, alerts: Path) -> dict[str, bytes]:
    """All forms of one report."""
    period = period_for(definition(name).covers, run_key, ZONE, hours)
    inputs = {"alerts": alerts.as_uri(), "threshold": "500"}
    with Sources({**period.parameters(), "currency": "EUR"}, inputs) as sources:
        report = definition(name).write(sources, period)
    return {file.kind: file.content for file in forms(report)}


def mail_page(made: dict[str, bytes]) -> str:
    """A mail's body with its attached pictures in place."""

    def picture(found: re.Match[str]) -> str:
        return "data:image/png;base64," + base64.b64encode(made[found[1]]).decode()

    return re.sub(r"cid:(chart-\d+)", picture, made["mail"].decode())


def slack_page(made: dict[str, bytes]) -> str:
    """About what Slack shows of the blocks."""
    blocks = json.loads(made["slack"])["blocks"]
    return f"<style>{SLACK_STYLE}</style>" + "".join(map(_slack_block, blocks))


def _slack_block(block: dict) -> str:
    if block["type"] == "header":
        return f"<h2>{html.escape(block['text']['text'])}</h2>"
    if block["type"] == "context":
        return "".join(f'<p class="context">{_mrkdwn(item["text"])}</p>' for item in block["elements"])
    if "fields" in block:
        return (
            '<div class="fields">' + "".join(f"<p>{_mrkdwn(item['text'])}</p>" for item in block["fields"]) + "</div>"
        )
    return f"<p>{_mrkdwn(block['text']['text'])}</p>"


def _mrkdwn(text: str) -> str:
    signs = {"*": "b", "_": "i"}
    for sign, tag in signs.items():
        text = re.sub(
            rf"(?<![\w\u200b]){re.escape(sign)}(?!\u200b)([^\n]+?){re.escape(sign)}(?!\w)", rf"<{tag}>\1</{tag}>", text
        )
    return text.replace(":warning:", "⚠").replace("\u200b", "")


async def take(made: dict[str, dict[str, bytes]], page: Browser) -> None:
    """All pictures."""
    for name, width, scheme in (
        ("daily_sales", 700, "light"), ("daily_sales", 375, "dark"), ("daily_sales", 375, "light"),
        ("weekly_inventory", 700, "dark"), ("alert_digest", 375, "light"),
    ):  # fmt: skip
        write(PICTURES, f"{name}-mail-{width}-{scheme}", await page.picture(mail_page(made[name]), width, scheme))
    write(PICTURES, "no_sales-mail-375-light", await page.picture(mail_page(made["no_sales"]), 375, "light"))
    for name in ("weekly_summary", "low_stock"):
        write(PICTURES, f"{name}-slack", await page.picture(slack_page(made[name]), 640, "light"))
    for name in ("daily_sales", "monthly_business", "weekly_inventory", "reconciliation"):
        write(PICTURES, f"{name}-pdf", pdf_pages(made[name]["pdf"], scale=1.2)[0])


async def main() -> None:
    """Render, then photograph."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    options = parser.parse_args()
    PICTURES.mkdir(parents=True, exist_ok=True)
    with demo() as dsn, tempfile.TemporaryDirectory() as folder:
        os.environ |= {"BATON_SOURCE_DSN": dsn, "BATON_WAREHOUSE_DSN": dsn}
        alerts = Path(folder) / "alerts.json"
        alerts.write_text(json.dumps(ALERTS))
        made = {name: files(name, key, hours, alerts) for name, (key, hours) in REPORTS.items()}
        made["no_sales"] = files("daily_sales", "2026-11-22", 24, alerts)
    async with browser(options.chromium) as page:
        await take(made, page)


if __name__ == "__main__":
    asyncio.run(main())
