"""One page of Baton in Airflow's UI: an HTML file with its style and script, below the login of the web UI."""

from __future__ import annotations

from collections.abc import Callable
from importlib.resources import files
from importlib.resources.abc import Traversable

from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.exception_handlers import http_exception_handler
from fastapi.responses import RedirectResponse

from baton.airflow_internals.airflow_server import SIGNED_IN, login_address

_MEDIA_TYPES = {"html": "text/html", "css": "text/css", "js": "text/javascript"}
_HEADERS = {
    # Nothing from elsewhere, and nobody but Airflow's own UI may show it in a frame.
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'",
    "Cache-Control": "no-cache",
    "X-Content-Type-Options": "nosniff",
}


def make_page(package: str, name: str, title: str) -> FastAPI:
    """Make an app with the files of the package's folder `static` and those that all pages share.

    Everything wants a login.

    :param name: of the HTML file, without its suffix.
    :param title: the app's name in Airflow's list of plugins.
    """
    app = FastAPI(title=title, dependencies=[SIGNED_IN], docs_url=None, redoc_url=None, openapi_url=None)
    app.add_api_route("/", _serve(files(package) / "static" / f"{name}.html"), methods=["GET"])
    for folder in (package, __package__):
        for file in (files(folder) / "static").iterdir():
            app.add_api_route(f"/{file.name}", _serve(file), methods=["GET"])
    app.add_exception_handler(HTTPException, _sign_in_first)
    return app


def _serve(file: Traversable) -> Callable[[], Response]:
    def serve() -> Response:
        media_type = _MEDIA_TYPES[file.name.rpartition(".")[2]]
        return Response(file.read_text(encoding="utf-8"), media_type=media_type, headers=_HEADERS)

    return serve


async def _sign_in_first(request: Request, err: Exception) -> Response:
    """Send people who open the page without a login there; scripts get the plain answer."""
    if not isinstance(err, HTTPException):
        raise err
    if err.status_code == 401 and "text/html" in request.headers.get("accept", ""):
        return RedirectResponse(login_address(request), status_code=307)
    return await http_exception_handler(request, err)
