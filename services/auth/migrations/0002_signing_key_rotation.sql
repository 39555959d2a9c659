-- A key that has a successor is given its end, and is forgotten after it.
GRANT UPDATE (retired_at), DELETE ON signing_keys TO :app;
