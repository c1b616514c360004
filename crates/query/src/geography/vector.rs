//! Places as unit vectors, and arcs between them.

use outcrop_document::{GeographyError, Position};
use robust::{Coord3D, orient3d};
use std::ops::{Add, Mul, Sub};

/// A place on the unit sphere, or a direction.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Vector {
    x: f64,
    y: f64,
    z: f64,
}

/// The shorter arc of a great circle between two places.
#[derive(Clone, Copy, Debug)]
pub(super) struct Segment {
    pub(super) from: Vector,
    pub(super) to: Vector,
}

/// Where a place is, seen along the great circle from one place to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Left,
    On,
    Right,
}

/// The side of the great circle through `from` and `to` that `place` is on. Exact.
pub(super) fn side(from: Vector, to: Vector, place: Vector) -> Side {
    let coordinates = |v: Vector| Coord3D {
        x: v.x,
        y: v.y,
        z: v.z,
    };
    let origin = Vector::ZERO;
    let determinant = orient3d(
        coordinates(from),
        coordinates(to),
        coordinates(place),
        coordinates(origin),
    );
    if determinant > 0.0 {
        Side::Left
    } else if determinant < 0.0 {
        Side::Right
    } else {
        Side::On
    }
}

/// Sine and cosine of degrees, exact for multiples of 90.
fn sin_cos_degrees(degrees: f64) -> (f64, f64) {
    let quarters = (degrees / 90.0).round();
    let (sin, cos) = (degrees - 90.0 * quarters).to_radians().sin_cos();
    let turn = quarters.rem_euclid(4.0);
    if turn < 0.5 {
        (sin, cos)
    } else if turn < 1.5 {
        (cos, -sin)
    } else if turn < 2.5 {
        (-sin, -cos)
    } else {
        (-cos, sin)
    }
}

impl Vector {
    pub(super) const ZERO: Self = Self {
        x: 0.0,
        y: 0.0,
        z: 0.0,
    };

    pub(super) fn of(position: Position) -> Self {
        let (sin_longitude, cos_longitude) = sin_cos_degrees(position.longitude());
        let (sin_latitude, cos_latitude) = sin_cos_degrees(position.latitude());
        Self {
            x: cos_latitude * cos_longitude,
            y: cos_latitude * sin_longitude,
            z: sin_latitude,
        }
    }

    pub(super) fn position(self) -> Result<Position, GeographyError> {
        let longitude = self.y.atan2(self.x).to_degrees();
        let latitude = self.z.atan2(self.x.hypot(self.y)).to_degrees();
        Position::new(longitude, latitude)
    }

    pub(super) fn dot(self, other: Self) -> f64 {
        self.x * other.x + self.y * other.y + self.z * other.z
    }

    pub(super) fn cross(self, other: Self) -> Self {
        Self {
            x: self.y * other.z - self.z * other.y,
            y: self.z * other.x - self.x * other.z,
            z: self.x * other.y - self.y * other.x,
        }
    }

    /// The axis that turns `self` to `other`, not of unit length. Accurate for near places too.
    pub(super) fn axis(self, other: Self) -> Self {
        (self + other).cross(other - self) * 0.5
    }

    pub(super) fn length(self) -> f64 {
        self.dot(self).sqrt()
    }

    /// The unit vector of this direction; `None` for the zero vector.
    pub(super) fn unit(self) -> Option<Self> {
        let length = self.length();
        (length > 0.0).then(|| self * (1.0 / length))
    }

    /// The angle between two places in radians.
    pub(super) fn angle(self, other: Self) -> f64 {
        2.0 * (self - other).length().atan2((self + other).length())
    }
}

impl Add for Vector {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            x: self.x + other.x,
            y: self.y + other.y,
            z: self.z + other.z,
        }
    }
}

impl Sub for Vector {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        self + other * -1.0
    }
}

impl Mul<f64> for Vector {
    type Output = Self;

    fn mul(self, factor: f64) -> Self {
        Self {
            x: self.x * factor,
            y: self.y * factor,
            z: self.z * factor,
        }
    }
}

impl Segment {
    /// The place at this share of the chord, which is the middle for one half.
    pub(super) fn at(self, share: f64) -> Vector {
        let place = self.from * (1.0 - share) + self.to * share;
        place.unit().unwrap_or(self.from)
    }

    /// Whether `place` is on the arc, its ends included. Exact.
    pub(super) fn holds(self, place: Vector) -> bool {
        if place == self.from || place == self.to {
            return true;
        }
        if side(self.from, self.to, place) != Side::On {
            return false;
        }
        let axis = self.from.axis(self.to);
        self.from.axis(place).dot(axis) > 0.0 && place.axis(self.to).dot(axis) > 0.0
    }

    /// Whether the arcs cross in a place that is an end of neither.
    pub(super) fn crosses(self, other: Self) -> bool {
        let sides = [
            side(self.from, self.to, other.from),
            side(other.from, other.to, self.to),
            side(self.to, self.from, other.to),
            side(other.to, other.from, self.from),
        ];
        // Around a crossing the four ends follow each other one way round: that tells the crossing
        // from the one on the far side of the sphere.
        sides[0] != Side::On && sides.iter().all(|side| *side == sides[0])
    }

    /// The angle from `place` to the nearest place of the arc in radians.
    pub(super) fn angle_to(self, place: Vector) -> f64 {
        let ends = place.angle(self.from).min(place.angle(self.to));
        let Some(axis) = self.from.axis(self.to).unit() else {
            return ends;
        };
        let is_beside =
            axis.cross(self.from).dot(place) > 0.0 && self.to.cross(axis).dot(place) > 0.0;
        match (place - axis * place.dot(axis)).unit() {
            Some(foot) if is_beside => ends.min(place.angle(foot)),
            _ => ends,
        }
    }

    /// The length of the arc in radians.
    pub(super) fn angle(self) -> f64 {
        self.from.angle(self.to)
    }
}
