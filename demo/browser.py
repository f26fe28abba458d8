"""A person at a browser, as far as the story needs one: reads pages, follows links, sends forms."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from html.parser import HTMLParser
from http.cookiejar import CookieJar
from urllib.error import HTTPError
from urllib.parse import urlencode, urljoin
from urllib.request import HTTPCookieProcessor, build_opener

_NEVER_CLOSED = {"br", "hr", "img", "input", "link", "meta"}


class Surprise(Exception):
    """Something is not as it was told; the message is a sentence."""


@dataclass
class Form:
    """What a browser would send if nobody changed anything, and what could be chosen instead."""

    action: str
    method: str = "get"
    fields: dict[str, str] = field(default_factory=dict)
    choices: dict[str, dict[str, str]] = field(default_factory=dict)
    buttons: list[str] = field(default_factory=list)

    def fill(self, name: str, text: str) -> None:
        """Type a text, or choose by the words of the choice."""
        choices = self.choices.get(name)
        if name not in self.fields and choices is None:
            raise Surprise(f"The form {self.buttons} has no field {name!r}.")
        if choices is not None and text not in choices:
            raise Surprise(f"{text!r} cannot be chosen as {name!r}, only {sorted(choices)}.")
        self.fields[name] = choices[text] if choices else text

    def sent_from(self, page: str) -> tuple[str, bytes | None]:
        """The address that it goes to from a page, and what is posted there."""
        address, text = urljoin(page, self.action), urlencode(self.fields)
        if self.method == "post":
            return address, text.encode()
        return urljoin(address, f"?{text}"), None


@dataclass
class Page:
    url: str
    text: str = ""
    links: dict[str, str] = field(default_factory=dict)
    forms: list[Form] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def form(self, button: str) -> Form:
        """The form that a button sends."""
        for form in self.forms:
            if button in form.buttons:
                return form
        raise Surprise(f"There is no button {button!r} on {self.url}.")


class Browser:
    """Keeps cookies and the page it is on."""

    def __init__(self, site: str) -> None:
        self._opener = build_opener(HTTPCookieProcessor(CookieJar()))
        self.page = Page(site)

    def open(self, address: str) -> Page:
        return self._load(urljoin(self.page.url, address))

    def follow(self, words: str) -> Page:
        """Click on the link with these words."""
        if words not in self.page.links:
            raise Surprise(f"There is no link {words!r} on {self.page.url}.")
        return self.open(self.page.links[words])

    def press(self, button: str, **texts: str) -> Page:
        """Fill in the button's form and send it. A page that complains is a Surprise."""
        form = self.page.form(button)
        for name, text in texts.items():
            form.fill(name, text)
        return self._load(*form.sent_from(self.page.url))

    def _load(self, url: str, data: bytes | None = None) -> Page:
        try:
            with self._opener.open(url, data, timeout=30) as response:
                self.page = read_page(response.url, response.read().decode())
        except HTTPError as error:
            page = read_page(url, error.read().decode(errors="replace"))
            said = " ".join(page.problems or page.notices)
            raise Surprise(f"{url} answered {error.code}. {said}".strip()) from None
        return self.page


def read_page(url: str, html: str) -> Page:
    reader = _Reader(url)
    reader.feed(html)
    reader.close()
    reader.page.text = _words(reader.everything)
    return reader.page


@dataclass
class _Open:
    """An element whose words are collected until it ends."""

    depth: int
    done: Callable[[str], object]
    words: list[str] = field(default_factory=list)


class _Reader(HTMLParser):
    def __init__(self, url: str) -> None:
        super().__init__()
        self.page = Page(url)
        self.everything: list[str] = []
        self._tags: list[str] = []
        self._open: list[_Open] = []
        self._select = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if tag not in _NEVER_CLOSED:
            self._tags.append(tag)
        classes = found.get("class", "").split()
        if tag == "form":
            method = found.get("method", "get").lower()
            self.page.forms.append(Form(found.get("action", ""), method))
        elif tag == "a" and "href" in found:
            self._collect(lambda words: self.page.links.setdefault(words, found["href"]))
        elif "alert-success" in classes or "alert-info" in classes:
            self._collect(self.page.notices.append)
        elif "alert" in classes or "field-error" in classes:
            self._collect(self.page.problems.append)
        if self.page.forms:
            self._read_field(tag, found, self.page.forms[-1])

    def _read_field(self, tag: str, found: dict[str, str], form: Form) -> None:
        name = found.get("name", "")
        if tag == "button":
            self._collect(form.buttons.append)
        elif tag == "textarea":
            self._collect(lambda words: form.fields.__setitem__(name, words))
        elif tag == "select":
            self._select = name
            form.choices[name] = {}
        elif tag == "option":
            self._read_option(found, form)
        elif tag == "input" and name:
            can_be_off = found.get("type") in {"checkbox", "radio"}
            if "checked" in found or not can_be_off:
                form.fields[name] = found.get("value", "on" if can_be_off else "")

    def _read_option(self, found: dict[str, str], form: Form) -> None:
        name, value = self._select, found.get("value", "")
        if "selected" in found or name not in form.fields:
            form.fields[name] = value
        self._collect(lambda words: form.choices[name].__setitem__(words, value))

    def handle_data(self, data: str) -> None:
        self.everything.append(data)
        for element in self._open:
            element.words.append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag not in self._tags:
            return
        while self._tags.pop() != tag:
            pass
        while self._open and self._open[-1].depth > len(self._tags):
            element = self._open.pop()
            element.done(_words(element.words))

    def _collect(self, done: Callable[[str], object]) -> None:
        self._open.append(_Open(len(self._tags), done))


def _words(pieces: list[str]) -> str:
    return re.sub(r"\s+", " ", "".join(pieces)).strip()
