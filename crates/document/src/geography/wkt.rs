//! Well-known text: `POINT(1 2)`, `LINESTRING(…)`, `POLYGON((…))`, `MULTIPOLYGON(((…)))`.

use std::fmt;

use super::{Geography, GeographyError, Position};

impl Geography {
    /// Reads well-known text; the kind may be in any case, blanks are free.
    ///
    /// # Errors
    /// When the text is malformed, of another kind, or not on the globe.
    pub fn from_wkt(text: &str) -> Result<Self, GeographyError> {
        let (kind, rest) = text.split_at(text.find('(').unwrap_or(text.len()));
        let kind = kind.trim();
        let mut reader = Reader { text, rest };
        let geography = match kind.to_ascii_uppercase().as_str() {
            "POINT" => match reader.list(Reader::position)?.as_slice() {
                [position] => Self::Point(*position),
                _ => return Err(reader.fail("one position")),
            },
            "LINESTRING" => Self::line_string(reader.list(Reader::position)?)?,
            "POLYGON" => Self::polygon(reader.rings()?)?,
            "MULTIPOLYGON" => Self::multi_polygon(reader.list(Reader::rings)?)?,
            _ => return Err(GeographyError::Kind(kind.chars().take(40).collect())),
        };
        match reader.rest.trim_start() {
            "" => Ok(geography),
            _ => Err(reader.fail("the end of the text")),
        }
    }
}

struct Reader<'a> {
    text: &'a str,
    rest: &'a str,
}

impl Reader<'_> {
    fn rings(&mut self) -> Result<Vec<Vec<Position>>, GeographyError> {
        self.list(|reader| reader.list(Self::position))
    }

    /// `(item, item, …)`, at least one item.
    fn list<T>(
        &mut self,
        item: impl Fn(&mut Self) -> Result<T, GeographyError>,
    ) -> Result<Vec<T>, GeographyError> {
        self.eat('(').ok_or_else(|| self.fail("`(`"))?;
        let mut items = vec![item(self)?];
        while self.eat(',').is_some() {
            items.push(item(self)?);
        }
        self.eat(')').ok_or_else(|| self.fail("`)`"))?;
        Ok(items)
    }

    fn position(&mut self) -> Result<Position, GeographyError> {
        let longitude = self.number()?;
        let latitude = self.number()?;
        Position::new(longitude, latitude)
    }

    fn number(&mut self) -> Result<f64, GeographyError> {
        let start = self.rest.trim_start();
        let in_number = |c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.' | 'e' | 'E');
        let (digits, rest) = start.split_at(start.find(|c| !in_number(c)).unwrap_or(start.len()));
        let number = digits.parse().map_err(|_| self.fail("a number"))?;
        self.rest = rest;
        Ok(number)
    }

    fn eat(&mut self, expected: char) -> Option<()> {
        self.rest = self.rest.trim_start().strip_prefix(expected)?;
        Some(())
    }

    fn fail(&self, expected: &str) -> GeographyError {
        let offset = self.text.len() - self.rest.len();
        GeographyError::Malformed(format!("expected {expected} at byte {offset} of the text"))
    }
}

impl fmt::Display for Geography {
    /// Well-known text, such as `POINT(1.5 2)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Point(position) => {
                f.write_str("POINT")?;
                write_list(f, &[*position], write_position)
            }
            Self::LineString(positions) => {
                f.write_str("LINESTRING")?;
                write_list(f, positions, write_position)
            }
            Self::Polygon(rings) => {
                f.write_str("POLYGON")?;
                write_rings(f, rings)
            }
            Self::MultiPolygon(polygons) => {
                f.write_str("MULTIPOLYGON")?;
                write_list(f, polygons, |f, rings| write_rings(f, rings))
            }
        }
    }
}

fn write_list<T>(
    f: &mut fmt::Formatter<'_>,
    list: &[T],
    write: impl Fn(&mut fmt::Formatter<'_>, &T) -> fmt::Result,
) -> fmt::Result {
    f.write_str("(")?;
    for (index, element) in list.iter().enumerate() {
        if index > 0 {
            f.write_str(", ")?;
        }
        write(f, element)?;
    }
    f.write_str(")")
}

fn write_rings(f: &mut fmt::Formatter<'_>, rings: &[Vec<Position>]) -> fmt::Result {
    write_list(f, rings, |f, ring| write_list(f, ring, write_position))
}

fn write_position(f: &mut fmt::Formatter<'_>, position: &Position) -> fmt::Result {
    write!(f, "{} {}", position.longitude(), position.latitude())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_round_trip() {
        for text in [
            "POINT(1.5 -2)",
            "LINESTRING(0 0, 1 1, 2 0.25)",
            "POLYGON((0 0, 4 0, 4 4, 0 0), (1 1, 2 1, 2 2, 1 1))",
            "MULTIPOLYGON(((0 0, 4 0, 4 4, 0 0)), ((10 10, 14 10, 14 14, 10 10)))",
        ] {
            assert_eq!(Geography::from_wkt(text).unwrap().to_string(), text);
        }
        let open = Geography::from_wkt(" polygon ( (0 0,4 0,4 4) ) ").unwrap();
        assert_eq!(open.to_string(), "POLYGON((0 0, 4 0, 4 4, 0 0))");
    }

    #[test]
    fn bad_texts_say_why() {
        let error = |text| Geography::from_wkt(text).unwrap_err().to_string();
        assert_eq!(
            error("POINT(1)"),
            "malformed geography: expected a number at byte 7 of the text"
        );
        assert_eq!(
            error("POINT(200 0)"),
            "position (200 0) is not within longitude ±180 and latitude ±90"
        );
        assert_eq!(
            error("LINESTRING(1 1)"),
            "a linestring needs at least 2 parts, found 1"
        );
        assert!(error("MULTIPOINT((1 1))").contains("`MULTIPOINT` is not supported"));
        assert!(error("").contains("not supported"));
        assert!(error("POINT(NaN 1)").contains("expected a number"));
    }
}
