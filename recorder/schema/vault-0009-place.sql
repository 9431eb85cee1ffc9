-- Which directory a key part of a backup was written to, by the id that lies in it: what another directory lacks was not
-- destroyed for that. NULL: not known, so it counts until its day is over.

ALTER TABLE key_part ADD COLUMN place BLOB CHECK (place IS NULL OR length(place) = 16);
