"""Every file of a pack, read and validated by itself: typed values that still know where they were written."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, Literal, TypeVar

from pydantic import BaseModel

from desk.policies import models, seeds, systems
from desk.policies.validation import did_you_mean, validate
from desk.policies.yaml_source import Document, Key, Problem, parse_front_matter, parse_yaml, read_text

Model = TypeVar("Model", bound=BaseModel)

LISTS: dict[str, tuple[str, type[BaseModel]]] = {
    "refusals.yaml": ("id", models.Refusal),
    "tools.yaml": ("name", models.ToolSpec),
    "approvals.yaml": ("id", models.ApprovalRule),
    "queues.yaml": ("id", models.Queue),
    "escalation.yaml": ("id", models.Trigger),
}
SYSTEMS = "systems.yaml"
"""Only of packs whose systems are not the reference ones."""
FOLDERS = {
    "intents": ".yaml",
    "replies": ".md",
    "prompts": ".md",
    "knowledge": ".md",
    "seed": ".yaml",
    "checks": ".yaml",
}
NEEDED_FOLDERS = ("intents", "replies", "prompts", "knowledge")
CHECKS: dict[str, type[BaseModel]] = {
    "checks/paraphrases.yaml": models.Paraphrase,
    "checks/bitext.yaml": models.Counterpart,
}
SEEDS: dict[str, type[BaseModel]] = {
    "customers": seeds.SeedCustomer,
    "payment_methods": seeds.SeedPaymentMethod,
    "orders": seeds.SeedOrder,
    "shipments": seeds.SeedShipment,
    "invoices": seeds.SeedInvoice,
    "tickets": seeds.SeedTicket,
    "slots": seeds.SeedSlots,
    "bookings": seeds.SeedBooking,
}

KINDS = ("intent", "refusal", "tool", "approval", "queue", "trigger", "reply", "prompt", "article", "area", "system")


class PackHeader(models.PackModel):
    """``pack.yaml``."""

    name: models.Identifier
    title: str
    locale: str
    currency: str
    timezone: str
    label: str
    assistant: models.Assistant
    thresholds: models.Thresholds
    system_replies: models.SystemReplies
    phrases: models.Phrases
    approver_limits: dict[str, int]
    step_up: models.StepUpPolicy
    knowledge: models.KnowledgePolicy = models.KnowledgePolicy()


@dataclass(frozen=True, kw_only=True)
class Written(Generic[Model]):
    """A value and the place it was written at."""

    value: Model
    document: Document
    key: Key = ()

    def problem(self, key: Key, message: str) -> Problem:
        return self.document.problem((*self.key, *key), message)


@dataclass(kw_only=True)
class PackFiles:
    """What could be read.

    ``named`` also holds ids whose entry did not validate, and ``unreadable`` the kinds with a file that is no valid
    YAML or text: so one mistake is told once, and not again wherever its name is used.
    """

    header: Written[PackHeader] | None = None
    intents: list[Written[models.Intent]] = field(default_factory=list)
    refusals: list[Written[models.Refusal]] = field(default_factory=list)
    tools: list[Written[models.ToolSpec]] = field(default_factory=list)
    systems: list[Written[Any]] = field(default_factory=list)
    approvals: list[Written[models.ApprovalRule]] = field(default_factory=list)
    queues: list[Written[models.Queue]] = field(default_factory=list)
    triggers: list[Written[models.Trigger]] = field(default_factory=list)
    replies: list[Written[models.ReplyTemplate]] = field(default_factory=list)
    prompts: list[Written[models.Prompt]] = field(default_factory=list)
    articles: list[Written[models.Article]] = field(default_factory=list)
    seed: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    seeds: dict[str, list[Written[Any]]] = field(default_factory=dict)
    paraphrases: list[Written[models.Paraphrase]] = field(default_factory=list)
    counterparts: list[Written[models.Counterpart]] = field(default_factory=list)
    named: dict[str, set[str]] = field(default_factory=lambda: {kind: set() for kind in KINDS})
    unreadable: set[str] = field(default_factory=set)


def read_files(root: Path) -> tuple[PackFiles, list[Problem]]:
    """Every file of the pack folder, and every mistake that shows without looking at another file."""
    problems: list[Problem] = []
    if not (root / "pack.yaml").is_file():
        return PackFiles(), [
            Problem(file="pack.yaml", line=1, key="", message=f"is missing; {root.name} is no pack without")
        ]
    files = PackFiles()
    names = [path.relative_to(root).as_posix() for path in pack_paths(root)]
    problems += _layout(names)
    for name in names:
        _read_one(root, name, files, problems)
    return files, problems


def pack_paths(root: Path) -> list[Path]:
    """All files that belong to the pack, sorted by their relative name; hidden files do not."""
    found = [path for path in root.rglob("*") if path.is_file()
             and not any(part.startswith((".", "__")) for part in path.relative_to(root).parts)]  # fmt: skip
    return sorted(found, key=lambda path: path.relative_to(root).as_posix())


def _kind(name: str) -> str:
    """What the entries of a file are called elsewhere in the pack."""
    folder = name.partition("/")[0]
    singular = {"replies": "reply", "knowledge": "article", "escalation.yaml": "trigger"}
    return singular.get(folder, folder.removesuffix(".yaml").removesuffix("s"))


def _layout(names: list[str]) -> Iterator[Problem]:
    for needed in LISTS:
        if needed not in names:
            yield Problem(file=needed, line=1, key="", message="is missing; every pack has one")
    for folder in NEEDED_FOLDERS:
        if not any(name.startswith(f"{folder}/") for name in names):
            yield Problem(file=f"{folder}/", line=1, key="", message="is missing or empty; every pack has such files")


def _read_one(root: Path, name: str, files: PackFiles, problems: list[Problem]) -> None:
    folder, _, rest = name.rpartition("/")
    stem = rest.rpartition(".")[0]
    known = name in LISTS or name in {"pack.yaml", "README.md", SYSTEMS} or name in CHECKS
    if not known and (folder == "checks" or FOLDERS.get(folder) != Path(name).suffix):
        likely = [*LISTS, "pack.yaml", SYSTEMS, *CHECKS, *(f"{place}/{stem}{end}" for place, end in FOLDERS.items())]
        message = f"is not a file of a pack{did_you_mean(name, likely) or '.'} Rename or remove it"
        problems.append(Problem(file=name, line=1, key="", message=message))
        return
    if name == "README.md":
        return
    kind = _kind(name)
    if kind in {"reply", "prompt", "intent"}:
        files.named[kind].add(stem)
    text = read_text(root / name, file=name, problems=problems)
    if text is None:
        files.unreadable.add(kind)
        return
    match folder:
        case "replies":
            plain = Document(file=name, value=text)
            if not text.strip():
                problems.append(plain.problem((), "is empty; write what the customer should read"))
            files.replies.append(Written(value=models.ReplyTemplate(name=stem, text=text.strip()), document=plain))
        case "prompts":
            plain = Document(file=name, value=text)
            files.prompts.append(Written(value=models.Prompt(name=stem, text=text.strip()), document=plain))
        case "knowledge":
            _read_article(text, name, files, problems)
        case _:
            _read_yaml(parse_yaml(text, file=name, problems=problems), folder, stem, files, problems)


def _read_article(text: str, name: str, files: PackFiles, problems: list[Problem]) -> None:
    document = parse_front_matter(text, file=name, problems=problems)
    if not isinstance(document.value, dict):
        _must_be(document, "mapping", problems)
        files.unreadable.add("article")
        return
    files.named["article"].add(str(document.value.get("id")))
    files.named["area"].add(str(document.value.get("area")))
    reserved = sorted({"body", "path"} & document.value.keys())
    problems += [document.problem((key,), "is not written in front matter; remove it") for key in reserved]
    complete = {**document.value, "body": document.body, "path": name}
    article = validate(models.Article, complete, document, (), problems)
    if article is not None:
        files.articles.append(Written(value=article, document=document))


def _read_yaml(document: Document, folder: str, stem: str, files: PackFiles, problems: list[Problem]) -> None:
    value = document.value
    if value is None:
        files.unreadable.add(_kind(document.file))
    elif document.file in LISTS:
        id_key, model = LISTS[document.file]
        kind = _kind(document.file)
        rows: list[Written[Any]] = list(_rows(model, document, problems))
        if isinstance(value, list):
            files.named[kind] |= {str(row.get(id_key)) for row in value if isinstance(row, dict)}
        else:
            files.unreadable.add(kind)
        getattr(files, kind + "s").extend(rows)
    elif document.file == SYSTEMS:
        files.systems.extend(_systems(document, problems))
    elif document.file == "pack.yaml" and isinstance(value, dict):
        header = validate(PackHeader, value, document, (), problems)
        if header is not None:
            files.header = Written(value=header, document=document)
    elif folder == "intents" and isinstance(value, dict):
        if value.get("id", stem) != stem:
            problems.append(document.problem(("id",), f"must be {stem!r}, the name of the file; rename one of the two"))
        intent = validate(models.Intent, value, document, (), problems)
        if intent is not None:
            files.intents.append(Written(value=intent, document=document))
    elif folder == "seed":
        if stem not in SEEDS:
            near = did_you_mean(stem, SEEDS)
            problems.append(document.problem((), f"is no table of the shop{near or '.'} There are {', '.join(SEEDS)}"))
            return
        files.seeds[stem] = list(_rows(SEEDS[stem], document, problems))
        if isinstance(value, list):
            files.seed[stem] = [row for row in value if isinstance(row, dict)]
    elif folder == "checks":
        checks: list[Written[Any]] = files.counterparts if stem == "bitext" else files.paraphrases
        checks.extend(_rows(CHECKS[document.file], document, problems))
    else:
        _must_be(document, "mapping", problems)


def _rows(model: type[Model], document: Document, problems: list[Problem]) -> Iterator[Written[Model]]:
    if not isinstance(document.value, list):
        _must_be(document, "list", problems)
        return
    for index, row in enumerate(document.value):
        value = validate(model, row, document, (index,), problems)
        if value is not None:
            yield Written(value=value, document=document, key=(index,))


def _systems(document: Document, problems: list[Problem]) -> Iterator[Written[Any]]:
    """Each system by its kind."""
    if not isinstance(document.value, list):
        _must_be(document, "list", problems)
        return
    for index, row in enumerate(document.value):
        kind = row.get("kind") if isinstance(row, dict) else None
        if kind not in systems.KINDS:
            message = f"must be one of {', '.join(systems.KINDS)}{did_you_mean(str(kind), systems.KINDS)}"
            problems.append(document.problem((index, "kind"), message))
            continue
        value = validate(systems.KINDS[str(kind)], row, document, (index,), problems)
        if value is not None:
            yield Written(value=value, document=document, key=(index,))


def _must_be(document: Document, shape: Literal["list", "mapping"], problems: list[Problem]) -> None:
    if document.value is not None:
        how = "a list; start each entry with '- '" if shape == "list" else "keys and values; write 'key: value' lines"
        problems.append(document.problem((), f"must hold {how}"))
