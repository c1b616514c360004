//! Functions that only plans of the binder hold: arrays as lists for UNNEST, membership in arrays, and
//! values that are changed one by one, such as documents without some fields for `* EXCEPT`.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::sync::Arc;

use datafusion::arrow::array::{
    Array, AsArray, BinaryViewArray, BinaryViewBuilder, BooleanArray, Int64Builder, ListBuilder,
};
use datafusion::arrow::datatypes::{DataType, Field};
use datafusion::common::{Result, exec_err};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use outcrop_document::{Value, ValueType, k};

use crate::dynamic::kernels;
use crate::operators::Typed;

/// What a list of [`list`] holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum ListOf {
    /// The elements, as dynamic values.
    Elements,
    /// The places of the elements, from 1.
    Ordinals,
}

/// The list of the elements, or places, of a dynamic array. Null for null; an error for other types.
pub(super) fn list(of: ListOf, array: Expr) -> Expr {
    ScalarUDF::new_from_impl(UnnestList {
        of,
        signature: one_dynamic(),
    })
    .call(vec![array])
}

/// The type of the elements of a [`list`].
pub(super) fn element_type(of: ListOf) -> DataType {
    match of {
        ListOf::Elements => DataType::BinaryView,
        ListOf::Ordinals => DataType::Int64,
    }
}

/// `document` without the top-level fields `names`.
pub(super) fn without_fields(document: Typed, names: Vec<String>) -> Typed {
    changed(document, Change::WithoutFields(names))
}

/// `value` if it is an object, else an object with it under `name`; null for no value.
pub(super) fn as_object(value: Typed, name: &str) -> Typed {
    changed(value, Change::AsObject(name.to_owned()))
}

/// The array of what the path `steps` holds in each element of `array`; null where it holds nothing.
pub(super) fn fields_of_elements(array: Typed, steps: Vec<String>) -> Typed {
    changed(array, Change::FieldsOfElements(steps))
}

fn changed(value: Typed, change: Change) -> Typed {
    let function = Changed {
        change,
        signature: one_dynamic(),
    };
    let expr = ScalarUDF::new_from_impl(function).call(vec![value.expr]);
    Typed::new(expr, DataType::BinaryView)
}

fn one_dynamic() -> Signature {
    Signature::exact(vec![DataType::BinaryView], Volatility::Immutable)
}

pub(super) fn damaged(error: k::DecodeError) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}

pub(super) fn dynamic_argument(args: &ScalarFunctionArgs, index: usize) -> Result<BinaryViewArray> {
    let array = args.args[index].to_array(args.number_rows)?;
    match array.as_binary_view_opt() {
        Some(values) => Ok(values.clone()),
        None => exec_err!("expected a dynamic argument, found {}", array.data_type()),
    }
}

/// Dynamic arrays as lists.
#[derive(Debug, PartialEq, Eq, Hash)]
struct UnnestList {
    of: ListOf,
    signature: Signature,
}

impl ScalarUDFImpl for UnnestList {
    fn name(&self) -> &str {
        match self.of {
            ListOf::Elements => "unnest_elements",
            ListOf::Ordinals => "unnest_ordinals",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        let item = Field::new_list_field(element_type(self.of), true);
        Ok(DataType::List(Arc::new(item)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let values = dynamic_argument(&args, 0)?;
        match self.of {
            ListOf::Elements => elements(&values),
            ListOf::Ordinals => ordinals(&values),
        }
    }
}

/// Whether a value is an array; `false` for null.
pub(super) fn is_array(value: &[u8]) -> Result<bool> {
    match k::value_type(value).map_err(damaged)? {
        ValueType::Array => Ok(true),
        ValueType::Null => Ok(false),
        other => exec_err!("expected an array, found a value of type {}", other.name()),
    }
}

fn elements(values: &BinaryViewArray) -> Result<ColumnarValue> {
    let mut lists = ListBuilder::new(BinaryViewBuilder::new());
    for value in values {
        let Some(value) = value else {
            lists.append(false);
            continue;
        };
        let present = is_array(value)?;
        if present {
            for element in k::elements(value).map_err(damaged)? {
                lists.values().append_value(element.map_err(damaged)?);
            }
        }
        lists.append(present);
    }
    Ok(ColumnarValue::Array(Arc::new(lists.finish())))
}

fn ordinals(values: &BinaryViewArray) -> Result<ColumnarValue> {
    let mut lists = ListBuilder::new(Int64Builder::new());
    for value in values {
        let present = match value {
            Some(value) => is_array(value)?,
            None => false,
        };
        if let (true, Some(value)) = (present, value) {
            for (ordinal, _) in (1..).zip(k::elements(value).map_err(damaged)?) {
                lists.values().append_value(ordinal);
            }
        }
        lists.append(present);
    }
    Ok(ColumnarValue::Array(Arc::new(lists.finish())))
}

/// What becomes of one value by itself.
#[derive(Debug, PartialEq, Eq, Hash)]
enum Change {
    /// An object loses these fields; other values stay.
    WithoutFields(Vec<String>),
    /// A value that is no object becomes the only member of one, under this name.
    AsObject(String),
    /// Each element of an array becomes what this path holds in it.
    FieldsOfElements(Vec<String>),
}

impl Change {
    fn apply<'v>(&self, value: &'v [u8]) -> Result<Option<Cow<'v, [u8]>>> {
        let value_type = k::value_type(value).map_err(damaged)?;
        match self {
            Self::WithoutFields(names) if value_type == ValueType::Object => {
                let mut object = k::ObjectBuilder::new();
                for entry in k::entries(value).map_err(damaged)? {
                    let (name, value) = entry.map_err(damaged)?;
                    if !names.iter().any(|dropped| *dropped == *name) {
                        object.insert(name, value.into_owned());
                    }
                }
                Ok(Some(Cow::Owned(object.finish().map_err(damaged)?)))
            }
            Self::AsObject(name) if value_type != ValueType::Object => {
                let mut object = k::ObjectBuilder::new();
                object.insert(name.as_str(), value.to_vec());
                Ok(Some(Cow::Owned(object.finish().map_err(damaged)?)))
            }
            Self::WithoutFields(_) | Self::AsObject(_) => Ok(Some(Cow::Borrowed(value))),
            Self::FieldsOfElements(steps) if is_array(value)? => {
                let null = k::encode(&Value::Null);
                let mut fields = k::ArrayBuilder::new();
                for element in k::elements(value).map_err(damaged)? {
                    let element = element.map_err(damaged)?;
                    let field = k::get(&element, steps).map_err(damaged)?;
                    fields
                        .push(field.as_deref().unwrap_or(&null))
                        .map_err(damaged)?;
                }
                Ok(Some(Cow::Owned(fields.finish())))
            }
            Self::FieldsOfElements(_) => Ok(None),
        }
    }
}

/// A [`Change`] of each value of a column. Null stays null.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Changed {
    change: Change,
    signature: Signature,
}

impl ScalarUDFImpl for Changed {
    fn name(&self) -> &str {
        match self.change {
            Change::WithoutFields(_) => "without_fields",
            Change::AsObject(_) => "as_object",
            Change::FieldsOfElements(_) => "fields_of_elements",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::BinaryView)
    }

    fn schema_name(&self, args: &[Expr]) -> Result<String> {
        let args: Vec<_> = args.iter().map(ToString::to_string).collect();
        let parameter = match &self.change {
            Change::WithoutFields(names) => names.join(", "),
            Change::AsObject(name) => name.clone(),
            Change::FieldsOfElements(steps) => steps.join("."),
        };
        Ok(format!("{}[{parameter}]({})", self.name(), args.join(", ")))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let values = dynamic_argument(&args, 0)?;
        let mut changed = BinaryViewBuilder::with_capacity(values.len());
        for value in &values {
            let value = value.map(|value| self.change.apply(value)).transpose()?;
            changed.append_option(value.flatten());
        }
        Ok(ColumnarValue::Array(Arc::new(changed.finish())))
    }
}

/// `value IN (SELECT element FROM UNNEST(array))`, both dynamic, without making rows of the elements.
///
/// As for any IN: false when there are no elements, also because there is no array; true when one equals
/// the value; else null when the comparison with one is null.
pub(super) fn in_elements(value: Typed, array: Typed) -> Typed {
    let function = InElements {
        signature: Signature::exact(vec![DataType::BinaryView; 2], Volatility::Immutable),
    };
    let expr = ScalarUDF::new_from_impl(function).call(vec![value.expr, array.expr]);
    Typed::new(expr, DataType::Boolean)
}

/// Membership in an array.
#[derive(Debug, PartialEq, Eq, Hash)]
struct InElements {
    signature: Signature,
}

impl ScalarUDFImpl for InElements {
    fn name(&self) -> &str {
        "in_elements"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Boolean)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let values = dynamic_argument(&args, 0)?;
        let arrays = dynamic_argument(&args, 1)?;
        let found = values
            .iter()
            .zip(&arrays)
            .map(|(value, array)| match array {
                Some(array) if is_array(array)? => is_element(value, array),
                _ => Ok(Some(false)),
            })
            .collect::<Result<BooleanArray>>()?;
        Ok(ColumnarValue::Array(Arc::new(found)))
    }
}

fn is_element(value: Option<&[u8]>, array: &[u8]) -> Result<Option<bool>> {
    let mut answer = Some(false);
    for element in k::elements(array).map_err(damaged)? {
        let element = element.map_err(damaged)?;
        let compared = match value {
            Some(value) => kernels::compare_bytes(value, &element)?,
            None => None,
        };
        match compared {
            Some(Ordering::Equal) => return Ok(Some(true)),
            Some(_) => {}
            None => answer = None,
        }
    }
    Ok(answer)
}
