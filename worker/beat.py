"""Beat: `python -m worker.beat`. Celery's own command line loads 9 MB beside it that beat never uses."""

from worker.celery import app


def main() -> None:
    app.Beat(loglevel="WARNING").run()


if __name__ == "__main__":
    main()
