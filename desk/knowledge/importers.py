"""Articles from outside: folders of Markdown and HTML, a help centre's export, a CSV table (R4.7).

``sources_in`` says what there is to read, ``read_sources`` reads it, one article after the other. Nothing is stored
here; what cannot be read is a value like what can, with its place and the reason, and never ends the import.
"""

import os
import re
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from desk.knowledge.encoding import NotText, Text, read_text
from desk.knowledge.entries import Entry, complete
from desk.knowledge.found import Defaults, Found, Notice, Skipped
from desk.knowledge.help_centre import Surroundings, read_help_centre
from desk.knowledge.html_page import MAX_TEXT, read_page
from desk.knowledge.markdown_text import clean_markdown
from desk.knowledge.markup import Excess, names
from desk.knowledge.noticed import Noticed
from desk.knowledge.tables import read_table
from desk.policies.yaml_source import Document, Problem, parse_front_matter

__all__ = [
    "Defaults",
    "Found",
    "Notice",
    "Skipped",
    "Source",
    "read_markdown",
    "read_source",
    "read_sources",
    "sources_in",
]

Kind = Literal["markdown", "html", "help_centre", "table", "unreadable"]

_KINDS: dict[str, Kind] = {
    ".md": "markdown", ".markdown": "markdown", ".html": "html", ".htm": "html", ".xhtml": "html",
    ".json": "help_centre", ".csv": "table", ".tsv": "table",
}  # fmt: skip
_DOCUMENTS = names(".pdf .doc .docx .odt .rtf .txt .rst .adoc .mdx .pages .xlsx .xls .ods .xml .ppt .pptx")
"""Files that may hold an article and are not read: they are named in the report. Pictures and the like are not."""
_LIMITS: Mapping[Kind, int] = {
    "markdown": 5_000_000, "html": 10_000_000, "help_centre": 200_000_000, "table": 200_000_000,
}  # fmt: skip
_COMPANIONS = ("sections", "categories", "user_segments")
_MAX_FRONT_MATTER = 64_000


@dataclass(frozen=True, kw_only=True)
class Source:
    """One file to read."""

    path: Path
    name: str
    """As reports call it: relative to what was named, printable."""
    kind: Kind
    why: str = ""
    """For ``unreadable``: the reason."""
    companions: tuple[Path, ...] = ()
    """Files of the same export that name its sections."""
    size: int = 0


def sources_in(path: Path) -> list[Source]:
    """What there is to read at this path, a folder or a file, in a stable order. Links are not followed.

    Raises ``FileNotFoundError`` when there is nothing at the path.
    """
    if path.is_file():
        return [_source(path.resolve(), path.name, ())]
    if not path.is_dir():
        raise FileNotFoundError(path)
    found = sorted(_files(path), key=lambda file: os.fsencode(file.relative_to(path).as_posix()))
    companions: dict[Path, tuple[Path, ...]] = {}
    for file in found:
        if _is_companion(file):
            companions[file.parent] = (*companions.get(file.parent, ()), file)
    return [
        _source(file, file.relative_to(path).as_posix(), companions.get(file.parent, ()))
        for file in found
        if not _is_companion(file) and (file.suffix.lower() in _KINDS.keys() | _DOCUMENTS or _is_linked_folder(file))
    ]


def read_sources(sources: Iterable[Source], *, defaults: Defaults) -> Iterator[Found | Skipped]:
    """Everything that is in the sources: every article once, none that would replace itself in a circle."""
    return _Reading(defaults=defaults).read(sources)


def read_source(source: Source, *, defaults: Defaults) -> Iterator[Found | Skipped]:
    """What is in one source, looked at by itself."""
    if source.kind == "unreadable":
        yield _skipped(source.name, 1, "format" if not source.path.is_symlink() else "link", source.why)
        return
    try:
        raw = _bytes(source.path, limit=_LIMITS[source.kind])
        read = read_text(raw, may_declare=source.kind == "html")
    except OSError as exc:
        message = f"cannot be read ({exc.strerror or exc}); check the file and its permissions"
        yield _skipped(source.name, 1, "unreadable", message)
        return
    except _TooBig:
        limit = _LIMITS[source.kind] // 1_000_000
        yield _skipped(source.name, 1, "too_large", f"is larger than {limit} MB; split it, or take out what is no text")
        return
    except NotText as exc:
        yield _skipped(source.name, exc.line, exc.code, str(exc))
        return
    match source.kind:
        case "markdown":
            yield _markdown(source, read, defaults)
        case "html":
            yield _html(source, read, defaults)
        case "help_centre":
            yield from _remarked(source, read, read_help_centre(
                read.text, file=source.name, around=_surroundings(source), defaults=defaults))  # fmt: skip
        case "table":
            yield from _remarked(source, read, read_table(read.text, file=source.name, defaults=defaults))


def read_markdown(text: str, *, name: str, defaults: Defaults) -> Found | Skipped:
    """One article that is a text already; ``name`` is what reports call it."""
    return _markdown(Source(path=Path(name), name=name, kind="markdown"), Text(text=text), defaults)


@dataclass(kw_only=True)
class _Reading:
    """What must be known across sources: ids that are taken, and who supersedes whom."""

    defaults: Defaults
    taken: dict[str, str] = field(default_factory=dict)
    """Article id → where it was first found."""
    supersedes: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def read(self, sources: Iterable[Source]) -> Iterator[Found | Skipped]:
        # An article that supersedes others waits until all are known, its source and place and not its text.
        waiting: dict[Source, set[str]] = {}
        for source in sources:
            for item in read_source(source, defaults=self.defaults):
                if isinstance(item, Skipped):
                    yield item
                elif (first := self.taken.get(item.article.id)) is not None:
                    yield _duplicate(item, first)
                else:
                    self.taken[item.article.id] = item.where
                    if superseded := item.article.supersedes:
                        self.supersedes[item.article.id] = superseded
                        waiting.setdefault(source, set()).add(item.article.id)
                    else:
                        yield item
        circles = circles_in(self.supersedes)
        for source, ids in waiting.items():
            for item in read_source(source, defaults=self.defaults):
                if isinstance(item, Found) and item.article.id in ids and self.taken[item.article.id] == item.where:
                    yield _circular(item, circles[item.article.id]) if item.article.id in circles else item


def circles_in(supersedes: Mapping[str, Sequence[str]]) -> dict[str, tuple[str, ...]]:
    """Article → all that stand in a circle with it, for those that would supersede themselves in the end."""
    names = sorted({*supersedes, *(name for names in supersedes.values() for name in names)})
    number = {name: index for index, name in enumerate(names)}
    edges = [(number[newer], number[older]) for newer, all_older in supersedes.items() for older in all_older]
    if not edges:
        return {}
    rows, columns = zip(*edges, strict=True)
    graph = csr_array(([1] * len(edges), (rows, columns)), shape=(len(names), len(names)))
    _, labels = connected_components(graph, directed=True, connection="strong")
    members: dict[int, list[str]] = {}
    for name, label in zip(names, labels, strict=True):
        members.setdefault(int(label), []).append(name)
    return {
        name: tuple(circle)
        for circle in members.values()
        for name in circle
        if len(circle) > 1 or name in supersedes.get(name, ())
    }


def _circular(item: Found, circle: Sequence[str]) -> Skipped:
    if len(circle) == 1:
        message = "supersedes: an article cannot supersede itself; remove its own id"
    else:
        named = ", ".join(circle[:5]) + (f" and {len(circle) - 5} more" if len(circle) > 5 else "")
        message = f"supersedes: {named} supersede each other in a circle; break it"
    return Skipped.at(item.where, "circular_supersedes", message)


def _duplicate(item: Found, first: str) -> Skipped:
    message = f"the id {item.article.id!r} is taken by {first}; give one of the two another id"
    return Skipped.at(item.where, "duplicate_id", message)


def _markdown(source: Source, read: Text, defaults: Defaults) -> Found | Skipped:
    problems: list[Problem] = []
    if read.text.startswith("---") and read.text.partition("\n")[0].rstrip() == "---":
        document = _front_matter(read.text, source.name, problems)
    else:
        blank = len(read.text) - len(read.text.lstrip("\n"))
        document = Document(file=source.name, value={}, body=read.text.strip("\n"), body_line=1 + blank)
    if problems or not isinstance(document.value, dict):
        problems = problems or [document.problem((), "must hold keys and values; write 'key: value' lines")]
        where = f"{source.name}:{problems[0].line}"
        return Skipped.because(where, [
            Notice(where=f"{source.name}:{problem.line}", code="front_matter",
                   message=(f"{problem.key}: " if problem.key else "") + problem.message) for problem in problems
        ])  # fmt: skip
    if len(document.body) > MAX_TEXT:
        message = f"is longer than {MAX_TEXT:,} characters; split it into articles"
        return _skipped(source.name, document.body_line, "too_large", message)
    noticed = _noticed(source, read, defaults)
    try:
        body = clean_markdown(document.body, noticed=noticed, first_line=document.body_line)
    except Excess as exc:
        line = document.body_line + document.body.count("\n", 0, exc.position)
        return _skipped(source.name, line, exc.code, str(exc))
    title, body = _first_heading(body, drop="title" not in document.value)
    return _completed(source, document, body, title, noticed, defaults)


def _front_matter(text: str, name: str, problems: list[Problem]) -> Document:
    ends = re.search(r"\n---[ \t]*(?:\n|\Z)", text)
    if ends is None or ends.start() > _MAX_FRONT_MATTER:
        message = (
            "opens with --- and no second --- ends the front matter; write it below the keys"
            if ends is None
            else f"has more than {_MAX_FRONT_MATTER:,} characters of front matter; keep the keys an article has"
        )
        problems.append(Problem(file=name, line=1, key="", message=message))
        return Document(file=name, value=None)
    document = parse_front_matter(text, file=name, problems=problems)
    if document.value is None and not problems[1:] and problems and problems[0].message.startswith("is empty"):
        # Two lines of --- with nothing between them say nothing, which is fine.
        problems.clear()
        return Document(file=name, value={}, body=document.body, body_line=document.body_line)
    return document


def _html(source: Source, read: Text, defaults: Defaults) -> Found | Skipped:
    noticed = _noticed(source, read, defaults)
    try:
        page = read_page(read.text, noticed=noticed)
    except Excess as exc:
        return _skipped(source.name, read.text.count("\n", 0, exc.position) + 1, exc.code, str(exc))
    address = page.address if page.address.startswith(("https://", "http://")) else ""
    document = Document(file=source.name, value={})
    return _completed(
        source, document, page.body, page.title, noticed, defaults, address=address, language=page.language
    )


def _completed(
    source: Source, document: Document, body: str, title: str, noticed: Noticed, defaults: Defaults,
    *, address: str = "", language: str = "",
) -> Found | Skipped:  # fmt: skip
    name = source.name.rpartition(".")[0]
    folders = name.split("/")[:-1]
    return complete(
        Entry(
            document=document,
            body=body,
            title=title or name.rpartition("/")[2].replace("-", " ").replace("_", " ").strip().capitalize(),
            path=source.name,
            name=name.removesuffix("/index") if folders else name,
            source=address or source.name,
            sections=folders[::-1],
            implied={"locale": language.partition("-")[0].lower() if language.isascii() else None},
        ),
        noticed=noticed,
        defaults=defaults,
    )


def _first_heading(body: str, *, drop: bool) -> tuple[str, str]:
    """The first heading of the text, and the text without it if it stands at the top."""
    for index, line in enumerate(lines := body.split("\n")):
        if line.startswith("# "):
            title = line[2:].strip().rstrip("#").strip()
            above = any(each.strip() for each in lines[:index])
            return title, body if above or not drop else "\n".join(lines[index + 1 :]).strip("\n")
    return "", body


def _noticed(source: Source, read: Text, defaults: Defaults) -> Noticed:
    noticed = Noticed(file=source.name, allowed_hosts=defaults.allowed_hosts)
    if read.remark:
        noticed.warn(1, "encoding", read.remark)
    return noticed


def _remarked(source: Source, read: Text, items: Iterable[Found | Skipped]) -> Iterator[Found | Skipped]:
    """What is doubtful about the whole file is said with each of its articles."""
    remark = (Notice(where=f"{source.name}:1", code="encoding", message=read.remark),) if read.remark else ()
    for item in items:
        if isinstance(item, Found) and remark:
            yield Found(
                article=item.article, where=item.where, derived=item.derived, warnings=(*remark, *item.warnings)
            )
        else:
            yield item


def _skipped(name: str, line: int, code: str, message: str) -> Skipped:
    return Skipped.at(f"{name}:{line}", code, message)


def _surroundings(source: Source) -> Surroundings:
    around = Surroundings()
    for path in source.companions:
        try:
            around.learn(read_text(_bytes(path, limit=_LIMITS["help_centre"])).text)
        except (OSError, NotText, _TooBig):
            # Without its section an article has no area of its own, which is said where it matters.
            continue
    return around


class _TooBig(Exception):
    """The file is larger than its kind may be."""


def _bytes(path: Path, *, limit: int) -> bytes:
    """The content of a plain file: a pipe is not waited for, a link not followed, no more than the limit read."""
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    with open(handle, "rb") as file:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError(0, "it is no plain file")
        raw = file.read(limit + 1)
    if len(raw) > limit:
        raise _TooBig
    return raw


def _files(folder: Path) -> Iterator[Path]:
    """All files and links below, without hidden ones."""
    for place, folders, files in os.walk(folder):
        here = Path(place)
        folders[:] = [name for name in folders if not name.startswith((".", "__"))]
        yield from (here / name for name in folders if (here / name).is_symlink())
        yield from (here / name for name in files if not name.startswith("."))


def _is_linked_folder(path: Path) -> bool:
    return path.is_symlink() and path.is_dir()


def _is_companion(file: Path) -> bool:
    return file.suffix.lower() == ".json" and file.stem.lower().startswith(_COMPANIONS)


def _source(path: Path, name: str, companions: tuple[Path, ...]) -> Source:
    printable = _printable(name)
    suffix = path.suffix.lower()
    if path.is_symlink():
        return Source(
            path=path, name=printable, kind="unreadable", why="is a link; links are not followed, copy the file"
        )
    kind = _KINDS.get(suffix)
    if kind is None:
        why = f"{suffix or 'such'} files are not read; save it as Markdown or HTML"
        return Source(path=path, name=printable, kind="unreadable", why=why)
    try:
        size = path.lstat().st_size
    except OSError:
        size = 0
    return Source(
        path=path, name=printable, kind=kind, size=size, companions=companions if kind == "help_centre" else ()
    )


def _printable(name: str) -> str:
    """The name with whatever cannot be printed spelt out."""
    return "".join(char if char.isprintable() else _spelt_out(char) for char in name)


def _spelt_out(char: str) -> str:
    # A byte that is no UTF-8 comes from the system as half a letter.
    return f"\\x{ord(char) - 0xDC00:02x}" if 0xDC80 <= ord(char) <= 0xDCFF else char.encode("unicode_escape").decode()
