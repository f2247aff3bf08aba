"""The application: the API, the WebSocket and the page."""

from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse, Response
from starlette.staticfiles import StaticFiles

from services.dashboard.desk import Desk
from services.dashboard.guard import Guard
from services.dashboard.routes import control, learning, money, probes, session, settings, status, stops, work
from shared.domain.errors import MrasterError, Transient

STATIC = Path(__file__).parent / "static"


def create(desk: Desk, static: Path = STATIC) -> FastAPI:
    """Everything wired for one desk. The built page is served when it is there."""
    app = FastAPI(
        title="MrAster dashboard", version=desk.ctx.options.version, docs_url=None, redoc_url=None, openapi_url="/api/openapi.json"
    )
    for part in (probes, session, status, money, learning, work, control, stops, settings):
        app.include_router(part.router(desk))
    app.add_exception_handler(MrasterError, _failed)
    app.add_exception_handler(RequestValidationError, _not_understood)
    _page(app, static)
    app.add_middleware(Guard, keyring=desk.keyring, clock=desk.ctx.clock)
    return app


def _page(app: FastAPI, static: Path) -> None:
    """The single page; a permalink leads into it."""

    @app.get("/d/{decision_id}", include_in_schema=False)
    async def permalink(decision_id: str) -> Response:
        safe = "".join(letter for letter in decision_id if letter.isascii() and letter.isalnum())
        return RedirectResponse(f"/#/d/{safe}", status_code=307)

    if (static / "index.html").is_file():
        app.mount("/", _Files(directory=static, html=True))
        return

    @app.get("/", include_in_schema=False)
    async def not_built() -> Response:
        text = "The page is not built: run `npm ci && npm run build` in services/dashboard/web. The API under /api works without it."
        return Response(text, status_code=503, media_type="text/plain; charset=utf-8")


class _Files(StaticFiles):
    """Files with a hash in their name never change; the page itself is asked for each time."""

    def file_response(self, full_path, stat_result, scope, status_code=200):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
        """See `StaticFiles`."""
        response = super().file_response(full_path, stat_result, scope, status_code)
        hashed = "/assets/" in scope["path"]
        response.headers["cache-control"] = "public, max-age=31536000, immutable" if hashed else "no-cache"
        return response


async def _failed(_request: Request, error: Exception) -> Response:
    """Our own errors as a code with words."""
    code = error.code if isinstance(error, MrasterError) else "error"
    return JSONResponse({"code": code, "message": str(error)}, status_code=503 if isinstance(error, Transient) else 409)


async def _not_understood(_request: Request, error: Exception) -> Response:
    """What was wrong with a request, without repeating what it said."""
    details = error.errors() if isinstance(error, RequestValidationError) else []
    fields = [{"field": ".".join(str(part) for part in one["loc"]), "message": one["msg"]} for one in details]
    return JSONResponse({"code": "invalid_request", "message": "the request does not fit", "fields": fields}, status_code=422)
