CREATE TABLE public.access_records (
    id uuid NOT NULL,
    at timestamp with time zone NOT NULL,
    correlation_id uuid NOT NULL,
    applicant_id uuid,
    actor text NOT NULL,
    first_actor text,
    user_code_id uuid,
    session_id uuid,
    client_id text,
    role text,
    acr text,
    purpose text,
    action text NOT NULL,
    address text,
    user_agent text,
    outcome text NOT NULL,
    reason text,
    user_code_applicant_id uuid,
    about_agent_id uuid,
    CONSTRAINT a_refusal_has_its_reason CHECK (((outcome = 'refused'::text) = (reason IS NOT NULL))),
    CONSTRAINT outcome_is_known CHECK ((outcome = ANY (ARRAY['admitted'::text, 'refused'::text])))
)
PARTITION BY RANGE (at);
CREATE TABLE public.access_records_default (
    id uuid CONSTRAINT access_records_id_not_null NOT NULL,
    at timestamp with time zone CONSTRAINT access_records_at_not_null NOT NULL,
    correlation_id uuid CONSTRAINT access_records_correlation_id_not_null NOT NULL,
    applicant_id uuid,
    actor text CONSTRAINT access_records_actor_not_null NOT NULL,
    first_actor text,
    user_code_id uuid,
    session_id uuid,
    client_id text,
    role text,
    acr text,
    purpose text,
    action text CONSTRAINT access_records_action_not_null NOT NULL,
    address text,
    user_agent text,
    outcome text CONSTRAINT access_records_outcome_not_null NOT NULL,
    reason text,
    user_code_applicant_id uuid,
    about_agent_id uuid,
    CONSTRAINT a_refusal_has_its_reason CHECK (((outcome = 'refused'::text) = (reason IS NOT NULL))),
    CONSTRAINT outcome_is_known CHECK ((outcome = ANY (ARRAY['admitted'::text, 'refused'::text])))
);
CREATE TABLE public.access_rights (
    user_id uuid NOT NULL,
    online_service text NOT NULL,
    task text NOT NULL,
    starts_on date,
    ends_on date,
    CONSTRAINT a_right_ends_no_earlier_than_it_starts CHECK ((starts_on <= ends_on))
);
CREATE TABLE public.applicants (
    id uuid NOT NULL,
    state text NOT NULL,
    state_since timestamp with time zone NOT NULL,
    CONSTRAINT applicant_state_is_known CHECK ((state = ANY (ARRAY['submitted'::text, 'active'::text, 'suspended'::text, 'cancelled'::text, 'rejected'::text])))
);
CREATE TABLE public.clearances (
    person_id uuid NOT NULL,
    applicant_id uuid NOT NULL,
    user_code_id uuid NOT NULL,
    cleared_at timestamp with time zone NOT NULL
);
CREATE TABLE public.department_subjects (
    department text NOT NULL,
    pairwise_id text NOT NULL,
    user_code_id uuid NOT NULL,
    applicant_id uuid NOT NULL
);
CREATE TABLE public.departments (
    code text NOT NULL,
    name_fr text NOT NULL,
    name_en text NOT NULL
);
CREATE TABLE public.disclosure_authorizations (
    user_id uuid NOT NULL,
    recipient text NOT NULL,
    authorized_by text NOT NULL,
    authorized_at timestamp with time zone NOT NULL
);
CREATE TABLE public.dpop_proofs (
    use_hash bytea NOT NULL,
    expires_at timestamp with time zone NOT NULL
);
CREATE TABLE public.enrolments (
    applicant_id uuid NOT NULL,
    online_service text NOT NULL,
    department text NOT NULL,
    enrolment_id uuid NOT NULL
);
CREATE TABLE public.evidence_records (
    id uuid NOT NULL,
    at timestamp with time zone NOT NULL,
    correlation_id uuid NOT NULL,
    causation_id uuid,
    applicant_id uuid,
    command text NOT NULL,
    actor text NOT NULL,
    user_code_id uuid,
    session_id uuid,
    client_id text,
    role text,
    acr text,
    amr text[],
    conditions text,
    content jsonb NOT NULL,
    user_code_applicant_id uuid,
    power_of_attorney_id uuid
);
CREATE TABLE public.freshness (
    publisher text NOT NULL,
    fresh_as_of timestamp with time zone NOT NULL,
    lag bigint NOT NULL
);
CREATE TABLE public.idempotency_keys (
    principal text NOT NULL,
    route text NOT NULL,
    key text NOT NULL,
    request_hash bytea NOT NULL,
    status integer,
    body jsonb,
    created_at timestamp with time zone NOT NULL
);
CREATE TABLE public.inbox (
    event_id uuid NOT NULL,
    source text NOT NULL,
    type text NOT NULL,
    partitionkey text NOT NULL,
    sequence bigint NOT NULL,
    applied_at timestamp with time zone NOT NULL
);
CREATE TABLE public.inbox_sequences (
    source text NOT NULL,
    partitionkey text NOT NULL,
    last_sequence bigint NOT NULL
);
CREATE TABLE public.online_services (
    code text NOT NULL,
    department text NOT NULL,
    name_fr text NOT NULL,
    name_en text NOT NULL
);
CREATE TABLE public.outbox (
    row_number bigint NOT NULL,
    id uuid NOT NULL,
    topic text NOT NULL,
    source text NOT NULL,
    type text NOT NULL,
    "time" timestamp with time zone NOT NULL,
    partitionkey text NOT NULL,
    actor text,
    correlationid uuid,
    causationid uuid,
    traceparent text,
    data jsonb NOT NULL,
    sequence bigint,
    "position" bigint,
    published_at timestamp with time zone,
    CONSTRAINT published_only_once_it_has_a_position CHECK (((published_at IS NULL) OR ("position" IS NOT NULL))),
    CONSTRAINT sequence_and_position_are_given_together CHECK (((sequence IS NULL) = ("position" IS NULL)))
);
ALTER TABLE public.outbox ALTER COLUMN row_number ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.outbox_row_number_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.parked_events (
    event_id uuid NOT NULL,
    source text NOT NULL,
    partitionkey text NOT NULL,
    sequence bigint NOT NULL,
    envelope jsonb NOT NULL,
    fault text NOT NULL,
    parked_at timestamp with time zone NOT NULL
);
CREATE TABLE public.person_holds (
    id uuid NOT NULL,
    person_id uuid NOT NULL,
    side text NOT NULL,
    reason_code text NOT NULL,
    grounds text NOT NULL,
    placed_by text NOT NULL,
    placed_at timestamp with time zone NOT NULL,
    released_by text,
    released_at timestamp with time zone,
    CONSTRAINT a_release_says_who_and_when CHECK (((released_by IS NULL) = (released_at IS NULL))),
    CONSTRAINT side_is_known CHECK ((side = ANY (ARRAY['applicant'::text, 'provider'::text, 'department'::text, 'system'::text])))
);
CREATE TABLE public.persons_in_charge (
    id uuid NOT NULL,
    applicant_id uuid NOT NULL,
    user_code_id uuid NOT NULL,
    given_name text NOT NULL,
    family_name text NOT NULL,
    language text NOT NULL,
    email text NOT NULL,
    designated_at timestamp with time zone NOT NULL,
    activated_at timestamp with time zone,
    CONSTRAINT language_is_french_or_english CHECK ((language = ANY (ARRAY['fr'::text, 'en'::text])))
);
CREATE TABLE public.power_of_attorney_tasks (
    power_of_attorney_id uuid NOT NULL,
    online_service text NOT NULL,
    task text NOT NULL
);
CREATE TABLE public.powers_of_attorney (
    id uuid NOT NULL,
    granting_applicant_id uuid NOT NULL,
    granting_name text NOT NULL,
    granting_number text,
    representing_applicant_id uuid,
    representing_user_code_id uuid,
    is_unrestricted boolean NOT NULL,
    starts_on date NOT NULL,
    ends_on date,
    accepted_at timestamp with time zone,
    revoked_at timestamp with time zone,
    CONSTRAINT a_power_ends_no_earlier_than_it_starts CHECK ((starts_on <= ends_on)),
    CONSTRAINT a_power_is_given_to_an_applicant_or_to_a_person CHECK (((representing_applicant_id IS NULL) <> (representing_user_code_id IS NULL))),
    CONSTRAINT no_applicant_represents_itself CHECK ((granting_applicant_id <> representing_applicant_id))
);
CREATE TABLE public.proposals (
    id uuid NOT NULL,
    command text NOT NULL,
    content jsonb NOT NULL,
    side text NOT NULL,
    concerns text[] NOT NULL,
    applicant_id uuid,
    requested_by text,
    proposed_by text NOT NULL,
    proposed_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    state text NOT NULL,
    decided_by text,
    decided_at timestamp with time zone,
    refusal_reason text,
    sealed_for_proposer bytea,
    CONSTRAINT a_proposal_that_is_over_was_decided CHECK ((((state = 'proposed'::text) = (decided_at IS NULL)) AND ((decided_at IS NULL) = (decided_by IS NULL)))),
    CONSTRAINT a_refused_proposal_has_its_reason CHECK (((state = 'refused'::text) = (refusal_reason IS NOT NULL))),
    CONSTRAINT only_of_an_approved_proposal_is_something_collected CHECK (((sealed_for_proposer IS NULL) OR (state = 'approved'::text))),
    CONSTRAINT proposal_state_is_known CHECK ((state = ANY (ARRAY['proposed'::text, 'approved'::text, 'refused'::text, 'withdrawn'::text, 'expired'::text]))),
    CONSTRAINT the_second_person_is_not_the_first CHECK (((state <> ALL (ARRAY['approved'::text, 'refused'::text])) OR (decided_by <> proposed_by))),
    CONSTRAINT who_asked_for_it_is_neither_person CHECK (((requested_by IS NULL) OR ((proposed_by <> requested_by) AND ((state <> ALL (ARRAY['approved'::text, 'refused'::text])) OR (decided_by <> requested_by))))),
    CONSTRAINT whom_it_concerns_is_neither_person CHECK (((proposed_by <> ALL (concerns)) AND ((state <> ALL (ARRAY['approved'::text, 'refused'::text])) OR (decided_by <> ALL (concerns)))))
);
CREATE TABLE public.schema_migrations (
    series text NOT NULL,
    number integer NOT NULL,
    name text NOT NULL,
    sha256 text NOT NULL,
    applied_at timestamp with time zone DEFAULT now() NOT NULL
);
CREATE TABLE public.standing (
    subject_kind text NOT NULL,
    subject_id text NOT NULL,
    source text NOT NULL,
    state text NOT NULL,
    refuse_issued_before timestamp with time zone NOT NULL,
    CONSTRAINT subject_kind_is_known CHECK ((subject_kind = ANY (ARRAY['applicant'::text, 'user_code'::text, 'session'::text, 'agent'::text])))
);
CREATE TABLE public.tasks (
    online_service text NOT NULL,
    code text NOT NULL,
    name_fr text NOT NULL,
    name_en text NOT NULL
);
CREATE TABLE public.unreadable_messages (
    topic text NOT NULL,
    partition integer NOT NULL,
    "offset" bigint NOT NULL,
    content bytea NOT NULL,
    fault text NOT NULL,
    received_at timestamp with time zone NOT NULL
);
CREATE TABLE public.user_codes (
    id uuid NOT NULL,
    applicant_id uuid NOT NULL,
    is_named boolean NOT NULL,
    is_activated boolean NOT NULL
);
CREATE TABLE public.users (
    id uuid NOT NULL,
    applicant_id uuid NOT NULL,
    user_code_id uuid NOT NULL,
    given_name text NOT NULL,
    family_name text NOT NULL,
    language text NOT NULL,
    email text NOT NULL,
    added_at timestamp with time zone NOT NULL,
    codes_pending boolean NOT NULL,
    CONSTRAINT language_is_french_or_english CHECK ((language = ANY (ARRAY['fr'::text, 'en'::text])))
);
ALTER TABLE ONLY public.access_records ATTACH PARTITION public.access_records_default DEFAULT;
ALTER TABLE ONLY public.department_subjects
    ADD CONSTRAINT a_department_knows_a_code_by_one_name UNIQUE (department, user_code_id);
ALTER TABLE ONLY public.outbox
    ADD CONSTRAINT a_position_is_given_once UNIQUE ("position");
ALTER TABLE public.access_records
    ADD CONSTRAINT a_purpose_is_at_most_300_characters CHECK ((length(purpose) <= 300)) NOT VALID;
ALTER TABLE ONLY public.outbox
    ADD CONSTRAINT a_sequence_is_given_once_per_key UNIQUE (topic, partitionkey, sequence);
ALTER TABLE ONLY public.parked_events
    ADD CONSTRAINT a_sequence_is_parked_once UNIQUE (source, partitionkey, sequence);
ALTER TABLE ONLY public.persons_in_charge
    ADD CONSTRAINT a_user_code_is_of_one_person_in_charge UNIQUE (user_code_id);
ALTER TABLE ONLY public.users
    ADD CONSTRAINT a_user_code_is_of_one_user UNIQUE (user_code_id);
ALTER TABLE ONLY public.access_records
    ADD CONSTRAINT access_records_pkey PRIMARY KEY (at, id);
ALTER TABLE ONLY public.access_records_default
    ADD CONSTRAINT access_records_default_pkey PRIMARY KEY (at, id);
ALTER TABLE ONLY public.access_rights
    ADD CONSTRAINT access_rights_pkey PRIMARY KEY (user_id, online_service, task);
ALTER TABLE ONLY public.outbox
    ADD CONSTRAINT an_event_is_in_the_outbox_once UNIQUE (id);
ALTER TABLE ONLY public.applicants
    ADD CONSTRAINT applicants_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.clearances
    ADD CONSTRAINT clearances_pkey PRIMARY KEY (person_id);
ALTER TABLE ONLY public.department_subjects
    ADD CONSTRAINT department_subjects_pkey PRIMARY KEY (department, pairwise_id);
ALTER TABLE ONLY public.departments
    ADD CONSTRAINT departments_pkey PRIMARY KEY (code);
ALTER TABLE ONLY public.disclosure_authorizations
    ADD CONSTRAINT disclosure_authorizations_pkey PRIMARY KEY (user_id, recipient);
ALTER TABLE ONLY public.dpop_proofs
    ADD CONSTRAINT dpop_proofs_pkey PRIMARY KEY (use_hash);
ALTER TABLE ONLY public.enrolments
    ADD CONSTRAINT enrolments_pkey PRIMARY KEY (applicant_id, online_service);
ALTER TABLE ONLY public.evidence_records
    ADD CONSTRAINT evidence_records_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.freshness
    ADD CONSTRAINT freshness_pkey PRIMARY KEY (publisher);
ALTER TABLE ONLY public.idempotency_keys
    ADD CONSTRAINT idempotency_keys_pkey PRIMARY KEY (principal, route, key);
ALTER TABLE ONLY public.inbox
    ADD CONSTRAINT inbox_pkey PRIMARY KEY (event_id);
ALTER TABLE ONLY public.inbox_sequences
    ADD CONSTRAINT inbox_sequences_pkey PRIMARY KEY (source, partitionkey);
ALTER TABLE ONLY public.online_services
    ADD CONSTRAINT online_services_pkey PRIMARY KEY (code);
ALTER TABLE ONLY public.outbox
    ADD CONSTRAINT outbox_pkey PRIMARY KEY (row_number);
ALTER TABLE ONLY public.parked_events
    ADD CONSTRAINT parked_events_pkey PRIMARY KEY (event_id);
ALTER TABLE ONLY public.person_holds
    ADD CONSTRAINT person_holds_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.persons_in_charge
    ADD CONSTRAINT persons_in_charge_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.power_of_attorney_tasks
    ADD CONSTRAINT power_of_attorney_tasks_pkey PRIMARY KEY (power_of_attorney_id, online_service, task);
ALTER TABLE ONLY public.powers_of_attorney
    ADD CONSTRAINT powers_of_attorney_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.proposals
    ADD CONSTRAINT proposals_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.schema_migrations
    ADD CONSTRAINT schema_migrations_pkey PRIMARY KEY (series, number);
ALTER TABLE ONLY public.standing
    ADD CONSTRAINT standing_pkey PRIMARY KEY (subject_kind, subject_id, source);
ALTER TABLE ONLY public.tasks
    ADD CONSTRAINT tasks_pkey PRIMARY KEY (online_service, code);
ALTER TABLE ONLY public.unreadable_messages
    ADD CONSTRAINT unreadable_messages_pkey PRIMARY KEY (topic, partition, "offset");
ALTER TABLE ONLY public.user_codes
    ADD CONSTRAINT user_codes_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_pkey PRIMARY KEY (id);
CREATE INDEX access_records_about_agents ON ONLY public.access_records USING btree (about_agent_id, at, id) WHERE (about_agent_id IS NOT NULL);
CREATE INDEX access_records_by_applicant ON ONLY public.access_records USING btree (applicant_id, at, id);
CREATE INDEX access_records_by_applicant_of_code ON ONLY public.access_records USING btree (user_code_applicant_id, at, id) WHERE (user_code_applicant_id IS NOT NULL);
CREATE INDEX access_records_by_client ON ONLY public.access_records USING btree (client_id, at, id) WHERE (client_id IS NOT NULL);
CREATE INDEX access_records_by_user_code ON ONLY public.access_records USING btree (user_code_id, at, id);
CREATE INDEX access_records_default_about_agent_id_at_id_idx ON public.access_records_default USING btree (about_agent_id, at, id) WHERE (about_agent_id IS NOT NULL);
CREATE INDEX access_records_of_agents ON ONLY public.access_records USING btree (actor, at, id) WHERE (actor ~~ 'agent:%'::text);
CREATE INDEX access_records_default_actor_at_id_idx ON public.access_records_default USING btree (actor, at, id) WHERE (actor ~~ 'agent:%'::text);
CREATE INDEX access_records_default_applicant_id_at_id_idx ON public.access_records_default USING btree (applicant_id, at, id);
CREATE INDEX access_records_default_client_id_at_id_idx ON public.access_records_default USING btree (client_id, at, id) WHERE (client_id IS NOT NULL);
CREATE INDEX access_records_default_user_code_applicant_id_at_id_idx ON public.access_records_default USING btree (user_code_applicant_id, at, id) WHERE (user_code_applicant_id IS NOT NULL);
CREATE INDEX access_records_default_user_code_id_at_id_idx ON public.access_records_default USING btree (user_code_id, at, id);
CREATE INDEX clearances_by_applicant ON public.clearances USING btree (applicant_id);
CREATE INDEX department_subjects_by_applicant ON public.department_subjects USING btree (applicant_id);
CREATE INDEX dpop_proofs_by_expiry ON public.dpop_proofs USING btree (expires_at);
CREATE INDEX enrolments_by_department ON public.enrolments USING btree (applicant_id, department);
CREATE INDEX evidence_records_by_applicant ON public.evidence_records USING btree (applicant_id, at, id);
CREATE INDEX evidence_records_by_applicant_of_code ON public.evidence_records USING btree (user_code_applicant_id, at, id) WHERE (user_code_applicant_id IS NOT NULL);
CREATE INDEX idempotency_keys_by_age ON public.idempotency_keys USING btree (created_at);
CREATE INDEX inbox_by_age ON public.inbox USING btree (applied_at);
CREATE INDEX outbox_unassigned ON public.outbox USING btree (row_number) WHERE ("position" IS NULL);
CREATE INDEX outbox_unpublished ON public.outbox USING btree ("position") WHERE (published_at IS NULL);
CREATE INDEX parked_events_by_key ON public.parked_events USING btree (partitionkey);
CREATE INDEX person_holds_by_person ON public.person_holds USING btree (person_id);
CREATE INDEX persons_in_charge_by_applicant ON public.persons_in_charge USING btree (applicant_id);
CREATE INDEX powers_of_attorney_by_applicant ON public.powers_of_attorney USING btree (representing_applicant_id) WHERE (revoked_at IS NULL);
CREATE INDEX powers_of_attorney_by_person ON public.powers_of_attorney USING btree (representing_user_code_id) WHERE (revoked_at IS NULL);
CREATE INDEX proposals_by_state ON public.proposals USING btree (state, id);
CREATE INDEX proposals_to_collect ON public.proposals USING btree (decided_at) WHERE (sealed_for_proposer IS NOT NULL);
CREATE INDEX proposals_waiting ON public.proposals USING btree (expires_at) WHERE (state = 'proposed'::text);
CREATE INDEX user_codes_by_applicant ON public.user_codes USING btree (applicant_id);
CREATE INDEX users_by_applicant ON public.users USING btree (applicant_id);
ALTER INDEX public.access_records_about_agents ATTACH PARTITION public.access_records_default_about_agent_id_at_id_idx;
ALTER INDEX public.access_records_of_agents ATTACH PARTITION public.access_records_default_actor_at_id_idx;
ALTER INDEX public.access_records_by_applicant ATTACH PARTITION public.access_records_default_applicant_id_at_id_idx;
ALTER INDEX public.access_records_by_client ATTACH PARTITION public.access_records_default_client_id_at_id_idx;
ALTER INDEX public.access_records_pkey ATTACH PARTITION public.access_records_default_pkey;
ALTER INDEX public.access_records_by_applicant_of_code ATTACH PARTITION public.access_records_default_user_code_applicant_id_at_id_idx;
ALTER INDEX public.access_records_by_user_code ATTACH PARTITION public.access_records_default_user_code_id_at_id_idx;
ALTER TABLE ONLY public.access_rights
    ADD CONSTRAINT access_rights_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id);
ALTER TABLE ONLY public.disclosure_authorizations
    ADD CONSTRAINT disclosure_authorizations_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id);
ALTER TABLE ONLY public.person_holds
    ADD CONSTRAINT person_holds_person_id_fkey FOREIGN KEY (person_id) REFERENCES public.persons_in_charge(id);
ALTER TABLE ONLY public.power_of_attorney_tasks
    ADD CONSTRAINT power_of_attorney_tasks_power_of_attorney_id_fkey FOREIGN KEY (power_of_attorney_id) REFERENCES public.powers_of_attorney(id);
ALTER TABLE ONLY public.tasks
    ADD CONSTRAINT tasks_online_service_fkey FOREIGN KEY (online_service) REFERENCES public.online_services(code);
REVOKE USAGE ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO delegation_app;
GRANT SELECT,INSERT ON TABLE public.access_records TO delegation_app;
GRANT SELECT,INSERT,DELETE ON TABLE public.access_rights TO delegation_app;
GRANT SELECT,INSERT,UPDATE ON TABLE public.applicants TO delegation_app;
GRANT SELECT,INSERT,DELETE ON TABLE public.clearances TO delegation_app;
GRANT SELECT,INSERT,DELETE ON TABLE public.department_subjects TO delegation_app;
GRANT SELECT,INSERT,UPDATE ON TABLE public.departments TO delegation_app;
GRANT SELECT,INSERT,DELETE ON TABLE public.disclosure_authorizations TO delegation_app;
GRANT SELECT,INSERT,DELETE ON TABLE public.dpop_proofs TO delegation_app;
GRANT SELECT,INSERT,UPDATE ON TABLE public.enrolments TO delegation_app;
GRANT SELECT,INSERT ON TABLE public.evidence_records TO delegation_app;
GRANT SELECT,INSERT,UPDATE ON TABLE public.freshness TO delegation_app;
GRANT SELECT,INSERT,DELETE ON TABLE public.idempotency_keys TO delegation_app;
GRANT UPDATE(status) ON TABLE public.idempotency_keys TO delegation_app;
GRANT UPDATE(body) ON TABLE public.idempotency_keys TO delegation_app;
GRANT SELECT,INSERT,DELETE ON TABLE public.inbox TO delegation_app;
GRANT SELECT,INSERT,UPDATE ON TABLE public.inbox_sequences TO delegation_app;
GRANT SELECT,INSERT,UPDATE ON TABLE public.online_services TO delegation_app;
GRANT SELECT,INSERT ON TABLE public.outbox TO delegation_app;
GRANT UPDATE(sequence) ON TABLE public.outbox TO delegation_app;
GRANT UPDATE("position") ON TABLE public.outbox TO delegation_app;
GRANT UPDATE(published_at) ON TABLE public.outbox TO delegation_app;
GRANT SELECT,INSERT,DELETE ON TABLE public.parked_events TO delegation_app;
GRANT SELECT,INSERT ON TABLE public.person_holds TO delegation_app;
GRANT UPDATE(released_by) ON TABLE public.person_holds TO delegation_app;
GRANT UPDATE(released_at) ON TABLE public.person_holds TO delegation_app;
GRANT SELECT,INSERT,DELETE ON TABLE public.persons_in_charge TO delegation_app;
GRANT UPDATE(activated_at) ON TABLE public.persons_in_charge TO delegation_app;
GRANT SELECT ON TABLE public.power_of_attorney_tasks TO delegation_app;
GRANT SELECT ON TABLE public.powers_of_attorney TO delegation_app;
GRANT SELECT,INSERT ON TABLE public.proposals TO delegation_app;
GRANT UPDATE(state) ON TABLE public.proposals TO delegation_app;
GRANT UPDATE(decided_by) ON TABLE public.proposals TO delegation_app;
GRANT UPDATE(decided_at) ON TABLE public.proposals TO delegation_app;
GRANT UPDATE(refusal_reason) ON TABLE public.proposals TO delegation_app;
GRANT UPDATE(sealed_for_proposer) ON TABLE public.proposals TO delegation_app;
GRANT SELECT ON TABLE public.schema_migrations TO delegation_app;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.standing TO delegation_app;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.tasks TO delegation_app;
GRANT SELECT,INSERT ON TABLE public.unreadable_messages TO delegation_app;
GRANT SELECT,INSERT,DELETE ON TABLE public.user_codes TO delegation_app;
GRANT UPDATE(is_named) ON TABLE public.user_codes TO delegation_app;
GRANT UPDATE(is_activated) ON TABLE public.user_codes TO delegation_app;
GRANT SELECT,INSERT ON TABLE public.users TO delegation_app;
GRANT UPDATE(codes_pending) ON TABLE public.users TO delegation_app;
