//! DataFusion's own records for the parts of SQL that do not differ, `tests/datafusion/*.slt`: the same
//! statements have to give the same rows here.
//!
//! `tests/datafusion/skipped.txt` lists the records that do not hold, under the reasons why; one that holds
//! may not be listed. Plans, settings and DDL are DataFusion's own business and are passed over, but that
//! tables are made as DDL says: each is a view that selects its columns from a collection.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use datafusion::sql::sqlparser::ast::{
    CreateTable, DataType, Insert, ObjectName, ObjectType, Query, Statement, TableObject,
};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::parser::Parser;
use outcrop_document::{Object, Timestamp, Value};
use outcrop_query::{
    Collections, Definer, DocumentSink, Engine, EngineOptions, Indirection, QueryError,
    QueryOutput, Reach,
};
use outcrop_storage::Snapshot;
use sqllogictest::{Condition, DefaultColumnType, QueryExpect, Record, SortMode};

use crate::fixture::{Layout, request, sql_tests};
use crate::slt::Row;

/// Ends the name of the collection of a table.
const ROWS: &str = " rows";

/// What a column of a table is cast to.
type Columns = Vec<(String, Option<&'static str>)>;

#[derive(Clone, Default)]
struct Table {
    columns: Columns,
    documents: Vec<Value>,
}

/// The tables of one file, as collections and views, and what an INSERT gave.
#[derive(Default)]
struct Database {
    tables: Mutex<BTreeMap<String, Table>>,
    inserted: Mutex<Vec<Object>>,
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

impl Collections for Database {
    fn snapshot(&self, _workspace: &str, name: &str) -> Option<Arc<Snapshot>> {
        let tables = self.tables.lock().unwrap();
        let table = tables.get(name.strip_suffix(ROWS)?)?;
        Some(Layout::Segments.snapshot(&table.documents))
    }

    fn indirection(&self, _workspace: &str, name: &str) -> Option<Indirection> {
        let tables = self.tables.lock().unwrap();
        let columns = tables.get(name)?.columns.iter();
        let columns: Vec<_> = columns.map(|(name, _)| quoted(name)).collect();
        let rows = quoted(&format!("{name}{ROWS}"));
        Some(Indirection::View {
            sql: format!("SELECT {} FROM {rows}", columns.join(", ")),
            definer: Definer::default(),
        })
    }
}

#[async_trait]
impl DocumentSink for Database {
    async fn open(&self, _workspace: &str, _name: &str) -> Result<(), QueryError> {
        Ok(())
    }

    async fn store(&self, documents: Vec<Object>) -> Result<(), QueryError> {
        self.inserted.lock().unwrap().extend(documents);
        Ok(())
    }
}

struct Subject {
    engine: Engine,
    database: Arc<Database>,
}

impl Subject {
    fn new() -> Self {
        let database = Arc::new(Database::default());
        let options = EngineOptions {
            partitions: 2,
            ..EngineOptions::default()
        };
        let engine = Engine::new(Arc::clone(&database) as Arc<dyn Collections>, options).unwrap();
        Self { engine, database }
    }

    async fn run(&self, sql: &str) -> Result<QueryOutput, String> {
        let reach = Reach {
            collections: Arc::clone(&self.database) as Arc<dyn Collections>,
            sink: Some(Arc::clone(&self.database) as Arc<dyn DocumentSink>),
        };
        let output = self.engine.execute_within(request(sql), reach).await;
        output.map_err(|error| error.to_string())
    }

    /// The text of each cell of each row, as DataFusion's records have it.
    async fn rows(&self, sql: &str) -> Result<Vec<Vec<String>>, String> {
        let output = self.run(sql).await?;
        let rows: Vec<Row> = serde_json::from_slice(&output.rows_json).unwrap();
        let row = |row: &Row| row.0.iter().map(|(_, value)| cell(value.get())).collect();
        Ok(rows.iter().map(row).collect())
    }

    /// The rows of a query as documents, with the columns cast.
    async fn documents(&self, query: &Query, columns: &Columns) -> Result<Vec<Value>, String> {
        let names: Vec<_> = columns.iter().map(|(name, _)| quoted(name)).collect();
        let values = columns.iter().zip(&names).map(|((_, kind), name)| {
            let value = match kind {
                Some(kind) => format!("CAST(v.{name} AS {kind})"),
                None => format!("v.{name}"),
            };
            format!("{value} AS {name}")
        });
        let values: Vec<_> = values.collect();
        let (values, names) = (values.join(", "), names.join(", "));
        let sql = format!("INSERT INTO t SELECT {values} FROM ({query}) AS v ({names})");
        self.run(&sql).await?;
        let inserted = std::mem::take(&mut *self.database.inserted.lock().unwrap());
        Ok(inserted.into_iter().map(Value::Object).collect())
    }

    async fn append(&self, name: &str, query: &Query, columns: &Columns) -> Result<(), String> {
        let documents = self.documents(query, columns).await?;
        let mut tables = self.database.tables.lock().unwrap();
        let table = tables.get_mut(name).ok_or("there is no such table")?;
        for document in documents {
            let Value::Object(mut members) = document else {
                return Err("a document is an object".to_owned());
            };
            let id = format!("{:06}", table.documents.len());
            members.insert("_id".to_owned(), Value::String(id));
            members.insert("_event_time".to_owned(), Value::Timestamp(Timestamp(0)));
            table.documents.push(Value::Object(members));
        }
        Ok(())
    }

    fn columns(&self, name: &str) -> Option<Columns> {
        let tables = self.database.tables.lock().unwrap();
        tables.get(name).map(|table| table.columns.clone())
    }

    fn set(&self, name: &str, table: Option<Table>) {
        let mut tables = self.database.tables.lock().unwrap();
        match table {
            Some(table) => tables.insert(name.to_owned(), table),
            None => tables.remove(name),
        };
    }

    /// Makes a table with its rows, or none if that fails.
    async fn create(&self, create: CreateTable) -> Result<(), String> {
        let name = last(&create.name);
        let mut columns = Columns::new();
        for column in &create.columns {
            columns.push((folded(&column.name), Some(type_name(&column.data_type)?)));
        }
        if let (true, Some(query)) = (columns.is_empty(), &create.query) {
            let fields = self.run(&query.to_string()).await?.column_fields;
            let fields = fields.ok_or("the columns are not known")?;
            columns = fields.into_iter().map(|name| (name, None)).collect();
        }
        let table = Table {
            columns: columns.clone(),
            documents: Vec::new(),
        };
        self.set(&name, Some(table));
        let Some(query) = &create.query else {
            return Ok(());
        };
        let filled = self.append(&name, query, &columns).await;
        if filled.is_err() {
            self.set(&name, None);
        }
        filled
    }

    async fn insert(&self, insert: Insert) -> Result<(), String> {
        let TableObject::TableName(name) = &insert.table else {
            return Err("no table".to_owned());
        };
        let name = last(name);
        let mut columns = self.columns(&name).ok_or("there is no such table")?;
        if !insert.columns.is_empty() {
            let named: Vec<_> = insert.columns.iter().map(last).collect();
            let kind = |name: &String| columns.iter().find(|(own, _)| own == name);
            let named = named.iter().map(|name| kind(name).cloned());
            columns = named.collect::<Option<_>>().ok_or("no such column")?;
        }
        let source = insert.source.ok_or("no rows")?;
        self.append(&name, &source, &columns).await
    }

    /// Makes, fills or drops a table. What cannot be done leaves none, which the queries then miss.
    async fn statement(&self, sql: &str) -> Result<(), String> {
        let parsed =
            Parser::parse_sql(&GenericDialect {}, sql).map_err(|error| error.to_string())?;
        for statement in parsed {
            match statement {
                Statement::CreateTable(create) if !create.external => {
                    Box::pin(self.create(create)).await?;
                }
                Statement::Insert(insert) => Box::pin(self.insert(insert)).await?,
                Statement::Drop {
                    object_type: ObjectType::Table,
                    names,
                    ..
                } => names.iter().for_each(|name| self.set(&last(name), None)),
                other => return Err(format!("not known: {other}")),
            }
        }
        Ok(())
    }
}

fn last(name: &ObjectName) -> String {
    let ident = name.0.last().and_then(|part| part.as_ident());
    ident.map(folded).unwrap_or_default()
}

/// A name as DataFusion has it: in lower case, unless it is quoted.
fn folded(ident: &datafusion::sql::sqlparser::ast::Ident) -> String {
    match ident.quote_style {
        Some(_) => ident.value.clone(),
        None => ident.value.to_ascii_lowercase(),
    }
}

fn type_name(data_type: &DataType) -> Result<&'static str, String> {
    let text = data_type.to_string().to_ascii_uppercase();
    let name = text.split([' ', '(']).next().unwrap_or_default();
    Ok(match name {
        "TINYINT" | "SMALLINT" | "INT" | "INTEGER" | "BIGINT" | "INT8" => "int",
        "FLOAT" | "DOUBLE" | "REAL" | "DECIMAL" | "NUMERIC" => "float",
        "TEXT" | "VARCHAR" | "STRING" | "CHAR" | "CHARACTER" => "string",
        "BOOLEAN" | "BOOL" => "bool",
        "DATE" => "date",
        "TIME" => "time",
        "TIMESTAMP" => "datetime",
        _ => return Err(format!("no type for {text}")),
    })
}

/// A value of JSON as the text of DataFusion's records.
fn cell(json: &str) -> String {
    match serde_json::from_str(json).unwrap() {
        serde_json::Value::Null => "NULL".to_owned(),
        serde_json::Value::String(text) if text.is_empty() => "(empty)".to_owned(),
        serde_json::Value::String(text) => text,
        serde_json::Value::Number(number) => match number.as_f64() {
            Some(float) if number.is_f64() => float.to_string(),
            _ => number.to_string(),
        },
        serde_json::Value::Array(elements) => {
            let elements = elements.iter().map(|element| cell(&element.to_string()));
            format!("[{}]", elements.collect::<Vec<_>>().join(", "))
        }
        serde_json::Value::Object(members) if members.contains_key("__rockset_type") => {
            cell(&members["value"].to_string())
        }
        other => other.to_string(),
    }
}

/// Whether two lines have the same words, numbers being equal to twelve digits.
fn alike(left: &str, right: &str) -> bool {
    let same = |(left, right): (&str, &str)| {
        let numbers = (left.parse::<f64>(), right.parse::<f64>());
        left == right
            || matches!(numbers, (Ok(left), Ok(right))
                if (left - right).abs() <= 1e-12 * left.abs().max(right.abs()))
    };
    let (left, right): (Vec<_>, Vec<_>) = (
        left.split_whitespace().collect(),
        right.split_whitespace().collect(),
    );
    left.len() == right.len() && left.into_iter().zip(right).all(same)
}

/// What is wrong with the rows of a query, if something is.
fn difference(
    mut rows: Vec<Vec<String>>,
    mut expected: Vec<String>,
    sorted: Option<SortMode>,
) -> Option<String> {
    let mut lines: Vec<String> = match sorted {
        Some(SortMode::ValueSort) => rows.into_iter().flatten().collect(),
        _ => {
            rows.iter_mut().for_each(|row| {
                row.iter_mut()
                    .for_each(|cell| *cell = cell.trim().to_owned())
            });
            rows.into_iter().map(|row| row.join(" ")).collect()
        }
    };
    if sorted.is_some_and(|mode| mode != SortMode::NoSort) {
        lines.sort();
        expected.sort();
    }
    let same = lines.len() == expected.len()
        && lines
            .iter()
            .zip(&expected)
            .all(|(own, theirs)| alike(own, theirs));
    (!same).then(|| format!("{lines:?} instead of {expected:?}"))
}

/// Whether a record is for other engines than DataFusion.
fn is_foreign(conditions: &[Condition]) -> bool {
    conditions.iter().any(|condition| match condition {
        Condition::OnlyIf { label } => !label.eq_ignore_ascii_case("datafusion"),
        Condition::SkipIf { label } => label.eq_ignore_ascii_case("datafusion"),
    })
}

/// The records of a file by their lines, each with what is wrong with it here, if something is.
async fn outcomes(file: &Path) -> Vec<(u32, Option<String>)> {
    let subject = Subject::new();
    let mut found = Vec::new();
    for record in sqllogictest::parse_file::<DefaultColumnType>(file)
        .unwrap_or_else(|error| panic!("{error}"))
    {
        match record {
            Record::Statement {
                sql, conditions, ..
            } if !is_foreign(&conditions) => {
                let _ = Box::pin(subject.statement(&sql)).await;
            }
            Record::Query {
                loc,
                conditions,
                sql,
                expected,
                ..
            } if !is_foreign(&conditions) => {
                let first = sql.split_whitespace().next().unwrap_or_default();
                let first = first.to_ascii_uppercase();
                if matches!(first.as_str(), "EXPLAIN" | "SHOW" | "DESCRIBE" | "COPY") {
                    continue;
                }
                if first == "INSERT" {
                    let _ = Box::pin(subject.statement(&sql)).await;
                    continue;
                }
                let rows = subject.rows(&sql).await;
                let wrong = match (expected, rows) {
                    (QueryExpect::Error(_), Err(_)) => None,
                    (QueryExpect::Error(_), Ok(rows)) => Some(format!("{rows:?}, not an error")),
                    (QueryExpect::Results { .. }, Err(error)) => Some(error),
                    (
                        QueryExpect::Results {
                            sort_mode, results, ..
                        },
                        Ok(rows),
                    ) => difference(rows, results, sort_mode),
                };
                found.push((loc.line(), wrong.map(|wrong| format!("{sql}\n  {wrong}"))));
            }
            _ => {}
        }
    }
    found
}

/// The records that do not hold, by file.
fn skipped(text: &str) -> BTreeMap<String, BTreeSet<u32>> {
    let mut skipped = BTreeMap::<String, BTreeSet<u32>>::new();
    for line in text.lines() {
        if let Some((file, numbers)) = line.split_once(": ")
            && !line.starts_with('#')
        {
            let numbers = numbers.split_whitespace().map(|n| n.parse().unwrap());
            let known = skipped.entry(file.to_owned()).or_default();
            for number in numbers {
                assert!(known.insert(number), "{file}: {number} is listed twice");
            }
        }
    }
    skipped
}

#[tokio::test]
async fn what_does_not_differ_gives_the_same_rows() {
    let folder = match std::env::var_os("DATAFUSION_RECORDS") {
        Some(folder) => PathBuf::from(folder),
        None => sql_tests().join("../datafusion"),
    };
    let list = std::fs::read_to_string(sql_tests().join("../datafusion/skipped.txt")).unwrap();
    let mut skipped = skipped(&list);
    let mut failures = Vec::new();
    let mut files: Vec<_> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "slt"))
        .collect();
    files.sort();
    assert!(!files.is_empty());
    for file in files {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        let mut listed = skipped.remove(&name).unwrap_or_default();
        let outcomes = Box::pin(outcomes(&file)).await;
        let held = outcomes.iter().filter(|(_, wrong)| wrong.is_none()).count();
        println!("{name}: {held} of {} hold", outcomes.len());
        for (line, wrong) in outcomes {
            match (wrong, listed.remove(&line)) {
                (Some(wrong), false) => failures.push(format!("{name}: {line}\n  {wrong}")),
                (None, true) => failures.push(format!("{name}: {line} holds, but is listed")),
                _ => {}
            }
        }
        failures.extend(
            listed
                .iter()
                .map(|line| format!("{name}: {line} is no record")),
        );
    }
    failures.extend(skipped.keys().map(|name| format!("there is no {name}")));
    assert!(
        failures.is_empty(),
        "{} records\n{}",
        failures.len(),
        failures.join("\n")
    );
}
