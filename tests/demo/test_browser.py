"""What the story's browser makes of a page's forms."""

import pytest

from demo.browser import Form, Surprise, read_page

PAGE = """
<form method="get"><input name="q" value="printer"><button>Look</button></form>
<form method="post" action="send/">
  <input type="hidden" name="token" value="t">
  <select name="at"><option value="8">08:00</option><option value="9">09:00</option></select>
  <label><input type="checkbox" name="urgent"> Urgent</label>
  <label>Notes <input name="notes"></label>
  <button>Send</button>
</form>
"""
ADDRESS = "http://convene.example/new/?day=2027-01-04"


def form(button: str) -> Form:
    return read_page(ADDRESS, PAGE).form(button)


def test_a_form_that_asks_is_sent_in_the_address() -> None:
    assert form("Look").sent_from(ADDRESS) == ("http://convene.example/new/?q=printer", None)


def test_a_choice_is_made_by_its_words() -> None:
    filled = form("Send")
    filled.fill("at", "09:00")

    address, sent = filled.sent_from(ADDRESS)

    assert address == "http://convene.example/new/send/"
    assert sent == b"token=t&at=9&notes="


def test_what_nobody_ticked_is_not_sent_and_the_first_choice_is() -> None:
    assert form("Send").sent_from(ADDRESS)[1] == b"token=t&at=8&notes="


def test_what_is_not_offered_cannot_be_chosen() -> None:
    with pytest.raises(Surprise, match=r"only \['08:00', '09:00'\]"):
        form("Send").fill("at", "10:00")
