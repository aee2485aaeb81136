"""Slack blocks: the same report, cut to what Slack takes and a channel bears.

Source: https://docs.slack.dev/reference/block-kit/blocks (50 blocks; header 150, section 3000, field 2000 characters)
"""

import unicodedata
from typing import Any

from baton_workloads.reports.view import View

Block = dict[str, Any]

MAX_BLOCKS = 48  # of 50: two are left for the links that delivery adds
MAX_HEADER, MAX_TEXT, MAX_FIELD, MAX_FIELDS = 150, 3000, 2000, 10
MAX_ROWS = 8  # of a table; the whole of it is in the PDF
ISOLATE, END = "\u2068", "\u2069"  # a name written from right to left does not turn the rest of its line


def blocks(shown: View) -> list[Block]:
    """Give a report as blocks, at most ``MAX_BLOCKS``."""
    made: list[Block] = [
        {"type": "header", "text": {"type": "plain_text", "text": cut(shown["title"], MAX_HEADER), "emoji": False}},
        {"type": "context", "elements": [_markdown(f"{escaped(shown['period'])} ({escaped(shown['zone'])})")]},
        _section(escaped(shown["headline"])),
    ]
    for part in shown["parts"]:
        made += _PARTS[part["kind"]](part)
    if len(made) > MAX_BLOCKS:
        made = [*made[: MAX_BLOCKS - 1], _section("_The rest is in the PDF._")]
    return made


def text(shown: View) -> str:
    """Give the line that notifications and screen readers use."""
    return cut(escaped(f"{shown['title']}, {shown['period']}: {shown['headline']}"), MAX_TEXT)


def escaped(words: str) -> str:
    """Make text from data harmless: no mention, link or markup comes from it.

    Source: https://docs.slack.dev/messaging/formatting-message-text#escaping
    """
    plain = words.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    for sign in "*_~`":  # a zero-width blank keeps a pair of them from being read as markup
        plain = plain.replace(sign, f"\u200b{sign}\u200b")
    return plain


def cut(words: str, longest: int) -> str:
    """Shorten to a number of characters, never inside an escape."""
    if len(words) <= longest:
        return words
    kept = words[: longest - 1]
    if "&" in kept[-5:]:
        kept = kept[: kept.rindex("&")]
    return kept + "…"


def _figures(part: View) -> list[Block]:
    fields = [
        _markdown(cut(f"{escaped(figure['label'])}\n*{figure['value']}*{_change(figure)}", MAX_FIELD))
        for figure in part["figures"]
    ]
    return [
        {"type": "section", "fields": fields[start : start + MAX_FIELDS]} for start in range(0, len(fields), MAX_FIELDS)
    ]


def _change(figure: View) -> str:
    return f"\n{figure['change']} {escaped(figure['against'])}" if figure["change"] else ""


def _table(part: View) -> list[Block]:
    """A list of lines: a table in fixed-width letters would break on a phone."""
    if not part["rows"]:
        return [_section(f"*{escaped(part['title'])}*\n{escaped(part['empty'])}")]
    lines = [_line(row, part["columns"]) for row in part["rows"][:MAX_ROWS]]
    more = len(part["rows"]) - len(lines)
    if more or part["left_out"]:
        lines.append("_more in the PDF_")
    made = f"*{escaped(part['title'])}*"
    for line in lines:
        if len(made) + 1 + len(line) > MAX_TEXT:
            break
        made += "\n" + line
    return [_section(made)]


def _line(row: list[str], columns: list[dict[str, str]]) -> str:
    named = [
        f"{escaped(column['title'].lower())} {_isolated(cell)}" if column["align"] == "end" else _isolated(cell)
        for cell, column in zip(row[1:], columns[1:], strict=True)
    ]
    return f"• *{_isolated(row[0])}*  {' · '.join(named)}"


def _isolated(words: str) -> str:
    turns = any(unicodedata.bidirectional(char) in ("R", "AL") for char in words)
    return f"{ISOLATE}{escaped(words)}{END}" if turns else escaped(words)


def _note(part: View) -> list[Block]:
    sign = ":warning: " if part["tone"] == "warning" else ""
    return [_section(sign + escaped(part["text"]))]


def _chart(part: View) -> list[Block]:
    """Pictures need a public address, so a chart is put into words."""
    return [{"type": "context", "elements": [_markdown(cut(escaped(part["says"]), MAX_FIELD))]}]


def _section(words: str) -> Block:
    return {"type": "section", "text": _markdown(cut(words, MAX_TEXT))}


def _markdown(words: str) -> Block:
    return {"type": "mrkdwn", "text": words}


_PARTS = {"figures": _figures, "table": _table, "note": _note, "chart": _chart}
