-- Commands that need two persons: one proposes, another decides. Secrets stand here sealed, until collected.
CREATE TABLE proposals (
    id                   uuid PRIMARY KEY,
    command              text NOT NULL,
    content              jsonb NOT NULL,
    side                 text NOT NULL,
    concerns             text[] NOT NULL,
    applicant_id         uuid,
    requested_by         text,
    proposed_by          text NOT NULL,
    proposed_at          timestamptz NOT NULL,
    expires_at           timestamptz NOT NULL,
    state                text NOT NULL,
    decided_by           text,
    decided_at           timestamptz,
    refusal_reason       text,
    sealed_for_proposer  bytea,
    CONSTRAINT proposal_state_is_known
        CHECK (state IN ('proposed', 'approved', 'refused', 'withdrawn', 'expired')),
    CONSTRAINT a_proposal_that_is_over_was_decided
        CHECK ((state = 'proposed') = (decided_at IS NULL) AND (decided_at IS NULL) = (decided_by IS NULL)),
    CONSTRAINT the_second_person_is_not_the_first
        CHECK (state NOT IN ('approved', 'refused') OR decided_by <> proposed_by),
    CONSTRAINT who_asked_for_it_is_neither_person
        CHECK (requested_by IS NULL OR (
            proposed_by <> requested_by AND (state NOT IN ('approved', 'refused') OR decided_by <> requested_by))),
    CONSTRAINT whom_it_concerns_is_neither_person
        CHECK (proposed_by <> ALL (concerns)
            AND (state NOT IN ('approved', 'refused') OR decided_by <> ALL (concerns))),
    CONSTRAINT a_refused_proposal_has_its_reason CHECK ((state = 'refused') = (refusal_reason IS NOT NULL)),
    CONSTRAINT only_of_an_approved_proposal_is_something_collected
        CHECK (sealed_for_proposer IS NULL OR state = 'approved')
);
CREATE INDEX proposals_by_state ON proposals (state, id);
CREATE INDEX proposals_waiting ON proposals (expires_at) WHERE state = 'proposed';
CREATE INDEX proposals_to_collect ON proposals (decided_at) WHERE sealed_for_proposer IS NOT NULL;
GRANT SELECT, INSERT ON proposals TO :app;
GRANT UPDATE (state, decided_by, decided_at, refusal_reason, sealed_for_proposer) ON proposals TO :app;
