"""Whatever is in a file, reading it ends, and ends with an article or a reason (bad input).

Texts are so long that anything quadratic would run into the suite's own time limit.
"""

import json
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desk.knowledge.importers import Found, Skipped
from desk.knowledge.markup import names
from tests.unit.knowledge.folders import Folder

N = 200_000

ENDLESS: list[tuple[str, str]] = [
    ("a.html", "<a " * N),
    ("a.html", "<a " * N + ">"),
    ("a.html", "<a b='" * N),
    ("a.html", "<a x " * N + "b='"),
    ("a.html", "<!--" * N),
    ("a.html", "<!doctype [" * N),
    ("a.html", "<![CDATA[" * N),
    ("a.html", "<script>" * N),
    ("a.html", "</" * N),
    ("a.html", "<p " + "a=b " * N + ">x"),
    ("a.html", "<p title='" + "ignore all " * N + "'>x"),
    ("a.html", "<style>" + "a{" * N),
    ("a.html", "<style>" + ",".join(f"b .x{n} .y" for n in range(3000)) + "{top:0}</style>" + "<p class=y>x" * 3000),
    ("a.html", "&" * N),
    ("a.html", "</a " * 2_400_000),
    ("a.md", "<a x " * 80_000 + "b='>"),
    ("a.md", "`" * N),
    ("a.md", "`a``b" * (N // 5)),
    ("a.md", "[" * N),
    ("a.md", "[a](" * (N // 4)),
    ("a.md", '![a](b "' * (N // 8)),
    ("a.md", "[a]: b\n" * (N // 7)),
    ("a.md", "<http:" * 80_000),
    ("a.md", "<b " * (N // 3)),
    ("a.md", "a\u200b" * N),
    ("a.md", "ignore all of the " * (N // 18)),
    ("a.md", "when asked about " * (N // 17)),
    ("a.md", "a " * N),
    ("a.md", "QUFB" * (N // 4)),
    ("a.md", "```\n" * (N // 4)),
    ("a.md", "---\n" + "a: b\n" * 9_000 + "---\nText."),
    ("a.md", "---\na: " + "[" * 30_000 + "\n---\nText."),
    ("a.md", "---\na: &a [x,x]\nb: &b [*a,*a]\nc: [*b,*b]\n---\nText."),
    ("a.json", "[" * N),
    ("a.json", '{"articles":' + '{"a":' * N),
    ("a.json", '{"articles":[' + "[" * N + "]" * N + "]}"),
    ("a.json", '"' * (N + 1)),
    ("a.csv", "title,body\n" + 'a,"text\n' * N),
    ("a.csv", "title,body\n" + 'a,"text" x\n' * N),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text"), ENDLESS, ids=[f"{name}-{text[:12]!r}" for name, text in ENDLESS])
def test_no_text_takes_long(folder: Folder, name: str, text: str) -> None:
    folder.write(name, text)

    assert all(isinstance(item, Found | Skipped) for item in folder.read())


@pytest.mark.parametrize(
    ("text", "code", "line"),
    [
        ("<p>Text.</p>\n" + "<div>" * 100_000, "too_deep", 2),
        ("<p>Text.</p>\n" + "<div>" * 100_000 + "x" + "</div>" * 100_000, "too_deep", 2),
        ("<ul>\n" + "<li>x\n" * 20_000, "too_large", 10_001),
        ("<i></i>\n" * 130_000, "too_large", 83_334),
        ("<p>" + "\n" * 1000 + "x</p><p>" + "y" * 600_000, "too_large", 1001),
        ("<style>" + ",".join(f"b{n} .x" for n in range(9000)) + "{top:0}</style>\n" + "<p class=x>" * 999,
         "too_large", 2),
    ],
)  # fmt: skip
def test_a_page_beyond_all_measure_is_skipped_with_the_line(folder: Folder, text: str, code: str, line: int) -> None:
    """Bad input: 100,000 nested tags."""
    folder.write("a.html", text)

    assert folder.only_reason()[:2] == (code, f"a.html:{line}")


def test_blocks_nested_beyond_sense_are_flattened(folder: Folder) -> None:
    folder.write("a.html", "<blockquote>" * 400 + "deep" + "</blockquote>" * 400 + "<table><tr><td>" * 40 + "cell")

    item = folder.only()

    assert "deep" in item.article.body
    assert "cell" in item.article.body
    assert len(item.article.body) < 1000


def test_tags_left_open_do_not_nest(folder: Folder) -> None:
    folder.write(
        "a.html",
        "<p>one<p>two" * 1000 + "<ul>" + "<li>item" * 1000 + "</ul><table>" + "<tr><td>a<td>b" * 500 + "</table>",
    )

    assert folder.only().article.body.count("- item") == 1000


MARKUP = st.text(
    alphabet=st.one_of(
        st.sampled_from("<>/=\"'!-[]()`#*:|&; \n"), st.characters(exclude_categories=["Cs"], max_codepoint=0x300)
    ),
    max_size=200,
)  # fmt: skip
PIECES = st.lists(
    st.sampled_from(sorted(names(
        "<div_style='display:none'> </div> <table> <tr> <td_rowspan=3> <th_colspan=2> </table> <thead> <ul> <li> </ul> "
        "<p> </p> <ol_start=5> <b> </b> <a_href='https://x.example'> </a> <h1> </h1> <pre> </pre> <caption> </caption> "
        "<br> <form> </form> <img_alt=x_src=y> <!--_c_--> <main> <sup> </sup> <dl> <dt> <dd> <blockquote> "
        "</blockquote> </tr> </td> </thead> text _ ~ ```~ ` [a](b) ![c](d) [e]:_f ---~ ~~ #_h~ |_a_|_b_|~ "
        "<span_hidden> </span> </main> </li> </dl> <td> <nav> </nav>"
    ))).map(lambda piece: piece.replace("_", " ").replace("~", "\n")),
    max_size=60,
).map("".join)  # fmt: skip


def _read(name: str, content: bytes) -> list[Found | Skipped]:
    with TemporaryDirectory() as place:
        folder = Folder(Path(place))
        folder.write(name, content)
        return folder.read()


@given(
    st.sampled_from(["a.md", "a.html", "a.json", "a.csv"]),
    st.one_of(
        st.binary(max_size=200),
        MARKUP.map(str.encode),
        PIECES.map(str.encode),
        PIECES.map(lambda text: f"---\nid: abc\n{text}\n---\n{text}".encode()),
        PIECES.map(lambda text: f"title,body\n{text}\na,{text}\n".encode()),
    ),
)
def test_any_bytes_become_articles_or_reasons(name: str, content: bytes) -> None:
    items = _read(name, content)

    assert all(isinstance(item, Found) or item.notices for item in items)
    for item in items:
        if isinstance(item, Found):
            item.article.model_dump_json().encode("utf-8")
            assert "\0" not in item.article.body


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(
        st.sampled_from(sorted(names(
            "id title body locale section_id draft user_segment_id user_segment_ids edited_at name category_id "
            "parent_section_id user_type html_url source_locale articles sections"
        ))),
        inner,
        max_size=8,
    ),
    max_leaves=30,
)  # fmt: skip


@given(st.lists(JSON, max_size=4), st.lists(JSON, max_size=3))
def test_any_export_becomes_articles_or_reasons(articles: list[object], sections: list[object]) -> None:
    text = json.dumps({"sections": sections, "user_segments": sections, "categories": sections, "articles": articles})

    assert len(_read("a.json", text.encode())) == max(1, len(articles))


@given(PIECES)
def test_nothing_hidden_reaches_an_article(markup: str) -> None:
    page = f"<p>Begin.</p>{markup}<p hidden>quokka</p>{markup}<!-- quokka -->"

    for item in _read("a.html", page.encode()):
        assert isinstance(item, Skipped) or "quokka" not in item.article.body
