//! Aggregates of values over a window frame that moves.
//!
//! A fold cannot be undone, so the rows of the frame are kept and folded anew for each row of the
//! result: as many steps as the frame has rows.

use super::value::{ValueUdaf, value_bytes};
use crate::dynamic::{EvaluationError, ValueColumn};
use datafusion::arrow::array::{Array, ArrayRef};
use datafusion::common::{Result, ScalarValue, internal_err};
use datafusion::logical_expr::Accumulator;
use outcrop_document::Value;
use std::collections::VecDeque;

/// An accumulator that lets go of its oldest rows.
#[derive(Debug)]
pub(super) struct SlidingAccumulator {
    function: ValueUdaf,
    rows: VecDeque<Vec<Value>>,
    bytes: usize,
}

impl SlidingAccumulator {
    pub(super) fn new(function: ValueUdaf) -> Self {
        Self {
            function,
            rows: VecDeque::new(),
            bytes: 0,
        }
    }
}

impl Accumulator for SlidingAccumulator {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let columns = values
            .iter()
            .map(ValueColumn::new)
            .collect::<Result<Vec<_>>>()?;
        for row in 0..values.first().map_or(0, Array::len) {
            let row = columns
                .iter()
                .map(|column| column.value(row))
                .collect::<std::result::Result<Vec<_>, EvaluationError>>()?;
            self.bytes += row.iter().map(value_bytes).sum::<usize>();
            self.rows.push_back(row);
        }
        Ok(())
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let gone = values.first().map_or(0, Array::len).min(self.rows.len());
        for row in self.rows.drain(..gone) {
            self.bytes -= row.iter().map(value_bytes).sum::<usize>();
        }
        Ok(())
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let mut fold = self.function.start();
        for row in &self.rows {
            fold.push(row.clone())?;
        }
        fold.evaluate()
    }

    fn size(&self) -> usize {
        size_of::<Self>() + self.bytes
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        internal_err!("a window is computed in one piece")
    }

    fn merge_batch(&mut self, _states: &[ArrayRef]) -> Result<()> {
        internal_err!("a window is computed in one piece")
    }
}
