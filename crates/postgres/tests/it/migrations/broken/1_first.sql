CREATE TABLE first (id integer PRIMARY KEY, value integer NOT NULL DEFAULT 0);
