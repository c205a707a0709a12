"""The server itself: serve, doctor, version, and the schema for editors."""

from __future__ import annotations

import procession
from procession.cli.registering import command, option
from procession.commands.console import Console


@command("version", example="version")
def version(console: Console) -> None:
    """Show the version of this program."""
    console.answer({"version": procession.__version__}, f"procession {procession.__version__}")


@command("schema", example="schema > process-file.schema.json")
def schema(console: Console) -> None:
    """Print the JSON Schema of process files, for editors."""
    import json

    from procession import actions
    from procession.model.process_file import schema

    content = schema.schema(actions.registry())
    console.answer(content, json.dumps(content, indent=2, ensure_ascii=False))


@command("serve", example="serve --home /srv/procession --port 8080")
@option("--host", "The address to listen at. Default: 127.0.0.1, this machine only.")
@option("--port", "The port; 0 takes any free one. Default: 8080.", type=int)
@option("--tls-cert", "A certificate in PEM; needs --tls-key too.", metavar="FILE")
@option("--tls-key", "Its key in PEM.", metavar="FILE")
def serve(console: Console, **overrides: str | int | None) -> int:
    """Run the server until it is told to end (Ctrl-C or SIGTERM)."""
    settings = console.settings(**overrides)
    from procession.commands import serving

    return serving.serve(console, settings)


@command("doctor", example="doctor --home /srv/procession")
def doctor(console: Console) -> int:
    """Check the home and the walls around it: database, files, mail, isolation, limits, permissions."""
    # Renamed, because the command has the name of its module.
    from procession.commands import doctor as doctor_command

    return doctor_command.doctor(console)
