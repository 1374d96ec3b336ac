"""A pack folder becomes a ``PolicySet``, or a list of everything that is wrong with it.

yaml_source   text → plain values with the line of every key
sources       each file by itself → typed values
cross_checks  what must hold between files
"""

import hashlib
import os
from pathlib import Path

from desk.domain.errors import ConfigurationError, PackError
from desk.policies.cross_checks import cross_check
from desk.policies.models import PolicySet
from desk.policies.sources import PackFiles, pack_paths, read_files
from desk.policies.yaml_source import Problem

PACKS = Path(__file__).parents[2] / "packs"
"""The packs that come with the product: in the repository and in the wheel."""


def load_pack(path: Path) -> PolicySet:
    """The pack in this folder. Raises ``PackError`` with every problem found."""
    files, problems = _examine(path)
    if problems or files.header is None:
        raise PackError([str(problem) for problem in problems])
    header = files.header.value
    return PolicySet(
        **{name: getattr(header, name) for name in type(header).model_fields},
        version=pack_version(path),
        intents={item.value.id: item.value for item in files.intents},
        refusals={item.value.id: item.value for item in files.refusals},
        tools={item.value.name: item.value for item in files.tools},
        systems={item.value.id: item.value for item in files.systems},
        approvals={item.value.id: item.value for item in files.approvals},
        queues={item.value.id: item.value for item in files.queues},
        triggers={item.value.id: item.value for item in files.triggers},
        prompts={item.value.name: item.value for item in files.prompts},
        replies={item.value.name: item.value for item in files.replies},
        articles={item.value.id: item.value for item in files.articles},
        seed=files.seed,
        paraphrases=tuple(item.value for item in files.paraphrases),
        counterparts=tuple(item.value for item in files.counterparts),
    )


def check_pack(path: Path) -> list[str]:
    """Every problem of the pack, as ``file:line: key: what is wrong; what to do``. Empty: it is valid."""
    return [str(problem) for problem in _examine(path)[1]]


def pack_version(path: Path) -> str:
    """First 12 hex digits of the SHA-256 over the names and contents of all files."""
    digest = hashlib.sha256()
    for file in pack_paths(path):
        name, content = os.fsencode(file.relative_to(path).as_posix()), file.read_bytes()
        # Lengths keep a name's end and a content's start apart.
        digest.update(b"%d:%b%d:%b" % (len(name), name, len(content), content))
    return digest.hexdigest()[:12]


def resolve_pack(setting: Path) -> Path:
    """The folder a setting means: a folder with a ``pack.yaml``, or the name of one beneath ``packs/``.

    Raises ``ConfigurationError`` when there is neither.
    """
    for candidate in (setting, PACKS / setting):
        if (candidate / "pack.yaml").is_file():
            return candidate.resolve()
    known = sorted(folder.parent.name for folder in PACKS.glob("*/pack.yaml"))
    raise ConfigurationError(
        f"FRONTDESK_PACK: {setting} is neither a folder with a pack.yaml nor one of the packs {', '.join(known)}"
    )


def _examine(path: Path) -> tuple[PackFiles, list[Problem]]:
    files, problems = read_files(path)
    if files.header is not None or len(files.named["reply"]):
        problems += cross_check(files)
    return files, sorted(set(problems), key=lambda problem: (problem.file, problem.line, problem.key, problem.message))
