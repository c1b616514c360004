//! Frames of window functions: how many rows, or how far from the value of the row.

use datafusion::common::ScalarValue;
use datafusion::logical_expr::{
    Expr, WindowFrame, WindowFrameBound as Bound, WindowFrameUnits as Units,
};
use datafusion::sql::sqlparser::ast::{
    Expr as Ast, WindowFrame as AstFrame, WindowFrameBound as AstBound, WindowFrameUnits,
};
use outcrop_document::Value;

use super::names::Names;
use super::{Binder, Result, at};
use crate::error::QueryError;
use crate::operators::{self, CastKind, SortKey, Typed};
use crate::types::SqlType;

impl Binder<'_> {
    /// Binds a frame over rows in the order `order_by`, whose only term becomes of a type that the
    /// distances of the frame can be added to.
    pub(super) fn frame(
        &mut self,
        frame: AstFrame,
        order_by: &mut [SortKey],
        expr: &Ast,
        names: &Names<'_>,
    ) -> Result<WindowFrame> {
        let bounds = [Some(&frame.start_bound), frame.end_bound.as_ref()];
        let distances: Vec<_> = bounds.into_iter().flatten().filter_map(distance).collect();
        if frame.units != WindowFrameUnits::Range || distances.is_empty() {
            return WindowFrame::try_from(frame)
                .map_err(|error| QueryError::from(error).or_position(super::position(expr)));
        }
        let [key] = order_by else {
            let message = "a RANGE frame with a distance takes an ORDER BY of one term";
            return Err(QueryError::semantic(message, super::position(expr)));
        };
        let mut measured = Vec::with_capacity(distances.len());
        for distance in distances {
            measured.push(self.measured(distance, names)?);
        }
        let target = ordered_by(key.operand.sql_type(), &measured);
        key.operand = match (key.operand.sql_type(), target) {
            (SqlType::Dynamic, SqlType::Float) => {
                let what = "what a RANGE frame with a distance is ordered by";
                operators::expect(key.operand.clone(), target, what).map_err(at(expr))?
            }
            (own, _) if own == target => key.operand.clone(),
            _ => operators::cast(CastKind::Cast, key.operand.clone(), target).map_err(at(expr))?,
        };
        let none = ScalarValue::try_from(&key.operand.data_type)?;
        let mut steps = measured.into_iter().map(|value| step(&value, target, expr));
        let mut bound = |bound: AstBound| -> Result<Bound> {
            Ok(match bound {
                AstBound::CurrentRow => Bound::CurrentRow,
                AstBound::Preceding(None) => Bound::Preceding(none.clone()),
                AstBound::Following(None) => Bound::Following(none.clone()),
                AstBound::Preceding(Some(_)) => Bound::Preceding(next(&mut steps)?),
                AstBound::Following(Some(_)) => Bound::Following(next(&mut steps)?),
            })
        };
        let start = bound(frame.start_bound)?;
        let end = match frame.end_bound {
            Some(end) => bound(end)?,
            None => Bound::CurrentRow,
        };
        let is_backwards = matches!(&start, Bound::Following(value) if value.is_null())
            || matches!(&end, Bound::Preceding(value) if value.is_null());
        if is_backwards {
            let message = "a frame cannot start at its end or end at its start";
            return Err(QueryError::semantic(message, super::position(expr)));
        }
        Ok(WindowFrame::new_bounds(Units::Range, start, end))
    }

    /// The constant that a distance is.
    fn measured(&mut self, distance: &Ast, names: &Names<'_>) -> Result<Value> {
        let bound = self.value(distance, names)?;
        let value = super::constant::evaluate(&bound);
        let is_forward = match &value {
            Some(Value::Int(n) | Value::MonthInterval(n) | Value::MicrosecondInterval(n)) => {
                *n >= 0
            }
            Some(Value::Float(n)) => *n >= 0.0,
            _ => false,
        };
        value.filter(|_| is_forward).ok_or_else(|| {
            let message = "the distance of a RANGE frame is a constant number or interval that is \
                           not negative";
            QueryError::semantic(message, super::position(distance))
        })
    }
}

fn distance(bound: &AstBound) -> Option<&Ast> {
    match bound {
        AstBound::Preceding(Some(distance)) | AstBound::Following(Some(distance)) => Some(distance),
        AstBound::Preceding(None) | AstBound::Following(None) | AstBound::CurrentRow => None,
    }
}

/// The type in which the rows are ordered: one that the distances can be added to.
fn ordered_by(own: SqlType, distances: &[Value]) -> SqlType {
    let any = |wanted: fn(&Value) -> bool| distances.iter().any(wanted);
    match own {
        SqlType::Int if any(|value| matches!(value, Value::Float(_))) => SqlType::Float,
        SqlType::Date => SqlType::Datetime,
        SqlType::Dynamic if any(|value| matches!(value, Value::Int(_) | Value::Float(_))) => {
            SqlType::Float
        }
        SqlType::Dynamic => SqlType::Timestamp,
        own => own,
    }
}

fn next(steps: &mut impl Iterator<Item = Result<ScalarValue>>) -> Result<ScalarValue> {
    steps.next().expect("there is a step for each distance")
}

/// A distance as what is added to values of the type that rows are ordered by.
fn step(distance: &Value, ordered_by: SqlType, expr: &Ast) -> Result<ScalarValue> {
    let value = match (ordered_by, distance) {
        (SqlType::Int, Value::Int(_))
        | (SqlType::Float, Value::Float(_))
        | (SqlType::MicrosecondInterval, Value::MicrosecondInterval(_))
        | (
            SqlType::Datetime | SqlType::Timestamp,
            Value::MicrosecondInterval(_) | Value::MonthInterval(_),
        ) => operators::literal(distance),
        #[expect(clippy::cast_precision_loss, reason = "the rows are ordered by floats")]
        (SqlType::Float, Value::Int(distance)) => {
            operators::literal(&Value::Float(*distance as f64))
        }
        _ => {
            let message = format!(
                "a RANGE frame over {} takes no distance of type {}",
                ordered_by.name(),
                distance.value_type().name()
            );
            return Err(QueryError::semantic(message, super::position(expr)));
        }
    };
    match value {
        Typed {
            expr: Expr::Literal(scalar, _),
            ..
        } => Ok(scalar),
        Typed { .. } => Err(QueryError::Internal {
            message: "a distance is no literal".to_owned(),
        }),
    }
}
