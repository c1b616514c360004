//! Shapes written as text. Expected lengths and areas come from the formulas of Haversine and
//! L'Huilier, which nothing here uses.

use super::vector::{Side, Vector, side};
use super::*;
use outcrop_document::Geography;
use proptest::prelude::*;

fn shape(wkt: &str) -> Shape {
    Shape::from(&Geography::from_wkt(wkt).unwrap())
}

fn point(longitude: f64, latitude: f64) -> Shape {
    let position = Position::new(longitude, latitude).unwrap();
    Shape::from(&Geography::Point(position))
}

fn vector(longitude: f64, latitude: f64) -> Vector {
    Vector::of(Position::new(longitude, latitude).unwrap())
}

#[track_caller]
fn close(found: f64, expected: f64) {
    assert!(
        (found - expected).abs() <= expected.abs() * 1e-9 + 1e-6,
        "{found} is not {expected}"
    );
}

#[test]
fn angles_beyond_the_globe_wrap() {
    let at = |longitude, latitude| {
        let position = wrapped(longitude, latitude).unwrap();
        (position.longitude(), position.latitude())
    };
    assert_eq!(at(12.25, 45.1), (12.25, 45.1));
    assert_eq!(at(-180.0, 90.0), (-180.0, 90.0));
    assert_eq!(at(190.0, 10.0), (-170.0, 10.0));
    assert_eq!(at(-545.0, 0.0), (175.0, 0.0));
    assert_eq!(at(0.0, 100.0), (180.0, 80.0));
    assert_eq!(at(10.0, -95.0), (-170.0, -85.0));
    assert_eq!(at(10.0, 365.0), (10.0, 5.0));
    assert!(wrapped(f64::NAN, 0.0).is_err());
    assert!(wrapped(0.0, f64::INFINITY).is_err());
}

#[test]
fn sides_of_meridians_and_the_equator_are_exact() {
    for degrees in [0.1, 17.3, 89.0, 179.9, -60.25] {
        assert_eq!(
            side(vector(0.0, 0.0), vector(90.0, 0.0), vector(degrees, 0.0)),
            Side::On
        );
        assert_eq!(
            side(
                vector(0.0, 0.0),
                vector(0.0, 90.0),
                vector(0.0, degrees / 2.0)
            ),
            Side::On
        );
    }
    assert_eq!(
        side(vector(0.0, 0.0), vector(1.0, 0.0), vector(0.5, 1e-14)),
        Side::Left
    );
    assert_eq!(
        side(vector(0.0, 0.0), vector(1.0, 0.0), vector(0.5, -1e-14)),
        Side::Right
    );
    assert_eq!(vector(45.0, 90.0), vector(0.0, 90.0));
    assert_eq!(vector(-180.0, 3.0), vector(180.0, 3.0));
}

#[test]
fn distances_are_along_great_circles() {
    let degree = 111_195.101_177_483_94;
    close(distance(&point(0.0, 0.0), &point(1.0, 0.0)), degree);
    close(distance(&point(179.5, 0.0), &point(-179.5, 0.0)), degree);
    close(
        distance(&point(0.0, 90.0), &point(20.0, -90.0)),
        20_015_118.211_947_11,
    );
    close(
        distance(&point(2.3522, 48.8566), &point(10.7522, 59.9139)),
        1_341_981.142_782_227_1,
    );
    let line = shape("LINESTRING(0 0, 1 0)");
    close(distance(&line, &point(0.5, 1.0)), degree);
    close(distance(&point(2.0, 0.0), &line), degree);
    close(distance(&line, &point(0.5, 0.0)), 0.0);
    let square = shape("POLYGON((0 1, 1 1, 1 2, 0 2, 0 1))");
    close(distance(&square, &point(0.0, 0.0)), degree);
    close(distance(&square, &point(0.5, 1.5)), 0.0);
    // Inside of a hole the nearest place is on its edge.
    let ring = shape("POLYGON((-9 -9, 9 -9, 9 9, -9 9), (-1 -1, 1 -1, 1 1, -1 1))");
    assert!(distance(&ring, &point(0.0, 0.0)) > 0.99 * degree);
}

#[test]
fn lengths_and_areas() {
    let octant = 63_758_259_139_748.58;
    close(area(&shape("POLYGON((0 0, 90 0, 0 90, 0 0))")), octant);
    close(area(&shape("POLYGON((0 0, 0 90, 90 0, 0 0))")), octant);
    close(
        area(&shape("POLYGON((0 0, 90 0, 180 0, 0 90))")),
        2.0 * octant,
    );
    let (small, large) = (12_360_269_788.473_982, 197_748_880_536.618_8);
    close(area(&shape("POLYGON((1 1, 2 1, 2 2, 1 2))")), small);
    close(
        area(&shape(
            "POLYGON((0 0, 4 0, 4 4, 0 4), (1 1, 2 1, 2 2, 1 2))",
        )),
        large - small,
    );
    let both = "MULTIPOLYGON(((0 0, 4 0, 4 4, 0 4)), ((11 1, 12 1, 12 2, 11 2)))";
    close(area(&shape(both)), large + small);
    close(
        perimeter(&shape("POLYGON((0 0, 1 0, 1 1, 0 1))")),
        444_763.468_727_620_55,
    );
    close(
        length(&shape("LINESTRING(0 0, 1 0, 2 0)")),
        222_390.202_354_967_88,
    );
    for wkt in ["POINT(1 1)", "LINESTRING(0 0, 1 1)"] {
        close(area(&shape(wkt)), 0.0);
        close(perimeter(&shape(wkt)), 0.0);
    }
    close(length(&shape("POLYGON((0 0, 1 0, 1 1))")), 0.0);
}

#[test]
fn centroids() {
    let at = |wkt| {
        let middle = centroid(&shape(wkt)).unwrap();
        (middle.longitude(), middle.latitude())
    };
    for (wkt, longitude, latitude) in [
        ("POINT(5 6)", 5.0, 6.0),
        ("LINESTRING(0 0, 10 0)", 5.0, 0.0),
        ("LINESTRING(175 0, -175 0)", 180.0, 0.0),
        ("POLYGON((-1 -1, 1 -1, 1 1, -1 1))", 0.0, 0.0),
        ("POLYGON((-1 -1, -1 1, 1 1, 1 -1))", 0.0, 0.0),
        ("POLYGON((0 0, 90 0, 0 90))", 45.0, 35.264_389_682_754_654),
        ("LINESTRING(7 7, 7 7)", 7.0, 7.0),
    ] {
        let (x, y) = at(wkt);
        close(x, longitude);
        close(y, latitude);
    }
    // A quarter of the area cut away moves the middle to the other side.
    let (x, _) = at("POLYGON((-2 -1, 2 -1, 2 1, -2 1), (0.5 -0.5, 1.5 -0.5, 1.5 0.5, 0.5 0.5))");
    assert!((-0.2..-0.1).contains(&x), "{x}");
    assert!(centroid(&shape("LINESTRING(0 0, 90 0, 180 0, -90 0, 0 0)")).is_err());
}

#[test]
fn polygons_hold_places_across_the_date_line_and_round_a_pole() {
    let pacific = shape("POLYGON((170 -10, -170 -10, -170 10, 170 10))");
    assert!(contains(&pacific, &point(180.0, 0.0)));
    assert!(contains(&pacific, &point(-175.0, 5.0)));
    assert!(!contains(&pacific, &point(0.0, 0.0)));
    let arctic = shape("POLYGON((0 80, 90 80, 180 80, -90 80))");
    assert!(contains(&arctic, &point(33.0, 90.0)));
    assert!(contains(&arctic, &point(10.0, 85.0)));
    assert!(!contains(&arctic, &point(10.0, -85.0)));
    // Edges are great circles, which bulge towards the pole.
    assert!(!contains(&arctic, &point(45.0, 80.1)));
    // A band round more than half of the equator holds places that are opposite to each other.
    let band =
        shape("POLYGON((0 -1, 50 -1, 100 -1, 150 -1, -160 -1, -160 1, 150 1, 100 1, 50 1, 0 1))");
    for (longitude, is_inside) in [(5.0, true), (-175.0, true), (-150.0, false), (-1.0, false)] {
        assert_eq!(
            contains(&band, &point(longitude, 0.5)),
            is_inside,
            "{longitude}"
        );
    }
}

#[test]
fn boundaries_touch_and_are_not_contained() {
    let square = shape("POLYGON((0 0, 4 0, 4 4, 0 4))");
    for (place, inside, touches) in [
        (point(2.0, 2.0), true, true),
        (point(2.0, 0.0), false, true),
        (point(4.0, 4.0), false, true),
        (point(0.0, 1.5), false, true),
        (point(5.0, 0.0), false, false),
        (point(2.0, -1e-9), false, false),
        (point(2.0, 1e-9), true, true),
    ] {
        assert_eq!(contains(&square, &place), inside, "{place:?}");
        assert_eq!(intersects(&square, &place), touches, "{place:?}");
        assert_eq!(intersects(&place, &square), touches, "{place:?}");
    }
    let line = shape("LINESTRING(0 0, 10 0)");
    assert!(contains(&line, &point(3.0, 0.0)));
    assert!(!contains(&line, &point(0.0, 0.0)));
    assert!(!contains(&point(3.0, 0.0), &line));
    assert!(contains(&point(3.0, 0.0), &point(3.0, 0.0)));
    assert!(!contains(&point(3.0, 0.0), &point(3.0, 1.0)));
}

#[test]
fn one_shape_in_another() {
    let outer = "POLYGON((0 0, 4 0, 4 4, 0 4))";
    let ring = "POLYGON((0 0, 4 0, 4 4, 0 4), (1 1, 3 1, 3 3, 1 3))";
    for (a, b, expected) in [
        (outer, outer, true),
        (outer, "POLYGON((1 1, 2 1, 2 2, 1 2))", true),
        (outer, "POLYGON((0 0, 2 0, 2 2, 0 2))", true),
        (outer, "POLYGON((1 1, 5 1, 5 2, 1 2))", false),
        ("POLYGON((1 1, 2 1, 2 2, 1 2))", outer, false),
        (outer, ring, true),
        (ring, outer, false),
        (ring, ring, true),
        (ring, "POLYGON((1 1, 3 1, 3 3, 1 3))", false),
        (ring, "POLYGON((0.2 0.2, 0.8 0.2, 0.8 0.8, 0.2 0.8))", true),
        (outer, "LINESTRING(1 1, 3 3)", true),
        (ring, "LINESTRING(0.5 0.5, 3.5 3.5)", false),
        (outer, "LINESTRING(0 0, 4 0)", false),
        (outer, "LINESTRING(0 0, 4 4)", true),
        (outer, "LINESTRING(-1 2, 5 2)", false),
        ("LINESTRING(0 0, 1 0, 2 0)", "LINESTRING(0 0, 2 0)", true),
        ("LINESTRING(0 0, 2 0)", "LINESTRING(0 0, 3 0)", false),
        (
            "MULTIPOLYGON(((0 0, 4 0, 4 4, 0 4)), ((10 0, 14 0, 14 4, 10 4)))",
            "MULTIPOLYGON(((1 1, 2 1, 2 2)), ((11 1, 12 1, 12 2)))",
            true,
        ),
    ] {
        assert_eq!(contains(&shape(a), &shape(b)), expected, "{a} contains {b}");
        let meets = expected || intersects(&shape(a), &shape(b));
        assert!(meets || distance(&shape(a), &shape(b)) > 0.0);
    }
    for (a, b, expected) in [
        (outer, "LINESTRING(-1 2, 5 2)", true),
        (outer, "LINESTRING(-1 -1, 5 -1)", false),
        (outer, "POLYGON((4 0, 8 0, 8 4, 4 4))", true),
        (ring, "POLYGON((1.5 1.5, 2.5 1.5, 2.5 2.5))", false),
        ("LINESTRING(0 0, 2 2)", "LINESTRING(0 2, 2 0)", true),
        ("LINESTRING(0 0, 2 2)", "LINESTRING(5 0, 5 9)", false),
        // The crossing of the great circles is on the far side of the globe.
        ("LINESTRING(-1 0, 1 0)", "LINESTRING(180 -1, 180 1)", false),
    ] {
        assert_eq!(intersects(&shape(a), &shape(b)), expected, "{a} meets {b}");
        assert_eq!(intersects(&shape(b), &shape(a)), expected, "{b} meets {a}");
    }
}

fn any_position() -> impl Strategy<Value = (f64, f64)> {
    (-180.0..180.0, -89.0..89.0)
}

proptest! {
    /// A triangle is where its three edges have the same side to the place.
    #[test]
    fn a_triangle_is_three_half_spheres(
        corners in prop::array::uniform3(any_position()),
        places in prop::collection::vec(any_position(), 8),
    ) {
        let [a, b, c] = corners.map(|(longitude, latitude)| vector(longitude, latitude));
        let winding = side(a, b, c);
        prop_assume!(winding != Side::On);
        let text = corners.map(|(longitude, latitude)| format!("{longitude} {latitude}")).join(", ");
        let triangle = shape(&format!("POLYGON(({text}))"));
        for (longitude, latitude) in places {
            let place = vector(longitude, latitude);
            let expected = [side(a, b, place), side(b, c, place), side(c, a, place)] == [winding; 3];
            let found = contains(&triangle, &point(longitude, latitude));
            prop_assert_eq!(found, expected, "{} {}", longitude, latitude);
        }
    }

    /// Distances do not depend on the order, are 0 exactly for shapes that meet, and are at most those
    /// to any corner.
    #[test]
    fn distances_agree_with_relations(
        square in (-170.0..170.0, -80.0..70.0, 0.5..9.0),
        place in any_position(),
    ) {
        let (x, y, size) = square;
        let (east, north) = (x + size, y + size);
        let polygon = shape(&format!("POLYGON(({x} {y}, {east} {y}, {east} {north}, {x} {north}))"));
        let place = point(place.0, place.1);
        let apart = distance(&polygon, &place);
        prop_assert_eq!(apart, distance(&place, &polygon));
        prop_assert_eq!(apart == 0.0, intersects(&polygon, &place));
        prop_assert!(apart <= distance(&place, &point(x, y)) + 1e-6);
        prop_assert!(!contains(&polygon, &place) || apart == 0.0);
        let middle = centroid(&polygon).unwrap();
        prop_assert!(contains(&polygon, &point(middle.longitude(), middle.latitude())));
    }
}
