-- What else a request asks for: whose code it expects, and the level that the sign-in must reach.
ALTER TABLE authorization_requests ADD COLUMN login_hint text, ADD COLUMN required_acr text;
