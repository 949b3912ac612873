CREATE TABLE second (id integer PRIMARY KEY);
SELECT 1 / 0;
