//! What a stack has written, to tell that a request changed nothing.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::{AssertSqlSafe, PgPool};

use crate::Stack;

/// Tables whose rows change by themselves: what waits to be sent, and what counts it.
const QUEUES: [&str; 3] = ["outbox", "account_projection", "commit_count"];

/// Every row of both databases, and how many events each has ever appended.
#[derive(Clone, Debug)]
pub struct Written {
    tables: BTreeMap<String, Vec<String>>,
    events: BTreeMap<&'static str, i64>,
}

impl Written {
    /// Returns the tables, such as `vault.credential`, with their rows.
    pub fn tables(&self) -> impl Iterator<Item = (&str, &[String])> {
        let tables = self.tables.iter();
        tables.map(|(table, rows)| (table.as_str(), rows.as_slice()))
    }

    fn lines(&self) -> BTreeSet<String> {
        let rows = self.tables().flat_map(|(table, rows)| {
            let rows = rows.iter();
            rows.map(move |row| format!("{table} {row}"))
        });
        let events = self.events.iter();
        let events = events.map(|(database, count)| format!("{database} events: {count}"));
        rows.chain(events).collect()
    }
}

impl Stack {
    /// Reads everything that was written so far.
    ///
    /// # Panics
    /// When PostgreSQL does not answer.
    pub async fn written(&self) -> Written {
        let mut tables = BTreeMap::new();
        let mut events = BTreeMap::new();
        let databases = [
            ("integrations", self.integrations_database()),
            ("vault", self.vault_database()),
        ];
        for (name, database) in databases {
            for table in tables_of(database).await {
                let rows = rows_of(database, &table).await;
                tables.insert(format!("{name}.{table}"), rows);
            }
            events.insert(name, events_of(database).await);
        }
        Written { tables, events }
    }

    /// Returns what has changed since, a line for each row that is new (`+`) or gone (`-`):
    /// `+ vault.tombstone (…)`.
    ///
    /// # Panics
    /// When PostgreSQL does not answer.
    pub async fn changes_since(&self, before: &Written) -> Vec<String> {
        let (before, now) = (before.lines(), self.written().await.lines());
        let new = now.difference(&before).map(|line| format!("+ {line}"));
        let gone = before.difference(&now).map(|line| format!("- {line}"));
        new.chain(gone).collect()
    }
}

async fn tables_of(database: &PgPool) -> Vec<String> {
    let query = "SELECT table_name::text FROM information_schema.tables
        WHERE table_schema = 'public' AND table_name <> ALL ($1)";
    sqlx::query_scalar(query)
        .bind(QUEUES.as_slice())
        .fetch_all(database)
        .await
        .expect("the tables are listed")
}

async fn rows_of(database: &PgPool, table: &str) -> Vec<String> {
    let query = format!("SELECT t::text FROM \"{table}\" AS t");
    sqlx::query_scalar(AssertSqlSafe(query))
        .fetch_all(database)
        .await
        .expect("the table is readable")
}

/// Published events leave the outbox, but not the count of its positions.
async fn events_of(database: &PgPool) -> i64 {
    let query = "SELECT COALESCE(pg_sequence_last_value(
        pg_get_serial_sequence('outbox', 'position')::regclass), 0)";
    sqlx::query_scalar(query)
        .fetch_one(database)
        .await
        .expect("the sequence is readable")
}
