-- What an archive holds of both persons (R39): how many recordings' films, and why one that could be asked for is not in
-- it ('not_shared', 'composition', 'storage'). One with films goes when the other person no longer gives share_copy.

ALTER TABLE archive ADD COLUMN films INTEGER NOT NULL DEFAULT 0 CHECK (films >= 0);
ALTER TABLE archive ADD COLUMN film_failure TEXT;
