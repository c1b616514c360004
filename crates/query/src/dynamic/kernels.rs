//! Kernels over columns of K-encoded values.

use super::arithmetic::ArithmeticOperator;
use super::order;
use super::{EvaluationError, ValueColumn};
use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BinaryViewArray, BinaryViewBuilder, BooleanArray, BooleanBuilder,
    Datum, StringViewArray, StringViewBuilder,
};
use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::DataFusionError;
use datafusion::logical_expr::ColumnarValue;
use outcrop_document::{Value, ValueType, k};
use std::cmp::Ordering;
use std::sync::Arc;

type Result<T> = std::result::Result<T, EvaluationError>;

/// A comparison operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Comparison {
    /// `=`
    Equal,
    /// `<>`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
}

impl Comparison {
    /// Whether operands in this order satisfy the operator.
    pub(crate) fn holds(self, ordering: Ordering) -> bool {
        match self {
            Self::Equal => ordering.is_eq(),
            Self::NotEqual => ordering.is_ne(),
            Self::Less => ordering.is_lt(),
            Self::LessOrEqual => ordering.is_le(),
            Self::Greater => ordering.is_gt(),
            Self::GreaterOrEqual => ordering.is_ge(),
        }
    }

    /// The operator that holds where this one does not, of values that compare.
    pub(crate) fn negate(self) -> Self {
        match self {
            Self::Equal => Self::NotEqual,
            Self::NotEqual => Self::Equal,
            Self::Less => Self::GreaterOrEqual,
            Self::LessOrEqual => Self::Greater,
            Self::Greater => Self::LessOrEqual,
            Self::GreaterOrEqual => Self::Less,
        }
    }

    /// The operator with its operands exchanged: `a < b` is `b > a`.
    pub(crate) fn swap(self) -> Self {
        match self {
            Self::Less => Self::Greater,
            Self::LessOrEqual => Self::GreaterOrEqual,
            Self::Greater => Self::Less,
            Self::GreaterOrEqual => Self::LessOrEqual,
            same => same,
        }
    }
}

/// Any column as a dynamic one; Arrow nulls stay Arrow nulls.
pub(crate) fn to_dynamic(array: &ArrayRef) -> std::result::Result<ArrayRef, DataFusionError> {
    if array.data_type() == &DataType::BinaryView {
        return Ok(Arc::clone(array));
    }
    let column = ValueColumn::new(array)?;
    let mut builder = BinaryViewBuilder::with_capacity(array.len());
    let mut bytes = Vec::new();
    for row in 0..array.len() {
        bytes.clear();
        if column.encode(row, &mut bytes) {
            builder.append_value(&bytes);
        } else {
            builder.append_null();
        }
    }
    Ok(Arc::new(builder.finish()))
}

/// Arithmetic of Arrow's own on native columns: ints, and times with microsecond intervals.
///
/// `None` where Arrow has none, gives another type, or fails: the row-wise path then finds the row
/// and says in the words of the dialect what is wrong with it.
pub(crate) fn native_arithmetic(
    op: ArithmeticOperator,
    arguments: &[ColumnarValue],
    returns: &DataType,
) -> Option<ArrayRef> {
    use datafusion::arrow::compute::kernels::numeric;
    let [left, right] = arguments else {
        return None;
    };
    let kernel = match op {
        ArithmeticOperator::Add => numeric::add,
        ArithmeticOperator::Subtract => numeric::sub,
        ArithmeticOperator::Multiply => numeric::mul,
        ArithmeticOperator::Divide => numeric::div,
        ArithmeticOperator::Modulo => numeric::rem,
    };
    let native = |argument: &ColumnarValue| {
        matches!(
            argument.data_type(),
            DataType::Int64
                | DataType::Timestamp(TimeUnit::Microsecond, _)
                | DataType::Duration(TimeUnit::Microsecond)
        )
    };
    let both_constant = matches!(
        (left, right),
        (ColumnarValue::Scalar(_), ColumnarValue::Scalar(_))
    );
    if both_constant || !native(left) || !native(right) {
        return None;
    }
    let datum = |argument: &ColumnarValue| -> Option<Box<dyn Datum>> {
        Some(match argument {
            ColumnarValue::Array(array) => Box::new(Arc::clone(array)),
            ColumnarValue::Scalar(scalar) => Box::new(scalar.to_scalar().ok()?),
        })
    };
    let (left, right) = (datum(left)?, datum(right)?);
    let computed = kernel(left.as_ref(), right.as_ref()).ok()?;
    (computed.data_type() == returns).then_some(computed)
}

/// Whether K bytes are those of null.
pub(crate) fn is_null_value(bytes: &[u8]) -> Result<bool> {
    Ok(k::value_type(bytes)? == ValueType::Null)
}

/// The keys of a dynamic column: equal values have equal keys, and null is Arrow NULL.
pub(crate) fn keys(array: &BinaryViewArray) -> Result<BinaryViewArray> {
    map_bytes(array, |bytes, builder| {
        if is_null_value(bytes)? {
            builder.append_null();
        } else {
            builder.append_value(k::key(bytes)?);
        }
        Ok(())
    })
}

/// The keys by which `=` compares the values of a dynamic column: those of [`keys`], but that dates and
/// datetimes, which compare with timestamps, have the keys of those.
pub(crate) fn equality_keys(array: &BinaryViewArray) -> Result<BinaryViewArray> {
    map_bytes(array, |bytes, builder| {
        match k::value_type(bytes)? {
            ValueType::Null => builder.append_null(),
            ValueType::Date | ValueType::Datetime => {
                let value = order::as_timestamp(k::decode(bytes)?);
                builder.append_value(k::key(&k::encode(&value))?);
            }
            _ => builder.append_value(k::key(bytes)?),
        }
        Ok(())
    })
}

/// Whether comparing the values of these equality keys gives null: one of them is null, or they are of
/// types that do not compare, which the first bytes of their keys tell. False where there is nothing to
/// compare with, which a null on the right side stands for; a null value there is K of null.
pub(crate) fn are_unlike(
    left: &BinaryViewArray,
    right: &BinaryViewArray,
    rows: usize,
) -> BooleanArray {
    let class = |key: &[u8]| key.first().copied();
    let is_unlike = |row| match (get(left, row), get(right, row)) {
        (_, None) => false,
        (None, Some(_)) => true,
        (Some(left), Some(right)) => class(left) != class(right),
    };
    BooleanArray::from((0..rows).map(is_unlike).collect::<Vec<_>>())
}

/// The same column with K-encoded nulls as Arrow NULL.
pub(crate) fn without_null_values(array: &BinaryViewArray) -> Result<BinaryViewArray> {
    for bytes in array.iter().flatten() {
        if is_null_value(bytes)? {
            return map_bytes(array, |bytes, builder| {
                if is_null_value(bytes)? {
                    builder.append_null();
                } else {
                    builder.append_value(bytes);
                }
                Ok(())
            });
        }
    }
    Ok(array.clone())
}

/// Whether each row is null or undefined.
pub(crate) fn is_null(array: &BinaryViewArray) -> Result<BooleanArray> {
    let flags = array
        .iter()
        .map(|bytes| bytes.map_or(Ok(true), is_null_value))
        .collect::<Result<Vec<bool>>>()?;
    Ok(BooleanArray::from(flags))
}

/// The `TYPEOF` of each row.
pub(crate) fn type_names(array: &BinaryViewArray) -> Result<StringViewArray> {
    let name = |bytes: Option<&[u8]>| match bytes {
        Some(bytes) => k::value_type(bytes).map(ValueType::name),
        None => Ok("undefined"),
    };
    Ok(array
        .iter()
        .map(|bytes| name(bytes).map(Some))
        .collect::<std::result::Result<_, _>>()?)
}

/// Whether each row is neither array nor object nor null nor undefined.
pub(crate) fn is_scalar(array: &BinaryViewArray) -> Result<BooleanArray> {
    let scalar = |bytes: &[u8]| {
        let value_type = k::value_type(bytes)?;
        Ok(!matches!(
            value_type,
            ValueType::Null | ValueType::Array | ValueType::Object
        ))
    };
    let flags = array.iter().map(|bytes| bytes.map_or(Ok(false), scalar));
    Ok(BooleanArray::from(flags.collect::<Result<Vec<bool>>>()?))
}

/// The JSON text of each row; null where it is undefined.
pub(crate) fn json_texts(array: &BinaryViewArray) -> Result<StringViewArray> {
    let mut builder = StringViewBuilder::with_capacity(array.len());
    let mut text = Vec::new();
    for bytes in array {
        let Some(bytes) = bytes else {
            builder.append_null();
            continue;
        };
        text.clear();
        k::write_json(bytes, &mut text)?;
        builder.append_value(String::from_utf8_lossy(&text));
    }
    Ok(builder.finish())
}

/// A K-encoded value, taken apart once for many comparisons.
#[derive(Clone, Copy)]
struct Operand<'a> {
    bytes: &'a [u8],
    value_type: ValueType,
    key: &'a [u8],
}

impl<'a> Operand<'a> {
    fn new(bytes: &'a [u8]) -> Result<Self> {
        Ok(Self {
            bytes,
            value_type: k::value_type(bytes)?,
            key: k::key(bytes)?,
        })
    }

    /// The order of two values; `None` where comparing them gives null.
    fn compare(self, other: Self) -> Result<Option<Ordering>> {
        let (left, right) = (self.value_type, other.value_type);
        if left == ValueType::Null || right == ValueType::Null {
            return Ok(None);
        }
        if left == right || (left.is_number() && right.is_number()) {
            return Ok(Some(self.key.cmp(other.key)));
        }
        if is_calendar(left) && is_calendar(right) {
            return Ok(order::compare(
                &k::decode(self.bytes)?,
                &k::decode(other.bytes)?,
            ));
        }
        Ok(None)
    }
}

/// The order of two K-encoded values; `None` where comparing them gives null.
pub(crate) fn compare_bytes(left: &[u8], right: &[u8]) -> Result<Option<Ordering>> {
    Operand::new(left)?.compare(Operand::new(right)?)
}

fn is_calendar(value_type: ValueType) -> bool {
    matches!(
        value_type,
        ValueType::Date | ValueType::Datetime | ValueType::Timestamp
    )
}

/// `left op right` row by row; a side of length 1 stands for every row.
pub(crate) fn compare(
    op: Comparison,
    left: &BinaryViewArray,
    right: &BinaryViewArray,
    rows: usize,
) -> Result<BooleanArray> {
    if left.len() == 1 && right.len() > 1 {
        return compare(op.swap(), right, left, rows);
    }
    // The usual case is a column against a constant, which then is taken apart once.
    let constant = if right.len() == 1 {
        get(right, 0).map(Operand::new).transpose()?
    } else {
        None
    };
    let mut builder = BooleanBuilder::with_capacity(rows);
    for row in 0..rows {
        let other = match constant {
            Some(constant) => Some(constant),
            None => get(right, row).map(Operand::new).transpose()?,
        };
        let ordering = match (get(left, row), other) {
            (Some(left), Some(right)) => Operand::new(left)?.compare(right)?,
            _ => None,
        };
        builder.append_option(ordering.map(|ordering| op.holds(ordering)));
    }
    Ok(builder.finish())
}

/// `left IS DISTINCT FROM right` row by row, nulls being equal to one another.
pub(crate) fn distinct(
    left: &BinaryViewArray,
    right: &BinaryViewArray,
    rows: usize,
    negated: bool,
) -> Result<BooleanArray> {
    let mut flags = Vec::with_capacity(rows);
    for row in 0..rows {
        let (left, right) = (present(left, row)?, present(right, row)?);
        let same = match (left, right) {
            (None, None) => true,
            (Some(left), Some(right)) => compare_bytes(left, right)? == Some(Ordering::Equal),
            _ => false,
        };
        flags.push(same == negated);
    }
    Ok(BooleanArray::from(flags))
}

/// `x IN (a, b, …)` row by row: true when an element equals `x`, else null when `x` or any comparison
/// is null, else false.
pub(crate) fn in_list(
    operand: &BinaryViewArray,
    list: &[&BinaryViewArray],
    rows: usize,
) -> Result<BooleanArray> {
    let mut builder = BooleanBuilder::with_capacity(rows);
    for row in 0..rows {
        builder.append_option(match get(operand, row) {
            Some(bytes) => contained(bytes, list, row)?,
            None => None,
        });
    }
    Ok(builder.finish())
}

fn contained(bytes: &[u8], list: &[&BinaryViewArray], row: usize) -> Result<Option<bool>> {
    let mut answer = Some(false);
    for element in list {
        match get(element, row)
            .map(|element| compare_bytes(bytes, element))
            .transpose()?
            .flatten()
        {
            Some(Ordering::Equal) => return Ok(Some(true)),
            Some(_) => {}
            None => answer = None,
        }
    }
    Ok(answer)
}

fn get(array: &BinaryViewArray, row: usize) -> Option<&[u8]> {
    let row = if array.len() == 1 { 0 } else { row };
    array.is_valid(row).then(|| array.value(row))
}

fn present(array: &BinaryViewArray, row: usize) -> Result<Option<&[u8]>> {
    match get(array, row) {
        Some(bytes) if is_null_value(bytes)? => Ok(None),
        bytes => Ok(bytes),
    }
}

/// `x.a.b` row by row; undefined is Arrow NULL.
pub(crate) fn field(array: &BinaryViewArray, steps: &[String]) -> Result<BinaryViewArray> {
    map_bytes(array, |bytes, builder| {
        match k::get(bytes, steps)? {
            Some(found) => builder.append_value(found),
            None => builder.append_null(),
        }
        Ok(())
    })
}

fn map_bytes(
    array: &BinaryViewArray,
    mut append: impl FnMut(&[u8], &mut BinaryViewBuilder) -> Result<()>,
) -> Result<BinaryViewArray> {
    let mut builder = BinaryViewBuilder::with_capacity(array.len());
    for bytes in array {
        match bytes {
            Some(bytes) => append(bytes, &mut builder)?,
            None => builder.append_null(),
        }
    }
    Ok(builder.finish())
}

/// `x[index]` row by row: an element of an array by position from 1, a member of an object by key;
/// undefined when there is none.
pub(crate) fn subscript(
    array: &BinaryViewArray,
    index: &ArrayRef,
    rows: usize,
) -> std::result::Result<ArrayRef, DataFusionError> {
    let constant = index.len() == 1;
    let index = ValueColumn::new(index)?;
    let mut builder = BinaryViewBuilder::with_capacity(rows);
    for row in 0..rows {
        let at = if constant { 0 } else { row };
        match get(array, row)
            .map(|bytes| element(bytes, &index, at))
            .transpose()?
            .flatten()
        {
            Some(bytes) => builder.append_value(bytes),
            None => builder.append_null(),
        }
    }
    Ok(Arc::new(builder.finish()))
}

fn element(bytes: &[u8], index: &ValueColumn, row: usize) -> Result<Option<Vec<u8>>> {
    let container = k::value_type(bytes)?;
    let found = match (container, index.value(row)?) {
        (ValueType::Null, _) | (_, Value::Null) => None,
        (ValueType::Array, Value::Int(position)) => {
            match usize::try_from(position)
                .ok()
                .and_then(|position| position.checked_sub(1))
            {
                Some(index) => k::element(bytes, index)?,
                None => None,
            }
        }
        (ValueType::Object, Value::String(key)) => k::get(bytes, &[key])?,
        (container, index) => {
            return Err(EvaluationError::Operands {
                operator: "[]",
                left: container.name(),
                right: index.value_type().name(),
            });
        }
    };
    Ok(found.map(std::borrow::Cow::into_owned))
}

/// A dynamic column out of any array that claims to be one.
pub(crate) fn as_dynamic(
    array: &ArrayRef,
) -> std::result::Result<&BinaryViewArray, DataFusionError> {
    array.as_binary_view_opt().ok_or_else(|| {
        EvaluationError::Column {
            column: "dynamic",
            found: "another type",
        }
        .into()
    })
}
