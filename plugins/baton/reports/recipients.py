"""Who gets which report: read from `include/reports/recipients.yaml`, so that it has a history."""

from __future__ import annotations

from pathlib import Path

from baton.data_file import DataFileError, read_data
from baton.exceptions import PermanentError

KINDS = {"mail", "slack"}

Recipients = dict[str, list[str]]


def read_recipients(path: Path, report: str) -> Recipients:
    """Read the recipients of one report.

    :returns: kind of channel (`mail`, `slack`) → addresses or channels.
    :raises PermanentError: the file does not say, or says it in a wrong way.
    """
    try:
        content = read_data(path)
    except DataFileError as err:
        raise PermanentError(f"{err} (it says who gets which report)") from err
    wanted = content.get(report) if isinstance(content, dict) else None
    if not isinstance(wanted, dict) or not wanted or not wanted.keys() <= KINDS:
        raise PermanentError(f"{path.name}: {report} needs `mail: […]`, `slack: […]` or both, and nothing else")
    if not all(
        isinstance(names, list) and names and all(isinstance(name, str) for name in names) for names in wanted.values()
    ):
        raise PermanentError(f"{path.name}: the recipients of {report} are lists of words, none of them empty")
    return {kind: list(names) for kind, names in wanted.items()}
