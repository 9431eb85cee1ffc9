-- What lists and scans look for is found by index, however many recordings, sessions, accesses there are: a unit test
-- (tests/unit/test_plans.c) reads the plan of each statement.

-- The library (recorder/db/db_library.h): newest first, of one state, by what is typed.
CREATE INDEX recording_by_created ON recording (created_ms);
CREATE INDEX recording_by_state ON recording (state, created_ms);
CREATE INDEX session_by_reference ON session (reference COLLATE NOCASE);
CREATE INDEX party_by_name ON party (name COLLATE NOCASE) WHERE name IS NOT NULL;

-- Other lists, newest first.
CREATE INDEX access_by_leaf ON access (begun_leaf);
CREATE INDEX grant_by_created ON grant_ (created_ms);
CREATE INDEX request_by_created ON request (created_ms);
CREATE INDEX approval_by_leaf ON approval (asked_leaf);

-- What retention and starts look for.
CREATE INDEX access_by_begun ON access (begun_ms);
CREATE INDEX access_owed ON access (ended_leaf) WHERE ended_leaf < 0;
CREATE INDEX grant_living ON grant_ (expires_ms) WHERE revoked_ms IS NULL;
CREATE INDEX session_active ON session (created_ms) WHERE state = 'active';
CREATE INDEX request_frozen ON request (lifts_ms, session) WHERE type = 'restriction' AND state = 'done';
CREATE INDEX request_item_open ON request_item (request) WHERE ticked_ms IS NULL;

-- A recording's epochs, a turnover's erasures.
CREATE INDEX epoch_by_recording ON epoch (recording, number);
CREATE INDEX erasure_by_turnover ON erasure (turnover_leaf) WHERE turnover_leaf IS NOT NULL;
