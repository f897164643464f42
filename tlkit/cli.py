"""The `tlkit` command. Each command is a thin shell: it imports its module when it is called."""

import typer

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, help=__doc__.splitlines()[0])


@app.callback()
def main() -> None:
    """A course on deep transfer learning, and the library it teaches with."""


if __name__ == "__main__":
    app()
