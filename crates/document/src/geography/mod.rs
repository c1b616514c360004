//! Shapes on the globe: GeoJSON and WKT in, GeoJSON out.
//!
//! A shape knows its vertices only; distances and containment belong to the SQL functions.

mod geojson;
mod wkt;

use std::cmp::Ordering;

use crate::value::compare_floats;

/// The fewest vertices of a polygon's ring, its repeated first vertex included.
const RING_POSITIONS_MIN: usize = 4;
/// The fewest vertices of a line.
const LINE_POSITIONS_MIN: usize = 2;

/// A place: longitude and latitude in degrees.
#[derive(Copy, Clone, Debug, PartialEq)]
pub struct Position {
    longitude: f64,
    latitude: f64,
}

/// A shape. Build it with the checking constructors below.
#[derive(Clone, Debug, PartialEq)]
pub enum Geography {
    /// One place.
    Point(Position),
    /// At least two places, joined in order.
    LineString(Vec<Position>),
    /// Rings, the outer one first; each repeats its first place at its end.
    Polygon(Vec<Vec<Position>>),
    /// Polygons, each a list of rings.
    MultiPolygon(Vec<Vec<Vec<Position>>>),
}

/// Why something is not a geography.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum GeographyError {
    /// A coordinate is not a number on the globe.
    #[error("position ({longitude} {latitude}) is not within longitude ±180 and latitude ±90")]
    Position {
        /// Degrees east.
        longitude: f64,
        /// Degrees north.
        latitude: f64,
    },
    /// A line or a ring is too short, or a polygon has no ring.
    #[error("a {part} needs at least {min} parts, found {found}")]
    TooFew {
        /// `linestring`, `polygon ring`, and so on.
        part: &'static str,
        /// The fewest there may be.
        min: usize,
        /// How many there are.
        found: usize,
    },
    /// The GeoJSON object or WKT text has the wrong form.
    #[error("malformed geography: {0}")]
    Malformed(String),
    /// A shape that is not one of the four kinds.
    #[error(
        "geography type `{0}` is not supported: use point, linestring, polygon or multipolygon"
    )]
    Kind(String),
}

impl Position {
    /// A place on the globe; `-0.0` becomes `0.0`.
    ///
    /// # Errors
    /// When longitude is not within ±180 or latitude not within ±90 degrees.
    pub fn new(longitude: f64, latitude: f64) -> Result<Self, GeographyError> {
        if (-180.0..=180.0).contains(&longitude) && (-90.0..=90.0).contains(&latitude) {
            return Ok(Self {
                longitude: longitude + 0.0,
                latitude: latitude + 0.0,
            });
        }
        Err(GeographyError::Position {
            longitude,
            latitude,
        })
    }

    /// Degrees east, within ±180.
    pub fn longitude(self) -> f64 {
        self.longitude
    }

    /// Degrees north, within ±90.
    pub fn latitude(self) -> f64 {
        self.latitude
    }

    fn compare(self, other: Self) -> Ordering {
        compare_floats(self.longitude, other.longitude)
            .then_with(|| compare_floats(self.latitude, other.latitude))
    }
}

impl Geography {
    /// A line through `positions`.
    ///
    /// # Errors
    /// When there are fewer than two.
    pub fn line_string(positions: Vec<Position>) -> Result<Self, GeographyError> {
        check_count("linestring", LINE_POSITIONS_MIN, positions.len())?;
        Ok(Self::LineString(positions))
    }

    /// A polygon with an outer ring and holes; a ring that is left open is closed.
    ///
    /// # Errors
    /// When there is no ring, or one has fewer than three different vertices.
    pub fn polygon(rings: Vec<Vec<Position>>) -> Result<Self, GeographyError> {
        Ok(Self::Polygon(close_rings(rings)?))
    }

    /// Several polygons.
    ///
    /// # Errors
    /// When there is none, or as [`polygon`](Self::polygon).
    pub fn multi_polygon(polygons: Vec<Vec<Vec<Position>>>) -> Result<Self, GeographyError> {
        check_count("multipolygon", 1, polygons.len())?;
        let polygons = polygons
            .into_iter()
            .map(close_rings)
            .collect::<Result<_, _>>()?;
        Ok(Self::MultiPolygon(polygons))
    }

    /// The total order: by kind, then vertex by vertex, a prefix first.
    pub(crate) fn compare(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Point(a), Self::Point(b)) => a.compare(*b),
            (Self::LineString(a), Self::LineString(b)) => compare_positions(a, b),
            (Self::Polygon(a), Self::Polygon(b)) => compare_rings(a, b),
            (Self::MultiPolygon(a), Self::MultiPolygon(b)) => {
                compare_lists(a, b, |x, y| compare_rings(x, y))
            }
            _ => self.kind().cmp(&other.kind()),
        }
    }

    /// The number of the kind in the K encoding, from 1.
    pub(crate) fn kind(&self) -> u8 {
        match self {
            Self::Point(_) => 1,
            Self::LineString(_) => 2,
            Self::Polygon(_) => 3,
            Self::MultiPolygon(_) => 4,
        }
    }
}

fn compare_positions(a: &[Position], b: &[Position]) -> Ordering {
    compare_lists(a, b, |x, y| x.compare(*y))
}

fn compare_rings(a: &[Vec<Position>], b: &[Vec<Position>]) -> Ordering {
    compare_lists(a, b, |x, y| compare_positions(x, y))
}

fn compare_lists<T>(a: &[T], b: &[T], compare: impl Fn(&T, &T) -> Ordering) -> Ordering {
    let unequal = a
        .iter()
        .zip(b)
        .map(|(x, y)| compare(x, y))
        .find(|ordering| ordering.is_ne());
    unequal.unwrap_or_else(|| a.len().cmp(&b.len()))
}

fn close_rings(mut rings: Vec<Vec<Position>>) -> Result<Vec<Vec<Position>>, GeographyError> {
    check_count("polygon", 1, rings.len())?;
    for ring in &mut rings {
        if let (Some(first), Some(last)) = (ring.first().copied(), ring.last())
            && first != *last
        {
            ring.push(first);
        }
        check_count("polygon ring", RING_POSITIONS_MIN, ring.len())?;
    }
    Ok(rings)
}

fn check_count(part: &'static str, min: usize, found: usize) -> Result<(), GeographyError> {
    match found < min {
        true => Err(GeographyError::TooFew { part, min, found }),
        false => Ok(()),
    }
}
