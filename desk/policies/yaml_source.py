"""Pack files as plain values that remember their lines.

Only plain YAML is read: no tags, no anchors or aliases, keys are text (``on`` is a key, not a boolean). Scalars mean
what ``yaml.SafeLoader`` says they mean. The tree is built from the parser's events, so no input can recurse.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

Key = tuple[str | int, ...]

MAX_BYTES = 1_000_000
MAX_DEPTH = 20
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One mistake: where it is and what to do about it."""

    file: str
    line: int
    key: str
    message: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}: "
        return place + (f"{self.key}: " if self.key else "") + self.message


def spell(key: Key) -> str:
    """``fields[0].type`` for ``("fields", 0, "type")``."""
    text = ""
    for part in key:
        text += f"[{part}]" if isinstance(part, int) else (f".{part}" if text else part)
    return text


@dataclass(frozen=True, kw_only=True)
class Document:
    """A file of the pack. ``value`` is None when it could not be read; the problems say why."""

    file: str
    value: Any
    lines: dict[Key, int] = field(default_factory=dict)
    body: str = ""
    """Of a Markdown file with front matter: what follows it."""
    body_line: int = 1

    def problem(self, key: Key, message: str) -> Problem:
        """A problem at this key, or at the nearest enclosing one that is in the file."""
        near = key
        while near and near not in self.lines:
            near = near[:-1]
        return Problem(file=self.file, line=self.lines.get(near, 1), key=spell(key), message=message)


def read_text(path: Path, *, file: str, problems: list[Problem]) -> str | None:
    """The file's text, or None and a problem."""

    def wrong(message: str, line: int = 1) -> None:
        problems.append(Problem(file=file, line=line, key="", message=message))

    try:
        if path.stat().st_size > MAX_BYTES:
            wrong(f"is larger than {MAX_BYTES} bytes; split it or shorten it")
            return None
        raw = path.read_bytes()
    except OSError as exc:
        wrong(f"cannot be read ({exc.strerror}); check the file and its permissions")
        return None
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        wrong("is not UTF-8 text; save it as UTF-8", line=raw[: exc.start].count(b"\n") + 1)
        return None
    return text.replace("\r\n", "\n")


def parse_yaml(text: str, *, file: str, problems: list[Problem], first_line: int = 1) -> Document:
    """A YAML text as plain values with the line of every key."""
    builder = _Builder(file=file, problems=problems, first_line=first_line)
    try:
        loader = _LOADER(text)
        # A value that cannot be used is not read on: nesting or aliases without end must cost nothing.
        while not builder.broken and loader.check_event():
            builder.take(loader.get_event())
    except yaml.MarkedYAMLError as exc:
        # A quote that is never closed is wrong where it opens, not where the file ends.
        ends = exc.context_mark is not None and "unexpected end" in str(exc.problem)
        mark = exc.context_mark if ends else exc.problem_mark or exc.context_mark
        builder.wrong(f"is not valid YAML ({exc.problem or exc.context}); check indentation, quotes and colons",
                      line=mark.line if mark else 0)  # fmt: skip
        return Document(file=file, value=None)
    except yaml.YAMLError as exc:
        builder.wrong(f"is not valid YAML ({' '.join(str(exc).split())[:120]})", line=0)
        return Document(file=file, value=None)
    if builder.broken:
        return Document(file=file, value=None)
    if builder.root is None:
        builder.wrong("is empty; write its content or remove the file", line=0)
    return Document(file=file, value=builder.root, lines=builder.lines)


def parse_front_matter(text: str, *, file: str, problems: list[Problem]) -> Document:
    """A Markdown file that opens with YAML between two ``---`` lines."""
    lines = text.split("\n")
    if lines[0].rstrip() != "---" or "---" not in (rest := [line.rstrip() for line in lines[1:]]):
        message = "has no front matter; open the file with its YAML keys between two lines of ---"
        problems.append(Problem(file=file, line=1, key="", message=message))
        return Document(file=file, value=None)
    end = rest.index("---") + 1
    parsed = parse_yaml("\n".join(lines[1:end]), file=file, problems=problems, first_line=2)
    body = "\n".join(lines[end + 1 :])
    blank = body[: len(body) - len(body.lstrip())].count("\n")
    return Document(file=file, value=parsed.value, lines=parsed.lines, body=body.strip(), body_line=end + 2 + blank)


@dataclass(kw_only=True)
class _Open:
    """A mapping or sequence whose end has not been seen yet."""

    value: dict[str, Any] | list[Any]
    key: Key
    pending: str | None = None
    skip: bool = False
    """The pending key is there twice: its second value is dropped."""


@dataclass(kw_only=True)
class _Builder:
    file: str
    problems: list[Problem]
    first_line: int
    root: Any = None
    lines: dict[Key, int] = field(default_factory=dict)
    broken: bool = False
    stack: list[_Open] = field(default_factory=list)
    scalars: Any = field(default_factory=lambda: yaml.SafeLoader(""))
    documents: int = 0

    def note(self, message: str, *, line: int, key: Key = ()) -> None:
        """A problem after which the rest of the file can still be judged."""
        self.problems.append(Problem(file=self.file, line=line + self.first_line, key=spell(key), message=message))

    def wrong(self, message: str, *, line: int, key: Key = ()) -> None:
        """A problem that makes the file's value unusable."""
        self.note(message, line=line, key=key)
        self.broken = True

    def take(self, event: Any) -> None:
        line = event.start_mark.line
        match event:
            case yaml.DocumentStartEvent():
                self.documents += 1
                if self.documents == 2:
                    self.wrong("holds more than one YAML document; remove the second ---", line=line)
            case yaml.AliasEvent():
                self.wrong("aliases (*name) are not used in packs; write the value out", line=line, key=self._here())
                self._put(None, line)
            case yaml.ScalarEvent():
                self._refuse_marks(event, line)
                self._scalar(event, line)
            case yaml.MappingStartEvent():
                self._refuse_marks(event, line)
                self._open({}, line)
            case yaml.SequenceStartEvent():
                self._refuse_marks(event, line)
                self._open([], line)
            case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                self.stack.pop()

    def _refuse_marks(self, event: Any, line: int) -> None:
        if event.anchor is not None:
            self.wrong("anchors (&name) are not used in packs; write the value out", line=line, key=self._here())
        if event.tag is not None:
            self.wrong(f"the tag {event.tag} is not allowed; write a plain value", line=line, key=self._here())

    def _here(self) -> Key:
        if not self.stack:
            return ()
        top = self.stack[-1]
        if isinstance(top.value, list):
            return (*top.key, len(top.value))
        return (*top.key, top.pending) if top.pending is not None else top.key

    def _awaits_key(self) -> bool:
        return bool(self.stack) and isinstance(self.stack[-1].value, dict) and self.stack[-1].pending is None

    def _scalar(self, event: Any, line: int) -> None:
        if self._awaits_key():
            top = self.stack[-1]
            top.pending, top.skip = event.value, event.value in top.value
            key = (*top.key, event.value)
            if top.skip:
                first = self.lines.get(key, 0)
                self.note(f"is there twice (first in line {first}); keep one of the two", line=line, key=key)
            else:
                self.lines[key] = line + self.first_line
            return
        self._put(self._value(event, line), line)

    def _value(self, event: Any, line: int) -> Any:
        plain, quoted = event.implicit
        tag = self.scalars.resolve(yaml.ScalarNode, event.value, (plain, quoted))
        try:
            return self.scalars.construct_object(yaml.ScalarNode(tag, event.value))
        except (ValueError, OverflowError, yaml.YAMLError):
            self.note(f"{event.value!r} looks like a date or number and is none; put it in quotes", line=line,
                       key=self._here())  # fmt: skip
            return None

    def _put(self, value: Any, line: int) -> None:
        if not self.stack:
            self.root = value
            return
        top = self.stack[-1]
        if isinstance(top.value, list):
            self.lines[(*top.key, len(top.value))] = line + self.first_line
            top.value.append(value)
        elif top.pending is None:
            self.wrong("a key must be plain text", line=line, key=top.key)
            top.pending = ""
        else:
            if not top.skip:
                top.value[top.pending] = value
            top.pending = None

    def _open(self, value: dict[str, Any] | list[Any], line: int) -> None:
        key = self._here()
        self._put(value, line)
        if len(self.stack) == MAX_DEPTH:
            self.wrong(f"is nested more than {MAX_DEPTH} levels deep; flatten it", line=line, key=())
        self.stack.append(_Open(value=value, key=key))
