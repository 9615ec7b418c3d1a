"""What speaks against moving a table to where kept rows are, as one expression over its row `c` of pg_class."""

IN_DOUBT = """
    CASE
        WHEN c.relkind <> 'r' OR c.relispartition OR c.relhassubclass
             OR EXISTS (SELECT FROM pg_inherits i WHERE i.inhrelid = c.oid) THEN 'it belongs to other tables'
        WHEN c.relpersistence <> 'p' THEN 'it is not logged'
        WHEN c.reloftype <> 0 THEN 'it is made of a type'
        WHEN c.relhasrules THEN 'it has rules'
        WHEN c.relowner <> (SELECT r.oid FROM pg_roles r WHERE r.rolname = current_user) THEN 'it is somebody else''s'
        WHEN EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid
                       AND d.deptype IN ('e', 'x')) THEN 'it belongs to an extension'
        WHEN EXISTS (SELECT FROM pg_publication_rel p WHERE p.prrelid = c.oid) THEN 'it is published'
        WHEN EXISTS (SELECT FROM pg_seclabel s WHERE s.classoid = 'pg_class'::regclass AND s.objoid = c.oid)
            THEN 'it has a security label'
        WHEN EXISTS (SELECT FROM pg_attribute a JOIN pg_collation k ON k.oid = a.attcollation
                     WHERE a.attrelid = c.oid AND NOT a.attisdropped
                       AND k.collnamespace <> 'pg_catalog'::regnamespace) THEN 'a collation may go with it'
        WHEN EXISTS (SELECT FROM pg_type t JOIN pg_depend d ON d.refclassid = 'pg_type'::regclass
                       AND d.refobjid IN (t.oid, t.typarray) AND d.deptype = 'n'
                     WHERE t.oid = c.reltype) THEN 'its rows are a type that others use'
        WHEN EXISTS (SELECT FROM pg_event_trigger e WHERE e.evtenabled <> 'D') THEN 'event triggers may read it' END
"""
"""NULL where nothing does. A plan asks for it beforehand, and the keeper again when it moves the table."""
