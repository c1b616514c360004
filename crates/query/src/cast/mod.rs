//! The four casts: which pairs of types they know, and how they are lowered.

mod convert;

pub(crate) use convert::{cast_value, to_text};

use crate::operators::{
    CastKind, OperatorError, Typed, literal, literal_value, null_of, to_dynamic,
};
use crate::types::SqlType;
use datafusion::arrow::datatypes::DataType;
use datafusion::logical_expr::Expr;

/// Lowers a cast of `operand` to `target`.
///
/// # Errors
/// [`OperatorError::Cast`] when the types are known, there is no such cast, and the kind is not one
/// of the `TRY` forms, which then give null.
pub(crate) fn lower(
    kind: CastKind,
    operand: Typed,
    target: SqlType,
) -> Result<Typed, OperatorError> {
    let from = operand.sql_type();
    if target == SqlType::Dynamic {
        return Ok(to_dynamic(operand));
    }
    if from == target && from != SqlType::Dynamic {
        return Ok(operand);
    }
    if !is_known(kind, from, target) {
        return if kind.is_try() {
            Ok(null_of(target.arrow()))
        } else {
            let (from, to) = (from.name().to_owned(), target.name().to_owned());
            Err(OperatorError::Cast { from, to })
        };
    }
    if let Some(value) = literal_value(&operand)
        && let Ok(cast) = cast_value(kind, &value, target)
    {
        let constant = literal(&cast);
        return Ok(if constant.is_null_type() {
            null_of(target.arrow())
        } else {
            constant
        });
    }
    if let (SqlType::Int, SqlType::Float) = (from, target) {
        let expr = datafusion::logical_expr::cast(operand.expr, DataType::Float64);
        return Ok(Typed::new(expr, DataType::Float64));
    }
    Ok(call(kind, operand.expr, target))
}

fn call(kind: CastKind, operand: Expr, target: SqlType) -> Typed {
    crate::operators::Operation::Cast(kind, target).call(vec![operand], target.arrow())
}

/// Whether a cast of this kind exists. Dynamic operands are checked row by row.
fn is_known(kind: CastKind, from: SqlType, to: SqlType) -> bool {
    match (from, kind) {
        (SqlType::Null | SqlType::Dynamic, _) => true,
        (_, CastKind::Cast | CastKind::TryCast) => is_wide(from, to),
        (_, CastKind::StaticCast | CastKind::TryStaticCast) => is_static(from, to),
    }
}

/// The pairs of `CAST`.
fn is_wide(from: SqlType, to: SqlType) -> bool {
    use SqlType::{
        Array, Bool, Bytes, Date, Datetime, Float, Int, MicrosecondInterval, MonthInterval, Object,
        String, Time, Timestamp,
    };
    from == to
        || match from {
            Int => matches!(
                to,
                Float | Bool | String | MicrosecondInterval | MonthInterval
            ),
            Bool => matches!(to, Int | Float | String),
            Float => matches!(
                to,
                Int | Bool | String | MicrosecondInterval | MonthInterval
            ),
            String => {
                matches!(
                    to,
                    Int | Float | Bool | Bytes | Date | Time | Datetime | Timestamp
                )
            }
            Bytes => to == String,
            Date => matches!(to, String | Datetime | Timestamp),
            Datetime | Timestamp => matches!(to, String | Date | Time | Datetime | Timestamp),
            Time => to == String,
            MonthInterval | MicrosecondInterval | Array | Object => to == String,
            _ => false,
        }
}

/// The pairs of `STATIC_CAST`: numbers among themselves, and everything to bool.
fn is_static(from: SqlType, to: SqlType) -> bool {
    from == to
        || to == SqlType::Bool
        || (matches!(from, SqlType::Bool | SqlType::Int | SqlType::Float) && to.is_numeric())
}

#[cfg(test)]
mod tests {
    use super::*;
    use outcrop_document::{Date, Datetime, Time, Timestamp, Value};

    fn cast(value: impl Into<Value>, target: SqlType) -> Value {
        cast_value(CastKind::Cast, &value.into(), target).unwrap()
    }

    fn fails(kind: CastKind, value: impl Into<Value>, target: SqlType) -> String {
        cast_value(kind, &value.into(), target)
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn numbers_and_truth_values() {
        assert_eq!(cast(2.9, SqlType::Int), Value::Int(2));
        assert_eq!(cast(-2.9, SqlType::Int), Value::Int(-2));
        assert_eq!(cast(0i64, SqlType::Bool), Value::Bool(false));
        assert_eq!(cast(true, SqlType::Float), Value::Float(1.0));
        assert_eq!(cast(true, SqlType::String), Value::from("true"));
        assert_eq!(cast(1.5, SqlType::String), Value::from("1.5"));
        assert_eq!(
            cast(7i64, SqlType::MicrosecondInterval),
            Value::MicrosecondInterval(7)
        );
        assert_eq!(cast(7.9, SqlType::MonthInterval), Value::MonthInterval(7));
        assert!(fails(CastKind::Cast, f64::NAN, SqlType::Int).contains("cannot cast float"));
        assert!(fails(CastKind::Cast, 1e300, SqlType::Int).contains("cannot cast float"));
    }

    #[test]
    fn text_is_read_by_cast_only() {
        assert_eq!(cast("12", SqlType::Int), Value::Int(12));
        assert_eq!(cast("1e3", SqlType::Float), Value::Float(1000.0));
        assert_eq!(cast("TRUE", SqlType::Bool), Value::Bool(true));
        assert_eq!(cast("ab", SqlType::Bytes), Value::Bytes(b"ab".to_vec()));
        assert_eq!(
            fails(CastKind::Cast, " 1", SqlType::Int),
            "cannot cast string ` 1` to int"
        );
        assert_eq!(
            fails(CastKind::StaticCast, "1", SqlType::Int),
            "cannot cast string to int"
        );
        let tried = cast_value(CastKind::TryCast, &Value::from("x"), SqlType::Int).unwrap();
        assert_eq!(tried, Value::Null);
    }

    #[test]
    fn static_cast_to_bool_is_truthiness() {
        let truth = |value: Value| cast_value(CastKind::StaticCast, &value, SqlType::Bool).unwrap();
        assert_eq!(truth(Value::from("")), Value::Bool(false));
        assert_eq!(truth(Value::from("false")), Value::Bool(true));
        assert_eq!(truth(Value::Array(vec![])), Value::Bool(false));
        assert_eq!(truth(Value::Null), Value::Bool(false));
        assert_eq!(truth(Value::Float(0.5)), Value::Bool(true));
    }

    #[test]
    fn calendar_types_convert_by_midnight_and_utc() {
        let day = 86_400_000_000;
        assert_eq!(
            cast(Date(1), SqlType::Timestamp),
            Value::Timestamp(Timestamp(day))
        );
        assert_eq!(cast(Timestamp(-1), SqlType::Date), Value::Date(Date(-1)));
        assert_eq!(cast(Datetime(day + 5), SqlType::Time), Value::Time(Time(5)));
        assert_eq!(cast("2022-03-04", SqlType::Date), Value::Date(Date(19_055)));
        assert_eq!(
            cast(Date(19_055), SqlType::String),
            Value::from("2022-03-04")
        );
    }

    #[test]
    fn containers_become_json_text() {
        let array = Value::Array(vec![Value::Int(1), Value::from("a")]);
        assert_eq!(cast(array, SqlType::String), Value::from(r#"[1,"a"]"#));
    }

    #[test]
    fn impossible_pairs_are_found_before_anything_runs() {
        let flag = literal(&Value::Bool(true));
        assert!(lower(CastKind::Cast, flag.clone(), SqlType::Date).is_err());
        let tried = lower(CastKind::TryCast, flag, SqlType::Date).unwrap();
        assert_eq!(tried.data_type, DataType::Date32);
    }
}
