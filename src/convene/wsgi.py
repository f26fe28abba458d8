"""The WSGI application that gunicorn serves."""

import gc
import os
import sys
from typing import Any

import django
from django.core.exceptions import ImproperlyConfigured
from django.core.handlers.wsgi import WSGIHandler
from django.db import DatabaseError
from django.http import HttpResponse

from convene.api.problems import ProblemMiddleware

NO_BOOT = 3  # gunicorn stops at this code, and starts another process after any other


class Application(WSGIHandler):
    """Serves pages, once the role in the database is known to be one that may not look everywhere.

    A database that is away when the process starts is waited for, as one that goes away later.
    """

    is_known = False

    def look(self) -> HttpResponse | None:
        """Get to know the role; or the answer to whoever comes while the database is away."""
        from convene.health import database_away  # needs the set-up
        from convene.tenancy.db import is_away
        from convene.tenancy.guard import refuse_powerful_role

        try:
            refuse_powerful_role()
        except DatabaseError as error:
            if is_away(error):
                return database_away(error)
            raise
        self.is_known = True
        return None

    def get_response(self, request: Any) -> Any:
        try:
            away = None if self.is_known else self.look()
        except ImproperlyConfigured as error:
            _say(error)
            os._exit(NO_BOOT)  # from one of many threads, and nobody has been served
        if away is None:
            return super().get_response(request)
        return ProblemMiddleware(lambda _request: away)(request)


def _start() -> Application:
    """Set up, or end: a wrong setting is one sentence, not a traceback."""
    try:
        django.setup(set_prefix=False)
        from convene.collected import refuse_old_files  # needs the set-up above

        refuse_old_files()
        application = Application()
        application.look()
    except ImproperlyConfigured as error:
        _say(error)
        sys.exit(NO_BOOT)
    return application


def _say(error: ImproperlyConfigured) -> None:
    print(f"convene: {error}", file=sys.stderr, flush=True)


os.environ.setdefault("DJANGO_SETTINGS_MODULE", "convene.settings")
application = _start()

# What is loaded now stays, and what a request makes is mostly gone by counting references when it
# ends: the collector looks at neither again and again (decision 0012).
gc.collect()
gc.freeze()
gc.set_threshold(50_000, 20, 20)
