//! Stored geographies as vectors.

use super::ring::{Place, Ring};
use super::vector::{Segment, Vector};
use outcrop_document::{Geography, Position};

/// A geography to compute with.
#[derive(Clone, Debug)]
pub(crate) struct Shape {
    pub(super) form: Form,
}

/// What a shape is made of.
#[derive(Clone, Debug)]
pub(super) enum Form {
    Point(Vector),
    Line(Vec<Vector>),
    Area(Vec<Polygon>),
}

/// An outer ring and its holes.
#[derive(Clone, Debug)]
pub(super) struct Polygon {
    pub(super) rings: Vec<Ring>,
}

impl From<&Geography> for Shape {
    fn from(geography: &Geography) -> Self {
        let form = match geography {
            Geography::Point(position) => Form::Point(Vector::of(*position)),
            Geography::LineString(positions) => Form::Line(vectors(positions).collect()),
            Geography::Polygon(rings) => Form::Area(vec![Polygon::new(rings)]),
            Geography::MultiPolygon(polygons) => {
                Form::Area(polygons.iter().map(|rings| Polygon::new(rings)).collect())
            }
        };
        Self { form }
    }
}

fn vectors(positions: &[Position]) -> impl Iterator<Item = Vector> {
    positions.iter().map(|position| Vector::of(*position))
}

impl Polygon {
    fn new(rings: &[Vec<Position>]) -> Self {
        let rings = rings.iter().map(|ring| Ring::new(vectors(ring))).collect();
        Self { rings }
    }

    fn locate(&self, place: Vector) -> Place {
        let mut rings = self.rings.iter();
        match rings.next().map(|outer| outer.locate(place)) {
            Some(Place::Inside) => {}
            other => return other.unwrap_or(Place::Outside),
        }
        for hole in rings {
            match hole.locate(place) {
                Place::Inside => return Place::Outside,
                Place::Boundary => return Place::Boundary,
                Place::Outside => {}
            }
        }
        Place::Inside
    }

    /// Some place inside; `None` for a polygon without area.
    pub(super) fn place_inside(&self) -> Option<Vector> {
        let is_inside = |place| self.locate(place) == Place::Inside;
        self.rings.first()?.place_inside(is_inside)
    }
}

impl Shape {
    /// 0 for points, 1 for lines, 2 for areas.
    pub(super) fn dimension(&self) -> u8 {
        match &self.form {
            Form::Point(_) => 0,
            Form::Line(_) => 1,
            Form::Area(_) => 2,
        }
    }

    /// The corners.
    pub(super) fn places(&self) -> Vec<Vector> {
        match &self.form {
            Form::Point(place) => vec![*place],
            Form::Line(places) => places.clone(),
            Form::Area(_) => self.segments().map(|segment| segment.from).collect(),
        }
    }

    /// The arcs of a line, or of the rings of an area.
    pub(super) fn segments(&self) -> Box<dyn Iterator<Item = Segment> + '_> {
        match &self.form {
            Form::Point(_) => Box::new(std::iter::empty()),
            Form::Line(places) => Box::new(places.windows(2).map(|ends| Segment {
                from: ends[0],
                to: ends[1],
            })),
            Form::Area(polygons) => {
                let rings = polygons.iter().flat_map(|polygon| &polygon.rings);
                Box::new(rings.flat_map(Ring::edges))
            }
        }
    }

    /// Where a place is. The boundary of a line that is not closed is its two ends; a point has none.
    pub(super) fn locate(&self, place: Vector) -> Place {
        match &self.form {
            Form::Point(point) if *point == place => Place::Inside,
            Form::Point(_) => Place::Outside,
            Form::Line(places) => {
                let (first, last) = (places.first(), places.last());
                let is_end = first != last && (first == Some(&place) || last == Some(&place));
                if is_end {
                    Place::Boundary
                } else if self.segments().any(|segment| segment.holds(place)) {
                    Place::Inside
                } else {
                    Place::Outside
                }
            }
            Form::Area(polygons) => {
                let mut found = Place::Outside;
                for polygon in polygons {
                    match polygon.locate(place) {
                        Place::Inside => return Place::Inside,
                        Place::Boundary => found = Place::Boundary,
                        Place::Outside => {}
                    }
                }
                found
            }
        }
    }
}
