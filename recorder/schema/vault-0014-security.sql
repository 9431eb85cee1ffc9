-- What a security review asked for.

-- Whose recordings a proposal is about, so that other tenants' admins do not read it; NULL: all tenants', or not known.
ALTER TABLE proposal ADD COLUMN tenant INTEGER REFERENCES tenant(id);
