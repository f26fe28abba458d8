"""Forms as a browser sends them back when nobody changed anything."""

from html.parser import HTMLParser
from typing import Any


def filled_in(page: Any, form_id: str) -> dict[str, Any]:
    """The fields of a form on a page, with what is in them."""
    form = _Form(form_id)
    form.feed(page.content.decode())
    return form.fields


class _Form(HTMLParser):
    def __init__(self, form_id: str) -> None:
        super().__init__()
        self.fields: dict[str, Any] = {}
        self._id, self._inside, self._select = form_id, False, ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        of = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._inside = of.get("id") == self._id
        elif not self._inside:
            return
        elif tag == "select":
            self._select = of["name"]
        elif tag == "option" and "selected" in of:
            self.fields[self._select] = of["value"]
        elif tag == "input" and of.get("type") != "checkbox":
            self.fields[of["name"]] = of.get("value", "")
        elif tag == "input" and "checked" in of:
            self.fields[of["name"]] = of.get("value", "on")
