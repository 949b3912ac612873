CREATE TABLE second (id integer PRIMARY KEY);
