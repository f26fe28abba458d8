"""A person who can sign in, the mails about that, and the table behind the cache."""

import uuid
from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.utils.translation import gettext_lazy as _

from convene.text import initials


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, name: str, password: str | None = None) -> "User":
        """A new person; without a password they set one through the invitation's link.

        Raises ValidationError.
        """
        user = self.model(email=email, name=name)
        user.set_password(password)
        user.full_clean()
        user.save()
        return user


class User(AbstractBaseUser):
    """One person, whatever the number of MSPs they belong to."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    email = models.EmailField(_("e-mail"), unique=True)
    name = models.CharField(_("name"), max_length=100)
    is_active = models.BooleanField(_("active"), default=True)
    # People are a table copied to every node: no write to it at each sign-in.
    last_login = None

    objects = UserManager()

    EMAIL_FIELD = "email"
    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["name"]

    class Meta:
        db_table = "users"

    def __str__(self) -> str:
        return self.name

    @property
    def initials(self) -> str:
        return initials(self.name)

    def clean(self) -> None:
        super().clean()
        self.email = self.email.strip().lower()


class AccountMail(models.Model):
    """A mail about signing in that waits for the worker; gone once it is sent.

    The job names only the row: the secret link of a password reset stays out of jobs and logs.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    to = models.EmailField()
    subject = models.CharField(max_length=255)
    body = models.TextField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "account_mails"

    def __str__(self) -> str:
        return self.subject


class CacheEntry(models.Model):
    """The table of Django's database cache; all processes count sign-in attempts there."""

    cache_key = models.CharField(max_length=255, primary_key=True)
    value = models.TextField()
    expires = models.DateTimeField(db_index=True)

    class Meta:
        db_table = "cache_entries"

    def __str__(self) -> str:
        return self.cache_key

    def save(self, *args: Any, **kwargs: Any) -> None:
        raise TypeError("Cache entries are written by the cache.")
