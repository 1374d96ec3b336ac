"""``frontdesk kb``: articles, from the file to the answer and back."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from desk.domain.errors import InvalidRequest

if TYPE_CHECKING:
    from desk.knowledge.conflicts import FoundConflict
    from desk.knowledge.listing import Event, Listed
    from desk.knowledge.trace import Trace
    from desk.knowledge.versions import ArticleVersion
    from retrieval.approving import Plan
    from retrieval.gaps import GapReport
    from retrieval.intake import ImportReport
    from retrieval.knowledge import Submission

app = typer.Typer(help="Look after knowledge: import, approve, roll back, trace.", no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Token = Annotated[str | None, typer.Option(help="Your staff token; default: FRONTDESK_STAFF_TOKEN.")]
Name = Annotated[str, typer.Argument(metavar="ARTICLE", help="The article's id.")]
Reason = Annotated[str, typer.Option(help="Why; kept with the article and in the audit log.")]
Number = Annotated[str | None, typer.Option("--version", help="Which version; default: the one that waits.")]

SHOWN = 20
"""Lines of each part of a report that people read; --json has all."""


@app.callback()
def knowledge() -> None:
    """Look after knowledge: import, approve, roll back, trace."""


@app.command("import")
def import_(
    path: Annotated[Path, typer.Argument(help="A folder of Markdown and HTML, a help-centre export, or a CSV.")],
    area: Annotated[str | None, typer.Option(help="Area of articles that name none.")] = None,
    owner: Annotated[str | None, typer.Option(help="Owner of articles that name none.")] = None,
    cadence: Annotated[str | None, typer.Option(help="How often they are reviewed, like 6m.")] = None,
    audience: Annotated[str | None, typer.Option(help="public, customer or internal.")] = None,
    locale: Annotated[str | None, typer.Option(help="Language, like en.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Read and report; store nothing.")] = False,
    token: Token = None,
    json: Json = False,
) -> None:
    """Put articles up for review. Run it again as often as you like: what has not changed is left alone."""
    from commands.output import print_json

    given = {"area": area, "owner": owner, "review_cadence": cadence, "audience": audience, "locale": locale}
    report = asyncio.run(_import(path, given, dry=dry_run, token=token))
    if json:
        print_json(_report(report))
    else:
        _tell_import(report, dry=dry_run)
    if report.skipped and not report.imported and not report.unchanged:
        raise typer.Exit(code=1)


@app.command()
def submit(
    file: Annotated[Path, typer.Argument(help="A Markdown file with front matter.")],
    draft: Annotated[bool, typer.Option("--draft", help="Not for review yet.")] = False,
    token: Token = None,
    json: Json = False,
) -> None:
    """Put one file up for review, and see what it contradicts."""
    from commands.output import print_json

    submission = asyncio.run(_submit(file, draft=draft, token=token))
    if json:
        conflicts = [_conflict(found) for found in submission.conflicts]
        print_json({**_version(submission.version), "is_new": submission.is_new, "conflicts": conflicts})
    else:
        _tell_submission(submission)


@app.command()
def approve(
    article: Annotated[str | None, typer.Argument(metavar="ARTICLE", help="The article's id.")] = None,
    version: Number = None,
    force: Annotated[
        str | None, typer.Option(help="Why it is published although it contradicts something; a supervisor's.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="All that can be approved unread.")] = False,
    imported: Annotated[Path | None, typer.Option("--import", help="All that came from this place.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before approving many.")] = False,
    token: Token = None,
    json: Json = False,
) -> None:
    """Publish what somebody else has put up for review."""
    from commands.output import print_json

    if (article is None) == (not everything and imported is None):
        raise InvalidRequest("Name one article, or use --all or --import PATH.")
    if article is None:
        result = asyncio.run(_approve_many(imported, yes=yes or json, token=token))
        if json:
            print_json(result)
        raise typer.Exit(code=1 if result["failed"] else 0)
    moved = asyncio.run(_moved("approve", article, version, force=force, token=token))
    _tell_version(moved, json=json)


@app.command()
def reject(article: Name, reason: Reason, version: Number = None, token: Token = None, json: Json = False) -> None:
    """Send a version back to its author."""
    _tell_version(asyncio.run(_moved("send_back", article, version, reason=reason, token=token)), json=json)


@app.command()
def retire(article: Name, reason: Reason, token: Token = None, json: Json = False) -> None:
    """Take an article down."""
    _tell_version(asyncio.run(_moved("retire", article, reason=reason, token=token)), json=json)


@app.command()
def rollback(
    article: Name,
    reason: Reason,
    to: Annotated[str | None, typer.Option(help="The version to go back to; default: the one before.")] = None,
    token: Token = None,
    json: Json = False,
) -> None:
    """Make an earlier version the published one; an article without an earlier one is taken down."""
    _tell_version(asyncio.run(_moved("roll_back", article, reason=reason, to=to, token=token)), json=json)


@app.command("list")
def list_(
    status: Annotated[str | None, typer.Option(help="draft, in_review, approved, published or retired.")] = None,
    area: Annotated[str | None, typer.Option(help="Only this area.")] = None,
    overdue: Annotated[bool, typer.Option("--overdue", help="Only articles whose review is overdue.")] = False,
    json: Json = False,
) -> None:
    """List articles: where each version stands, and whether it is used."""
    from commands.output import print_json, print_table

    listed = asyncio.run(_list(status, area, overdue=overdue))
    if json:
        print_json([vars(one) for one in listed])
        return
    rows = [
        (one.id, one.version, one.status, one.standing or "", one.owner, str(one.next_review),
         str(one.open_conflicts or ""), ", ".join(one.findings))
        for one in listed
    ]  # fmt: skip
    print_table(("article", "version", "status", "standing", "owner", "review", "conflicts", "noticed"), rows)


@app.command()
def show(article: Name, json: Json = False) -> None:
    """Show every version of an article and what happened to it."""
    from commands.output import print_json, print_table

    versions, events = asyncio.run(_show(article))
    if json:
        print_json({"versions": [_version(v) for v in versions], "events": [vars(event) for event in events]})
        return
    newest = versions[0]
    print(f"{newest.article.title} ({article}), owner {newest.article.owner}, file {newest.article.path}")
    print_table(("version", "status", "author", "decided by"),
                [(v.article.version, v.article.status, v.author, v.decided_by or "") for v in versions])  # fmt: skip
    print_table(("when", "version", "what", "who", "why"),
                [(str(e.at)[:19], e.version or "", e.change, e.actor, e.reason or "") for e in events])  # fmt: skip
    for version in versions[:1]:
        for finding in version.findings:
            print(f"{finding['where']}: {finding['message']}")


@app.command()
def diff(
    article: Name,
    old: Annotated[str, typer.Argument(help="Version to start from.")],
    new: Annotated[str, typer.Argument(help="Version to compare with.")],
    json: Json = False,
) -> None:
    """Show what changed between two versions."""
    from commands.output import print_json

    text = asyncio.run(_diff(article, old, new))
    if json:
        print_json({"article": article, "old": old, "new": new, "diff": text})
    else:
        print(text)


@app.command()
def conflicts(
    status: Annotated[str, typer.Option(help="open, dismissed, resolved or all.")] = "open",
    dismiss: Annotated[str | None, typer.Option(metavar="ID", help="Say that this one is none.")] = None,
    reason: Annotated[str, typer.Option(help="Why it is none.")] = "",
    token: Token = None,
    json: Json = False,
) -> None:
    """List passages that contradict each other, or dismiss one."""
    from commands.output import print_json

    if dismiss is not None:
        dismissed = asyncio.run(_dismiss(dismiss, reason, token=token))
        if json:
            print_json(_conflict(dismissed))
        else:
            print(f"{dismissed.id} is dismissed; answers may use both passages again.")
        return
    if status not in ("open", "dismissed", "resolved", "all"):
        raise InvalidRequest("--status is open, dismissed, resolved or all.")
    found = asyncio.run(_conflicts(None if status == "all" else status))
    if json:
        print_json([_conflict(conflict) for conflict in found])
    elif not found:
        print("There is none.")
    for conflict in () if json else found:
        _tell_conflict(conflict)


@app.command()
def gaps(
    days: Annotated[int, typer.Option(min=1, help="Look back so many days.")] = 90,
    limit: Annotated[int, typer.Option(min=1, max=1000)] = 50,
    json: Json = False,
) -> None:
    """List questions no article answers, the most frequent first."""
    from commands.output import print_json, print_table

    found = asyncio.run(_gaps(days, limit))
    if json:
        print_json([vars(gap) for gap in found])
    elif not found:
        print("There is none.")
    else:
        rows = [(str(g.asked), str(g.conversations), str(g.last_asked_at)[:10], g.question, g.nearest or "")
                for g in found]  # fmt: skip
        print_table(("asked", "conversations", "last", "question", "nearest article"), rows)


@app.command()
def trace(
    turn: Annotated[str, typer.Argument(metavar="TURN", help="The turn_… id of an answer.")], json: Json = False
) -> None:
    """Show what each sentence of an answer stands on: passage, version and file."""
    from commands.output import print_json

    found = asyncio.run(_trace(turn))
    if json:
        print_json(found)
        return
    print(f"{found['turn_id']} in {found['conversation_id']}")
    if found["question"]:
        print(f"Asked: {found['question']}")
    for sentence in found["sentences"]:
        print(f"\n“{sentence['text']}”")
        if sentence["template"]:
            print(f"  from the reply template {sentence['template']}")
        for source in sentence["sources"]:
            place = f"{source['article']}@{source['version']} ({source['status']}), file {source['path']}"
            print(f"  from {source['chunk_id']}\n       {place}\n       {source['text'][:200]}")


async def _import(path: Path, given: dict[str, str | None], *, dry: bool, token: str | None) -> "ImportReport":
    from commands.content import open_content
    from commands.output import progress
    from desk.knowledge.importers import read_sources, sources_in
    from retrieval.intake import Intake

    try:
        sources = sources_in(path)
    except FileNotFoundError:
        raise InvalidRequest(f"There is nothing at {path}; name a folder or a file.") from None
    if not sources:
        raise InvalidRequest(f"{path} holds no Markdown, HTML, JSON or CSV.")
    async with open_content(token) as content:
        said = frozenset(name for name, value in given.items() if value is not None)
        intake = Intake(desk=content.desk, author=content.author, given=said, dry=dry)
        with progress("Importing", total=len(sources)) as step:
            items = read_sources(sources, defaults=content.defaults(**given))
            return await intake.bring_in(items, origin=str(path.resolve()), on_read=step)


async def _submit(file: Path, *, draft: bool, token: str | None) -> "Submission":
    from commands.content import open_content
    from desk.knowledge.submitted import from_markdown
    from retrieval.intake import Intake

    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        raise InvalidRequest(f"{file} cannot be read as UTF-8: {exc}") from exc
    async with open_content(token) as content:
        found = from_markdown(text, defaults=content.defaults(), name=file.name)
        return await Intake(desk=content.desk, author=content.author).hand_in(found, draft=draft)


async def _moved(what: str, *arguments: str | None, token: str | None, **options: str | None) -> "ArticleVersion":
    from commands.content import open_content

    async with open_content(token) as content:
        person = content.person
        moved: ArticleVersion = await getattr(content.desk, what)(*arguments, by=person, **options)
        return moved


async def _approve_many(imported: Path | None, *, yes: bool, token: str | None) -> dict[str, Any]:
    from commands.content import open_content
    from commands.output import progress
    from retrieval.approving import approve_all, plan_approval

    async with open_content(token) as content:
        person = content.person
        origin = str(imported.resolve()) if imported else None
        plan = await plan_approval(content.desk, by=person, origin=origin)
        if not yes:
            _tell_plan(plan)
            if plan.ready and not typer.confirm(f"Publish {len(plan.ready)} articles?"):
                raise typer.Exit(code=1)
        with progress("Publishing", total=len(plan.ready)) as step:
            published, failed = await approve_all(content.desk, plan, by=person, on_progress=step)
    if not yes:
        print(f"{len(published)} published, {len(plan.left)} left to be read.")
        print("\n".join(failed))
    return {
        "published": [{"article": v.article.id, "version": v.article.version} for v in published],
        "left": [vars(left) for left in plan.left],
        "failed": failed,
    }


async def _list(status: str | None, area: str | None, *, overdue: bool) -> "list[Listed]":
    from typing import get_args

    from commands.content import open_content
    from desk.knowledge.versions import Status

    if status is not None and status not in get_args(Status):
        raise InvalidRequest(f"--status is one of {', '.join(get_args(Status))}.")
    everything: list[Listed] = []
    async with open_content() as content:
        while page := await content.lists.page(
            today=content.desk.today(),
            status=status,  # type: ignore[arg-type]  # looked at above
            area=area,
            overdue=overdue,
            after=f"{everything[-1].id}@{everything[-1].version}" if everything else None,
            limit=500,
        ):
            everything += page
    return everything


async def _show(article: str) -> "tuple[list[ArticleVersion], list[Event]]":
    from commands.content import open_content

    async with open_content() as content:
        return await content.desk.store.versions(article), await content.lists.history(article)


async def _diff(article: str, old: str, new: str) -> str:
    from commands.content import open_content

    async with open_content() as content:
        return (await content.desk.diff(article, old, new)).text


async def _conflicts(status: str | None) -> "list[FoundConflict]":
    from commands.content import open_content

    everything: list[FoundConflict] = []
    async with open_content() as content:
        while page := await content.desk.conflicts.page(
            status=status,  # type: ignore[arg-type]  # looked at by the caller
            after=everything[-1].id if everything else None,
            limit=500,
        ):
            everything += page
    return everything


async def _dismiss(conflict_id: str, reason: str, *, token: str | None) -> "FoundConflict":
    from commands.content import open_content

    async with open_content(token) as content:
        return await content.desk.dismiss(conflict_id, by=content.person, reason=reason)


async def _gaps(days: int, limit: int) -> "list[GapReport]":
    from datetime import timedelta

    from commands.records import open_records
    from desk.domain.clock import now
    from desk.knowledge.gaps import GapStore
    from retrieval.gaps import KnowledgeGaps

    async with open_records() as records:
        since = now() - timedelta(days=days)
        return await KnowledgeGaps(GapStore(records.pool)).report(since=since, limit=limit)


async def _trace(turn: str) -> "Trace":
    from commands.records import open_records
    from desk.knowledge.trace import trace_of

    async with open_records() as records:
        return await trace_of(records.pool, turn)


def _tell_version(version: "ArticleVersion", *, json: bool) -> None:
    from commands.output import print_json

    if json:
        print_json(_version(version))
        return
    article = version.article
    status = article.status.replace("_", " ")
    later = f" and comes into effect on {article.effective}" if article.status == "approved" else ""
    print(f"{article.id} {article.version} is {status}{later}.")


def _tell_submission(submission: "Submission") -> None:
    article = submission.version.article
    status = article.status.replace("_", " ")
    print(f"{article.id} {article.version} is {status}." if submission.is_new else
          f"Nothing new: this text is {article.id} {article.version}, {status}.")  # fmt: skip
    for finding in submission.version.findings:
        print(f"{finding['where']}: {finding['message']}")
    for conflict in submission.conflicts:
        _tell_conflict(conflict)
    if submission.conflicts:
        print("Mend one of the two, dismiss a conflict that is none, or have a supervisor force it.")


def _tell_conflict(conflict: "FoundConflict") -> None:
    print(f"\n{conflict.id}  {conflict.status}, met {conflict.times_seen} times. {conflict.reason}")
    print(f"  {conflict.article} {conflict.version}: “{conflict.quote}”")
    print(f"  {conflict.other_article} {conflict.other_version}: “{conflict.other_quote}”")
    if conflict.decision:
        print(f"  dismissed by {conflict.decided_by}: {conflict.decision}")


def _tell_import(report: "ImportReport", *, dry: bool) -> None:
    come = "would be put up for review" if dry else "put up for review"
    print(f"{len(report.imported)} {come}, {report.unchanged} unchanged, {report.skips} skipped.")
    _tell_lines("Skipped", [str(notice) for notice in report.skipped])
    _tell_lines("Noticed", [str(notice) for one in report.imported for notice in one.warnings])
    _tell_lines("No longer there (they stay as they are)", report.vanished)
    for conflict in report.conflicts[:SHOWN]:
        _tell_conflict(conflict)
    if len(report.conflicts) > SHOWN:
        print(f"… and {len(report.conflicts) - SHOWN} more conflicts: `frontdesk kb conflicts`")


def _tell_plan(plan: "Plan") -> None:
    print(f"{len(plan.ready)} can be published, {len(plan.left)} have to be read first.")
    _tell_lines("To be read first", [f"{left.article} {left.version}: {left.detail}" for left in plan.left])
    _tell_lines("Noticed about the others", [f"{code}: {count}" for code, count in plan.findings.most_common()])


def _tell_lines(heading: str, lines: Sequence[str]) -> None:
    if lines:
        print(f"{heading}:")
        print("\n".join(f"  {line}" for line in lines[:SHOWN]))
    if len(lines) > SHOWN:
        print(f"  … and {len(lines) - SHOWN} more; --json has all")


def _version(version: "ArticleVersion") -> dict[str, Any]:
    beside = {name: value for name, value in vars(version).items() if name != "article"}
    return {**version.article.model_dump(mode="json"), **beside}


def _conflict(conflict: "FoundConflict") -> dict[str, Any]:
    return {name: value for name, value in vars(conflict).items() if name != "key"}


def _report(report: "ImportReport") -> dict[str, Any]:
    imported = [
        {"article": one.article, "version": one.version, "path": one.path, "warnings": [vars(n) for n in one.warnings]}
        for one in report.imported
    ]
    return {
        "imported": imported,
        "unchanged": report.unchanged,
        "skipped": [vars(notice) for notice in report.skipped],
        "vanished": report.vanished,
        "conflicts": [_conflict(conflict) for conflict in report.conflicts],
    }
