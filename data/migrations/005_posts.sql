-- The messages in which the bot answered, so that answers are found by their question and questions by their answer.

CREATE TABLE post (
    platform  TEXT NOT NULL,
    message   TEXT NOT NULL,                -- the platform's id of the bot's message
    channel   TEXT NOT NULL,                -- the platform's id of the channel or room
    question  TEXT NOT NULL,                -- the platform's id of the message that it answers
    part      INTEGER NOT NULL,             -- position among the messages of one answer, from 0
    at        INTEGER NOT NULL,             -- in seconds since 1970, UTC
    PRIMARY KEY (platform, message)
) STRICT, WITHOUT ROWID;

CREATE INDEX post_question ON post (platform, question, part);
CREATE INDEX post_at ON post (platform, at);
