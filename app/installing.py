"""`python -m app.installing`: bring Liftlock's own tables up to this release, and end.

Every process does so at start; this is for a service whose role may not (deploy/roles.sql), as a step before it.
"""

import sys

from app.domain.errors import BackendUnavailable, ConfigurationInvalid
from app.logs import configure_logs
from app.settings import load_for_installing
from app.wiring import build

EXIT_CONFIGURATION = 78
EXIT_UNAVAILABLE = 69


def main() -> int:
    try:
        settings = load_for_installing()
    except ConfigurationInvalid as error:
        print(error.detail, file=sys.stderr)  # noqa: T201 - nothing logs yet
        return EXIT_CONFIGURATION
    configure_logs(settings.log_level)
    services = build(settings)
    try:
        count = services.portal.run(services.installer.install())
    except BackendUnavailable as error:
        print(error.detail, file=sys.stderr)  # noqa: T201 - the last word of a command
        return EXIT_UNAVAILABLE
    finally:
        services.close()
    print(f"{count} control migrations applied")  # noqa: T201 - the last word of a command
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
