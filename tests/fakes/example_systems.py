"""The systems of the documentation's examples, loaded as part of a pack."""

import functools
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from desk.policies.loader import PACKS, load_pack
from desk.policies.models import PolicySet
from desk.policies.systems import SystemSpec

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"


@functools.cache
def pack_with(*examples: str) -> PolicySet:
    """The sample pack with these files as its ``systems.yaml``."""
    with tempfile.TemporaryDirectory() as folder:
        pack = Path(shutil.copytree(PACKS / "retail", Path(folder) / "retail"))
        text = "\n".join((EXAMPLES / example).read_text("utf-8") for example in examples)
        (pack / "systems.yaml").write_text(text, "utf-8")
        return load_pack(pack)


def example_systems(*examples: str) -> Mapping[str, SystemSpec]:
    return pack_with(*examples).systems
