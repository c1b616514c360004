//! Rings: closed chains of arcs, and which places are inside.

use super::vector::{Segment, Side, Vector, side};
use std::f64::consts::PI;

/// Where a place is, seen from a shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Inside,
    Boundary,
    Outside,
}

/// A closed chain of arcs.
#[derive(Clone, Debug)]
pub(super) struct Ring {
    /// The corners, without the first repeated at the end and without neighbours that are equal.
    corners: Vec<Vector>,
    /// The area on the left of the arcs, on the unit sphere.
    left_area: f64,
}

/// Shares of an edge at which a path to it may end. More than one, as a path may run through a
/// corner.
const PATH_ENDS: [f64; 5] = [0.5, 0.372, 0.641, 0.213, 0.837];

impl Ring {
    /// A ring through `places`, whose last repeats the first.
    pub(super) fn new(places: impl Iterator<Item = Vector>) -> Self {
        let mut corners: Vec<Vector> = places.collect();
        corners.dedup();
        if corners.len() > 1 && corners.first() == corners.last() {
            corners.pop();
        }
        let left_area = left_area(&corners);
        Self { corners, left_area }
    }

    pub(super) fn edges(&self) -> impl Iterator<Item = Segment> {
        let ends = self.corners.iter().cycle().skip(1);
        self.corners.iter().zip(ends).map(|(from, to)| Segment {
            from: *from,
            to: *to,
        })
    }

    fn inside(&self) -> Side {
        match self.left_area <= 2.0 * PI {
            true => Side::Left,
            false => Side::Right,
        }
    }

    /// The area of the smaller side on the unit sphere.
    pub(super) fn area(&self) -> f64 {
        self.left_area.min(4.0 * PI - self.left_area)
    }

    /// The integral of the places inside, on the unit sphere: its direction is that of the centroid.
    pub(super) fn moment(&self) -> Vector {
        let of_edge = |edge: Segment| {
            let axis = edge.from.axis(edge.to).unit();
            axis.map_or(Vector::ZERO, |axis| axis * (edge.angle() / 2.0))
        };
        let left = self.edges().map(of_edge).fold(Vector::ZERO, |a, b| a + b);
        match self.inside() {
            Side::Right => left * -1.0,
            _ => left,
        }
    }

    /// Where `place` is. A path from an edge to the place starts on a known side of the ring; every
    /// other edge that it crosses changes the side.
    pub(super) fn locate(&self, place: Vector) -> Place {
        if self.edges().any(|edge| edge.holds(place)) {
            return Place::Boundary;
        }
        for (index, edge) in self.edges().enumerate() {
            let start = side(edge.from, edge.to, place);
            if start == Side::On {
                continue;
            }
            for share in PATH_ENDS {
                let path = Segment {
                    from: place,
                    to: edge.at(share),
                };
                if let Some(crossings) = self.crossings(path, index) {
                    let is_inside = (start == self.inside()) == (crossings % 2 == 0);
                    return match is_inside {
                        true => Place::Inside,
                        false => Place::Outside,
                    };
                }
            }
        }
        // All edges are on one great circle through the place: there is no inside.
        Place::Outside
    }

    /// How many edges but the one at `except` a path crosses; `None` if it runs through a corner.
    fn crossings(&self, path: Segment, except: usize) -> Option<usize> {
        // Almost opposite ends have no one path between them.
        if path.from.dot(path.to) < -0.999_999 {
            return None;
        }
        let mut crossings = 0;
        for (index, edge) in self.edges().enumerate() {
            if path.holds(edge.from) {
                return None;
            }
            if index != except && path.crosses(edge) {
                crossings += 1;
            }
        }
        Some(crossings)
    }

    /// A place inside, beside the middle of an edge; `None` if there is no room for one.
    pub(super) fn place_inside(&self, is_inside: impl Fn(Vector) -> bool) -> Option<Vector> {
        for edge in self.edges() {
            let Some(axis) = edge.from.axis(edge.to).unit() else {
                continue;
            };
            let inwards = match self.inside() {
                Side::Right => axis * -1.0,
                _ => axis,
            };
            let mut distance = edge.angle() / 4.0;
            while distance > 1e-13 {
                let candidate = (edge.at(0.5) + inwards * distance).unit();
                if let Some(candidate) = candidate.filter(|place| is_inside(*place)) {
                    return Some(candidate);
                }
                distance /= 8.0;
            }
        }
        None
    }
}

/// The area on the left of a closed chain, on the unit sphere: the sum of signed triangles.
fn left_area(corners: &[Vector]) -> f64 {
    let Some(first) = corners.first() else {
        return 0.0;
    };
    let sum = corners
        .iter()
        .fold(Vector::ZERO, |sum, corner| sum + *corner);
    // Triangles from the middle stay small. A ring round the whole sphere has no middle.
    let middle = match sum.length() > 1e-6 {
        true => sum.unit().unwrap_or(*first),
        false => *first,
    };
    let ends = corners.iter().cycle().skip(1);
    let area: f64 = corners
        .iter()
        .zip(ends)
        .map(|(from, to)| triangle(middle, *from, *to))
        .sum();
    area.rem_euclid(4.0 * PI)
}

/// The signed area of a triangle: positive where its corners go round to the left.
fn triangle(a: Vector, b: Vector, c: Vector) -> f64 {
    let determinant = (b - a).cross(c - a).dot(a);
    2.0 * determinant.atan2(1.0 + a.dot(b) + b.dot(c) + c.dot(a))
}
