"""Logs: one JSON line each, with the tenant and the appointment they are about."""

import logging
import re
from collections.abc import MutableMapping
from typing import Any

import structlog
from django.http import HttpRequest, HttpResponse
from django_structlog.middlewares import RequestMiddleware as StructlogRequestMiddleware

_SHARED: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.format_exc_info,
]
# The key of a password reset, and of a guest's request, is in its address.
_SECRET_PATH = re.compile(r"""(/password/reset/key/|/book/[^/\s"]+/r/)[^/\s"'\\]+""")
# Of the API, wherever somebody has put it.
_API_KEY = re.compile(r"cvn_\w+")
PROBE = "/healthz"
_to_json = structlog.processors.JSONRenderer()


def _line(logger: Any, method: str, fields: MutableMapping[str, Any]) -> str:
    """The line as it is written: whoever wrote an address into it, its secret is not there."""
    line = _SECRET_PATH.sub(r"\1...", str(_to_json(logger, method, fields)))
    return _API_KEY.sub("cvn_...", line)


def configure() -> None:
    """Make structlog write through the standard library's logging."""
    structlog.configure(
        processors=[*_SHARED, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def logging_settings(level: str) -> dict[str, Any]:
    """Django's LOGGING: everything to standard error as JSON."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "json": {
                "()": structlog.stdlib.ProcessorFormatter,
                "processor": _line,
                "foreign_pre_chain": _SHARED,
            }
        },
        "filters": {"warning": {"()": AsWarning}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            # Job arguments are ids, but each job would be three lines.
            "procrastinate": {"level": "WARNING"},
            "django_structlog": {"level": level},
            # Our middleware writes the requests' lines.
            "django.request": {"level": "ERROR"},
            "django.server": {"level": "ERROR"},
            # Whoever scans the network asks for any host; they are answered with 400.
            "django.security.DisallowedHost": {"filters": ["warning"]},
        },
    }


class AsWarning(logging.Filter):
    """Nothing is broken, and nobody has to look at a traceback."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.levelno, record.levelname = logging.WARNING, "WARNING"
        record.exc_info = None
        return True


class RequestMiddleware(StructlogRequestMiddleware):
    """Request lines without what is searched and filtered for; none of a probe that is well."""

    def prepare(self, request: HttpRequest) -> None:
        if request.path != PROBE:
            super().prepare(request)

    def handle_response(self, request: HttpRequest, response: HttpResponse) -> None:
        if request.path != PROBE or response.status_code != 200:
            super().handle_response(request, response)

    @staticmethod
    def format_request(request: HttpRequest) -> str:
        return f"{request.method} {request.path}"


log: structlog.stdlib.BoundLogger = structlog.get_logger("convene")
