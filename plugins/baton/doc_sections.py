"""How the documentation of a DAG is laid out, for everything that reads it: mails, DAGS.md, tests."""

HEADINGS = ("What", "Inputs → outputs", "Schedule and why", "If it fails", "Params")
"""What the documentation of each DAG tells, in this order."""


def headings(doc: str) -> tuple[str, ...]:
    """Return the headings of a DAG's documentation in their order."""
    return tuple(line.removeprefix("## ") for line in doc.splitlines() if line.startswith("## "))


def section(doc: str, heading: str) -> str:
    """Return the text below one heading of a DAG's documentation, empty when there is none."""
    _, found, rest = doc.partition(f"## {heading}\n")
    return rest.split("\n## ", 1)[0].strip() if found else ""
