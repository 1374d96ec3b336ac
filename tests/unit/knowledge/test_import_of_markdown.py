"""Markdown files: what their front matter says, what is made up for them, and what is wrong with them (R4.1, R4.7)."""

import dataclasses
from datetime import date
from pathlib import Path

import pytest

from desk.knowledge.importers import Defaults, Found, read_sources, sources_in
from desk.policies.loader import PACKS, load_pack
from tests.unit.knowledge.folders import DEFAULTS, Folder, codes

FRONT = """---
id: returns-policy
title: Returns policy
area: returns
owner: Returns team
review_cadence: 6m
next_review: 2027-03-01
version: "1.5"
status: published
effective: 2026-09-01
source: Handbook
---
"""
BODY = "You have 30 days.\n"


def test_the_articles_of_the_pack_are_read_as_the_pack_reads_them() -> None:
    """R4.7"""
    pack = load_pack(PACKS / "retail")
    defaults = Defaults(today=date(2026, 10, 1), areas=frozenset(a.area for a in pack.articles.values()))

    items = list(read_sources(sources_in(PACKS / "retail" / "knowledge"), defaults=defaults))

    found = {item.article.id: item for item in items if isinstance(item, Found)}
    assert len(found) == len(items) == len(pack.articles)
    assert [item.warnings for item in items if item.warnings] == []
    assert all(found[name].says_what(article) for name, article in pack.articles.items())
    assert all(found[name].article.body == article.body for name, article in pack.articles.items())
    assert all(item.has_version for item in found.values())


def test_an_article_arrives_in_review_whatever_its_file_says(folder: Folder) -> None:
    folder.write("a.md", FRONT + BODY)

    assert folder.only().article.status == "in_review"


def test_a_file_without_front_matter_is_completed(folder: Folder) -> None:
    folder.write("orders/how-to-cancel.md", "# Cancelling an order\n\nYou can cancel within an hour.\n")

    item = folder.only()

    article = item.article
    assert (article.id, article.title, article.area) == ("orders-how-to-cancel", "Cancelling an order", "orders")
    assert (article.owner, article.effective, article.next_review) == (
        "Returns team",
        date(2026, 10, 1),
        date(2027, 4, 1),
    )
    assert (article.body, article.source) == ("You can cancel within an hour.", "orders/how-to-cancel.md")
    assert not item.has_version


def test_the_day_of_the_import_does_not_make_a_new_text(folder: Folder) -> None:
    folder.write("a.md", "# Cancelling\n\nWithin an hour.\n")
    stored = folder.only().article

    later = folder.only(dataclasses.replace(DEFAULTS, today=date(2026, 12, 24)))
    folder.write("a.md", "# Cancelling\n\nWithin two hours.\n")

    assert later.says_what(stored)
    assert not folder.only().says_what(stored)


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ("next_review: 2027-03-01", "next_review: soon", 7, "next_review: 'soon' is no date; write it as 2026-12-31"),
        (
            "next_review: 2027-03-01",
            "next_review: 2026-02-31",
            7,
            "next_review: '2026-02-31' looks like a date or number",
        ),
        ("next_review: 2027-03-01", "next_review: 2026-08-01", 7, "next_review: must be after effective (2026-09-01)"),
        ("area: returns", "area: retuns", 4, "area: there is no area 'retuns'; did you mean returns?"),
        ("area: returns", "area: returns\naera: orders", 5, "aera: is not a key here; did you mean area?"),
        ("area: returns", "area: returns\narea: orders", 5, "area: is there twice (first in line 4)"),
        ("area: returns", "area: [returns]", 4, "area: must be text"),
        ("owner: Returns team", "owner: 'Returns", 5, "is not valid YAML"),
        ("owner: Returns team", "owner: &a Returns team", 5, "owner: anchors (&name) are not used in packs"),
        ("owner: Returns team", 'owner: "Re\\0turns"', 5, "owner: holds control characters"),
        ("owner: Returns team", "owner: !!python/object:os.system x", 5, "owner: the tag"),
        ('version: "1.5"', "version: 1.5", 8, "version: must be text; put the value in quotes"),
        ("status: published", "status: live", 9, "status: 'live' is not a status"),
        ("effective: 2026-09-01", "effective: 2026-09-01\nexpires: 2026-08-01", 11, "expires: must be after effective"),
        ("id: returns-policy", "id: Returns Policy", 2, "id: 'Returns Policy' is not a name"),
        ("source: Handbook\n---", "source: Handbook", 1, "opens with --- and no second --- ends the front matter"),
        ("source: Handbook", "source: Handbook\nsupersedes: old", 12, "supersedes: must be a list"),
    ],
)
def test_a_mistake_in_the_front_matter_is_told_with_its_line(
    folder: Folder, old: str, new: str, line: int, message: str
) -> None:
    """Bad input: broken front matter, each reported with file and line."""
    assert old in FRONT
    folder.write("a.md", FRONT.replace(old, new) + BODY)

    _, where, told = folder.only_reason()

    assert where == f"a.md:{line}"
    assert told.startswith(message)


def test_front_matter_beyond_all_measure_is_not_read(folder: Folder) -> None:
    folder.write("a.md", FRONT.replace("---\nid", "---\n" + "# a remark\n" * 10_000 + "id") + BODY)

    assert "has more than 64,000 characters of front matter" in folder.only_reason()[2]


def test_every_mistake_of_a_file_is_told_at_once(folder: Folder) -> None:
    folder.write("a.md", FRONT.replace("2027-03-01", "soon").replace("area: returns", "area: nowhere") + BODY)

    (item,) = folder.skipped()

    assert [notice.where for notice in item.notices] == ["a.md:7"]
    folder.write("a.md", FRONT.replace("2027-03-01", "soon").replace("id: returns-policy", "id: R") + BODY)
    (item,) = folder.skipped()
    assert [notice.where for notice in item.notices] == ["a.md:2", "a.md:7"]


def test_keys_of_other_systems_are_left_out_and_named(folder: Folder) -> None:
    folder.write("a.md", FRONT.replace("---\nid", "---\nlayout: post\ntags: [a, b]\nid") + BODY)

    item = folder.only()

    assert [(notice.code, notice.where) for notice in item.warnings] == [
        ("unknown_key", "a.md:2"),
        ("unknown_key", "a.md:3"),
    ]


@pytest.mark.parametrize("status", ["draft", "retired"])
def test_what_its_source_does_not_publish_is_not_imported(folder: Folder, status: str) -> None:
    folder.write("a.md", FRONT.replace("status: published", f"status: {status}") + BODY)

    assert folder.only_reason()[:2] == ("not_live", "a.md:9")


def test_a_file_without_text_is_skipped(folder: Folder) -> None:
    folder.write("a.md", FRONT + "\n***\n")

    assert folder.only_reason()[0] == "empty"


def test_the_second_of_two_with_the_same_id_names_the_first(folder: Folder) -> None:
    """Bad input: duplicate ids."""
    folder.write("a.md", FRONT + BODY)
    folder.write("b.md", FRONT + "Other text.")

    assert folder.only_reason() == (
        "duplicate_id", "b.md:1", "the id 'returns-policy' is taken by a.md:1; give one of the two another id"
    )  # fmt: skip


def test_links_pictures_and_scripts_in_markdown(folder: Folder) -> None:
    folder.write(
        "a.md",
        "See [our page](https://shop.example/returns) and [theirs](https://evil.example/x) or "
        "[this](javascript:alert(1)), [that](data:text/html,x).\n\n![a map](https://evil.example/map.png)\n\n"
        "<script>alert(1)</script>\n\n`[code](javascript:x)`\n",
    )

    item = folder.only()

    assert item.article.body == (
        "See [our page](https://shop.example/returns) and [theirs](https://evil.example/x) or this, that.\n\n"
        "a map\n\n`[code](javascript:x)`"
    )
    assert [(n.code, n.where) for n in item.warnings if n.code != "foreign_link"] == [
        ("unsafe_link", "a.md:1"), ("unsafe_link", "a.md:1"), ("image", "a.md:3"),
    ]  # fmt: skip
    assert codes(item).count("foreign_link") == 2


def test_html_in_markdown_becomes_markdown(folder: Folder) -> None:
    folder.write(
        "a.md",
        "Text with <b>bold</b>, a <your name> blank and `<i>code</i>`.\n\n"
        "<table><tr><th>Region</th><th>Days</th></tr><tr><td>US</td><td>30</td></tr></table>\n\nMore *text*.\n",
    )

    assert folder.only().article.body == (
        "Text with **bold**, a <your name> blank and `<i>code</i>`.\n\n"
        "| Region | Days |\n| --- | --- |\n| US | 30 |\n\nMore *text*."
    )


def test_names_of_files_may_be_strange(folder: Folder) -> None:
    folder.write("Rückgabe & Erstattung (neu).md", "# Rückgabe\n\nText.")
    folder.write("退货.md", "# 退货\n\nText.")
    folder.write("a\nb\u202e.md", "# Turned\n\nText.")
    (folder.path / "x").mkdir()
    Path(str(folder.path) + "/x/\udcff.md").write_text("# Bytes\n\nText.", "utf-8")

    items = folder.found()

    assert len({item.article.id for item in items}) == 4
    assert "ruckgabe-erstattung-neu" in {item.article.id for item in items}
    assert {"a\\nb\\u202e.md:1", "x/\\xff.md:1"} < {item.where for item in items}
