"""Is this process alive and is its database there? What people read while it is not."""

import sys

from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.views.defaults import server_error

from convene.logs import log
from convene.tenancy.db import is_away

TRY_AGAIN_AFTER = 30  # seconds


def healthz(request: HttpRequest) -> HttpResponse:
    """200 "ok"; 503 when the database does not answer."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return HttpResponse("ok", content_type="text/plain")


def broken(request: HttpRequest) -> HttpResponse:
    """The answer to a page that broke: 503 for want of the database, else 500."""
    error = sys.exc_info()[1]
    return database_away(error) if error and is_away(error) else server_error(request)


def database_away(error: BaseException) -> HttpResponse:
    """It comes right by itself: nobody has to look for a mistake of ours."""
    log.warning("web.database_away", reason=str(error))
    page = render_to_string("503.html")
    return HttpResponse(page, status=503, headers={"Retry-After": str(TRY_AGAIN_AFTER)})
