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
CREATE TABLE public.applicants (
    id uuid NOT NULL,
    kind text NOT NULL,
    name text NOT NULL,
    identifiers jsonb NOT NULL,
    representative text NOT NULL,
    activated_at timestamp with time zone NOT NULL,
    state_since timestamp with time zone NOT NULL,
    cancelled_at timestamp with time zone,
    cancelled_by text,
    CONSTRAINT a_cancellation_has_its_author CHECK (((cancelled_at IS NULL) = (cancelled_by IS NULL))),
    CONSTRAINT who_cancelled_is_known CHECK ((cancelled_by = ANY (ARRAY['applicant'::text, 'person_in_charge'::text, 'provider'::text])))
);
CREATE TABLE public.attempt_counters (
    kind text NOT NULL,
    subject text NOT NULL,
    window_start timestamp with time zone NOT NULL,
    attempts integer NOT NULL
);
CREATE TABLE public.authorized_representatives (
    registration_id uuid NOT NULL,
    given_name text NOT NULL,
    family_name text NOT NULL,
    capacity text NOT NULL,
    email text NOT NULL,
    telephone text NOT NULL,
    CONSTRAINT capacity_is_known CHECK ((capacity = ANY (ARRAY['by-position'::text, 'by-grant'::text])))
);
CREATE TABLE public.conditions_texts (
    owner text NOT NULL,
    version text NOT NULL,
    language text NOT NULL,
    text text NOT NULL,
    is_official boolean NOT NULL,
    CONSTRAINT language_is_known CHECK ((language = ANY (ARRAY['fr'::text, 'en'::text])))
);
CREATE TABLE public.conditions_versions (
    owner text NOT NULL,
    version text NOT NULL,
    posted_at timestamp with time zone NOT NULL
);
CREATE TABLE public.departments (
    code text NOT NULL,
    name_fr text NOT NULL,
    name_en text NOT NULL,
    notice_identifiers text[] NOT NULL,
    CONSTRAINT a_notice_names_known_identifiers CHECK ((notice_identifiers <@ ARRAY['neq'::text, 'business_number'::text, 'identification_number'::text]))
);
CREATE TABLE public.documents (
    id uuid NOT NULL,
    registration_id uuid NOT NULL,
    kind text NOT NULL,
    person_id uuid,
    signed_on date NOT NULL,
    received_on date NOT NULL,
    recorded_by text NOT NULL,
    recorded_at timestamp with time zone NOT NULL,
    CONSTRAINT a_designation_form_names_one_person CHECK (((kind = 'designation-form'::text) = (person_id IS NOT NULL))),
    CONSTRAINT a_form_is_signed_before_it_is_received CHECK ((signed_on <= received_on)),
    CONSTRAINT kind_is_known CHECK ((kind = ANY (ARRAY['registration-form'::text, 'designation-form'::text])))
);
CREATE TABLE public.dpop_proofs (
    use_hash bytea NOT NULL,
    expires_at timestamp with time zone NOT NULL
);
CREATE TABLE public.enrolments (
    id uuid NOT NULL,
    applicant_id uuid NOT NULL,
    online_service text NOT NULL,
    state text NOT NULL,
    activated_at timestamp with time zone NOT NULL,
    CONSTRAINT state_is_known CHECK ((state = 'active'::text))
);
CREATE TABLE public.enterprise_changes (
    load_id uuid NOT NULL,
    neq text NOT NULL,
    was_bankrupt boolean NOT NULL,
    is_bankrupt boolean NOT NULL,
    status_before text NOT NULL,
    status_after text NOT NULL
);
CREATE TABLE public.enterprise_names (
    neq text NOT NULL,
    name text NOT NULL
);
CREATE TABLE public.enterprise_register_loads (
    id uuid NOT NULL,
    loaded_at timestamp with time zone NOT NULL,
    enterprises bigint NOT NULL,
    names bigint NOT NULL,
    malformed bigint NOT NULL,
    changed bigint NOT NULL
);
CREATE TABLE public.enterprises (
    neq text NOT NULL,
    is_bankrupt boolean NOT NULL,
    registered_on date,
    status text NOT NULL,
    status_on date,
    legal_form text NOT NULL,
    load_id uuid NOT NULL
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
CREATE TABLE public.identity_proof_attempts (
    id uuid NOT NULL,
    registration_id uuid NOT NULL,
    identification_number text NOT NULL,
    at timestamp with time zone NOT NULL,
    matched boolean NOT NULL
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
CREATE TABLE public.known_access_rights (
    user_code_id uuid NOT NULL,
    online_service text NOT NULL,
    task text NOT NULL,
    starts_on date,
    ends_on date
);
CREATE TABLE public.known_persons (
    user_code_id uuid NOT NULL,
    applicant_id uuid NOT NULL,
    is_person_in_charge boolean NOT NULL
);
CREATE TABLE public.online_services (
    code text NOT NULL,
    department text NOT NULL,
    name_fr text NOT NULL,
    name_en text NOT NULL,
    enrolment text NOT NULL,
    tasks jsonb NOT NULL,
    CONSTRAINT enrolment_is_known CHECK ((enrolment = ANY (ARRAY['with-registration'::text, 'automatic'::text, 'decided'::text])))
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
CREATE TABLE public.reactivation_requests (
    id uuid NOT NULL,
    applicant_id uuid NOT NULL,
    requested_by text NOT NULL,
    requested_at timestamp with time zone NOT NULL,
    decision text,
    decided_by text,
    decided_at timestamp with time zone,
    grounds text,
    salt bytea,
    CONSTRAINT a_decision_has_author_time_and_grounds CHECK ((num_nulls(decision, decided_by, decided_at, grounds, salt) = ANY (ARRAY[0, 5]))),
    CONSTRAINT decision_is_known CHECK ((decision = ANY (ARRAY['accepted'::text, 'refused'::text])))
);
CREATE TABLE public.registration_changes (
    id uuid NOT NULL,
    registration_id uuid NOT NULL,
    at timestamp with time zone NOT NULL,
    reported_by text NOT NULL,
    subject text NOT NULL,
    value_before jsonb,
    value_after jsonb,
    CONSTRAINT a_change_changes CHECK ((value_before IS DISTINCT FROM value_after)),
    CONSTRAINT subject_is_known CHECK ((subject = ANY (ARRAY['applicant'::text, 'representative'::text, 'person-in-charge'::text])))
);
CREATE TABLE public.registration_decisions (
    registration_id uuid NOT NULL,
    decision text NOT NULL,
    grounds text NOT NULL,
    salt bytea NOT NULL,
    decided_by text NOT NULL,
    decided_at timestamp with time zone NOT NULL,
    CONSTRAINT decision_is_known CHECK ((decision = ANY (ARRAY['validated'::text, 'rejected'::text])))
);
CREATE TABLE public.registration_form_requirements (
    applicant_kind text NOT NULL,
    registration_form boolean NOT NULL,
    designation_form boolean NOT NULL,
    CONSTRAINT applicant_kind_is_known CHECK ((applicant_kind = ANY (ARRAY['individual'::text, 'partnership'::text, 'corporation'::text, 'other'::text])))
);
CREATE TABLE public.registration_holds (
    id uuid NOT NULL,
    applicant_id uuid NOT NULL,
    side text NOT NULL,
    reason_code text NOT NULL,
    grounds text NOT NULL,
    salt bytea NOT NULL,
    placed_by text NOT NULL,
    placed_at timestamp with time zone NOT NULL,
    released_by text,
    released_at timestamp with time zone,
    release_grounds text,
    CONSTRAINT a_release_has_its_author CHECK (((released_at IS NULL) = (released_by IS NULL))),
    CONSTRAINT grounds_of_a_release_need_a_release CHECK (((release_grounds IS NULL) OR (released_at IS NOT NULL))),
    CONSTRAINT side_is_known CHECK ((side = ANY (ARRAY['applicant'::text, 'provider'::text, 'department'::text, 'system'::text])))
);
CREATE TABLE public.registration_persons (
    id uuid NOT NULL,
    registration_id uuid NOT NULL,
    user_code_id uuid NOT NULL,
    given_name text NOT NULL,
    family_name text NOT NULL,
    email text NOT NULL,
    language text NOT NULL,
    same_person text NOT NULL,
    awaits_form boolean DEFAULT false NOT NULL,
    named_at timestamp with time zone NOT NULL,
    CONSTRAINT language_is_known CHECK ((language = ANY (ARRAY['fr'::text, 'en'::text])))
);
CREATE TABLE public.registration_sessions (
    token_hash bytea NOT NULL,
    registration_id uuid NOT NULL,
    opened_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    CONSTRAINT a_token_is_kept_as_sha256 CHECK ((length(token_hash) = 32))
);
CREATE TABLE public.registrations (
    id uuid NOT NULL,
    applicant_id uuid NOT NULL,
    applicant_kind text NOT NULL,
    state text NOT NULL,
    opened_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    name text,
    neq text,
    business_number text,
    identification_number text,
    street text,
    city text,
    province text,
    postal_code text,
    country text,
    identity_proof text DEFAULT 'none'::text NOT NULL,
    conditions_version text,
    conditions_language text,
    conditions_accepted_at timestamp with time zone,
    path text,
    doubts text[] DEFAULT '{}'::text[] NOT NULL,
    identity_settled_by text,
    registration_form_required boolean DEFAULT false NOT NULL,
    registration_form_received boolean DEFAULT false NOT NULL,
    designation_forms_required boolean DEFAULT false NOT NULL,
    submitted_at timestamp with time zone,
    closed_at timestamp with time zone,
    codes_pending boolean DEFAULT false NOT NULL,
    CONSTRAINT a_submitted_file_accepted_conditions CHECK (((state = ANY (ARRAY['draft'::text, 'expired'::text])) OR (conditions_version IS NOT NULL))),
    CONSTRAINT a_submitted_file_has_its_path CHECK (((state = ANY (ARRAY['draft'::text, 'expired'::text])) OR ((path IS NOT NULL) AND (submitted_at IS NOT NULL)))),
    CONSTRAINT an_active_file_has_identity_and_form CHECK (((state <> 'active'::text) OR ((identity_settled_by IS NOT NULL) AND (registration_form_received OR (NOT registration_form_required))))),
    CONSTRAINT identity_is_settled_by_proof_or_agent CHECK ((identity_settled_by = ANY (ARRAY['proof'::text, 'agent'::text]))),
    CONSTRAINT identity_proof_is_known CHECK ((identity_proof = ANY (ARRAY['none'::text, 'matched'::text, 'exhausted'::text]))),
    CONSTRAINT path_is_known CHECK ((path = ANY (ARRAY['direct'::text, 'validation'::text, 'paper'::text]))),
    CONSTRAINT state_is_known CHECK ((state = ANY (ARRAY['draft'::text, 'submitted'::text, 'active'::text, 'rejected'::text, 'expired'::text])))
);
CREATE TABLE public.schema_migrations (
    series text NOT NULL,
    number integer NOT NULL,
    name text NOT NULL,
    sha256 text NOT NULL,
    applied_at timestamp with time zone DEFAULT now() NOT NULL
);
CREATE UNLOGGED TABLE public.staged_enterprise_names (
    neq text NOT NULL,
    name text NOT NULL
);
CREATE UNLOGGED TABLE public.staged_enterprises (
    neq text NOT NULL,
    is_bankrupt boolean NOT NULL,
    registered_on date,
    status text NOT NULL,
    status_on date,
    legal_form text NOT NULL
);
CREATE TABLE public.standing (
    subject_kind text NOT NULL,
    subject_id text NOT NULL,
    source text NOT NULL,
    state text NOT NULL,
    refuse_issued_before timestamp with time zone NOT NULL,
    CONSTRAINT subject_kind_is_known CHECK ((subject_kind = ANY (ARRAY['applicant'::text, 'user_code'::text, 'session'::text, 'agent'::text])))
);
CREATE TABLE public.told_suspensions (
    department text NOT NULL,
    user_code_id uuid NOT NULL,
    told_at timestamp with time zone NOT NULL
);
CREATE TABLE public.unreadable_messages (
    topic text NOT NULL,
    partition integer NOT NULL,
    "offset" bigint NOT NULL,
    content bytea NOT NULL,
    fault text NOT NULL,
    received_at timestamp with time zone NOT NULL
);
ALTER TABLE ONLY public.access_records ATTACH PARTITION public.access_records_default DEFAULT;
ALTER TABLE ONLY public.told_suspensions
    ADD CONSTRAINT a_department_is_told_once PRIMARY KEY (department, user_code_id);
ALTER TABLE ONLY public.registration_persons
    ADD CONSTRAINT a_person_is_named_once_in_a_file UNIQUE (registration_id, same_person);
ALTER TABLE ONLY public.outbox
    ADD CONSTRAINT a_position_is_given_once UNIQUE ("position");
ALTER TABLE public.access_records
    ADD CONSTRAINT a_purpose_is_at_most_300_characters CHECK ((length(purpose) <= 300)) NOT VALID;
ALTER TABLE ONLY public.outbox
    ADD CONSTRAINT a_sequence_is_given_once_per_key UNIQUE (topic, partitionkey, sequence);
ALTER TABLE ONLY public.parked_events
    ADD CONSTRAINT a_sequence_is_parked_once UNIQUE (source, partitionkey, sequence);
ALTER TABLE ONLY public.registration_persons
    ADD CONSTRAINT a_user_code_belongs_to_one_person UNIQUE (user_code_id);
ALTER TABLE ONLY public.access_records
    ADD CONSTRAINT access_records_pkey PRIMARY KEY (at, id);
ALTER TABLE ONLY public.access_records_default
    ADD CONSTRAINT access_records_default_pkey PRIMARY KEY (at, id);
ALTER TABLE ONLY public.registrations
    ADD CONSTRAINT an_applicant_has_one_file UNIQUE (applicant_id);
ALTER TABLE ONLY public.enrolments
    ADD CONSTRAINT an_applicant_is_enrolled_once_with_a_service UNIQUE (applicant_id, online_service);
ALTER TABLE ONLY public.outbox
    ADD CONSTRAINT an_event_is_in_the_outbox_once UNIQUE (id);
ALTER TABLE ONLY public.applicants
    ADD CONSTRAINT applicants_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.attempt_counters
    ADD CONSTRAINT attempt_counters_pkey PRIMARY KEY (kind, subject, window_start);
ALTER TABLE ONLY public.authorized_representatives
    ADD CONSTRAINT authorized_representatives_pkey PRIMARY KEY (registration_id);
ALTER TABLE ONLY public.conditions_texts
    ADD CONSTRAINT conditions_texts_pkey PRIMARY KEY (owner, version, language);
ALTER TABLE ONLY public.conditions_versions
    ADD CONSTRAINT conditions_versions_pkey PRIMARY KEY (owner, version);
ALTER TABLE ONLY public.departments
    ADD CONSTRAINT departments_pkey PRIMARY KEY (code);
ALTER TABLE ONLY public.documents
    ADD CONSTRAINT documents_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.dpop_proofs
    ADD CONSTRAINT dpop_proofs_pkey PRIMARY KEY (use_hash);
ALTER TABLE ONLY public.enrolments
    ADD CONSTRAINT enrolments_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.enterprise_changes
    ADD CONSTRAINT enterprise_changes_pkey PRIMARY KEY (load_id, neq);
ALTER TABLE ONLY public.enterprise_names
    ADD CONSTRAINT enterprise_names_pkey PRIMARY KEY (neq, name);
ALTER TABLE ONLY public.enterprise_register_loads
    ADD CONSTRAINT enterprise_register_loads_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.enterprises
    ADD CONSTRAINT enterprises_pkey PRIMARY KEY (neq);
ALTER TABLE ONLY public.evidence_records
    ADD CONSTRAINT evidence_records_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.freshness
    ADD CONSTRAINT freshness_pkey PRIMARY KEY (publisher);
ALTER TABLE ONLY public.idempotency_keys
    ADD CONSTRAINT idempotency_keys_pkey PRIMARY KEY (principal, route, key);
ALTER TABLE ONLY public.identity_proof_attempts
    ADD CONSTRAINT identity_proof_attempts_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.inbox
    ADD CONSTRAINT inbox_pkey PRIMARY KEY (event_id);
ALTER TABLE ONLY public.inbox_sequences
    ADD CONSTRAINT inbox_sequences_pkey PRIMARY KEY (source, partitionkey);
ALTER TABLE ONLY public.known_persons
    ADD CONSTRAINT known_persons_pkey PRIMARY KEY (user_code_id);
ALTER TABLE ONLY public.online_services
    ADD CONSTRAINT online_services_pkey PRIMARY KEY (code);
ALTER TABLE ONLY public.outbox
    ADD CONSTRAINT outbox_pkey PRIMARY KEY (row_number);
ALTER TABLE ONLY public.parked_events
    ADD CONSTRAINT parked_events_pkey PRIMARY KEY (event_id);
ALTER TABLE ONLY public.proposals
    ADD CONSTRAINT proposals_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.reactivation_requests
    ADD CONSTRAINT reactivation_requests_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.registration_changes
    ADD CONSTRAINT registration_changes_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.registration_decisions
    ADD CONSTRAINT registration_decisions_pkey PRIMARY KEY (registration_id, decision);
ALTER TABLE ONLY public.registration_form_requirements
    ADD CONSTRAINT registration_form_requirements_pkey PRIMARY KEY (applicant_kind);
ALTER TABLE ONLY public.registration_holds
    ADD CONSTRAINT registration_holds_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.registration_persons
    ADD CONSTRAINT registration_persons_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.registration_sessions
    ADD CONSTRAINT registration_sessions_pkey PRIMARY KEY (token_hash);
ALTER TABLE ONLY public.registrations
    ADD CONSTRAINT registrations_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.schema_migrations
    ADD CONSTRAINT schema_migrations_pkey PRIMARY KEY (series, number);
ALTER TABLE ONLY public.standing
    ADD CONSTRAINT standing_pkey PRIMARY KEY (subject_kind, subject_id, source);
ALTER TABLE ONLY public.unreadable_messages
    ADD CONSTRAINT unreadable_messages_pkey PRIMARY KEY (topic, partition, "offset");
CREATE UNIQUE INDEX a_designation_form_comes_once_per_person ON public.documents USING btree (person_id) WHERE (kind = 'designation-form'::text);
CREATE UNIQUE INDEX a_registration_form_comes_once ON public.documents USING btree (registration_id) WHERE (kind = 'registration-form'::text);
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
CREATE INDEX attempt_counters_by_age ON public.attempt_counters USING btree (window_start);
CREATE INDEX dpop_proofs_by_expiry ON public.dpop_proofs USING btree (expires_at);
CREATE INDEX evidence_records_by_applicant ON public.evidence_records USING btree (applicant_id, at, id);
CREATE INDEX evidence_records_by_applicant_of_code ON public.evidence_records USING btree (user_code_applicant_id, at, id) WHERE (user_code_applicant_id IS NOT NULL);
CREATE INDEX idempotency_keys_by_age ON public.idempotency_keys USING btree (created_at);
CREATE INDEX identity_proof_attempts_by_file ON public.identity_proof_attempts USING btree (registration_id, at);
CREATE INDEX identity_proof_attempts_by_number ON public.identity_proof_attempts USING btree (identification_number, at);
CREATE INDEX inbox_by_age ON public.inbox USING btree (applied_at);
CREATE INDEX known_access_rights_by_person ON public.known_access_rights USING btree (user_code_id);
CREATE UNIQUE INDEX one_open_reactivation_request_per_applicant ON public.reactivation_requests USING btree (applicant_id) WHERE (decided_at IS NULL);
CREATE INDEX online_services_by_department ON public.online_services USING btree (department);
CREATE INDEX outbox_unassigned ON public.outbox USING btree (row_number) WHERE ("position" IS NULL);
CREATE INDEX outbox_unpublished ON public.outbox USING btree ("position") WHERE (published_at IS NULL);
CREATE INDEX parked_events_by_key ON public.parked_events USING btree (partitionkey);
CREATE INDEX proposals_by_state ON public.proposals USING btree (state, id);
CREATE INDEX proposals_to_collect ON public.proposals USING btree (decided_at) WHERE (sealed_for_proposer IS NOT NULL);
CREATE INDEX proposals_waiting ON public.proposals USING btree (expires_at) WHERE (state = 'proposed'::text);
CREATE INDEX registration_changes_by_file ON public.registration_changes USING btree (registration_id, at);
CREATE INDEX registration_holds_by_applicant ON public.registration_holds USING btree (applicant_id, placed_at, id);
CREATE INDEX registration_sessions_by_end ON public.registration_sessions USING btree (expires_at);
CREATE INDEX registrations_by_business_number ON public.registrations USING btree (business_number) WHERE (state = ANY (ARRAY['submitted'::text, 'active'::text]));
CREATE INDEX registrations_by_identification_number ON public.registrations USING btree (identification_number) WHERE (state = ANY (ARRAY['submitted'::text, 'active'::text]));
CREATE INDEX registrations_by_neq ON public.registrations USING btree (neq) WHERE (state = ANY (ARRAY['submitted'::text, 'active'::text]));
CREATE INDEX registrations_draft ON public.registrations USING btree (expires_at) WHERE (state = 'draft'::text);
CREATE INDEX told_suspensions_by_person ON public.told_suspensions USING btree (user_code_id);
ALTER INDEX public.access_records_about_agents ATTACH PARTITION public.access_records_default_about_agent_id_at_id_idx;
ALTER INDEX public.access_records_of_agents ATTACH PARTITION public.access_records_default_actor_at_id_idx;
ALTER INDEX public.access_records_by_applicant ATTACH PARTITION public.access_records_default_applicant_id_at_id_idx;
ALTER INDEX public.access_records_by_client ATTACH PARTITION public.access_records_default_client_id_at_id_idx;
ALTER INDEX public.access_records_pkey ATTACH PARTITION public.access_records_default_pkey;
ALTER INDEX public.access_records_by_applicant_of_code ATTACH PARTITION public.access_records_default_user_code_applicant_id_at_id_idx;
ALTER INDEX public.access_records_by_user_code ATTACH PARTITION public.access_records_default_user_code_id_at_id_idx;
ALTER TABLE ONLY public.authorized_representatives
    ADD CONSTRAINT authorized_representatives_registration_id_fkey FOREIGN KEY (registration_id) REFERENCES public.registrations(id);
ALTER TABLE ONLY public.conditions_texts
    ADD CONSTRAINT conditions_texts_owner_version_fkey FOREIGN KEY (owner, version) REFERENCES public.conditions_versions(owner, version);
ALTER TABLE ONLY public.documents
    ADD CONSTRAINT documents_person_id_fkey FOREIGN KEY (person_id) REFERENCES public.registration_persons(id);
ALTER TABLE ONLY public.documents
    ADD CONSTRAINT documents_registration_id_fkey FOREIGN KEY (registration_id) REFERENCES public.registrations(id);
ALTER TABLE ONLY public.enrolments
    ADD CONSTRAINT enrolments_applicant_id_fkey FOREIGN KEY (applicant_id) REFERENCES public.applicants(id);
ALTER TABLE ONLY public.enrolments
    ADD CONSTRAINT enrolments_online_service_fkey FOREIGN KEY (online_service) REFERENCES public.online_services(code);
ALTER TABLE ONLY public.enterprise_changes
    ADD CONSTRAINT enterprise_changes_load_id_fkey FOREIGN KEY (load_id) REFERENCES public.enterprise_register_loads(id);
ALTER TABLE ONLY public.enterprises
    ADD CONSTRAINT enterprises_load_id_fkey FOREIGN KEY (load_id) REFERENCES public.enterprise_register_loads(id);
ALTER TABLE ONLY public.identity_proof_attempts
    ADD CONSTRAINT identity_proof_attempts_registration_id_fkey FOREIGN KEY (registration_id) REFERENCES public.registrations(id);
ALTER TABLE ONLY public.known_access_rights
    ADD CONSTRAINT known_access_rights_user_code_id_fkey FOREIGN KEY (user_code_id) REFERENCES public.known_persons(user_code_id);
ALTER TABLE ONLY public.online_services
    ADD CONSTRAINT online_services_department_fkey FOREIGN KEY (department) REFERENCES public.departments(code);
ALTER TABLE ONLY public.reactivation_requests
    ADD CONSTRAINT reactivation_requests_applicant_id_fkey FOREIGN KEY (applicant_id) REFERENCES public.applicants(id);
ALTER TABLE ONLY public.registration_changes
    ADD CONSTRAINT registration_changes_registration_id_fkey FOREIGN KEY (registration_id) REFERENCES public.registrations(id);
ALTER TABLE ONLY public.registration_decisions
    ADD CONSTRAINT registration_decisions_registration_id_fkey FOREIGN KEY (registration_id) REFERENCES public.registrations(id);
ALTER TABLE ONLY public.registration_holds
    ADD CONSTRAINT registration_holds_applicant_id_fkey FOREIGN KEY (applicant_id) REFERENCES public.applicants(id);
ALTER TABLE ONLY public.registration_persons
    ADD CONSTRAINT registration_persons_registration_id_fkey FOREIGN KEY (registration_id) REFERENCES public.registrations(id);
ALTER TABLE ONLY public.registration_sessions
    ADD CONSTRAINT registration_sessions_registration_id_fkey FOREIGN KEY (registration_id) REFERENCES public.registrations(id);
ALTER TABLE ONLY public.registrations
    ADD CONSTRAINT registrations_applicant_kind_fkey FOREIGN KEY (applicant_kind) REFERENCES public.registration_form_requirements(applicant_kind);
ALTER TABLE ONLY public.told_suspensions
    ADD CONSTRAINT told_suspensions_department_fkey FOREIGN KEY (department) REFERENCES public.departments(code);
REVOKE USAGE ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO registry_app;
GRANT SELECT,INSERT ON TABLE public.access_records TO registry_app;
GRANT SELECT,INSERT ON TABLE public.applicants TO registry_app;
GRANT UPDATE(state_since) ON TABLE public.applicants TO registry_app;
GRANT UPDATE(cancelled_at) ON TABLE public.applicants TO registry_app;
GRANT UPDATE(cancelled_by) ON TABLE public.applicants TO registry_app;
GRANT SELECT,INSERT,DELETE ON TABLE public.attempt_counters TO registry_app;
GRANT UPDATE(attempts) ON TABLE public.attempt_counters TO registry_app;
GRANT SELECT,INSERT ON TABLE public.authorized_representatives TO registry_app;
GRANT UPDATE(given_name) ON TABLE public.authorized_representatives TO registry_app;
GRANT UPDATE(family_name) ON TABLE public.authorized_representatives TO registry_app;
GRANT UPDATE(capacity) ON TABLE public.authorized_representatives TO registry_app;
GRANT UPDATE(email) ON TABLE public.authorized_representatives TO registry_app;
GRANT UPDATE(telephone) ON TABLE public.authorized_representatives TO registry_app;
GRANT SELECT,INSERT ON TABLE public.conditions_texts TO registry_app;
GRANT SELECT,INSERT ON TABLE public.conditions_versions TO registry_app;
GRANT SELECT,INSERT ON TABLE public.departments TO registry_app;
GRANT UPDATE(name_fr) ON TABLE public.departments TO registry_app;
GRANT UPDATE(name_en) ON TABLE public.departments TO registry_app;
GRANT UPDATE(notice_identifiers) ON TABLE public.departments TO registry_app;
GRANT SELECT,INSERT ON TABLE public.documents TO registry_app;
GRANT SELECT,INSERT,DELETE ON TABLE public.dpop_proofs TO registry_app;
GRANT SELECT,INSERT ON TABLE public.enrolments TO registry_app;
GRANT SELECT,INSERT ON TABLE public.enterprise_changes TO registry_app;
GRANT SELECT,INSERT,DELETE ON TABLE public.enterprise_names TO registry_app;
GRANT SELECT,INSERT ON TABLE public.enterprise_register_loads TO registry_app;
GRANT SELECT,INSERT ON TABLE public.enterprises TO registry_app;
GRANT UPDATE(is_bankrupt) ON TABLE public.enterprises TO registry_app;
GRANT UPDATE(registered_on) ON TABLE public.enterprises TO registry_app;
GRANT UPDATE(status) ON TABLE public.enterprises TO registry_app;
GRANT UPDATE(status_on) ON TABLE public.enterprises TO registry_app;
GRANT UPDATE(legal_form) ON TABLE public.enterprises TO registry_app;
GRANT UPDATE(load_id) ON TABLE public.enterprises TO registry_app;
GRANT SELECT,INSERT ON TABLE public.evidence_records TO registry_app;
GRANT SELECT,INSERT,UPDATE ON TABLE public.freshness TO registry_app;
GRANT SELECT,INSERT,DELETE ON TABLE public.idempotency_keys TO registry_app;
GRANT UPDATE(status) ON TABLE public.idempotency_keys TO registry_app;
GRANT UPDATE(body) ON TABLE public.idempotency_keys TO registry_app;
GRANT SELECT,INSERT ON TABLE public.identity_proof_attempts TO registry_app;
GRANT SELECT,INSERT,DELETE ON TABLE public.inbox TO registry_app;
GRANT SELECT,INSERT,UPDATE ON TABLE public.inbox_sequences TO registry_app;
GRANT SELECT,INSERT,DELETE ON TABLE public.known_access_rights TO registry_app;
GRANT SELECT,INSERT ON TABLE public.known_persons TO registry_app;
GRANT UPDATE(is_person_in_charge) ON TABLE public.known_persons TO registry_app;
GRANT SELECT,INSERT ON TABLE public.online_services TO registry_app;
GRANT UPDATE(name_fr) ON TABLE public.online_services TO registry_app;
GRANT UPDATE(name_en) ON TABLE public.online_services TO registry_app;
GRANT UPDATE(enrolment) ON TABLE public.online_services TO registry_app;
GRANT UPDATE(tasks) ON TABLE public.online_services TO registry_app;
GRANT SELECT,INSERT ON TABLE public.outbox TO registry_app;
GRANT UPDATE(sequence) ON TABLE public.outbox TO registry_app;
GRANT UPDATE("position") ON TABLE public.outbox TO registry_app;
GRANT UPDATE(published_at) ON TABLE public.outbox TO registry_app;
GRANT SELECT,INSERT,DELETE ON TABLE public.parked_events TO registry_app;
GRANT SELECT,INSERT ON TABLE public.proposals TO registry_app;
GRANT UPDATE(state) ON TABLE public.proposals TO registry_app;
GRANT UPDATE(decided_by) ON TABLE public.proposals TO registry_app;
GRANT UPDATE(decided_at) ON TABLE public.proposals TO registry_app;
GRANT UPDATE(refusal_reason) ON TABLE public.proposals TO registry_app;
GRANT UPDATE(sealed_for_proposer) ON TABLE public.proposals TO registry_app;
GRANT SELECT,INSERT ON TABLE public.reactivation_requests TO registry_app;
GRANT UPDATE(decision) ON TABLE public.reactivation_requests TO registry_app;
GRANT UPDATE(decided_by) ON TABLE public.reactivation_requests TO registry_app;
GRANT UPDATE(decided_at) ON TABLE public.reactivation_requests TO registry_app;
GRANT UPDATE(grounds) ON TABLE public.reactivation_requests TO registry_app;
GRANT UPDATE(salt) ON TABLE public.reactivation_requests TO registry_app;
GRANT SELECT,INSERT ON TABLE public.registration_changes TO registry_app;
GRANT SELECT,INSERT ON TABLE public.registration_decisions TO registry_app;
GRANT SELECT ON TABLE public.registration_form_requirements TO registry_app;
GRANT SELECT,INSERT ON TABLE public.registration_holds TO registry_app;
GRANT UPDATE(released_by) ON TABLE public.registration_holds TO registry_app;
GRANT UPDATE(released_at) ON TABLE public.registration_holds TO registry_app;
GRANT UPDATE(release_grounds) ON TABLE public.registration_holds TO registry_app;
GRANT SELECT,INSERT,DELETE ON TABLE public.registration_persons TO registry_app;
GRANT UPDATE(awaits_form) ON TABLE public.registration_persons TO registry_app;
GRANT SELECT,INSERT,DELETE ON TABLE public.registration_sessions TO registry_app;
GRANT SELECT,INSERT ON TABLE public.registrations TO registry_app;
GRANT UPDATE(state) ON TABLE public.registrations TO registry_app;
GRANT UPDATE(name) ON TABLE public.registrations TO registry_app;
GRANT UPDATE(neq) ON TABLE public.registrations TO registry_app;
GRANT UPDATE(business_number) ON TABLE public.registrations TO registry_app;
GRANT UPDATE(identification_number) ON TABLE public.registrations TO registry_app;
GRANT UPDATE(street) ON TABLE public.registrations TO registry_app;
GRANT UPDATE(city) ON TABLE public.registrations TO registry_app;
GRANT UPDATE(province) ON TABLE public.registrations TO registry_app;
GRANT UPDATE(postal_code) ON TABLE public.registrations TO registry_app;
GRANT UPDATE(country) ON TABLE public.registrations TO registry_app;
GRANT UPDATE(identity_proof) ON TABLE public.registrations TO registry_app;
GRANT UPDATE(conditions_version) ON TABLE public.registrations TO registry_app;
GRANT UPDATE(conditions_language) ON TABLE public.registrations TO registry_app;
GRANT UPDATE(conditions_accepted_at) ON TABLE public.registrations TO registry_app;
GRANT UPDATE(path) ON TABLE public.registrations TO registry_app;
GRANT UPDATE(doubts) ON TABLE public.registrations TO registry_app;
GRANT UPDATE(identity_settled_by) ON TABLE public.registrations TO registry_app;
GRANT UPDATE(registration_form_required) ON TABLE public.registrations TO registry_app;
GRANT UPDATE(registration_form_received) ON TABLE public.registrations TO registry_app;
GRANT UPDATE(designation_forms_required) ON TABLE public.registrations TO registry_app;
GRANT UPDATE(submitted_at) ON TABLE public.registrations TO registry_app;
GRANT UPDATE(closed_at) ON TABLE public.registrations TO registry_app;
GRANT UPDATE(codes_pending) ON TABLE public.registrations TO registry_app;
GRANT SELECT ON TABLE public.schema_migrations TO registry_app;
GRANT SELECT,INSERT,TRUNCATE ON TABLE public.staged_enterprise_names TO registry_app;
GRANT SELECT,INSERT,TRUNCATE ON TABLE public.staged_enterprises TO registry_app;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.standing TO registry_app;
GRANT SELECT,INSERT,DELETE ON TABLE public.told_suspensions TO registry_app;
GRANT SELECT,INSERT ON TABLE public.unreadable_messages TO registry_app;
