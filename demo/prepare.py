"""`python -m demo.prepare`: brings the database up to date and puts the demo's people into it."""

import os

import django
from django.core.management import call_command


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "convene.settings")
    django.setup()
    from demo.seed import seed  # needs the models

    call_command("migrate", verbosity=0)
    seed()


if __name__ == "__main__":
    main()
