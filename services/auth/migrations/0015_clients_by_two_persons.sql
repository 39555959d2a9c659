-- Clients are registered and changed by two persons; what the installation made stays its own until they do.
ALTER TABLE clients
    ADD COLUMN state text NOT NULL DEFAULT 'active',
    ADD COLUMN is_installed boolean NOT NULL DEFAULT true,
    ADD CONSTRAINT client_state_is_known CHECK (state IN ('active', 'disabled')),
    ADD CONSTRAINT the_installation_disables_no_client CHECK (state = 'active' OR NOT is_installed);
GRANT UPDATE (state, is_installed) ON clients TO :app;
