"""The WSGI application that gunicorn serves."""

import gc
import os
import sys
from pathlib import Path

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.handlers.wsgi import WSGIHandler
from django.core.wsgi import get_wsgi_application

NO_BOOT = 3  # gunicorn stops at this code, and starts another process after any other


def _start() -> WSGIHandler:
    """Set up, or end: a wrong setting is one sentence, not a traceback."""
    try:
        _refuse_missing_files()
        handler = get_wsgi_application()
        from convene.tenancy.guard import refuse_powerful_role  # needs the set-up above

        refuse_powerful_role()
    except ImproperlyConfigured as error:
        print(f"convene: {error}", file=sys.stderr, flush=True)
        sys.exit(NO_BOOT)
    return handler


def _refuse_missing_files() -> None:
    """Raise ImproperlyConfigured without the files for browsers; development does not collect."""
    root = settings.STATIC_ROOT
    if root and not Path(root, "staticfiles.json").exists():
        raise ImproperlyConfigured(
            f"There are no files for browsers in {root}. Run convene collectstatic --no-input, with"
            " the same CONVENE_STATIC_ROOT."
        )


os.environ.setdefault("DJANGO_SETTINGS_MODULE", "convene.settings")
application = _start()

# What is loaded now stays, and what a request makes is mostly gone by counting references when it
# ends: the collector looks at neither again and again (decision 0012).
gc.collect()
gc.freeze()
gc.set_threshold(50_000, 20, 20)
