"""``frontdesk``: the command line. A sub-command's module is imported when it is called, so that help is instant."""

import importlib
import sys
from collections.abc import Sequence

import typer

from desk.domain.errors import FrontdeskError

COMMANDS = {
    "serve": ("commands.serve", "Serve conversations over HTTP."),
    "chat": ("commands.chat", "Talk to the assistant in the terminal."),
    "doctor": ("commands.doctor", "Check the configuration and every dependency."),
    "audit": ("commands.audit", "Check and export the audit log."),
    "staff": ("commands.staff", "Add, list and disable members of staff."),
    "switch": ("commands.switch", "Switch a tool, an intent or all automation off and on."),
    "kb": ("commands.knowledge", "Look after knowledge: import, approve, roll back, trace."),
    "pack": ("commands.pack", "Look after packs."),
    "eval": ("commands.evaluate", "Measure the product."),
    "graph": ("commands.draw", "Draw the graph."),
}
"""Name → module and its line in the help. The module has a function ``run``, or a ``typer.Typer`` named ``app``."""


def build(called: str | None) -> typer.Typer:
    """The command line with the module of ``called`` loaded and every other command named only."""
    app = typer.Typer(
        name="frontdesk",
        help="An open customer-service agent that acts.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )

    @app.callback()
    def frontdesk() -> None:
        """An open customer-service agent that acts."""

    for name, (module, line) in COMMANDS.items():
        loaded = importlib.import_module(module) if name == called else None
        if loaded is not None and hasattr(loaded, "app"):
            app.add_typer(loaded.app, name=name, help=line)
        else:
            app.command(name, help=line)(_named_only if loaded is None else loaded.run)
    return app


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs a command. What is wrong is one sentence on standard error and exit code 1."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    called = next((word for word in words if not word.startswith("-")), None)
    try:
        build(called)(args=words)
    except FrontdeskError as error:
        print(f"frontdesk: {error.detail}", file=sys.stderr)
        raise SystemExit(1) from None
    except KeyboardInterrupt:
        raise SystemExit(130) from None


def _named_only() -> None:
    """Stands in for the commands that are not called."""


if __name__ == "__main__":
    main()
