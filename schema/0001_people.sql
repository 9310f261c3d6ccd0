-- Who may do what, and the record of who did it.

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% on % is refused: %', TG_OP, TG_TABLE_NAME, TG_ARGV[0] USING ERRCODE = 'restrict_violation';
END $$;
COMMENT ON FUNCTION refuse_change() IS 'Trigger of append-only and never-deleted tables; its argument says why.';

CREATE TABLE roles (
  role_name text PRIMARY KEY,
  description text NOT NULL
);
INSERT INTO roles VALUES
  ('administrator', 'everything, users and trunks included'),
  ('supervisor', 'campaigns, leads, agents and recordings'),
  ('agent', 'the own seat'),
  ('auditor', 'reads everything, changes nothing');

CREATE TABLE users (
  user_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  user_name text NOT NULL UNIQUE CHECK (user_name ~ '^[a-z0-9][a-z0-9._@-]{0,63}$'),
  display_name text NOT NULL DEFAULT '',
  password_hash text,
  disabled boolean NOT NULL DEFAULT false,
  created_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON COLUMN users.password_hash IS 'argon2id in PHC format; NULL: no password log-in';

CREATE TABLE user_roles (
  user_id integer NOT NULL REFERENCES users ON DELETE CASCADE,
  role_name text NOT NULL REFERENCES roles ON DELETE RESTRICT,
  PRIMARY KEY (user_id, role_name)
);

CREATE TABLE api_tokens (
  token_hash text PRIMARY KEY,
  user_id integer NOT NULL REFERENCES users ON DELETE CASCADE,
  description text NOT NULL DEFAULT '',
  created_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL,
  revoked_at timestamptz
);
COMMENT ON COLUMN api_tokens.token_hash IS 'SHA-256 of the token; the token itself is never stored';

CREATE TABLE security_audit_log (
  entry_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  actor text NOT NULL,
  action text NOT NULL,
  object text NOT NULL DEFAULT '',
  address inet,
  request_id text,
  details jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX security_audit_log_at ON security_audit_log USING brin (at);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON security_audit_log
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change('the audit log is append-only');

CREATE TABLE cells (
  cell_name text PRIMARY KEY,
  epoch bigint NOT NULL DEFAULT 0,
  taken_at timestamptz
);
COMMENT ON TABLE cells IS 'One engine with its Asterisk; the epoch grows with every take-over, and claims carry it.';
