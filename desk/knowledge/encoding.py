"""Bytes of unknown origin become text, or it is said why not: never letters that were not written.

A byte-order mark decides, then UTF-8 if the bytes are valid UTF-8, then what the file declares. Only then is the
encoding guessed, and the reviewer is told.
"""

import codecs
import re
from dataclasses import dataclass

from charset_normalizer import CharsetMatch, from_bytes

from desk.knowledge.found import excerpt

_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_DECLARED = re.compile(
    rb"<meta[^>]{0,200}charset\s*=\s*[\"']?\s*([\w.:-]{2,40})|^<\?xml[^>]{0,100}encoding=[\"']([\w.:-]{2,40})",
    re.IGNORECASE,
)
_REFUSED = frozenset({"utf-7", "utf_7", "unicode-1-1-utf-7", "cp65000"})
"""Encodings in which plain letters can stand for markup."""
_SAMPLE = 65_536
_MIN_WIDE = 16
"""Bytes: of fewer nobody can say that every other one is zero."""
_GUESSES = frozenset({"cp1250", "cp1251", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "koi8_r", "iso8859_2"})
_WIDE_GUESSES = frozenset({"cp932", "shift_jis", "euc_jp", "gb18030", "gbk", "big5", "cp949", "euc_kr"})
_MIN_COHERENCE = 0.25
"""Of letters with those of a language, as charset-normalizer counts it; a sentence has 0.3 to 0.6."""
_ODD = re.compile(
    r"\w[\u00a1-\u00a6\u00a8-\u00aa\u00ac-\u00b6\u00b8-\u00ba\u00bc-\u00bf\u00d7\u00f7\u02c6\u02dc\u2020-\u2022\u2030"
    r"\u20ac\u2122\u2200-\u25ff]\w|(?<=[a-z\u00df-\u00ff])[À-ÖØ-ÞŠŽŒŸ]|[\x80-\x9f\uff61-\uff9f]"
)
"""Signs within a word, large letters behind small ones, half-width kana: what a wrong encoding makes of letters."""
_TWICE = re.compile(r"[ÂÃâ][\x80-\xbf\u0152-\u0192\u02c6-\u02dc\u2013-\u203a\u20ac\u2122]")


@dataclass(frozen=True, kw_only=True)
class Text:
    """What was read, and a remark for the reviewer when the encoding was not certain."""

    text: str
    remark: str = ""


class NotText(Exception):
    """The bytes are no text, or text nobody can be sure of."""

    def __init__(self, code: str, message: str, *, line: int = 1) -> None:
        super().__init__(message)
        self.code = code
        self.line = line


def read_text(raw: bytes, *, may_declare: bool = False) -> Text:
    """The text of a file, with ``\\n`` at the end of lines. Raises ``NotText``."""
    read = _decoded(raw, may_declare=may_declare)
    text = read.text.replace("\r\n", "\n").replace("\r", "\n").removeprefix("\ufeff")
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        raise NotText("nul_bytes", "holds NUL bytes, which no text has; save it as UTF-8", line=line)
    return Text(text=text, remark=read.remark or _remark(text))


def _decoded(raw: bytes, *, may_declare: bool) -> Text:
    if raw.startswith(codecs.BOM_UTF8):
        return Text(text=_strictly(raw.removeprefix(codecs.BOM_UTF8), "utf-8"))
    for mark, name in _MARKS:
        if raw.startswith(mark):
            return Text(text=_strictly(raw, name))
    if b"\0" in raw[:4096] and (name := _wide(raw)):
        return Text(text=_strictly(raw, name), remark=f"has no byte-order mark; read as {name.upper()}")
    declared = _declared(raw) if may_declare else ""
    if declared and declared.lower() in _REFUSED:
        raise NotText("encoding", f"declares {declared}, which can hide markup; save it as UTF-8")
    if declared.lower().startswith("iso-2022"):
        return Text(text=_strictly(raw, declared))
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as exc:
        line = raw[: exc.start].count(b"\n") + 1
    else:
        lies = declared and not text.isascii() and _known(declared) not in ("", "utf-8")
        return Text(text=text, remark=f"declares {declared} and is UTF-8; read as UTF-8" if lies else "")
    if b"\0" in raw:
        at = raw.index(b"\0")
        line = raw[:at].count(b"\n") + 1
        raise NotText("nul_bytes", "holds NUL bytes, which no text has; save it as UTF-8", line=line)
    if _known(declared) and _known(declared) not in ("utf-8", "ascii"):
        return Text(text=_strictly(raw, declared))
    return _guessed(raw, line)


def _strictly(raw: bytes, name: str) -> str:
    try:
        # What calls itself Latin-1 on the web is windows-1252.
        return raw.decode("cp1252" if _known(name) in ("iso8859-1", "ascii") else name)
    except (UnicodeDecodeError, LookupError) as exc:
        start = exc.start if isinstance(exc, UnicodeDecodeError) else 0
        line = raw[:start].count(b"\n") + 1
        message = f"is not valid {name.upper()}; save it as UTF-8"
        raise NotText("encoding", message, line=line) from exc


def _wide(raw: bytes) -> str:
    """UTF-16 without a mark: in most languages every other byte of it is zero."""
    sample = raw[:4096]
    if len(sample) < _MIN_WIDE:
        return ""
    for offset, name in ((1, "utf-16-le"), (0, "utf-16-be")):
        if sample[offset::2].count(0) > 0.6 * len(sample[offset::2]) and sample[1 - offset :: 2].count(0) == 0:
            return name
    return ""


def _declared(raw: bytes) -> str:
    match = _DECLARED.search(raw[:4096])
    return (match[1] or match[2]).decode("ascii") if match else ""


def _known(name: str) -> str:
    """Python's own name of a text encoding, or nothing."""
    try:
        info = codecs.lookup(name)
    except (LookupError, ValueError):
        return ""
    return info.name if getattr(info, "_is_text_encoding", True) else ""


def _guessed(raw: bytes, line: int) -> Text:
    telling = b"\n".join(part for part in raw[: 20 * _SAMPLE].split(b"\n") if not part.isascii())[:_SAMPLE]
    name = "cp1252"
    if not _reads_well(telling, name, western=True):
        guesses = (guess.encoding for guess in from_bytes(telling) if _is_likely(guess))
        name = next((guess for guess in guesses if _reads_well(telling, guess, western=False)), "")
        if not name:
            raise NotText("encoding", "is not UTF-8 and its encoding cannot be told; save it as UTF-8", line=line)
    text = _strictly(raw, name)
    sample = next((word for word in text.split() if not word.isascii()), "")[:30]
    shown = {"cp1252": "windows-1252"}.get(name, name)
    remark = f"is not UTF-8; read as {shown}, in which line {line} holds “{excerpt(sample)}”: compare"
    return Text(text=text, remark=remark)


def _is_likely(guess: CharsetMatch) -> bool:
    """An encoding people still save files in; of the small ones, with a language that was recognised."""
    return guess.encoding in _WIDE_GUESSES or (guess.encoding in _GUESSES and guess.coherence >= _MIN_COHERENCE)


def _reads_well(raw: bytes, name: str, *, western: bool) -> bool:
    """Whether nearly all words that tell the encoding are words. Western ones mix plain letters with the others."""
    try:
        words = [word for word in raw.decode(name).split() if not word.isascii()]
    except (UnicodeDecodeError, LookupError):
        return False
    good = sum(not _ODD.search(word) and (not western or _is_western(word)) for word in words)
    letters = [char for word in words for char in word if not char.isascii()]
    large, small = sum(map(str.isupper, letters)), sum(map(str.islower, letters))
    # Cyrillic in the wrong Cyrillic is large where it should be small.
    return bool(words) and good >= 0.9 * len(words) and (western or large <= small)


def _is_western(word: str) -> bool:
    letters = [char for char in word if char.isalpha()]
    return len(letters) < 2 or any(char.isascii() for char in letters)


def _remark(text: str) -> str:
    """What valid text still gives away of an accident before it came here."""
    if "\ufffd" in text:
        line = text[: text.index("\ufffd")].count("\n") + 1
        return f"has signs that replace lost letters (the first in line {line}): write them again"
    twice = _TWICE.search(text)
    if twice:
        line = text[: twice.start()].count("\n") + 1
        return f"looks as if it had been encoded twice (“{twice[0]}” in line {line}): compare with the original"
    return ""
