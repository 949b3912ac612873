-- An attempt whose outcome is not known stays open until the generation has moved on.
DROP INDEX rotation_attempt_open;

CREATE INDEX rotation_attempt_open
    ON rotation_attempt (integration_id, grant_id, generation)
    WHERE state IN ('sent', 'unknown');

-- Exchanges that nobody has ended, to be looked for in the journal.
CREATE INDEX used_state_open ON used_state (started_at) WHERE finished_at IS NULL;
