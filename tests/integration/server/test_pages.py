"""Pages, scripts and the addresses for whoever runs the server."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from server.problems import PROBLEMS
from server.routes.pages import WEB
from server.serving import FrontdeskServer
from tests.integration.server.client import Site

ROOT = Path(__file__).parents[3]

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.mark.parametrize("path", ["/", "/console"])
async def test_a_page_comes_with_a_policy_it_keeps(site: Site, path: str) -> None:
    """F02: nothing inline, nothing from elsewhere."""
    response = await site.http.get(path)
    page = _Page(response.text)

    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'; script-src 'self'; style-src 'self'" in response.headers["content-security-policy"]
    assert page.inline == []
    for address in page.loaded:
        if address == "data:,":  # an empty icon
            continue
        assert re.match(r"^(/(?!/)|[a-z]+\.|#)", address), f"{address} is not ours"
        assert (await site.http.get(address)).status_code == 200


async def test_modules_of_the_console_import_only_each_other(site: Site) -> None:
    """R12.1"""
    for module in WEB.glob("console*.js"):
        for address in re.findall(r'from "\./([^"]+)"', module.read_text(encoding="utf-8")):
            response = await site.http.get(f"/{address}")
            assert response.headers["content-type"].startswith("text/javascript"), f"{module.name} needs {address}"
        assert "innerHTML" not in module.read_text(encoding="utf-8")


async def test_files_have_types_validators_and_are_not_sent_twice(site: Site) -> None:
    for name, kind in (("widget.js", "text/javascript"), ("demo.css", "text/css")):
        first = await site.http.get(f"/{name}")
        again = await site.http.get(f"/{name}", headers={"If-None-Match": first.headers["etag"]})
        head = await site.http.head(f"/{name}")

        assert first.headers["content-type"].startswith(kind)
        assert first.headers["cache-control"] == "public, max-age=300"
        assert first.headers["x-content-type-options"] == "nosniff"
        assert first.content == (WEB / name).read_bytes()
        assert (again.status_code, again.content) == (304, b"")
        assert (head.status_code, head.content) == (200, b"")


@pytest.mark.parametrize("path", ["/%2e%2e/app.py", "/..%2fapp.py", "/app.py", "/web/widget.js", "/x.js"])
async def test_nothing_outside_the_folder_is_served(site: Site, path: str) -> None:
    response = await site.http.get(path)
    assert (response.status_code, response.headers["content-type"]) == (404, "application/problem+json")


async def test_the_process_is_alive_whatever_it_depends_on(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """R12.3"""
    monkeypatch.setitem(site.desk.broken, "knowledge", "the vector index is empty")
    alive, ready = await site.http.get("/healthz"), await site.http.get("/readyz")

    assert (alive.status_code, alive.json()) == (200, {"status": "ok"})
    assert ready.status_code == 503
    assert ready.json() == {
        "status": "not_ready",
        "checks": {"postgres": "ok", "knowledge": "the vector index is empty"},
    }


async def test_a_server_whose_parts_work_is_ready(site: Site) -> None:
    """R12.3"""
    response = await site.http.get("/readyz")
    assert (response.status_code, response.json()) == (200, {"status": "ready", "checks": {"postgres": "ok"}})


async def test_a_process_that_leaves_is_not_ready(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """R12.3"""
    server: FrontdeskServer = site.server
    monkeypatch.setattr(server.streams, "closing", True)
    response = await site.http.get("/readyz")

    assert response.status_code == 503
    assert response.json()["checks"]["server"] == "This process is shutting down."


async def test_the_openapi_document_describes_streams_and_problems(site: Site) -> None:
    """R11.3"""
    document = (await site.http.get("/openapi.json")).json()
    paths = document["paths"]
    say = paths["/v1/conversations/{conversation_id}/messages"]["post"]

    assert "text/event-stream" in say["responses"]["200"]["content"]
    assert set(say["responses"]) >= {"200", "202", "400", "401", "404", "408", "409", "413", "415", "422", "429"}
    for item in paths.values():
        for operation in item.values():
            for status, answer in operation["responses"].items():
                if status >= "400" and status != "503":
                    assert set(answer["content"]) == {"application/problem+json"}
    assert set(document["components"]["schemas"]["Problem"]["required"]) == {
        "type", "title", "status", "code", "detail", "request_id",
    }  # fmt: skip
    assert "HTTPValidationError" not in json.dumps(document)


async def test_the_reference_page_works_offline_and_names_every_operation(site: Site) -> None:
    """R11.3"""
    response = await site.http.get("/docs")
    document = (await site.http.get("/openapi.json")).json()
    page = _Page(response.text)

    assert response.status_code == 200
    assert page.inline == []
    assert page.loaded == ["/docs.css"]
    assert (await site.http.get("/docs.css")).headers["content-type"].startswith("text/css")
    for path in document["paths"]:
        assert path in response.text


async def test_every_kind_of_problem_is_explained_where_its_type_points(site: Site) -> None:
    """R11.3"""
    response = await site.http.get("/nothing")
    _, _, anchor = response.json()["type"].partition("#")

    assert f'id="{anchor}"' in (await site.http.get("/docs")).text


async def test_the_reference_knows_every_code_in_the_source() -> None:
    """R11.3"""
    sources = [*ROOT.glob("server/**/*.py"), *ROOT.glob("desk/conversations/*.py"), ROOT / "desk/domain/errors.py"]
    named = {code for path in sources for code in re.findall(r'code="([a-z_0-9]+)"', path.read_text())}

    assert len(named) >= 12
    assert named <= set(PROBLEMS)


class _Page(HTMLParser):
    """What a page loads, and what it carries inline."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.inline: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.inline += [f"{tag} {name}" for name in values if name.startswith("on") or name == "style"]
        if tag == "style" or (tag == "script" and "src" not in values):
            self.inline.append(tag)
        if tag in {"script", "img"} and values.get("src"):
            self.loaded.append(str(values["src"]))
        if tag == "link" and values.get("rel") in {"stylesheet", "icon"}:
            self.loaded.append(str(values["href"]))
