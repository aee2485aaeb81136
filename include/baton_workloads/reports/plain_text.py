"""Plain text: what a mail program shows that does not show HTML."""

from baton_workloads.reports.view import View


def plain(shown: View) -> str:
    """Give a report as lines of text."""
    lines = [shown["title"], f"{shown['period']} ({shown['zone']})", "", shown["headline"], ""]
    for part in shown["parts"]:
        lines += [*_PARTS[part["kind"]](part), ""]
    return "\n".join(lines)


def _figures(part: View) -> list[str]:
    return [
        f"{figure['label']}: {figure['value']} {figure['change']} {figure['against']}".rstrip()
        for figure in part["figures"]
    ]


def _table(part: View) -> list[str]:
    rows = [" | ".join(row) for row in [*part["rows"], *([part["total"]] if part["total"] else [])]]
    heads = [" | ".join(column["title"] for column in part["columns"])] if rows else [part["empty"]]
    return [part["title"].upper(), *heads, *rows, *([part["left_out"]] if part["left_out"] else [])]


def _note(part: View) -> list[str]:
    return [part["text"]]


def _chart(part: View) -> list[str]:
    return [part["says"]]


_PARTS = {
    "figures": _figures,
    "table": _table,
    "note": _note,
    "chart": _chart,
}
