-- An attempt whose outcome is not known stays open until the generation has moved on.
DROP INDEX rotation_attempt_open;

CREATE INDEX rotation_attempt_open
    ON rotation_attempt (integration_id, grant_id, generation)
    WHERE state IN ('sent', 'unknown');

-- Exchanges that nobody has ended, to be looked for in the journal.
CREATE INDEX used_state_open ON used_state (started_at) WHERE finished_at IS NULL;

-- Answers that lost a race and were then refused; a fold may bring the others, never these.
ALTER TABLE quarantine ADD COLUMN tried boolean NOT NULL DEFAULT false;

GRANT UPDATE (tried) ON quarantine TO workapi_token_refresher;
