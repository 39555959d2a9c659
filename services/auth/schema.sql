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
CREATE TABLE public.agent_accounts (
    id uuid NOT NULL,
    name text NOT NULL,
    side text NOT NULL,
    roles text[] NOT NULL,
    password_hash text NOT NULL,
    pepper_key_id text NOT NULL,
    sealed_totp bytea NOT NULL,
    sealing_key_id text NOT NULL,
    last_totp_step bigint DEFAULT 0 NOT NULL,
    installed_at timestamp with time zone NOT NULL,
    state text DEFAULT 'active'::text NOT NULL,
    password_set_at timestamp with time zone DEFAULT now() NOT NULL,
    password_is_one_time boolean DEFAULT false NOT NULL,
    password_expires_at timestamp with time zone,
    is_installed boolean DEFAULT true NOT NULL,
    CONSTRAINT a_one_time_password_of_an_agent_expires CHECK ((password_is_one_time = (password_expires_at IS NOT NULL))),
    CONSTRAINT agent_state_is_known CHECK ((state = ANY (ARRAY['active'::text, 'disabled'::text]))),
    CONSTRAINT the_installation_disables_nobody CHECK (((state = 'active'::text) OR (NOT is_installed)))
);
CREATE TABLE public.answered_requests (
    secret_hash bytea NOT NULL,
    client_id text NOT NULL,
    redirect_uri text NOT NULL,
    scope text[] NOT NULL,
    resources text[] NOT NULL,
    state text,
    nonce text,
    code_challenge text NOT NULL,
    language text NOT NULL,
    login_hint text,
    required_acr text,
    required_subject text,
    dpop_jkt text,
    asks_consent boolean NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    session_id uuid NOT NULL,
    code_hash bytea NOT NULL,
    form_mark bytea,
    session_brought bytea
);
CREATE TABLE public.applicant_choices (
    request_hash bytea NOT NULL,
    session_id uuid NOT NULL,
    expires_at timestamp with time zone NOT NULL
);
CREATE TABLE public.authorization_codes (
    code_hash bytea NOT NULL,
    client_id text NOT NULL,
    redirect_uri text NOT NULL,
    session_id uuid NOT NULL,
    scope text[] NOT NULL,
    resources text[] NOT NULL,
    nonce text,
    code_challenge text NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    used_at timestamp with time zone,
    dpop_jkt text
);
CREATE TABLE public.authorization_requests (
    secret_hash bytea NOT NULL,
    client_id text NOT NULL,
    redirect_uri text NOT NULL,
    scope text[] NOT NULL,
    resources text[] NOT NULL,
    state text,
    nonce text,
    code_challenge text NOT NULL,
    language text NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    login_hint text,
    required_acr text,
    dpop_jkt text,
    asks_consent boolean DEFAULT false NOT NULL,
    required_subject text,
    pushed_hash bytea
);
CREATE TABLE public.client_assertions (
    client_id text NOT NULL,
    jti_hash bytea NOT NULL,
    expires_at timestamp with time zone NOT NULL
);
CREATE TABLE public.clients (
    client_id text NOT NULL,
    kind text NOT NULL,
    department text,
    name_fr text NOT NULL,
    name_en text NOT NULL,
    redirect_uris text[] NOT NULL,
    post_logout_redirect_uris text[] NOT NULL,
    scopes text[] NOT NULL,
    jwk jsonb,
    installed_at timestamp with time zone NOT NULL,
    software text,
    profile text DEFAULT 'plain'::text NOT NULL,
    jwks jsonb DEFAULT '[]'::jsonb NOT NULL,
    jwks_uri text,
    token_endpoint_auth_method text DEFAULT 'private_key_jwt'::text NOT NULL,
    token_endpoint_auth_signing_alg text DEFAULT 'ES256'::text NOT NULL,
    request_object_signing_alg text DEFAULT 'ES256'::text NOT NULL,
    secret_hashes bytea[] DEFAULT '{}'::bytea[] NOT NULL,
    tls_client_auth_subject_dn text,
    tls_client_auth_san_dns text,
    id_token_signed_response_alg text DEFAULT 'ES256'::text NOT NULL,
    access_token_signed_response_alg text DEFAULT 'ES256'::text NOT NULL,
    require_pkce boolean DEFAULT true NOT NULL,
    require_pushed_authorization_requests boolean DEFAULT false NOT NULL,
    require_signed_request_object boolean DEFAULT false NOT NULL,
    dpop_bound_access_tokens boolean DEFAULT false NOT NULL,
    tls_client_certificate_bound_access_tokens boolean DEFAULT false NOT NULL,
    backchannel_logout_uri text,
    backchannel_logout_session_required boolean DEFAULT false NOT NULL,
    state text DEFAULT 'active'::text NOT NULL,
    is_installed boolean DEFAULT true NOT NULL,
    vendor text,
    grant_epoch integer DEFAULT 0 NOT NULL,
    client_uri text,
    CONSTRAINT a_departments_client_names_it CHECK (((kind ~~ 'department%'::text) = (department IS NOT NULL))),
    CONSTRAINT a_vendors_client_names_its_software CHECK (((kind = 'software'::text) = (software IS NOT NULL))),
    CONSTRAINT at_most_two_secrets_live CHECK ((cardinality(secret_hashes) <= 2)),
    CONSTRAINT client_authentication_is_known CHECK ((token_endpoint_auth_method = ANY (ARRAY['private_key_jwt'::text, 'client_secret_basic'::text, 'client_secret_post'::text, 'tls_client_auth'::text]))),
    CONSTRAINT client_kind_is_known CHECK ((kind = ANY (ARRAY['service'::text, 'portal'::text, 'department'::text, 'department-system'::text, 'software'::text]))),
    CONSTRAINT client_profile_is_known CHECK ((profile = ANY (ARRAY['plain'::text, 'fapi2'::text]))),
    CONSTRAINT client_state_is_known CHECK ((state = ANY (ARRAY['active'::text, 'disabled'::text]))),
    CONSTRAINT keys_are_given_or_fetched CHECK (((jwks_uri IS NULL) OR (jwks = '[]'::jsonb))),
    CONSTRAINT only_software_has_a_vendor CHECK (((vendor IS NULL) OR (kind = 'software'::text))),
    CONSTRAINT signatures_are_of_known_algorithms CHECK ((ARRAY[token_endpoint_auth_signing_alg, request_object_signing_alg, id_token_signed_response_alg, access_token_signed_response_alg] <@ ARRAY['ES256'::text, 'RS256'::text, 'PS256'::text])),
    CONSTRAINT the_installation_disables_no_client CHECK (((state = 'active'::text) OR (NOT is_installed)))
);
CREATE TABLE public.dpop_proofs (
    use_hash bytea NOT NULL,
    expires_at timestamp with time zone NOT NULL
);
CREATE TABLE public.duties_shown (
    user_code_id uuid NOT NULL,
    conditions text NOT NULL,
    role text NOT NULL,
    language text NOT NULL,
    shown_at timestamp with time zone NOT NULL
);
CREATE TABLE public.email_addresses (
    user_code_id uuid NOT NULL,
    applicant_id uuid NOT NULL,
    address text NOT NULL,
    language text NOT NULL,
    told_at timestamp with time zone NOT NULL
);
CREATE TABLE public.emailed_codes (
    session_id uuid NOT NULL,
    owner_id uuid NOT NULL,
    code_hash bytea NOT NULL,
    sent_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    tries integer NOT NULL,
    sendings integer NOT NULL
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
CREATE TABLE public.factor_enrolments (
    owner_id uuid NOT NULL,
    factor_id uuid NOT NULL,
    kind text NOT NULL,
    name text NOT NULL,
    sealed_secret bytea,
    sealing_key_id text,
    challenge bytea,
    expires_at timestamp with time zone NOT NULL
);
CREATE TABLE public.former_passwords (
    user_code_id uuid NOT NULL,
    replaced_at timestamp with time zone NOT NULL,
    password_hash text NOT NULL,
    pepper_key_id text NOT NULL,
    was_one_time boolean NOT NULL
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
CREATE TABLE public.incident_holds (
    incident_id uuid NOT NULL,
    hold_id uuid NOT NULL,
    side text NOT NULL
);
CREATE TABLE public.incident_steps (
    incident_id uuid NOT NULL,
    at timestamp with time zone NOT NULL,
    step text NOT NULL,
    actor text NOT NULL,
    note text,
    CONSTRAINT incident_step_is_known CHECK ((step = ANY (ARRAY['reported'::text, 'passed-on'::text, 'passed-on-by-silence'::text, 'resolved'::text])))
);
CREATE TABLE public.incidents (
    id uuid NOT NULL,
    applicant_id uuid NOT NULL,
    user_code_id uuid NOT NULL,
    kind text NOT NULL,
    channel text NOT NULL,
    description text NOT NULL,
    reported_by text NOT NULL,
    reported_at timestamp with time zone NOT NULL,
    reported_to_person_in_charge_at timestamp with time zone,
    reported_to_provider_at timestamp with time zone,
    passes_on_at timestamp with time zone,
    resolved_at timestamp with time zone,
    resolved_by text,
    outcome text,
    CONSTRAINT a_resolved_incident_has_its_author_and_outcome CHECK ((((resolved_at IS NULL) = (resolved_by IS NULL)) AND ((resolved_at IS NULL) = (outcome IS NULL)))),
    CONSTRAINT an_incident_that_waits_is_not_with_the_provider CHECK (((passes_on_at IS NULL) OR ((reported_to_provider_at IS NULL) AND (resolved_at IS NULL)))),
    CONSTRAINT incident_channel_is_known CHECK ((channel = ANY (ARRAY['online'::text, 'telephone'::text]))),
    CONSTRAINT incident_kind_is_known CHECK ((kind = ANY (ARRAY['unauthorized-use'::text, 'attempted-breach'::text]))),
    CONSTRAINT incident_outcome_is_known CHECK ((outcome = ANY (ARRAY['confirmed'::text, 'unfounded'::text]))),
    CONSTRAINT somebody_was_told CHECK (((reported_to_person_in_charge_at IS NOT NULL) OR (reported_to_provider_at IS NOT NULL)))
);
CREATE TABLE public.logout_deliveries (
    session_id uuid NOT NULL,
    client_id text NOT NULL,
    ended_at timestamp with time zone NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    next_attempt_at timestamp with time zone NOT NULL,
    delivered_at timestamp with time zone,
    given_up_at timestamp with time zone,
    CONSTRAINT what_was_delivered_is_not_given_up CHECK (((delivered_at IS NULL) OR (given_up_at IS NULL)))
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
CREATE TABLE public.passkey_challenges (
    asked_by bytea NOT NULL,
    challenge bytea NOT NULL,
    expires_at timestamp with time zone NOT NULL
);
CREATE TABLE public.persons (
    user_code_id uuid NOT NULL,
    applicant_id uuid NOT NULL,
    role text,
    named_at timestamp with time zone,
    cleared_at timestamp with time zone,
    is_held boolean DEFAULT false NOT NULL,
    given_name text,
    family_name text,
    gone_at timestamp with time zone,
    CONSTRAINT a_named_person_has_a_role CHECK (((role IS NULL) = (named_at IS NULL))),
    CONSTRAINT role_is_known CHECK ((role = ANY (ARRAY['person_in_charge'::text, 'user'::text])))
);
CREATE TABLE public.posted_conditions (
    owner text NOT NULL,
    version text NOT NULL,
    posted_at timestamp with time zone NOT NULL,
    url_fr text NOT NULL,
    url_en text NOT NULL
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
CREATE TABLE public.pushed_requests (
    uri_hash bytea NOT NULL,
    client_id text NOT NULL,
    parameters jsonb NOT NULL,
    expires_at timestamp with time zone NOT NULL
);
CREATE TABLE public.recovery_codes (
    owner_id uuid NOT NULL,
    code_hash bytea NOT NULL,
    made_at timestamp with time zone NOT NULL,
    used_at timestamp with time zone
);
CREATE TABLE public.refresh_tokens (
    token_hash bytea NOT NULL,
    grant_id uuid NOT NULL,
    given_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    used_at timestamp with time zone
);
CREATE TABLE public.registrations (
    applicant_id uuid NOT NULL,
    state text NOT NULL,
    activated_at timestamp with time zone,
    changed_at timestamp with time zone NOT NULL,
    reactivated_at timestamp with time zone,
    CONSTRAINT registration_state_is_known CHECK ((state = ANY (ARRAY['unknown'::text, 'active'::text, 'suspended'::text, 'cancelled'::text, 'rejected'::text])))
);
CREATE TABLE public.schema_migrations (
    series text NOT NULL,
    number integer NOT NULL,
    name text NOT NULL,
    sha256 text NOT NULL,
    applied_at timestamp with time zone DEFAULT now() NOT NULL
);
CREATE TABLE public.second_factors (
    id uuid NOT NULL,
    owner_id uuid NOT NULL,
    applicant_id uuid,
    kind text NOT NULL,
    name text NOT NULL,
    sealed_secret bytea,
    sealing_key_id text,
    last_step bigint DEFAULT 0 NOT NULL,
    credential_id bytea,
    public_key bytea,
    sign_count bigint DEFAULT 0 NOT NULL,
    enrolled_at timestamp with time zone NOT NULL,
    CONSTRAINT only_a_passkey_has_a_credential CHECK ((((kind = 'passkey'::text) = (credential_id IS NOT NULL)) AND ((credential_id IS NULL) = (public_key IS NULL)))),
    CONSTRAINT only_a_totp_has_a_secret CHECK ((((kind = 'totp'::text) = (sealed_secret IS NOT NULL)) AND ((sealed_secret IS NULL) = (sealing_key_id IS NULL)))),
    CONSTRAINT second_factor_kind_is_known CHECK ((kind = ANY (ARRAY['totp'::text, 'passkey'::text, 'email'::text])))
);
CREATE TABLE public.sessions (
    id uuid NOT NULL,
    secret_hash bytea NOT NULL,
    stage text NOT NULL,
    user_code_id uuid,
    applicant_id uuid,
    agent_id uuid,
    is_recourse boolean NOT NULL,
    amr text[] NOT NULL,
    conditions text,
    authenticated_at timestamp with time zone NOT NULL,
    last_seen_at timestamp with time zone NOT NULL,
    ended_at timestamp with time zone,
    end_reason text,
    started_at timestamp with time zone,
    address text,
    user_agent text,
    represented_applicant_id uuid,
    power_of_attorney_id uuid,
    is_last_use boolean DEFAULT false NOT NULL,
    CONSTRAINT a_codes_session_has_its_applicant CHECK (((user_code_id IS NULL) = (applicant_id IS NULL))),
    CONSTRAINT a_session_is_a_codes_or_an_agents CHECK (((user_code_id IS NULL) <> (agent_id IS NULL))),
    CONSTRAINT an_ended_session_has_its_reason CHECK (((ended_at IS NULL) = (end_reason IS NULL))),
    CONSTRAINT only_a_person_represents_and_never_in_recourse CHECK (((power_of_attorney_id IS NULL) OR ((user_code_id IS NOT NULL) AND (NOT is_recourse)))),
    CONSTRAINT stage_has_a_name CHECK ((stage ~ '^[a-z][a-z-]{0,39}$'::text)),
    CONSTRAINT who_is_represented_gave_a_power CHECK (((represented_applicant_id IS NULL) = (power_of_attorney_id IS NULL)))
);
CREATE TABLE public.sign_in_attempts (
    subject bytea NOT NULL,
    failures integer NOT NULL,
    last_at timestamp with time zone NOT NULL,
    blocked_until timestamp with time zone NOT NULL,
    kept_until timestamp with time zone
);
CREATE TABLE public.sign_in_marks (
    user_code_id uuid NOT NULL,
    kind text NOT NULL,
    mark bytea NOT NULL,
    last_at timestamp with time zone NOT NULL,
    CONSTRAINT mark_kind_is_known CHECK ((kind = ANY (ARRAY['network'::text, 'browser'::text, 'told'::text])))
);
CREATE TABLE public.signing_keys (
    kid text NOT NULL,
    public_jwk jsonb NOT NULL,
    sealed_private bytea NOT NULL,
    sealing_key_id text NOT NULL,
    published_at timestamp with time zone NOT NULL,
    signs_from timestamp with time zone NOT NULL,
    retired_at timestamp with time zone,
    family text DEFAULT 'EC'::text NOT NULL,
    CONSTRAINT a_key_is_published_before_it_signs CHECK ((published_at <= signs_from)),
    CONSTRAINT key_family_is_known CHECK ((family = ANY (ARRAY['EC'::text, 'RSA'::text])))
);
CREATE TABLE public.software_consents (
    user_code_id uuid NOT NULL,
    applicant_id uuid NOT NULL,
    product text NOT NULL,
    scope text[] NOT NULL,
    language text NOT NULL,
    given_at timestamp with time zone NOT NULL,
    vendor text,
    CONSTRAINT something_is_consented_to CHECK ((cardinality(scope) > 0))
);
CREATE TABLE public.standing (
    subject_kind text NOT NULL,
    subject_id text NOT NULL,
    source text NOT NULL,
    state text NOT NULL,
    refuse_issued_before timestamp with time zone NOT NULL,
    CONSTRAINT subject_kind_is_known CHECK ((subject_kind = ANY (ARRAY['applicant'::text, 'user_code'::text, 'session'::text, 'agent'::text])))
);
CREATE TABLE public.step_ups (
    request_hash bytea NOT NULL,
    session_id uuid NOT NULL,
    asked_at timestamp with time zone NOT NULL
);
CREATE TABLE public.token_grants (
    id uuid NOT NULL,
    client_id text NOT NULL,
    session_id uuid NOT NULL,
    scope text[] NOT NULL,
    resources text[] NOT NULL,
    code_hash bytea NOT NULL,
    given_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    revoked_at timestamp with time zone,
    reason text,
    bound_by text,
    client_epoch integer DEFAULT 0 NOT NULL,
    CONSTRAINT a_revoked_grant_has_its_reason CHECK (((revoked_at IS NULL) = (reason IS NULL))),
    CONSTRAINT binding_is_known CHECK ((bound_by = ANY (ARRAY['key'::text, 'certificate'::text])))
);
CREATE TABLE public.unreadable_messages (
    topic text NOT NULL,
    partition integer NOT NULL,
    "offset" bigint NOT NULL,
    content bytea NOT NULL,
    fault text NOT NULL,
    received_at timestamp with time zone NOT NULL
);
CREATE TABLE public.user_code_holds (
    id uuid NOT NULL,
    user_code_id uuid NOT NULL,
    side text NOT NULL,
    reason_code text NOT NULL,
    grounds text NOT NULL,
    salt bytea NOT NULL,
    placed_by text NOT NULL,
    placed_at timestamp with time zone NOT NULL,
    released_by text,
    released_at timestamp with time zone,
    CONSTRAINT a_release_has_its_author CHECK (((released_at IS NULL) = (released_by IS NULL))),
    CONSTRAINT side_is_known CHECK ((side = ANY (ARRAY['applicant'::text, 'provider'::text, 'department'::text, 'system'::text])))
);
CREATE TABLE public.user_codes (
    id uuid NOT NULL,
    applicant_id uuid NOT NULL,
    assigned_by text NOT NULL,
    code text NOT NULL,
    language text NOT NULL,
    state text NOT NULL,
    assigned_at timestamp with time zone NOT NULL,
    activated_at timestamp with time zone,
    password_hash text,
    pepper_key_id text,
    password_set_at timestamp with time zone NOT NULL,
    password_is_one_time boolean NOT NULL,
    first_used_at timestamp with time zone,
    revoked_at timestamp with time zone,
    disuse_due_at timestamp with time zone DEFAULT '1970-01-01 00:00:00+00'::timestamp with time zone NOT NULL,
    disuse_warnings integer DEFAULT 0 NOT NULL,
    password_may_stand_alone boolean DEFAULT true NOT NULL,
    CONSTRAINT a_chosen_password_was_used CHECK ((password_is_one_time OR (first_used_at IS NOT NULL))),
    CONSTRAINT a_password_is_whole_or_none CHECK (((num_nulls(password_hash, pepper_key_id) = 0) OR ((num_nulls(password_hash, pepper_key_id) = 2) AND (NOT password_is_one_time)))),
    CONSTRAINT an_active_code_was_activated CHECK (((state <> 'active'::text) OR (activated_at IS NOT NULL))),
    CONSTRAINT user_code_state_is_known CHECK ((state = ANY (ARRAY['pending'::text, 'active'::text, 'revoked'::text])))
);
ALTER TABLE ONLY public.access_records ATTACH PARTITION public.access_records_default DEFAULT;
ALTER TABLE ONLY public.token_grants
    ADD CONSTRAINT a_code_gives_once UNIQUE (code_hash);
ALTER TABLE ONLY public.second_factors
    ADD CONSTRAINT a_credential_is_one_owners UNIQUE (credential_id);
ALTER TABLE public.sessions
    ADD CONSTRAINT a_last_use_tells_no_place CHECK (((NOT is_last_use) OR ((address IS NULL) AND (user_agent IS NULL) AND (ended_at IS NOT NULL)))) NOT VALID;
ALTER TABLE ONLY public.sign_in_marks
    ADD CONSTRAINT a_mark_stands_once_for_its_code PRIMARY KEY (user_code_id, kind, mark);
ALTER TABLE ONLY public.outbox
    ADD CONSTRAINT a_position_is_given_once UNIQUE ("position");
ALTER TABLE public.access_records
    ADD CONSTRAINT a_purpose_is_at_most_300_characters CHECK ((length(purpose) <= 300)) NOT VALID;
ALTER TABLE ONLY public.outbox
    ADD CONSTRAINT a_sequence_is_given_once_per_key UNIQUE (topic, partitionkey, sequence);
ALTER TABLE ONLY public.parked_events
    ADD CONSTRAINT a_sequence_is_parked_once UNIQUE (source, partitionkey, sequence);
ALTER TABLE ONLY public.sessions
    ADD CONSTRAINT a_session_secret_is_given_once UNIQUE (secret_hash);
ALTER TABLE ONLY public.user_codes
    ADD CONSTRAINT a_user_code_is_given_once UNIQUE (code);
ALTER TABLE ONLY public.access_records
    ADD CONSTRAINT access_records_pkey PRIMARY KEY (at, id);
ALTER TABLE ONLY public.access_records_default
    ADD CONSTRAINT access_records_default_pkey PRIMARY KEY (at, id);
ALTER TABLE ONLY public.agent_accounts
    ADD CONSTRAINT agent_accounts_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.agent_accounts
    ADD CONSTRAINT an_agents_name_is_given_once UNIQUE (name);
ALTER TABLE ONLY public.client_assertions
    ADD CONSTRAINT an_assertion_serves_once PRIMARY KEY (client_id, jti_hash);
ALTER TABLE ONLY public.outbox
    ADD CONSTRAINT an_event_is_in_the_outbox_once UNIQUE (id);
ALTER TABLE ONLY public.answered_requests
    ADD CONSTRAINT answered_requests_pkey PRIMARY KEY (secret_hash);
ALTER TABLE ONLY public.applicant_choices
    ADD CONSTRAINT applicant_choices_pkey PRIMARY KEY (request_hash);
ALTER TABLE ONLY public.authorization_codes
    ADD CONSTRAINT authorization_codes_pkey PRIMARY KEY (code_hash);
ALTER TABLE ONLY public.authorization_requests
    ADD CONSTRAINT authorization_requests_pkey PRIMARY KEY (secret_hash);
ALTER TABLE ONLY public.clients
    ADD CONSTRAINT clients_pkey PRIMARY KEY (client_id);
ALTER TABLE ONLY public.dpop_proofs
    ADD CONSTRAINT dpop_proofs_pkey PRIMARY KEY (use_hash);
ALTER TABLE ONLY public.duties_shown
    ADD CONSTRAINT duties_shown_pkey PRIMARY KEY (user_code_id, conditions);
ALTER TABLE ONLY public.email_addresses
    ADD CONSTRAINT email_addresses_pkey PRIMARY KEY (user_code_id);
ALTER TABLE ONLY public.emailed_codes
    ADD CONSTRAINT emailed_codes_pkey PRIMARY KEY (session_id);
ALTER TABLE ONLY public.evidence_records
    ADD CONSTRAINT evidence_records_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.factor_enrolments
    ADD CONSTRAINT factor_enrolments_pkey PRIMARY KEY (owner_id);
ALTER TABLE ONLY public.freshness
    ADD CONSTRAINT freshness_pkey PRIMARY KEY (publisher);
ALTER TABLE ONLY public.idempotency_keys
    ADD CONSTRAINT idempotency_keys_pkey PRIMARY KEY (principal, route, key);
ALTER TABLE ONLY public.inbox
    ADD CONSTRAINT inbox_pkey PRIMARY KEY (event_id);
ALTER TABLE ONLY public.inbox_sequences
    ADD CONSTRAINT inbox_sequences_pkey PRIMARY KEY (source, partitionkey);
ALTER TABLE ONLY public.incident_holds
    ADD CONSTRAINT incident_holds_pkey PRIMARY KEY (incident_id, side);
ALTER TABLE ONLY public.incident_steps
    ADD CONSTRAINT incident_steps_pkey PRIMARY KEY (incident_id, step);
ALTER TABLE ONLY public.incidents
    ADD CONSTRAINT incidents_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.logout_deliveries
    ADD CONSTRAINT logout_deliveries_pkey PRIMARY KEY (session_id, client_id);
ALTER TABLE ONLY public.former_passwords
    ADD CONSTRAINT one_password_is_replaced_at_a_time PRIMARY KEY (user_code_id, replaced_at);
ALTER TABLE ONLY public.outbox
    ADD CONSTRAINT outbox_pkey PRIMARY KEY (row_number);
ALTER TABLE ONLY public.parked_events
    ADD CONSTRAINT parked_events_pkey PRIMARY KEY (event_id);
ALTER TABLE ONLY public.passkey_challenges
    ADD CONSTRAINT passkey_challenges_pkey PRIMARY KEY (asked_by);
ALTER TABLE ONLY public.persons
    ADD CONSTRAINT persons_pkey PRIMARY KEY (user_code_id);
ALTER TABLE ONLY public.posted_conditions
    ADD CONSTRAINT posted_conditions_pkey PRIMARY KEY (owner, version);
ALTER TABLE ONLY public.proposals
    ADD CONSTRAINT proposals_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.pushed_requests
    ADD CONSTRAINT pushed_requests_pkey PRIMARY KEY (uri_hash);
ALTER TABLE ONLY public.recovery_codes
    ADD CONSTRAINT recovery_codes_pkey PRIMARY KEY (owner_id, code_hash);
ALTER TABLE ONLY public.refresh_tokens
    ADD CONSTRAINT refresh_tokens_pkey PRIMARY KEY (token_hash);
ALTER TABLE ONLY public.registrations
    ADD CONSTRAINT registrations_pkey PRIMARY KEY (applicant_id);
ALTER TABLE ONLY public.schema_migrations
    ADD CONSTRAINT schema_migrations_pkey PRIMARY KEY (series, number);
ALTER TABLE ONLY public.second_factors
    ADD CONSTRAINT second_factors_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.sessions
    ADD CONSTRAINT sessions_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.sign_in_attempts
    ADD CONSTRAINT sign_in_attempts_pkey PRIMARY KEY (subject);
ALTER TABLE ONLY public.signing_keys
    ADD CONSTRAINT signing_keys_pkey PRIMARY KEY (kid);
ALTER TABLE ONLY public.software_consents
    ADD CONSTRAINT software_consents_pkey PRIMARY KEY (user_code_id, applicant_id, product);
ALTER TABLE ONLY public.standing
    ADD CONSTRAINT standing_pkey PRIMARY KEY (subject_kind, subject_id, source);
ALTER TABLE ONLY public.step_ups
    ADD CONSTRAINT step_ups_pkey PRIMARY KEY (request_hash);
ALTER TABLE ONLY public.token_grants
    ADD CONSTRAINT token_grants_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.unreadable_messages
    ADD CONSTRAINT unreadable_messages_pkey PRIMARY KEY (topic, partition, "offset");
ALTER TABLE ONLY public.user_code_holds
    ADD CONSTRAINT user_code_holds_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.user_codes
    ADD CONSTRAINT user_codes_pkey PRIMARY KEY (id);
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
CREATE INDEX answered_requests_by_expiry ON public.answered_requests USING btree (expires_at);
CREATE INDEX applicant_choices_by_expiry ON public.applicant_choices USING btree (expires_at);
CREATE INDEX authorization_codes_by_expiry ON public.authorization_codes USING btree (expires_at);
CREATE INDEX authorization_codes_unredeemed ON public.authorization_codes USING btree (client_id) WHERE (used_at IS NULL);
CREATE INDEX authorization_requests_by_expiry ON public.authorization_requests USING btree (expires_at);
CREATE UNIQUE INDEX authorization_requests_by_name ON public.authorization_requests USING btree (pushed_hash);
CREATE INDEX client_assertions_by_expiry ON public.client_assertions USING btree (expires_at);
CREATE INDEX dpop_proofs_by_expiry ON public.dpop_proofs USING btree (expires_at);
CREATE INDEX emailed_codes_by_age ON public.emailed_codes USING btree (sent_at);
CREATE INDEX emailed_codes_by_owner ON public.emailed_codes USING btree (owner_id);
CREATE INDEX evidence_records_by_applicant ON public.evidence_records USING btree (applicant_id, at, id);
CREATE INDEX evidence_records_by_applicant_of_code ON public.evidence_records USING btree (user_code_applicant_id, at, id) WHERE (user_code_applicant_id IS NOT NULL);
CREATE INDEX factor_enrolments_by_expiry ON public.factor_enrolments USING btree (expires_at);
CREATE INDEX idempotency_keys_by_age ON public.idempotency_keys USING btree (created_at);
CREATE INDEX inbox_by_age ON public.inbox USING btree (applied_at);
CREATE INDEX incidents_by_applicant ON public.incidents USING btree (applicant_id, id);
CREATE INDEX incidents_by_user_code ON public.incidents USING btree (user_code_id);
CREATE INDEX incidents_that_wait ON public.incidents USING btree (passes_on_at) WHERE (passes_on_at IS NOT NULL);
CREATE INDEX logout_deliveries_by_age ON public.logout_deliveries USING btree (ended_at);
CREATE INDEX logout_deliveries_due ON public.logout_deliveries USING btree (client_id, next_attempt_at) WHERE ((delivered_at IS NULL) AND (given_up_at IS NULL));
CREATE UNIQUE INDEX one_email_factor_per_owner ON public.second_factors USING btree (owner_id) WHERE (kind = 'email'::text);
CREATE INDEX outbox_unassigned ON public.outbox USING btree (row_number) WHERE ("position" IS NULL);
CREATE INDEX outbox_unpublished ON public.outbox USING btree ("position") WHERE (published_at IS NULL);
CREATE INDEX parked_events_by_key ON public.parked_events USING btree (partitionkey);
CREATE INDEX passkey_challenges_by_expiry ON public.passkey_challenges USING btree (expires_at);
CREATE INDEX persons_by_applicant ON public.persons USING btree (applicant_id);
CREATE INDEX proposals_by_state ON public.proposals USING btree (state, id);
CREATE INDEX proposals_to_collect ON public.proposals USING btree (decided_at) WHERE (sealed_for_proposer IS NOT NULL);
CREATE INDEX proposals_waiting ON public.proposals USING btree (expires_at) WHERE (state = 'proposed'::text);
CREATE INDEX pushed_requests_by_expiry ON public.pushed_requests USING btree (expires_at);
CREATE INDEX refresh_tokens_by_expiry ON public.refresh_tokens USING btree (expires_at);
CREATE INDEX registrations_cancelled ON public.registrations USING btree (changed_at) WHERE (state = 'cancelled'::text);
CREATE INDEX second_factors_by_owner ON public.second_factors USING btree (owner_id);
CREATE INDEX sessions_by_agent ON public.sessions USING btree (agent_id) WHERE (ended_at IS NULL);
CREATE INDEX sessions_by_applicant ON public.sessions USING btree (applicant_id) WHERE (ended_at IS NULL);
CREATE INDEX sessions_by_user_code ON public.sessions USING btree (user_code_id) WHERE (ended_at IS NULL);
CREATE INDEX sessions_never_completed ON public.sessions USING btree (ended_at) WHERE ((ended_at IS NOT NULL) AND (stage <> 'complete'::text));
CREATE INDEX sessions_of_user_code ON public.sessions USING btree (user_code_id) WHERE (user_code_id IS NOT NULL);
CREATE INDEX sessions_open ON public.sessions USING btree (last_seen_at) WHERE (ended_at IS NULL);
CREATE INDEX sessions_to_forget ON public.sessions USING btree (ended_at) WHERE ((ended_at IS NOT NULL) AND (stage = 'complete'::text) AND (NOT is_last_use));
CREATE INDEX sign_in_attempts_by_age ON public.sign_in_attempts USING btree (last_at);
CREATE INDEX sign_in_attempts_by_end ON public.sign_in_attempts USING btree (kept_until);
CREATE INDEX sign_in_marks_by_age ON public.sign_in_marks USING btree (last_at);
CREATE INDEX step_ups_by_age ON public.step_ups USING btree (asked_at);
CREATE INDEX step_ups_by_session ON public.step_ups USING btree (session_id);
CREATE INDEX token_grants_by_expiry ON public.token_grants USING btree (expires_at);
CREATE INDEX token_grants_by_session ON public.token_grants USING btree (session_id, client_id);
CREATE INDEX user_code_holds_by_code ON public.user_code_holds USING btree (user_code_id, placed_at, id);
CREATE INDEX user_codes_by_applicant ON public.user_codes USING btree (applicant_id);
CREATE INDEX user_codes_by_disuse ON public.user_codes USING btree (disuse_due_at) WHERE (state = 'active'::text);
CREATE INDEX user_codes_pending ON public.user_codes USING btree (assigned_at) WHERE (state = 'pending'::text);
ALTER INDEX public.access_records_about_agents ATTACH PARTITION public.access_records_default_about_agent_id_at_id_idx;
ALTER INDEX public.access_records_of_agents ATTACH PARTITION public.access_records_default_actor_at_id_idx;
ALTER INDEX public.access_records_by_applicant ATTACH PARTITION public.access_records_default_applicant_id_at_id_idx;
ALTER INDEX public.access_records_by_client ATTACH PARTITION public.access_records_default_client_id_at_id_idx;
ALTER INDEX public.access_records_pkey ATTACH PARTITION public.access_records_default_pkey;
ALTER INDEX public.access_records_by_applicant_of_code ATTACH PARTITION public.access_records_default_user_code_applicant_id_at_id_idx;
ALTER INDEX public.access_records_by_user_code ATTACH PARTITION public.access_records_default_user_code_id_at_id_idx;
ALTER TABLE ONLY public.sessions
    ADD CONSTRAINT a_session_is_of_a_code_that_exists FOREIGN KEY (user_code_id) REFERENCES public.user_codes(id) NOT VALID;
ALTER TABLE ONLY public.former_passwords
    ADD CONSTRAINT former_passwords_user_code_id_fkey FOREIGN KEY (user_code_id) REFERENCES public.user_codes(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.incident_holds
    ADD CONSTRAINT incident_holds_incident_id_fkey FOREIGN KEY (incident_id) REFERENCES public.incidents(id);
ALTER TABLE ONLY public.incident_steps
    ADD CONSTRAINT incident_steps_incident_id_fkey FOREIGN KEY (incident_id) REFERENCES public.incidents(id);
ALTER TABLE ONLY public.incidents
    ADD CONSTRAINT incidents_user_code_id_fkey FOREIGN KEY (user_code_id) REFERENCES public.user_codes(id);
ALTER TABLE ONLY public.user_code_holds
    ADD CONSTRAINT user_code_holds_user_code_id_fkey FOREIGN KEY (user_code_id) REFERENCES public.user_codes(id);
REVOKE USAGE ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO auth_app;
GRANT SELECT,INSERT ON TABLE public.access_records TO auth_app;
GRANT SELECT,INSERT ON TABLE public.agent_accounts TO auth_app;
GRANT UPDATE(side) ON TABLE public.agent_accounts TO auth_app;
GRANT UPDATE(roles) ON TABLE public.agent_accounts TO auth_app;
GRANT UPDATE(password_hash) ON TABLE public.agent_accounts TO auth_app;
GRANT UPDATE(pepper_key_id) ON TABLE public.agent_accounts TO auth_app;
GRANT UPDATE(sealed_totp) ON TABLE public.agent_accounts TO auth_app;
GRANT UPDATE(sealing_key_id) ON TABLE public.agent_accounts TO auth_app;
GRANT UPDATE(last_totp_step) ON TABLE public.agent_accounts TO auth_app;
GRANT UPDATE(installed_at) ON TABLE public.agent_accounts TO auth_app;
GRANT UPDATE(state) ON TABLE public.agent_accounts TO auth_app;
GRANT UPDATE(password_set_at) ON TABLE public.agent_accounts TO auth_app;
GRANT UPDATE(password_is_one_time) ON TABLE public.agent_accounts TO auth_app;
GRANT UPDATE(password_expires_at) ON TABLE public.agent_accounts TO auth_app;
GRANT UPDATE(is_installed) ON TABLE public.agent_accounts TO auth_app;
GRANT SELECT,INSERT,DELETE ON TABLE public.answered_requests TO auth_app;
GRANT UPDATE(code_hash) ON TABLE public.answered_requests TO auth_app;
GRANT UPDATE(form_mark) ON TABLE public.answered_requests TO auth_app;
GRANT SELECT,INSERT,DELETE ON TABLE public.applicant_choices TO auth_app;
GRANT SELECT,INSERT,DELETE ON TABLE public.authorization_codes TO auth_app;
GRANT UPDATE(used_at) ON TABLE public.authorization_codes TO auth_app;
GRANT SELECT,INSERT,DELETE ON TABLE public.authorization_requests TO auth_app;
GRANT UPDATE(secret_hash) ON TABLE public.authorization_requests TO auth_app;
GRANT UPDATE(language) ON TABLE public.authorization_requests TO auth_app;
GRANT UPDATE(expires_at) ON TABLE public.authorization_requests TO auth_app;
GRANT SELECT,INSERT,DELETE ON TABLE public.client_assertions TO auth_app;
GRANT SELECT,INSERT ON TABLE public.clients TO auth_app;
GRANT UPDATE(kind) ON TABLE public.clients TO auth_app;
GRANT UPDATE(department) ON TABLE public.clients TO auth_app;
GRANT UPDATE(name_fr) ON TABLE public.clients TO auth_app;
GRANT UPDATE(name_en) ON TABLE public.clients TO auth_app;
GRANT UPDATE(redirect_uris) ON TABLE public.clients TO auth_app;
GRANT UPDATE(post_logout_redirect_uris) ON TABLE public.clients TO auth_app;
GRANT UPDATE(scopes) ON TABLE public.clients TO auth_app;
GRANT UPDATE(jwk) ON TABLE public.clients TO auth_app;
GRANT UPDATE(installed_at) ON TABLE public.clients TO auth_app;
GRANT UPDATE(software) ON TABLE public.clients TO auth_app;
GRANT UPDATE(profile) ON TABLE public.clients TO auth_app;
GRANT UPDATE(jwks) ON TABLE public.clients TO auth_app;
GRANT UPDATE(jwks_uri) ON TABLE public.clients TO auth_app;
GRANT UPDATE(token_endpoint_auth_method) ON TABLE public.clients TO auth_app;
GRANT UPDATE(token_endpoint_auth_signing_alg) ON TABLE public.clients TO auth_app;
GRANT UPDATE(request_object_signing_alg) ON TABLE public.clients TO auth_app;
GRANT UPDATE(secret_hashes) ON TABLE public.clients TO auth_app;
GRANT UPDATE(tls_client_auth_subject_dn) ON TABLE public.clients TO auth_app;
GRANT UPDATE(tls_client_auth_san_dns) ON TABLE public.clients TO auth_app;
GRANT UPDATE(id_token_signed_response_alg) ON TABLE public.clients TO auth_app;
GRANT UPDATE(access_token_signed_response_alg) ON TABLE public.clients TO auth_app;
GRANT UPDATE(require_pkce) ON TABLE public.clients TO auth_app;
GRANT UPDATE(require_pushed_authorization_requests) ON TABLE public.clients TO auth_app;
GRANT UPDATE(require_signed_request_object) ON TABLE public.clients TO auth_app;
GRANT UPDATE(dpop_bound_access_tokens) ON TABLE public.clients TO auth_app;
GRANT UPDATE(tls_client_certificate_bound_access_tokens) ON TABLE public.clients TO auth_app;
GRANT UPDATE(backchannel_logout_uri) ON TABLE public.clients TO auth_app;
GRANT UPDATE(backchannel_logout_session_required) ON TABLE public.clients TO auth_app;
GRANT UPDATE(state) ON TABLE public.clients TO auth_app;
GRANT UPDATE(is_installed) ON TABLE public.clients TO auth_app;
GRANT UPDATE(vendor) ON TABLE public.clients TO auth_app;
GRANT UPDATE(grant_epoch) ON TABLE public.clients TO auth_app;
GRANT UPDATE(client_uri) ON TABLE public.clients TO auth_app;
GRANT SELECT,INSERT,DELETE ON TABLE public.dpop_proofs TO auth_app;
GRANT SELECT,INSERT ON TABLE public.duties_shown TO auth_app;
GRANT SELECT,INSERT,UPDATE ON TABLE public.email_addresses TO auth_app;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.emailed_codes TO auth_app;
GRANT SELECT,INSERT ON TABLE public.evidence_records TO auth_app;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.factor_enrolments TO auth_app;
GRANT SELECT,INSERT,DELETE ON TABLE public.former_passwords TO auth_app;
GRANT SELECT,INSERT,UPDATE ON TABLE public.freshness TO auth_app;
GRANT SELECT,INSERT,DELETE ON TABLE public.idempotency_keys TO auth_app;
GRANT UPDATE(status) ON TABLE public.idempotency_keys TO auth_app;
GRANT UPDATE(body) ON TABLE public.idempotency_keys TO auth_app;
GRANT SELECT,INSERT,DELETE ON TABLE public.inbox TO auth_app;
GRANT SELECT,INSERT,UPDATE ON TABLE public.inbox_sequences TO auth_app;
GRANT SELECT,INSERT ON TABLE public.incident_holds TO auth_app;
GRANT SELECT,INSERT ON TABLE public.incident_steps TO auth_app;
GRANT SELECT,INSERT ON TABLE public.incidents TO auth_app;
GRANT UPDATE(reported_to_provider_at) ON TABLE public.incidents TO auth_app;
GRANT UPDATE(passes_on_at) ON TABLE public.incidents TO auth_app;
GRANT UPDATE(resolved_at) ON TABLE public.incidents TO auth_app;
GRANT UPDATE(resolved_by) ON TABLE public.incidents TO auth_app;
GRANT UPDATE(outcome) ON TABLE public.incidents TO auth_app;
GRANT SELECT,INSERT,DELETE ON TABLE public.logout_deliveries TO auth_app;
GRANT UPDATE(attempts) ON TABLE public.logout_deliveries TO auth_app;
GRANT UPDATE(next_attempt_at) ON TABLE public.logout_deliveries TO auth_app;
GRANT UPDATE(delivered_at) ON TABLE public.logout_deliveries TO auth_app;
GRANT UPDATE(given_up_at) ON TABLE public.logout_deliveries TO auth_app;
GRANT SELECT,INSERT ON TABLE public.outbox TO auth_app;
GRANT UPDATE(sequence) ON TABLE public.outbox TO auth_app;
GRANT UPDATE("position") ON TABLE public.outbox TO auth_app;
GRANT UPDATE(published_at) ON TABLE public.outbox TO auth_app;
GRANT SELECT,INSERT,DELETE ON TABLE public.parked_events TO auth_app;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.passkey_challenges TO auth_app;
GRANT SELECT,INSERT,UPDATE ON TABLE public.persons TO auth_app;
GRANT SELECT,INSERT,UPDATE ON TABLE public.posted_conditions TO auth_app;
GRANT SELECT,INSERT ON TABLE public.proposals TO auth_app;
GRANT UPDATE(state) ON TABLE public.proposals TO auth_app;
GRANT UPDATE(decided_by) ON TABLE public.proposals TO auth_app;
GRANT UPDATE(decided_at) ON TABLE public.proposals TO auth_app;
GRANT UPDATE(refusal_reason) ON TABLE public.proposals TO auth_app;
GRANT UPDATE(sealed_for_proposer) ON TABLE public.proposals TO auth_app;
GRANT SELECT,INSERT,DELETE ON TABLE public.pushed_requests TO auth_app;
GRANT SELECT,INSERT,DELETE ON TABLE public.recovery_codes TO auth_app;
GRANT UPDATE(used_at) ON TABLE public.recovery_codes TO auth_app;
GRANT SELECT,INSERT,DELETE ON TABLE public.refresh_tokens TO auth_app;
GRANT UPDATE(used_at) ON TABLE public.refresh_tokens TO auth_app;
GRANT SELECT,INSERT,UPDATE ON TABLE public.registrations TO auth_app;
GRANT SELECT ON TABLE public.schema_migrations TO auth_app;
GRANT SELECT,INSERT,DELETE ON TABLE public.second_factors TO auth_app;
GRANT UPDATE(last_step) ON TABLE public.second_factors TO auth_app;
GRANT UPDATE(sign_count) ON TABLE public.second_factors TO auth_app;
GRANT SELECT,INSERT,DELETE ON TABLE public.sessions TO auth_app;
GRANT UPDATE(secret_hash) ON TABLE public.sessions TO auth_app;
GRANT UPDATE(stage) ON TABLE public.sessions TO auth_app;
GRANT UPDATE(amr) ON TABLE public.sessions TO auth_app;
GRANT UPDATE(conditions) ON TABLE public.sessions TO auth_app;
GRANT UPDATE(authenticated_at) ON TABLE public.sessions TO auth_app;
GRANT UPDATE(last_seen_at) ON TABLE public.sessions TO auth_app;
GRANT UPDATE(ended_at) ON TABLE public.sessions TO auth_app;
GRANT UPDATE(end_reason) ON TABLE public.sessions TO auth_app;
GRANT UPDATE(address) ON TABLE public.sessions TO auth_app;
GRANT UPDATE(user_agent) ON TABLE public.sessions TO auth_app;
GRANT UPDATE(represented_applicant_id) ON TABLE public.sessions TO auth_app;
GRANT UPDATE(power_of_attorney_id) ON TABLE public.sessions TO auth_app;
GRANT UPDATE(is_last_use) ON TABLE public.sessions TO auth_app;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.sign_in_attempts TO auth_app;
GRANT SELECT,INSERT,DELETE ON TABLE public.sign_in_marks TO auth_app;
GRANT UPDATE(last_at) ON TABLE public.sign_in_marks TO auth_app;
GRANT SELECT,INSERT,DELETE ON TABLE public.signing_keys TO auth_app;
GRANT UPDATE(retired_at) ON TABLE public.signing_keys TO auth_app;
GRANT SELECT,INSERT,DELETE ON TABLE public.software_consents TO auth_app;
GRANT UPDATE(scope) ON TABLE public.software_consents TO auth_app;
GRANT UPDATE(language) ON TABLE public.software_consents TO auth_app;
GRANT UPDATE(given_at) ON TABLE public.software_consents TO auth_app;
GRANT UPDATE(vendor) ON TABLE public.software_consents TO auth_app;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.standing TO auth_app;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.step_ups TO auth_app;
GRANT SELECT,INSERT,DELETE ON TABLE public.token_grants TO auth_app;
GRANT UPDATE(revoked_at) ON TABLE public.token_grants TO auth_app;
GRANT UPDATE(reason) ON TABLE public.token_grants TO auth_app;
GRANT SELECT,INSERT ON TABLE public.unreadable_messages TO auth_app;
GRANT SELECT,INSERT ON TABLE public.user_code_holds TO auth_app;
GRANT UPDATE(released_by) ON TABLE public.user_code_holds TO auth_app;
GRANT UPDATE(released_at) ON TABLE public.user_code_holds TO auth_app;
GRANT SELECT,INSERT,DELETE ON TABLE public.user_codes TO auth_app;
GRANT UPDATE(language) ON TABLE public.user_codes TO auth_app;
GRANT UPDATE(state) ON TABLE public.user_codes TO auth_app;
GRANT UPDATE(activated_at) ON TABLE public.user_codes TO auth_app;
GRANT UPDATE(password_hash) ON TABLE public.user_codes TO auth_app;
GRANT UPDATE(pepper_key_id) ON TABLE public.user_codes TO auth_app;
GRANT UPDATE(password_set_at) ON TABLE public.user_codes TO auth_app;
GRANT UPDATE(password_is_one_time) ON TABLE public.user_codes TO auth_app;
GRANT UPDATE(first_used_at) ON TABLE public.user_codes TO auth_app;
GRANT UPDATE(revoked_at) ON TABLE public.user_codes TO auth_app;
GRANT UPDATE(disuse_due_at) ON TABLE public.user_codes TO auth_app;
GRANT UPDATE(disuse_warnings) ON TABLE public.user_codes TO auth_app;
GRANT UPDATE(password_may_stand_alone) ON TABLE public.user_codes TO auth_app;
