"""Logs: one JSON line each, with the tenant and the appointment they are about."""

import logging
import re
from typing import Any

import structlog
from django.http import HttpRequest
from django_structlog.middlewares import RequestMiddleware as StructlogRequestMiddleware

_SHARED: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.format_exc_info,
]
# The key of a password reset, and of a guest's request, is in its address.
_SECRET_PATH = re.compile(r"(/password/reset/key/|/book/[^/]+/r/)[^/]+")


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
                "processor": structlog.processors.JSONRenderer(),
                "foreign_pre_chain": _SHARED,
            }
        },
        "filters": {"no_secret_paths": {"()": NoSecretPaths}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            # Job arguments are ids, but each job would be three lines.
            "procrastinate": {"level": "WARNING"},
            "django_structlog": {"level": level},
            # Its request lines carry whole addresses; our middleware writes them.
            "django.request": {"level": "ERROR", "filters": ["no_secret_paths"]},
            "django.server": {"level": "ERROR"},
        },
    }


class NoSecretPaths(logging.Filter):
    """Django's own line about a page that broke names the page's address."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = _without_secret(record.getMessage()), ()
        return True


def _without_secret(text: str) -> str:
    return _SECRET_PATH.sub(r"\1…", text)


class RequestMiddleware(StructlogRequestMiddleware):
    """Request lines without the secrets that addresses carry."""

    @staticmethod
    def format_request(request: HttpRequest) -> str:
        return f"{request.method} {_without_secret(request.path)}"


log: structlog.stdlib.BoundLogger = structlog.get_logger("convene")
