-- The staging table of one import.
CREATE TEMPORARY TABLE import_lines (
  line integer NOT NULL, phone_number text NOT NULL, zones text[] NOT NULL, lead_data jsonb NOT NULL
) ON COMMIT DROP
