//! Geography: points, lines and areas on the sphere. Distances are in metres, areas in square metres.

use super::definition::{Evaluated, Returns, ScalarFunction};
use super::string::text;
use crate::dynamic::EvaluationError;
use crate::functions::kinds::Kinds;
use crate::geography::{self as sphere, Shape};
use crate::types::SqlType;
use outcrop_document::{Geography, GeographyError, Position, Value};

const G: Kinds = Kinds::GEOGRAPHY;
const GEOGRAPHY: Returns = Returns::Type(SqlType::Geography);
const FLOAT: Returns = Returns::Type(SqlType::Float);
const BOOL: Returns = Returns::Type(SqlType::Bool);
const STRING: Returns = Returns::Type(SqlType::String);

pub(super) const FUNCTIONS: &[ScalarFunction] = &[
    ScalarFunction::new(
        &["ST_GEOGPOINT"],
        &[Kinds::NUMBER, Kinds::NUMBER],
        GEOGRAPHY,
        |x| {
            point(
                sphere::wrapped(degrees(&x[0]), degrees(&x[1])),
                "ST_GEOGPOINT",
            )
        },
        "The point at a longitude and a latitude in degrees; angles beyond the globe wrap.",
    ),
    ScalarFunction::new(
        &["ST_X"],
        &[G],
        FLOAT,
        |x| coordinate(&x[0], "ST_X", Position::longitude),
        "The longitude of a point in degrees.",
    ),
    ScalarFunction::new(
        &["ST_Y"],
        &[G],
        FLOAT,
        |x| coordinate(&x[0], "ST_Y", Position::latitude),
        "The latitude of a point in degrees.",
    ),
    ScalarFunction::new(
        &["ST_GEOGFROMTEXT"],
        &[Kinds::STRING],
        GEOGRAPHY,
        |x| geography(Geography::from_wkt(text(&x[0])), "ST_GEOGFROMTEXT"),
        "The geography of a well-known text: POINT, LINESTRING, POLYGON or MULTIPOLYGON.",
    ),
    ScalarFunction::new(
        &["ST_ASTEXT"],
        &[G],
        STRING,
        |x| Ok(shape_of(&x[0]).map_or(Value::Null, |shape| Value::String(shape.to_string()))),
        "The geography as well-known text.",
    ),
    ScalarFunction::new(
        &["ST_GEOGFROMGEOJSON"],
        &[Kinds::STRING.or(Kinds::OBJECT)],
        GEOGRAPHY,
        from_geojson,
        "The geography of a GeoJSON geometry, given as text or as an object.",
    ),
    ScalarFunction::new(
        &["ST_ASGEOJSON"],
        &[G],
        STRING,
        |x| Ok(shape_of(&x[0]).map_or(Value::Null, geojson)),
        "The geography as the text of a GeoJSON geometry.",
    ),
    ScalarFunction::new(
        &["ST_DISTANCE"],
        &[G, G],
        FLOAT,
        |x| of_two(x, |a, b| Value::Float(sphere::distance(a, b))),
        "The shortest way between two geographies in metres.",
    ),
    ScalarFunction::new(
        &["ST_DWITHIN"],
        &[G, G, Kinds::NUMBER],
        BOOL,
        |x| {
            let most = degrees(&x[2]);
            of_two(x, |a, b| Value::Bool(sphere::distance(a, b) <= most))
        },
        "Whether two geographies are at most so many metres apart.",
    ),
    ScalarFunction::new(
        &["ST_CONTAINS"],
        &[G, G],
        BOOL,
        |x| of_two(x, |a, b| Value::Bool(sphere::contains(a, b))),
        "Whether no place of the second is outside of the first, and some is not on its boundary.",
    ),
    ScalarFunction::new(
        &["ST_WITHIN"],
        &[G, G],
        BOOL,
        |x| of_two(x, |a, b| Value::Bool(sphere::contains(b, a))),
        "Whether the second contains the first.",
    ),
    ScalarFunction::new(
        &["ST_INTERSECTS"],
        &[G, G],
        BOOL,
        |x| of_two(x, |a, b| Value::Bool(sphere::intersects(a, b))),
        "Whether two geographies have a place in common, boundaries included.",
    ),
    ScalarFunction::new(
        &["ST_AREA"],
        &[G],
        FLOAT,
        |x| of_one(x, sphere::area),
        "The area in square metres; 0 for points and lines.",
    ),
    ScalarFunction::new(
        &["ST_LENGTH"],
        &[G],
        FLOAT,
        |x| of_one(x, sphere::length),
        "The length of a line in metres; 0 for points and areas.",
    ),
    ScalarFunction::new(
        &["ST_PERIMETER"],
        &[G],
        FLOAT,
        |x| of_one(x, sphere::perimeter),
        "The length of the rings of an area in metres; 0 for points and lines.",
    ),
    ScalarFunction::new(
        &["ST_CENTROID"],
        &[G],
        GEOGRAPHY,
        |x| match shape_of(&x[0]) {
            // A point is its own centroid, to the last digit.
            Some(point @ Geography::Point(_)) => Ok(Value::Geography(point.clone())),
            Some(shape) => point(sphere::centroid(&Shape::from(shape)), "ST_CENTROID"),
            None => Ok(Value::Null),
        },
        "The middle of a geography.",
    ),
];

fn shape_of(value: &Value) -> Option<&Geography> {
    match value {
        Value::Geography(geography) => Some(geography),
        _ => None,
    }
}

#[expect(clippy::cast_precision_loss, reason = "so large an int is no angle")]
fn degrees(value: &Value) -> f64 {
    match value {
        Value::Int(value) => *value as f64,
        Value::Float(value) => *value,
        _ => f64::NAN,
    }
}

fn geography(read: Result<Geography, GeographyError>, function: &'static str) -> Evaluated {
    read.map(Value::Geography)
        .map_err(|error| EvaluationError::argument(function, error.to_string()))
}

fn point(read: Result<Position, GeographyError>, function: &'static str) -> Evaluated {
    geography(read.map(Geography::Point), function)
}

fn coordinate(value: &Value, function: &'static str, read: fn(Position) -> f64) -> Evaluated {
    match shape_of(value) {
        Some(Geography::Point(position)) => Ok(Value::Float(read(*position))),
        _ => Err(EvaluationError::argument(
            function,
            "the geography is no point",
        )),
    }
}

fn of_one(x: &[Value], measure: fn(&Shape) -> f64) -> Evaluated {
    let measured = shape_of(&x[0]).map(|shape| measure(&Shape::from(shape)));
    Ok(measured.map_or(Value::Null, Value::Float))
}

fn of_two(x: &[Value], answer: impl Fn(&Shape, &Shape) -> Value) -> Evaluated {
    match (shape_of(&x[0]), shape_of(&x[1])) {
        (Some(a), Some(b)) => Ok(answer(&Shape::from(a), &Shape::from(b))),
        _ => Ok(Value::Null),
    }
}

fn from_geojson(x: &[Value]) -> Evaluated {
    const NAME: &str = "ST_GEOGFROMGEOJSON";
    let object = match &x[0] {
        Value::Object(object) => object.clone(),
        other => match outcrop_document::json::parse(text(other).as_bytes()) {
            Ok(Value::Object(object)) => object,
            Ok(_) => {
                return Err(EvaluationError::argument(
                    NAME,
                    "the text is no JSON object",
                ));
            }
            Err(error) => return Err(EvaluationError::argument(NAME, error.to_string())),
        },
    };
    geography(Geography::from_geojson(&object), NAME)
}

fn geojson(shape: &Geography) -> Value {
    let mut out = Vec::new();
    shape.write_geojson(&mut out);
    Value::String(String::from_utf8_lossy(&out).into_owned())
}
