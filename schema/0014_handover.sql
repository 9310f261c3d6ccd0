-- What an engine leaves for the next: its calls and agents as they stand.

CREATE TABLE handover (
  cell_name text NOT NULL REFERENCES cells ON DELETE CASCADE,
  name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
  state text NOT NULL CHECK (length(state) <= 100000),
  epoch bigint NOT NULL,
  kept_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (cell_name, name)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 500);
COMMENT ON TABLE handover IS
  'Live calls and seats of a cell, newest state only; a row goes when its call ends. Calls of attempts carry no number.';
COMMENT ON COLUMN handover.name IS 'call/<call id> or seat/<slot>';
