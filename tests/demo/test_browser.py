"""What the story's browser makes of a page's forms."""

import pytest

from demo.browser import Form, Surprise, read_page

PAGE = """
<form method="get"><input name="q" value="printer"><button>Look</button></form>
<form method="post" action="send/">
  <input type="hidden" name="token" value="t">
  <label><input type="radio" name="at" value="2027-01-04T08:00:00+00:00"> 08:00</label>
  <label><input type="radio" name="at" value="2027-01-04T08:30:00+00:00"> 08:30</label>
  <label>Notes <input name="notes"></label>
  <button>Send</button>
  <button name="show" value="2027-01-05">5</button>
</form>
"""
ADDRESS = "http://convene.example/new/?day=2027-01-04"


def form(button: str) -> Form:
    return read_page(ADDRESS, PAGE).form(button)


def test_a_form_that_asks_is_sent_in_the_address() -> None:
    assert form("Look").sent_from(ADDRESS) == ("http://convene.example/new/?q=printer", None)


def test_radio_buttons_are_chosen_by_the_words_next_to_them() -> None:
    filled = form("Send")
    filled.fill("at", "08:30")

    address, sent = filled.sent_from(ADDRESS)

    assert address == "http://convene.example/new/send/"
    assert sent == b"token=t&notes=&at=2027-01-04T08%3A30%3A00%2B00%3A00"


def test_what_nobody_chose_is_not_sent() -> None:
    assert form("Send").sent_from(ADDRESS)[1] == b"token=t&notes="


def test_a_time_that_is_not_offered_cannot_be_chosen() -> None:
    with pytest.raises(Surprise, match=r"only \['08:00', '08:30'\]"):
        form("Send").fill("at", "09:00")


def test_a_button_says_what_it_is_named() -> None:
    asked = form("5")

    assert asked.sent_from(ADDRESS, "5")[1] == b"token=t&notes=&show=2027-01-05"
    assert asked.sent_from(ADDRESS, "Send")[1] == b"token=t&notes="
