//! Lengths, areas, distances, centroids.

use super::EARTH_RADIUS;
use super::relation::intersects;
use super::ring::Ring;
use super::shape::{Form, Polygon, Shape};
use super::vector::{Segment, Vector};
use outcrop_document::{GeographyError, Position};

/// The length of a line in metres; 0 for other shapes.
pub(crate) fn length(shape: &Shape) -> f64 {
    match &shape.form {
        Form::Line(_) => EARTH_RADIUS * shape.segments().map(Segment::angle).sum::<f64>(),
        Form::Point(_) | Form::Area(_) => 0.0,
    }
}

/// The length of all rings of an area in metres; 0 for other shapes.
pub(crate) fn perimeter(shape: &Shape) -> f64 {
    match &shape.form {
        Form::Area(_) => EARTH_RADIUS * shape.segments().map(Segment::angle).sum::<f64>(),
        Form::Point(_) | Form::Line(_) => 0.0,
    }
}

/// The area in square metres, without holes.
pub(crate) fn area(shape: &Shape) -> f64 {
    let Form::Area(polygons) = &shape.form else {
        return 0.0;
    };
    let of_polygon = |polygon: &Polygon| {
        let mut rings = polygon.rings.iter().map(Ring::area);
        let outer = rings.next().unwrap_or(0.0);
        (outer - rings.sum::<f64>()).max(0.0)
    };
    EARTH_RADIUS * EARTH_RADIUS * polygons.iter().map(of_polygon).sum::<f64>()
}

/// The shortest way between two shapes in metres; 0 where they meet.
pub(crate) fn distance(a: &Shape, b: &Shape) -> f64 {
    if intersects(a, b) {
        return 0.0;
    }
    EARTH_RADIUS * angle_to_corners(a, b).min(angle_to_corners(b, a))
}

/// The least angle from a place or arc of `shape` to a corner of `other`. Between shapes that do not
/// meet one end of the shortest way is a corner.
fn angle_to_corners(shape: &Shape, other: &Shape) -> f64 {
    let corners = other.places();
    let mut least = f64::INFINITY;
    if let Form::Point(point) = &shape.form {
        least = corners
            .iter()
            .map(|corner| point.angle(*corner))
            .fold(least, f64::min);
    }
    for segment in shape.segments() {
        least = corners
            .iter()
            .map(|corner| segment.angle_to(*corner))
            .fold(least, f64::min);
    }
    least
}

/// The middle of a shape, weighed by area or length; of what has none, the middle of its corners.
///
/// # Errors
/// When it has no middle, as a great circle has none.
pub(crate) fn centroid(shape: &Shape) -> Result<Position, GeographyError> {
    let middle = match &shape.form {
        Form::Point(point) => Some(*point),
        Form::Line(places) => {
            let moment = sum(shape.segments().map(line_moment));
            let length: f64 = shape.segments().map(Segment::angle).sum();
            // Ways all round the globe cancel out, but for rounding.
            match length > 0.0 {
                true => moment.unit().filter(|_| moment.length() > length * 1e-12),
                false => places.first().copied(),
            }
        }
        Form::Area(polygons) => {
            let moment = sum(polygons.iter().map(|polygon| {
                let mut rings = polygon.rings.iter().map(Ring::moment);
                let outer = rings.next().unwrap_or(Vector::ZERO);
                outer - sum(rings)
            }));
            moment
                .unit()
                .or_else(|| sum(shape.places().into_iter()).unit())
        }
    };
    match middle {
        Some(middle) => middle.position(),
        None => Err(GeographyError::Malformed(
            "the shape has no centroid".to_owned(),
        )),
    }
}

/// The integral of the places of an arc.
fn line_moment(segment: Segment) -> Vector {
    let length = 2.0 * (segment.angle() / 2.0).sin();
    segment.at(0.5) * length
}

fn sum(vectors: impl Iterator<Item = Vector>) -> Vector {
    vectors.fold(Vector::ZERO, |a, b| a + b)
}
