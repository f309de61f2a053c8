-- What a platform's communities (servers, rooms) set, what nobody could answer there, and what people reported.

ALTER TABLE handled ADD COLUMN community TEXT;  -- the platform's id of the community; none in a direct conversation

CREATE INDEX handled_at ON handled (platform, at);
CREATE INDEX handled_open ON handled (platform, at) WHERE state = 'received';

CREATE TABLE community (
    platform  TEXT NOT NULL,
    id        TEXT NOT NULL,                -- the platform's id of the server or room
    settings  TEXT NOT NULL,                -- JSON; what isn't in it is as shipped
    PRIMARY KEY (platform, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE question (                     -- questions without an answer, without who asked them
    platform   TEXT NOT NULL,
    community  TEXT NOT NULL,
    text       TEXT NOT NULL,               -- its words, lower case, spelling mended
    count      INTEGER NOT NULL,            -- how often it was asked
    first_at   INTEGER NOT NULL,            -- in seconds since 1970, UTC
    last_at    INTEGER NOT NULL,
    until      INTEGER NOT NULL,            -- when it is deleted
    PRIMARY KEY (platform, community, text)
) STRICT, WITHOUT ROWID;

CREATE TABLE report (                       -- problems with answers, without who reported them
    id         INTEGER PRIMARY KEY,
    platform   TEXT NOT NULL,
    community  TEXT NOT NULL,
    topics     TEXT NOT NULL,               -- ids of the answer's topics, separated by commas
    text       TEXT NOT NULL,               -- what is wrong, as the person wrote it
    at         INTEGER NOT NULL,
    until      INTEGER NOT NULL
) STRICT;
