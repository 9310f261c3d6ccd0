-- Versions of scripts by their content, and what they are bound to: neither ever changes.

-- Nothing has written here before: a version belongs to no slot, and bindings say where it runs.
ALTER TABLE gacs_scripts
  DROP COLUMN slot_id,
  DROP COLUMN status,
  DROP COLUMN document,
  DROP COLUMN created_by,
  ADD COLUMN title text NOT NULL CHECK (length(title) <= 200),
  ADD COLUMN nodes integer NOT NULL CHECK (nodes >= 1),
  -- The canonical form, as it was hashed; jsonb would change numbers and refuse NUL.
  ADD COLUMN document text NOT NULL,
  ADD COLUMN created_by text NOT NULL CHECK (length(created_by) BETWEEN 1 AND 200),
  ADD COLUMN retired_at timestamptz,
  ADD COLUMN retired_by text CHECK (length(retired_by) BETWEEN 1 AND 200),
  ADD CONSTRAINT gacs_scripts_name_version UNIQUE (script_name, version),
  ADD CONSTRAINT gacs_scripts_content UNIQUE (content_hash),
  ADD CONSTRAINT gacs_scripts_hash_is_true
    CHECK (content_hash = encode(sha256(convert_to(document, 'UTF8')), 'hex')),
  ADD CONSTRAINT gacs_scripts_retired CHECK ((retired_at IS NULL) = (retired_by IS NULL));
CREATE INDEX gacs_scripts_hash_prefix ON gacs_scripts (content_hash text_pattern_ops);

CREATE FUNCTION keep_script() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.retired_at IS NOT NULL
    OR (to_jsonb(NEW) - '{retired_at,retired_by}'::text[]) IS DISTINCT FROM
       (to_jsonb(OLD) - '{retired_at,retired_by}'::text[]) THEN
    RAISE EXCEPTION 'a published version of a script is never changed, only retired, and once'
      USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER keep_script BEFORE UPDATE ON gacs_scripts FOR EACH ROW EXECUTE FUNCTION keep_script();
CREATE TRIGGER append_only BEFORE DELETE OR TRUNCATE ON gacs_scripts
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change('versions of scripts are kept for the calls that ran them');

-- Each row says what a target runs from then on; the newest one of a target holds, the others are the history.
CREATE TABLE gacs_bindings (
  binding_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  target_kind text NOT NULL CHECK (target_kind IN ('slot', 'did', 'campaign')),
  target text NOT NULL CHECK (CASE target_kind
    WHEN 'slot' THEN target ~ '^6[0-9]{3}$' AND target <> '6000'
    WHEN 'did' THEN target ~ '^\+?[0-9]{3,15}$'
    ELSE target ~ '^[1-9][0-9]{0,14}$' END),
  seed bigint NOT NULL,
  bound_at timestamptz NOT NULL DEFAULT now(),
  bound_by text NOT NULL CHECK (length(bound_by) BETWEEN 1 AND 200)
);
CREATE INDEX gacs_bindings_of_target ON gacs_bindings (target_kind, target, binding_id DESC);

CREATE TABLE gacs_binding_shares (
  binding_id bigint NOT NULL REFERENCES gacs_bindings ON DELETE RESTRICT,
  place integer NOT NULL CHECK (place >= 1),
  script_id bigint NOT NULL REFERENCES gacs_scripts ON DELETE RESTRICT,
  share double precision NOT NULL CHECK (share > 0 AND share <= 1),
  PRIMARY KEY (binding_id, place),
  UNIQUE (binding_id, script_id)
);
CREATE INDEX gacs_binding_shares_of_script ON gacs_binding_shares (script_id);

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON gacs_bindings
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change('who bound what is history');
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON gacs_binding_shares
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change('who bound what is history');
