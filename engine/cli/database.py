"""`vss db`: the database."""

from __future__ import annotations

from engine.cli.answer import Answer, AsJson, EnvFile, give
from engine.cli.environment import read
from engine.cli.menu import group

commands = group("The database.")


@commands.command()
def migrate(env_file: EnvFile = None, as_json: AsJson = False) -> None:
    """Bring the database of VSS_POSTGRES_DSN to this version's schema; safe to repeat."""

    async def work() -> Answer:
        from engine.adapters.postgres import migrate as runner

        applied = await runner.migrate(read(env_file).dsn)
        # what runs without an error ends at the newest file: the runner refuses a database that knows more
        newest = runner.migrations(runner.schema_directory())[-1].name
        shown = [f"applied {name}" for name in applied] or [f"nothing to do, {newest} is applied"]
        return Answer({"applied": applied, "version": newest}, shown)

    give(as_json, work)
