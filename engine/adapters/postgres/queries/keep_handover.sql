-- Keep how calls and agents stand, and forget those that are over; only for the engine that holds the cell.
WITH mine AS MATERIALIZED (
  SELECT cell_name FROM cells WHERE cell_name = $1 AND epoch = $2 FOR SHARE
), forgotten AS (
  DELETE FROM handover AS h USING mine WHERE h.cell_name = mine.cell_name AND h.name = ANY ($5::text[])
), kept AS (
  INSERT INTO handover AS h (cell_name, name, state, epoch)
  SELECT mine.cell_name, g.name, g.state, $2 FROM mine, unnest($3::text[], $4::text[]) AS g(name, state)
   ORDER BY g.name
  ON CONFLICT (cell_name, name) DO UPDATE SET state = excluded.state, epoch = excluded.epoch, kept_at = now()
)
SELECT EXISTS (SELECT FROM mine)
