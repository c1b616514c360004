//! Subqueries over `UNNEST` of an array of the row around them, answered row by row.
//!
//! `EXISTS (SELECT … FROM UNNEST(t.tags AS x) WHERE …)` and `(SELECT SUM(i.qty) FROM UNNEST(t.items) AS
//! i)` ask about one row, so they are a function of it and no join: [`function::PerRow`] makes rows of
//! the elements of a whole batch, evaluates WHERE and select list on them, and folds them back.

mod evaluate;
mod function;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::Column;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::Expr;
use datafusion::sql::sqlparser::ast::{
    Expr as Ast, GroupByExpr, Query, Select, SelectItem, SetExpr,
};

use self::function::{Answer, PerRow};
use super::names::Names;
use super::scope::{Relation, Scope, ScopeColumn, Source};
use super::unnest::{Unnest, as_unnest, parts_of};
use super::{Binder, OutputKind, Result};
use crate::operators::{self, Typed};

/// What a subquery over the elements of an array is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Question {
    /// Whether it has a row.
    Exists,
    /// Its only value.
    Value,
    /// All its values, as an array.
    Values,
}

impl Binder<'_> {
    /// The answer of `query` as a function of the row around it; `None` if it is not over UNNEST of an
    /// array of that row, or has clauses that need more than one pass over the elements.
    pub(super) fn per_row(
        &mut self,
        query: &Query,
        question: Question,
        names: &Names<'_>,
    ) -> Result<Option<Typed>> {
        let Some((unnest, select)) = over_unnest(query) else {
            return Ok(None);
        };
        let parts = parts_of(&unnest)?;
        if matches!(parts.array, Ast::Subquery(_)) {
            return Ok(None);
        }
        let array = self.array(parts.array, names)?;
        if array.expr.column_refs().is_empty() {
            return Ok(None);
        }
        let prefix = self.qualifiers.take("elements");
        let column = |suffix: &str| Column::from_name(format!("{prefix}.{suffix}"));
        let (element, ordinal) = (column("element"), column("ordinal"));
        let mut columns = vec![ScopeColumn {
            kind: match parts.element {
                Some(_) => OutputKind::Value,
                None => OutputKind::Star,
            },
            name: parts.element.unwrap_or_default(),
            value: Typed::new(Expr::Column(element.clone()), DataType::BinaryView),
        }];
        if let Some(name) = parts.ordinal {
            columns.push(ScopeColumn {
                name,
                kind: OutputKind::Value,
                value: Typed::new(Expr::Column(ordinal.clone()), DataType::Int64),
            });
        }
        let scope = Scope {
            relations: vec![Relation {
                name: unnest.alias.map(|alias| alias.name.value.clone()),
                full_name: vec![],
                source: Source::Columns(columns),
            }],
            merged: vec![],
            parent: Some(names.scope),
            shares_plan: true,
        };
        let inside = Names::fields(&scope, names.ctes, "WHERE");
        let filter = match &select.selection {
            Some(condition) => Some(self.condition(condition, &inside)?),
            None => None,
        };
        let inside = Names {
            aggregates: true,
            clause: "the select list",
            ..inside
        };
        let item = match (question, select.projection.as_slice()) {
            (_, [SelectItem::UnnamedExpr(item) | SelectItem::ExprWithAlias { expr: item, .. }]) => {
                Some(item)
            }
            (Question::Exists, _) => None,
            _ => return Ok(None),
        };
        let calls_outside = std::mem::take(&mut self.aggregate_calls);
        let item = item.map(|item| self.value(item, &inside)).transpose();
        let calls = std::mem::replace(&mut self.aggregate_calls, calls_outside);
        let item = item?;
        let asks_more = filter.iter().chain(item.as_ref().map(|item| &item.expr));
        for expr in asks_more {
            if has_subquery(expr)? {
                return Ok(None);
            }
        }
        let (answer, item) = match (question, item) {
            // An aggregation has one row, whatever it is of.
            (Question::Exists, Some(_)) if calls > 0 => return Ok(None),
            (Question::Exists, _) => (Answer::Exists, operators::literal(&true.into())),
            (_, Some(item)) if calls > 0 => (Answer::Aggregate, item),
            (Question::Value, Some(item)) => (Answer::Only, item),
            (_, Some(item)) => (Answer::All, operators::to_dynamic(item)),
            (_, None) => return Ok(None),
        };
        if item.is_null_type() {
            return Ok(None);
        }
        if answer == Answer::Aggregate && question == Question::Values {
            return Ok(None);
        }
        PerRow::lower(answer, array, [element, ordinal], filter, item).map(Some)
    }
}

fn has_subquery(expr: &Expr) -> Result<bool> {
    let mut found = false;
    expr.apply(|node| {
        found |= matches!(
            node,
            Expr::ScalarSubquery(_) | Expr::Exists(_) | Expr::InSubquery(_)
        );
        Ok(match found {
            true => TreeNodeRecursion::Stop,
            false => TreeNodeRecursion::Continue,
        })
    })?;
    Ok(found)
}

/// The parts of `SELECT … FROM UNNEST(…) [WHERE …]`.
fn over_unnest(query: &Query) -> Option<(Unnest<'_>, &Select)> {
    let is_plain = query.with.is_none() && query.order_by.is_none() && query.limit_clause.is_none();
    let SetExpr::Select(select) = query.body.as_ref() else {
        return None;
    };
    let is_grouped =
        !matches!(&select.group_by, GroupByExpr::Expressions(terms, _) if terms.is_empty());
    let has_more = is_grouped
        || select.having.is_some()
        || select.distinct.is_some()
        || !select.named_window.is_empty();
    let [tables] = select.from.as_slice() else {
        return None;
    };
    if !is_plain || has_more || !tables.joins.is_empty() {
        return None;
    }
    as_unnest(&tables.relation).map(|unnest| (unnest, select.as_ref()))
}
