"""A folder of files to import, and what came of it."""

from datetime import date
from pathlib import Path

from desk.knowledge.importers import Defaults, Found, Skipped, read_sources, sources_in

DAY = date(2026, 10, 1)
DEFAULTS = Defaults(
    today=DAY,
    area="returns",
    owner="Returns team",
    areas=frozenset({"returns", "orders", "products"}),
    allowed_hosts=frozenset({"shop.example"}),
)


class Folder:
    """Files under a folder of the test's own."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, name: str, content: str | bytes) -> Path:
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
        return file

    def read(self, defaults: Defaults = DEFAULTS) -> list[Found | Skipped]:
        return list(read_sources(sources_in(self.path), defaults=defaults))

    def found(self, defaults: Defaults = DEFAULTS) -> list[Found]:
        items = self.read(defaults)
        assert not [item for item in items if isinstance(item, Skipped)], items
        return [item for item in items if isinstance(item, Found)]

    def only(self, defaults: Defaults = DEFAULTS) -> Found:
        (item,) = self.found(defaults)
        return item

    def skipped(self, defaults: Defaults = DEFAULTS) -> list[Skipped]:
        return [item for item in self.read(defaults) if isinstance(item, Skipped)]

    def only_reason(self, defaults: Defaults = DEFAULTS) -> tuple[str, str, str]:
        """Code, place and message of the only notice of the only thing skipped."""
        (item,) = self.skipped(defaults)
        (notice,) = item.notices
        return notice.code, notice.where, notice.message


def codes(found: Found) -> list[str]:
    return [notice.code for notice in found.warnings]
