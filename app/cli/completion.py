"""`liftlock completion`: what a shell reads to complete commands and options."""

import click

from app.cli.command import command
from app.cli.exits import Exit
from app.cli.session import Session

WHERE = {
    "bash": 'eval "$(liftlock completion bash)"                    # in ~/.bashrc',
    "zsh": 'eval "$(liftlock completion zsh)"                     # in ~/.zshrc',
    "fish": "liftlock completion fish > ~/.config/fish/completions/liftlock.fish",
}


@command(example="\n".join(WHERE.values()))
@click.argument("shell", type=click.Choice(list(WHERE)))
def completion(session: Session, shell: str) -> int:
    """Print the completion script of a shell."""
    from click.shell_completion import get_completion_class

    from app.cli.main import main

    kind = get_completion_class(shell)
    assert kind is not None
    source = kind(main, {}, "liftlock", "_LIFTLOCK_COMPLETE").source()
    if session.out.json:
        session.out.document({"shell": shell, "script": source})
    else:
        session.out.answer(source.rstrip("\n"))
    return Exit.DONE
