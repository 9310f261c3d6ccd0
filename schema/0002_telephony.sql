-- Trunks, seats, agents and inbound numbers.

CREATE TABLE trunks (
  name text PRIMARY KEY CHECK (name ~ '^[a-z0-9][a-z0-9_-]{0,31}$'),
  host text NOT NULL CHECK (host <> '' AND host !~ '[[:space:][:cntrl:]]'),
  port integer NOT NULL DEFAULT 5060 CHECK (port BETWEEN 1 AND 65535),
  transport text NOT NULL DEFAULT 'udp' CHECK (transport IN ('udp', 'tcp', 'tls')),
  registration boolean NOT NULL DEFAULT false,
  expires_s integer NOT NULL DEFAULT 300 CHECK (expires_s BETWEEN 30 AND 86400),
  auth text NOT NULL DEFAULT 'address' CHECK (auth IN ('address', 'digest')),
  username text,
  secret text,
  realm text,
  match_addresses inet[] NOT NULL DEFAULT '{}',
  codecs text[] NOT NULL DEFAULT '{ulaw,alaw}' CHECK (cardinality(codecs) BETWEEN 1 AND 16),
  caller_id text NOT NULL CHECK (caller_id ~ '^\+?[0-9]{1,15}$'),
  external_address text,
  channels_max integer NOT NULL DEFAULT 30 CHECK (channels_max BETWEEN 1 AND 100000),
  cps_max double precision NOT NULL DEFAULT 5 CHECK (cps_max > 0 AND cps_max <= 10000),
  test boolean NOT NULL DEFAULT false,
  enabled boolean NOT NULL DEFAULT true,
  created_at timestamptz NOT NULL DEFAULT now(),
  CHECK (auth <> 'digest' OR (username <> '' AND secret <> '') IS TRUE),
  CHECK (NOT registration OR auth = 'digest'),
  CHECK (concat(username, secret, realm, external_address) !~ '[[:cntrl:]]')
);
COMMENT ON COLUMN trunks.secret IS 'in clear: SIP digest needs it (RFC 8760, 2.6); never returned by a list';
COMMENT ON COLUMN trunks.test IS 'leads to a load generator: answers may be hung up without a word';

CREATE TABLE slots (
  slot_id integer PRIMARY KEY,
  kind text NOT NULL,
  pool text NOT NULL DEFAULT 'default' CHECK (pool ~ '^[a-z0-9][a-z0-9_-]{0,31}$'),
  display_name text NOT NULL DEFAULT '' CHECK (display_name !~ '[[:cntrl:]]'),
  sip_secret text NOT NULL CHECK (length(sip_secret) >= 12 AND sip_secret !~ '[[:cntrl:]]'),
  state text NOT NULL DEFAULT 'idle' CHECK (state IN
    ('idle', 'assigned', 'registering', 'ready', 'calling', 'active_call', 'postcall', 'fault')),
  enabled boolean NOT NULL DEFAULT true,
  created_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT slot_kind_matches_number CHECK (CASE kind
    WHEN 'AUTO' THEN slot_id BETWEEN 6001 AND 6999
    WHEN 'MF' THEN slot_id BETWEEN 7001 AND 7999
    WHEN 'LS' THEN slot_id BETWEEN 8001 AND 8999
    WHEN 'SERVICE' THEN slot_id BETWEEN 9001 AND 9999
    ELSE false END)
);
COMMENT ON COLUMN slots.sip_secret IS 'in clear: SIP digest needs it; never returned by a list';

CREATE TABLE agents (
  agent_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  user_id integer UNIQUE REFERENCES users ON DELETE RESTRICT,
  slot_id integer NOT NULL UNIQUE REFERENCES slots ON DELETE RESTRICT,
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE agent_history (
  slot_id integer NOT NULL,
  at timestamptz NOT NULL,
  state text NOT NULL,
  reason text,
  call_id text,
  PRIMARY KEY (slot_id, at, state)
);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON agent_history
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change('facts are append-only');

CREATE TABLE dispositions (
  call_id text NOT NULL,
  slot_id integer NOT NULL,
  at timestamptz NOT NULL,
  code text NOT NULL,
  note text NOT NULL DEFAULT '',
  PRIMARY KEY (call_id, slot_id, at)
);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON dispositions
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change('facts are append-only');

CREATE TABLE inbound_routes (
  did text PRIMARY KEY CHECK (did ~ '^\+?[0-9*#]{1,20}$'),
  pool text NOT NULL CHECK (pool ~ '^[a-z0-9][a-z0-9_-]{0,31}$'),
  slot_id integer REFERENCES slots ON DELETE RESTRICT,
  wait_max_s double precision NOT NULL DEFAULT 120 CHECK (wait_max_s BETWEEN 0 AND 3600),
  created_at timestamptz NOT NULL DEFAULT now()
);
