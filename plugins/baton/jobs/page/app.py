"""The page *Jobs*: jobs, queues and reports. Its data is the jobs API's, asked for with the reader's own login."""

from __future__ import annotations

from fastapi import FastAPI

from baton.api.static_page import make_page

PREFIX = "/baton/jobs"


def make_app() -> FastAPI:
    """Make the app that Airflow serves below `/baton/jobs`."""
    return make_page(__package__, "jobs", "Baton: jobs page")
