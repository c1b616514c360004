//! Aggregates over single values: for dynamic inputs, and for results that have no Arrow type.
//!
//! A [`ValueAggregate`] folds rows of values. `DISTINCT` and `ORDER BY` are handled here for all of
//! them: rows are then kept until the end, deduplicated by key, sorted and only then folded.
//! Between partitions a state travels as one K-encoded value.

use super::checksum::Checksum;
use super::described::Described;
use super::keyed::{HistogramMap, KeyedMap};
use super::maps::{Histogram, MapUnion};
use super::sketch::Sketch;
use super::sliding::SlidingAccumulator;
use super::values::{ArrayAgg, Extreme, MapAgg, StringAgg, Sum};
use super::{Call, Lowered};
use crate::dynamic::{EvaluationError, ValueColumn, ValueColumnBuilder};
use crate::operators::{Typed, group_key};
use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::AggregateOrderSensitivity;
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, Signature, Volatility,
};
use outcrop_document::{Value, k};
use std::cmp::Ordering;
use std::collections::HashSet;
use std::fmt::Debug;
use std::sync::Arc;

type Folded<T> = std::result::Result<T, EvaluationError>;

/// A fold over rows of values.
pub(super) trait ValueAggregate: Debug + Send + Sync {
    /// Takes one row of arguments. Nulls are the aggregate's to skip.
    fn update(&mut self, row: &[Value]) -> Folded<()>;
    /// What another partition needs to go on; read by [`merge`](Self::merge).
    fn state(&self) -> Value;
    /// Takes the state of another partition, whose rows come after those seen so far.
    fn merge(&mut self, state: Value) -> Folded<()>;
    /// The result.
    fn finish(&self) -> Folded<Value>;
    /// Bytes held, about.
    fn bytes(&self) -> usize;
}

/// The aggregates of this kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum ValueFunction {
    Sum,
    MinBy,
    MaxBy,
    ArrayAgg,
    MapAgg,
    StringAgg,
    Histogram,
    MapUnion,
    Checksum,
    Described,
    /// `MAP_AGG` of a rollup, with operations.
    KeyedMap,
    /// `HMAP_AGG`.
    HistogramMap,
    /// `APPROX_DISTINCT` of a rollup.
    Sketch,
}

impl ValueFunction {
    fn start(self) -> Box<dyn ValueAggregate> {
        match self {
            Self::Sum => Box::new(Sum::default()),
            Self::MinBy => Box::new(Extreme::new(Ordering::Less)),
            Self::MaxBy => Box::new(Extreme::new(Ordering::Greater)),
            Self::ArrayAgg => Box::new(ArrayAgg::default()),
            Self::MapAgg => Box::new(MapAgg::default()),
            Self::StringAgg => Box::new(StringAgg::default()),
            Self::Histogram => Box::new(Histogram::default()),
            Self::MapUnion => Box::new(MapUnion::default()),
            Self::Checksum => Box::new(Checksum::default()),
            Self::Described => Box::new(Described::default()),
            Self::KeyedMap => Box::new(KeyedMap::new("MAP_AGG")),
            Self::HistogramMap => Box::new(HistogramMap::default()),
            Self::Sketch => Box::new(Sketch::default()),
        }
    }

    /// The aggregate expression of a call. Terms of its `ORDER BY` become further arguments.
    pub(super) fn lower(self, call: &Call, returns: DataType) -> Lowered {
        let mut arguments: Vec<_> = call.arguments.iter().map(|x| x.expr.clone()).collect();
        let order = call
            .order_by
            .iter()
            .map(|key| (key.ascending, key.nulls_first))
            .collect();
        arguments.extend(
            call.order_by
                .iter()
                .map(|key| group_key(key.operand.clone()).expr),
        );
        let function = ValueUdaf::new(self, returns.clone(), call.distinct, order);
        let bare = Call {
            name: call.name,
            arguments: vec![],
            distinct: false,
            filter: call.filter.clone(),
            order_by: vec![],
        };
        let expr = bare.expression(Arc::new(AggregateUDF::from(function)), arguments);
        Ok(Typed::new(expr, returns))
    }
}

/// A [`ValueFunction`] as DataFusion sees it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct ValueUdaf {
    function: ValueFunction,
    returns: DataType,
    distinct: bool,
    /// Per trailing argument: whether ascending, whether nulls come first.
    order: Vec<(bool, bool)>,
    name: String,
    signature: Signature,
}

impl ValueUdaf {
    fn new(
        function: ValueFunction,
        returns: DataType,
        distinct: bool,
        order: Vec<(bool, bool)>,
    ) -> Self {
        let mut name = format!("{function:?}").to_ascii_lowercase();
        if distinct {
            name.push_str("_distinct");
        }
        for (ascending, nulls_first) in &order {
            name.push_str(if *ascending { "_asc" } else { "_desc" });
            name.push_str(if *nulls_first { "_nulls_first" } else { "" });
        }
        let signature = Signature::user_defined(Volatility::Immutable);
        Self {
            function,
            returns,
            distinct,
            order,
            name,
            signature,
        }
    }

    /// An accumulator that has seen no rows.
    pub(super) fn start(&self) -> ValueAccumulator {
        let collect = self.distinct || !self.order.is_empty();
        ValueAccumulator {
            function: self.function,
            returns: self.returns.clone(),
            fold: self.function.start(),
            collected: collect.then(|| Collected::new(self.distinct, self.order.clone())),
        }
    }
}

impl AggregateUDFImpl for ValueUdaf {
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

    fn state_fields(&self, arguments: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        let name = format!("{}[state]", arguments.name);
        Ok(vec![Arc::new(Field::new(name, DataType::Binary, true))])
    }

    fn accumulator(&self, _arguments: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(self.start()))
    }

    fn create_sliding_accumulator(
        &self,
        _arguments: AccumulatorArgs,
    ) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(SlidingAccumulator::new(self.clone())))
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::Insensitive
    }
}

#[derive(Debug)]
pub(super) struct ValueAccumulator {
    function: ValueFunction,
    returns: DataType,
    fold: Box<dyn ValueAggregate>,
    collected: Option<Collected>,
}

impl ValueAccumulator {
    /// Takes one row of arguments and sort keys.
    pub(super) fn push(&mut self, row: Vec<Value>) -> Folded<()> {
        match &mut self.collected {
            Some(collected) => {
                collected.push(row);
                Ok(())
            }
            None => self.fold.update(&row),
        }
    }
}

impl Accumulator for ValueAccumulator {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let columns = values
            .iter()
            .map(ValueColumn::new)
            .collect::<Result<Vec<_>>>()?;
        let rows = values.first().map_or(0, Array::len);
        for row in 0..rows {
            let row = columns
                .iter()
                .map(|column| column.value(row))
                .collect::<Folded<Vec<_>>>()?;
            self.push(row)?;
        }
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let result = match &mut self.collected {
            None => self.fold.finish()?,
            Some(collected) => {
                let mut fold = self.function.start();
                let arguments = collected.arguments();
                for row in collected.sorted() {
                    fold.update(&row[..arguments.min(row.len())])?;
                }
                fold.finish()?
            }
        };
        let mut builder = ValueColumnBuilder::new(&self.returns, 1)?;
        builder.append(&result)?;
        ScalarValue::try_from_array(&builder.finish(), 0)
    }

    fn size(&self) -> usize {
        let collected = self
            .collected
            .as_ref()
            .map_or(0, |collected| collected.bytes);
        size_of::<Self>() + self.fold.bytes() + collected
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let state = match &self.collected {
            Some(collected) => collected.state(),
            None => self.fold.state(),
        };
        Ok(vec![ScalarValue::Binary(Some(k::encode(&state)))])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        for bytes in states[0].as_binary::<i32>().iter().flatten() {
            let state = k::decode(bytes).map_err(EvaluationError::from)?;
            match &mut self.collected {
                Some(collected) => collected.merge(state),
                None => self.fold.merge(state)?,
            }
        }
        Ok(())
    }
}

/// Rows kept for `DISTINCT` and `ORDER BY`.
#[derive(Debug)]
struct Collected {
    distinct: bool,
    order: Vec<(bool, bool)>,
    rows: Vec<Vec<Value>>,
    seen: HashSet<Vec<u8>>,
    bytes: usize,
}

impl Collected {
    fn new(distinct: bool, order: Vec<(bool, bool)>) -> Self {
        Self {
            distinct,
            order,
            rows: vec![],
            seen: HashSet::new(),
            bytes: 0,
        }
    }

    /// How many leading values of a row are arguments; the rest are sort keys.
    fn arguments(&self) -> usize {
        self.rows
            .first()
            .map_or(0, |row| row.len().saturating_sub(self.order.len()))
    }

    fn push(&mut self, row: Vec<Value>) {
        if self.distinct {
            let arguments = row.len().saturating_sub(self.order.len());
            let bytes = k::encode(&Value::Array(row[..arguments].to_vec()));
            let key = k::key(&bytes).map_or_else(|_| bytes.clone(), <[u8]>::to_vec);
            self.bytes += key.len();
            if !self.seen.insert(key) {
                return;
            }
        }
        self.bytes += row.iter().map(value_bytes).sum::<usize>();
        self.rows.push(row);
    }

    fn sorted(&mut self) -> &[Vec<Value>] {
        let arguments = self.arguments();
        let order = &self.order;
        self.rows.sort_by(|a, b| {
            let keys = a[arguments..].iter().zip(&b[arguments..]).zip(order);
            keys.map(|((a, b), (ascending, nulls_first))| {
                let (a_null, b_null) = (matches!(a, Value::Null), matches!(b, Value::Null));
                match (a_null, b_null) {
                    (false, false) if *ascending => a.compare(b),
                    (false, false) => b.compare(a),
                    _ if *nulls_first => b_null.cmp(&a_null),
                    _ => a_null.cmp(&b_null),
                }
            })
            .find(|ordering| ordering.is_ne())
            .unwrap_or(Ordering::Equal)
        });
        &self.rows
    }

    fn state(&self) -> Value {
        Value::Array(self.rows.iter().cloned().map(Value::Array).collect())
    }

    fn merge(&mut self, state: Value) {
        if let Value::Array(rows) = state {
            for row in rows {
                if let Value::Array(row) = row {
                    self.push(row);
                }
            }
        }
    }
}

/// Bytes that a value takes in memory, about.
pub(super) fn value_bytes(value: &Value) -> usize {
    size_of::<Value>()
        + match value {
            Value::String(text) => text.len(),
            Value::Bytes(bytes) => bytes.len(),
            Value::Array(elements) => elements.iter().map(value_bytes).sum(),
            Value::Object(members) => members
                .iter()
                .map(|(name, value)| name.len() + 32 + value_bytes(value))
                .sum(),
            _ => 0,
        }
}
