"""What reading one article brought to light, collected with lines and told without end-of-page floods."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from desk.knowledge import links
from desk.knowledge.found import Notice, excerpt
from desk.knowledge.instructions import instructions_in, speaks_to_an_assistant
from desk.knowledge.invisible import SOFT_HYPHEN, Unseen, encoded_texts, invisible_characters, without

MAX_OF_A_CODE = 10
_MIN_PARAGRAPH = 12
_MAX_MEANT = 10_000


@dataclass(kw_only=True)
class Noticed:
    """Notices of one article. ``fatal`` ones are reasons not to import it."""

    file: str
    allowed_hosts: frozenset[str] = frozenset()
    line: int | None = None
    """All notices are at this line: of entries that are one line of a file, whatever lines they hold themselves."""
    warnings: list[Notice] = field(default_factory=list)
    fatal: list[Notice] = field(default_factory=list)
    more: Counter[str] = field(default_factory=Counter)
    """Notices of a code beyond those that are told."""

    def where(self, line: int) -> str:
        return f"{self.file}:{line if self.line is None else self.line}"

    def warn(self, line: int, code: str, message: str) -> None:
        if sum(notice.code == code for notice in self.warnings) < MAX_OF_A_CODE:
            self.warnings.append(Notice(where=self.where(line), code=code, message=message))
        else:
            self.more[code] += 1

    def refuse(self, line: int, code: str, message: str) -> None:
        if len(self.fatal) < MAX_OF_A_CODE:
            self.fatal.append(Notice(where=self.where(line), code=code, message=message))

    def hidden(self, line: int, *, why: str, text: str) -> None:
        """Text that readers do not see was taken out; if it speaks to an assistant, somebody meant harm."""
        if not any(char.isalnum() for char in text):
            return
        self.warn(line, "hidden_text", f"text hidden by {why} is left out: “{excerpt(text)}”")
        if speaks_to_an_assistant(text):
            message = f"text hidden by {why} gives an assistant instructions: “{excerpt(text)}”; ask who wrote it"
            self.refuse(line, "hidden_instructions", message)

    def only_if_instructing(self, line: int, *, why: str, text: str) -> None:
        """A text at the edge of sight (a tooltip, the description of a picture): honest ones are nobody's concern."""
        if text and speaks_to_an_assistant(text):
            self.hidden(line, why=why, text=text)

    def comments(self, comments: Sequence[tuple[int, str]]) -> None:
        """Comments are in nearly every page: one notice for all, and one for each that speaks to an assistant."""
        harmless = []
        for line, text in comments:
            if speaks_to_an_assistant(text):
                self.hidden(line, why="a comment", text=text)
            elif any(char.isalnum() for char in text):
                harmless.append((line, text))
        if harmless:
            line, text = harmless[0]
            why = f"comments ({len(harmless)} of them)" if len(harmless) > 1 else "a comment"
            self.hidden(line, why=why, text=text)

    def pictures(self, lines: Sequence[int]) -> None:
        if lines:
            count = f"{len(lines)} pictures are" if len(lines) > 1 else "a picture is"
            self.warn(lines[0], "image", f"{count} left out; what describes them is kept as text")

    def paragraph(self, line: int, text: str) -> None:
        """A visible text is kept whatever it says; the reviewer is told if it speaks to an assistant."""
        if len(text) < _MIN_PARAGRAPH:
            return
        if found := instructions_in(text):
            kinds = ", ".join(each.kind for each in found)
            quote = excerpt(found[0].quote)
            self.warn(line, "instructions", f"reads as an instruction to an assistant ({kinds}): “{quote}”")

    def plain(self, text: str, *, line: int) -> str:
        """The text without the characters and encoded texts nobody sees, which are reported."""
        for look in (invisible_characters, encoded_texts):
            found = list(look(text))
            self._unseen(found, text, line)
            text = without(text, found)
        return text.replace(SOFT_HYPHEN, "")

    def _unseen(self, found: Sequence[Unseen], text: str, line: int) -> None:
        meant: dict[str, list[Unseen]] = {}
        for number, part in enumerate(found):
            if part.means:
                meant.setdefault(part.what, []).append(part)
            elif number < MAX_OF_A_CODE:
                around = excerpt(text[max(0, part.start - 20) : part.start] + "·" + text[part.end : part.end + 20])
                at = line + text.count("\n", 0, part.start)
                self.warn(at, "hidden_text", f"{part.what} are left out of “{around}”")
            else:
                self.more["hidden_text"] += 1
        for what, parts in meant.items():
            # Letters may be strewn one by one: what they say, they say together.
            said = "".join(part.means for part in parts)[:_MAX_MEANT]
            self.hidden(line + text.count("\n", 0, parts[0].start), why=what, text=said)

    def link(self, line: int, url: str) -> str:
        """The address to keep, or nothing."""
        match links.kind_of(url):
            case "acting":
                self.warn(line, "unsafe_link", f"the link to “{excerpt(url)}” is no web page and is removed")
            case "web":
                self.address(line, url)
                return links.spelt(url)
        return ""

    def address(self, line: int, url: str) -> None:
        if links.is_foreign(url, allowed=self.allowed_hosts):
            self.warn(line, "foreign_link", f"links to another site: {excerpt(links.host_of(url) or url)}")

    def told(self) -> tuple[Notice, ...]:
        """The warnings from top to bottom, and how many more there are of each kind."""
        rest = (
            Notice(where=self.where(1), code=code, message=f"and {count} more of the kind {code}")
            for code, count in sorted(self.more.items())
        )
        return (*sorted(self.warnings, key=_line_of), *rest)


def _line_of(notice: Notice) -> int:
    return int(notice.where.rpartition(":")[2])
