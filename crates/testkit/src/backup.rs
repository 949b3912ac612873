//! Restoring a database from a backup, while everybody stays connected to it.

use sqlx::{AssertSqlSafe, PgPool};

use crate::eventually;

/// The rows of every table of the schema `public`, and where the sequences of identity columns
/// stood, as they were when it was taken. It is kept in the database itself.
#[derive(Debug)]
pub struct Backup {
    /// Each table, and its columns but those that PostgreSQL computes.
    tables: Vec<(String, String)>,
    sequences: Vec<(String, i64)>,
}

impl Backup {
    /// Takes a backup. A database holds one.
    ///
    /// # Panics
    /// When a statement fails.
    pub async fn take(database: &PgPool) -> Self {
        let tables = sqlx::query_as(
            "SELECT relname::text, string_agg(quote_ident(attname), ', ' ORDER BY attnum)
             FROM pg_attribute
             JOIN pg_class ON pg_class.oid = attrelid
             WHERE relnamespace = 'public'::regnamespace
                 AND relkind = 'r'
                 AND attnum > 0
                 AND NOT attisdropped
                 AND attgenerated = ''
             GROUP BY relname",
        );
        let tables = tables.fetch_all(database).await;
        let tables: Vec<(String, String)> = tables.expect("the catalogue is readable");
        run(database, "CREATE SCHEMA backup".to_owned()).await;
        for (table, columns) in &tables {
            let copy =
                format!("CREATE TABLE backup.{table} AS SELECT {columns} FROM public.{table}");
            run(database, copy).await;
        }
        let sequences = sqlx::query_as(
            "SELECT sequencename::text, last_value
             FROM pg_sequences
             WHERE schemaname = 'public' AND last_value IS NOT NULL",
        );
        let sequences = sequences.fetch_all(database).await;
        Self {
            tables,
            sequences: sequences.expect("the sequences are readable"),
        }
    }

    /// Makes the database what it was. Nobody sees it half restored.
    ///
    /// # Panics
    /// When it does not work for a minute.
    pub async fn restore(&self, database: &PgPool) {
        // Whoever works in it may be in the way; one of both gives way.
        eventually("the restored backup", || async {
            self.try_restore(database).await.ok()
        })
        .await;
    }

    async fn try_restore(&self, database: &PgPool) -> Result<(), sqlx::Error> {
        let mut transaction = database.begin().await?;
        let tables: Vec<&str> = self
            .tables
            .iter()
            .map(|(table, _)| table.as_str())
            .collect();
        let mut statements = vec![
            "SET LOCAL session_replication_role = replica".to_owned(),
            format!("TRUNCATE {}", tables.join(", ")),
        ];
        for (table, columns) in &self.tables {
            statements.push(format!(
                "INSERT INTO public.{table} ({columns}) OVERRIDING SYSTEM VALUE
                 SELECT {columns} FROM backup.{table}"
            ));
        }
        for (sequence, value) in &self.sequences {
            statements.push(format!("SELECT setval('public.{sequence}', {value})"));
        }
        for statement in statements {
            sqlx::query(AssertSqlSafe(statement))
                .execute(&mut *transaction)
                .await?;
        }
        transaction.commit().await
    }
}

async fn run(database: &PgPool, statement: String) {
    sqlx::query(AssertSqlSafe(statement))
        .execute(database)
        .await
        .expect("the statement succeeds");
}
