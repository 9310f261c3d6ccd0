-- Scripts of AUTO slots and live streams of LS slots.

CREATE TABLE gacs_scripts (
  script_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  slot_id integer NOT NULL REFERENCES slots ON DELETE RESTRICT,
  script_name text NOT NULL CHECK (length(script_name) BETWEEN 1 AND 200),
  version integer NOT NULL CHECK (version >= 1),
  status text NOT NULL DEFAULT 'draft' CHECK (status IN ('draft', 'active', 'retired')),
  document jsonb NOT NULL CHECK (jsonb_typeof(document) = 'object'),
  content_hash text NOT NULL CHECK (content_hash ~ '^[0-9a-f]{64}$'),
  created_by integer REFERENCES users ON DELETE RESTRICT,
  created_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (slot_id, script_name, version)
);
CREATE INDEX gacs_scripts_status ON gacs_scripts (slot_id, status);
CREATE UNIQUE INDEX gacs_scripts_one_active ON gacs_scripts (slot_id, script_name) WHERE status = 'active';

CREATE TABLE rtmp_streams (
  stream_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  slot_id integer NOT NULL REFERENCES slots ON DELETE RESTRICT CHECK (slot_id BETWEEN 8001 AND 8999),
  stream_key text NOT NULL UNIQUE CHECK (length(stream_key) >= 16),
  status text NOT NULL DEFAULT 'idle' CHECK (status IN ('idle', 'publishing', 'live', 'stopped', 'fault')),
  changed_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX rtmp_streams_status ON rtmp_streams (slot_id, status);

CREATE FUNCTION notify_rtmp_stream_change() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  v_row rtmp_streams;
BEGIN
  IF TG_OP = 'DELETE' THEN
    v_row := OLD;
  ELSE
    v_row := NEW;
  END IF;
  -- Never the stream key: whoever listens on the channel could publish with it.
  PERFORM pg_notify('rtmp_stream_change', json_build_object(
    'op', lower(TG_OP), 'stream_id', v_row.stream_id, 'slot_id', v_row.slot_id, 'status', v_row.status)::text);
  RETURN NULL;
END $$;
CREATE TRIGGER stream_changed AFTER INSERT OR DELETE OR UPDATE OF slot_id, stream_key, status ON rtmp_streams
  FOR EACH ROW EXECUTE FUNCTION notify_rtmp_stream_change();
