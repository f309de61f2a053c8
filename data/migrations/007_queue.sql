-- The moderators' queue: equal questions are grouped, settled ones aren't stored again, members suggest facts, and
-- questions are counted by outcome.

ALTER TABLE question ADD COLUMN gist INTEGER NOT NULL DEFAULT 0;  -- hash of its informative words

CREATE TABLE settled (                      -- questions that moderators have settled, without their text
    platform   TEXT NOT NULL,
    community  TEXT NOT NULL,
    gist       INTEGER NOT NULL,
    at         INTEGER NOT NULL,            -- in seconds since 1970, UTC
    PRIMARY KEY (platform, community, gist)
) STRICT, WITHOUT ROWID;

CREATE TABLE suggestion (                   -- facts that members suggested, without the members
    id         INTEGER PRIMARY KEY,
    platform   TEXT NOT NULL,
    community  TEXT NOT NULL,
    statement  TEXT NOT NULL,
    topic      TEXT,                        -- as the member wrote it
    source     TEXT,
    at         INTEGER NOT NULL,
    until      INTEGER NOT NULL             -- time when it is deleted
) STRICT;

CREATE TABLE tally (                        -- number of questions by outcome
    platform   TEXT NOT NULL,
    community  TEXT NOT NULL,
    day        TEXT NOT NULL,               -- 2026-11-21, UTC
    outcome    TEXT NOT NULL,               -- answered, disputed, ambiguous, unknown, social, failed
    count      INTEGER NOT NULL,
    PRIMARY KEY (platform, community, day, outcome)
) STRICT, WITHOUT ROWID;
