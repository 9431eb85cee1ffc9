-- What a security review asked for.

-- Whose recordings a proposal is about, so that other tenants' admins do not read it; NULL: all tenants', or not known.
ALTER TABLE proposal ADD COLUMN tenant INTEGER REFERENCES tenant(id);

-- When somebody was first connected, so that a session's longest time outlives a restart of the vault; NULL: nobody yet.
ALTER TABLE session ADD COLUMN begun_ms INTEGER;

-- File time at which a segment's last frame ends, as its capture told; NULL: it did not, or there is no media.
ALTER TABLE segment ADD COLUMN end_ms INTEGER;
