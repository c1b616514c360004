//! GeoJSON (RFC 7946) geometries, two coordinates per position.

use super::{Geography, GeographyError, Position};
use crate::{Object, Value};

impl Geography {
    /// Reads a GeoJSON geometry object; a third coordinate (altitude) is ignored.
    ///
    /// # Errors
    /// When the object is not such a geometry or its coordinates are not on the globe.
    pub fn from_geojson(object: &Object) -> Result<Self, GeographyError> {
        let kind = object
            .get("type")
            .and_then(Value::as_str)
            .ok_or_else(|| malformed("the member `type` is missing"))?;
        let coordinates = object
            .get("coordinates")
            .ok_or_else(|| malformed("the member `coordinates` is missing"))?;
        match kind.to_ascii_lowercase().as_str() {
            "point" => Ok(Self::Point(position(coordinates)?)),
            "linestring" => Self::line_string(positions(coordinates)?),
            "polygon" => Self::polygon(rings(coordinates)?),
            "multipolygon" => Self::multi_polygon(list(coordinates, rings)?),
            _ => Err(GeographyError::Kind(kind.to_owned())),
        }
    }

    /// Appends the GeoJSON geometry, longitude before latitude.
    pub fn write_geojson(&self, out: &mut Vec<u8>) {
        let kind = match self {
            Self::Point(_) => "Point",
            Self::LineString(_) => "LineString",
            Self::Polygon(_) => "Polygon",
            Self::MultiPolygon(_) => "MultiPolygon",
        };
        out.extend_from_slice(b"{\"type\":\"");
        out.extend_from_slice(kind.as_bytes());
        out.extend_from_slice(b"\",\"coordinates\":");
        match self {
            Self::Point(position) => write_position(position, out),
            Self::LineString(positions) => write_list(positions, out, write_position),
            Self::Polygon(rings) => write_rings(rings, out),
            Self::MultiPolygon(polygons) => {
                write_list(polygons, out, |rings, out| write_rings(rings, out));
            }
        }
        out.push(b'}');
    }
}

fn malformed(reason: impl Into<String>) -> GeographyError {
    GeographyError::Malformed(reason.into())
}

fn list<T>(
    value: &Value,
    read: impl Fn(&Value) -> Result<T, GeographyError>,
) -> Result<Vec<T>, GeographyError> {
    match value {
        Value::Array(elements) => elements.iter().map(read).collect(),
        other => Err(malformed(format!(
            "expected an array, found {}",
            other.value_type()
        ))),
    }
}

fn rings(value: &Value) -> Result<Vec<Vec<Position>>, GeographyError> {
    list(value, positions)
}

fn positions(value: &Value) -> Result<Vec<Position>, GeographyError> {
    list(value, position)
}

fn position(value: &Value) -> Result<Position, GeographyError> {
    match list(value, coordinate)?.as_slice() {
        [longitude, latitude] | [longitude, latitude, _] => Position::new(*longitude, *latitude),
        other => Err(malformed(format!(
            "a position has 2 coordinates, found {}",
            other.len()
        ))),
    }
}

fn coordinate(value: &Value) -> Result<f64, GeographyError> {
    match value {
        Value::Int(int) => Ok(*int as f64),
        Value::Float(float) => Ok(*float),
        other => Err(malformed(format!(
            "a coordinate is a number, found {}",
            other.value_type()
        ))),
    }
}

fn write_list<T>(list: &[T], out: &mut Vec<u8>, write: impl Fn(&T, &mut Vec<u8>)) {
    out.push(b'[');
    for (index, element) in list.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write(element, out);
    }
    out.push(b']');
}

fn write_rings(rings: &[Vec<Position>], out: &mut Vec<u8>) {
    write_list(rings, out, |ring, out| {
        write_list(ring, out, write_position)
    });
}

fn write_position(position: &Position, out: &mut Vec<u8>) {
    write_list(
        &[position.longitude, position.latitude],
        out,
        |degrees, out| {
            out.extend_from_slice(ryu::Buffer::new().format_finite(*degrees).as_bytes());
        },
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json;

    /// The GeoJSON that the shape of `text` is written as, or the error.
    fn echo(text: &str) -> String {
        let value = json::parse(text.as_bytes()).unwrap();
        let mut out = Vec::new();
        match Geography::from_geojson(value.as_object().unwrap()) {
            Ok(geography) => geography.write_geojson(&mut out),
            Err(error) => out.extend_from_slice(error.to_string().as_bytes()),
        }
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn all_kinds_are_read_and_written() {
        for text in [
            r#"{"type":"Point","coordinates":[-179.5,90.0]}"#,
            r#"{"type":"LineString","coordinates":[[0.0,0.0],[1.5,1.0]]}"#,
            r#"{"type":"Polygon","coordinates":[[[0.0,0.0],[4.0,0.0],[4.0,4.0],[0.0,0.0]]]}"#,
            r#"{"type":"MultiPolygon","coordinates":[[[[0.0,0.0],[4.0,0.0],[4.0,4.0],[0.0,0.0]]]]}"#,
        ] {
            assert_eq!(echo(text), text);
        }
    }

    #[test]
    fn open_rings_are_closed_altitudes_and_negative_zeros_dropped() {
        assert_eq!(
            echo(r#"{"type":"Polygon","coordinates":[[[-0.0,0,7],[4,0,7],[4,4,7]]]}"#),
            r#"{"type":"Polygon","coordinates":[[[0.0,0.0],[4.0,0.0],[4.0,4.0],[0.0,0.0]]]}"#
        );
    }

    #[test]
    fn bad_shapes_say_why() {
        for (text, error) in [
            (
                r#"{"coordinates":[1,2]}"#,
                "malformed geography: the member `type` is missing",
            ),
            (
                r#"{"type":"Point"}"#,
                "malformed geography: the member `coordinates` is missing",
            ),
            (
                r#"{"type":"Point","coordinates":1}"#,
                "malformed geography: expected an array, found int",
            ),
            (
                r#"{"type":"Point","coordinates":["1","2"]}"#,
                "malformed geography: a coordinate is a number, found string",
            ),
            (
                r#"{"type":"Point","coordinates":[0,90.5]}"#,
                "position (0 90.5) is not within longitude ±180 and latitude ±90",
            ),
            (
                r#"{"type":"LineString","coordinates":[]}"#,
                "a linestring needs at least 2 parts, found 0",
            ),
            (
                r#"{"type":"Polygon","coordinates":[[[0,0],[1,1]]]}"#,
                "a polygon ring needs at least 4 parts, found 3",
            ),
            (
                r#"{"type":"MultiPolygon","coordinates":[]}"#,
                "a multipolygon needs at least 1 parts, found 0",
            ),
        ] {
            assert_eq!(echo(text), error, "{text}");
        }
    }
}
