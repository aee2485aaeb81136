"""`./baton import --fix`: copies of manifests with what could be repaired, each repair named and shown."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from baton.cronjobs.importing.repairs import Repair, repaired

_STANDARD_INPUT = "standard-input.yaml"


@dataclass
class Mender:
    """Repairs each text that is read.

    :param values: what to fill in, by name.
    """

    values: Mapping[str, str]
    changed: dict[str, tuple[str, str, list[Repair]]] = field(default_factory=dict)
    """By file: as it was, as it is now, and what was repaired."""

    def mend(self, file: str, text: str) -> str:
        """The text as it is read from now on."""
        new, repairs = repaired(text, self.values)
        if new != text:
            self.changed[file] = (text, new, repairs)
        return new

    def write(self, folder: Path) -> Iterator[str]:
        """Write the copies; yield lines that say what was repaired in each, and the difference.

        :raises FileExistsError: a copy is there already, and stays.
        """
        folder.mkdir(parents=True, exist_ok=True)
        targets = _targets(list(self.changed), folder)
        for file, (old, new, repairs) in self.changed.items():
            with targets[file].open("x", encoding="utf-8") as stream:
                stream.write(new)
            yield f"{file}: {len(repairs)} repaired in {targets[file]}"
            yield from (f"  {repair}" for repair in repairs)
            lines = difflib.unified_diff(old.splitlines(), new.splitlines(), file, str(targets[file]), lineterm="", n=1)
            yield from (f"  {line}" for line in lines)
            yield ""


def _targets(files: list[str], folder: Path) -> dict[str, Path]:
    """Where each copy goes: under its own name, with those of its folders where several files have one name."""
    names: dict[str, str] = {}
    for file in files:
        path = Path(file)
        name = path.name if path.suffix in (".yaml", ".yml", ".json") else _STANDARD_INPUT
        if name in names.values():
            name = "-".join(part.strip("/") for part in path.parts if part.strip("/.")) or name
        names[file] = name
    return {file: folder / name for file, name in names.items()}
