-- What nobody needs any more is found without reading all of it (recorder/erasure/lifecycle.h).
CREATE INDEX session_requested ON session (created_ms) WHERE request_sha256 IS NOT NULL;
CREATE INDEX proposal_expiry ON proposal (expires_ms);
