-- Noticing that this database is older than it was, and what is done about it. Refresh protocol,
-- section 11; ADR 0015.

-- How many commits this database has counted, and which server it was on. Every commit of a grant
-- or of a generation appends to the outbox, whose positions so are the count; copying it here makes
-- it a matter of committed rows, which a crash does not change. `base` is what was added to the
-- count when a quarantine ended, so that it never falls behind what was known of it.
CREATE TABLE commit_count (
    one               boolean PRIMARY KEY DEFAULT true CHECK (one),
    base              bigint NOT NULL DEFAULT 0,
    commits           bigint NOT NULL DEFAULT 0,
    system_identifier bigint NOT NULL,
    timeline          integer NOT NULL
);

INSERT INTO commit_count (system_identifier, timeline)
SELECT system_identifier, timeline_id
FROM pg_control_system(), pg_control_checkpoint();

-- Times in which refresh tokens that may be spent are held back. The open one, if any, is the mode
-- that the vault is in.
CREATE TABLE restore_quarantine (
    id                    uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    started_at            timestamptz NOT NULL DEFAULT now(),
    commits               bigint NOT NULL,
    -- NULL: nothing was known.
    watermark             bigint,
    deletions_replayed_at timestamptz,
    grants_folded_at      timestamptz,
    grants_folded         bigint NOT NULL DEFAULT 0,
    rotations_folded_at   timestamptz,
    rotations_folded      bigint NOT NULL DEFAULT 0,
    entries_failed        bigint NOT NULL DEFAULT 0,
    ended_at              timestamptz,
    ended_by              text CHECK (ended_by IN ('folding', 'operator')),
    CONSTRAINT restore_quarantine_end CHECK ((ended_at IS NULL) = (ended_by IS NULL))
);

CREATE UNIQUE INDEX restore_quarantine_open ON restore_quarantine ((true)) WHERE ended_at IS NULL;

GRANT SELECT ON SEQUENCE outbox_position_seq TO workapi_auth, workapi_token_refresher;
GRANT SELECT, UPDATE (base, commits, system_identifier, timeline) ON commit_count
    TO workapi_auth, workapi_token_refresher;
GRANT SELECT, INSERT (commits, watermark) ON restore_quarantine
    TO workapi_auth, workapi_token_refresher;

-- Each says what it has done itself. Only `auth` serves operators.
GRANT UPDATE (deletions_replayed_at, grants_folded_at, grants_folded, entries_failed, ended_at,
              ended_by)
    ON restore_quarantine TO workapi_auth;
GRANT UPDATE (rotations_folded_at, rotations_folded, entries_failed, ended_at, ended_by)
    ON restore_quarantine TO workapi_token_refresher;
