-- Begin a new epoch of a cell and return it; claims carry it, so that facts of an older engine are recognised.
INSERT INTO cells (cell_name, epoch, taken_at) VALUES ($1, 1, now())
ON CONFLICT (cell_name) DO UPDATE SET epoch = cells.epoch + 1, taken_at = now()
RETURNING epoch
