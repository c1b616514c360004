//! The operators that DataFusion has no expression for, as scalar functions of the engine.

use super::{CastKind, Typed};
use crate::cast;
use crate::dynamic::arithmetic::{self, ArithmeticOperator};
use crate::dynamic::kernels::{self, Comparison};
use crate::dynamic::{EvaluationError, rows};
use crate::types::SqlType;
use datafusion::arrow::array::{ArrayRef, new_null_array};
use datafusion::arrow::datatypes::DataType;
use datafusion::common::{DataFusionError, Result, ScalarValue};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use outcrop_document::{Object, Value};
use std::sync::Arc;

/// What an [`OperationFunction`] computes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// A native type to dynamic.
    ToDynamic(SqlType),
    /// The key of a dynamic value: equal values, equal bytes; null is Arrow NULL.
    Key,
    /// The key of a dynamic value by which `=` finds it: as [`Key`](Self::Key), a date and a datetime
    /// having that of their timestamp.
    EqualityKey,
    /// Whether a comparison with a value of some rows is null, given the value's key and that of one of
    /// the rows, null for no rows.
    IsUnlike,
    /// A dynamic value with K-encoded nulls as Arrow NULL.
    WithoutNullValues,
    /// Comparison of two dynamic values; null for unlike types.
    Compare(Comparison),
    /// `IS [NOT] DISTINCT FROM` of two dynamic values; true stands for the form with `NOT`.
    Distinct(bool),
    /// `x IN (a, b, …)` over dynamic values.
    InList,
    /// Whether a dynamic value is null or undefined.
    IsNull,
    /// A dynamic value as a native one of this type; another type than that is an error, except
    /// that ints become floats.
    Expect(SqlType, &'static str),
    /// Date to datetime or timestamp, datetime to timestamp, taken as UTC.
    Widen(SqlType),
    /// Arithmetic on any two types that have it.
    Arithmetic(ArithmeticOperator),
    /// `-x`.
    Negate,
    /// `x || y`.
    Concatenate,
    /// `x.a.b` of a dynamic value.
    Field(Vec<String>),
    /// `x[i]` of a dynamic value.
    Subscript,
    /// `[a, b, …]`.
    Array,
    /// `{'k': v, …}`, keys and values alternating.
    Object,
    /// `TYPEOF` of a dynamic value: `undefined` for Arrow NULL.
    TypeOf,
    /// Whether a dynamic value is neither array nor object nor null.
    IsScalar,
    /// The JSON text of a dynamic value; null for Arrow NULL.
    JsonFormat,
    /// One of the four casts.
    Cast(CastKind, SqlType),
}

impl Operation {
    /// The name in plans. Operations that differ have different names, because DataFusion names
    /// columns after expressions.
    fn name(&self) -> String {
        match self {
            Self::ToDynamic(_) => "to_dynamic".to_owned(),
            Self::Key => "dynamic_key".to_owned(),
            Self::EqualityKey => "dynamic_equality_key".to_owned(),
            Self::IsUnlike => "dynamic_is_unlike".to_owned(),
            Self::WithoutNullValues => "dynamic_not_null".to_owned(),
            Self::Compare(op) => format!("dynamic_compare_{op:?}").to_ascii_lowercase(),
            Self::Distinct(false) => "dynamic_is_distinct".to_owned(),
            Self::Distinct(true) => "dynamic_is_not_distinct".to_owned(),
            Self::InList => "dynamic_in".to_owned(),
            Self::IsNull => "dynamic_is_null".to_owned(),
            Self::Expect(sql_type, _) => format!("expect_{}", sql_type.name()),
            Self::Widen(sql_type) => format!("widen_to_{}", sql_type.name()),
            Self::Arithmetic(op) => format!("arithmetic_{op:?}").to_ascii_lowercase(),
            Self::Negate => "negate".to_owned(),
            Self::Concatenate => "concatenate".to_owned(),
            Self::Field(steps) => format!("field_{}", steps.join(".")),
            Self::Subscript => "subscript".to_owned(),
            Self::Array => "make_array".to_owned(),
            Self::Object => "make_object".to_owned(),
            Self::TypeOf => "typeof".to_owned(),
            Self::IsScalar => "is_scalar".to_owned(),
            Self::JsonFormat => "json_format".to_owned(),
            Self::Cast(kind, sql_type) => {
                format!("{kind:?}_{}", sql_type.name()).to_ascii_lowercase()
            }
        }
    }

    /// A call of this operation.
    pub(crate) fn call(self, arguments: Vec<Expr>, returns: DataType) -> Typed {
        let function = OperationFunction::new(self, returns.clone());
        Typed::new(Arc::new(ScalarUDF::from(function)).call(arguments), returns)
    }
}

/// An [`Operation`] as DataFusion sees it.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct OperationFunction {
    operation: Operation,
    returns: DataType,
    name: String,
    signature: Signature,
}

impl OperationFunction {
    fn new(operation: Operation, returns: DataType) -> Self {
        let name = operation.name();
        let signature = Signature::user_defined(Volatility::Immutable);
        Self {
            operation,
            returns,
            name,
            signature,
        }
    }

    /// The operation behind a DataFusion function, if it is one of ours.
    pub fn of(function: &ScalarUDF) -> Option<&Operation> {
        let inner: &dyn std::any::Any = function.inner().as_ref();
        inner
            .downcast_ref::<Self>()
            .map(|function| &function.operation)
    }
}

impl ScalarUDFImpl for OperationFunction {
    fn name(&self) -> &str {
        &self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _argument_types: &[DataType]) -> Result<DataType> {
        Ok(self.returns.clone())
    }

    fn coerce_types(&self, argument_types: &[DataType]) -> Result<Vec<DataType>> {
        Ok(argument_types.to_vec())
    }

    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = call.number_rows;
        match &self.operation {
            Operation::Arithmetic(op) => {
                if let Some(array) = kernels::native_arithmetic(*op, &call.args, &self.returns) {
                    return Ok(ColumnarValue::Array(array));
                }
                let compute = |row: &[Value]| arithmetic::arithmetic(*op, &row[0], &row[1]);
                self.map(&call, compute)
            }
            Operation::Negate => self.map(&call, |row| arithmetic::negate(&row[0])),
            Operation::Concatenate => self.map(&call, |row| concatenate(&row[0], &row[1])),
            Operation::Array => self.map(&call, |row| Ok(Value::Array(row.to_vec()))),
            Operation::Expect(sql_type, what) => {
                self.map(&call, |row| expect(&row[0], *sql_type, what))
            }
            Operation::Cast(kind, target) => {
                self.map(&call, |row| cast::cast_value(*kind, &row[0], *target))
            }
            Operation::Widen(target) => self.map(&call, |row| {
                cast::cast_value(CastKind::Cast, &row[0], *target)
            }),
            Operation::Object => self.make_object(&call),
            _ if rows::all_constant(&call.args) => {
                let array = self.columns(&arrays(&call.args, 1)?, 1)?;
                Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(
                    &array, 0,
                )?))
            }
            _ => Ok(ColumnarValue::Array(
                self.columns(&arrays(&call.args, rows)?, rows)?,
            )),
        }
    }
}

impl OperationFunction {
    fn map(
        &self,
        call: &ScalarFunctionArgs,
        evaluate: impl FnMut(&[Value]) -> std::result::Result<Value, EvaluationError>,
    ) -> Result<ColumnarValue> {
        rows::map_rows(&call.args, call.number_rows, &self.returns, evaluate)
    }

    /// The operations with kernels of their own.
    fn columns(&self, arguments: &[ArrayRef], rows: usize) -> Result<ArrayRef> {
        let dynamic = |index: usize| kernels::as_dynamic(&arguments[index]);
        Ok(match &self.operation {
            Operation::ToDynamic(_) => kernels::to_dynamic(&arguments[0])?,
            Operation::Key => Arc::new(kernels::keys(dynamic(0)?)?),
            Operation::EqualityKey => Arc::new(kernels::equality_keys(dynamic(0)?)?),
            Operation::IsUnlike => Arc::new(kernels::are_unlike(dynamic(0)?, dynamic(1)?, rows)),
            Operation::WithoutNullValues => Arc::new(kernels::without_null_values(dynamic(0)?)?),
            Operation::Compare(op) => {
                Arc::new(kernels::compare(*op, dynamic(0)?, dynamic(1)?, rows)?)
            }
            Operation::Distinct(negated) => {
                Arc::new(kernels::distinct(dynamic(0)?, dynamic(1)?, rows, *negated)?)
            }
            Operation::InList => {
                let list = (1..arguments.len())
                    .map(dynamic)
                    .collect::<Result<Vec<_>, DataFusionError>>()?;
                Arc::new(kernels::in_list(dynamic(0)?, &list, rows)?)
            }
            Operation::IsNull => Arc::new(kernels::is_null(dynamic(0)?)?),
            Operation::Field(steps) => Arc::new(kernels::field(dynamic(0)?, steps)?),
            Operation::TypeOf => Arc::new(kernels::type_names(dynamic(0)?)?),
            Operation::IsScalar => Arc::new(kernels::is_scalar(dynamic(0)?)?),
            Operation::JsonFormat => Arc::new(kernels::json_texts(dynamic(0)?)?),
            Operation::Subscript => kernels::subscript(dynamic(0)?, &arguments[1], rows)?,
            other => {
                let message = format!("operation {other:?} has no column kernel");
                return Err(DataFusionError::Internal(message));
            }
        })
    }

    /// Members with an undefined value are left out, those with an explicit null stay.
    fn make_object(&self, call: &ScalarFunctionArgs) -> Result<ColumnarValue> {
        let mut row_index = 0;
        self.map(call, |row| {
            let mut object = Object::new();
            for (pair, arguments) in row.chunks_exact(2).zip(call.args.chunks_exact(2)) {
                if let Value::String(key) = &pair[0] {
                    if is_defined(&arguments[1], row_index) {
                        object.insert(key.clone(), pair[1].clone());
                    }
                } else {
                    return Err(EvaluationError::Type {
                        what: "the key of an object".to_owned(),
                        expected: "string".to_owned(),
                        found: pair[0].value_type().name(),
                    });
                }
            }
            row_index += 1;
            Ok(Value::Object(object))
        })
    }
}

/// Whether a value of an object literal is defined in a row.
fn is_defined(value: &ColumnarValue, row: usize) -> bool {
    match value {
        ColumnarValue::Array(array) => array.is_valid(row),
        ColumnarValue::Scalar(scalar) => !scalar.is_null(),
    }
}

/// Constants as arrays of one row, the rest as they are; the kernels stretch the former.
fn arrays(arguments: &[ColumnarValue], rows: usize) -> Result<Vec<ArrayRef>> {
    arguments
        .iter()
        .map(|argument| match argument {
            ColumnarValue::Scalar(ScalarValue::Null) => Ok(new_null_array(&DataType::Null, rows)),
            ColumnarValue::Scalar(scalar) => scalar.to_array(),
            ColumnarValue::Array(array) => Ok(Arc::clone(array)),
        })
        .collect()
}

/// `left || right` of strings, bytes or arrays.
fn concatenate(left: &Value, right: &Value) -> std::result::Result<Value, EvaluationError> {
    Ok(match (left, right) {
        (Value::Null, _) | (_, Value::Null) => Value::Null,
        (Value::String(a), Value::String(b)) => Value::String(format!("{a}{b}")),
        (Value::Bytes(a), Value::Bytes(b)) => Value::Bytes([a.as_slice(), b].concat()),
        (Value::Array(a), Value::Array(b)) => Value::Array([a.as_slice(), b].concat()),
        _ => {
            return Err(EvaluationError::Operands {
                operator: "||",
                left: left.value_type().name(),
                right: right.value_type().name(),
            });
        }
    })
}

/// `value` when it has the type, an int as a float where floats are expected.
fn expect(
    value: &Value,
    sql_type: SqlType,
    what: &'static str,
) -> std::result::Result<Value, EvaluationError> {
    match (value, sql_type) {
        (Value::Null, _) => Ok(Value::Null),
        (Value::Int(_), SqlType::Float) => Ok(Value::Float(arithmetic::as_float(value))),
        _ if value.value_type().name() == sql_type.name() => Ok(value.clone()),
        _ => Err(EvaluationError::Type {
            what: what.to_owned(),
            expected: if sql_type == SqlType::Float {
                "a number"
            } else {
                sql_type.name()
            }
            .to_owned(),
            found: value.value_type().name(),
        }),
    }
}
