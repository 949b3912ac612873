-- What developers and operators may see: states, dead letters, and what is stuck.

-- Everything that is not well, for lists by state. A credential that is refreshed in time never
-- enters it, so that rotating costs no more than before.
CREATE INDEX credential_unwell ON credential (state, integration_id) WHERE state <> 'active';

-- Operators ask `auth`, which sees of an attempt what it was and how it ended.
GRANT SELECT (attempt_id, integration_id, grant_id, generation, state, sent_at) ON rotation_attempt
    TO workapi_auth;
GRANT SELECT (integration_id) ON quarantine TO workapi_auth;
