"""The table of settings in `docs/settings.md`; what is written around it stays."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from baton.settings import Settings

PAGE = Path(__file__).parents[1] / "settings.md"
BEGIN = "<!-- Made from plugins/baton/settings.py by `./baton python docs/site/make_reference.py`: edit it there. -->"
END = "<!-- end -->"


def page() -> str:
    """The page with the table as the code has it.

    :raises SystemExit: the marks between which it stands are missing.
    """
    text = PAGE.read_text(encoding="utf-8")
    if text.count(BEGIN) != 1 or text.count(END) != 1:
        raise SystemExit(f"{PAGE}: the table's marks are missing, {BEGIN} and {END}")
    before, _, rest = text.partition(BEGIN)
    return f"{before}{BEGIN}\n\n{table()}\n\n{END}{rest.partition(END)[2]}"


def table() -> str:
    """A row for each setting."""
    lines = ["| setting | default | what it is for |", "|---|---|---|"]
    for name, setting in Settings.model_fields.items():
        default = _default(setting.get_default(call_default_factory=True))
        purpose = re.sub(r"\|", r"\\|", setting.description or "")
        lines.append(f"| `{name}` | {default} | {purpose} |")
    return "\n".join(lines)


def _default(value: Any) -> str:
    return "-" if value is None or value == [] else f"`{str(value).lower() if isinstance(value, bool) else value}`"
