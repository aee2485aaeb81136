"""How the documentation of a DAG is laid out, for everything that reads it: mails, DAGS.md, tests."""

from itertools import takewhile

HEADINGS = ("What", "Inputs → outputs", "Schedule and why", "If it fails", "Params")
"""What the documentation of each DAG tells, in this order."""


def headings(doc: str) -> tuple[str, ...]:
    """Return the headings of a DAG's documentation in their order."""
    return tuple(line.removeprefix("## ") for line in doc.splitlines() if line.startswith("## "))


def section(doc: str, heading: str) -> str:
    """Return the text below one heading of a DAG's documentation, empty when there is none."""
    lines = doc.splitlines()
    if f"## {heading}" not in lines:
        return ""
    below = lines[lines.index(f"## {heading}") + 1 :]
    return "\n".join(takewhile(lambda line: not line.startswith("## "), below)).strip()
