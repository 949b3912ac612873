-- Access tokens on demand. Refresh protocol, section 10.

ALTER TABLE credential
    -- The generation whose access token the provider refused before its time (401).
    ADD COLUMN access_refused_generation bigint,
    -- Whether there is a refresh token: who may not read the ciphertext still has to know.
    ADD COLUMN is_refreshable boolean NOT NULL GENERATED ALWAYS AS (sealed_refresh IS NOT NULL) STORED;

-- The role of the program that uses access tokens. Roles belong to the whole server, and other
-- databases on it may be making them right now.
DO $$
BEGIN
    BEGIN
        CREATE ROLE workapi_connectors NOLOGIN;
    EXCEPTION
        WHEN duplicate_object OR unique_violation THEN NULL;
    END;
    IF NOT pg_has_role(current_user, 'workapi_connectors', 'USAGE') THEN
        EXECUTE format('GRANT workapi_connectors TO %I', current_user);
    END IF;
END
$$;

-- Sees access tokens and how fresh they are; of refresh tokens not even the ciphertext.
GRANT SELECT (
    integration_id, grant_id, generation, sealed_access, salt, access_expires_at, refresh_at, state,
    cause, due_at, lease_until, failures, last_success_at, last_used_at, access_refused_generation,
    is_refreshable
), UPDATE (last_used_at, due_at, access_refused_generation) ON credential TO workapi_connectors;
