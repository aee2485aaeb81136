"""The OpenAPI document of the jobs API: `docs/reference/jobs-api.json`."""

from __future__ import annotations

import json
import warnings


def page() -> str:
    """The document."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Airflow imports FastAPI's test client, which wants another httpx
        from baton.jobs.api.app import openapi

    return json.dumps(openapi(), indent=2, sort_keys=True) + "\n"
