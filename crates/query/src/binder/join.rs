//! The items of FROM put together: commas, joins and their conditions.

use datafusion::common::JoinType;
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder};
use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Expr as Ast, Join, JoinConstraint, JoinOperator, ObjectName, Spanned,
    TableFactor, TableWithJoins,
};

use super::lateral::as_lateral;
use super::names::Names;
use super::query::Ctes;
use super::scope::{Relation, Scope};
use super::unnest::as_unnest;
use super::{Binder, Result, chains};
use crate::error::{Position, QueryError};
use crate::operators::{self, Typed};
use crate::scan::PathUse;

/// A part of FROM: a plan and the relations in it.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) plan: LogicalPlan,
    pub(super) relations: Vec<Relation>,
    /// Columns that `USING` made one.
    pub(super) merged: Vec<(String, Typed)>,
}

impl Part {
    /// A part with one relation.
    pub(super) fn of(plan: LogicalPlan, relation: Relation) -> Self {
        Self {
            plan,
            relations: vec![relation],
            merged: vec![],
        }
    }

    /// The part with one more relation, in a plan that has the columns of both.
    pub(super) fn with_relation(mut self, plan: LogicalPlan, relation: Relation) -> Self {
        self.relations.push(relation);
        Self { plan, ..self }
    }

    /// One row without columns.
    pub(super) fn unit() -> Result<Self> {
        let plan = LogicalPlanBuilder::empty(true).build()?;
        Ok(Self {
            plan,
            relations: vec![],
            merged: vec![],
        })
    }

    /// The names that an expression over this part may use.
    pub(super) fn scope<'p>(&self, outer: Option<&'p Scope<'p>>) -> Scope<'p> {
        Scope {
            relations: self.relations.clone(),
            merged: self.merged.clone(),
            parent: outer,
            shares_plan: false,
        }
    }
}

impl Binder<'_> {
    /// Binds FROM: one row without columns if there is none.
    pub(super) fn from<'p>(
        &mut self,
        from: &[TableWithJoins],
        outer: Option<&'p Scope<'p>>,
        ctes: &Ctes,
    ) -> Result<(LogicalPlan, Scope<'p>)> {
        let mut all: Option<Part> = None;
        for tables in from {
            all = Some(self.joined(all, tables, outer, ctes)?);
        }
        let part = match all {
            Some(part) => part,
            None => Part::unit()?,
        };
        let scope = part.scope(outer);
        Ok((part.plan, scope))
    }

    /// One item between commas with its joins, joined to what stands left of the comma.
    pub(super) fn joined(
        &mut self,
        left: Option<Part>,
        tables: &TableWithJoins,
        outer: Option<&Scope<'_>>,
        ctes: &Ctes,
    ) -> Result<Part> {
        let mut part = match (left, as_unnest(&tables.relation)) {
            (left, Some(unnest)) => self.unnest(left, &unnest, false, outer, ctes)?,
            (None, None) => self.factor(&tables.relation, outer, ctes)?,
            (Some(left), None) if let Some(lateral) = as_lateral(&tables.relation) => {
                self.lateral(left, lateral, false, outer, ctes)?
            }
            (Some(left), None) => {
                let right = self.factor(&tables.relation, outer, ctes)?;
                cross(left, right)?
            }
        };
        for join in &tables.joins {
            part = self.join(part, join, outer, ctes)?;
        }
        Ok(part)
    }

    fn join(
        &mut self,
        left: Part,
        join: &Join,
        outer: Option<&Scope<'_>>,
        ctes: &Ctes,
    ) -> Result<Part> {
        let place = Position::of(join.relation.span());
        let join_type = join_type(&join.join_operator)
            .ok_or_else(|| QueryError::not_implemented("this kind of join", place))?;
        let constraint = chains::constraint(&join.join_operator);
        if let Some(unnest) = as_unnest(&join.relation) {
            let keeps_left = join_type == JoinType::Left;
            let is_free = match constraint {
                None | Some(JoinConstraint::None) => true,
                Some(JoinConstraint::On(condition)) => is_true(condition),
                Some(_) => false,
            };
            if !is_free || !matches!(join_type, JoinType::Inner | JoinType::Left) {
                let what = "a join with UNNEST that has a condition other than TRUE";
                return Err(QueryError::not_implemented(what, place));
            }
            return self.unnest(Some(left), &unnest, keeps_left, outer, ctes);
        }
        if let Some(lateral) = as_lateral(&join.relation) {
            let keeps_left = join_type == JoinType::Left;
            let condition = match constraint {
                None | Some(JoinConstraint::None) if !keeps_left => None,
                Some(JoinConstraint::On(condition)) if is_true(condition) => None,
                Some(JoinConstraint::On(condition)) if !keeps_left => Some(condition),
                _ => return Err(QueryError::not_implemented("this kind of join", place)),
            };
            if !matches!(join_type, JoinType::Inner | JoinType::Left) {
                return Err(QueryError::not_implemented("this kind of join", place));
            }
            let mut part = self.lateral(left, lateral, keeps_left, outer, ctes)?;
            if let Some(condition) = condition {
                let scope = part.scope(outer);
                let condition = self.condition(condition, &Names::fields(&scope, ctes, "ON"))?;
                part.plan = LogicalPlanBuilder::from(part.plan)
                    .filter(condition)?
                    .build()?;
            }
            return Ok(part);
        }
        self.is_looked_up = self.lookup_joins && matches!(join.relation, TableFactor::Table { .. });
        let right = self.factor(&join.relation, outer, ctes);
        self.is_looked_up = false;
        let right = right?;
        match constraint {
            None | Some(JoinConstraint::None) if join_type == JoinType::Inner => cross(left, right),
            None | Some(JoinConstraint::None) => Err(QueryError::semantic(
                "an outer join needs ON or USING",
                place,
            )),
            Some(JoinConstraint::On(condition)) => {
                let mut both = Part {
                    plan: left.plan.clone(),
                    ..left
                };
                both.relations.extend(right.relations);
                both.merged.extend(right.merged);
                let scope = both.scope(outer);
                let names = Names::fields(&scope, ctes, "ON");
                let condition = self.condition(condition, &names)?;
                let plan = LogicalPlanBuilder::from(both.plan)
                    .join_on(right.plan, join_type, [condition])?
                    .build()?;
                Ok(Part { plan, ..both })
            }
            Some(JoinConstraint::Using(names)) => join_using(left, right, join_type, names, place),
            Some(JoinConstraint::Natural) => {
                let message = "NATURAL joins need a schema: name the fields with USING";
                Err(QueryError::semantic(message, place))
            }
        }
    }
}

fn join_type(operator: &JoinOperator) -> Option<JoinType> {
    Some(match operator {
        JoinOperator::Join(_) | JoinOperator::Inner(_) | JoinOperator::CrossJoin(_) => {
            JoinType::Inner
        }
        JoinOperator::Left(_) | JoinOperator::LeftOuter(_) => JoinType::Left,
        JoinOperator::Right(_) | JoinOperator::RightOuter(_) => JoinType::Right,
        JoinOperator::FullOuter(_) => JoinType::Full,
        _ => return None,
    })
}

pub(super) fn cross(left: Part, right: Part) -> Result<Part> {
    let plan = LogicalPlanBuilder::from(left.plan)
        .cross_join(right.plan)?
        .build()?;
    let mut relations = left.relations;
    relations.extend(right.relations);
    let mut merged = left.merged;
    merged.extend(right.merged);
    Ok(Part {
        plan,
        relations,
        merged,
    })
}

fn join_using(
    left: Part,
    right: Part,
    join_type: JoinType,
    names: &[ObjectName],
    place: Option<Position>,
) -> Result<Part> {
    let wrap = |error| super::operator_error(error, place);
    let mut condition: Option<Typed> = None;
    let mut merged = left.merged.clone();
    merged.extend(right.merged.iter().cloned());
    for name in names {
        let steps = chains::name_parts(name);
        let left_value = left
            .scope(None)
            .resolve(&steps, PathUse::Number, &[], place)?;
        let right_value = right
            .scope(None)
            .resolve(&steps, PathUse::Number, &[], place)?;
        let equal = operators::binary(&BinaryOperator::Eq, left_value.clone(), right_value.clone())
            .map_err(wrap)?;
        condition = Some(match condition {
            None => equal,
            Some(before) => operators::binary(&BinaryOperator::And, before, equal).map_err(wrap)?,
        });
        let value = match join_type {
            JoinType::Right => right_value,
            JoinType::Full => {
                crate::functions::call("COALESCE", vec![left_value, right_value]).map_err(wrap)?
            }
            _ => left_value,
        };
        merged.push((steps.last().cloned().unwrap_or_default(), value));
    }
    let Some(condition) = condition else {
        return Err(QueryError::semantic("USING needs a field", place));
    };
    let condition = operators::to_condition(condition).map_err(wrap)?;
    let plan = LogicalPlanBuilder::from(left.plan)
        .join_on(right.plan, join_type, [condition])?
        .build()?;
    let mut relations = left.relations;
    relations.extend(right.relations);
    Ok(Part {
        plan,
        relations,
        merged,
    })
}

fn is_true(condition: &Ast) -> bool {
    use datafusion::sql::sqlparser::ast::Value as AstValue;
    matches!(condition, Ast::Value(value) if value.value == AstValue::Boolean(true))
}
