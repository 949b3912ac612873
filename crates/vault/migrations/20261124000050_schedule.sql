-- Scheduling: nearest expiry first, and notices before a grant ends. Refresh protocol, sections 1, 9
-- and 10; ADR 0013.

-- How long the access token still lives when the credential is due, in steps of about four: class 0
-- is due after its token ran out, class 11 has more than 48 days left. Credentials of one class are
-- due in nearly the order in which they expire, so an index serves them without sorting.
CREATE FUNCTION time_left_class(due_at timestamptz, access_expires_at timestamptz) RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN width_bucket(
    access_expires_at - due_at,
    '{0 s,15 s,1 min,4 min,15 min,1 hour,4 hours,16 hours,3 days,12 days,48 days}'::interval[]
);

DROP INDEX credential_due;

CREATE INDEX credential_refresh_due
    ON credential (provider, time_left_class(due_at, access_expires_at), due_at)
    WHERE state IN ('active', 'refresh_failing') AND due_at IS NOT NULL;

CREATE INDEX credential_revocation_due ON credential (due_at) WHERE state = 'revoking';

ALTER TABLE credential
    -- When the provider ends the grant, whatever is done with it: from the manifest.
    ADD COLUMN absolute_expires_at timestamptz,
    -- The earlier of that and refresh_expires_at, as the notices know it.
    ADD COLUMN grant_expires_at timestamptz,
    -- When the next notice of that end is due.
    ADD COLUMN expiry_notice_at timestamptz;

CREATE INDEX credential_expiry_notice
    ON credential (expiry_notice_at)
    WHERE state IN ('active', 'refresh_failing', 'needs_operator') AND expiry_notice_at IS NOT NULL;

-- The first notice before `expires_at` that comes after `seen`; null when there is none left.
CREATE FUNCTION next_expiry_notice(expires_at timestamptz, seen timestamptz) RETURNS timestamptz
LANGUAGE sql STABLE PARALLEL SAFE
RETURN (
    SELECT min(expires_at - ahead)
    FROM unnest('{720 hours,168 hours,24 hours}'::interval[]) AS ahead
    WHERE expires_at - ahead > seen
);

-- A trigger, because connecting, rotating and folding all change the ends of a grant, and none of
-- them may forget the notices.
CREATE FUNCTION plan_expiry_notice() RETURNS trigger
LANGUAGE plpgsql
AS $$
DECLARE
    ends_at timestamptz := LEAST(NEW.absolute_expires_at, NEW.refresh_expires_at);
BEGIN
    -- Providers count an end down in whole seconds, and answers take their time: what moves by less
    -- than an hour is the same end, of which nobody is told again.
    IF TG_OP = 'UPDATE' AND NEW.grant_id = OLD.grant_id
        AND ends_at > OLD.grant_expires_at - interval '1 hour'
        AND ends_at < OLD.grant_expires_at + interval '1 hour'
    THEN
        RETURN NEW;
    END IF;
    NEW.grant_expires_at := ends_at;
    -- Who connects for 30 days need not be told at once.
    NEW.expiry_notice_at := next_expiry_notice(ends_at, now() + interval '1 hour');
    RETURN NEW;
END
$$;

CREATE TRIGGER credential_new_end
    BEFORE INSERT ON credential
    FOR EACH ROW
    WHEN (LEAST(NEW.absolute_expires_at, NEW.refresh_expires_at) IS NOT NULL)
    EXECUTE FUNCTION plan_expiry_notice();

CREATE TRIGGER credential_other_end
    BEFORE UPDATE ON credential
    FOR EACH ROW
    WHEN ((OLD.grant_id, OLD.refresh_expires_at, OLD.absolute_expires_at)
          IS DISTINCT FROM (NEW.grant_id, NEW.refresh_expires_at, NEW.absolute_expires_at))
    EXECUTE FUNCTION plan_expiry_notice();
