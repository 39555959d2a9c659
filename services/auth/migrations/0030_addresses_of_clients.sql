-- RFC 7591 `client_uri`: where people go to use what the client is of. Pages that end elsewhere lead there.
ALTER TABLE clients ADD COLUMN client_uri text;
GRANT UPDATE (client_uri) ON clients TO :app;
