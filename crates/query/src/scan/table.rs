//! What the planner sees of one collection: a pinned snapshot under a narrow schema.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::{DataType, Schema, SchemaRef};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::stats::Precision;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchema, Result, Statistics};
use datafusion::logical_expr::{Expr, LogicalPlan, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;
use outcrop_document::FieldPath;
use outcrop_storage::Snapshot;

use super::access::AccessPath;
use super::column::{Column, PathUse};
use super::exec::{CollectionScan, ScanOptions, Source};
use super::part::PartColumns;

/// One collection in one query: a snapshot, and only those columns that the query may touch.
///
/// A collection with ten thousand paths never makes a plan of ten thousand columns: the schema is
/// cut to the identifier chains of the statement before anything is planned.
pub struct CollectionTable {
    full_name: Arc<str>,
    snapshot: Arc<Snapshot>,
    columns: Arc<[Column]>,
    by_path: BTreeMap<FieldPath, Vec<usize>>,
    schema: SchemaRef,
    path: AccessPath,
}

impl CollectionTable {
    /// A table over `snapshot` that exposes `_doc` and the paths among `chains`.
    ///
    /// A chain is a run of identifiers as the statement has it, `t.a.b`. As its first step may be
    /// the name of a table, both `t.a.b` and `a.b` are looked for, each with every prefix, and
    /// exposed where the snapshot has seen them.
    #[must_use]
    pub fn new(
        full_name: impl Into<Arc<str>>,
        snapshot: Arc<Snapshot>,
        chains: &BTreeSet<Vec<String>>,
    ) -> Self {
        let mut columns = vec![Column::document()];
        let mut by_path = BTreeMap::new();
        for path in paths_among(chains) {
            let Some(counts) = snapshot.types().get(&path) else {
                continue;
            };
            let first = columns.len();
            columns.extend(Column::of_path(&path, counts));
            by_path.insert(path, (first..columns.len()).collect());
        }
        let fields = columns.iter().map(Column::field).collect::<Vec<_>>();
        Self {
            full_name: full_name.into(),
            snapshot,
            columns: columns.into(),
            by_path,
            schema: Arc::new(Schema::new(fields)),
            path: AccessPath::default(),
        }
    }

    /// The same table, read by `path`.
    #[must_use]
    pub fn with_access_path(&self, path: AccessPath) -> Self {
        Self {
            full_name: Arc::clone(&self.full_name),
            snapshot: Arc::clone(&self.snapshot),
            columns: Arc::clone(&self.columns),
            by_path: self.by_path.clone(),
            schema: Arc::clone(&self.schema),
            path,
        }
    }

    /// Workspace and collection, joined by a dot.
    #[must_use]
    pub fn full_name(&self) -> &str {
        &self.full_name
    }

    /// The snapshot that every read of this table sees.
    #[must_use]
    pub fn snapshot(&self) -> &Arc<Snapshot> {
        &self.snapshot
    }

    /// The column that answers `wanted` for the path with these steps, and its type.
    ///
    /// `None` for [`PathUse::Value`] and [`PathUse::Dynamic`] means that the value is undefined (or,
    /// for `Value`, null) in every document. `None` for [`PathUse::Number`] means that the path does
    /// not hold just numbers, or holds ints alone, which [`PathUse::Value`] gives natively;
    /// `None` for [`PathUse::Int`] the same; `None` for [`PathUse::NullMark`] that no document has an explicit null there.
    #[must_use]
    pub fn path(&self, steps: &[String], wanted: PathUse) -> Option<(&str, DataType)> {
        let path = FieldPath::from_steps(steps.to_vec());
        let columns = self.by_path.get(&path)?;
        let column = columns.iter().map(|index| &self.columns[*index]);
        let found = column.into_iter().find(|column| column.answers(wanted))?;
        Some((&found.name, found.data_type()))
    }

    /// Bytes that a row of these columns takes in a batch, on average; all columns if none are given.
    pub(crate) fn row_bytes(&self, projection: Option<&[usize]>) -> u64 {
        let columns: Vec<&Column> = match projection {
            Some(indices) => indices.iter().map(|index| &self.columns[*index]).collect(),
            None => self.columns.iter().collect(),
        };
        let parts = self.snapshot.parts().iter();
        let (bytes, rows) = parts.fold((0, 0), |(bytes, rows), part| {
            let stored = PartColumns::new(part, &columns, Arc::clone(&self.schema));
            let of_part = part.value_bytes(stored.stored(), stored.document());
            (bytes + of_part, rows + u64::from(part.row_count()))
        });
        bytes / rows.max(1)
    }

    /// The name of the column that holds whole documents, as dynamic values.
    #[must_use]
    pub fn document_column(&self) -> &'static str {
        outcrop_storage::DOCUMENT_COLUMN
    }
}

/// Every path that a chain may name in this table, with every prefix.
fn paths_among(chains: &BTreeSet<Vec<String>>) -> BTreeSet<FieldPath> {
    let mut paths = BTreeSet::new();
    for chain in chains {
        for skipped in 0..chain.len().min(2) {
            let steps = &chain[skipped..];
            for length in 1..=steps.len() {
                paths.insert(FieldPath::from_steps(steps[..length].to_vec()));
            }
        }
    }
    paths
}

impl std::fmt::Debug for CollectionTable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CollectionTable")
            .field("full_name", &self.full_name)
            .field("schema", &self.schema)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl TableProvider for CollectionTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn get_logical_plan(&'_ self) -> Option<Cow<'_, LogicalPlan>> {
        None
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let schema = DFSchema::try_from(Arc::clone(&self.schema))?;
        let filters = filters
            .iter()
            .map(|filter| state.create_physical_expr(filter.clone(), &schema))
            .collect::<Result<Vec<_>>>()?;
        let projection = match projection {
            Some(indices) => indices.clone(),
            None => (0..self.columns.len()).collect(),
        };
        let source = Source {
            full_name: Arc::clone(&self.full_name),
            snapshot: Arc::clone(&self.snapshot),
            columns: Arc::clone(&self.columns),
            schema: Arc::clone(&self.schema),
            path: self.path,
        };
        let partitions_max = state.config().target_partitions();
        let options = ScanOptions {
            projection,
            filters,
            limit,
            partitions_max,
            parts: None,
            top: None,
        };
        Ok(Arc::new(CollectionScan::try_new(source, options)?))
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>> {
        filters.iter().map(|filter| pushdown(filter)).collect()
    }

    fn statistics(&self) -> Option<Statistics> {
        let mut statistics = Statistics::new_unknown(&self.schema);
        let rows = usize::try_from(self.snapshot.row_count()).unwrap_or(usize::MAX);
        statistics.num_rows = Precision::Exact(rows);
        Some(statistics)
    }
}

/// A filter is evaluated inside the scan, exactly, unless it reaches beyond the row.
fn pushdown(filter: &Expr) -> Result<TableProviderFilterPushDown> {
    if filter.is_volatile() {
        return Ok(TableProviderFilterPushDown::Unsupported);
    }
    let mut local = true;
    filter.apply(|expr| {
        local &= !matches!(
            expr,
            Expr::Exists(_)
                | Expr::InSubquery(_)
                | Expr::ScalarSubquery(_)
                | Expr::SetComparison(_)
                | Expr::OuterReferenceColumn(..)
                | Expr::AggregateFunction(_)
                | Expr::WindowFunction(_)
                | Expr::Placeholder(_)
        );
        Ok(if local {
            TreeNodeRecursion::Continue
        } else {
            TreeNodeRecursion::Stop
        })
    })?;
    Ok(match local {
        true => TableProviderFilterPushDown::Exact,
        false => TableProviderFilterPushDown::Unsupported,
    })
}
