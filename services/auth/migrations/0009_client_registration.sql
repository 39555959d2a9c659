-- How a client authenticates, with which keys, and what its requests and tokens must be. A client that the
-- previous release registered reads as before; `jwk` stays filled while that release may still read it.
ALTER TABLE clients
    ALTER COLUMN jwk DROP NOT NULL,
    ADD COLUMN software                                   text,
    ADD COLUMN profile                                    text NOT NULL DEFAULT 'plain',
    ADD COLUMN jwks                                       jsonb NOT NULL DEFAULT '[]',
    ADD COLUMN jwks_uri                                   text,
    ADD COLUMN token_endpoint_auth_method                 text NOT NULL DEFAULT 'private_key_jwt',
    ADD COLUMN token_endpoint_auth_signing_alg            text NOT NULL DEFAULT 'ES256',
    ADD COLUMN request_object_signing_alg                 text NOT NULL DEFAULT 'ES256',
    ADD COLUMN secret_hashes                              bytea[] NOT NULL DEFAULT '{}',
    ADD COLUMN tls_client_auth_subject_dn                 text,
    ADD COLUMN tls_client_auth_san_dns                    text,
    ADD COLUMN id_token_signed_response_alg               text NOT NULL DEFAULT 'ES256',
    ADD COLUMN access_token_signed_response_alg           text NOT NULL DEFAULT 'ES256',
    ADD COLUMN require_pkce                               boolean NOT NULL DEFAULT true,
    ADD COLUMN require_pushed_authorization_requests      boolean NOT NULL DEFAULT false,
    ADD COLUMN require_signed_request_object              boolean NOT NULL DEFAULT false,
    ADD COLUMN dpop_bound_access_tokens                   boolean NOT NULL DEFAULT false,
    ADD COLUMN tls_client_certificate_bound_access_tokens boolean NOT NULL DEFAULT false,
    ADD COLUMN backchannel_logout_uri                     text,
    ADD COLUMN backchannel_logout_session_required        boolean NOT NULL DEFAULT false,
    DROP CONSTRAINT client_kind_is_known,
    ADD CONSTRAINT client_kind_is_known
        CHECK (kind IN ('service', 'portal', 'department', 'department-system', 'software')),
    ADD CONSTRAINT a_vendors_client_names_its_software CHECK ((kind = 'software') = (software IS NOT NULL)),
    ADD CONSTRAINT client_profile_is_known CHECK (profile IN ('plain', 'fapi2')),
    ADD CONSTRAINT client_authentication_is_known CHECK (token_endpoint_auth_method IN
        ('private_key_jwt', 'client_secret_basic', 'client_secret_post', 'tls_client_auth')),
    ADD CONSTRAINT signatures_are_of_known_algorithms CHECK (
        ARRAY[token_endpoint_auth_signing_alg, request_object_signing_alg, id_token_signed_response_alg,
              access_token_signed_response_alg] <@ ARRAY['ES256', 'RS256', 'PS256']),
    ADD CONSTRAINT at_most_two_secrets_live CHECK (cardinality(secret_hashes) <= 2),
    ADD CONSTRAINT keys_are_given_or_fetched CHECK (jwks_uri IS NULL OR jwks = '[]');
GRANT UPDATE (software, profile, jwks, jwks_uri, token_endpoint_auth_method, token_endpoint_auth_signing_alg,
    request_object_signing_alg, secret_hashes, tls_client_auth_subject_dn, tls_client_auth_san_dns,
    id_token_signed_response_alg, access_token_signed_response_alg, require_pkce,
    require_pushed_authorization_requests, require_signed_request_object, dpop_bound_access_tokens,
    tls_client_certificate_bound_access_tokens, backchannel_logout_uri, backchannel_logout_session_required)
    ON clients TO :app;
