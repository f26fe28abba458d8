"""Settings. Everything comes from the environment; docs/settings.md lists each variable.

Production is the default and refuses to start with anything left open. ``CONVENE_MODE=development``
is for trying the product and working on it: it has defaults for all, and a database of its own.
"""

import re
import zoneinfo
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _

from convene import logs, plugins, sealed
from convene.environment import address, database, env, env_int, env_list, listed, must

# A server's own zone data may be years old and Python would read it first: the pinned tzdata
# package is the only source (America/Vancouver changed in 2026).
zoneinfo.reset_tzpath(to=[])


def _required(name: str, development: str) -> str:
    """A value that production must be given."""
    value = env(name, development if DEVELOPMENT else "")
    must(
        value and (DEVELOPMENT or value != development),
        f"{name} is not set. Set it (docs/settings.md), or CONVENE_MODE=development to try"
        " Convene on this machine.",
    )
    return value


MODE = env("CONVENE_MODE", "production")
must(
    MODE in {"production", "development"},
    f"CONVENE_MODE is production or development, not {MODE!r}.",
)
DEVELOPMENT = MODE == "development"
DEBUG = env("CONVENE_DEBUG") == "1" and DEVELOPMENT

# Secrets: the first signs sessions and links, the others seal what is stored (newest first).
SECRET_KEY = _required("CONVENE_SECRET_KEY", "development-only-" + "0" * 50)
must(
    DEVELOPMENT or (len(SECRET_KEY) >= 50 and len(set(SECRET_KEY)) >= 10),
    "CONVENE_SECRET_KEY can be guessed: it needs 50 random characters or more. docs/settings.md"
    " says how to make one.",
)
_DEVELOPMENT_KEY = "ZGV2ZWxvcG1lbnQtb25seS0wMDAwMDAwMDAwMDAwMDA="
CONVENE_SECRET_KEYS = listed(_required("CONVENE_SECRET_KEYS", _DEVELOPMENT_KEY))
must(
    CONVENE_SECRET_KEYS
    and all(map(sealed.is_key, CONVENE_SECRET_KEYS))
    and (DEVELOPMENT or _DEVELOPMENT_KEY not in CONVENE_SECRET_KEYS),
    "CONVENE_SECRET_KEYS holds something that is no key. docs/settings.md says how to make one.",
)

# Where people reach us: links in mails, allowed hosts and secure cookies follow from it.
CONVENE_BASE_URL = _required("CONVENE_BASE_URL", "http://127.0.0.1:8000").rstrip("/")
_base = address("CONVENE_BASE_URL", CONVENE_BASE_URL, "https", *(["http"] if DEVELOPMENT else []))
must(
    f"{_base.scheme}://{_base.netloc}" == CONVENE_BASE_URL and not _base.username,
    "CONVENE_BASE_URL must end with the host or its port: Convene has a host of its own.",
)
_https = _base.scheme == "https"
ALLOWED_HOSTS = [_base.hostname or "", *env_list("CONVENE_ALLOWED_HOSTS")]
if DEVELOPMENT:
    ALLOWED_HOSTS += ["localhost", "127.0.0.1", "[::1]", "testserver"]
CSRF_TRUSTED_ORIGINS = [CONVENE_BASE_URL]
TRUSTED_PROXIES = env_int("CONVENE_TRUSTED_PROXIES", 0)
ALLAUTH_TRUSTED_PROXY_COUNT = TRUSTED_PROXIES
if TRUSTED_PROXIES:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_SSL_REDIRECT = _https
SECURE_REDIRECT_EXEMPT = [r"^healthz$"]
SECURE_HSTS_SECONDS = 31_536_000 if _https else 0
# Other hosts of the MSP's domain are not ours to decide about.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _https
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "img-src": ["'self'", "data:"],  # Tabler's icons in its stylesheet
        "object-src": ["'none'"],
        "base-uri": ["'none'"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'none'"],
    }
}


def _database(url_variable: str, data_dir: Path) -> dict[str, Any]:
    """A database from its URL; in development without one, the embedded server."""
    if url := env(url_variable):
        found = database(url_variable, url) | {"ENGINE": "convene.tenancy.pg"}
    elif DEVELOPMENT:
        found = {"ENGINE": "convene.tenancy.pg", "NAME": "convene", "EMBEDDED": str(data_dir)}
    else:
        raise ImproperlyConfigured(f"{url_variable} is not set. docs/settings.md says how.")
    options = {"connect_timeout": DATABASE_PATIENCE} | found.get("OPTIONS", {})
    options |= {"server_side_binding": True}
    if DATABASE_POOL:
        # What is asked again on a connection that is kept is planned once (decision 0010).
        pool = {"min_size": 1, "max_size": DATABASE_POOL, "timeout": DATABASE_PATIENCE}
        # It tries at longer and longer intervals; who asks after this time makes it try at once.
        pool["reconnect_timeout"] = DATABASE_PATIENCE
        options |= {"pool": pool, "prepare_threshold": 2}
    # A connection that died in the pool, with the server say, is noticed and replaced.
    return found | {"OPTIONS": options, "CONN_HEALTH_CHECKS": True}


# The app's role may only read and write rows; the owner's role is for `convene migrate` alone.
DATA_DIR = Path(env("CONVENE_DATA_DIR", str(Path.cwd() / ".data")))
DATABASE_POOL = env_int("CONVENE_DATABASE_POOL", 20)
# For a connection, in seconds: whoever waits for a database that is away holds a thread meanwhile.
DATABASE_PATIENCE = 5
DATABASES = {"default": _database("DATABASE_URL", DATA_DIR / "postgres")}
if env("DATABASE_OWNER_URL") or (DEVELOPMENT and not env("DATABASE_URL")):
    DATABASES["owner"] = _database("DATABASE_OWNER_URL", DATA_DIR / "postgres")
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "cache_entries",
        # Past this entries are thrown away, and what they count is forgotten.
        "OPTIONS": {"MAX_ENTRIES": 20_000},
    }
}

INSTALLED_APPS = [
    "convene.accounts",
    "convene.tenancy",
    "convene.events",
    "convene.mail",
    "convene.clients",
    "convene.catalog",
    "convene.schedule",
    "convene.availability",
    "convene.appointments",
    "convene.portal",
    "convene.api",
    "procrastinate.contrib.django",
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "django.forms",
    "allauth",
    "allauth.account",
    "csp",
    "django_htmx",
    "django_structlog",
    "template_partials",
    *plugins.installed_apps(),
]

MIDDLEWARE = [
    "convene.api.problems.ProblemMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "convene.logs.RequestMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "convene.pages.SignInMiddleware",
    "allauth.account.middleware.AccountMiddleware",
]

ROOT_URLCONF = "convene.urls"
WSGI_APPLICATION = "convene.wsgi.application"
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [Path(__file__).parent / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.messages.context_processors.messages",
                "convene.tenancy.pages.place",
                "convene.settings_tabs.settings_link",
                "convene.appointments.attention.in_navigation",
            ],
            "builtins": ["template_partials.templatetags.partials"],
        },
    }
]

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "home"
ACCOUNT_ADAPTER = "convene.accounts.adapter.AccountAdapter"
ACCOUNT_FORMS = {
    "login": "convene.accounts.forms.LoginForm",
    "reset_password": "convene.accounts.forms.ResetPasswordForm",
    "reset_password_from_key": "convene.accounts.forms.ResetPasswordKeyForm",
}
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]  # sign-up is closed; allauth asks all the same
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_USER_DISPLAY = str
ACCOUNT_EMAIL_VERIFICATION = "none"  # people are invited by mail: the invitation proves it
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_RATE_LIMITS = {
    "login_failed": "10/m/ip,5/5m/key",
    "reset_password": "20/h/ip,5/h/key",  # each one is a mail, to any address
    "book_from_address": "20/h/key",
    "book_for_email": "5/h/key",
    "book_in_tenant": "100/h/key",
}

# Mail leaves through the worker only.
_smtp = address(
    "CONVENE_SMTP_URL",
    _required("CONVENE_SMTP_URL", "smtp://127.0.0.1:1025"),
    *("smtp", "smtp+starttls", "smtps"),
)
EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
EMAIL_HOST = _smtp.hostname or ""
EMAIL_PORT = _smtp.port or (465 if _smtp.scheme == "smtps" else 587)
EMAIL_HOST_USER = unquote(_smtp.username or "")
EMAIL_HOST_PASSWORD = unquote(_smtp.password or "")
EMAIL_USE_SSL = _smtp.scheme == "smtps"
EMAIL_USE_TLS = _smtp.scheme == "smtp+starttls"
EMAIL_TIMEOUT = 20
CONVENE_MAIL_FROM = DEFAULT_FROM_EMAIL = _required("CONVENE_MAIL_FROM", "convene@localhost")
must(
    re.fullmatch(r"[^@\s<>,]+@[^@\s<>,]+", CONVENE_MAIL_FROM),
    "CONVENE_MAIL_FROM must be an e-mail address and nothing else.",
)

LANGUAGES = [("en", _("English")), ("en-XA", "[Ëñglîšh~~]")]  # the second is made up, for testers
LANGUAGE_CODE = env("CONVENE_LANGUAGE", "en")
must(
    LANGUAGE_CODE in dict(LANGUAGES),
    f"CONVENE_LANGUAGE is {' or '.join(dict(LANGUAGES))}, not {LANGUAGE_CODE!r}.",
)
LOCALE_PATHS = [Path(__file__).parent / "locale"]
USE_TZ = True
TIME_ZONE = "UTC"

STATIC_URL = "static/"
# In development files are served from where they are; production collects them first.
STATIC_ROOT = None if DEVELOPMENT else env("CONVENE_STATIC_ROOT", str(Path.cwd() / "staticfiles"))
STATICFILES_DIRS = [Path(__file__).parent / "static"]
WHITENOISE_USE_FINDERS = DEVELOPMENT
STORAGES = {
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEVELOPMENT
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    }
}

DJANGO_STRUCTLOG_IP_LOGGING_ENABLED = False  # it would believe any X-Forwarded-For
_log_level = env("CONVENE_LOG_LEVEL", "INFO").upper()
must(
    _log_level in {"DEBUG", "INFO", "WARNING", "ERROR"},
    f"CONVENE_LOG_LEVEL is DEBUG, INFO, WARNING or ERROR, not {_log_level!r}.",
)
LOGGING = logs.logging_settings(_log_level)
logs.configure()
