//! `TABLESAMPLE`: some of the rows, chosen at random. With a seed the choice depends on nothing but the
//! seed and the document (its `_id`) or row, so that the same query gives the same rows.

use datafusion::arrow::array::Float64Array;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::Column;
use datafusion::functions::math::random;
use datafusion::logical_expr::{
    ColumnarValue, Expr, LogicalPlanBuilder, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl,
    Signature, Volatility, lit,
};
use datafusion::sql::sqlparser::ast::{
    Expr as Ast, TableSample, TableSampleKind, TableSampleMethod, TableSampleQuantity,
    TableSampleSeed, TableSampleUnit,
};
use outcrop_document::Value;

use super::join::Part;
use super::names::Names;
use super::query::Ctes;
use super::scope::Scope;
use super::{Binder, Result, elements};
use crate::error::{Position, QueryError};
use crate::operators;

impl Binder<'_> {
    /// The rows of `part` that `TABLESAMPLE BERNOULLI (p)` or `SYSTEM (p)` keeps: each with a chance
    /// of `p` percent. `SYSTEM` may take whole blocks of rows, and need not.
    pub(super) fn sampled(
        &mut self,
        part: Part,
        sample: Option<&TableSampleKind>,
        place: Option<Position>,
        ctes: &Ctes,
    ) -> Result<Part> {
        let sample = match sample {
            None => return Ok(part),
            Some(
                TableSampleKind::BeforeTableAlias(sample)
                | TableSampleKind::AfterTableAlias(sample),
            ) => sample,
        };
        let percent = self.percentage(sample, place, ctes)?;
        // A column of its own: the optimizer would move a condition that draws numbers to where there
        // are fewer rows.
        let drawn = Column::from_name(self.qualifiers.take("drawn"));
        let number = match &sample.seed {
            None => random().call(vec![]),
            Some(seed) => {
                let seed = self.seed(seed, place, ctes)?;
                let row = match part.relations.as_slice() {
                    [only] => only.identity(),
                    _ => return Err(QueryError::semantic("TABLESAMPLE takes one table", place)),
                };
                let row = row.map_err(|error| super::operator_error(error, place))?;
                ScalarUDF::new_from_impl(SeededNumber {
                    seed,
                    signature: Signature::exact(vec![DataType::BinaryView], Volatility::Immutable),
                })
                .call(vec![operators::to_dynamic(row).expr])
            }
        };
        let number = number * lit(100.0);
        let columns = part.plan.schema().columns().into_iter().map(Expr::Column);
        let columns: Vec<_> = columns.collect();
        let with_number = columns.iter().cloned();
        let plan = LogicalPlanBuilder::from(part.plan)
            .project(with_number.chain([number.alias(drawn.name.clone())]))?
            .filter(Expr::Column(drawn).lt(lit(percent)))?
            .project(columns)?
            .build()?;
        Ok(Part { plan, ..part })
    }

    fn seed(
        &mut self,
        seed: &TableSampleSeed,
        place: Option<Position>,
        ctes: &Ctes,
    ) -> Result<i64> {
        let scope = Scope::default();
        let names = Names::fields(&scope, ctes, "TABLESAMPLE");
        let bound = self.value(&Ast::Value(seed.value.clone()), &names)?;
        match super::constant::evaluate(&bound) {
            Some(Value::Int(seed)) => Ok(seed),
            _ => {
                let message = "the seed of TABLESAMPLE is a constant whole number";
                Err(QueryError::semantic(message, place))
            }
        }
    }

    fn percentage(
        &mut self,
        sample: &TableSample,
        place: Option<Position>,
        ctes: &Ctes,
    ) -> Result<f64> {
        let is_known = matches!(
            sample.name,
            Some(TableSampleMethod::Bernoulli | TableSampleMethod::System)
        );
        let quantity = match &sample.quantity {
            Some(TableSampleQuantity {
                value,
                unit: None | Some(TableSampleUnit::Percent),
                parenthesized: true,
            }) if is_known && sample.bucket.is_none() && sample.offset.is_none() => value,
            _ => {
                let message = "TABLESAMPLE takes BERNOULLI (percent) or SYSTEM (percent)";
                return Err(QueryError::semantic(message, place));
            }
        };
        let scope = Scope::default();
        let bound = self.value(quantity, &Names::fields(&scope, ctes, "TABLESAMPLE"))?;
        #[expect(clippy::cast_precision_loss, reason = "percentages are small")]
        let percent = match super::constant::evaluate(&bound) {
            Some(Value::Int(percent)) => Some(percent as f64),
            Some(Value::Float(percent)) => Some(percent),
            _ => None,
        };
        percent
            .filter(|percent| (0.0..=100.0).contains(percent))
            .ok_or_else(|| {
                let message = "TABLESAMPLE takes a constant percentage from 0 to 100";
                QueryError::semantic(message, super::position(quantity))
            })
    }
}

/// A number from 0 to 1 that follows from a seed and a value.
#[derive(Debug, PartialEq, Eq, Hash)]
struct SeededNumber {
    seed: i64,
    signature: Signature,
}

impl ScalarUDFImpl for SeededNumber {
    fn name(&self) -> &str {
        "seeded_number"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> datafusion::common::Result<DataType> {
        Ok(DataType::Float64)
    }

    fn schema_name(&self, args: &[Expr]) -> datafusion::common::Result<String> {
        let args: Vec<_> = args.iter().map(ToString::to_string).collect();
        Ok(format!("seeded_number[{}]({})", self.seed, args.join(", ")))
    }

    fn invoke_with_args(
        &self,
        args: ScalarFunctionArgs,
    ) -> datafusion::common::Result<ColumnarValue> {
        let values = elements::dynamic_argument(&args, 0)?;
        let numbers = values
            .iter()
            .map(|value| seeded(self.seed, value.unwrap_or_default()));
        let numbers: Float64Array = numbers.map(Some).collect();
        Ok(ColumnarValue::Array(std::sync::Arc::new(numbers)))
    }
}

/// FNV-1a over the bytes, then the mixing steps of SplitMix64, of which the upper 53 bits count.
fn seeded(seed: i64, bytes: &[u8]) -> f64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64 ^ seed.cast_unsigned();
    for byte in bytes {
        hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    }
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^= hash >> 31;
    #[expect(clippy::cast_precision_loss, reason = "53 bits fit")]
    let upper = (hash >> 11) as f64;
    upper * 0.5_f64.powi(53)
}
