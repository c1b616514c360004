//! The identifier chains of a statement: every `a`, `a.b` and `a.b.c` in it, wherever it stands.
//!
//! Tables are asked for exactly these paths, so a chain too many costs a look-up and a chain too few
//! would lose a field. Names of functions, tables and aliases may be among them; they find no path.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    AccessExpr, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, JoinConstraint,
    JoinOperator, ObjectName, ObjectNamePart, Select, SelectItem, SelectItemQualifiedWildcardKind,
    Subscript, TableFactor, TableWithJoins, Value, Visit, Visitor,
};
use outcrop_document::FieldPath;

use crate::dialect::Statement;

/// Every identifier chain of `statement`, with constant string subscripts (`a['b']`) as steps.
pub fn chains(statement: &Statement) -> BTreeSet<Vec<String>> {
    let mut collector = Collector::default();
    let _ = statement.query.visit(&mut collector);
    collector.chains
}

/// The leading constant steps of an access chain: `a.b['c'][1].d` gives `a`, `b`, `c`.
pub(super) fn constant_steps(root: &Expr, access: &[AccessExpr]) -> Option<(Vec<String>, usize)> {
    let mut steps = match root {
        Expr::Identifier(name) => vec![name.value.clone()],
        Expr::CompoundIdentifier(parts) => parts.iter().map(|part| part.value.clone()).collect(),
        _ => return None,
    };
    let constant = access.iter().map_while(constant_step);
    let before = steps.len();
    steps.extend(constant);
    let taken = steps.len() - before;
    Some((steps, taken))
}

fn constant_step(access: &AccessExpr) -> Option<String> {
    match access {
        AccessExpr::Dot(Expr::Identifier(name)) => Some(name.value.clone()),
        AccessExpr::Subscript(Subscript::Index {
            index: Expr::Value(value),
        }) => match &value.value {
            Value::SingleQuotedString(key) => Some(key.clone()),
            _ => None,
        },
        _ => None,
    }
}

#[derive(Default)]
struct Collector {
    chains: BTreeSet<Vec<String>>,
}

impl Visitor for Collector {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        match expr {
            Expr::Identifier(name) => self.add(vec![name.value.clone()]),
            Expr::CompoundIdentifier(parts) => {
                self.add(parts.iter().map(|part| part.value.clone()).collect());
            }
            Expr::CompoundFieldAccess { root, access_chain } => {
                if let Some((steps, _)) = constant_steps(root, access_chain) {
                    self.add(steps);
                }
            }
            Expr::Function(function) => self.add_field_call(function),
            _ => {}
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<()> {
        for tables in &select.from {
            self.add_using(tables);
        }
        for item in &select.projection {
            if let SelectItem::QualifiedWildcard(
                SelectItemQualifiedWildcardKind::ObjectName(name),
                _,
            ) = item
            {
                self.add(name_parts(name));
            }
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
        if let TableFactor::NestedJoin {
            table_with_joins, ..
        } = factor
        {
            self.add_using(table_with_joins);
        }
        if let TableFactor::Table {
            sample: Some(_), ..
        } = factor
        {
            // A sample with a seed goes by the documents' ids.
            self.add(vec!["_id".to_owned()]);
        }
        ControlFlow::Continue(())
    }
}

impl Collector {
    /// Adds a chain. The table drops a first step that is a name; behind `ws.c` there are two.
    fn add(&mut self, chain: Vec<String>) {
        if chain.len() > 2 {
            self.chains.insert(chain[1..].to_vec());
        }
        self.chains.insert(chain);
    }

    /// `FIELD('a.b')` and `FIELD('t', 'a.b')` name a path by constants.
    fn add_field_call(&mut self, function: &Function) {
        if !function.name.to_string().eq_ignore_ascii_case("field") {
            return;
        }
        let FunctionArguments::List(list) = &function.args else {
            return;
        };
        for argument in &list.args {
            let FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Value(value))) = argument else {
                continue;
            };
            let Value::SingleQuotedString(text) = &value.value else {
                continue;
            };
            if let Ok(path) = text.parse::<FieldPath>() {
                self.add(path.steps().to_vec());
            }
        }
    }

    /// `USING (a, b)` names fields without an expression.
    fn add_using(&mut self, tables: &TableWithJoins) {
        for join in &tables.joins {
            let Some(JoinConstraint::Using(names)) = constraint(&join.join_operator) else {
                continue;
            };
            for name in names {
                self.add(name_parts(name));
            }
        }
    }
}

/// The parts of a dotted name.
pub(super) fn name_parts(name: &ObjectName) -> Vec<String> {
    let part = |part: &ObjectNamePart| part.as_ident().map(|ident| ident.value.clone());
    name.0.iter().filter_map(part).collect()
}

/// The ON or USING of a join that can have one.
pub(super) fn constraint(operator: &JoinOperator) -> Option<&JoinConstraint> {
    match operator {
        JoinOperator::Join(constraint)
        | JoinOperator::Inner(constraint)
        | JoinOperator::Left(constraint)
        | JoinOperator::LeftOuter(constraint)
        | JoinOperator::Right(constraint)
        | JoinOperator::RightOuter(constraint)
        | JoinOperator::FullOuter(constraint)
        | JoinOperator::CrossJoin(constraint) => Some(constraint),
        _ => None,
    }
}
