//! Expressions together with their types.

use crate::types::SqlType;
use datafusion::arrow::datatypes::DataType;
use datafusion::logical_expr::Expr;

/// An expression and the Arrow type that it yields, which alone tells its SQL type.
#[derive(Clone, Debug, PartialEq)]
pub struct Typed {
    /// The expression.
    pub expr: Expr,
    /// Its type; one that [`SqlType::from_arrow`] knows.
    pub data_type: DataType,
}

impl Typed {
    /// Pairs an expression with its type.
    pub fn new(expr: Expr, data_type: DataType) -> Self {
        Self { expr, data_type }
    }

    /// The SQL type; dynamic for Arrow types outside the mapping.
    pub fn sql_type(&self) -> SqlType {
        SqlType::from_arrow(&self.data_type).unwrap_or(SqlType::Dynamic)
    }

    /// Whether rows carry their own types.
    pub fn is_dynamic(&self) -> bool {
        self.data_type == DataType::BinaryView
    }

    /// Whether this is the literal null or undefined, or an expression known to be nothing else.
    pub fn is_null_type(&self) -> bool {
        self.data_type == DataType::Null
    }
}

/// The four casts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum CastKind {
    /// `CAST(x AS t)` and `x::t`: wide, reads text; an impossible value is an error.
    Cast,
    /// `TRY_CAST`: as `CAST`, null instead of an error.
    TryCast,
    /// `STATIC_CAST`: among numbers, and to bool by truthiness; reads no text.
    StaticCast,
    /// `TRY_STATIC_CAST`: as `STATIC_CAST`, null instead of an error.
    TryStaticCast,
}

impl CastKind {
    /// Whether an impossible value gives null rather than an error.
    pub fn is_try(self) -> bool {
        matches!(self, Self::TryCast | Self::TryStaticCast)
    }
}

/// One term of an `ORDER BY`, in a query, a window or an aggregate.
#[derive(Clone, Debug, PartialEq)]
pub struct SortKey {
    /// What to order by.
    pub operand: Typed,
    /// Ascending unless `DESC` was written.
    pub ascending: bool,
    /// Where nulls go; last unless written otherwise, in both directions.
    pub nulls_first: bool,
}

impl SortKey {
    /// The DataFusion form, with the operand made orderable.
    pub fn lower(self) -> datafusion::logical_expr::SortExpr {
        super::sort_key(self.operand)
            .expr
            .sort(self.ascending, self.nulls_first)
    }
}
