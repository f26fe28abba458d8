"""The WSGI application that gunicorn serves."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "convene.settings")
application = get_wsgi_application()

from convene.tenancy.guard import refuse_powerful_role  # noqa: E402  # needs the set-up above

refuse_powerful_role()
