-- The loop that makes the desk better: questions are grouped with those alike, what was handled isn't raised again, members
-- suggest facts, and what is asked is counted.

ALTER TABLE question ADD COLUMN gist INTEGER NOT NULL DEFAULT 0;  -- a hash of what it asks: those alike have the same

CREATE TABLE settled (                      -- questions that moderators have handled; their text is deleted
    platform   TEXT NOT NULL,
    community  TEXT NOT NULL,
    gist       INTEGER NOT NULL,
    at         INTEGER NOT NULL,            -- in seconds since 1970, UTC
    PRIMARY KEY (platform, community, gist)
) STRICT, WITHOUT ROWID;

CREATE TABLE suggestion (                   -- facts that members suggest, without who did
    id         INTEGER PRIMARY KEY,
    platform   TEXT NOT NULL,
    community  TEXT NOT NULL,
    statement  TEXT NOT NULL,
    topic      TEXT,                        -- as the member wrote it
    source     TEXT,
    at         INTEGER NOT NULL,
    until      INTEGER NOT NULL             -- when it is deleted
) STRICT;

CREATE TABLE tally (                        -- how often something was asked, by what came of it
    platform   TEXT NOT NULL,
    community  TEXT NOT NULL,
    day        TEXT NOT NULL,               -- 2026-11-21, UTC
    outcome    TEXT NOT NULL,               -- answered, disputed, ambiguous, unknown, social, failed
    count      INTEGER NOT NULL,
    PRIMARY KEY (platform, community, day, outcome)
) STRICT, WITHOUT ROWID;
