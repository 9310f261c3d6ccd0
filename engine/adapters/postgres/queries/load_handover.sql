-- How calls and agents of a cell stood when its engine wrote last.
SELECT name, state FROM handover WHERE cell_name = $1 ORDER BY name
