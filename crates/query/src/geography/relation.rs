//! Whether shapes meet, and whether one holds the other.

use super::ring::Place;
use super::shape::{Form, Shape};
use super::vector::{Segment, Vector};

/// Whether the shapes have a place in common, be it on their boundaries.
pub(crate) fn intersects(a: &Shape, b: &Shape) -> bool {
    let touches = |a: &Shape, b: &Shape| {
        b.places()
            .into_iter()
            .any(|place| a.locate(place) != Place::Outside)
    };
    let crosses = || a.segments().any(|x| b.segments().any(|y| x.crosses(y)));
    touches(a, b) || touches(b, a) || crosses()
}

/// Whether no place of `b` is outside of `a`, and some place inside of `b` is inside of `a`.
pub(crate) fn contains(a: &Shape, b: &Shape) -> bool {
    if a.dimension() < b.dimension() {
        return false;
    }
    let mut any_inside = false;
    for place in b.places() {
        match a.locate(place) {
            Place::Outside => return false,
            Place::Inside => any_inside = true,
            Place::Boundary => {}
        }
    }
    for piece in pieces(b, a) {
        match locate_piece(a, piece) {
            Place::Outside => return false,
            Place::Inside => any_inside = true,
            Place::Boundary => {}
        }
    }
    match &b.form {
        Form::Area(_) => holds_area(a, b),
        Form::Point(_) | Form::Line(_) => any_inside,
    }
}

/// Whether `a` holds the inside of `b`, whose boundary it holds: no hole of `a` may be in there.
fn holds_area(a: &Shape, b: &Shape) -> bool {
    let Form::Area(polygons) = &b.form else {
        return false;
    };
    let is_in_b = |place| b.locate(place) == Place::Inside;
    let has_hole = a.places().into_iter().any(is_in_b)
        || pieces(a, b).any(|piece| locate_piece(b, piece) == Place::Inside);
    let mut insides = polygons.iter().map(|polygon| polygon.place_inside());
    !has_hole && insides.all(|inside| inside.is_some_and(|place| a.locate(place) == Place::Inside))
}

/// The arcs of `shape`, cut where they cross or touch arcs of `other`.
fn pieces<'a>(shape: &'a Shape, other: &'a Shape) -> impl Iterator<Item = Segment> + 'a {
    shape.segments().flat_map(move |segment| {
        let mut cuts: Vec<Vector> = vec![segment.from, segment.to];
        cuts.extend(
            other
                .places()
                .into_iter()
                .filter(|place| segment.holds(*place)),
        );
        let crossing = other.segments().filter(|arc| segment.crosses(*arc));
        cuts.extend(crossing.filter_map(|arc| crossing_of(segment, arc)));
        cuts.sort_by(|a, b| segment.from.angle(*a).total_cmp(&segment.from.angle(*b)));
        cuts.dedup();
        let ends: Vec<_> = cuts.windows(2).map(|ends| (ends[0], ends[1])).collect();
        ends.into_iter().map(|(from, to)| Segment { from, to })
    })
}

/// About where two arcs cross that do.
fn crossing_of(a: Segment, b: Segment) -> Option<Vector> {
    let line = a.from.axis(a.to).cross(b.from.axis(b.to)).unit()?;
    match line.dot(a.at(0.5)) < 0.0 {
        true => Some(line * -1.0),
        false => Some(line),
    }
}

/// Where a piece is that no arc of `shape` cuts: along one of them, or where its middle is.
fn locate_piece(shape: &Shape, piece: Segment) -> Place {
    let is_along = shape
        .segments()
        .any(|arc| arc.holds(piece.from) && arc.holds(piece.to));
    match (is_along, &shape.form) {
        (true, Form::Area(_)) => Place::Boundary,
        (true, _) => Place::Inside,
        (false, _) => shape.locate(piece.at(0.5)),
    }
}
