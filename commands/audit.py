"""``frontdesk audit``: is the audit log what was written, and a copy of it for somebody else."""

import asyncio
import dataclasses
import os
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

if TYPE_CHECKING:
    from desk.audit.chain import Verification

app = typer.Typer(help="Check and export the audit log.", no_args_is_help=True)


@app.callback()
def audit() -> None:
    """Check and export the audit log."""


@app.command()
def verify(
    heads: Annotated[
        list[Path] | None, typer.Option(help="Another file of signed heads, e.g. of another server; repeatable.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Check every entry and every signed head; exit code 1 and the first broken entry's number when one is wrong."""
    from commands.output import print_json

    found = asyncio.run(_verify(heads or []))
    if json:
        print_json(dataclasses.asdict(found))
    elif found.valid:
        print(f"The audit log is whole: {found.entries:,} entries, compared with {found.heads:,} signed heads.")
    if not found.valid:
        where = "" if found.broken_at is None else f" at entry {found.broken_at}"
        print(f"frontdesk: the audit log is broken{where}: {found.why}", file=sys.stderr)
    raise typer.Exit(code=0 if found.valid else 1)


async def _verify(more_heads: list[Path]) -> "Verification":
    from commands.output import progress
    from commands.records import open_records
    from desk.domain.errors import InvalidRequest

    if missing := [path for path in more_heads if not path.is_file()]:
        raise InvalidRequest(f"there is no file {missing[0]}")
    async with open_records() as records:
        log = records.audit()
        await log.seal()
        with progress("Checking", total=await log.count()) as advance:
            return await log.verify(more_heads=more_heads, on_progress=advance)


@app.command()
def export(
    out: Annotated[Path | None, typer.Option(help="File to write; default: standard output.")] = None,
) -> None:
    """Write every entry in order as a JSON line. The export is recorded in the log."""
    try:
        written = asyncio.run(_export(out))
    except BrokenPipeError:
        # Whoever reads has enough; what Python would still flush at its end has nowhere to go.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(code=1) from None
    if out is not None:
        print(f"{written:,} entries in {out}")


async def _export(out: Path | None) -> int:
    from commands.output import progress
    from commands.records import open_records
    from desk.audit.events import OPERATOR
    from desk.domain.errors import ConfigurationError

    try:
        opened = nullcontext[BinaryIO](sys.stdout.buffer) if out is None else out.open("wb")
    except OSError as exc:
        raise ConfigurationError(f"cannot write {out}: {exc.strerror}") from exc
    written = 0
    async with open_records() as records:
        log = records.audit()
        await log.append("data.exported", actor=OPERATOR, detail={"what": "audit"})
        await log.seal()
        with opened as file, progress("Exporting", total=await log.count()) as advance:
            async for line in log.export():
                file.write(line)
                written += 1
                advance(1)
            file.flush()
    return written
