"""What every kind of problem means, why it happens and what to do: the text of `/problems/<slug>`."""

from collections.abc import Mapping

from app.api.access_pages import ACCESS_PAGES
from app.api.page import Page
from app.domain.environment import Protection
from app.domain.hazard_kinds import KINDS
from app.domain.hazards import HazardCode, Kind, slug_of

PAGES: Mapping[str, Page] = {
    **ACCESS_PAGES,
    "backend-unavailable": Page(
        "PostgreSQL cannot be reached or used, and nothing was done. `which` names the database.",
        "The server is down, restarting or full, the address is wrong, or the role may not do what is needed.",
        "Read `detail`: it says what the server answered. If it is only restarting, ask again after Retry-After.",
    ),
    "drift-present": Page(
        "The schema is not as the last job has left it, and the environment refuses to run on one that has drifted.",
        "Somebody has changed it by other means: by hand, by another tool, by an application that makes tables itself.",
        "Look at GET /environments/ENV/drift. Answer the conflict: adopt it as a migration, take it back, or leave it "
        "for a while. Or run with `onDrift: warn`, which takes the schema as it is from then on.",
    ),
    "proof-missing": Page(
        "The environment demands a proof of each migration that is run, and some have none. Nothing was run.",
        "They were never tried, their files have changed since, or going up, down and up again has shown that their "
        "down does not restore what their up has changed. `problems` names each with the reason.",
        "POST /migrations/verify tries what is pending on a scratch database, and leaves the target alone. Correct "
        "what it finds, and run again. What can have no way back runs only where `requireProof` is not set.",
    ),
    "approval-void": Page(
        "The job was approved, and what it would run now is not what was approved. Nothing was run.",
        "An approval is for these files, this ledger and this schema. One has moved since: `detail` says which.",
        "Ask for it again, and have the new one approved.",
    ),
    "nothing-to-approve": Page(
        "The job waits for no approval.",
        "It has been approved or rejected already, was cancelled, or never needed one.",
        "Look at it: GET /jobs/ID/approvals says who has said what.",
    ),
    "stands-in-file": Page(
        "The environment stands in liftlock.toml, so it is not changed over HTTP.",
        "What the file says wins, in every process, from its start on.",
        "Change the file and start Liftlock again; or take it out of the file and register it.",
    ),
    "environment-removed": Page(
        "The environment stood in liftlock.toml, and stands there no more. Nothing was done.",
        "It was taken out of the file, or renamed there; or this process has started with another file. Its jobs that "
        "have not ended wait: a start with a wrong file loses nothing.",
        "Put it back and start Liftlock again: they go on. Or remove it for good, and they are cancelled: "
        "DELETE /environments/ENV?confirm=ENV. After a renaming the new name takes the database: POST "
        "/environments/NEW/claim.",
    ),
    "still-needed": Page(
        "Another environment requires or follows this one, so it is not forgotten.",
        "Nothing could ever run there: what it requires would be gone.",
        "Change or forget the ones that are named first.",
    ),
    "not-promoted": Page(
        "The environment requires another one, and a migration has not been completed there, is another file there, or "
        "has not stood there for as long as `soak` says. Nothing was run.",
        "A migration goes through the environments in their order, so that the last one meets nothing that is new.",
        "`problems` names each migration with the reason. Run it where it is required first, wait for the moment "
        "that is named, or run up to the last one that is ready with `to`. A sync takes what is ready.",
    ),
    "outside-window": Page(
        "The environment may not be changed at this hour. Nothing was run.",
        "liftlock.toml gives it windows: it is open while one that allows is, and none that denies.",
        'Wait until `opensAt`, or send the same with `"outsideWindow": "queue"`: the job then waits and runs when it '
        "opens. A rollback needs no window.",
    ),
    "folder-not-writable": Page(
        "A migration was written for you, and could not be put into the migrations folder. Nothing else was done.",
        "The folder is read-only for the service, as in most containers, or a file of that name is there already.",
        "Put the text that the answer carries into your migrations yourself, then mark it as applied.",
    ),
    "already-settled": Page(
        "The conflict is closed, so it cannot be settled again.",
        "Somebody was faster, its cause went away, or it settled itself.",
        "Look at it: it says how it was closed, when, by whom and why. A cause that comes back is a new record.",
    ),
    "bad-request": Page(
        "The request is not HTTP as this service understands it.",
        "A part of it is malformed, often a header or an address that was put together by hand.",
        "Compare it with the examples at /docs.",
    ),
    "cannot-mark": Page(
        "What is to be recorded would contradict the rest of the ledger, so nothing was recorded.",
        "A migration was to be marked as applied while one that it depends on is not.",
        "Mark the ones it depends on too, in the same request, or run them first.",
    ),
    "configuration-invalid": Page(
        "The service cannot start with the settings it was given.",
        "A variable is missing or holds a value that is not taken.",
        "Each wrong variable is named with what it takes; correct them all and start again.",
    ),
    "confirmation-required": Page(
        "The environment wants its name typed before rows may be lost.",
        "Its protection is `confirm` or `locked`, and this change can destroy data.",
        "Make sure that it is the environment you mean, then send the same with `?confirm=<environment>`.",
    ),
    "conflicts-open": Page(
        "Files and history disagree, so nothing was run.",
        "A file was changed or deleted after it was applied, or a late one sorts before what is applied.",
        "Each disagreement is in `problems`, and with both sides and its remedies at /migrations/conflicts.",
    ),
    "connection-lost": Page(
        "The connection to the target broke while a migration ran.",
        "The server restarted, the network failed, or somebody ended the session.",
        "Nothing: the job connects again and finds out from the ledger what was committed.",
    ),
    "content-too-large": Page(
        "The body is larger than this service reads.",
        "A request takes a few fields, never files: migrations come from the configured folder.",
        "Send only the fields that /docs lists.",
    ),
    "range-not-satisfiable": Page(
        "The part of a log that was asked for begins behind its end.",
        "Nothing has been added since it was last read.",
        "Ask again later, or without `Range`; `bytes` says how long the log is.",
    ),
    "cannot-restore": Page(
        "Kept rows cannot be put into that table.",
        "They are not kept any more, or there is a table of that name, or no such schema.",
        "GET /environments/{env}/preserved lists what is kept; send another `table` where that one is taken.",
    ),
    "environment-protected": Page(
        "The environment does not allow this change at all.",
        "Reset is for `open` environments only; and a database that was set up as one environment is never "
        "taken for another.",
        "Roll back what you mean by number or name; or correct the URL of the environment.",
    ),
    "cancelled": Page(
        "The job was stopped because somebody asked for it.",
        "POST /jobs/{id}/cancel. The step under way was rolled back; steps that were done before stay.",
        "Look at the job for who asked and what stands, then run again when you want the rest.",
    ),
    "job-ended": Page(
        "The job has ended, so there is nothing left to cancel.",
        "It came to its end before the request arrived.",
        "Look at how it ended; what it applied can be rolled back.",
    ),
    "not-safe-to-retry": Page(
        "The same request would not do the same now, or somebody has to look first.",
        "The job has not ended or has succeeded, has left something behind, or counts from a place that has moved.",
        "`detail` says why, and `nextSteps` what to send instead.",
    ),
    "fenced": Page(
        "A newer attempt of the job has taken the target over, and the older one was stopped.",
        "The older worker was silent for so long that it was taken for dead.",
        "Nothing: the newer attempt goes on where the older one stood.",
    ),
    "hazard-not-allowed": Page(
        "A statement is dangerous in a way that needs consent in this environment, and nobody has given it.",
        "Each hazard is in `hazards` with its file, line, what happens and what to do instead.",
        "Do what `toDo` says; or allow it: `allowHazards` in the request (`--allow-hazards` on the command line), "
        "`consent` in liftlock.toml, or `-- liftlock: allow HAZARD reason` in the file (in Python with `#`).",
    ),
    "idempotency-in-progress": Page(
        "The first request with this Idempotency-Key has not been answered yet.",
        "It is still being worked on, or it died; in that case the key is free again after 90 seconds.",
        "Send the same request again after Retry-After; it gets the answer of the first one.",
    ),
    "idempotency-key-reused": Page(
        "This Idempotency-Key was used for another request within the last 24 hours.",
        "A key names one request; method, path, query and body belong to it.",
        "Take a new key for a new request, or send exactly what was sent with this one.",
    ),
    "internal-error": Page(
        "Something went wrong inside Liftlock.",
        "This is a bug of ours. A change that was answered with this may or may not have become a job.",
        "Look at /jobs before trying again. The service's log says more under the `requestId`; please report it.",
    ),
    "irreversible": Page(
        "A migration on the way back cannot be undone, so nothing was undone.",
        "It has no down, or its author said why there is none.",
        "Write a new migration that takes the change back, or roll back only as far as there is a way.",
    ),
    "lock-timeout": Page(
        "A step waited too long for a lock and was rolled back.",
        "Another session held the table. Waiting longer would make every query queue behind the migration.",
        "It is tried again by itself. If it keeps failing, end the session that holds the lock, then run again.",
    ),
    "malformed-json": Page(
        "The body cannot be read as JSON.",
        "A comma or a quote is missing or too many; `problems` gives line and column.",
        "Correct the body, or leave it out: every field of it is optional.",
    ),
    "method-not-allowed": Page(
        "This address exists, but does not take this method.",
        "A call was sent with GET instead of POST, or the other way round.",
        "The Allow header and `allowed` name the methods that are taken.",
    ),
    "migrations-invalid": Page(
        "Files in the migrations folder cannot be used, so nothing was run.",
        "A file cannot be read, two bear one name, one needs another that is not there, or they need each other.",
        "Each is in `problems` with its file and place. Correct them all, then run again.",
    ),
    "newer-dependents": Page(
        "Something that stays applied needs what would be undone, so nothing was undone.",
        "A migration names another in its `dependencies` and was applied out of the usual order.",
        "Roll the newer one back as well: ask for more steps.",
    ),
    "not-found": Page(
        "There is no such migration, job, conflict, environment or address.",
        "A name is misspelt, or it belongs to another environment.",
        "Look at `didYouMean`, or at the list it should be in.",
    ),
    "plan-stale": Page(
        "What was planned is no longer what would run, so nothing was run.",
        "A file was changed, added or removed since, another job was there first, or the schema is another one.",
        "`changedBy` names the files, the rows of the ledger and the jobs. Plan again and read the new plan; or put "
        "the file back as it was planned.",
    ),
    "precondition-failed": Page(
        "The migrations are not as you saw them when you decided.",
        "If-Match named an ETag, and files or ledger have changed since.",
        "Read the list again, look at what is new, and decide again with the new ETag.",
    ),
    "refused": Page(
        "The request was understood and refused; nothing was done.",
        "`detail` says why.",
        "`nextSteps` says what to type instead.",
    ),
    "rollback-too-deep": Page(
        "More migrations should be undone than are applied.",
        "The number in the address is larger than the number of applied migrations, which `applied` gives.",
        "Ask for at most that many.",
    ),
    "step-failed": Page(
        "A migration failed; its transaction was rolled back.",
        "PostgreSQL or the Python file refused a statement; the job says which, where and with which SQLSTATE.",
        "Read the job's `error`: what failed, what was left behind, whether to try again, what to type.",
    ),
    "still-disagrees": Page(
        "The conflict was said to be settled, but its cause is still there; it stays open.",
        "Files, ledger and queue were looked at again; `problems` says what still disagrees.",
        "Change what `problems` names, then resolve it again; or choose another of its remedies.",
    ),
    "target-busy": Page(
        "Another job has the target, and the request would not wait (`onBusy: fail`).",
        "One boat at a time: a target is changed by one job only. `jobId` names the one that has it.",
        "Wait for that job, or leave `onBusy` out to queue behind it.",
    ),
    "transaction-ended": Page(
        "A migration ended the transaction it ran in.",
        "Its text contains COMMIT, ROLLBACK or a procedure that does; what came before is committed, unrecorded.",
        "Somebody has to compare the target with the file; then take the statement out.",
    ),
    "unsupported-media-type": Page(
        "The body is of a type that is not understood here.",
        "curl sends forms with -d unless told otherwise.",
        "Send JSON with `Content-Type: application/json`, or no body where every field of it is optional.",
    ),
    "uncertain": Page(
        "A statement that runs outside a transaction may or may not have happened.",
        "The worker died while it ran, and the database cannot be asked what became of a statement like this.",
        "Look at the database, then mark the migration as applied or as rolled back.",
    ),
    "validation-failed": Page(
        "A field or parameter is unknown, of the wrong type, or out of its range.",
        "Nothing is ignored silently: a misspelt field is refused rather than left out.",
        "`problems` lists all of them at once, each with its pointer or parameter and what it takes.",
    ),
}


def _hazard_page(code: HazardCode, kind: Kind) -> Page:
    return Page(kind.happens, f"A statement of a migration does it: {_asked(code, kind)}", kind.to_do)


def _asked(code: HazardCode, kind: Kind) -> str:
    match kind.asks_from:
        case None:
            return "the plan names the line. It is advice and never needs consent."
        case Protection.OPEN:
            where = "everywhere"
        case _:
            where = f"from the protection `{kind.asks_from}` on"
    return (
        f"the plan names the line. It needs consent {where}: `--allow-hazards {code}`, `consent` in liftlock.toml, or "
        f"`-- liftlock: allow {code} reason` in the file."
    )


HAZARD_PAGES: Mapping[str, Page] = {slug_of(code): _hazard_page(code, kind) for code, kind in KINDS.items()}
HAZARD_TITLES: Mapping[str, str] = {slug_of(code): f"{code}: {kind.title}" for code, kind in KINDS.items()}
