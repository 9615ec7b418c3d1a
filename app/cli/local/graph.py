"""`liftlock graph`: what needs what, drawn from the files alone, or with the states of environments."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import click

from app.cli.command import command
from app.cli.exits import Exit
from app.cli.failing import CliError
from app.cli.local.folder import folder_of, problems_of, read_folder, said
from app.cli.out import Letters, Out
from app.cli.session import Session
from app.domain.drawing import Drawn, Picture, dot, mermaid, svg, text
from app.domain.drawing.text import Letters as Strokes
from app.domain.standing import listed

PICTURES: Mapping[str, Callable[[Picture], str]] = {"text": text, "svg": svg, "dot": dot, "mermaid": mermaid}


@command(example="liftlock graph\nliftlock graph --states\nliftlock graph --format svg --output graph.svg")
@click.option("--format", "drawn", type=click.Choice(list(PICTURES)), default="text", show_default=True)
@click.option("--states", is_flag=True, help="Ask the service where each one stands.")
@click.option("--environment", "-e", metavar="ENV", help="Only this one's states; needs the service.")
@click.option("--folder", type=click.Path(file_okay=False, path_type=Path), help="Of the migrations.")
@click.option(
    "--output", "-o", type=click.Path(dir_okay=False, path_type=Path), help="A file instead of standard output."
)
def graph(
    session: Session, drawn: str, states: bool, environment: str | None, folder: Path | None, output: Path | None
) -> int:
    """What needs what, drawn. From the files alone, without a server, unless states are asked for.

    Exits with 2 when files cannot be used, or contradict each other.
    """
    asks = states or environment is not None
    picture = _asked(session, environment) if asks else None
    problems = () if asks else problems_of(read_folder(folder_of(session, folder)))
    if picture is None:
        ordered = listed(read_folder(folder_of(session, folder)))
        picture = Picture(tuple(Drawn(one.name, one.version, one.dependencies) for one in ordered))
    for problem in problems:
        session.out.complain(f"{session.out.paint('✕', 'red')} {said(problem)}")
    if session.out.json:
        session.out.document(_document(picture))
    else:
        _put(session.out, _drawn(session.out, picture, drawn), output)
    return Exit.USAGE if problems else Exit.DONE


def _asked(session: Session, environment: str | None) -> Picture:
    found = session.client.migrations.graph(environment)
    drawn = (
        Drawn(one.name, one.version, one.dependencies, tuple(cell.state for cell in one.cells))
        for one in found.migrations
    )
    return Picture(tuple(drawn), found.environments)


def _drawn(out: Out, picture: Picture, form: str) -> str:
    draw = PICTURES[form]
    if form == "text" and out.letters is Letters.ASCII:
        draw = partial(text, letters=Strokes.ASCII)
    return draw(picture).rstrip("\n")


def _put(out: Out, drawing: str, output: Path | None) -> None:
    if output is None:
        out.answer(drawing)
        return
    try:
        output.write_text(f"{drawing}\n", encoding="utf-8")
    except OSError as error:
        raise CliError(f"{output} cannot be written", error.strerror or str(error), "--output FILE", Exit.BUG) from None
    out.say(f"{out.paint('✓', 'green')} {output}")


def _document(picture: Picture) -> dict[str, Any]:
    return {
        "environments": list(picture.environments),
        "migrations": [
            {
                "name": one.name,
                "version": one.version,
                "dependencies": list(one.dependencies),
                "states": dict(zip(picture.environments, one.states, strict=False)),
            }
            for one in picture.migrations
        ],
    }
