"""Files in any encoding: read as they were written, with a word to the reviewer, or not at all (bad input)."""

import pytest

from desk.knowledge.importers import Found
from tests.unit.knowledge.folders import Folder, codes

GERMAN = "# Rückgabe\n\nSie können Möbel in 30 Tagen zurückgeben – „kostenlos“.\n"
RUSSIAN = "# Возврат\n\nВы можете вернуть товар в течение 30 дней после доставки.\n"
POLISH = "# Zwroty\n\nMożesz zwrócić towar w ciągu 30 dni. Żółte meble są wyłączone.\n"
JAPANESE = "# 返品\n\n商品は三十日以内に返品できます。送料は無料です。\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_what_is_certain_is_read_without_a_word(folder: Folder, encoding: str) -> None:
    folder.write("a.md", GERMAN.encode(encoding))

    item = folder.only()

    assert (item.article.title, item.warnings) == ("Rückgabe", ())


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (GERMAN, "cp1252"),
        (GERMAN, "utf-16-le"),
        (RUSSIAN, "cp1251"),
        (POLISH, "cp1250"),
        (JAPANESE, "shift_jis"),
    ],
)
def test_what_was_guessed_is_told(folder: Folder, text: str, encoding: str) -> None:
    folder.write("a.md", text.encode(encoding))

    item = folder.only()

    assert f"# {item.article.title}\n\n{item.article.body}\n" == text
    assert codes(item) == ["encoding"]


@pytest.mark.parametrize("encoding", ["cp437", "cp850", "koi8-r", "iso8859-5", "cp866"])
@pytest.mark.parametrize("text", [GERMAN.replace("–", "-").replace("„", '"').replace("“", '"'), RUSSIAN])
def test_encodings_of_dos_and_unix_are_read_right_or_not_at_all(folder: Folder, text: str, encoding: str) -> None:
    """A wrong guess would be told, but better there is none."""
    folder.write("a.md", text.encode(encoding, "replace"))

    for item in folder.read():
        if isinstance(item, Found) and "?" not in text.encode(encoding, "replace").decode(encoding):
            assert f"# {item.article.title}\n\n{item.article.body}\n" == text


def test_what_reads_like_no_language_is_not_read(folder: Folder) -> None:
    folder.write("a.md", b"# Plain\n\nText.\n\n" + bytes(range(128, 256)) * 3)

    assert folder.only_reason()[:2] == ("encoding", "a.md:5")


def test_a_page_is_read_as_it_declares(folder: Folder) -> None:
    page = '<html><head><meta charset="{}"><title>{}</title></head><body><p>{}</p></body></html>'
    folder.write("a.html", page.format("windows-1251", "Возврат", "30 дней").encode("cp1251"))
    folder.write("b.html", page.format("iso-8859-1", "Rückgabe", "30 Tage – gratis").encode("cp1252"))
    folder.write("c.html", page.format("iso-8859-1", "Rückgabe gilt", "30 Tage – gratis").encode("utf-8"))

    first, second, third = folder.found()

    assert (first.article.title, first.warnings) == ("Возврат", ())
    assert (second.article.title, second.warnings) == ("Rückgabe", ())
    assert (third.article.title, codes(third)) == ("Rückgabe gilt", ["encoding"])


@pytest.mark.parametrize(
    ("content", "code", "where"),
    [
        (b"# T\n\nText\0 more", "nul_bytes", "a.html:3"),
        (b"\xff\xfeT\0\n\0\0\0", "nul_bytes", "a.html:2"),
        (b"x\0", "nul_bytes", "a.html:1"),
        (b"<p>x\n" + b"\xff\x81\x8d" * 20, "encoding", "a.html:2"),
        (b"<meta charset=utf-7>+ADw-script+AD4-", "encoding", "a.html:1"),
        (b"\xef\xbb\xbfline\n\xff", "encoding", "a.html:2"),
        (b"<meta charset=utf-8><p>x\n<p>" + bytes(range(128, 256)), "encoding", "a.html:2"),
        (b"<meta charset=cp1251><p>x\n<p>\x98", "encoding", "a.html:2"),
    ],
)
def test_what_cannot_be_told_is_reported_with_its_line(folder: Folder, content: bytes, code: str, where: str) -> None:
    folder.write("a.html", content)

    assert folder.only_reason()[:2] == (code, where)


@pytest.mark.parametrize("text", ["R\u00c3\u00bcckgabe", "It\u00e2\u20ac\u2122s free", "Stra\ufffde"])
def test_letters_that_were_lost_before_are_pointed_out(folder: Folder, text: str) -> None:
    folder.write("a.md", f"# Title\n\n{text}\n")

    assert codes(folder.only()) == ["encoding"]


def test_lines_of_every_system_are_lines(folder: Folder) -> None:
    folder.write("a.md", "---\r\nid: x-y\r\nnext_review: soon\r\n---\r\nText.\r\n")
    folder.write("b.md", "# T\r\rText.\r")

    assert folder.only_reason()[1] == "a.md:3"
