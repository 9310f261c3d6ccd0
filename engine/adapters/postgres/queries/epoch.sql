-- The present epoch of a cell.
SELECT epoch FROM cells WHERE cell_name = $1
