//! The leaf of every plan that reads documents.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::config::ConfigOptions;
use datafusion::common::stats::Precision;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Result, Statistics, internal_err};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::utils::{collect_columns, split_conjunction};
use datafusion::physical_expr::{EquivalenceProperties, Partitioning, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::filter_pushdown::{
    ChildPushdownResult, FilterPushdownPhase, FilterPushdownPropagation, PushedDown,
};
use datafusion::physical_plan::metrics::{ExecutionPlanMetricsSet, MetricsSet};
use datafusion::physical_plan::statistics::StatisticsArgs;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties, ReplaceChildrenOptions,
};
use outcrop_storage::{Part, PartData, Snapshot};

use super::access::{AccessKind, AccessPath, PartAccess, report};
use super::column::Column;
use super::index_only::Top;
use super::lookup;
use super::predicate::Predicate;
use super::stream::{ScanPlan, ScanStream, storage_error};
use super::work::{self, PartShape, Piece};

/// How many rows a filter is guessed to keep: one in so many.
const FILTER_DIVISOR: u32 = 4;

/// Longest text of a filter in EXPLAIN.
const FILTER_CHARACTERS_SHOWN: usize = 400;

/// Reads chosen columns of the documents of one snapshot that pass every filter.
///
/// Filters run inside the scan, the cheapest first, and only their survivors are read further. A
/// filter that names documents by `_id` is answered by looking their rows up. Partitions are sets of
/// parts, or of pieces of large ones.
#[derive(Debug)]
pub struct CollectionScan {
    source: Source,
    /// Indices into the table's columns, in output order.
    projection: Vec<usize>,
    filters: Vec<Arc<dyn PhysicalExpr>>,
    predicates: Arc<[Predicate]>,
    ids: Option<Arc<BTreeSet<String>>>,
    /// How each part is read, as far as is known before the scan runs.
    accesses: Arc<[PartAccess]>,
    /// The parts of the snapshot that are read.
    parts: Arc<[usize]>,
    /// Restricts each part to the rows that a top-N may want.
    top: Option<Top>,
    /// Most rows that one partition gives.
    limit: Option<usize>,
    partitions_max: usize,
    partitions: Arc<[Vec<Piece>]>,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

/// The table that a scan reads.
#[derive(Clone)]
pub(super) struct Source {
    pub(super) full_name: Arc<str>,
    pub(super) snapshot: Arc<Snapshot>,
    pub(super) columns: Arc<[Column]>,
    pub(super) schema: SchemaRef,
    pub(super) path: AccessPath,
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source")
            .field("full_name", &self.full_name)
            .field("schema", &self.schema)
            .finish_non_exhaustive()
    }
}

/// What to read of a table.
pub(super) struct ScanOptions {
    /// Indices into the table's columns, in output order.
    pub(super) projection: Vec<usize>,
    /// Filters over the table's schema, all of which must hold.
    pub(super) filters: Vec<Arc<dyn PhysicalExpr>>,
    /// Most rows to give.
    pub(super) limit: Option<usize>,
    /// Most partitions to make.
    pub(super) partitions_max: usize,
    /// Which parts of the snapshot to read; all if none are given.
    pub(super) parts: Option<Arc<[usize]>>,
    /// Restricts each part to the rows that a top-N may want.
    pub(super) top: Option<Top>,
}

impl CollectionScan {
    /// A scan of `source`.
    ///
    /// # Errors
    /// If a filter names a column that the table lacks.
    pub(super) fn try_new(source: Source, options: ScanOptions) -> Result<Self> {
        let ScanOptions {
            projection,
            filters,
            limit,
            partitions_max,
            parts,
            top,
        } = options;
        let parts = parts.unwrap_or_else(|| (0..source.snapshot.parts().len()).collect());
        let (ids, predicates) = classify(&filters, &source)?;
        let accesses = match ids {
            Some(_) => Vec::new(),
            None => decide(&predicates, &source, projection.is_empty())?,
        };
        let shapes = source.snapshot.parts().iter().enumerate();
        let shapes = shapes
            .map(|(index, part)| match parts.contains(&index) {
                true => shape(part, accesses.get(index)),
                false => PartShape::default(),
            })
            .collect::<Vec<_>>();
        let partitions_wanted = if ids.is_some() { 1 } else { partitions_max };
        let partitions = work::assign(&shapes, partitions_wanted);
        let schema = Arc::new(source.schema.project(&projection)?);
        let properties = PlanProperties::new(
            EquivalenceProperties::new(schema),
            Partitioning::UnknownPartitioning(partitions.len()),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        Ok(Self {
            source,
            projection,
            filters,
            predicates: predicates.into(),
            ids: ids.map(Arc::new),
            accesses: accesses.into(),
            parts,
            top,
            limit,
            partitions_max,
            partitions: partitions.into(),
            properties: Arc::new(properties),
            metrics: ExecutionPlanMetricsSet::new(),
        })
    }

    fn options(&self) -> ScanOptions {
        ScanOptions {
            projection: self.projection.clone(),
            filters: self.filters.clone(),
            limit: self.limit,
            partitions_max: self.partitions_max,
            parts: Some(Arc::clone(&self.parts)),
            top: self.top.clone(),
        }
    }

    /// The table that is read.
    pub(super) fn source(&self) -> &Source {
        &self.source
    }

    /// The parts of the snapshot that are read.
    pub(super) fn parts(&self) -> impl Iterator<Item = usize> + '_ {
        self.parts.iter().copied()
    }

    /// Whether all live rows come out: there are no filters, lookups and limits.
    pub(super) fn reads_all_rows(&self) -> bool {
        self.predicates.is_empty()
            && self.ids.is_none()
            && self.limit.is_none()
            && self.top.is_none()
    }

    /// The same scan of these parts only.
    pub(super) fn of_parts(&self, parts: Vec<usize>) -> Result<Self> {
        let options = ScanOptions {
            parts: Some(parts.into()),
            ..self.options()
        };
        Self::try_new(self.source.clone(), options)
    }

    /// The same scan, without rows that cannot be among the first by a field.
    pub(super) fn with_top(&self, top: Top) -> Result<Self> {
        let options = ScanOptions {
            top: Some(top),
            ..self.options()
        };
        Self::try_new(self.source.clone(), options)
    }

    /// The access path, as EXPLAIN names it.
    fn access(&self) -> String {
        match &self.ids {
            Some(ids) => format!("lookup of {} by `_id`", counted(ids.len(), "document")),
            None if self.predicates.is_empty() => "column_scan".to_owned(),
            None => {
                let parts = self.source.snapshot.parts();
                let filters = self
                    .predicates
                    .iter()
                    .enumerate()
                    .map(|(place, predicate)| {
                        let filter = shown(predicate);
                        match predicate.is_changing() {
                            true => format!("{filter}: decided for each segment when it is opened"),
                            false => report(place, &filter, parts, &self.accesses),
                        }
                    });
                format!("[{}]", filters.collect::<Vec<_>>().join("; "))
            }
        }
    }

    /// The access paths of its parts, as far as they are decided before it runs.
    pub(super) fn paths(&self) -> BTreeSet<AccessKind> {
        if self.ids.is_some() {
            return BTreeSet::from([AccessKind::IdLookup]);
        }
        let parts = self.source.snapshot.parts();
        let kinds = self.parts.iter().map(|part| {
            let is_delta = matches!(parts[*part].data(), PartData::Chunk(_));
            match self.accesses.get(*part).and_then(PartAccess::kind) {
                _ if is_delta => AccessKind::DeltaScan,
                _ if self.top.is_some() => AccessKind::IndexOrder,
                Some(kind) => kind,
                None => AccessKind::ColumnScan,
            }
        });
        kinds.collect()
    }

    /// The number of rows that come out, where it is known without reading.
    fn row_count(&self, partition: Option<usize>) -> Option<usize> {
        if !self.predicates.is_empty() || self.ids.is_some() || self.top.is_some() {
            return None;
        }
        let parts = self.source.snapshot.parts();
        let rows: u64 = match partition {
            None => {
                let read = self.parts.iter().map(|index| &parts[*index]);
                read.map(|part| u64::from(part.live_row_count())).sum()
            }
            Some(partition) => self
                .partitions
                .get(partition)?
                .iter()
                .map(|piece| match piece.rows {
                    None => Some(u64::from(parts[piece.part].live_row_count())),
                    Some(_) => None,
                })
                .sum::<Option<u64>>()?,
        };
        let rows = usize::try_from(rows).unwrap_or(usize::MAX);
        match (self.limit, self.partitions.len()) {
            (None, _) => Some(rows),
            (Some(limit), 1) => Some(rows.min(limit)),
            (Some(_), _) => None,
        }
    }
}

impl CollectionScan {
    /// A guess at the number of rows that come out, for the order and the kind of joins.
    fn estimate(&self, partition: Option<usize>) -> usize {
        let guess = |rows: u64, filters: usize| {
            let filters = u32::try_from(filters).unwrap_or(u32::MAX);
            rows / u64::from(FILTER_DIVISOR).saturating_pow(filters)
        };
        let rows: u64 = match &self.ids {
            Some(ids) => guess(ids.len() as u64, self.predicates.len()),
            None => {
                let parts = self.source.snapshot.parts();
                let rows = self.parts.iter().map(|index| {
                    let (index, part) = (*index, &parts[*index]);
                    let access = self.accesses.get(index);
                    match access.and_then(PartAccess::rows_least) {
                        Some(rows) => rows.min(u64::from(part.live_row_count())),
                        None => guess(u64::from(part.live_row_count()), self.predicates.len()),
                    }
                });
                rows.sum()
            }
        };
        let rows = usize::try_from(rows).unwrap_or(usize::MAX);
        let rows = match partition {
            Some(_) => rows / self.partitions.len(),
            None => rows,
        };
        self.limit.map_or(rows, |limit| rows.min(limit)).max(1)
    }
}

/// Takes lookups by `_id` out of the filters; the rest in the order to run them.
fn classify(
    filters: &[Arc<dyn PhysicalExpr>],
    source: &Source,
) -> Result<(Option<BTreeSet<String>>, Vec<Predicate>)> {
    let mut wanted: Option<BTreeSet<String>> = None;
    let mut predicates = Vec::new();
    for filter in filters.iter().flat_map(split_conjunction) {
        match lookup::ids(filter).filter(|_| source.path != AccessPath::ColumnScan) {
            Some(ids) => {
                wanted = Some(match wanted {
                    Some(others) => others.intersection(&ids).cloned().collect(),
                    None => ids,
                });
            }
            None => predicates.push(Predicate::new(filter, &source.schema, &source.columns)?),
        }
    }
    predicates.sort_by_key(|predicate| predicate.rank(&source.columns));
    Ok((wanted, predicates))
}

/// How each part is read, as far as filters that do not change decide it.
fn decide(predicates: &[Predicate], source: &Source, counts_only: bool) -> Result<Vec<PartAccess>> {
    let readings: Vec<_> = predicates
        .iter()
        .map(|predicate| match predicate.is_changing() {
            true => None,
            false => predicate.reading(&source.columns),
        })
        .collect();
    let readings: Vec<_> = readings.iter().map(Option::as_deref).collect();
    // A part of which the index gives the rows is read in one piece.
    let decide = |part| PartAccess::decide(part, &readings, counts_only, source.path, 1);
    let parts = source.snapshot.parts().iter();
    parts
        .map(|part| decide(part).map_err(storage_error))
        .collect()
}

/// What there is to read of a part: where the index gives the rows, those, and in one go.
fn shape(part: &Part, access: Option<&PartAccess>) -> PartShape {
    let rows = part.row_count();
    match access.and_then(PartAccess::rows_read) {
        Some(found) => PartShape {
            // At least one, so that a part without such rows is opened, and counted as ruled out.
            rows: u32::try_from(found).unwrap_or(rows).clamp(1, rows.max(1)),
            groups: Vec::new(),
        },
        None => PartShape {
            rows,
            groups: part.row_groups(),
        },
    }
}

/// A filter for EXPLAIN. What a join has learned may be thousands of values, of which the first do.
fn shown(predicate: &Predicate) -> String {
    let mut text = predicate.expr().to_string();
    if let Some((end, _)) = text.char_indices().nth(FILTER_CHARACTERS_SHOWN) {
        text.truncate(end);
        text.push('…');
    }
    text
}

fn counted(count: usize, noun: &str) -> String {
    let ending = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{ending}")
}

impl DisplayAs for CollectionScan {
    fn fmt_as(&self, _format: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns = self.schema();
        let columns = columns.fields().iter().map(|field| field.name().as_str());
        write!(f, "CollectionScan: {}", self.source.full_name)?;
        write!(f, ", columns=[{}]", columns.collect::<Vec<_>>().join(", "))?;
        write!(f, ", access={}", self.access())?;
        if !self.predicates.is_empty() {
            let filters = self.predicates.iter().map(shown);
            write!(f, ", filters=[{}]", filters.collect::<Vec<_>>().join(", "))?;
        }
        if let Some(top) = &self.top {
            write!(f, ", access=index_scan for {}", top.describe())?;
        }
        write!(f, ", parts={}", self.parts.len())?;
        write!(f, ", partitions={}", self.partitions.len())?;
        if let Some(limit) = self.limit {
            write!(f, ", limit={limit}")?;
        }
        Ok(())
    }
}

impl ExecutionPlan for CollectionScan {
    fn name(&self) -> &'static str {
        "CollectionScan"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
    }

    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        let filters = self.predicates.iter().map(Predicate::expr);
        datafusion::physical_plan::execution_plan::apply_expression_roots(filters, f)
    }

    fn replace_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
        _options: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        if !children.is_empty() {
            return internal_err!("a scan of a collection has no inputs");
        }
        Ok(self)
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        if !children.is_empty() {
            return internal_err!("a scan of a collection has no inputs");
        }
        Ok(self)
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let Some(pieces) = self.partitions.get(partition) else {
            return internal_err!("a scan has no partition {partition}");
        };
        let plan = ScanPlan {
            source: self.source.clone(),
            projection: self.projection.clone(),
            schema: self.schema(),
            predicates: Arc::clone(&self.predicates),
            ids: self.ids.clone(),
            accesses: Arc::clone(&self.accesses),
            top: self.top.clone(),
        };
        let stream = ScanStream::new(
            plan,
            pieces.clone(),
            self.limit,
            &context,
            &self.metrics,
            partition,
        );
        Ok(Box::pin(stream))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }

    fn statistics_from_inputs(
        &self,
        _inputs: &[Arc<Statistics>],
        args: &StatisticsArgs,
    ) -> Result<Arc<Statistics>> {
        let mut statistics = Statistics::new_unknown(&self.schema());
        statistics.num_rows = match self.row_count(args.partition()) {
            Some(rows) => Precision::Exact(rows),
            None => Precision::Inexact(self.estimate(args.partition())),
        };
        Ok(Arc::new(statistics))
    }

    fn with_fetch(&self, limit: Option<usize>) -> Option<Arc<dyn ExecutionPlan>> {
        let options = ScanOptions {
            limit,
            ..self.options()
        };
        Self::try_new(self.source.clone(), options)
            .ok()
            .map(|scan| Arc::new(scan) as _)
    }

    fn fetch(&self) -> Option<usize> {
        self.limit
    }

    /// Takes every filter over the columns that come out, also those that a join or a top-N learns
    /// while it runs. A scan with a limit takes none: the filter belongs above the limit.
    fn handle_child_pushdown_result(
        &self,
        _phase: FilterPushdownPhase,
        pushed: ChildPushdownResult,
        _config: &ConfigOptions,
    ) -> Result<FilterPushdownPropagation<Arc<dyn ExecutionPlan>>> {
        if self.limit.is_some() {
            return Ok(FilterPushdownPropagation::all_unsupported(pushed));
        }
        let schema = self.schema();
        let mut options = self.options();
        let before = options.filters.len();
        let mut taken = Vec::with_capacity(pushed.parent_filters.len());
        for pushed in pushed.parent_filters {
            let columns = collect_columns(&pushed.filter);
            let known = columns
                .iter()
                .all(|column| schema.index_of(column.name()).is_ok());
            taken.push(if known {
                PushedDown::Yes
            } else {
                PushedDown::No
            });
            if known {
                options.filters.push(pushed.filter);
            }
        }
        let result = FilterPushdownPropagation::with_parent_pushdown_result(taken);
        if options.filters.len() == before {
            return Ok(result);
        }
        let scan: Arc<dyn ExecutionPlan> = Arc::new(Self::try_new(self.source.clone(), options)?);
        Ok(result.with_updated_node(scan))
    }
}
