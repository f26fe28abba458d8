"""The WSGI application that gunicorn serves."""

import gc
import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "convene.settings")
application = get_wsgi_application()

from convene.tenancy.guard import refuse_powerful_role  # noqa: E402  # needs the set-up above

refuse_powerful_role()

# What is loaded now stays, and what a request makes is mostly gone by counting references when it
# ends: the collector looks at neither again and again (decision 0012).
gc.collect()
gc.freeze()
gc.set_threshold(50_000, 20, 20)
