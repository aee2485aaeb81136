"""The JSON schema of job files, for editors: completion, and mistakes shown while one types."""

from __future__ import annotations

import json
from typing import Any

from baton.jobs.model.job import Job

ADDRESS = "https://json-schema.org/draft/2020-12/schema"


def schema_text() -> str:
    """The published file: `include/jobs/job.schema.json`."""
    schema: dict[str, Any] = {"$schema": ADDRESS, **Job.model_json_schema(by_alias=True)}
    schema["description"] = "A job of Baton: one YAML document. See docs/jobs.md."
    return json.dumps(schema, indent=2) + "\n"
