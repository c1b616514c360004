//! Generated events in the shape of RockBench's: a person with nested objects, arrays, numbers of both kinds,
//! times and free text, 1 to 2 KB of JSON.
//!
//! An event depends on the seed and its index alone, so that any part of a set can be made again.

use serde::Serialize;
use std::fmt::Write;

/// 2026-01-01T00:00:00Z in milliseconds.
const FIRST_MS: u64 = 1_767_225_600_000;

const FIRST_NAMES: &[&str] = &[
    "Ada", "Björn", "Chidi", "Dilan", "Emre", "Fatima", "Grace", "Hana", "Iker", "Jun", "Kofi",
    "Léa",
];
const LAST_NAMES: &[&str] = &[
    "Abara", "Berg", "Costa", "Dubois", "Eze", "Fischer", "García", "Hopper", "Ito", "Jansen",
    "Kim",
];
const COMPANIES: &[&str] = &[
    "Acme",
    "Borealis",
    "Cirrus",
    "Delta Works",
    "Eastwind",
    "Fable",
    "Granite",
    "Harbor",
    "Isotope",
];
const COUNTRIES: &[&str] = &[
    "BR", "DE", "FR", "GH", "IN", "JP", "KE", "MX", "NO", "PL", "TR", "US",
];
const CITIES: &[&str] = &[
    "Accra", "Berlin", "Kyoto", "Lagos", "Lyon", "Oslo", "Puebla", "Pune", "Recife", "Salem",
];
const COLOURS: &[&str] = &["blue", "brown", "green", "grey"];
const WORDS: &[&str] = &[
    "amber", "basin", "cinder", "delta", "ember", "fjord", "gravel", "harbor", "island", "jetty",
    "karst", "lagoon", "mesa", "narrow", "outcrop", "plateau", "quarry", "ridge", "strata",
    "tundra", "upland", "valley", "wetland", "yonder", "zephyr",
];

#[derive(Serialize)]
struct Event {
    #[serde(rename = "_id")]
    id: String,
    guid: String,
    index: u64,
    timestamp: String,
    is_active: bool,
    balance: f64,
    age: u64,
    eye_color: &'static str,
    name: Name,
    company: &'static str,
    email: String,
    address: Address,
    about: String,
    tags: Vec<&'static str>,
    range: Vec<u64>,
    friends: Vec<Friend>,
    favorite: Favorite,
    /// Left out for one in ten, as fields of real events are.
    #[serde(skip_serializing_if = "Option::is_none")]
    referrer: Option<String>,
    /// Null for one in twenty.
    score: Option<f64>,
}

#[derive(Serialize)]
struct Name {
    first: &'static str,
    last: &'static str,
}

#[derive(Serialize)]
struct Address {
    street: String,
    city: &'static str,
    country: &'static str,
    postcode: String,
    coordinates: Coordinates,
}

#[derive(Serialize)]
struct Coordinates {
    latitude: f64,
    longitude: f64,
}

#[derive(Serialize)]
struct Friend {
    id: u64,
    name: Name,
    age: u64,
    since: String,
}

#[derive(Serialize)]
struct Favorite {
    fruit: &'static str,
    movie: String,
    numbers: Vec<u64>,
}

/// The event with this index, as JSON.
pub(crate) fn event(seed: u64, index: u64) -> Vec<u8> {
    let mut random = Random::new(seed, index);
    let name = random.name();
    let country = random.pick(COUNTRIES);
    let event = Event {
        id: format!("event-{seed}-{index}"),
        guid: random.guid(),
        index,
        timestamp: timestamp(FIRST_MS + index * 250 + random.below(250)),
        is_active: random.below(4) > 0,
        balance: random.decimal(0, 1_000_000),
        age: 18 + random.below(70),
        eye_color: random.pick(COLOURS),
        company: random.pick(COMPANIES),
        email: format!("{}.{}@example.org", name.first, name.last).to_lowercase(),
        name,
        address: Address {
            street: format!("{} {} street", 1 + random.below(300), random.pick(WORDS)),
            city: random.pick(CITIES),
            country,
            postcode: format!("{:05}", random.below(100_000)),
            coordinates: Coordinates {
                latitude: random.decimal(0, 18_000) - 90.0,
                longitude: random.decimal(0, 36_000) - 180.0,
            },
        },
        about: random.text(60),
        tags: (0..3 + random.below(5))
            .map(|_| random.pick(WORDS))
            .collect(),
        range: (0..10).collect(),
        friends: (0..1 + random.below(4))
            .map(|id| random.friend(id))
            .collect(),
        favorite: Favorite {
            fruit: random.pick(&["apple", "banana", "strawberry"]),
            movie: random.text(3),
            numbers: (0..4).map(|_| random.below(1000)).collect(),
        },
        referrer: (random.below(10) > 0).then(|| format!("https://example.org/{}", random.text(1))),
        score: (random.below(20) > 0).then(|| random.decimal(0, 10_000)),
    };
    serde_json::to_vec(&event).expect("an event has finite numbers and string keys only")
}

/// SplitMix64: one multiplication chain per number, which is plenty for test data.
struct Random(u64);

/// The index that is drawn as the one of this number from `events`, at random but the same in every
/// run.
pub(crate) fn drawn(seed: u64, number: u64, events: u64) -> u64 {
    Random::new(!seed, number).below(events.max(1))
}

impl Random {
    fn new(seed: u64, index: u64) -> Self {
        let mut random = Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ index.rotate_left(32));
        random.next();
        random
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number in `0..end`.
    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    fn pick(&mut self, choices: &[&'static str]) -> &'static str {
        let index = self.below(choices.len() as u64);
        choices[usize::try_from(index).expect("less than the number of choices")]
    }

    /// A number with two decimals, from hundredths in `start..end`.
    #[expect(clippy::cast_precision_loss, reason = "a few million at most")]
    fn decimal(&mut self, start: u64, end: u64) -> f64 {
        (start + self.below(end - start)) as f64 / 100.0
    }

    fn name(&mut self) -> Name {
        Name {
            first: self.pick(FIRST_NAMES),
            last: self.pick(LAST_NAMES),
        }
    }

    fn friend(&mut self, id: u64) -> Friend {
        Friend {
            id,
            name: self.name(),
            age: 18 + self.below(70),
            since: timestamp(FIRST_MS - self.below(1_000_000_000)),
        }
    }

    fn guid(&mut self) -> String {
        format!("{:016x}{:016x}", self.next(), self.next())
    }

    fn text(&mut self, words: u64) -> String {
        let mut text = self.pick(WORDS).to_owned();
        for _ in 1..words {
            text.push(' ');
            text.push_str(self.pick(WORDS));
        }
        text
    }
}

/// Milliseconds since 1970 as ISO text in UTC.
fn timestamp(milliseconds: u64) -> String {
    let (days, rest) = (milliseconds / 86_400_000, milliseconds % 86_400_000);
    let (year, month, day) = civil(days);
    let (seconds, millis) = (rest / 1000, rest % 1000);
    let mut text = String::with_capacity(24);
    write!(
        text,
        "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}.{millis:03}Z",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60
    )
    .expect("writing to a string cannot fail");
    text
}

/// Days since 1970 as year, month and day of the Gregorian calendar (Hinnant's `civil_from_days`).
fn civil(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let era = shifted / 146_097;
    let day_of_era = shifted % 146_097;
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_index = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_index + 2) / 5 + 1;
    let month = if month_index < 10 {
        month_index + 3
    } else {
        month_index - 9
    };
    (year_of_era + era * 400 + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_depends_on_its_seed_and_index_alone() {
        assert_eq!(event(1, 7), event(1, 7));
        assert_ne!(event(1, 7), event(2, 7));
        assert_ne!(event(1, 7)[20..], event(1, 8)[20..]);
    }

    #[test]
    fn events_have_the_size_of_rockbench_documents() {
        let bytes: Vec<usize> = (0..500).map(|index| event(1, index).len()).collect();
        assert!(
            bytes.iter().all(|bytes| (1000..2200).contains(bytes)),
            "{:?}",
            bytes.iter().max()
        );
    }

    #[test]
    fn days_become_dates() {
        assert_eq!(civil(0), (1970, 1, 1));
        assert_eq!(civil(19_782), (2024, 2, 29));
        assert_eq!(timestamp(FIRST_MS + 1), "2026-01-01T00:00:00.001Z");
    }
}
