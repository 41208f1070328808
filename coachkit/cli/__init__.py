"""The commands of operators and authors. Each module of this package is imported only when its command is run."""

from __future__ import annotations

import gc
import importlib
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from typing import Final

import click

from coachkit import __version__

COMMANDS: Mapping[str, tuple[str, str]] = {
    "audit": ("coachkit.cli.audit:audit", "Say what was done to an organisation, and whether that is whole."),
    "backup": ("coachkit.cli.backup:backup", "Write everything in the database into one file."),
    "channel": ("coachkit.cli.channel:channel", "Move an organisation's channels, and go back."),
    "demo": ("coachkit.cli.demo:demo", "Make and serve two demo organisations."),
    "doctor": ("coachkit.cli.doctor:doctor", "Say what is wrong with this installation, and what to do."),
    "draft": ("coachkit.cli.draft:draft", "Look at what was changed and is not published yet."),
    "edition": ("coachkit.cli.edition:edition", "Publish what an organisation chose, and look at it."),
    "hostname": ("coachkit.cli.hostname:hostname", "Claim hostnames for an organisation."),
    "key": ("coachkit.cli.key:key", "Make and revoke keys, for the pages and programs that use the API."),
    "migrate": ("coachkit.cli.install:migrate", "Bring the database up to date."),
    "org": ("coachkit.cli.org:org", "Make organisations and change their settings."),
    "overlay": ("coachkit.cli.overlay:overlay", "Word things an organisation's own way, part by part."),
    "pack": ("coachkit.cli.pack:pack", "Check, build and publish content packs."),
    "restore": ("coachkit.cli.backup:restore", "Fill an empty database with a backup."),
    "schedule": ("coachkit.cli.schedule:schedule", "Publish at a time to come."),
    "secret": ("coachkit.cli.secret:secret", "Print a new secret key for an installation."),
    "serve": ("coachkit.cli.server:serve", "Serve this installation, and do its work in the background."),
    "web": ("coachkit.cli.server:web", "Serve this installation's HTTP side only."),
    "worker": ("coachkit.cli.worker:worker", "Do what is due in the background."),
}
"""Command → where it is, and what it does in a line, so that help imports none of them."""


OWN_PROCESS: Final = object()
"""The object of a context whose command has the process to itself."""


@contextmanager
def _kept() -> Iterator[None]:
    """Let what is made meanwhile never be looked through for garbage, which takes a fifth of a command's time."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


class _Commands(click.Group):
    """A group that imports a command when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of all commands."""
        del ctx
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of a name, None if there is none."""
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name][0].partition(":")
        with _kept() if ctx.obj is OWN_PROCESS else nullcontext():
            command: click.Command = getattr(importlib.import_module(module), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands with their lines."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, help_) for name, (_, help_) in sorted(COMMANDS.items())])


@click.command(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="coachkit")
def cli() -> None:
    """Serve coaching content to people who were turned down for a job."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command and exit: 0 when it is done, 1 for problems found, 2 for wrong usage or settings."""
    from coachkit.cli.output import reported

    with reported(as_json="--json" in (sys.argv if arguments is None else arguments)):
        given = list(arguments) if arguments is not None else None
        own = OWN_PROCESS if arguments is None else None
        sys.exit(cli.main(args=given, prog_name="coachkit", standalone_mode=False, obj=own))
