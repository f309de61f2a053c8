-- Messages that the bot received, so that each is answered once, also after a crash. No text is stored.

CREATE TABLE handled (
    platform  TEXT NOT NULL,                -- `discord`
    message   TEXT NOT NULL,                -- the platform's id of the message
    channel   TEXT NOT NULL,                -- the platform's id of the channel or room
    direct    INTEGER NOT NULL,             -- 1 if that is a conversation with one person
    state     TEXT NOT NULL CHECK (state IN ('received', 'answered')),
    at        INTEGER NOT NULL,             -- time when it was sent, in seconds since 1970, UTC
    PRIMARY KEY (platform, message)
) STRICT, WITHOUT ROWID;

CREATE INDEX handled_in ON handled (platform, channel, at);
