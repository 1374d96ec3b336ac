"""HTML pages as Markdown: what their reader sees, with tables, lists and links, without the furniture (R4.7)."""

from datetime import date

import pytest

from desk.knowledge.html_page import Page, read_page
from desk.knowledge.noticed import Noticed
from tests.unit.knowledge.folders import Folder


def page(text: str) -> Page:
    return read_page(text, noticed=Noticed(file="page.html", allowed_hosts=frozenset({"shop.example"})))


def body(text: str) -> str:
    return page(text).body


def test_a_page_becomes_an_article(folder: Folder) -> None:
    folder.write(
        "returns/how-to-return.html",
        "<!doctype html><html lang=en-GB><head><title>How to return | Shop</title>"
        "<link rel=canonical href=https://shop.example/help/returns></head>"
        "<body><nav>Home</nav><main><h1>How to return</h1><p>Within 30 days.</p></main>"
        "<footer>© Shop</footer></body></html>",
    )

    article = folder.only().article

    assert (article.id, article.title, article.area) == ("returns-how-to-return", "How to return", "returns")
    assert (article.body, article.locale) == ("Within 30 days.", "en")
    assert (article.source, article.path) == ("https://shop.example/help/returns", "returns/how-to-return.html")
    assert article.effective == date(2026, 10, 1)


def test_the_title_of_a_page_without_a_heading(folder: Folder) -> None:
    folder.write("a.html", "<title>Gift\n cards &amp; more</title><p>They never expire.</p>")
    folder.write("opening_hours.html", "<p>From 9 to 5.</p>")

    assert [item.article.title for item in folder.found()] == ["Gift cards & more", "Opening hours"]


def test_lists_within_lists() -> None:
    assert body("<ol start=3><li>Pack it<ul><li>well</ul><li>Send it</ol><p>Done") == (
        "3. Pack it\n\n   - well\n4. Send it\n\nDone"
    )


def test_a_table_keeps_its_cells_apart() -> None:
    assert body(
        "<table><thead><tr><td>Region<td>Days</thead><tbody><tr><td>US | Canada<td>30<tr><td>EU<td></table>"
    ) == ("| Region | Days |\n| --- | --- |\n| US \\| Canada | 30 |\n| EU |  |")


def test_a_cell_over_several_rows_is_said_in_each_of_them() -> None:
    """R4.3: a row that is read by itself is still true."""
    assert body(
        "<table><tr><th>Item<th>Case<th>Days<tr><td rowspan=2>Sofa<td>new<td>30<tr><td>sale<td>14</table>"
    ).splitlines()[2:] == ["| Sofa | new | 30 |", "| Sofa | sale | 14 |"]


def test_the_caption_of_a_table_stands_above_it() -> None:
    assert body("<table><caption>Fees</caption><tr><th>A<th>B<tr><td>1<td>2</table>").startswith("Fees\n\n| A | B |")


def test_a_table_that_only_arranges_a_page_is_none() -> None:
    assert body("<table><tr><td><h2>Returns</h2><p>30 days.</p></td><td><p>Ask us.</p></td></tr></table>") == (
        "## Returns\n\n30 days.\n\nAsk us."
    )


@pytest.mark.parametrize(
    ("markup", "expected"),
    [
        ("<p>We <b>never</b> charge <i>twice</i>.</p>", "We **never** charge *twice*."),
        ("<b><p>Bold over paragraphs<p>and more</b>", "**Bold over paragraphs**\n\n**and more**"),
        ("<p>One<br>two</p>", "One\ntwo"),
        ("<p>Loose<div>div</div>text", "Loose\n\ndiv\n\ntext"),
        ("<pre>a  *b*\n  c</pre>", "```\na  *b*\n  c\n```"),
        ("<blockquote><p>Quoted<p>twice</blockquote>", "> Quoted\n>\n> twice"),
        ("<dl><dt>Fee<dd>5 USD</dl>", "Fee\n:   5 USD"),
        ("<p>100 USD<sup>1</sup> and H<sub>2</sub>O", "100 USD¹ and H₂O"),
        ("<p>Sizes 5 * 4, a_b and _c_, &lt;b&gt; &amp; [x](javascript:x)",
         "Sizes 5 \\* 4, a_b and \\_c\\_, \\<b> & [x]\\(javascript:x)"),
        ("<p># no heading", "\\# no heading"),
        ("<h2>What we <b>don't</b> do</h2><p>x", "## What we don't do\n\nx"),
        ("<details><summary>How long?</summary>30 days</details>", "How long?\n\n30 days"),
        ("<p>caf&eacute; &#8364;5 &nbsp; x&shy;y", "café €5 xy"),
    ],
)  # fmt: skip
def test_what_html_says_in_markdown(markup: str, expected: str) -> None:
    assert body(markup) == expected


@pytest.mark.parametrize(
    ("link", "expected"),
    [
        ('<a href="https://shop.example/a b(1)">here</a>', "[here](https://shop.example/a%20b%281%29)"),
        ('<a href="//shop.example/x">here</a>', "[here](https://shop.example/x)"),
        ('<a href="/help">here</a>', "here"),
        ('<a href="#top">here</a>', "here"),
        ('<a href="java\tscript:alert(1)">here</a>', "here"),
        ('<a href="&#106;avascript:alert(1)">here</a>', "here"),
        ('<a href="data:text/html;base64,xx">here</a>', "here"),
        ('<a href="mailto:help@shop.example?subject=x">here</a>', "here (help@shop.example)"),
        ('<a href="mailto:help@shop.example">help@shop.example</a>', "help@shop.example"),
        ('<a href="tel:+12025550101">+1 202 555 0101</a>', "+1 202 555 0101"),
    ],
)
def test_where_links_lead(link: str, expected: str) -> None:
    assert body(f"<p>{link}</p>") == expected


@pytest.mark.parametrize(
    ("address", "code"),
    [
        ("https://shop.example/x", []),
        ("https://www.shop.example/x", []),
        ("https://shop.example.evil.example/x", ["foreign_link"]),
        ("https://shop.example@evil.example/x", ["foreign_link"]),
        ("https://evilshop.example/x", ["foreign_link"]),
        ("\\\\evil.example/x", ["foreign_link"]),
        ("javascript:alert(1)", ["unsafe_link"]),
        (" java\tscript:alert(1)", ["unsafe_link"]),
        ("vbscript:x", ["unsafe_link"]),
        ("intent://x", ["unsafe_link"]),
    ],
)
def test_links_that_leave_the_house_or_could_act_are_reported(address: str, code: list[str]) -> None:
    """Bad input: links to elsewhere, with file and line."""
    noticed = Noticed(file="page.html", allowed_hosts=frozenset({"shop.example"}))

    read_page(f'<p>x</p>\n<p><a href="{address}">y</a></p>', noticed=noticed)

    assert [notice.code for notice in noticed.told()] == code
    assert {notice.where for notice in noticed.told()} <= {"page.html:2"}


def test_the_furniture_of_a_page_is_left_out() -> None:
    assert (
        body(
            "<body><header>Shop</header><nav>Menu</nav><script>alert(1)</script><style>p{}</style>"
            "<div role=navigation>More</div>"
            "<p>Text.</p><form><label>Search</label><input value=x><button>Go</button></form><iframe src=x>old</iframe>"
            "<noscript>Switch it on</noscript><template>t</template><aside>News</aside><footer>©</footer></body>"
        )
        == "Text."
    )


@pytest.mark.parametrize("element", ["main", "article", "div role=main"])
def test_of_a_page_that_says_where_its_article_is_only_that_is_read(element: str) -> None:
    name = element.partition(" ")[0]

    assert (
        body(f"<body><div>Cookies?</div><{element}><p>Text.</p></{name}><div>Was this helpful?</div></body>") == "Text."
    )


def test_a_form_around_the_whole_page_is_no_furniture() -> None:
    assert body("<form id=aspnetForm><h2>Returns</h2><p>30 days.</p><input name=q></form>") == "## Returns\n\n30 days."


def test_an_aside_of_the_article_belongs_to_it() -> None:
    assert body("<body><aside>News</aside><main><p>Text.</p><aside>But not sale items.</aside></main></body>") == (
        "Text.\n\nBut not sale items."
    )


def test_declared_entities_are_never_expanded() -> None:
    """Bad input: a billion laughs."""
    noticed = Noticed(file="page.html")

    read = read_page('<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><p>One &b; two</p>', noticed=noticed)

    assert read.body == "One &b; two"
    assert [notice.code for notice in noticed.told()] == ["entities"]
