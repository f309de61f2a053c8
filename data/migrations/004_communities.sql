-- The settings of a platform's communities (servers, rooms), their unanswered questions and reported problems.

ALTER TABLE handled ADD COLUMN community TEXT;  -- the platform's id of the community; NULL in a direct conversation

CREATE INDEX handled_at ON handled (platform, at);
CREATE INDEX handled_open ON handled (platform, at) WHERE state = 'received';

CREATE TABLE community (
    platform  TEXT NOT NULL,
    id        TEXT NOT NULL,                -- the platform's id of the server or room
    settings  TEXT NOT NULL,                -- JSON; missing settings have their defaults
    PRIMARY KEY (platform, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE question (                     -- unanswered questions, without the askers
    platform   TEXT NOT NULL,
    community  TEXT NOT NULL,
    text       TEXT NOT NULL,               -- words in lower case, with corrected spelling
    count      INTEGER NOT NULL,            -- number of times it was asked
    first_at   INTEGER NOT NULL,            -- in seconds since 1970, UTC
    last_at    INTEGER NOT NULL,
    until      INTEGER NOT NULL,            -- time when it is deleted
    PRIMARY KEY (platform, community, text)
) STRICT, WITHOUT ROWID;

CREATE TABLE report (                       -- problems with answers, without the people who reported them
    id         INTEGER PRIMARY KEY,
    platform   TEXT NOT NULL,
    community  TEXT NOT NULL,
    topics     TEXT NOT NULL,               -- ids of the answer's topics, separated by commas
    text       TEXT NOT NULL,               -- description of the problem, as the person wrote it
    at         INTEGER NOT NULL,
    until      INTEGER NOT NULL
) STRICT;
