"""The rules, one a file: each knows one danger and the statements that have it."""

from collections.abc import Mapping

from app.domain.hazard_rules import (
    cascade_used,
    check_added,
    cluster,
    column_dropped,
    constraint_dropped,
    delete_all,
    enum_label_changed,
    exclusion_added,
    extension_dropped,
    foreign_key_added,
    function_dropped,
    grant_to_public,
    index_concurrently,
    index_created,
    index_dropped,
    lock_table,
    mixed_data_change,
    not_null_set,
    object_dropped,
    object_renamed,
    partition_attached,
    partition_detached,
    persistence_changed,
    privilege_revoked,
    reindexed,
    required_column,
    role_changed,
    row_security_weakened,
    schema_dropped,
    server_program,
    server_setting,
    table_dropped,
    tablespace_changed,
    trigger_created,
    trigger_removed,
    truncate,
    type_changed,
    type_narrowed,
    unique_added,
    unsafe_definer,
    unseen_statements,
    update_all,
    vacuum_full,
    validated_at_once,
    view_dropped,
    view_refreshed,
    volatile_default,
)
from app.domain.hazard_rules.rule import Rule

RULES: tuple[Rule, ...] = (
    cascade_used.RULE,
    check_added.RULE,
    cluster.RULE,
    column_dropped.RULE,
    constraint_dropped.RULE,
    delete_all.RULE,
    enum_label_changed.RULE,
    exclusion_added.RULE,
    extension_dropped.RULE,
    foreign_key_added.RULE,
    function_dropped.RULE,
    grant_to_public.RULE,
    index_concurrently.RULE,
    index_created.RULE,
    index_dropped.RULE,
    lock_table.RULE,
    mixed_data_change.RULE,
    not_null_set.RULE,
    object_dropped.RULE,
    object_renamed.RULE,
    partition_attached.RULE,
    partition_detached.RULE,
    persistence_changed.RULE,
    privilege_revoked.RULE,
    reindexed.RULE,
    required_column.RULE,
    role_changed.RULE,
    row_security_weakened.RULE,
    schema_dropped.RULE,
    server_program.RULE,
    server_setting.RULE,
    table_dropped.RULE,
    tablespace_changed.RULE,
    trigger_created.RULE,
    trigger_removed.RULE,
    truncate.RULE,
    type_changed.RULE,
    type_narrowed.RULE,
    unique_added.RULE,
    unsafe_definer.RULE,
    unseen_statements.RULE,
    update_all.RULE,
    vacuum_full.RULE,
    validated_at_once.RULE,
    view_dropped.RULE,
    view_refreshed.RULE,
    volatile_default.RULE,
)


def _by_verb() -> Mapping[str, tuple[Rule, ...]]:
    """A rule that names a bare DROP, TRUNCATE or COPY looks at every statement that begins so."""
    verbs = {verb for rule in RULES for verb in rule.verbs}
    return {verb: tuple(rule for rule in RULES if verb in rule.verbs) for verb in verbs}


_RULES_BY_VERB = _by_verb()


def rules_for(verb: str) -> tuple[Rule, ...]:
    """`verb` as `classify` gives it."""
    first = verb.partition(" ")[0]
    found = _RULES_BY_VERB.get(verb, ())
    return found if first == verb else (*found, *_RULES_BY_VERB.get(first, ()))
