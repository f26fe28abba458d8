"""Text from people, made fit for places that take one line."""

import unicodedata

_BREAKING = {"Cc", "Cs", "Zl", "Zp"}  # controls, lone surrogates, line and paragraph separators


def one_line(text: str, longest: int = 255) -> str:
    """The text without control characters and line breaks, spaces folded, cut with "…"."""
    printable = (" " if unicodedata.category(c) in _BREAKING else c for c in text)
    line = " ".join("".join(printable).split())
    return line if len(line) <= longest else line[: longest - 1].rstrip() + "…"


def initials(name: str) -> str:
    """One letter or two that stand for a name where there is no room for it: "Northwind IT", NI."""
    words = [word for word in name.split() if word[0].isalnum()] or [name]
    return "".join(word[0] for word in (words[0], *words[1:][-1:])).upper()
