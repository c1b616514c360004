//! Geometry on the sphere: what the `ST_` functions compute with.
//!
//! Places are unit vectors and edges are the shorter arcs of great circles, so nothing here knows of
//! a date line or of poles. Which side of an edge a place is on ([`vector::side`]) is decided exactly,
//! whatever the rounding; distances and areas are floats. The inside of a ring is its smaller side,
//! whichever way it winds.
//!
//! [`shape`] turns stored geographies into vectors, [`ring`] tells inside from outside, [`relation`]
//! answers whether shapes meet, and [`measure`] how long, large and far apart they are.

mod measure;
mod relation;
mod ring;
mod shape;
#[cfg(test)]
mod tests;
mod vector;

pub(crate) use measure::{area, centroid, distance, length, perimeter};
pub(crate) use relation::{contains, intersects};
pub(crate) use shape::Shape;

use outcrop_document::{GeographyError, Position};

/// The mean radius of the earth in metres, as the S2 library has it.
const EARTH_RADIUS: f64 = 6_371_010.0;

/// The place at any two angles: longitudes wrap, and a latitude beyond a pole goes on down the other
/// side.
///
/// # Errors
/// When an angle is not a finite number.
pub(crate) fn wrapped(longitude: f64, latitude: f64) -> Result<Position, GeographyError> {
    let (mut longitude, mut latitude) = (longitude, latitude);
    if latitude.is_finite() && latitude.abs() > 90.0 {
        let from_south = (latitude + 90.0).rem_euclid(360.0);
        if from_south <= 180.0 {
            latitude = from_south - 90.0;
        } else {
            latitude = 270.0 - from_south;
            longitude += 180.0;
        }
    }
    if longitude.is_finite() && longitude.abs() > 180.0 {
        longitude = (longitude + 180.0).rem_euclid(360.0) - 180.0;
    }
    Position::new(longitude, latitude)
}
