-- Messages on platforms that the desk has taken on: so that each is answered once, also over a crash. No text is kept.

CREATE TABLE handled (
    platform  TEXT NOT NULL,                -- `discord`
    message   TEXT NOT NULL,                -- the platform's id of the message
    channel   TEXT NOT NULL,                -- the platform's id of the place where it was said
    direct    INTEGER NOT NULL,             -- 1 if that is a conversation with one person
    state     TEXT NOT NULL CHECK (state IN ('received', 'answered')),
    at        INTEGER NOT NULL,             -- when it was said, in seconds since 1970, UTC
    PRIMARY KEY (platform, message)
) STRICT, WITHOUT ROWID;

CREATE INDEX handled_in ON handled (platform, channel, at);
