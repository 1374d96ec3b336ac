"""``frontdesk staff``: who works here."""

import asyncio
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from desk.identity.staff import Staff

app = typer.Typer(help="Add, list and disable members of staff.", no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.callback()
def staff() -> None:
    """Add, list and disable members of staff."""


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="Name, as colleagues see it.")],
    role: Annotated[
        list[str], typer.Option(help="agent, approver, supervisor, knowledge_owner, auditor or admin; repeatable.")
    ],
    customer: Annotated[
        str | None, typer.Option(help="Their own customer account, about which they never decide.")
    ] = None,
    json: Json = False,
) -> None:
    """Add a member of staff and print their token, once."""
    from commands.output import print_json

    added, token = asyncio.run(_add(name, role, customer))
    if json:
        print_json({**_plain(added), "token": token})
    else:
        print(f"{added.name} ({added.id}) is {', '.join(sorted(added.roles))}. The token, shown only now:\n{token}")


@app.command("list")
def list_(json: Json = False) -> None:
    """List everybody who was ever added."""
    from commands.output import print_json, print_table

    everybody = [_plain(member) for member in asyncio.run(_list())]
    if json:
        print_json(everybody)
    else:
        rows = [
            (m["id"], m["name"], ", ".join(m["roles"]), m["customer_id"] or "", m["disabled_at"] or "active")
            for m in everybody
        ]
        print_table(("id", "name", "roles", "customer", "disabled"), rows)


@app.command()
def disable(
    staff_id: Annotated[str, typer.Argument(metavar="ID", help="The staff_… id from `frontdesk staff list`.")],
    json: Json = False,
) -> None:
    """Take a member of staff's access away, at once."""
    from commands.output import print_json

    gone = asyncio.run(_disable(staff_id))
    if json:
        print_json(_plain(gone))
    else:
        print(f"{gone.name} ({gone.id}) has no access any more.")


async def _add(name: str, roles: list[str], customer: str | None) -> "tuple[Staff, str]":
    from commands.records import open_records
    from desk.audit.events import OPERATOR

    async with open_records() as records:
        return await records.staff().add(name, roles, customer_id=customer, by=OPERATOR)


async def _list() -> "list[Staff]":
    from commands.records import open_records

    async with open_records() as records:
        return await records.staff().list()


async def _disable(staff_id: str) -> "Staff":
    from commands.records import open_records
    from desk.audit.events import OPERATOR

    async with open_records() as records:
        return await records.staff().disable(staff_id, by=OPERATOR)


def _plain(member: "Staff") -> dict[str, Any]:
    from desk.domain.clock import rfc3339

    return {
        "id": member.id,
        "name": member.name,
        "roles": sorted(member.roles),
        "customer_id": member.customer_id,
        "created_at": rfc3339(member.created_at),
        "disabled_at": member.disabled_at and rfc3339(member.disabled_at),
    }
