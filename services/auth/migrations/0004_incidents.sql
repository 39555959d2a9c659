-- Unauthorized use and attempted breaches. `description` is confidential: for those who deal with the incident.
CREATE TABLE incidents (
    id                               uuid PRIMARY KEY,
    applicant_id                     uuid NOT NULL,
    user_code_id                     uuid NOT NULL REFERENCES user_codes,
    kind                             text NOT NULL,
    channel                          text NOT NULL,
    description                      text NOT NULL,
    reported_by                      text NOT NULL,
    reported_at                      timestamptz NOT NULL,
    reported_to_person_in_charge_at  timestamptz,
    reported_to_provider_at          timestamptz,
    passes_on_at                     timestamptz,
    resolved_at                      timestamptz,
    resolved_by                      text,
    outcome                          text,
    CONSTRAINT incident_kind_is_known CHECK (kind IN ('unauthorized-use', 'attempted-breach')),
    CONSTRAINT incident_channel_is_known CHECK (channel IN ('online', 'telephone')),
    CONSTRAINT incident_outcome_is_known CHECK (outcome IN ('confirmed', 'unfounded')),
    CONSTRAINT somebody_was_told
        CHECK (reported_to_person_in_charge_at IS NOT NULL OR reported_to_provider_at IS NOT NULL),
    CONSTRAINT an_incident_that_waits_is_not_with_the_provider
        CHECK (passes_on_at IS NULL OR (reported_to_provider_at IS NULL AND resolved_at IS NULL)),
    CONSTRAINT a_resolved_incident_has_its_author_and_outcome
        CHECK ((resolved_at IS NULL) = (resolved_by IS NULL) AND (resolved_at IS NULL) = (outcome IS NULL))
);
CREATE INDEX incidents_by_applicant ON incidents (applicant_id, id);
CREATE INDEX incidents_by_user_code ON incidents (user_code_id);
CREATE INDEX incidents_that_wait ON incidents (passes_on_at) WHERE passes_on_at IS NOT NULL;
GRANT SELECT, INSERT,
    UPDATE (reported_to_provider_at, passes_on_at, resolved_at, resolved_by, outcome) ON incidents TO :app;

CREATE TABLE incident_holds (
    incident_id  uuid NOT NULL REFERENCES incidents,
    hold_id      uuid NOT NULL,
    side         text NOT NULL,
    PRIMARY KEY (incident_id, side)
);
GRANT SELECT, INSERT ON incident_holds TO :app;

CREATE TABLE incident_steps (
    incident_id  uuid NOT NULL REFERENCES incidents,
    at           timestamptz NOT NULL,
    step         text NOT NULL,
    actor        text NOT NULL,
    note         text,
    PRIMARY KEY (incident_id, step),
    CONSTRAINT incident_step_is_known CHECK (step IN ('reported', 'passed-on', 'passed-on-by-silence', 'resolved'))
);
GRANT SELECT, INSERT ON incident_steps TO :app;
