//! Avro schemas: what the bytes of a record mean.

use std::collections::HashMap;

use serde_json::{Map, Value as Json};

use crate::scalars::Unit;

/// A place among the types of a schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TypeId(usize);

/// The types of a file. Records may hold themselves, so that types name each other by place.
pub(super) struct Schema {
    types: Vec<Type>,
    root: TypeId,
}

/// How values are encoded, and what they stand for.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Type {
    Null,
    Boolean,
    Int,
    Long,
    Float,
    Double,
    Bytes,
    String,
    Fixed(usize),
    Enum(Vec<String>),
    Array(TypeId),
    Map(TypeId),
    Union(Vec<TypeId>),
    Record(Vec<(String, TypeId)>),
    Date,
    Time(Unit, Width),
    Timestamp(Unit),
    LocalTimestamp(Unit),
    /// Digits behind the point, and the number of bytes if it does not stand before them.
    Decimal(i64, Option<usize>),
    Uuid,
    Duration,
}

/// Bits of a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Width {
    Int,
    Long,
}

impl Schema {
    /// The schema of this JSON.
    pub(super) fn parse(json: &[u8]) -> Result<Self, String> {
        let json: Json = serde_json::from_slice(json)
            .map_err(|error| format!("its schema is not valid: {error}"))?;
        let mut parser = Parser::default();
        let root = parser.add(&json, "");
        let root = root.map_err(|reason| format!("its schema is not valid: {reason}"))?;
        Ok(Self {
            types: parser.types,
            root,
        })
    }

    /// The type of the records.
    pub(super) fn root(&self) -> TypeId {
        self.root
    }

    /// The type at a place.
    pub(super) fn get(&self, id: TypeId) -> &Type {
        &self.types[id.0]
    }
}

#[derive(Default)]
struct Parser {
    types: Vec<Type>,
    /// Types by full name.
    named: HashMap<String, TypeId>,
}

impl Parser {
    /// Adds the type that `json` describes. Names without a namespace are of `namespace`.
    ///
    /// The nesting of the JSON bounds the recursion.
    fn add(&mut self, json: &Json, namespace: &str) -> Result<TypeId, String> {
        match json {
            Json::String(name) => self.by_name(name, namespace),
            Json::Array(branches) => {
                let branches = branches.iter().map(|branch| self.add(branch, namespace));
                let branches = branches.collect::<Result<_, _>>()?;
                Ok(self.push(Type::Union(branches)))
            }
            Json::Object(object) => match object.get("type") {
                Some(Json::String(kind)) => self.add_object(kind, object, namespace),
                Some(inner) => self.add(inner, namespace),
                None => Err("there is an object without a `type`".to_owned()),
            },
            other => Err(format!("`{other}` is no type")),
        }
    }

    fn push(&mut self, one: Type) -> TypeId {
        self.types.push(one);
        TypeId(self.types.len() - 1)
    }

    fn by_name(&mut self, name: &str, namespace: &str) -> Result<TypeId, String> {
        if let Some(primitive) = primitive(name) {
            return Ok(self.push(primitive));
        }
        let known = self.named.get(&full_name(name, namespace));
        known
            .copied()
            .ok_or_else(|| format!("there is no type `{name}`"))
    }

    fn add_object(
        &mut self,
        kind: &str,
        object: &Map<String, Json>,
        namespace: &str,
    ) -> Result<TypeId, String> {
        let inner = |member: &str| {
            let inner = object.get(member);
            inner.ok_or_else(|| format!("there is a type `{kind}` without `{member}`"))
        };
        match kind {
            "array" => {
                let items = self.add(inner("items")?, namespace)?;
                Ok(self.push(Type::Array(items)))
            }
            "map" => {
                let values = self.add(inner("values")?, namespace)?;
                Ok(self.push(Type::Map(values)))
            }
            "record" | "error" => {
                let (name, namespace) = names(object, namespace)?;
                // Known before its fields, which may be of it.
                let id = self.push(Type::Null);
                self.define(name, id)?;
                let fields = inner("fields")?.as_array();
                let fields = fields.ok_or("the fields of a record are no list")?;
                let fields = fields.iter().map(|field| self.field(field, &namespace));
                self.types[id.0] = Type::Record(fields.collect::<Result<_, _>>()?);
                Ok(id)
            }
            "enum" => {
                let (name, _) = names(object, namespace)?;
                let symbols = inner("symbols")?.as_array().into_iter().flatten();
                let symbols = symbols.map(|symbol| symbol.as_str().map(str::to_owned));
                let symbols: Option<_> = symbols.collect();
                let symbols = symbols.ok_or("a symbol of an enum is no string")?;
                let id = self.push(Type::Enum(symbols));
                self.define(name, id)?;
                Ok(id)
            }
            "fixed" => {
                let (name, _) = names(object, namespace)?;
                let size = inner("size")?.as_u64();
                let size = size.and_then(|size| usize::try_from(size).ok());
                let fixed = Type::Fixed(size.ok_or("the size of a fixed is no number")?);
                let id = self.push(logical(fixed, object));
                self.define(name, id)?;
                Ok(id)
            }
            other => match primitive(other) {
                Some(primitive) => Ok(self.push(logical(primitive, object))),
                None => self.by_name(other, namespace),
            },
        }
    }

    fn field(&mut self, field: &Json, namespace: &str) -> Result<(String, TypeId), String> {
        let name = field["name"].as_str().ok_or("a field has no name")?;
        let kind = field
            .get("type")
            .ok_or_else(|| format!("the field `{name}` has no type"))?;
        Ok((name.to_owned(), self.add(kind, namespace)?))
    }

    fn define(&mut self, name: String, id: TypeId) -> Result<(), String> {
        let message = format!("the type `{name}` is defined twice");
        match self.named.insert(name, id) {
            None => Ok(()),
            Some(_) => Err(message),
        }
    }
}

fn primitive(name: &str) -> Option<Type> {
    Some(match name {
        "null" => Type::Null,
        "boolean" => Type::Boolean,
        "int" => Type::Int,
        "long" => Type::Long,
        "float" => Type::Float,
        "double" => Type::Double,
        "bytes" => Type::Bytes,
        "string" => Type::String,
        _ => return None,
    })
}

/// What a type stands for. Logical types that are unknown, or not for this type, are passed over, as the specification
/// wants it.
fn logical(plain: Type, object: &Map<String, Json>) -> Type {
    let Some(name) = object.get("logicalType").and_then(Json::as_str) else {
        return plain;
    };
    let scale = || object.get("scale").and_then(Json::as_i64).unwrap_or(0);
    match (name, &plain) {
        ("date", Type::Int) => Type::Date,
        ("time-millis", Type::Int) => Type::Time(Unit::Millisecond, Width::Int),
        ("time-micros", Type::Long) => Type::Time(Unit::Microsecond, Width::Long),
        ("timestamp-millis", Type::Long) => Type::Timestamp(Unit::Millisecond),
        ("timestamp-micros", Type::Long) => Type::Timestamp(Unit::Microsecond),
        ("timestamp-nanos", Type::Long) => Type::Timestamp(Unit::Nanosecond),
        ("local-timestamp-millis", Type::Long) => Type::LocalTimestamp(Unit::Millisecond),
        ("local-timestamp-micros", Type::Long) => Type::LocalTimestamp(Unit::Microsecond),
        ("local-timestamp-nanos", Type::Long) => Type::LocalTimestamp(Unit::Nanosecond),
        ("decimal", Type::Bytes) => Type::Decimal(scale(), None),
        ("decimal", Type::Fixed(size)) => Type::Decimal(scale(), Some(*size)),
        ("uuid", Type::Fixed(16)) => Type::Uuid,
        ("duration", Type::Fixed(12)) => Type::Duration,
        _ => plain,
    }
}

/// The full name of a named type, and the namespace inside of it.
fn names(object: &Map<String, Json>, namespace: &str) -> Result<(String, String), String> {
    let text = |member: &str| object.get(member).and_then(Json::as_str);
    let name = text("name").ok_or("there is a type without a name")?;
    let full = full_name(name, text("namespace").unwrap_or(namespace));
    let inside = full.rsplit_once('.').map_or("", |(namespace, _)| namespace);
    let inside = inside.to_owned();
    Ok((full, inside))
}

fn full_name(name: &str, namespace: &str) -> String {
    match name.contains('.') || namespace.is_empty() {
        true => name.to_owned(),
        false => format!("{namespace}.{name}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(json: &str) -> String {
        Schema::parse(json.as_bytes()).err().unwrap_or_default()
    }

    #[test]
    fn names_are_of_the_namespace_around_them() {
        let schema = r#"{"type": "record", "name": "a.b.R", "fields": [
            {"name": "e", "type": {"type": "enum", "name": "E", "symbols": ["X"]}},
            {"name": "full", "type": "a.b.E"},
            {"name": "short", "type": ["null", {"type": "E"}]},
            {"name": "itself", "type": {"type": "array", "items": "R"}}
        ]}"#;
        let schema = Schema::parse(schema.as_bytes()).unwrap();
        let Type::Record(fields) = schema.get(schema.root()) else {
            panic!("it is a record");
        };
        assert_eq!(fields[0].1, fields[1].1);
        let Type::Array(items) = schema.get(fields[3].1) else {
            panic!("it is an array");
        };
        assert_eq!(*items, schema.root());
    }

    #[test]
    fn what_is_no_schema_is_told() {
        for (json, expected) in [
            ("{", "EOF"),
            ("5", "`5` is no type"),
            ("{}", "without a `type`"),
            (r#""X""#, "no type `X`"),
            (r#"{"type": "array"}"#, "without `items`"),
            (r#"{"type": "fixed", "name": "F", "size": -1}"#, "no number"),
            (
                r#"{"type": "record", "name": "R", "fields": [{"name": "a"}]}"#,
                "no type",
            ),
            (
                r#"[{"type": "fixed", "name": "F", "size": 1}, {"type": "enum", "name": "F", "symbols": []}]"#,
                "defined twice",
            ),
        ] {
            let error = error(json);
            assert!(error.contains(expected), "{json}: {error}");
        }
    }

    #[test]
    fn a_logical_type_that_does_not_fit_is_passed_over() {
        for (json, expected) in [
            (r#"{"type": "long", "logicalType": "date"}"#, Type::Long),
            (r#"{"type": "string", "logicalType": "uuid"}"#, Type::String),
            (r#"{"type": "int", "logicalType": "date"}"#, Type::Date),
            (
                r#"{"type": "bytes", "logicalType": "decimal", "precision": 4}"#,
                Type::Decimal(0, None),
            ),
        ] {
            let schema = Schema::parse(json.as_bytes()).unwrap();
            assert_eq!(*schema.get(schema.root()), expected, "{json}");
        }
    }
}
