"""What steps give, kept outside of Airflow: data goes to the object store, its address into the step's record.

Why always, also where it is small: rows of a database are nobody's business who may read Airflow's XComs and tables.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from baton.exceptions import TransientError
from baton.functions.batches.folder import Folder

_REFERENCE = "reference"
AWS_CONNECTION = "aws_default"


@dataclass(frozen=True)
class Results:
    """The results of one execution.

    :param uri: of their folder, `s3://bucket/…` or `file:///…`.
    """

    uri: str

    @classmethod
    def of_run(cls, base_uri: str, dag_id: str, run_id: str) -> Results:
        """Those of one DAG run, below the installation's folder."""
        return cls("/".join([base_uri.rstrip("/"), quote(dag_id, safe=""), quote(run_id, safe="+")]))

    def keep(self, name: str, value: Any) -> dict[str, Any]:
        """Store what a step gave; returns what its record says of it.

        :raises TransientError: the store does not take it.
        """
        content = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
        folder = self._folder()
        address = folder.address(f"{name}.json")
        folder.write(address, content)
        found = {_REFERENCE: address, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        return {**found, "items": len(value)} if isinstance(value, list) else found

    def load(self, kept: Any) -> Any:
        """What `keep` has stored; anything else is the value itself.

        :raises TransientError: it is not what was stored: a step is being run again.
        """
        if not isinstance(kept, Mapping) or _REFERENCE not in kept:
            return kept
        content = self._folder().read(kept[_REFERENCE])
        if hashlib.sha256(content).hexdigest() != kept["sha256"]:
            raise TransientError(f"{kept[_REFERENCE]} is not what its record names")
        return json.loads(content)

    def _folder(self) -> Folder:
        return Folder(self.uri, AWS_CONNECTION)
