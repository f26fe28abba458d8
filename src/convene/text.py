"""Text from people, made fit for places that take one line."""

import unicodedata

_BREAKING = {"Cc", "Cs", "Zl", "Zp"}  # controls, lone surrogates, line and paragraph separators


def one_line(text: str, longest: int = 255) -> str:
    """The text without control characters and line breaks, spaces folded, cut with "…"."""
    printable = (" " if unicodedata.category(c) in _BREAKING else c for c in text)
    line = " ".join("".join(printable).split())
    return line if len(line) <= longest else line[: longest - 1].rstrip() + "…"
