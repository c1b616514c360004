//! Ids and times in the forms that clients know.

use jiff::Timestamp;
use outcrop_storage::env::Random;
use uuid::Uuid;

/// The one cluster that there is.
pub(crate) const CLUSTER: &str = "local";

/// Letters and digits at the end of a query id.
const QUERY_SUFFIX_CHARACTERS: usize = 7;

/// A random UUID.
pub(crate) fn uuid(random: &dyn Random) -> Uuid {
    let mut bytes = [0; 16];
    random.fill(&mut bytes);
    uuid::Builder::from_random_bytes(bytes).into_uuid()
}

/// The id of the query of a request: `<uuid>:<7 letters or digits>:0`.
///
/// The UUID is the request's trace id, so that the two can be matched; the rest follows from it.
pub(crate) fn query_id(trace_id: Uuid) -> String {
    const ALPHABET: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";
    let mut number = trace_id.as_u128();
    let mut suffix = String::with_capacity(QUERY_SUFFIX_CHARACTERS);
    for _ in 0..QUERY_SUFFIX_CHARACTERS {
        let digit = usize::try_from(number % 36).expect("a remainder of 36 is small");
        suffix.push(char::from(ALPHABET[digit]));
        number /= 36;
    }
    format!("{}:{suffix}:0", trace_id.hyphenated())
}

/// A time of metadata: `YYYY-MM-DDTHH:MM:SSZ`, out of microseconds since 1970.
pub(crate) fn metadata_time(micros: i64) -> String {
    let seconds = micros.div_euclid(1_000_000);
    Timestamp::from_second(seconds).map_or_else(|_| String::new(), |time| time.to_string())
}

/// The name that clouds' resource names have for the kind and id.
pub(crate) fn resource_name(kind: &str, id: impl std::fmt::Display) -> String {
    format!("rrn:{kind}:{CLUSTER}:{id}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_id_has_the_form_that_clients_know() {
        let id = query_id(Uuid::from_u128(0x1234_5678_9abc_def0_1234_5678_9abc_def0));
        let parts: Vec<&str> = id.split(':').collect();
        assert_eq!(parts[0], "12345678-9abc-def0-1234-56789abcdef0");
        assert_eq!(parts[1].len(), 7);
        assert!(parts[1].bytes().all(|byte| byte.is_ascii_alphanumeric()));
        assert_eq!(parts[2], "0");
    }

    #[test]
    fn metadata_times_have_no_fraction() {
        assert_eq!(metadata_time(1_704_067_200_999_999), "2024-01-01T00:00:00Z");
        assert_eq!(metadata_time(-1), "1969-12-31T23:59:59Z");
    }
}
