//! Rows of VALUES.

use datafusion::common::Column;
use datafusion::logical_expr::{Expr, LogicalPlanBuilder};
use datafusion::sql::sqlparser::ast::Values;

use super::names::Names;
use super::query::{Bound, Ctes};
use super::scope::{Scope, ScopeColumn};
use super::{Binder, OutputKind, Result};
use crate::error::QueryError;
use crate::operators::{self, Typed};

impl Binder<'_> {
    /// Binds the rows of VALUES; a column is of the type that holds all its values.
    pub(super) fn values_rows(
        &mut self,
        values: &Values,
        outer: Option<&Scope<'_>>,
        ctes: &Ctes,
    ) -> Result<Bound> {
        let scope = Scope {
            parent: outer,
            ..Scope::default()
        };
        let names = Names::fields(&scope, ctes, "VALUES");
        let mut rows = Vec::with_capacity(values.rows.len());
        for row in &values.rows {
            rows.push(self.values(&row.content, &names)?);
        }
        let width = rows.first().map_or(0, Vec::len);
        if let Some(row) = values.rows.iter().find(|row| row.content.len() != width) {
            let place = row.content.first().and_then(super::position);
            return Err(QueryError::semantic(
                "rows of VALUES differ in length",
                place,
            ));
        }
        let mut columns = Vec::with_capacity(width);
        let mut unified: Vec<Vec<_>> = vec![Vec::with_capacity(width); rows.len()];
        for place in 0..width {
            let cells = rows.iter().map(|row| row[place].clone()).collect();
            let cells =
                operators::unify(cells).map_err(|error| super::operator_error(error, None))?;
            let name = format!("column{}", place + 1);
            let column = Column::from_name(name.clone());
            let data_type = cells[0].data_type.clone();
            let value = Typed::new(Expr::Column(column), data_type);
            columns.push(ScopeColumn {
                name,
                kind: OutputKind::Value,
                value,
            });
            for (row, cell) in unified.iter_mut().zip(cells) {
                row.push(cell.expr);
            }
        }
        // A plan of rows alone has as many expressions as values, and could stand in no IN.
        let exprs = columns.iter().map(|column| column.value.expr.clone());
        let plan = LogicalPlanBuilder::values(unified)?
            .project(exprs.collect::<Vec<_>>())?
            .build()?;
        Ok(Bound { plan, columns })
    }
}
