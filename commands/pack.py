"""``frontdesk pack``: look after packs."""

from pathlib import Path
from typing import Annotated

import typer

from desk.policies.loader import check_pack, load_pack, resolve_pack

app = typer.Typer(help="Look after packs.", no_args_is_help=True)


@app.callback()
def pack() -> None:
    """Look after packs."""


@app.command()
def check(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The pack's folder, or the name of one in packs/.")],
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Check a pack: every problem with file, line and key; exit code 1 when there is one."""
    from commands.output import print_json
    from tools.registry import registry_problems

    path = resolve_pack(folder)
    problems = check_pack(path) or registry_problems(load_pack(path))
    policies = None if problems else load_pack(path)
    if json:
        print_json({"valid": not problems, "problems": problems, "version": policies and policies.version})
    elif policies is not None:
        print(
            f"{policies.name} {policies.label} ({policies.version}) is valid: {len(policies.intents)} intents, "
            f"{len(policies.refusals)} refusals, {len(policies.tools)} tools, {len(policies.articles)} articles"
        )
    else:
        print("\n".join(problems))
        print(f"{len(problems)} problem(s)")
    raise typer.Exit(code=1 if problems else 0)
