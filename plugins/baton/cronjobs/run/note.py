"""What a task keeps about its CronJob, for those who see the DAG but not the manifest: the page of the chains.

Why in `doc_json`: Airflow stores it with the DAG, so that an API server without the manifests can read it.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

_KIND = "baton.dev/cronjob"


@dataclass(frozen=True, slots=True)
class Note:
    """A CronJob as the clock knows it, and whom it follows.

    :param key: its key among the imported CronJobs.
    :param schedule: `spec.schedule`, also of a CronJob that the clock does not start any more.
    :param time_zone: `spec.timeZone`.
    :param after: keys of those that it follows.
    :param chain: the name of its chain; empty where it has none, also where only annotations make one.
    """

    key: str
    schedule: str
    time_zone: str | None
    after: tuple[str, ...] = ()
    chain: str = ""

    def text(self) -> str:
        """Write it for `doc_json`."""
        return json.dumps({"kind": _KIND, **asdict(self)})


def read_note(text: str | None) -> Note | None:
    """Read what `Note.text` wrote; None for anything else, which is somebody else's documentation."""
    try:
        content = json.loads(text or "")
    except ValueError:
        return None
    if not isinstance(content, dict) or content.pop("kind", None) != _KIND:
        return None
    return Note(
        content["key"], content["schedule"], content["time_zone"], tuple(content["after"]), content.get("chain", "")
    )
