"""Text from people in places where there is little room."""

import pytest

from convene.text import initials


@pytest.mark.parametrize(
    ("name", "letters"),
    [
        ("Northwind IT", "NI"),
        ("Convene", "C"),
        ("ada de la Cruz", "AC"),
        ("Smith & Sons", "SS"),
        ("Åse Ødegård", "ÅØ"),
        ("& Co", "C"),
        ("!", "!"),
    ],
)
def test_a_name_is_known_by_its_first_letters(name, letters):
    assert initials(name) == letters
