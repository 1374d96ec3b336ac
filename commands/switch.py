"""``frontdesk switch``: stop a tool, an intent or all automation, at once."""

import asyncio
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from desk.rollout.switches import Switch

app = typer.Typer(help="Switch a tool, an intent or all automation off and on.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="A tool, an intent, or all.")]
Reason = Annotated[str | None, typer.Option(help="Why; kept with the switch and in the audit log.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.callback()
def switch() -> None:
    """Switch a tool, an intent or all automation off and on."""


@app.command()
def off(name: Name, reason: Reason = None, json: Json = False) -> None:
    """Switch it off, for turns that are running too."""
    _tell(asyncio.run(_set(name, off=True, reason=reason)), json=json)


@app.command()
def on(name: Name, reason: Reason = None, json: Json = False) -> None:
    """Switch it on again."""
    _tell(asyncio.run(_set(name, off=False, reason=reason)), json=json)


@app.command("list")
def list_(json: Json = False) -> None:
    """List every switch somebody has used; what is not listed is on."""
    from commands.output import print_json, print_table

    switches = [_plain(one) for one in asyncio.run(_list())]
    if json:
        print_json(switches)
    else:
        rows = [(s["name"], "OFF" if s["off"] else "on", s["reason"] or "", s["by"], s["at"]) for s in switches]
        print_table(("name", "", "reason", "by", "at"), rows)


async def _set(name: str, *, off: bool, reason: str | None) -> "Switch":
    from commands.records import open_records
    from desk.audit.events import OPERATOR

    async with open_records() as records:
        return await records.switches().set(name, off=off, by=OPERATOR, reason=reason)


async def _list() -> "list[Switch]":
    from commands.records import open_records

    async with open_records() as records:
        return await records.switches().list()


def _tell(changed: "Switch", *, json: bool) -> None:
    from commands.output import print_json

    if json:
        print_json(_plain(changed))
    else:
        print(f"{changed['name']} is {'off' if changed['off'] else 'on'}.")


def _plain(one: "Switch") -> dict[str, Any]:
    from desk.domain.clock import rfc3339

    return {**one, "at": rfc3339(one["at"])}
