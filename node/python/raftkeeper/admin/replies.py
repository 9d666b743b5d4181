"""JSON answers of the admin API, and the one door through which its refusals leave."""

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiohttp import web

from raftkeeper.admin.refusals import AdminRefusal, Code
from raftkeeper.server.logs import get_logger

log = get_logger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def reply(
    body: Mapping[str, Any], *, status: int = 200, headers: Mapping[str, str] | None = None
) -> web.Response:
    """One JSON object, readable as it is."""
    return web.Response(
        text=json.dumps(body, indent=2) + "\n",
        status=status,
        headers=headers,
        content_type="application/json",
    )


def refuse(error: AdminRefusal) -> web.Response:
    """What was not done, and why."""
    headers = {"WWW-Authenticate": "Bearer"} if error.code is Code.UNAUTHENTICATED else {}
    return reply(error.as_json(), status=error.code.status, headers=headers)


@web.middleware
async def refusals_as_json(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refusals, and paths that do not exist, have the same form."""
    try:
        return await handler(request)
    except AdminRefusal as error:
        return refuse(error)
    except web.HTTPNotFound:
        return refuse(
            AdminRefusal(
                Code.NOT_FOUND,
                f"there is no {request.method} {request.path}",
                "see docs/reference/admin-api.md",
            )
        )
    except web.HTTPMethodNotAllowed as error:
        allowed = ", ".join(sorted(error.allowed_methods))
        return refuse(
            AdminRefusal(
                Code.NOT_FOUND,
                f"there is no {request.method} {request.path}",
                f"this path knows {allowed}",
            )
        )
    except web.HTTPException:
        raise
    except Exception as error:
        log.critical("admin.broken", path=request.path, exc_info=error)
        raise
