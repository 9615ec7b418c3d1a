"""Answers as `/openapi.json` shows them."""

from typing import Any

PROBLEM: dict[str, Any] = {
    "type": "/problems/rollback-too-deep",
    "title": "Not that many migrations are applied",
    "status": 422,
    "detail": "4 asked, but 3 migrations applied; ask for at most that many",
    "instance": "/migrations/rollback/4",
    "requestId": "9929815d5b9bd566f2d60bba3a8f725f",
    "nextSteps": ["curl -X POST http://localhost:3000/migrations/rollback/3"],
    "requested": 4,
    "applied": 3,
}
