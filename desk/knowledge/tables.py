"""A CSV export of any help desk: which column is what, and each row as an entry."""

import re
from collections.abc import Iterator

from desk.knowledge.csv_table import Row, delimiter_of, rows
from desk.knowledge.entries import FIELDS, Entry, complete
from desk.knowledge.found import Defaults, Found, Skipped, excerpt
from desk.knowledge.html_page import read_page
from desk.knowledge.markdown_text import clean_markdown
from desk.knowledge.markup import Excess
from desk.knowledge.noticed import Noticed
from desk.policies.validation import did_you_mean
from desk.policies.yaml_source import Document, Key

_MEANINGS = {
    "title": ("title", "name", "question", "subject", "article_title"),
    "body": ("body", "content", "answer", "text", "html", "markdown", "article_body", "description"),
    "id": ("id", "article_id", "slug", "key"),
    "section": ("section", "category", "topic", "folder", "section_name", "category_name"),
    "address": ("url", "html_url", "link", "permalink"),
    "locale": ("locale", "language", "lang"),
    "owner": ("owner", "author", "author_name"),
}
"""What we call it → what columns are called, the best first."""
_LISTS = ("channels", "supersedes")
_HTML = re.compile(r"<(?:p|br|div|ul|ol|li|h[1-6]|table|span|strong|em|b|i|a)\b[^>]{0,2000}>", re.IGNORECASE)


def read_table(text: str, *, file: str, defaults: Defaults) -> Iterator[Found | Skipped]:
    """The articles of a table, each row read or skipped by itself."""
    table = rows(text, delimiter=delimiter_of(text))
    header = next(table, None)
    names = [re.sub(r"[^a-z0-9]+", "_", cell.lower()).strip("_") for cell in header.cells] if header else []
    columns = {name: index for index, name in reversed(list(enumerate(names)))}
    meant = {
        what: next((columns[name] for name in called if name in columns), None) for what, called in _MEANINGS.items()
    }
    if problem := _problem_of_header(header, names, meant):
        yield Skipped.at(f"{file}:{header.line if header else 1}", "csv", problem)
        return
    for row in table:
        yield _read(row, columns=columns, meant=meant, file=file, defaults=defaults)


def _problem_of_header(header: Row | None, names: list[str], meant: dict[str, int | None]) -> str:
    if header is None:
        return "is empty; write its rows or remove the file"
    if header.error:
        return header.error
    missing = [what for what in ("title", "body") if meant[what] is None]
    if missing:
        return f"has no column {' and no column '.join(missing)}; name the columns in the first row"
    known = {name for called in _MEANINGS.values() for name in called} | FIELDS
    for name in names:
        if name not in known and len(name) > 4 and (near := did_you_mean(name, FIELDS, cutoff=0.8)):
            return f"the column {excerpt(name)!r} is not known{near} Rename or remove it"
    return ""


def _read(
    row: Row, *, columns: dict[str, int], meant: dict[str, int | None], file: str, defaults: Defaults
) -> Found | Skipped:
    where = f"{file}:{row.line}"
    if row.error:
        return Skipped.at(where, "csv", row.error)

    def cell(what: str) -> str:
        index = meant.get(what)
        return row.cells[index].strip() if index is not None else ""

    noticed = Noticed(file=file, allowed_hosts=defaults.allowed_hosts, line=row.line)
    title, written = cell("title"), cell("body")
    try:
        if _HTML.search(written):
            page = read_page(written, noticed=noticed)
            body, heading = page.body, page.title
        else:
            body, heading = clean_markdown(written, noticed=noticed, first_line=1), ""
    except Excess as exc:
        return Skipped.at(where, exc.code, f"“{excerpt(title)}”: {exc}")
    said = {name: row.cells[columns[name]].strip() for name in FIELDS if name in columns}
    said = {name: value for name, value in said.items() if value and name not in ("id", "owner", "locale", "title")}
    listed = {name: tuple(re.split(r"[\s,;|]+", str(said[name]))) for name in _LISTS if name in said}
    lines: dict[Key, int] = {(): row.line}
    number = cell("id")
    return complete(
        Entry(
            document=Document(file=file, value={**said, **listed}, lines=lines),
            body=body,
            title=title or heading,
            path=f"{file}#{excerpt(number)}" if number else f"{file}:{row.line}",
            name=number or title or heading or where,
            source=said.get("source") or cell("address") or f"{file} {excerpt(number or title)}".strip(),
            sections=[cell("section")] if cell("section") else [],
            implied={"owner": cell("owner"), "locale": cell("locale").partition("-")[0].lower()},
            first_line=row.line,
            called=f"“{excerpt(title)}”" if title else "",
        ),
        noticed=noticed,
        defaults=defaults,
    )
