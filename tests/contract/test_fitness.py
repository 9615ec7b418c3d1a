"""Fitness: whether a target can be worked on, in memory and in PostgreSQL."""

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from app.adapters.target.fitness import PostgresFitness
from app.domain.environment import Dsn, Environment
from app.domain.errors import BackendUnusable
from app.domain.job import JobKind
from app.portal import Portal
from app.ports import Fitness
from tests.fakes.fitness import MemoryFitness
from tests.support.servers import Servers, execute

AWAY = Dsn("postgresql://nobody@127.0.0.1:1/nowhere")


@dataclass
class Site:
    """`close`: it takes no changes any more. `narrow`: nothing may be created in its schema."""

    fitness: Fitness
    environment: Environment
    portal: Portal
    close: Callable[[], None]
    narrow: Callable[[], None]

    def refusal(self, kind: JobKind = JobKind.RUN, **changed: Any) -> str | None:
        try:
            self.portal.run(self.fitness.refuse_unfit(replace(self.environment, **changed), kind))
        except BackendUnusable as error:
            return error.detail
        return None


@pytest.fixture(params=["memory", pytest.param("postgresql", marks=pytest.mark.servers)])
def site(request: pytest.FixtureRequest) -> Iterator[Site]:
    portal = Portal("fitness")
    made = in_memory(portal) if request.param == "memory" else on_postgres(request.getfixturevalue("servers"), portal)
    yield made
    portal.close()
    if request.param == "postgresql":
        server = request.getfixturevalue("servers").postgres.dsn()
        execute(server, f'REASSIGN OWNED BY "{made.environment.dsn.user}" TO postgres')


def in_memory(portal: Portal) -> Site:
    fitness, environment = MemoryFitness(), Environment("shop.eu", Dsn("postgresql://db/shop"), scope="acme")

    def narrow() -> None:
        fitness.unfit["shop.eu"] = "may not create"
        fitness.only_up.add("shop.eu")

    return Site(fitness, environment, portal, lambda: fitness.unfit.update({"shop.eu": "it is read-only"}), narrow)


def on_postgres(servers: Servers, portal: Portal) -> Site:
    owner, role = servers.new_database(), f"little_{uuid.uuid4().hex[:8]}"
    database = Dsn(owner).database
    execute(owner, f"CREATE ROLE {role} LOGIN PASSWORD 'little'")
    execute(owner, f'CREATE SCHEMA acme AUTHORIZATION {role}; GRANT CREATE ON DATABASE "{database}" TO {role}')
    dsn = Dsn(f"postgresql://{role}:little@127.0.0.1:{servers.postgres.port}/{database}")
    return Site(
        PostgresFitness(),
        Environment("shop.eu", dsn, scope="acme"),
        portal,
        lambda: execute(owner, f"ALTER ROLE {role} SET default_transaction_read_only = on"),
        lambda: execute(owner, f"ALTER SCHEMA acme OWNER TO postgres; GRANT USAGE ON SCHEMA acme TO {role}"),
    )


def test_one_that_is_as_it_has_to_be_is_fit(site: Site) -> None:
    assert site.refusal() is None


def test_one_that_takes_no_changes_is_named_with_the_reason(site: Site) -> None:
    site.close()
    for kind in (JobKind.RUN, JobKind.ROLLBACK):
        said = site.refusal(kind) or ""
        assert "shop.eu" in said and "cannot be used: it is read-only" in said


def test_what_may_not_create_may_still_be_undone(site: Site) -> None:
    site.narrow()
    assert "may not create" in (site.refusal() or "")
    assert site.refusal(JobKind.ROLLBACK) is None


def test_who_does_not_answer_is_only_away(site: Site) -> None:
    assert site.refusal(dsn=AWAY) is None
    assert site.refusal(dsn=AWAY, direct=AWAY) is None
