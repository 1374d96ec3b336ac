from pathlib import Path

import pytest

from desk.policies.loader import PACKS, load_pack
from desk.policies.models import PolicySet
from tests.unit.policies.packs import PackCopy


@pytest.fixture
def pack(tmp_path: Path) -> PackCopy:
    return PackCopy(tmp_path)


@pytest.fixture(scope="session")
def retail() -> PolicySet:
    return load_pack(PACKS / "retail")
