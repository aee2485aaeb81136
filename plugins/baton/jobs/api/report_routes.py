"""The routes of reports: list, one, a link that expires, and the file behind it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from baton.airflow_internals.airflow_server import SessionDep
from baton.jobs.api.callers import Caller
from baton.jobs.api.cursors import cursor_of, number_of
from baton.jobs.api.given import CallerDep, Cursor, Limit, Word, refusals
from baton.jobs.api.guard import GuardedRoute
from baton.jobs.api.problems import ApiError
from baton.jobs.api.reports import (
    content,
    id_of,
    kind_of,
    ledger,
    may_see,
    report_id_of,
    shown,
    signed,
    type_of,
    unsigned,
)
from baton.jobs.api.shapes import TEXT, Download, Report, ReportPage
from baton.reports.delivery_ledger import RegisteredReport

router = APIRouter(route_class=GuardedRoute, tags=["reports"])
linked = APIRouter(tags=["reports"])
"""What a signed link opens, without a login."""
ReportId = Annotated[str, Path(max_length=300, pattern=TEXT)]
_CONTENT_HEADERS = {
    "Content-Security-Policy": "sandbox; default-src 'none'; img-src data:; style-src 'unsafe-inline'",
    "Cache-Control": "private, no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


@router.get("/reports", responses=refusals())
def list_reports(
    session: SessionDep,
    caller: CallerDep,
    name: Word = None,
    state: Annotated[str | None, Query(pattern="^(rendered|delivered|failed)$")] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> ReportPage:
    """The reports that you may see, the newest first."""
    begin = number_of(cursor) or 0
    with ledger() as found:
        rows = found.reports(name=name, state=state, limit=limit + 1, offset=begin)
    page = [shown(session, row) for row in rows[:limit] if may_see(session, caller, row)]
    return ReportPage(data=page, next_cursor=cursor_of(str(begin + limit)) if len(rows) > limit else None)


@router.get("/reports/{report_id}", responses=refusals(404))
def get_report(report_id: ReportId, session: SessionDep, caller: CallerDep) -> Report:
    """One report: its files, to whom it went."""
    return shown(session, _found(session, caller, report_id))


@router.get("/reports/{report_id}/download", responses=refusals(404))
def get_download(
    report_id: ReportId,
    request: Request,
    session: SessionDep,
    caller: CallerDep,
    kind: Annotated[str | None, Query(max_length=40, pattern=TEXT, description="pdf, page, chart-0 …")] = None,
) -> Download:
    """A link to a file of a report, which anybody may open for an hour."""
    found = _found(session, caller, report_id)
    token, expires_at = signed(found.report_id, kind_of(found, kind))
    address = request.url_for("get_content", report_id=id_of(found.report_id))
    return Download(download_url=str(address.include_query_params(token=token)), expires_at=expires_at)


@linked.get(
    "/reports/{report_id}/content",
    response_class=Response,
    responses={200: {"content": {"application/octet-stream": {}}}, **refusals(403, 404)},
    openapi_extra={"security": []},
)
def get_content(report_id: ReportId, token: Annotated[str, Query(max_length=1000)] = "") -> Response:
    """The file behind a link. The link is the credential."""
    wanted = report_id_of(report_id)
    kind = unsigned(token, wanted)
    with ledger() as known:
        found = known.find(wanted)
    if found is None:
        raise ApiError(404, "this report is not there any more")
    return Response(content(found, kind_of(found, kind)), media_type=type_of(kind), headers=_CONTENT_HEADERS)


def _found(session: SessionDep, caller: Caller, given: str) -> RegisteredReport:
    with ledger() as known:
        found = known.find(report_id_of(given))
    if found is None or not may_see(session, caller, found):
        raise ApiError(404, f"there is no report {given[:100]}, or you may not see it")
    return found
