"""The catalogues of messages: `make messages` writes them anew, `--check` only looks.

`en` holds every text that people read, as it stands in the code; translators begin with it. The
pseudo locale `en-XA` is made of it: the same texts, longer and with accents, so that a text that
cannot be translated, or has no room, is seen by somebody who reads English. Needs no GNU gettext.
"""

import io
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polib
from babel.messages.catalog import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir, extract_python
from django.utils.translation.template import templatize

PACKAGES = (Path("src/convene"), Path("ee/src/convene_teams"))
PLURALS = "nplurals=2; plural=(n != 1);"
METHODS = [
    ("**/migrations/**", "ignore"),
    ("**.py", "python"),
    ("**/templates/**.html", "tools.messages:template"),
    ("**/templates/**.txt", "tools.messages:template"),
]
KEYWORDS = DEFAULT_KEYWORDS | {"gettext_lazy": None, "ngettext_lazy": (1, 2)}
# What a pseudo text must leave as it is: placeholders, tags and entities.
KEPT = re.compile(r"(%\(\w+\)[sd]|%%|%[sd]|\{\w*\}|<[^>]+>|&\w+;)")
ACCENTS = str.maketrans("AEIOUCNSYaeioucnsy", "ÀÉÎÕÜÇÑŠÝàéîõüçñšý")


def main() -> None:
    stale = False
    for package in (package for package in PACKAGES if package.exists()):
        source = messages_of(package)
        for locale, catalogue in (("en", source), ("en_XA", pseudo(source))):
            path = package / "locale" / locale / "LC_MESSAGES" / "django.po"
            stale |= _keep(path, str(catalogue), only_look="--check" in sys.argv)
    if stale:
        sys.exit(
            "The catalogues of messages are old: run make messages, and commit what it writes."
        )
    if errors := list(_errors()):
        sys.exit("\n".join(errors))


def messages_of(package: Path) -> polib.POFile:
    """Every text in a package that people read, in order."""
    found = Catalog()
    extracted = extract_from_dir(package, METHODS, keywords=KEYWORDS)
    for name, _line, text, comments, context in extracted:
        found.add(text, None, [(name, 0)], auto_comments=comments, context=context)
    catalogue = _catalogue("en")
    for message in sorted(found, key=lambda message: (str(message.id), message.context or "")):
        if message.id:
            catalogue.append(_entry(message))
    return catalogue


def pseudo(source: polib.POFile) -> polib.POFile:
    """The same texts, longer and with accents, for people who look for what was forgotten."""
    catalogue = _catalogue("en_XA")
    for entry in source:
        made = polib.POEntry(
            msgid=entry.msgid,
            msgid_plural=entry.msgid_plural,
            msgctxt=entry.msgctxt,
            flags=list(entry.flags),
        )
        if entry.msgid_plural:
            made.msgstr_plural = {0: disguise(entry.msgid), 1: disguise(entry.msgid_plural)}
        else:
            made.msgstr = disguise(entry.msgid)
        catalogue.append(made)
    return catalogue


def disguise(text: str) -> str:
    """``Save %(name)s`` becomes ``[Šàvé %(name)s~~]``."""
    parts = KEPT.split(text)
    changed = [part if i % 2 else part.translate(ACCENTS) for i, part in enumerate(parts)]
    return f"[{''.join(changed)}{'~' * (len(text) // 4 + 1)}]"


def template(file: Any, keywords: Any, comment_tags: Any, options: Any) -> Iterator[Any]:
    """For Babel: what a Django template marks."""
    code = templatize(file.read().decode())
    # What is left of a page is no Python: its indentation would be an error.
    lines = "\n".join(line.lstrip() for line in code.split("\n"))
    return extract_python(io.BytesIO(lines.encode()), keywords, comment_tags, options)


def _catalogue(language: str) -> polib.POFile:
    catalogue = polib.POFile(wrapwidth=100)
    catalogue.metadata = {
        "Language": language,
        "MIME-Version": "1.0",
        "Content-Type": "text/plain; charset=UTF-8",
        "Content-Transfer-Encoding": "8bit",
        "Plural-Forms": PLURALS,
    }
    return catalogue


def _entry(message: Any) -> polib.POEntry:
    msgid, plural = message.id if isinstance(message.id, tuple) else (message.id, "")
    return polib.POEntry(
        msgid=msgid,
        msgid_plural=plural,
        msgstr_plural={0: "", 1: ""} if plural else {},
        msgctxt=message.context,
        occurrences=[(name, "") for name in sorted({name for name, _line in message.locations})],
        flags=["python-format"] if message.python_format else [],
    )


def _keep(path: Path, text: str, *, only_look: bool) -> bool:
    """Whether a catalogue is not what it should be, and stays so."""
    if path.exists() and path.read_text() == text:
        return False
    if not only_look:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return only_look


def _errors() -> Iterator[str]:
    """Translations that would break a page, in all languages there are."""
    for package in PACKAGES:
        for path in sorted(package.glob("locale/*/LC_MESSAGES/*.po")):
            for entry in polib.pofile(str(path)):
                for text in filter(None, [entry.msgstr, *entry.msgstr_plural.values()]):
                    if _placeholders(text) not in map(
                        _placeholders, (entry.msgid, entry.msgid_plural)
                    ):
                        yield f"{path}: other placeholders than in {entry.msgid!r}"


def _placeholders(text: str) -> set[str]:
    return {found for found in KEPT.findall(text) if found.startswith(("%", "{"))}


if __name__ == "__main__":
    main()
