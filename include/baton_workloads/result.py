"""The one JSON object with which a stage ends: on stdout and, in a pod, in the XCom file."""

import json
import os
from pathlib import Path
from typing import Any

POD_XCOM_DIR = Path("/airflow/xcom")
XCOM_DIR_VARIABLE = "LOCAL_KUBERNETES_MOUNT_AIRFLOW_XCOM"


def emit(result: dict[str, Any]) -> None:
    """Write the result as the last line of stdout and, where an XCom directory exists, as ``return.json``.

    The file appears whole or not at all: the sidecar may look at any moment.
    """
    line = json.dumps(result, separators=(",", ":"), sort_keys=False)
    directory = _xcom_dir()
    if directory is not None:
        partial = directory / ".return.json.partial"
        partial.write_text(line)
        partial.replace(directory / "return.json")
    print(line, flush=True)


def _xcom_dir() -> Path | None:
    named = os.environ.get(XCOM_DIR_VARIABLE)
    if named:
        return Path(named)
    return POD_XCOM_DIR if POD_XCOM_DIR.is_dir() else None
