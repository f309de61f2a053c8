-- The messages in which the desk answered, so that an answer can be found by its question and the other way round.

CREATE TABLE post (
    platform  TEXT NOT NULL,
    message   TEXT NOT NULL,                -- the platform's id of the desk's message
    channel   TEXT NOT NULL,                -- where it is
    question  TEXT NOT NULL,                -- the message that it answers
    part      INTEGER NOT NULL,             -- of an answer of several messages, counted from 0
    at        INTEGER NOT NULL,             -- in seconds since 1970, UTC
    PRIMARY KEY (platform, message)
) STRICT, WITHOUT ROWID;

CREATE INDEX post_question ON post (platform, question, part);
CREATE INDEX post_at ON post (platform, at);
