//! The access paths of a whole plan.

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::physical_plan::ExecutionPlan;

use super::access::AccessKind;
use super::exec::CollectionScan;
use super::index_only::IndexAggregateExec;

/// How the scans of `plan` come to their rows.
pub(crate) fn access_kinds(plan: &Arc<dyn ExecutionPlan>) -> BTreeSet<AccessKind> {
    let mut kinds = BTreeSet::new();
    collect(plan, &mut kinds);
    kinds
}

fn collect(plan: &Arc<dyn ExecutionPlan>, kinds: &mut BTreeSet<AccessKind>) {
    if let Some(scan) = plan.downcast_ref::<CollectionScan>() {
        kinds.extend(scan.paths());
    } else if plan.downcast_ref::<IndexAggregateExec>().is_some() {
        kinds.insert(AccessKind::IndexOnly);
    }
    for child in plan.children() {
        collect(child, kinds);
    }
}
