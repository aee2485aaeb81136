"""Write a report's files; last, the manifest that names them. Nothing is delivered that no manifest names."""

import hashlib
import json
import re
from dataclasses import dataclass
from typing import Any

from baton_workloads.errors import ConfigurationError
from baton_workloads.reports import charts, html, pdf, plain_text, slack
from baton_workloads.reports.model import Report
from baton_workloads.reports.view import view
from baton_workloads.storage import join, store_for

_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True)
class File:
    """One form of a report. :param kind: what delivery asks for: ``pdf``, ``mail``, ``chart-0`` …"""

    kind: str
    name: str
    content: bytes


def forms(report: Report) -> list[File]:
    """Render a report in all its forms."""
    shown = view(report)
    svgs = [charts.svg(chart) for chart in report.charts]
    paper = pdf.pdf(shown, svgs, int(report.period.end.timestamp()))
    messages = {"text": slack.text(shown), "blocks": slack.blocks(shown)}
    return [
        File("page", "report.html", html.page(shown, svgs).encode()),
        File("pdf", f"{report.name}-{report.period.key}.pdf", paper),
        File("mail", "mail.html", html.mail(shown).encode()),
        File("text", "report.txt", plain_text.plain(shown).encode()),
        File("slack", "slack.json", json.dumps(messages, ensure_ascii=False).encode()),
        *(
            File(f"chart-{number}", f"chart-{number}.png", charts.png(chart))
            for number, chart in enumerate(report.charts)
        ),
    ]


def publish(report: Report, folder_uri: str, part: str | None = None) -> dict[str, Any]:
    """Store a report below ``{folder}/{name}/{period}/``.

    :param part: what tells two reports of one period apart, for example a run that was asked to send again.
    :returns: the workload's result: the report's id, its manifest, whether it is empty, and its facts.
    """
    words = [report.name, report.period.key, *([part] if part else [])]
    if not all(map(_SAFE.fullmatch, words)):
        raise ConfigurationError(
            f"report id {'/'.join(words)!r} cannot name files: letters, digits, '.', '_' and '-' only"
        )
    folder = join(folder_uri, *words)
    stored = [_store(folder, file) for file in forms(report)]
    manifest = {
        "report_id": "/".join(words),
        "name": report.name,
        "title": report.title,
        "period": report.period.key,
        "period_label": report.period.label,
        "headline": report.headline,
        "is_empty": report.is_empty,
        "files": stored,
    }
    uri = join(folder, "manifest.json")
    store_for(uri).write_bytes(uri, json.dumps(manifest, indent=1, ensure_ascii=False).encode())
    return {"report_id": manifest["report_id"], "manifest": uri, "is_empty": report.is_empty, "facts": report.facts}


def _store(folder: str, file: File) -> dict[str, Any]:
    uri = join(folder, file.name)
    store_for(uri).write_bytes(uri, file.content)
    digest = hashlib.sha256(file.content).hexdigest()
    return {"kind": file.kind, "uri": uri, "size_bytes": len(file.content), "sha256": digest}
